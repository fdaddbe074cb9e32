"""TLS towards upstreams, without a socket."""

import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from colobus.gateway.contexts import upstream_context
from colobus.gateway.secure import TlsSession, server_name
from colobus.gateway.settings import UpstreamTls
from support.certificate import server_context


@pytest.mark.parametrize(
    ("host", "name"),
    [
        (b"a.test:443", "a.test"),
        (b"A.test", "A.test"),
        (b"10.0.0.1:443", ""),
        (b"[::1]:443", ""),
        (b"", ""),
    ],
)
def test_the_name_is_that_of_host_unless_it_is_an_address(host: bytes, name: str) -> None:
    assert server_name(host) == name


class Server:
    """The other side of a session, in memory."""

    def __init__(self, folder: Path) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = server_context(folder)
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def handshake(self, session: TlsSession) -> None:
        """Take both sides through the handshake."""
        session.receive(b"")
        while not session.is_established:
            self.incoming.write(session.take())
            with suppress(ssl.SSLWantReadError):
                self.tls.do_handshake()
            session.receive(self.outgoing.read())
        self.incoming.write(session.take())
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pytest.fail("the server did not finish")


def test_bytes_pass_both_ways_however_they_are_cut(tmp_path: Path) -> None:
    session = TlsSession(upstream_context(UpstreamTls()), "a.test")
    server = Server(tmp_path)
    server.handshake(session)
    server.incoming.write(session.encrypt(b"request"))
    assert server.tls.read() == b"request"
    server.tls.write(b"answer" * 10_000)
    sent = server.outgoing.read()
    plain = b"".join(session.receive(sent[at : at + 777]) for at in range(0, len(sent), 777))
    assert plain == b"answer" * 10_000
    assert not session.is_ended


def test_the_end_of_the_session_is_noticed(tmp_path: Path) -> None:
    session = TlsSession(upstream_context(UpstreamTls()), "a.test")
    server = Server(tmp_path)
    server.handshake(session)
    server.tls.write(b"last")
    with pytest.raises(ssl.SSLWantReadError):
        server.tls.unwrap()
    assert session.receive(server.outgoing.read()) == b"last"
    assert session.is_ended


def test_what_is_no_tls_is_an_error() -> None:
    session = TlsSession(upstream_context(UpstreamTls()), "a.test")
    session.receive(b"")
    with pytest.raises(ssl.SSLError):
        session.receive(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize("name", ["-..-", ".a", "a" * 70 + ".test"])
def test_a_name_that_is_none_is_not_asked_for(name: str) -> None:
    session = TlsSession(upstream_context(UpstreamTls()), name)
    session.receive(b"")
    assert session.take().startswith(b"\x16\x03")
