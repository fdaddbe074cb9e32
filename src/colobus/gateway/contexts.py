"""What TLS sessions go by: certificates, ciphers, whom to trust. Reads the files it is told of.

A private key is read here, in the process that uses it, and given to OpenSSL; its text is kept
nowhere and never part of a message.
"""

import ssl
from collections.abc import Callable
from typing import Final

from colobus.errors import TlsError
from colobus.gateway.settings import ServerTls, UpstreamTls

__all__ = ["ChooseContext", "server_context", "upstream_context"]

ChooseContext = Callable[[str | None], ssl.SSLContext]
"""From the name that a client asks for, None if it does not, to the context of its session.

It does not wait, and raises TlsError when there should be a certificate but it cannot be used:
then the handshake fails (reference: proxying §2.9).
"""

# In the order of preference; 0.10.4 does not offer HTTP/2 (reference: proxying §2.11).
PROTOCOLS: Final = ("h2", "http/1.1")
PROTOCOLS_OF_HTTP1: Final = ("http/1.1",)


def server_context(settings: ServerTls) -> ssl.SSLContext:
    """Return what sessions with clients share: TLS 1.2 and 1.3, our order of ciphers.

    Raises:
        TlsError: the files or the ciphers cannot be used; the text says which.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= (
        ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    )
    context.set_alpn_protocols(list(PROTOCOLS if settings.http2 else PROTOCOLS_OF_HTTP1))
    try:
        context.set_ciphers(settings.ciphers)
    except ssl.SSLError:
        raise TlsError(f"OpenSSL knows none of the ciphers {settings.ciphers}") from None
    _load_pair(context, settings.certificate, settings.key)
    return context


def upstream_context(settings: UpstreamTls) -> ssl.SSLContext:
    """Return what sessions with upstreams share.

    Without verification (reference: proxying §2.7) they are safe from eavesdroppers, not from
    somebody who can answer in the upstream's place.

    Raises:
        TlsError: a file cannot be used; the text says which.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = settings.is_verified
    context.verify_mode = ssl.CERT_REQUIRED if settings.is_verified else ssl.CERT_NONE
    if settings.is_verified:
        _load_trusted(context, settings.trusted)
    if settings.certificate is not None and settings.key is not None:
        _load_pair(context, settings.certificate, settings.key)
    return context


def _load_trusted(context: ssl.SSLContext, path: str | None) -> None:
    if path is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        raise TlsError(f"{path} holds no certificates in PEM form") from None
    except OSError as exc:
        raise TlsError(f"cannot read {path}: {exc.strerror}") from exc


def _load_pair(context: ssl.SSLContext, certificate: str, key: str) -> None:
    try:
        context.load_cert_chain(certificate, key, _no_passphrase)
    except ssl.SSLError as exc:
        if exc.reason == "KEY_VALUES_MISMATCH":
            raise TlsError(f"the key in {key} does not belong to {certificate}") from None
        reason = (exc.reason or "not PEM").lower().replace("_", " ")
        raise TlsError(f"cannot use the certificate {certificate} with {key}: {reason}") from None
    except OSError as exc:
        raise TlsError(f"cannot read {certificate} or {key}: {exc.strerror}") from exc


def _no_passphrase() -> str:
    """Refuse a key that needs one: nobody is there to be asked."""
    raise TlsError("the private key is encrypted; store it without a passphrase")
