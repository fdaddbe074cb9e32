"""basic-auth as kong 0.10 answers and forwards (reference: plugins.md, basic-auth)."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from colobus.model import CONSUMERS
from colobus.plugins.basic_auth import BASICAUTH_CREDENTIALS, BasicAuth
from colobus.plugins.key_auth import KEYAUTH_CREDENTIALS, KeyAuth
from support.admin import Admin, body_of
from support.guarded import ANONYMOUS, BOB, Guarded, guarded

PATH = "/consumers/bob/basic-auth"
REFUSED = (403, {"message": "Invalid authentication credentials"})


def sha1(password: str, consumer_id: str = BOB["id"]) -> str:
    return hashlib.sha1((password + consumer_id).encode()).hexdigest()


def basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def add_credentials(gate: Guarded) -> None:
    owner = {"consumer_id": BOB["id"]}
    gate.worker.lookups.add(
        BASICAUTH_CREDENTIALS,
        {"id": "c1", **owner, "username": "bob", "password": sha1("kong")},
        {"id": "c2", **owner, "username": "colon", "password": sha1("a:b:c")},
        {"id": "c3", **owner, "username": "ünï", "password": sha1("pässwörd").upper()},
        {"id": "c4", **owner, "username": "none"},
        {"id": "c5", **owner, "username": "nil", "password": sha1("nil")},
        {"id": "c6", **owner, "username": "empty", "password": sha1("")},
        {"id": "c7", "consumer_id": "gone", "username": "orphan", "password": sha1("x", "gone")},
    )


@pytest.fixture
def gate() -> Iterator[Guarded]:
    with guarded((BasicAuth, {})) as gate:
        add_credentials(gate)
        yield gate


# -- at run time -------------------------------------------------------------------------------


def test_without_credentials_it_asks_for_them(gate: Guarded) -> None:
    reply = gate.ask()
    assert reply.refusal == (401, {"message": "Unauthorized"})
    assert reply.headers["www-authenticate"] == 'Basic realm="colobus"'


@pytest.mark.parametrize("name", ["Authorization", "Proxy-Authorization", "authorization"])
@pytest.mark.parametrize(
    "value",
    [
        basic("bob", "kong"),
        basic("bob", "kong").replace("Basic", "basic"),
        basic("bob", "kong").replace("Basic ", "Basic"),
        "something Basic   Ym9iOmtvbmc",
        basic("colon", "a:b:c"),
        basic("ünï", "pässwörd"),
    ],
)
def test_credentials_name_the_consumer(gate: Guarded, name: str, value: str) -> None:
    reply = gate.ask("/", (name, value))
    assert reply.status == 200
    assert reply.passed["x-consumer-id"] == BOB["id"]
    assert reply.passed["x-consumer-username"] == "bob"
    assert reply.passed["x-consumer-custom-id"] == "17"
    assert reply.passed["x-credential-username"] in ("bob", "colon", "ünï")
    assert "x-anonymous-consumer" not in reply.passed
    assert reply.passed[name.lower()] == value


@pytest.mark.parametrize("name", ["Authorization", "Proxy-Authorization"])
@pytest.mark.parametrize(
    "value",
    [
        "foobar",
        "",
        "Bearer abc",
        "Basic",
        "Basic ",
        "Basic aBad!base64",
        "Basic Ym9i",
        "BASIC Ym9iOmtvbmc=",
        basic("bob", ""),
        basic("bob", "wrong"),
        basic("Bob", "kong"),
        basic("nobody", "kong"),
        basic("", "kong"),
        basic("none", "x"),
        basic("empty", ""),
        basic("orphan", "x"),
        basic("bob\0", "kong"),
        "Basic " + b64encode(b"\xff\xfe:kong").decode(),
        "Basic " + b64encode(b"nil").decode(),
    ],
)
def test_wrong_credentials_are_forbidden(gate: Guarded, name: str, value: str) -> None:
    reply = gate.ask("/", (name, value))
    assert reply.refusal == REFUSED
    assert "www-authenticate" not in reply.headers


@pytest.mark.parametrize(
    ("proxy", "own", "status"),
    [
        (basic("nobody", "x"), basic("bob", "kong"), 200),
        ("garbage", basic("bob", "kong"), 200),
        (basic("bob", "wrong"), basic("bob", "kong"), 403),
        (basic("bob", "kong"), "garbage", 200),
    ],
)
def test_a_known_user_in_one_header_keeps_the_other_from_being_tried(
    gate: Guarded, proxy: str, own: str, status: int
) -> None:
    assert gate.ask("/", ("Proxy-Authorization", proxy), ("Authorization", own)).status == status


def test_each_header_is_hidden_as_it_is_consulted() -> None:
    with guarded((BasicAuth, {"hide_credentials": True, "anonymous": ANONYMOUS["id"]})) as gate:
        add_credentials(gate)
        right, wrong = basic("bob", "kong"), "garbage"
        own, proxy = "Authorization", "Proxy-Authorization"
        assert "authorization" not in gate.ask("/", (own, right)).passed
        first = gate.ask("/", (proxy, right), (own, right)).passed
        assert "proxy-authorization" not in first
        assert first["authorization"] == right
        both = gate.ask("/", (proxy, wrong), (own, wrong)).passed
        assert both["x-anonymous-consumer"] == "true"
        assert not {"authorization", "proxy-authorization"} & set(both)


def test_with_anonymous_a_refused_request_goes_on() -> None:
    with guarded((BasicAuth, {"anonymous": ANONYMOUS["id"]})) as gate:
        add_credentials(gate)
        for headers in ([], [("Authorization", "garbage")]):
            reply = gate.ask("/", *headers, ("X-Credential-Username", "spoofed"))
            assert reply.passed["x-anonymous-consumer"] == "true"
            assert reply.passed["x-consumer-username"] == "anyone"
            assert "x-credential-username" not in reply.passed
            assert "www-authenticate" not in reply.headers
        known = gate.ask(
            "/", ("Authorization", basic("bob", "kong")), ("X-Anonymous-Consumer", "true")
        )
        assert known.passed["x-consumer-username"] == "bob"
        assert "x-anonymous-consumer" not in known.passed


def test_an_anonymous_consumer_that_is_gone_is_an_error() -> None:
    with guarded((BasicAuth, {"anonymous": "deadbeef-0000-4000-8000-000000000001"})) as gate:
        assert gate.ask().refusal == (500, {"message": "An unexpected error occurred"})


@pytest.mark.parametrize(
    ("anonymous", "headers", "outcome"),
    [
        # Without anonymous, each plugin must be satisfied; the last one decides who it is.
        (None, ("basic",), 401),
        (None, ("key",), 401),
        (None, ("basic", "key"), "eve"),
        # With it, the first one that is satisfied decides.
        ("both", ("basic",), "bob"),
        ("both", ("key",), "eve"),
        ("both", ("basic", "key"), "bob"),
        ("both", (), "anyone"),
    ],
)
def test_several_plugins_are_and_or_or(
    anonymous: str | None, headers: tuple[str, ...], outcome: object
) -> None:
    config: dict[str, Any] = {"anonymous": ANONYMOUS["id"] if anonymous else ""}
    with guarded((BasicAuth, config), (KeyAuth, config)) as gate:
        add_credentials(gate)
        gate.worker.lookups.add(CONSUMERS, {"id": "eve-id", "username": "eve"})
        gate.worker.lookups.add(
            KEYAUTH_CREDENTIALS, {"id": "k", "consumer_id": "eve-id", "key": "s"}
        )
        lines = {"basic": ("Authorization", basic("bob", "kong")), "key": ("apikey", "s")}
        reply = gate.ask("/", *(lines[name] for name in headers))
        assert outcome == (reply.passed["x-consumer-username"] if reply.upstream else reply.status)


# -- its entities ------------------------------------------------------------------------------


@pytest.fixture
async def admin() -> Admin:
    admin = Admin()
    await admin.create("/consumers", {"username": "bob"})
    await admin.create("/consumers", {"username": "eve"})
    return admin


async def test_a_password_is_stored_and_shown_as_its_digest(admin: Admin) -> None:
    row = await admin.create(PATH, {"username": "b", "password": "kong"})
    assert row == {
        "id": row["id"],
        "created_at": 1_500_000_000_000,
        "consumer_id": row["consumer_id"],
        "username": "b",
        "password": sha1("kong", row["consumer_id"]),
    }
    assert (await admin.send("GET", f"{PATH}/b")).json() == row
    assert (await admin.send("GET", f"{PATH}/{row['id']}")).json() == row
    assert (await admin.send("GET", "/consumers/eve/basic-auth/b")).status_code == 404


async def test_a_password_is_hashed_again_unless_it_is_the_digest(admin: Admin) -> None:
    row = await admin.create(PATH, {"username": "b", "password": "kong"})
    url = f"{PATH}/b"
    for body in ({}, {"username": "b"}, {"password": row["password"]}):
        assert (await admin.send("PATCH", url, json=body)).json() == row
    changed = (await admin.send("PATCH", url, json={"password": "other"})).json()
    assert changed["password"] == sha1("other", row["consumer_id"])
    put = {"id": row["id"], "username": "b", "password": changed["password"]}
    assert (await admin.send("PUT", PATH, json=put)).json() == changed
    replaced = (await admin.send("PUT", PATH, json={**put, "password": "third"})).json()
    assert replaced["password"] == sha1("third", row["consumer_id"])
    made = await admin.send("PUT", PATH, json={"username": "c", "password": "kong"})
    assert made.status_code == 201
    assert made.json()["password"] == row["password"]


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({}, 400, {"username": "username is required"}),
        ({"password": "x"}, 400, {"username": "username is required"}),
        ({"username": "b", "password": 123}, 400, {"password": "password is not a string"}),
        # kong 0.10 stores the digest of "nil"
        ({"username": "b"}, 400, {"password": "password is required"}),
        ({"username": "b", "password": ""}, 400, {"password": "password is required"}),
        ({"username": "taken", "password": "x"}, 409,
         {"username": "already exists with value 'taken'"}),
    ],
)  # fmt: skip
async def test_credentials_that_cannot_be(
    admin: Admin, body: dict[str, Any], status: int, expected: dict[str, str]
) -> None:
    await admin.create("/consumers/eve/basic-auth", {"username": "taken", "password": "x"})
    answer = await admin.send("POST", PATH, json=body)
    assert (answer.status_code, body_of(answer)) == (status, expected)


async def test_a_password_in_a_change_is_a_string(admin: Admin) -> None:
    await admin.create(PATH, {"username": "b", "password": "x"})
    answer = await admin.send("PATCH", f"{PATH}/b", json={"password": 123})
    assert (answer.status_code, body_of(answer)) == (400, {"password": "password is not a string"})


async def test_passwords_do_not_get_into_the_log_of_changes(admin: Admin) -> None:
    row = await admin.create(PATH, {"username": "b", "password": "kong"})
    batch = await admin.store.changes_since(0, limit=100)
    logged = repr(batch.changes)
    assert "basicauth_credentials" in logged
    assert "kong" not in logged
    assert row["password"] not in logged
