"""Consumers (reference: admin-api §1.10 "Consumer")."""

from typing import Any

import pytest

from support.admin import Admin, body_of

NEEDED = "At least a 'custom_id' or a 'username' must be specified"


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({}, 400, {"custom_id": NEEDED, "username": NEEDED}),
        ({"username": " ", "custom_id": ""}, 400, {"custom_id": NEEDED, "username": NEEDED}),
        ({"username": "bob"}, 409, {"username": "already exists with value 'bob'"}),
        ({"username": "new", "custom_id": "7"}, 409, {"custom_id": "already exists with value '7'"}),
        ({"username": 5}, 400, {"username": "username is not a string"}),
    ],
)  # fmt: skip
async def test_consumers_that_cannot_be(
    method: str, body: dict[str, Any], status: int, expected: dict[str, str]
) -> None:
    admin = Admin()
    await admin.create("/consumers", {"username": "bob", "custom_id": "7"})
    answer = await admin.send(method, "/consumers", json=body)
    assert (answer.status_code, body_of(answer)) == (status, expected)


async def test_either_name_is_enough_and_letters_count() -> None:
    admin = Admin()
    for body in ({"username": "bob"}, {"username": "Bob"}, {"custom_id": "bob"}):
        row = await admin.create("/consumers", body)
        assert row.keys() == {"id", "created_at", *body}
    assert (await admin.send("GET", "/consumers/BOB")).status_code == 404
    found = (await admin.send("GET", "/consumers/bob")).json()
    assert found["username"] == "bob"  # a custom_id is no name in a path


async def test_a_replace_clears_what_it_leaves_out() -> None:
    admin = Admin()
    row = await admin.create("/consumers", {"username": "bob", "custom_id": "7"})
    answer = await admin.send("PUT", "/consumers", json={"id": row["id"], "custom_id": "7"})
    del row["username"]
    assert (answer.status_code, answer.json()) == (200, row)


async def test_an_empty_patch_is_refused() -> None:
    admin = Admin()
    await admin.create("/consumers", {"username": "bob"})
    answer = await admin.send("PATCH", "/consumers/bob", json={})
    assert (answer.status_code, body_of(answer)) == (400, {"message": "empty body"})
