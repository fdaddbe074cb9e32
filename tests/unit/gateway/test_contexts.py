import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from colobus.clock import SystemClock
from colobus.config.ciphers import ciphers_of
from colobus.errors import TlsError
from colobus.gateway.contexts import server_context, upstream_context
from colobus.gateway.settings import ServerTls, UpstreamTls
from colobus.node.certificate import ensure_self_signed


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("tls")
    ensure_self_signed(folder / "certificate.pem", folder / "key.pem", SystemClock())
    return str(folder / "certificate.pem"), str(folder / "key.pem")


def test_clients_get_tls_1_2_at_least_and_our_order_of_ciphers(files: tuple[str, str]) -> None:
    context = server_context(ServerTls(*files, ciphers_of("modern", None)))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_CIPHER_SERVER_PREFERENCE
    assert context.options & ssl.OP_NO_RENEGOTIATION
    ciphers = [each["name"] for each in context.get_ciphers() if each["protocol"] != "TLSv1.3"]
    assert ciphers[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
    assert all(name.startswith("ECDHE-") for name in ciphers)


def test_ciphers_that_openssl_does_not_know_are_an_error(files: tuple[str, str]) -> None:
    with pytest.raises(TlsError, match="OpenSSL knows none of the ciphers NO-SUCH"):
        server_context(ServerTls(*files, "NO-SUCH"))


def test_a_missing_file_is_named(files: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(TlsError, match=r"cannot read .*No such file"):
        server_context(ServerTls(files[0], str(tmp_path / "none"), "ECDHE"))
    with pytest.raises(TlsError, match=r"cannot read .*/none: No such file"):
        upstream_context(UpstreamTls(is_verified=True, trusted=str(tmp_path / "none")))


def test_an_encrypted_key_is_refused_without_asking(files: tuple[str, str], tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    private = ec.generate_private_key(ec.SECP256R1())
    secret = BestAvailableEncryption(b"passphrase")
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret))
    with pytest.raises(TlsError, match="the private key is encrypted"):
        server_context(ServerTls(files[0], str(key), "ECDHE"))


def test_upstreams_are_verified_only_if_asked(files: tuple[str, str]) -> None:
    context = upstream_context(UpstreamTls())
    assert context.verify_mode is ssl.CERT_NONE
    assert not context.get_ca_certs()
    context = upstream_context(UpstreamTls(is_verified=True, trusted=files[0]))
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert len(context.get_ca_certs()) == 1
