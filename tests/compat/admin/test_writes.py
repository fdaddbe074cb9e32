"""What each verb does to a row (reference: admin-api §1.5), and where it differs on purpose."""

from typing import Any

import pytest

from support.admin import Admin, body_of

ID = "9a77aaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
OTHER = "5f0caaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
API = {"name": "shop", "hosts": ["a", "b"], "upstream_url": "http://x"}
NOT_FOUND = {"message": "Not found"}


@pytest.fixture
async def admin() -> Admin:
    admin = Admin()
    await admin.create("/apis", {"id": ID, "created_at": 1490000000123, **API, "retries": 9})
    return admin


async def get(admin: Admin, url: str = "/apis/shop") -> dict[str, Any]:
    row: dict[str, Any] = (await admin.send("GET", url)).json()
    return row


# -- POST ------------------------------------------------------------------------------------


async def test_post_stores_id_and_time_as_given(admin: Admin) -> None:
    row = await get(admin)
    assert (row["id"], row["created_at"]) == (ID, 1490000000123)


async def test_post_fills_what_is_left_out() -> None:
    admin = Admin()
    row = await admin.create("/apis", API)
    assert row.pop("id")[14] == "4"
    assert row == {
        **API, "created_at": 1_500_000_000_000, "strip_uri": True, "https_only": False,
        "http_if_terminated": True, "preserve_host": False, "retries": 5,
        "upstream_connect_timeout": 60000, "upstream_send_timeout": 60000,
        "upstream_read_timeout": 60000,
    }  # fmt: skip
    assert await get(admin) == {"id": (await admin.rows("/apis"))[0]["id"], **row}


@pytest.mark.parametrize(
    ("method", "fields", "expected"),
    [
        ("POST", {}, {"name": "already exists with value 'shop'"}),
        ("PUT", {}, {"name": "already exists with value 'shop'"}),
        ("POST", {"id": ID, "name": "new"}, {"id": f"already exists with value '{ID}'"}),
    ],
)
async def test_what_is_taken_is_a_conflict(
    admin: Admin, method: str, fields: dict[str, Any], expected: dict[str, str]
) -> None:
    answer = await admin.send(method, "/apis", json={**API, **fields})
    assert (answer.status_code, body_of(answer)) == (409, expected)


# -- PATCH -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"retries": "3"}, {"retries": 3}),
        ({"hosts": ["c"]}, {"hosts": ["c"]}),
        ({"hosts": []}, {"hosts": []}),
        ({"hosts": {}}, {"hosts": []}),
        ({"hosts": ""}, {"hosts": []}),
        ({"uris": "/a/,/b"}, {"uris": ["/a", "/b"]}),
        ({"name": "new"}, {"name": "new"}),
        ({"id": ID}, {}),
        ({"id": ID.upper()}, {}),
        ({"created_at": 5}, {}),  # kept
        ({"request_path": "/old"}, {"uris": ["/old"]}),
    ],
)
async def test_patch_changes_what_it_names_and_nothing_else(
    admin: Admin, changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    before = await get(admin)
    for url in ("/apis/shop", f"/apis/{ID}"):
        answer = await admin.send("PATCH", url, json=changes)
        assert (answer.status_code, answer.json()) == (200, {**before, **expected})
        if "name" in changes:
            break
    assert await get(admin, f"/apis/{ID}") == {**before, **expected}


@pytest.mark.parametrize(
    ("changes", "status", "expected"),
    [
        ({}, 400, {"message": "empty body"}),
        ({"retries": -1}, 400, {"retries": "must be an integer between 0 and 32767"}),
        ({"retries": None}, 400, {"retries": "retries is not a number"}),
        ({"name": ""}, 400, {"name": "name is required"}),
        ({"foo": 1}, 400, {"foo": "foo is an unknown field"}),
        ({"uris": "a"}, 400, {"uris": "uri with value 'a' is invalid: must be prefixed with slash"}),
        ({"id": OTHER}, 400, {"id": "id cannot be updated"}),
        ({"id": "xyz"}, 400, {"id": "xyz is not a valid uuid"}),
        ({"id": None}, 400, {"id": "null is not a valid uuid"}),
        ({"name": "taken"}, 409, {"name": "already exists with value 'taken'"}),
    ],
)  # fmt: skip
async def test_patch_that_is_refused_changes_nothing(
    admin: Admin, changes: dict[str, Any], status: int, expected: dict[str, str]
) -> None:
    taken = await admin.create("/apis", {**API, "id": OTHER, "name": "taken"})
    before = await get(admin)
    answer = await admin.send("PATCH", "/apis/shop", json=changes)
    assert (answer.status_code, body_of(answer)) == (status, expected)
    assert await get(admin) == before
    assert await get(admin, "/apis/taken") == taken


async def test_patch_takes_back_what_get_answered(admin: Admin) -> None:
    row = await get(admin)
    answer = await admin.send("PATCH", "/apis/shop", json=row)
    assert (answer.status_code, answer.json()) == (200, row)


async def test_patch_may_empty_the_only_matcher(admin: Admin) -> None:
    assert (await admin.send("PATCH", "/apis/shop", json={"hosts": ""})).json()["hosts"] == []


# -- PUT -------------------------------------------------------------------------------------


async def test_put_without_a_key_creates(admin: Admin) -> None:
    answer = await admin.send("PUT", "/apis", json={**API, "name": "new"})
    assert answer.status_code == 201
    assert (await get(admin, "/apis/new"))["retries"] == 5
    bare = await admin.send("PUT", "/apis", json={"name": "x", "upstream_url": "http://x"})
    assert (bare.status_code, body_of(bare)) == (
        400, {"message": "at least one of 'hosts', 'uris' or 'methods' must be specified"},
    )  # fmt: skip


async def test_put_with_a_key_replaces_whole_and_keeps_the_time(admin: Admin) -> None:
    """0.10 demands ``created_at`` here (decision D9)."""
    body = {"id": ID, "name": "other", "upstream_url": "http://y"}
    answer = await admin.send("PUT", "/apis", json=body)
    assert answer.status_code == 200
    row = await get(admin, "/apis/other")
    assert answer.json() == row
    assert (row["created_at"], row["retries"]) == (1490000000123, 5)
    assert "hosts" not in row
    timed = await admin.send("PUT", "/apis", json={**body, "created_at": 1480000000000})
    assert timed.json()["created_at"] == 1480000000000


async def test_put_of_what_get_answered_changes_nothing(admin: Admin) -> None:
    row = await get(admin)
    answer = await admin.send("PUT", "/apis", json=row)
    assert (answer.status_code, answer.json()) == (200, row)
    assert answer.headers["X-Colobus-Revision"] == "1"


async def test_put_of_an_unknown_key_is_an_empty_200_and_makes_nothing(admin: Admin) -> None:
    answer = await admin.send("PUT", "/apis", json={**API, "id": OTHER, "name": "new"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert len(await admin.rows("/apis")) == 1


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({"id": "xyz", "name": "a", "upstream_url": "http://x"}, 400,
         {"message": "xyz is not a valid uuid"}),
        ({"id": ID}, 400,
         {"name": "name is required", "upstream_url": "upstream_url is required"}),
        ({"id": OTHER, "name": "a b", "upstream_url": "http://x"}, 400,
         {"name": "name must only contain alphanumeric and '., -, _, ~' characters"}),
        ({"id": ID, "name": "taken", "upstream_url": "http://x"}, 409,
         {"name": "already exists with value 'taken'"}),
    ],
)  # fmt: skip
async def test_put_that_is_refused(
    admin: Admin, body: dict[str, Any], status: int, expected: dict[str, str]
) -> None:
    await admin.create("/apis", {**API, "name": "taken"})
    before = await get(admin)
    answer = await admin.send("PUT", "/apis", json=body)
    assert (answer.status_code, body_of(answer)) == (status, expected)
    assert await get(admin) == before


# -- DELETE ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["shop", ID, ID.upper(), "shop/"])
async def test_delete_is_an_empty_204_and_then_a_404(admin: Admin, name: str) -> None:
    answer = await admin.send("DELETE", f"/apis/{name}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Type" not in answer.headers
    for method in ("DELETE", "GET", "HEAD"):
        gone = await admin.send(method, f"/apis/{name}")
        assert gone.status_code == 404
        assert body_of(gone) == (NOT_FOUND if method != "HEAD" else None)


async def test_delete_takes_everything_below_with_it() -> None:
    admin = Admin()
    await admin.create("/apis", API)
    bob = await admin.create("/consumers", {"username": "bob"})
    await admin.create("/consumers/bob/key-auth", {})
    await admin.create("/apis/shop/plugins", {"name": "key-auth"})
    limit = {"name": "rate-limiting", "config.minute": 1}
    await admin.create("/apis/shop/plugins", {**limit, "consumer_id": bob["id"]})
    await admin.create("/plugins", {**limit, "consumer_id": bob["id"]})
    kept = await admin.create("/plugins", limit)
    assert (await admin.send("DELETE", "/consumers/bob")).status_code == 204
    assert len(await admin.rows("/plugins")) == 2
    assert (await admin.send("DELETE", "/apis/shop")).status_code == 204
    assert await admin.rows("/plugins") == [kept]
    counts = (await admin.send("GET", "/status")).json()["database"]
    assert counts["keyauth_credentials"] == 0


# -- looking up ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "username", ["a b", "a/b", "100%", "a@b.c", "Jürgen", "a+b", "a?b#c", "%2F", "..", OTHER]
)
async def test_odd_names_are_found_percent_encoded_everywhere(username: str) -> None:
    """0.10 decodes only the consumer segment of exactly ``/consumers/{x}``."""
    admin = Admin()
    row = await admin.create("/consumers", {"username": username})
    quoted = "".join(f"%{byte:02X}" for byte in username.encode())
    assert await get(admin, f"/consumers/{quoted}") == row
    key = await admin.create(f"/consumers/{quoted}/key-auth", {"key": username})
    assert await get(admin, f"/consumers/{quoted}/key-auth/{quoted}") == key
    found = await admin.send("GET", "/consumers", params={"username": username})
    assert found.json()["data"] == [row]
    assert (await admin.send("DELETE", f"/consumers/{quoted}/key-auth/{quoted}")).status_code == 204
