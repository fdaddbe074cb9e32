"""Cache inspection (reference: admin-api §1.9)."""

from typing import Any

import httpx
import pytest

from support.admin import Admin, body_of

ROW = {"id": "c", "username": "é"}


def admin_with(**remembered: Any) -> Admin:
    admin = Admin()
    admin.node.remembered.update({"consumers:c": ROW, **remembered})
    return admin


@pytest.mark.parametrize("url", ["/cache/consumers:c", "/cache/consumers%3Ac/?cache=lua"])
async def test_an_entry_is_shown(url: str) -> None:
    answer = await admin_with().send("GET", url)
    assert (answer.status_code, body_of(answer)) == (200, ROW)


async def test_the_shared_view_shows_its_text() -> None:
    answer = await admin_with().send("GET", "/cache/consumers:c?cache=shm")
    assert body_of(answer) == {"message": '{"id":"c","username":"é"}'}


async def test_a_list_is_a_list_and_a_scalar_a_message() -> None:
    admin = admin_with(**{"acls:c": [{"group": "a"}], "n": True})
    assert body_of(await admin.send("GET", "/cache/acls:c")) == [{"group": "a"}]
    assert body_of(await admin.send("GET", "/cache/n")) == {"message": True}


async def test_an_unknown_key_is_404_and_deleting_it_204() -> None:
    admin = Admin()
    assert (await admin.send("GET", "/cache/x")).status_code == 404
    for url in ("/cache/x", "/cache/x?cache=shm", "/cache", "/cache/", "/cache?cache=lua"):
        answer = await admin.send("DELETE", url)
        assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("url", ["/cache/consumers:c", "/cache"])
async def test_a_delete_forgets(url: str) -> None:
    admin = admin_with()
    answer = await admin.send("DELETE", url)
    assert answer.status_code == 204
    assert "Warning" not in answer.headers
    assert (await admin.send("GET", "/cache/consumers:c")).status_code == 404


async def test_workers_that_are_behind_are_named() -> None:
    admin = admin_with()
    admin.node.laggards = ["worker 0 (pid 7)"]
    answer = await admin.send("DELETE", "/cache")
    assert answer.headers["Warning"] == '199 colobus "not yet done by worker 0 (pid 7)"'


@pytest.mark.parametrize(
    ("method", "url"),
    [("GET", "/cache/consumers:c"), ("DELETE", "/cache/consumers:c"), ("DELETE", "/cache")],
)
async def test_a_wrong_view_is_refused_before_anything_else(method: str, url: str) -> None:
    admin = admin_with()
    answer: httpx.Response = await admin.send(method, url + "?cache=ram")
    expected = "invalid cache type; 'ram', valid caches are: 'lua', 'shm'"
    assert (answer.status_code, body_of(answer)) == (400, {"message": expected})
    assert admin.node.remembered


async def test_keys_are_not_logged() -> None:
    admin = Admin()
    await admin.send("GET", "/cache/keyauth_credentials:hush")
    (line,) = admin.logged
    assert b'"GET /cache/****** HTTP/1.1" 404' in line
    assert b"hush" not in line


async def test_counters_are_told() -> None:
    """Not in 0.10."""
    assert body_of(await admin_with().send("GET", "/cache")) == {"entries": 1, "workers": 2}
