"""What a plugin is given: the exchange it works on, and the capabilities of its worker.

These are interfaces; the gateway implements them. A plugin imports this module,
``colobus.plugins.base``, ``colobus.model`` and ``colobus.errors``, and nothing else of ours.
"""

import logging
import random
from collections.abc import Coroutine, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from colobus.clock import Clock
from colobus.model.kind import Kind
from colobus.model.schema import Row

__all__ = [
    "Capabilities",
    "Counters",
    "Deletion",
    "Exchange",
    "HeaderChanges",
    "Insertion",
    "Lookups",
    "Query",
    "Request",
    "Response",
    "ShortCircuit",
    "Window",
    "Writes",
]


class ShortCircuit(Exception):  # noqa: N818  (control flow: an answer, not an error)
    """Raised by a phase to answer the request now (plugin-framework §4).

    ``body`` may be a string, which becomes ``{"message": …}``, any JSON value, bytes sent as they
    are, or None for the status's default text.
    """

    def __init__(
        self, status: int, body: object = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


class HeaderChanges:
    """Headers to set and to remove at once: made once, applied to many requests.

    For headers that come out of a configuration or a row; see :meth:`Request.change_headers`.

    Attributes:
        values: name -> the value that replaces every header of that name; None removes them.
        prepared: the gateway's own form of it.
    """

    __slots__ = ("prepared", "values")

    def __init__(self, values: Mapping[str, str | None]) -> None:
        self.values = tuple(values.items())
        self.prepared: Any = None


class Query(Protocol):
    """The query string on its way upstream; names and values are percent-decoded."""

    def get_all(self, name: str) -> Sequence[str | bool]:
        """Return the values of ``name`` in order; True for a bare name without ``=``."""

    def set(self, name: str, value: str) -> None:
        """Replace every argument of ``name`` by one."""

    def add(self, name: str, value: str) -> None:
        """Add an argument behind the others."""

    def rename(self, old: str, new: str) -> None:
        """Give the arguments of ``old`` the name ``new``, in place of those that had it.

        Nothing happens when there is none of ``old``.
        """

    def remove(self, name: str) -> None:
        """Remove every argument of ``name``; the others keep their bytes."""


class Request(Protocol):
    """The request: as it came, and (headers, query, body) as it goes upstream."""

    @property
    def method(self) -> str:
        """The method: as sent, or as :meth:`set_method` changed it."""

    @property
    def target(self) -> str:
        """The request target as received, path and query."""

    @property
    def request_line(self) -> str:
        """The first line as received: method, target and version."""

    @property
    def path(self) -> str:
        """The path of the target as received, not decoded."""

    @property
    def scheme(self) -> str:
        """``http`` or ``https``: the connection to the gateway."""

    @property
    def query(self) -> Query:
        """The query arguments."""

    def get_header(self, name: str) -> str | None:
        """Return the first value of the header, its name in any letter case."""

    def get_headers(self, name: str) -> list[str]:
        """Return every value of the header, in order."""

    def set_header(self, name: str, value: str) -> None:
        """Replace every header of that name by one; it goes upstream."""

    def add_header(self, name: str, value: str) -> None:
        """Add a header line; it goes upstream."""

    def remove_header(self, name: str) -> None:
        """Remove every header of that name."""

    def change_headers(self, changes: HeaderChanges) -> None:
        """Set and remove several headers, as :meth:`set_header` and :meth:`remove_header` do.

        ``Host`` is none of them.
        """

    def set_method(self, method: str) -> None:
        """Ask the upstream with another method; the client's own still frames the answer."""

    def limit_body(self, limit: int, refusal: ShortCircuit) -> None:
        """Answer with ``refusal`` as soon as the body turns out longer than ``limit`` bytes.

        It is counted as it comes; nothing more of it is kept in memory than without a limit.

        Raises:
            ShortCircuit: ``refusal``, when more than that is here already.
        """

    async def body(self, limit: int = 1_048_576) -> bytes:
        """Return the whole body, read into memory; it still goes upstream.

        Raises:
            ShortCircuit: 413 when it is larger than ``limit`` bytes.
        """

    def set_body(self, body: bytes) -> None:
        """Send ``body`` upstream in place of the one that came (only after :meth:`body`)."""


class Response(Protocol):
    """The answer to the client. Before the upstream answered, headers set here are kept for it."""

    @property
    def status(self) -> int:
        """The status; 0 as long as there is none."""

    def get_header(self, name: str) -> str | None:
        """Return the first value of the header."""

    def get_headers(self, name: str) -> list[str]:
        """Return every value of the header, in order."""

    def end(self, status: int) -> None:
        """Answer with ``status`` and an empty body in place of what there is; headers stay.

        In the ``header_filter`` phase only, whose other plugins still run.
        """

    def set_header(self, name: str, value: str) -> None:
        """Replace every header of that name by one."""

    def add_header(self, name: str, value: str) -> None:
        """Add a header line."""

    def remove_header(self, name: str) -> None:
        """Remove every header of that name."""


class Exchange(Protocol):
    """One request and its answer, travelling through the phases."""

    api: Row | None
    consumer: Row | None
    credential: Row | None

    @property
    def request(self) -> Request:
        """The request."""

    @property
    def response(self) -> Response:
        """The answer."""

    @property
    def ctx(self) -> MutableMapping[str, Any]:
        """What plugins leave for later phases and for each other."""

    @property
    def upstream_path(self) -> str:
        """The path that the upstream is asked for, as far as it is known; not decoded."""

    @property
    def is_from_trusted(self) -> bool:
        """Whether the connection comes from ``trusted_ips``: X-Forwarded-* can be believed then."""

    @property
    def client_ip(self) -> str:
        """The client's address, as far as ``trusted_ips`` lets it be known."""

    @property
    def connection_serial(self) -> int:
        """The number of the client connection in this worker, from 1."""

    @property
    def request_serial(self) -> int:
        """The number of the request on its connection, from 1."""

    @property
    def server_address(self) -> tuple[str, int]:
        """Address and port the client connected to."""

    def log_record(self) -> dict[str, Any]:
        """Return what is to be told of the exchange; in the log phase, and the caller's to change.

        Members as in plugin-framework §9. Headers and query may hold credentials.
        """


class Lookups(Protocol):
    """Rows of kinds that the worker does not hold whole, through its read-through cache."""

    def cached(self, kind: Kind, field: str, value: str) -> Sequence[Row] | None:
        """Return the rows whose ``field`` equals ``value``, or None when memory does not know.

        An empty sequence says that there are none. ``field`` is the kind's key, one of its
        ``lookups`` or a parent.
        """

    async def fetch(self, kind: Kind, field: str, value: str) -> Sequence[Row]:
        """Return the rows, asking the datastore through the supervisor; single flight per key.

        Raises:
            StoreUnavailableError: no answer; the caller must fail closed.
        """


@dataclass(frozen=True, slots=True)
class Insertion:
    """A row to insert, validated; its id and time are filled in. ``ttl_s`` is its lifetime."""

    kind: Kind
    row: Row
    ttl_s: float | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """A row to delete, with everything that belongs to it. It must be there."""

    kind: Kind
    key: str


class Writes(Protocol):
    """Changes of the datastore, made through the supervisor. Each costs a transaction."""

    async def write(self, *steps: Insertion | Deletion) -> Sequence[Row]:
        """Take all steps in one transaction, or none of them.

        Since a deletion fails when the row is gone, whoever deletes a row has used it alone, in
        the whole cluster.

        Returns:
            The row of each step, as inserted or as it was.

        Raises:
            NotFoundError: a row to delete is not there.
            StoreUnavailableError: no answer; the steps may or may not have been taken.
            StoreError: a value is taken, or a parent is gone.
        """


@dataclass(frozen=True, slots=True)
class Window:
    """One counter of a quota: its name, the limit, and the epoch second it ends at."""

    key: str
    limit: int
    ends_at: float


class Counters(Protocol):
    """Counters that all workers of the node share."""

    def consume(self, group: str, windows: Sequence[Window], now: float) -> list[int]:
        """Add one to every window if none has reached its limit; atomic in the whole node.

        ``group`` names what the windows have in common (an API and an identifier). ``now`` is
        epoch seconds.

        Returns:
            The counts before this call, in the order of ``windows``.
        """

    def read(self, group: str, windows: Sequence[Window], now: float) -> list[int]:
        """Return the counts, in the order of ``windows``; nothing is counted."""

    def add(self, group: str, windows: Sequence[Window], amount: int, now: float) -> None:
        """Add ``amount`` to every window, whatever its limit; a count never falls below zero."""


class Spawn(Protocol):
    """Starts background work owned by the worker; its failure is logged."""

    def __call__(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Start ``work``."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a worker hands to each plugin instance.

    Attributes:
        lookups: read-through access to entities.
        writes: changes of entities.
        counters: counters shared by the node's workers.
        clock: time.
        random: chance.
        logger: the plugin's own logger.
        spawn: background work.
    """

    lookups: Lookups
    writes: Writes
    counters: Counters
    clock: Clock
    random: random.Random
    logger: logging.Logger
    spawn: Spawn
