"""A request and its answer in memory, to run a plugin's phases without a gateway."""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote, unquote_plus

from colobus.model.schema import Row
from colobus.plugins.context import HeaderChanges, ShortCircuit

__all__ = ["MemoryExchange", "MemoryQuery", "MemoryRequest", "MemoryResponse"]

Headers = Iterable[tuple[str, str]]


class _Headers:
    """Header lines, found by name in any letter case."""

    def __init__(self, headers: Headers) -> None:
        self.headers = list(headers)

    def get_header(self, name: str) -> str | None:
        """Return the first value of the header."""
        return next(iter(self.get_headers(name)), None)

    def get_headers(self, name: str) -> list[str]:
        """Return every value of the header, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def set_header(self, name: str, value: str) -> None:
        """Replace every header of that name by one."""
        self.remove_header(name)
        self.add_header(name, value)

    def add_header(self, name: str, value: str) -> None:
        """Add a header line."""
        self.headers.append((name, value))

    def remove_header(self, name: str) -> None:
        """Remove every header of that name."""
        self.headers = [pair for pair in self.headers if pair[0].lower() != name.lower()]


class MemoryQuery:
    """Shipped fake of :class:`colobus.plugins.context.Query`; ``text`` goes upstream."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get_all(self, name: str) -> Sequence[str | bool]:
        """Return the values of ``name`` in order; True for a bare name without ``=``."""
        return [
            unquote_plus(value) if equals else True
            for key, equals, value in (part.partition("=") for part in self._parts())
            if unquote_plus(key) == name
        ]

    def set(self, name: str, value: str) -> None:
        """Replace every argument of ``name`` by one."""
        self.remove(name)
        self.add(name, value)

    def add(self, name: str, value: str) -> None:
        """Add an argument behind the others."""
        self.text = "&".join([*self._parts(), f"{quote(name, '')}={quote(value, '')}"])

    def rename(self, old: str, new: str) -> None:
        """Give the arguments of ``old`` the name ``new``, in place of those that had it."""
        values = self.get_all(old)
        if not values or old == new:
            return
        self.remove(new)
        self.text = "&".join(
            quote(new, "") + part[len(part.partition("=")[0]) :]
            if unquote_plus(part.partition("=")[0]) == old
            else part
            for part in self._parts()
        )

    def remove(self, name: str) -> None:
        """Remove every argument of ``name``; the others keep their bytes."""
        kept = (part for part in self._parts() if unquote_plus(part.partition("=")[0]) != name)
        self.text = "&".join(kept)

    def _parts(self) -> list[str]:
        return self.text.split("&") if self.text else []


class MemoryRequest(_Headers):
    """Shipped fake of :class:`colobus.plugins.context.Request`.

    Attributes:
        content: the body as it goes upstream.
    """

    def __init__(
        self,
        method: str = "GET",
        target: str = "/",
        headers: Headers = (),
        *,
        content: bytes = b"",
        scheme: str = "http",
    ) -> None:
        super().__init__(headers)
        self.method = method
        self.target = target
        self.request_line = f"{method} {target} HTTP/1.1"
        self.path, _, query = target.partition("?")
        self.query = MemoryQuery(query)
        self.scheme = scheme
        self.content = content
        self._was_read = False

    def change_headers(self, changes: HeaderChanges) -> None:
        """Set and remove several headers."""
        for name, value in changes.values:
            if value is None:
                self.remove_header(name)
            else:
                self.set_header(name, value)

    def set_method(self, method: str) -> None:
        """Ask the upstream with another method."""
        self.method = method

    def limit_body(self, limit: int, refusal: ShortCircuit) -> None:
        """Raise ``refusal`` if the body, which is here already, is longer than ``limit`` bytes."""
        if len(self.content) > limit:
            raise refusal

    async def body(self, limit: int = 1_048_576) -> bytes:
        """Return the whole body.

        Raises:
            ShortCircuit: 413 when it is larger than ``limit`` bytes.
        """
        if len(self.content) > limit:
            raise ShortCircuit(413)
        self._was_read = True
        return self.content

    def set_body(self, body: bytes) -> None:
        """Send ``body`` upstream in place of the one that came (only after :meth:`body`)."""
        if not self._was_read:
            raise RuntimeError("set_body comes after body")
        self.content = body


class MemoryResponse(_Headers):
    """Shipped fake of :class:`colobus.plugins.context.Response`."""

    def __init__(self, status: int = 0, headers: Headers = ()) -> None:
        super().__init__(headers)
        self.status = status
        self.is_ended = False

    def end(self, status: int) -> None:
        """Answer with ``status`` and an empty body in place of what there is; headers stay."""
        self.status = status
        self.is_ended = True


class MemoryExchange:
    """Shipped fake of :class:`colobus.plugins.context.Exchange`.

    Args:
        request: the request; a plain GET when it is left out.
        api: the row of the API; one with nothing but an id when it is left out.
        consumer: the row of the consumer, if one is known already.
        credential: the row of the credential, if there is one already.
        client_ip: the client's address.
    """

    def __init__(
        self,
        request: MemoryRequest | None = None,
        *,
        api: Row | None = None,
        consumer: Row | None = None,
        credential: Row | None = None,
        client_ip: str = "127.0.0.1",
    ) -> None:
        self.request = MemoryRequest() if request is None else request
        self.response = MemoryResponse()
        self.api: Row | None = {"id": "api"} if api is None else api
        self.consumer = consumer
        self.credential = credential
        self.ctx: dict[str, Any] = {}
        self.client_ip = client_ip
        self.is_from_trusted = False
        self.upstream_path = self.request.path
        self.connection_serial = 1
        self.request_serial = 1
        self.server_address = ("127.0.0.1", 8000)

    def log_record(self) -> dict[str, Any]:
        """Return the part of the record that a fake knows; the real one has more members."""
        return {
            "request": {"method": self.request.method, "uri": self.request.target},
            "response": {"status": self.response.status},
            "client_ip": self.client_ip,
        }
