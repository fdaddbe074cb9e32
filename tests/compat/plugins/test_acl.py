"""acl as kong 0.10 decides (reference: plugins.md, acl)."""

from typing import Any

import pytest

from colobus.model import CONSUMERS
from colobus.plugins.acl import ACLS, Acl
from colobus.plugins.key_auth import KEYAUTH_CREDENTIALS, KeyAuth
from support.admin import Admin, body_of
from support.guarded import ANONYMOUS, BOB, Guarded, guarded

PATH = "/consumers/bob/acls"
TAKEN = {"group": "ACL group already exist for this consumer"}
BLOCKED = (403, {"message": "You cannot consume this service"})
UNKNOWN = (
    403,
    {"message": "Cannot identify the consumer, add an authentication plugin to use the ACL plugin"},
)


def add_rows(gate: Guarded) -> None:
    """Give bob two groups, and a consumer without any a key of its own."""
    lookups = gate.worker.lookups
    lookups.add(CONSUMERS, {"id": "loner-id", "username": "loner"})
    lookups.add(
        KEYAUTH_CREDENTIALS,
        {"id": "k1", "consumer_id": BOB["id"], "key": "bob"},
        {"id": "k2", "consumer_id": "loner-id", "key": "loner"},
    )
    lookups.add(
        ACLS,
        {"id": "a1", "consumer_id": BOB["id"], "group": "admin"},
        {"id": "a2", "consumer_id": BOB["id"], "group": "pro user"},
        {"id": "a3", "consumer_id": "somebody else", "group": "other"},
    )


# -- at run time -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "key", "groups"),
    [
        ({"whitelist": ["admin"]}, "bob", "admin, pro user"),
        ({"whitelist": ["x", "pro user"]}, "bob", "admin, pro user"),
        ({"whitelist": ["Admin"]}, "bob", None),
        ({"whitelist": ["adm"]}, "bob", None),
        ({"whitelist": ["other"]}, "bob", None),
        ({"whitelist": ["admin"]}, "loner", None),
        ({"blacklist": ["x", "admin"]}, "bob", None),
        ({"blacklist": ["other", "Admin"]}, "bob", "admin, pro user"),
        ({"blacklist": ["admin"]}, "loner", ""),
    ],
)
def test_groups_decide_who_passes(config: dict[str, Any], key: str, groups: str | None) -> None:
    with guarded((KeyAuth, {}), (Acl, config)) as gate:
        add_rows(gate)
        reply = gate.ask(f"/?apikey={key}", ("X-Consumer-Groups", "spoofed"))
        if groups is None:
            assert reply.refusal == BLOCKED
        else:
            assert reply.passed["x-consumer-groups"] == groups


def test_nobody_is_nobody() -> None:
    with guarded((Acl, {"whitelist": ["admin"]})) as gate:
        assert gate.ask().refusal == UNKNOWN


@pytest.mark.parametrize("config", [{"whitelist": ["admin"]}, {"blacklist": ["admin"]}])
def test_the_anonymous_consumer_is_nobody_either(config: dict[str, Any]) -> None:
    with guarded((KeyAuth, {"anonymous": ANONYMOUS["id"]}), (Acl, config)) as gate:
        gate.worker.lookups.add(ACLS, {"id": "a", "consumer_id": ANONYMOUS["id"], "group": "admin"})
        assert gate.ask().refusal == UNKNOWN


def test_groups_are_waited_for_and_without_the_datastore_nobody_passes() -> None:
    with guarded((KeyAuth, {}), (Acl, {"blacklist": ["x"]})) as gate:
        add_rows(gate)
        gate.worker.lookups.is_cold = True
        assert gate.ask("/?apikey=bob").passed["x-consumer-groups"] == "admin, pro user"
        assert gate.worker.lookups.fetched[-1] == ("acls", "consumer_id", BOB["id"])
        gate.worker.lookups.fetched.pop()
        gate.worker.lookups.is_available = False
        assert gate.ask("/?apikey=bob").refusal == (503, {"message": "Service unavailable"})


# -- its configuration and its entities --------------------------------------------------------


@pytest.fixture
async def admin() -> Admin:
    admin = Admin()
    await admin.create("/consumers", {"username": "bob"})
    await admin.create("/consumers", {"username": "eve"})
    return admin


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "You must set at least a whitelist or blacklist"),
        ({"whitelist": "", "blacklist": []}, "You must set at least a whitelist or blacklist"),
        ({"whitelist": "a", "blacklist": "b"}, "You cannot set both a whitelist and a blacklist"),
    ],
)
async def test_one_of_the_lists_is_needed(
    admin: Admin, config: dict[str, Any], message: str
) -> None:
    answer = await admin.send("POST", "/plugins", json={"name": "acl", "config": config})
    assert (answer.status_code, body_of(answer)) == (400, {"config": message})


async def test_a_list_may_come_as_text(admin: Admin) -> None:
    row = await admin.create("/plugins", {"name": "acl", "config": {"whitelist": "a, b"}})
    assert row["config"] == {"whitelist": ["a", "b"]}


async def test_a_group_by_name_or_id(admin: Admin) -> None:
    row = await admin.create(PATH, {"group": "admin"})
    assert row == {
        "id": row["id"],
        "consumer_id": row["consumer_id"],
        "created_at": 1_500_000_000_000,
        "group": "admin",
    }
    for name in ("admin", row["id"]):
        assert (await admin.send("GET", f"{PATH}/{name}")).json() == row
        assert (await admin.send("GET", f"/consumers/eve/acls/{name}")).status_code == 404
    changed = await admin.send("PATCH", f"{PATH}/admin", json={"group": "staff"})
    assert (changed.status_code, changed.json()) == (200, {**row, "group": "staff"})
    assert (await admin.send("DELETE", f"{PATH}/staff")).status_code == 204
    assert await admin.rows(PATH) == []


async def test_a_consumer_has_a_group_once_and_others_may_have_it_too(admin: Admin) -> None:
    await admin.create(PATH, {"group": "admin"})
    await admin.create("/consumers/eve/acls", {"group": "admin"})
    for method in ("POST", "PUT"):
        answer = await admin.send(method, PATH, json={"group": "admin"})
        assert (answer.status_code, body_of(answer)) == (400, TAKEN)
    empty = await admin.send("POST", PATH, json={})
    assert (empty.status_code, body_of(empty)) == (400, {"group": "group is required"})


@pytest.mark.parametrize("body", [{}, {"group": "admin"}, {"group": "staff"}])
async def test_a_change_to_a_group_that_is_taken_is_refused_even_by_itself(
    admin: Admin, body: dict[str, str]
) -> None:
    row = await admin.create(PATH, {"group": "admin"})
    await admin.create(PATH, {"group": "staff"})
    answer = await admin.send("PATCH", f"{PATH}/{row['id']}", json=body)
    assert (answer.status_code, body_of(answer)) == (400, TAKEN)


async def test_groups_go_with_their_consumer(admin: Admin) -> None:
    await admin.create(PATH, {"group": "admin"})
    await admin.send("DELETE", "/consumers/bob")
    assert await admin.store.count(ACLS) == 0
