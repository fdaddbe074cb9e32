"""Settings of TLS listeners and client certificates."""

from dataclasses import dataclass
from pathlib import Path

from colobus.config.addresses import Address
from colobus.config.ciphers import CIPHER_SUITES
from colobus.config.declaration import Effect, optional, setting
from colobus.config.kinds import ADDRESS, BOOLEAN, PATH, STRING, Kind

__all__ = ["TlsSettings"]


def _parse_suite(text: str) -> str:
    if text not in CIPHER_SUITES:
        raise ValueError(text)
    return text


_SUITE = Kind("enum", _parse_suite, "Undefined cipher suite {value}", choices=CIPHER_SUITES)
_CERTIFICATE = "PEM file with the certificate, followed by its chain."
_KEY = "PEM file with the private key of the certificate."


@dataclass(frozen=True, kw_only=True, repr=False)
class TlsSettings:
    """TLS: listeners, certificates, ciphers."""

    ssl: bool = setting(BOOLEAN, True, "Whether the proxy listens for TLS.")
    proxy_listen_ssl: Address = setting(
        ADDRESS,
        Address("0.0.0.0", 8443),  # noqa: S104 (a proxy is for everybody)
        "Where clients reach the proxy with TLS.",
    )
    ssl_cert: Path | None = optional(
        PATH,
        f"{_CERTIFICATE} Without one, a self-signed certificate is made.",
        old_names=("ssl_cert_path",),
    )
    ssl_cert_key: Path | None = optional(PATH, _KEY, old_names=("ssl_key_path",))
    ssl_cipher_suite: str = setting(
        _SUITE,
        "modern",
        "The set of ciphers for clients with TLS 1.2; `custom` takes those of ssl_ciphers.",
    )
    ssl_ciphers: str | None = optional(
        STRING,
        "Ciphers in OpenSSL's notation, for ssl_cipher_suite = custom.",
    )
    client_ssl: bool = setting(
        BOOLEAN,
        False,
        "Whether the proxy shows a client certificate to upstream services.",
    )
    client_ssl_cert: Path | None = optional(PATH, _CERTIFICATE)
    client_ssl_cert_key: Path | None = optional(PATH, _KEY)
    upstream_ssl_verify: bool = setting(
        BOOLEAN,
        False,
        "Whether an upstream service with `https` must show a certificate of its name that a"
        " trusted one signed. Without it, an answer may come from anybody in between, as with"
        " 0.10.4.",
    )
    upstream_ssl_trusted_certificate: Path | None = optional(
        PATH,
        "PEM file with the certificates that upstream_ssl_verify trusts; without one, those of the"
        " system.",
    )
    admin_ssl: bool = setting(
        BOOLEAN, True, "Whether the Admin API listens for TLS.", effect=Effect.PENDING
    )
    admin_listen_ssl: Address = setting(
        ADDRESS,
        Address("127.0.0.1", 8444),
        "Where the Admin API is reached with TLS.",
        effect=Effect.PENDING,
        difference="`0.0.0.0:8444` in 0.10.4, which gives the cluster to everybody",
    )
    admin_ssl_cert: Path | None = optional(
        PATH,
        f"{_CERTIFICATE} Without one, a self-signed certificate is made.",
        effect=Effect.PENDING,
    )
    admin_ssl_cert_key: Path | None = optional(PATH, _KEY, effect=Effect.PENDING)
