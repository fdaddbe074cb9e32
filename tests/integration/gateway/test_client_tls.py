"""Clients that speak TLS."""

import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from colobus.clock import SystemClock
from colobus.errors import TlsError
from colobus.gateway.contexts import server_context
from colobus.gateway.service import GatewaySettings
from colobus.gateway.settings import ServerTls
from colobus.node.certificate import ensure_self_signed
from colobus.testing.gateway import GatewayHarness
from support.proxying import api, client, get, proxied
from support.raw_upstream import Peer, RawUpstream, reply
from support.waiting import wait_until

pytestmark = pytest.mark.integration

CIPHERS = "ECDHE+AESGCM"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    pair = folder / "certificate.pem", folder / "key.pem"
    ensure_self_signed(*pair, SystemClock())
    return pair


class Certificates:
    """Gives every client one certificate, and remembers the names that were asked for."""

    def __init__(self, files: tuple[Path, Path]) -> None:
        self.settings = ServerTls(str(files[0]), str(files[1]), CIPHERS)
        self.default = server_context(self.settings)
        self.other = server_context(self.settings)
        self.names: list[str] = []

    def choose(self, name: str | None) -> ssl.SSLContext:
        if name is None:
            return self.default
        self.names.append(name)
        if name == "broken.test":
            raise TlsError("the certificate of broken.test cannot be used")
        return self.other


@pytest.fixture
def certificates(files: tuple[Path, Path]) -> Certificates:
    return Certificates(files)


@pytest.fixture
def trust(files: tuple[Path, Path]) -> ssl.SSLContext:
    """What a client that trusts the certificate goes by."""
    return ssl.create_default_context(cafile=str(files[0]))


@pytest.fixture
def upstream() -> Iterator[RawUpstream]:
    def serve(peer: Peer) -> None:
        while True:
            head, body = peer.read_message()
            peer.send(reply(body or head))

    with RawUpstream(serve) as running:
        yield running


def secure(gateway: GatewayHarness, trust: ssl.SSLContext, name: str = "localhost") -> Peer:
    """Connect; an end without close_notify will be an error."""
    sock = gateway.connect()
    return Peer(trust.wrap_socket(sock, server_hostname=name, suppress_ragged_eofs=False))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_requests_in_tls_reach_the_upstream_as_https(
    certificates: Certificates, trust: ssl.SSLContext, upstream: RawUpstream,
    version: ssl.TLSVersion,
) -> None:  # fmt: skip
    trust.minimum_version = trust.maximum_version = version
    trust.set_alpn_protocols(["http/1.1"])
    rows = [api(upstream.url, https_only=True)]
    with GatewayHarness(rows, tls=certificates.choose) as gateway:
        peer = secure(gateway, trust)
        with peer.sock as sock:
            for _ in range(3):
                peer.send(get(b"/some?thing"))
                head, body = peer.read_message()
                assert head.startswith(b"HTTP/1.1 200 ")
                assert b"\r\nX-Forwarded-Proto: https\r\n" in body
            assert isinstance(sock, ssl.SSLSocket)
            assert sock.selected_alpn_protocol() == "http/1.1"
            assert sock.version() == version.name.replace("v1_", "v1.")
    assert certificates.names == ["localhost"]
    assert upstream.connections == 1


def test_large_bodies_pass_both_ways_through_slow_clients(
    certificates: Certificates, trust: ssl.SSLContext, upstream: RawUpstream
) -> None:
    body = bytes(range(256)) * 32_768  # 8 MiB: far more than the buffers of all sockets hold
    with GatewayHarness([api(upstream.url)], tls=certificates.choose) as gateway:
        peer = secure(gateway, trust)
        with peer.sock:
            peer.send(get(b"/", b"Content-Length: %d" % len(body), method=b"PUT") + body)
            transport = next(iter(gateway.gateway.environment.clients)).transport
            wait_until(lambda: gateway.call(lambda: transport.buffered) > 0, what="back-pressure")
            most = gateway.call(lambda: transport.buffered)
            assert most < 1_000_000
            assert peer.read_message()[1] == body


def test_a_large_request_waits_for_a_slow_upstream(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    gate = Event()
    body = bytes(65_536) * 512  # 32 MiB

    def serve(peer: Peer) -> None:
        assert gate.wait(30)
        peer.send(reply(b"%d" % len(peer.read_message()[1])))

    with (
        proxied(serve, tls=certificates.choose) as (gateway, _),
        ThreadPoolExecutor() as pool,
        secure(gateway, trust).sock as sock,
    ):
        peer = Peer(sock)
        line = b"Content-Length: %d" % len(body)
        sending = pool.submit(peer.send, get(b"/", line, method=b"PUT") + body)
        wait_until(lambda: gateway.stats.total_requests == 1)
        connection = next(iter(gateway.gateway.environment.clients))
        wait_until(lambda: gateway.call(lambda: connection.paused), what="back-pressure")
        upstream = gateway.call(connection.upstream)
        assert upstream is not None
        assert upstream.transport is not None
        assert upstream.transport.buffered < 1_000_000
        assert not sending.done()
        gate.set()
        assert peer.read_message()[1] == b"%d" % len(body)
        sending.result(10)


def test_a_failing_certificate_fails_the_handshake_and_nothing_else(
    certificates: Certificates, trust: ssl.SSLContext, upstream: RawUpstream
) -> None:
    with GatewayHarness([api(upstream.url)], tls=certificates.choose) as gateway:
        with pytest.raises(ssl.SSLError, match="INTERNAL_ERROR"):
            secure(gateway, trust, "broken.test")
        peer = secure(gateway, trust)
        with peer.sock:
            peer.send(get())
            assert peer.read_message()[0].startswith(b"HTTP/1.1 200 ")


def test_a_plain_request_is_told_so(certificates: Certificates) -> None:
    with GatewayHarness(tls=certificates.choose) as gateway, client(gateway) as peer:
        peer.send(get())
        head, body = peer.read_message()
        assert head.startswith(b"HTTP/1.1 400 ")
        assert b"plain HTTP request" in body
        assert peer.sock.recv(1) == b""
        assert gateway.stats.total_requests == 0


@pytest.mark.parametrize("data", [b"\x00" * 100, b"\x16\x03\x01\x00\x02\x01\x00", b"SSH-2.0-x\r\n"])
def test_what_is_no_tls_is_closed(certificates: Certificates, data: bytes) -> None:
    with GatewayHarness(tls=certificates.choose) as gateway, client(gateway) as peer:
        peer.send(data)
        peer.sock.shutdown(socket.SHUT_WR)
        while peer.sock.recv(4096):
            pass
        wait_until(lambda: gateway.stats.connections_active == 0)


def test_a_handshake_that_does_not_come_is_given_up(certificates: Certificates) -> None:
    settings = GatewaySettings(head_timeout=5.0)
    with GatewayHarness(tls=certificates.choose, settings=settings) as gateway:
        for begun in (b"", b"\x16\x03\x01\x02\x00\x01"):
            with client(gateway) as peer:
                peer.send(begun)
                wait_until(lambda: gateway.stats.connections_active == 1)
                gateway.jump(6)
                assert peer.sock.recv(1) == b""


def test_the_end_of_a_connection_is_announced(
    certificates: Certificates, trust: ssl.SSLContext, upstream: RawUpstream
) -> None:
    with GatewayHarness([api(upstream.url)], tls=certificates.choose) as gateway:
        peer = secure(gateway, trust)
        with peer.sock as sock:
            peer.send(get(b"/", b"Connection: close"))
            peer.read_message()
            assert sock.recv(1) == b""


def test_a_client_that_says_goodbye_is_let_go(
    certificates: Certificates, trust: ssl.SSLContext, upstream: RawUpstream
) -> None:
    with GatewayHarness([api(upstream.url)], tls=certificates.choose) as gateway:
        peer = secure(gateway, trust)
        sock = peer.sock
        assert isinstance(sock, ssl.SSLSocket)
        peer.send(get())
        peer.read_message()
        with sock.unwrap():  # waits for the gateway's close_notify
            wait_until(lambda: gateway.stats.connections_active == 0)


def test_a_broken_off_answer_does_not_end_like_a_whole_one(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    def serve(peer: Peer) -> None:
        peer.read_message()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

    with proxied(serve, tls=certificates.choose) as (gateway, _):
        peer = secure(gateway, trust)
        with peer.sock as sock:
            peer.send(get())
            peer.read_head()
            assert peer.read(4) == b"half"
            with pytest.raises(OSError, match=r"EOF|reset"):
                sock.recv(1)


def test_a_tunnel_passes_through_the_clients_tls(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    def serve(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
        while peer.buffer or peer.receive():
            peer.send(peer.buffer)
            peer.buffer = b""

    with proxied(serve, tls=certificates.choose) as (gateway, _):
        peer = secure(gateway, trust)
        with peer.sock:
            peer.send(get(b"/", b"Connection: upgrade", b"Upgrade: websocket") + b"early")
            peer.read_head()
            assert peer.read(5) == b"early"
            block = bytes(range(256)) * 200
            peer.send(block)
            assert peer.read(len(block)) == block


def test_draining_waits_for_the_request_in_tls(
    certificates: Certificates, trust: ssl.SSLContext, upstream: RawUpstream
) -> None:
    with GatewayHarness([api(upstream.url)], tls=certificates.choose) as gateway:
        peer = secure(gateway, trust)
        with peer.sock:
            peer.send(get(b"/", b"Content-Length: 4", method=b"PUT") + b"bo")
            wait_until(lambda: gateway.stats.total_requests == 1)
            emptied = gateway.drain(30.0)
            peer.send(b"dy")
            assert peer.read_message()[1] == b"body"
            assert peer.sock.recv(1) == b""
        emptied.result(10)
