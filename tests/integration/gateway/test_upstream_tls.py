"""Upstreams behind TLS."""

import ssl
from pathlib import Path

import pytest

from colobus.gateway.settings import GatewaySettings, UpstreamTls
from colobus.testing.gateway import GatewayHarness
from support.certificate import server_context
from support.proxying import api, client, exchange, get, proxied
from support.raw_upstream import Peer, RawUpstream, Serve, reply
from support.waiting import wait_until

pytestmark = pytest.mark.integration


class TlsUpstream:
    """Makes the server's side of TLS, and remembers the names it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.context = server_context(folder)
        self.context.sni_callback = self._note
        self.names: list[str | None] = []
        self.bodies: list[bytes] = []

    def _note(self, _: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        self.names.append(name)

    def behind_tls(self, serve: Serve) -> Serve:
        """Return the server of a connection that does ``serve`` inside a TLS session."""

        def secured(peer: Peer) -> None:
            with self.context.wrap_socket(peer.sock, server_side=True) as sock:
                serve(Peer(sock))

        return secured

    def answer(self, peer: Peer) -> None:
        """Answer every request with its own body."""
        while True:
            _, body = peer.read_message()
            self.bodies.append(body)
            peer.send(reply(body or b"ok"))


@pytest.fixture
def tls(tmp_path: Path) -> TlsUpstream:
    return TlsUpstream(tmp_path)


def secure_api(upstream: RawUpstream, **fields: object) -> dict[str, object]:
    return api(f"https://127.0.0.1:{upstream.port}", **fields)


def test_requests_share_a_session_and_large_bodies_pass(tls: TlsUpstream) -> None:
    body = bytes(range(256)) * 8192  # 2 MiB
    with RawUpstream(tls.behind_tls(tls.answer)) as upstream:
        with GatewayHarness([secure_api(upstream)]) as gateway, client(gateway) as peer:
            for content in (b"small", body, b"again"):
                line = b"Content-Length: %d" % len(content)
                peer.send(get(b"/", line, method=b"PUT") + content)
                assert peer.read_message()[1] == content
        assert upstream.connections == 1
        assert tls.names == [None]  # an IP address is no name


@pytest.mark.parametrize(
    ("host", "name"),
    [
        (b"Shop.Test:8443", "Shop.Test"),
        (b"10.0.0.1", None),
        (b"[::1]:80", None),
        (b"-..-", None),
    ],
)
def test_the_upstream_is_asked_for_the_name_in_host(
    tls: TlsUpstream, host: bytes, name: str | None
) -> None:
    with RawUpstream(tls.behind_tls(tls.answer)) as upstream:
        with GatewayHarness([secure_api(upstream, preserve_host=True)]) as gateway:
            head, body = exchange(gateway, b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host)
            assert body == b"ok", head
        assert tls.names == [name]


def test_sessions_for_one_name_are_not_used_for_another(tls: TlsUpstream) -> None:
    with RawUpstream(tls.behind_tls(tls.answer)) as upstream:
        with GatewayHarness([secure_api(upstream, preserve_host=True)]) as gateway:
            for host in (b"a.test", b"b.test", b"a.test"):
                exchange(gateway, b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host)
        assert tls.names == ["a.test", "b.test"]


def test_an_answer_may_end_with_the_session(tls: TlsUpstream) -> None:
    def serve(peer: Peer) -> None:
        peer.read_message()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nto the end")

    with (
        RawUpstream(tls.behind_tls(serve)) as upstream,
        GatewayHarness([secure_api(upstream)]) as gateway,
        client(gateway) as peer,
    ):
        for _ in range(2):
            peer.send(get())
            assert peer.read_message()[1] == b"to the end"


@pytest.mark.parametrize("is_verified", [False, True])
@pytest.mark.parametrize("is_orderly", [False, True])
def test_where_upstreams_are_verified_only_the_end_of_the_session_ends_an_answer(
    tmp_path: Path, *, is_verified: bool, is_orderly: bool
) -> None:
    context = server_context(tmp_path)

    def serve(peer: Peer) -> None:
        with context.wrap_socket(peer.sock, server_side=True) as sock:
            Peer(sock).read_message()
            sock.sendall(b"HTTP/1.1 200 OK\r\n\r\nto the end")
            if is_orderly:
                sock.unwrap()

    trusted = str(tmp_path / "certificate.pem")
    settings = GatewaySettings(upstream_tls=UpstreamTls(is_verified=is_verified, trusted=trusted))
    with (
        RawUpstream(serve) as upstream,
        GatewayHarness([secure_api(upstream, preserve_host=True)], settings=settings) as gateway,
        client(gateway) as peer,
    ):
        peer.send(b"GET / HTTP/1.1\r\nHost: upstream.test\r\n\r\n")
        assert peer.read_head().startswith(b"HTTP/1.1 200 ")
        if is_verified and not is_orderly:
            with pytest.raises((EOFError, OSError)):
                peer.read_chunked()
        else:
            assert peer.read_chunked() == b"to the end"


def test_a_tunnel_passes_through_tls(tls: TlsUpstream) -> None:
    def serve(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
        while peer.buffer or peer.receive():
            peer.send(peer.buffer)
            peer.buffer = b""

    with (
        RawUpstream(tls.behind_tls(serve)) as upstream,
        GatewayHarness([secure_api(upstream)]) as gateway,
        client(gateway) as peer,
    ):
        peer.send(get(b"/", b"Connection: upgrade", b"Upgrade: websocket") + b"early")
        peer.read_head()
        assert peer.read(5) == b"early"
        block = bytes(range(256)) * 1000
        peer.send(block)
        assert peer.read(len(block)) == block


def test_an_upstream_without_tls_is_502_and_sees_no_request() -> None:
    seen: list[bytes] = []

    def serve(peer: Peer) -> None:
        peer.receive()
        seen.append(peer.buffer)
        peer.send(reply())

    with proxied(serve) as (gateway, upstream):
        gateway.call(lambda: gateway.router.put(secure_api(upstream, retries=1)))
        assert exchange(gateway, get(b"/secret"))[0].startswith(b"HTTP/1.1 502 ")
        assert upstream.connections == 2
        assert all(data.startswith(b"\x16\x03") and b"secret" not in data for data in seen)


def test_a_handshake_that_hangs_is_504_after_the_connect_timeout() -> None:
    with proxied(Peer.read_all) as (gateway, upstream), client(gateway) as peer:
        row = secure_api(upstream, retries=0, upstream_connect_timeout=3000)
        gateway.call(lambda: gateway.router.put(row))
        peer.send(get())
        wait_until(lambda: upstream.connections == 1)
        gateway.jump(4)
        assert peer.read_message()[0].startswith(b"HTTP/1.1 504 ")
