"""A node's TLS: its listener, its certificates, and what it demands of upstreams."""

import ssl
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from colobus.clock import SystemClock
from colobus.node.certificate import ensure_self_signed
from support.node import EchoUpstream, RunningNode
from support.raw_upstream import Peer, RawUpstream, reply

pytestmark = pytest.mark.integration


@pytest.fixture
def upstream() -> Iterator[EchoUpstream]:
    with EchoUpstream() as running:
        yield running


def pair(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a certificate for localhost, and its key."""
    files = folder / f"{name}.crt", folder / f"{name}.key"
    ensure_self_signed(*files, SystemClock())
    return files


def fetch(node: RunningNode, path: str, trusted: Path) -> httpx.Response:
    """Ask with TLS, and let only ``trusted`` vouch for the node."""
    trust = ssl.create_default_context(cafile=str(trusted))
    with httpx.Client(http2=True, verify=trust) as client:
        return client.get(f"https://localhost:{node.secure_port}{path}")


def shown_by(node: RunningNode) -> str:
    """Return the certificate that the node shows to clients."""
    return ssl.get_server_certificate(("127.0.0.1", node.secure_port))


def test_a_node_makes_itself_a_certificate_and_keeps_it(
    tmp_path: Path, upstream: EchoUpstream
) -> None:
    certificate = tmp_path / "node" / "ssl" / "kong-default.crt"
    key = certificate.with_suffix(".key")
    with RunningNode(tmp_path / "node") as node:
        api = {"name": "echo", "uris": "/echo", "upstream_url": upstream.url, "https_only": True}
        node.create("/apis", api)
        assert node.proxy.get("/echo").status_code == 426
        answer = fetch(node, "/echo", certificate)
        assert (answer.status_code, answer.http_version) == (200, "HTTP/2")
        assert answer.json()["headers"]["x-forwarded-proto"] == "https"
        configuration = node.admin.get("/").json()["configuration"]
        assert configuration["ssl_cert_default"] == str(certificate)
        before = shown_by(node)
        assert node.stop() == 0
        node.start()
        assert shown_by(node) == before
        assert "PRIVATE" not in node.log
    assert before == certificate.read_text()
    made = x509.load_pem_x509_certificate(before.encode())
    assert made.subject.rfc4514_string() == "CN=localhost"
    assert made.signature_hash_algorithm is not None
    assert made.signature_hash_algorithm.name == "sha256"
    public = made.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    assert public.key_size == 2048
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_node_shows_the_certificate_it_was_given(tmp_path: Path, upstream: EchoUpstream) -> None:
    certificate, key = pair(tmp_path, "own")
    settings = {"ssl_cert": certificate, "ssl_cert_key": key, "ssl_cipher_suite": "intermediate"}
    with RunningNode(tmp_path / "node", **settings) as node:
        node.create("/apis", {"name": "echo", "uris": "/echo", "upstream_url": upstream.url})
        assert fetch(node, "/echo", certificate).status_code == 200
        assert not (node.prefix / "ssl").exists()


def test_without_ssl_nothing_listens_for_tls(tmp_path: Path) -> None:
    with (
        RunningNode(tmp_path / "node", ssl="off") as node,
        pytest.raises(httpx.ConnectError, match="refused"),
    ):
        httpx.get(f"https://localhost:{node.secure_port}/")


def test_files_that_do_not_fit_end_the_start_with_one_readable_line(tmp_path: Path) -> None:
    certificate, key = pair(tmp_path, "one")
    _, other = pair(tmp_path, "other")
    empty = tmp_path / "empty"
    empty.write_text("")
    mismatch = f"the key in {other} does not belong to {certificate}"
    for settings, text in (
        ({"ssl_cert": certificate, "ssl_cert_key": other}, mismatch),
        ({"ssl_cert": empty, "ssl_cert_key": key}, f"cannot use the certificate {empty}"),
        ({"ssl_cipher_suite": "custom", "ssl_ciphers": "NONE-OF-IT"}, "NONE-OF-IT"),
        (
            {"client_ssl": "on", "client_ssl_cert": certificate, "client_ssl_cert_key": other},
            mismatch,
        ),
        (
            {"upstream_ssl_verify": "on", "upstream_ssl_trusted_certificate": empty},
            f"{empty} holds no certificates",
        ),
    ):
        result = RunningNode(tmp_path / "node", **settings).command("start", "--foreground")
        assert result.returncode == 1
        assert text in result.stderr
        assert "Traceback" not in result.stderr


class MutualUpstream:
    """A service that wants a certificate of its callers, and remembers who they were."""

    def __init__(self, certificate: Path, key: Path, trusted: Path) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.context.load_verify_locations(trusted)
        self.context.verify_mode = ssl.CERT_OPTIONAL
        self.callers: list[bytes | None] = []

    def serve(self, peer: Peer) -> None:
        with self.context.wrap_socket(peer.sock, server_side=True) as sock:
            self.callers.append(sock.getpeercert(binary_form=True))
            secured = Peer(sock)
            while True:
                secured.read_message()
                secured.send(reply())


def test_upstreams_are_shown_a_certificate_and_must_show_a_trusted_one(tmp_path: Path) -> None:
    own, own_key = pair(tmp_path, "own")
    service, service_key = pair(tmp_path, "service")
    stranger, stranger_key = pair(tmp_path, "stranger")
    trusted = MutualUpstream(service, service_key, own)
    impostor = MutualUpstream(stranger, stranger_key, own)
    settings = {
        "client_ssl": "on",
        "client_ssl_cert": own,
        "client_ssl_cert_key": own_key,
        "upstream_ssl_verify": "on",
        "upstream_ssl_trusted_certificate": service,
    }
    with (
        RawUpstream(trusted.serve) as good,
        RawUpstream(impostor.serve) as bad,
        RunningNode(tmp_path / "node", **settings) as node,
    ):
        for name, url in (
            ("good", f"https://localhost:{good.port}"),
            ("bad", f"https://localhost:{bad.port}"),
            ("misnamed", f"https://127.0.0.1:{good.port}"),
        ):
            node.create("/apis", {"name": name, "uris": f"/{name}", "upstream_url": url})
        assert node.proxy.get("/good").status_code == 200
        assert trusted.callers == [ssl.PEM_cert_to_DER_cert(own.read_text())]
        assert node.proxy.get("/bad").status_code == 502
        assert impostor.callers == []
        assert node.proxy.get("/misnamed").status_code == 502
        assert "certificate verify failed" in node.log
