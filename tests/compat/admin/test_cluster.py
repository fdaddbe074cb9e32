"""Membership (reference: admin-api §1.8)."""

from typing import Any

import pytest

from colobus.errors import ClusterError
from support.admin import Admin, body_of

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=X"}
NAME_PART = b'--X\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n--X--\r\n'


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("/cluster", ["node-a", "node-b"]),
        ("/cluster/", ["node-a", "node-b"]),
        ("/cluster?status=alive", ["node-a"]),
        ("/cluster?status=failed", ["node-b"]),
        ("/cluster?status=ALIVE", []),
        ("/cluster?status=odd", []),
        ("/cluster?other=1", ["node-a", "node-b"]),
    ],
)
async def test_members(url: str, names: list[str]) -> None:
    told = body_of(await Admin().send("GET", url))
    assert told.keys() == {"data", "total"}
    assert [member["name"] for member in told["data"]] == names
    assert told["total"] == len(names)


async def test_a_member_has_the_three_fields_and_may_have_more() -> None:
    """Decision D3."""
    told = body_of(await Admin().send("GET", "/cluster"))
    assert told["data"][0] == {
        "name": "node-a", "address": "10.0.0.1:7946", "status": "alive", "revision": 7,
    }  # fmt: skip


async def test_an_agent_that_does_not_answer_is_a_500() -> None:
    admin = Admin()
    admin.node.failure = ClusterError("gone")
    answer = await admin.send("GET", "/cluster")
    assert (answer.status_code, body_of(answer)) == (
        500,
        {"message": "An unexpected error occurred"},
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"json": {"address": "10.0.0.3:7946"}},
        {"data": {"address": "10.0.0.3:7946"}},
        {"content": NAME_PART % (b"address", b"10.0.0.3:7946"), "headers": MULTIPART},
        {"params": {"address": "10.0.0.3:7946"}, "headers": FORM},
    ],
)
async def test_join(arguments: dict[str, Any]) -> None:
    admin = Admin()
    answer = await admin.send("POST", "/cluster", **arguments)
    assert (answer.status_code, answer.content) == (200, b"")
    assert admin.node.joined == ["10.0.0.3:7946"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"params": {"name": "node-b"}},
        {"json": {"name": "node-b"}},
        {"data": {"name": "node-b"}},
        {"content": NAME_PART % (b"name", b"node-b"), "headers": MULTIPART},
        {"params": {"name": "node-b"}, "content": b"", "headers": FORM},
        {"params": {"name": "node-b"}, "content": b"", "headers": {"Content-Type": "application/json"}},
    ],
)  # fmt: skip
async def test_force_leave(arguments: dict[str, Any]) -> None:
    admin = Admin()
    answer = await admin.send("DELETE", "/cluster", **arguments)
    assert (answer.status_code, answer.content) == (200, b"")
    assert admin.node.forced_out == ["node-b"]


@pytest.mark.parametrize(("method", "missing"), [("POST", "address"), ("DELETE", "name")])
@pytest.mark.parametrize("body", [b"", b"other=1", b"address=&name=", b"address&name"])
async def test_a_missing_parameter_is_named(method: str, missing: str, body: bytes) -> None:
    admin = Admin()
    answer = await admin.send(method, "/cluster", content=body, headers=FORM)
    assert (answer.status_code, body_of(answer)) == (400, {"message": f'Missing node "{missing}"'})
    assert admin.node.joined == admin.node.forced_out == []


@pytest.mark.parametrize(("method", "name"), [("POST", "address"), ("DELETE", "name")])
async def test_a_failure_answers_its_first_line(method: str, name: str) -> None:
    admin = Admin()
    admin.node.failure = ClusterError("no member answered\nand more for the log")
    answer = await admin.send(method, "/cluster", json={name: "x"})
    assert (answer.status_code, body_of(answer)) == (400, {"message": "no member answered"})


@pytest.mark.parametrize(
    "arguments",
    [
        {"json": {"type": "ENTITY_DELETED", "collection": "apis", "entity": {"id": "x"}}},
        {"json": {"type": "hello"}},
        {"data": {"type": "hello"}},
        {"content": NAME_PART % (b"type", b"hello"), "headers": MULTIPART},
    ],
)
async def test_an_event_triggers_a_look_and_nothing_else(arguments: dict[str, Any]) -> None:
    """0.10 believes what the event says (decision D14)."""
    admin = Admin()
    await admin.create("/consumers", {"username": "bob"})
    for url in ("/cluster/events", "/cluster/events/"):
        answer = await admin.send("POST", url, **arguments)
        assert (answer.status_code, answer.content) == (200, b"")
    assert admin.node.looks == 2
    assert await admin.store.revision() == 1


@pytest.mark.parametrize("arguments", [{"json": {}}, {"data": {"other": "1"}}])
async def test_an_event_without_a_type_is_refused(arguments: dict[str, Any]) -> None:
    admin = Admin()
    answer = await admin.send("POST", "/cluster/events", **arguments)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "text/html")
    assert admin.node.looks == 0
