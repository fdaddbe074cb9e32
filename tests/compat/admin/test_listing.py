"""Listings (reference: admin-api §1.3)."""

from typing import Any

import pytest

from support.admin import Admin, body_of

UUID = "9a77aaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"


async def consumers(count: int) -> Admin:
    admin = Admin()
    for number in range(count):
        await admin.create(
            "/consumers", {"username": f"u{number}", "custom_id": f"c{number % 2}{number}"}
        )
    return admin


async def walk(admin: Admin, url: str) -> tuple[list[str], list[dict[str, Any]]]:
    """Follow ``next`` from ``url``; return the user names and the pages."""
    names: list[str] = []
    pages: list[dict[str, Any]] = []
    following: str | None = url
    while following is not None:
        page = (await admin.send("GET", following)).json()
        pages.append(page)
        names.extend(row["username"] for row in page["data"])
        following = page.get("next")
    return names, pages


async def test_an_empty_set_is_exactly_this() -> None:
    admin = Admin()
    await admin.create("/consumers", {"username": "bob"})
    await admin.create("/apis", {"name": "a", "uris": "/", "upstream_url": "http://x"})
    for path in ("/plugins", "/apis/a/plugins", "/consumers/bob/key-auth", "/apis?name=none"):
        answer = await admin.send("GET", path)
        assert answer.content == b'{"data":[],"total":0}\n'


@pytest.mark.parametrize("size", [1, 3, 4, 5, 9, 10, 11])
async def test_pages_hold_every_row_once_and_end_when_full(size: int) -> None:
    admin = await consumers(10)
    names, pages = await walk(admin, f"/consumers?size={size}")
    assert sorted(names) == sorted(f"u{number}" for number in range(10))
    assert len(pages) == -(-10 // size)
    assert {page["total"] for page in pages} == {10}
    assert [("offset" in page, "next" in page) for page in pages] == [
        *[(True, True)] * (len(pages) - 1), (False, False)
    ]  # fmt: skip


async def test_the_default_size_is_a_hundred() -> None:
    admin = await consumers(101)
    for url in ("/consumers", "/consumers?size=many"):
        page = (await admin.send("GET", url)).json()
        assert (len(page["data"]), page["total"]) == (100, 101)
        assert page["next"] == f"http://admin:8001/consumers?offset={page['offset']}&size=100"


async def test_an_offset_may_be_passed_on_as_it_is() -> None:
    admin = await consumers(3)
    first = (await admin.send("GET", "/consumers/?size=2")).json()
    assert first["next"] == f"http://admin:8001/consumers/?offset={first['offset']}&size=2"
    second = await admin.send("GET", f"/consumers?size=2&offset={first['offset']}")
    assert second.json()["data"] == (await admin.send("GET", first["next"])).json()["data"]


@pytest.mark.parametrize("offset", ["", "garbage", "%%%", "Mg==", "bnVsbA", "%FF", "a" * 5000])
async def test_an_offset_that_no_page_gave_is_the_first_page(offset: str) -> None:
    admin = await consumers(3)
    page = (await admin.send("GET", f"/consumers?size=2&offset={offset}")).json()
    assert page["data"] == (await admin.send("GET", "/consumers?size=2")).json()["data"]


@pytest.mark.parametrize("size", ["-1", "0", "1.5"])
async def test_a_size_that_no_page_can_have(size: str) -> None:
    answer = await Admin().send("GET", f"/consumers?size={size}")
    assert (answer.status_code, body_of(answer)) == (
        400,
        {"size": "size must be a positive integer"},
    )


async def test_the_next_page_keeps_the_filters() -> None:
    """0.10 drops them, so that following ``next`` lists rows that were filtered out."""
    admin = Admin()
    for number in range(6):
        await admin.create(
            "/apis",
            {"name": f"a{number}", "uris": "/", "upstream_url": "http://x", "retries": number % 2},
        )
    page = (await admin.send("GET", "/apis?retries=1&size=2")).json()
    assert page["total"] == 3
    assert page["next"].endswith("&size=2&retries=1")
    rest = (await admin.send("GET", page["next"])).json()
    names = sorted(row["name"] for row in page["data"] + rest["data"])
    assert (names, rest["total"]) == (["a1", "a3", "a5"], 3)


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("/consumers?username=bob", ["bob"]),
        ("/consumers?username=Bob", []),
        ("/consumers?username=bob&custom_id=2", []),
        ("/consumers?username=bob&custom_id=1", ["bob"]),
        ("/consumers?username=J%C3%BCrgen%20/%20%25", ["Jürgen / %"]),
        ("/consumers?username=%FF", []),
        ("/consumers?username=%00", []),
        (f"/consumers?id={UUID.upper()}", ["bob"]),
        ("/consumers?id=00000000-0000-4000-8000-000000000000", []),
        ("/consumers?created_at=1500000000000", ["Jürgen / %", "bob"]),
    ],
)
async def test_filters_compare_by_value(url: str, names: list[str]) -> None:
    admin = Admin()
    await admin.create("/consumers", {"id": UUID, "username": "bob", "custom_id": "1"})
    await admin.create("/consumers", {"username": "Jürgen / %"})
    answer = (await admin.send("GET", url)).json()
    assert sorted(row["username"] for row in answer["data"]) == names
    assert answer["total"] == len(names)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/apis?foo=bar", {"foo": "unknown field"}),
        ("/apis?foo=bar&baz=1&name=a", {"foo": "unknown field", "baz": "unknown field"}),
        ("/consumers?id=x", {"id": "x is not a valid uuid"}),
        ("/plugins?api_id=xyz", {"api_id": "xyz is not a valid uuid"}),
        ("/plugins?consumer_id=xyz", {"consumer_id": "xyz is not a valid uuid"}),
        ("/apis?retries=many", {"retries": "retries is not a number"}),
        ("/apis?hosts[a]=b", {"hosts": "hosts is not an array"}),
    ],
)
async def test_filters_that_cannot_be(url: str, expected: dict[str, str]) -> None:
    answer = await Admin().send("GET", url)
    assert (answer.status_code, body_of(answer)) == (400, expected)


async def test_filters_of_plugins_and_credentials() -> None:
    admin = Admin()
    api = await admin.create("/apis", {"name": "a", "uris": "/", "upstream_url": "http://x"})
    bob = await admin.create("/consumers", {"username": "bob"})
    await admin.create("/consumers/bob/key-auth", {"key": "1"})
    await admin.create("/consumers/bob/key-auth", {"key": "2"})
    limit = {"name": "rate-limiting", "config": {"minute": 1}}
    on_api = await admin.create("/apis/a/plugins", limit)
    on_bob = await admin.create("/plugins", {**limit, "consumer_id": bob["id"]})
    other = await admin.create("/plugins", {"name": "correlation-id", "enabled": False})
    for query, rows in [
        (f"/plugins?api_id={api['id']}", [on_api]),
        (f"/plugins?consumer_id={bob['id']}&name=rate-limiting", [on_bob]),
        ("/plugins?name=correlation-id", [other]),
        ("/plugins?enabled=false", [other]),
        ("/apis/a/plugins?name=correlation-id", []),
        (f"/apis/a/plugins?api_id={UUID}", [on_api]),  # the path wins
    ]:
        assert await admin.rows(query) == rows
    assert [row["key"] for row in await admin.rows("/consumers/bob/key-auth?key=2")] == ["2"]
