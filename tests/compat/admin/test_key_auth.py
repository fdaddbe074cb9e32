"""Credential routes (reference: plugin-framework §5.1), with those of key-auth."""

import re
from typing import Any

import pytest

from support.admin import Admin, body_of

NO_ROW = "9a77aaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
KEYS = "/consumers/bob/key-auth"
NOT_FOUND = {"message": "Not found"}


@pytest.fixture
async def admin() -> Admin:
    admin = Admin()
    await admin.create("/consumers", {"username": "bob"})
    await admin.create("/consumers", {"username": "eve"})
    return admin


@pytest.mark.parametrize("url", [KEYS, KEYS + "/"])
async def test_a_credential_belongs_to_the_consumer_of_the_path(admin: Admin, url: str) -> None:
    bob = (await admin.send("GET", "/consumers/bob")).json()["id"]
    eve = (await admin.send("GET", "/consumers/eve")).json()["id"]
    row = await admin.create(url, {"key": "k", "consumer_id": eve})
    assert row == {
        "id": row["id"], "consumer_id": bob, "created_at": 1_500_000_000_000, "key": "k",
    }  # fmt: skip
    assert await admin.rows(url) == [row]
    assert await admin.rows("/consumers/eve/key-auth") == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"json": {}}, {"json": {"key": ""}}, {"data": {"key": ""}}, {"json": []},
        {"content": b"", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {"content": b"--X--\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=X"}},
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_key_is_made_where_none_is_given(
    admin: Admin, method: str, arguments: dict[str, Any]
) -> None:
    """An empty key is stored as it is by 0.10 (decision D16)."""
    answer = await admin.send(method, KEYS, **arguments)
    assert answer.status_code == 201, answer.text
    assert re.fullmatch("[0-9a-f]{32}", answer.json()["key"])


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({"key": 5}, 400, {"key": "key is not a string"}),
        ({"key": None}, 400, {"key": "key is not a string"}),
        ({"foo": 1}, 400, {"foo": "foo is an unknown field"}),
        ({"key": "taken"}, 409, {"key": "already exists with value 'taken'"}),
    ],
)
async def test_credentials_that_cannot_be(
    admin: Admin, body: dict[str, Any], status: int, expected: dict[str, str]
) -> None:
    await admin.create("/consumers/eve/key-auth", {"key": "taken"})
    answer = await admin.send("POST", KEYS, json=body)
    assert (answer.status_code, body_of(answer)) == (status, expected)


async def test_a_credential_by_key_or_id(admin: Admin) -> None:
    row = await admin.create(KEYS, {"key": "k/1"})
    for name in (row["id"], row["id"].upper(), "k%2F1", "k%2F1/"):
        assert (await admin.send("GET", f"{KEYS}/{name}")).json() == row
    unchanged = await admin.send("PATCH", f"{KEYS}/{row['id']}", json={})
    assert (unchanged.status_code, unchanged.json()) == (200, row)
    changed = await admin.send("PATCH", f"{KEYS}/k%2F1", json={"key": "k2"})
    assert (changed.status_code, changed.json()) == (200, {**row, "key": "k2"})
    assert (await admin.send("GET", f"{KEYS}/k%2F1")).status_code == 404
    assert (await admin.send("DELETE", f"{KEYS}/k2")).status_code == 204
    assert await admin.rows(KEYS) == []


async def test_a_key_that_looks_like_an_id(admin: Admin) -> None:
    row = await admin.create(KEYS, {"key": NO_ROW})
    assert (await admin.send("GET", f"{KEYS}/{NO_ROW}")).json() == row


@pytest.mark.parametrize("consumer", ["eve", "nobody"])
async def test_a_credential_elsewhere_is_not_there(admin: Admin, consumer: str) -> None:
    row = await admin.create(KEYS, {"key": "k"})
    for name in ("k", row["id"], NO_ROW, "other"):
        for method in ("GET", "PATCH", "DELETE"):
            url = f"/consumers/{consumer}/key-auth/{name}"
            answer = await admin.send(method, url, json={"foo": 1})
            assert (answer.status_code, body_of(answer)) == (404, NOT_FOUND)
    assert await admin.rows(KEYS) == [row]


async def test_put_with_an_id_replaces(admin: Admin) -> None:
    row = await admin.create(KEYS, {"key": "k"})
    answer = await admin.send("PUT", KEYS, json={"id": row["id"], "key": "k2"})
    assert (answer.status_code, answer.json()) == (200, {**row, "key": "k2"})
    elsewhere = await admin.send(
        "PUT", "/consumers/eve/key-auth", json={"id": row["id"], "key": "x"}
    )
    assert (elsewhere.status_code, elsewhere.content) == (200, b"")
    assert await admin.rows(KEYS) == [{**row, "key": "k2"}]


async def test_there_is_no_list_over_all_consumers(admin: Admin) -> None:
    for path in ("/key-auth", "/key-auths"):
        assert (await admin.send("GET", path)).status_code == 404
