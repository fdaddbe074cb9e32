"""What a node encrypts with: finds the files its settings name, makes what is missing, tries them.

The supervisor does this before any port opens, so that a wrong file ends the start with a readable
line. Only paths go on to the workers; each reads the files itself.
"""

from dataclasses import asdict, dataclass
from typing import Any

from colobus.clock import Clock
from colobus.config.ciphers import ciphers_of
from colobus.config.settings import Settings
from colobus.errors import NodeError, TlsError
from colobus.gateway.contexts import server_context, upstream_context
from colobus.gateway.settings import ServerTls, UpstreamTls
from colobus.node.certificate import ensure_self_signed

__all__ = ["Encryption", "prepare_encryption"]


@dataclass(frozen=True, slots=True)
class Encryption:
    """What a worker is told of TLS, as plain values.

    Attributes:
        server: fields of ServerTls; None when no client speaks TLS.
        upstream: fields of UpstreamTls.
    """

    server: dict[str, Any] | None
    upstream: dict[str, Any]


def prepare_encryption(settings: Settings, clock: Clock) -> Encryption:
    """Return what workers are told of TLS.

    Raises:
        NodeError: a file cannot be used or made; the text names the settings.
    """
    layout = settings.layout
    wanted = ((settings.ssl, settings.ssl_cert), (settings.client_ssl, settings.client_ssl_cert))
    if any(is_on and given is None for is_on, given in wanted):
        ensure_self_signed(layout.default_certificate, layout.default_key, clock)
    server = _server(settings) if settings.ssl else None
    upstream = _upstream(settings)
    if server is not None:
        try:
            server_context(server)
        except TlsError as exc:
            raise NodeError(f"ssl_cert, ssl_cert_key, ssl_ciphers: {exc}") from exc
    try:
        upstream_context(upstream)
    except TlsError as exc:
        names = "client_ssl_cert, client_ssl_cert_key, upstream_ssl_trusted_certificate"
        raise NodeError(f"{names}: {exc}") from exc
    return Encryption(None if server is None else asdict(server), asdict(upstream))


def _server(settings: Settings) -> ServerTls:
    layout = settings.layout
    return ServerTls(
        str(settings.ssl_cert or layout.default_certificate),
        str(settings.ssl_cert_key or layout.default_key),
        ciphers_of(settings.ssl_cipher_suite, settings.ssl_ciphers),
        settings.http2,
    )


def _upstream(settings: Settings) -> UpstreamTls:
    layout = settings.layout
    certificate = key = trusted = None
    if settings.client_ssl:  # without files of its own it shows the default ones, as 0.10.4 does
        certificate = str(settings.client_ssl_cert or layout.default_certificate)
        key = str(settings.client_ssl_cert_key or layout.default_key)
    if settings.upstream_ssl_trusted_certificate is not None:
        trusted = str(settings.upstream_ssl_trusted_certificate)
    return UpstreamTls(certificate, key, settings.upstream_ssl_verify, trusted)
