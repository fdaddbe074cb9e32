"""What happens around the handlers: failures, limits, the wait for the workers, the access log."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest

from colobus.admin.body import Limits
from colobus.model import CONSUMERS
from colobus.plugins.key_auth import KEYAUTH_CREDENTIALS
from colobus.store.interface import Transaction
from colobus.testing.store import MemoryStore
from support.admin import Admin, body_of

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_a_failure_is_a_500_that_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    admin = Admin()

    def fail() -> dict[str, object]:
        raise KeyError("the reason")

    admin.node.configuration = fail  # type: ignore[method-assign]
    answer = await admin.send("GET", "/")
    assert answer.status_code == 500
    assert body_of(answer) == {"message": "An unexpected error occurred"}
    assert "the reason" in caplog.text


@pytest.mark.parametrize(
    ("method", "url"),
    [("GET", "/apis"), ("GET", "/apis/a"), ("POST", "/consumers?username=a"), ("DELETE", "/apis/a"),
     ("GET", "/status"), ("GET", "/"), ("HEAD", "/apis/a")],
)  # fmt: skip
async def test_a_datastore_that_is_away_is_a_503(method: str, url: str) -> None:
    admin = Admin()
    admin.store.outage = "no route to host"
    answer = await admin.send(method, url, headers=FORM)
    assert answer.status_code == 503
    expected = {"message": "Service unavailable"} if method != "HEAD" else None
    assert body_of(answer) == expected


async def test_a_write_waits_for_the_workers_and_tells_its_revision() -> None:
    admin = Admin()
    writes = [
        ("POST", "/consumers", {"username": "a"}, 201, 1),
        ("PATCH", "/consumers/a", {"custom_id": "c"}, 200, 2),
        ("PATCH", "/consumers/a", {"custom_id": "c"}, 200, 2),  # nothing changed
        ("PUT", "/consumers", {"username": "b"}, 201, 3),
        ("DELETE", "/consumers/b", None, 204, 4),
    ]
    for method, url, body, status, revision in writes:
        answer = await admin.send(method, url, json=body)
        assert (answer.status_code, answer.headers["X-Colobus-Revision"]) == (status, str(revision))
        assert "Warning" not in answer.headers
    assert admin.node.waited_for == [1, 2, 2, 3, 4]
    assert "X-Colobus-Revision" not in (await admin.send("GET", "/consumers")).headers


async def test_a_refused_write_waits_for_nothing() -> None:
    admin = Admin()
    await admin.create("/consumers", {"username": "a"})
    assert (await admin.send("POST", "/consumers", json={"username": "a"})).status_code == 409
    assert (await admin.send("PATCH", "/consumers/a", json={"username": 5})).status_code == 400
    assert admin.node.waited_for == [1]
    assert await admin.store.revision() == 1


async def test_workers_that_are_behind_are_named() -> None:
    admin = Admin()
    admin.node.laggards = ["worker 0 (pid 5)", "worker 3 (pid 9)"]
    answer = await admin.send("POST", "/consumers", json={"username": "a"})
    assert answer.status_code == 201
    assert answer.headers["Warning"] == (
        '199 colobus "not yet applied by worker 0 (pid 5), worker 3 (pid 9)"'
    )


async def test_a_declared_length_over_the_limit_is_refused_unread() -> None:
    admin = Admin()
    read = []

    async def body() -> AsyncIterator[bytes]:
        read.append(1)
        yield b""

    for method in ("POST", "GET", "OPTIONS", "DELETE"):
        answer = await admin.send(
            method, "/nothing", content=b"", headers={**FORM, "Content-Length": str(2**24)}
        )
        assert answer.status_code == 413
        assert answer.headers["Content-Type"] == "text/html"
        assert answer.headers["Connection"] == "close"
        assert "413 Request Entity Too Large" in answer.text
    assert read == []
    longer = {**FORM, "Content-Length": "9" * 30}
    assert (await admin.send("POST", "/apis", content=b"", headers=longer)).status_code == 413


async def test_a_chunked_body_over_the_limit_is_refused_while_it_is_read() -> None:
    admin = Admin(limits=Limits(body_bytes=1000))
    yielded = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal yielded
        for _ in range(50):
            yielded += 1
            yield b"x" * 100

    answer = await admin.send("POST", "/consumers", content=body(), headers=FORM)
    assert answer.status_code == 413
    assert yielded == 50  # the rest was dropped, so that the client could read the answer
    small = await admin.send("POST", "/consumers", content=b"username=a", headers=FORM)
    assert small.status_code == 201


class RacingStore(MemoryStore):
    """A datastore in which somebody else writes just before the next transaction."""

    def __init__(self, admin: Admin) -> None:
        super().__init__(admin.catalog, admin.clock)
        self.rival: Callable[[Transaction], Awaitable[object]] | None = None

    @asynccontextmanager
    async def raced(self, origin: str) -> AsyncIterator[Transaction]:
        if self.rival is not None:
            async with super().transaction("rival") as transaction:
                await self.rival(transaction)
        async with super().transaction(origin) as transaction:
            yield transaction

    def transaction(self, origin: str) -> AbstractAsyncContextManager[Transaction]:
        return self.raced(origin)


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_row_that_vanishes_meanwhile_is_not_found(method: str) -> None:
    admin = Admin(store=RacingStore)
    store = admin.store
    assert isinstance(store, RacingStore)
    row = await admin.create("/consumers", {"username": "a"})
    store.rival = lambda transaction: transaction.delete(CONSUMERS, row["id"])
    answer = await admin.send(method, "/consumers/a", json={"custom_id": "1"})
    assert (answer.status_code, body_of(answer)) == (404, {"message": "Not found"})


async def test_a_change_keeps_what_another_one_changed_meanwhile() -> None:
    admin = Admin(store=RacingStore)
    store = admin.store
    assert isinstance(store, RacingStore)
    row = await admin.create("/consumers", {"username": "a"})
    store.rival = lambda transaction: transaction.update(CONSUMERS, {**row, "username": "b"})
    answer = await admin.send("PATCH", "/consumers/a", json={"custom_id": "1"})
    assert answer.json() == {**row, "username": "b", "custom_id": "1"}


async def test_a_row_that_moves_elsewhere_meanwhile_is_not_moved_back() -> None:
    admin = Admin(store=RacingStore)
    store = admin.store
    assert isinstance(store, RacingStore)
    for name in ("bob", "eve"):
        await admin.create("/consumers", {"username": name})
    eve = (await admin.send("GET", "/consumers/eve")).json()["id"]
    row = await admin.create("/consumers/bob/key-auth", {"key": "k"})
    store.rival = lambda transaction: transaction.update(
        KEYAUTH_CREDENTIALS, {**row, "consumer_id": eve}
    )
    answer = await admin.send("PATCH", "/consumers/bob/key-auth/k", json={"key": "k2"})
    assert answer.status_code == 404
    assert await admin.rows("/consumers/eve/key-auth") == [{**row, "consumer_id": eve}]


class Connection:
    """A client that speaks ASGI by hand: sends what it is told, and no more."""

    def __init__(self, admin: Admin, *events: dict[str, Any]) -> None:
        self.admin = admin
        self.events = list(events)
        self.sent: list[Any] = []

    async def receive(self) -> dict[str, Any]:
        if self.events:
            return self.events.pop(0)
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def request(self, method: str, path: str, **headers: str) -> int | None:
        """Return the status, or None if nothing was answered."""
        scope = {
            "type": "http", "http_version": "1.1", "scheme": "http", "method": method,
            "raw_path": path.encode(), "path": path, "query_string": b"", "client": ("10.0.0.9", 5),
            "server": ("10.0.0.1", 8001),
            "headers": [(name.replace("_", "-").encode(), value.encode())
                        for name, value in headers.items()],
        }  # fmt: skip
        await self.admin.app(scope, self.receive, self.send)
        return self.sent[0]["status"] if self.sent else None


async def test_a_client_that_never_ends_its_body_is_answered_and_dropped() -> None:
    limits = Limits(body_timeout_s=0.02, linger_s=0.02)
    begun = {"type": "http.request", "body": b"username=", "more_body": True}
    connection = Connection(Admin(limits=limits), begun)
    status = await connection.request("POST", "/consumers", content_type="text/plain")
    assert status == 408
    start, body, end = connection.sent
    assert (b"connection", b"close") in start["headers"]
    assert body["body"] == b'{"message":"Request timeout"}\n'
    assert body["more_body"]
    assert end == {"type": "http.response.body"}


async def test_a_client_that_waits_for_100_continue_is_not_waited_for() -> None:
    connection = Connection(Admin())
    async with asyncio.timeout(5):
        status = await connection.request(
            "POST", "/consumers", content_type="text/plain", content_length=str(2**24),
            expect="100-continue",
        )  # fmt: skip
    assert status == 413


async def test_head_is_answered_without_the_body_of_an_error() -> None:
    connection = Connection(Admin(), {"type": "http.request"})
    assert await connection.request("HEAD", "/nowhere") == 404
    assert connection.sent[1]["body"] == b""


async def test_a_client_that_leaves_gets_no_answer() -> None:
    admin = Admin()
    connection = Connection(admin, {"type": "http.disconnect"})
    assert await connection.request("POST", "/consumers", content_type="text/plain") is None
    (line,) = admin.logged
    assert line.startswith(b"10.0.0.9 - - [")
    assert line.endswith(b'] "POST /consumers HTTP/1.1" 499 0 "-" "-" 0.000 -\n')


async def test_the_access_log_has_a_line_per_request_and_no_secret() -> None:
    admin = Admin()
    await admin.create("/consumers", {"username": "bob"})
    await admin.create("/consumers/bob/key-auth?key=opensesame", {})
    await admin.send("GET", "/consumers/bob/key-auth/opensesame/")
    await admin.send("GET", "/consumers/bob/key-auth?key=opensesame")
    await admin.send("GET", "/no%0Awhere")
    assert [line.split(b'"')[1] for line in admin.logged] == [
        b"POST /consumers HTTP/1.1",
        b"POST /consumers/bob/key-auth HTTP/1.1",
        b"GET /consumers/bob/key-auth/****** HTTP/1.1",
        b"GET /consumers/bob/key-auth HTTP/1.1",
        b"GET /no%0Awhere HTTP/1.1",
    ]
    assert b"opensesame" not in b"".join(admin.logged)
    assert b'"GET /no%0Awhere HTTP/1.1" 404 24 "-" "python-httpx/' in admin.logged[-1]


async def test_a_header_cannot_forge_a_line_of_the_access_log() -> None:
    admin = Admin()
    await admin.send("GET", "/status", headers={"User-Agent": b'x" 200 0 \\ \xe9'})
    assert b'"-" "x\\x22 200 0 \\x5C \\xE9" ' in admin.logged[0]
    assert admin.logged[0].count(b"\n") == 1


async def test_a_megabyte_in_one_field_is_taken() -> None:
    admin = Admin()
    names = ["k" * 20 + str(number) for number in range(40_000)]
    as_list = await admin.send(
        "POST", "/plugins", json={"name": "key-auth", "config": {"key_names": names}}
    )
    assert as_list.status_code == 201
    assert as_list.json()["config"]["key_names"] == names
    plugin = f"/plugins/{as_list.json()['id']}"
    text = ",".join(names)
    assert len(text) > 900_000
    for arguments in ({"data": {"config.key_names": text}}, {"json": {"config.key_names": text}}):
        changed = await admin.send("PATCH", plugin, **arguments)
        assert changed.json()["config"]["key_names"] == names


@pytest.mark.parametrize(
    ("configured", "allowed"), [((), None), (("https://d.example",), "https://d.example")]
)
async def test_other_origins_only_where_they_are_allowed(
    configured: tuple[str, ...], allowed: str | None
) -> None:
    admin = Admin(cors_origins=configured)
    for method in ("GET", "OPTIONS"):
        answer = await admin.send(method, "/apis", headers={"Origin": "https://d.example"})
        assert answer.headers.get("Access-Control-Allow-Origin") == allowed


async def test_an_absolute_target_is_understood() -> None:
    connection = Connection(Admin(), {"type": "http.request"})
    assert await connection.request("GET", "http://10.0.0.1:8001/apis") == 200


async def test_requests_do_not_wait_for_each_other() -> None:
    admin = Admin()
    answers: list[httpx.Response] = await asyncio.gather(
        *(admin.send("POST", "/consumers", json={"username": f"u{n}"}) for n in range(20))
    )
    revisions = sorted(int(answer.headers["X-Colobus-Revision"]) for answer in answers)
    assert revisions == list(range(1, 21))


async def test_a_form_that_another_origin_posts_changes_nothing() -> None:
    """A browser sends it without asking, so the answer alone would come too late."""
    admin = Admin()
    answer = await admin.send(
        "POST", "/consumers", data={"username": "eve"}, headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403
    assert body_of(answer) == {"message": "A web page of another origin may not write here"}
    assert await admin.rows("/consumers") == []


async def test_our_own_pages_and_named_ones_may_write() -> None:
    admin = Admin(cors_origins=["https://dash.example"])
    for number, origin in enumerate(("http://admin:8001", "https://dash.example")):
        answer = await admin.send(
            "POST", "/consumers", json={"username": f"u{number}"}, headers={"Origin": origin}
        )
        assert answer.status_code == 201
