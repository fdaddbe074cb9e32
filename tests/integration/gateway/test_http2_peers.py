"""HTTP/2 with clients of others: curl, httpx, nghttp, h2load."""

import shutil
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from colobus.clock import SystemClock
from colobus.gateway.contexts import server_context
from colobus.gateway.settings import ServerTls
from colobus.node.certificate import ensure_self_signed
from colobus.testing.gateway import GatewayHarness
from support.proxying import api, proxied
from support.raw_upstream import Peer, RawUpstream, reply

pytestmark = pytest.mark.integration

CIPHERS = "ECDHE+AESGCM"


def echo(peer: Peer) -> None:
    """Answer each request with its body, or else with its head."""
    while True:
        head, body = peer.read_message()
        peer.send(reply(body or head))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    pair = folder / "certificate.pem", folder / "key.pem"
    ensure_self_signed(*pair, SystemClock())
    return pair


def run(program: str, *arguments: str, data: bytes | None = None) -> bytes:
    """Run a program that may be missing; return what it prints."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    done = subprocess.run(
        [path, *arguments], input=data, capture_output=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def context_of(files: tuple[Path, Path], *, http2: bool = True) -> ssl.SSLContext:
    """Return the gateway's side of TLS."""
    return server_context(ServerTls(str(files[0]), str(files[1]), CIPHERS, http2))


def test_curl_by_prior_knowledge() -> None:
    with proxied(echo) as (gateway, _):
        url = f"http://127.0.0.1:{gateway.port}/"
        version = ["-s", "--http2-prior-knowledge", "-w", "%{http_version} %{http_code}"]
        assert run("curl", *version, "-d", "body", url) == b"body2 200"
        assert run("curl", *version, "-d", "@-", "-o", "-", url, data=bytes(100_000)).endswith(
            b"2 200"
        )


def test_curl_that_asks_to_upgrade_gets_http11() -> None:
    with proxied(echo) as (gateway, _):
        url = f"http://127.0.0.1:{gateway.port}/"
        out = run("curl", "-s", "--http2", "-w", "%{http_version}", url)
    assert out.endswith(b"1.1")
    assert b"h2c" not in out


def test_curl_chooses_http2_in_the_handshake(files: tuple[Path, Path]) -> None:
    context = context_of(files)
    with (
        RawUpstream(echo) as upstream,
        GatewayHarness([api(upstream.url, https_only=True)], tls=lambda _: context) as gateway,
    ):
        url = f"https://localhost:{gateway.port}/"
        arguments = ["-s", "--cacert", str(files[0]), "-w", "%{http_version}", url]
        out = run("curl", "--http2", *arguments)
        assert out.endswith(b"2")
        assert b"\r\nX-Forwarded-Proto: https\r\n" in out
        assert run("curl", "--http1.1", *arguments).endswith(b"1.1")


def test_http2_is_not_offered_when_it_is_off(files: tuple[Path, Path]) -> None:
    context = context_of(files, http2=False)
    trust = ssl.create_default_context(cafile=str(files[0]))
    trust.set_alpn_protocols(["h2", "http/1.1"])
    with (
        GatewayHarness(tls=lambda _: context) as gateway,
        trust.wrap_socket(gateway.connect(), server_hostname="localhost") as sock,
    ):
        assert sock.selected_alpn_protocol() == "http/1.1"


def test_in_tls_http2_is_chosen_or_not_spoken(files: tuple[Path, Path]) -> None:
    context = context_of(files)
    trust = ssl.create_default_context(cafile=str(files[0]))
    with (
        GatewayHarness(tls=lambda _: context) as gateway,
        trust.wrap_socket(gateway.connect(), server_hostname="localhost") as sock,
    ):
        sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 505 ")


@pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "tls"])
def test_httpx(files: tuple[Path, Path], is_secure: bool) -> None:
    context = context_of(files)
    tls = (lambda _: context) if is_secure else None
    trust = ssl.create_default_context(cafile=str(files[0]))
    with (
        RawUpstream(echo) as upstream,
        GatewayHarness([api(upstream.url)], tls=tls) as gateway,
        httpx.Client(
            http1=False, http2=True, verify=trust, trust_env=False, cookies={"a": "1"}
        ) as client,
    ):
        url = f"{'https' if is_secure else 'http'}://localhost:{gateway.port}/"
        for size in (0, 10, 1_000_000):
            answer = client.post(url, content=bytes(size))
            assert (answer.http_version, answer.status_code) == ("HTTP/2", 200)
            assert size == 0 or answer.content == bytes(size)
        assert client.head(url).content == b""
        assert gateway.gateway.active == 1


def test_nghttp_gets_trailers() -> None:
    trailed = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 3\r\n\r\n"
    )

    def serve(peer: Peer) -> None:
        while peer.read_head():
            peer.send(trailed)

    with proxied(serve) as (gateway, _):
        out = run("nghttp", "-nv", "-m3", f"http://127.0.0.1:{gateway.port}/")
    assert out.count(b"x-sum: 3") == 3


def test_h2load_loses_nothing() -> None:
    with proxied(echo) as (gateway, _):
        url = f"http://127.0.0.1:{gateway.port}/"
        out = run("h2load", "-n", "1000", "-c", "5", "-m", "200", url)
        assert b"1000 succeeded, 0 failed, 0 errored" in out
        assert gateway.stats.total_requests >= 1000
