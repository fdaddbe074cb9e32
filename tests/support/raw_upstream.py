"""An upstream service made of plain sockets: each connection is served by a function of the test."""

import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Thread
from types import TracebackType
from typing import Self

__all__ = ["Peer", "RawUpstream", "reply"]


class Peer:
    """One side of a connection, with a buffer: reads what HTTP needs, and nothing more."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = b""

    def receive(self) -> bytes:
        """Read once more into the buffer; return what came, nothing at the end."""
        data = self.sock.recv(65536)
        self.buffer += data
        return data

    def read_until(self, mark: bytes) -> bytes:
        """Return everything up to ``mark``, with it."""
        while mark not in self.buffer:
            if not self.receive():
                raise EOFError(f"ended before {mark!r}: {self.buffer[-200:]!r}")
        end = self.buffer.index(mark) + len(mark)
        data, self.buffer = self.buffer[:end], self.buffer[end:]
        return data

    def read(self, size: int) -> bytes:
        """Return exactly ``size`` bytes."""
        pieces = [self.buffer[:size]]
        self.buffer = self.buffer[size:]
        left = size - len(pieces[0])
        while left:
            data = self.sock.recv(min(left, 65536))
            if not data:
                raise EOFError(f"ended {left} bytes before {size}")
            pieces.append(data)
            left -= len(data)
        return b"".join(pieces)

    def read_head(self) -> bytes:
        """Return a head with its blank line."""
        return self.read_until(b"\r\n\r\n")

    def read_chunked(self) -> bytes:
        """Return the payload of a chunked body."""
        payload = b""
        while size := int(self.read_until(b"\r\n").split(b";")[0], 16):
            payload += self.read(size)
            assert self.read(2) == b"\r\n"
        while self.read_until(b"\r\n") != b"\r\n":  # trailers
            pass
        return payload

    def read_message(self, *, is_head: bool = False) -> tuple[bytes, bytes]:
        """Return head and payload of one message, however it is framed."""
        head = self.read_head()
        if is_head or head[9:12] in (b"204", b"304") or head[9:10] == b"1":
            return head, b""
        folded = head.lower()
        if b"\r\ntransfer-encoding: chunked" in folded:
            return head, self.read_chunked()
        if b"\r\ncontent-length:" in folded:
            length = int(folded.split(b"\r\ncontent-length:")[1].split(b"\r\n")[0])
            return head, self.read(length)
        if head.startswith(b"HTTP/"):
            return head, self.read_all()
        return head, b""

    def read_all(self) -> bytes:
        """Return everything up to the end of the connection."""
        while self.receive():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def send(self, data: bytes) -> None:
        """Send all of ``data``."""
        self.sock.sendall(data)

    def is_ended(self) -> bool:
        """Wait for the other side's end; False when it says something instead."""
        try:
            return not self.buffer and not self.receive()
        except ConnectionResetError:
            return True

    def reset(self) -> None:
        """Close so that the other side sees a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()


Serve = Callable[[Peer], object]


def reply(body: bytes = b"ok", *lines: bytes, status: bytes = b"200 OK") -> bytes:
    """Return an answer with a Content-Length."""
    head = b"".join(line + b"\r\n" for line in lines)
    return b"HTTP/1.1 %b\r\n%bContent-Length: %d\r\n\r\n%b" % (status, head, len(body), body)


class RawUpstream:
    """A listening socket whose connections are served by ``serve``, each in a thread.

    Args:
        serve: gets each connection; what it raises at the other side's end is ignored. Left out,
            it answers every request with ``ok``.

    Attributes:
        heads: the request heads that the default ``serve`` has read.
        bodies: their bodies.
        connections: how many were accepted.
    """

    def __init__(self, serve: Serve | None = None, *, answer: bytes | None = None) -> None:
        self.serve = serve or self.serve_answers
        self.answer = reply() if answer is None else answer
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.errors: list[BaseException] = []
        self._lock = Lock()
        self._peers: list[Peer] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._thread = Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        """Its address as ``upstream_url``."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        with self._lock:
            for peer in self._peers:
                peer.sock.close()
        if error is None:
            assert not self.errors, self.errors

    def serve_answers(self, peer: Peer) -> None:
        """Answer every request with ``self.answer``."""
        while True:
            head, body = peer.read_message()
            self.heads.append(head)
            self.bodies.append(body)
            peer.send(self.answer)

    def close_connections(self) -> None:
        """Close every connection that is open."""
        with self._lock:
            for peer in self._peers:
                with suppress(OSError):
                    peer.sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(20)
            peer = Peer(sock)
            with self._lock:
                self._peers.append(peer)
                self.connections += 1
            Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: Peer) -> None:
        try:
            self.serve(peer)
        except (EOFError, OSError):
            pass
        except BaseException as error:  # noqa: BLE001  (shown by __exit__)
            self.errors.append(error)
        finally:
            with suppress(OSError):
                peer.sock.close()
