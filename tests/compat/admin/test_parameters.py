"""Parameters in every form, and what fields take (reference: admin-api §1.2)."""

from typing import Any

import pytest

from support.admin import Admin, body_of

UPSTREAM = "http://example.com"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    "arguments",
    [
        {"json": {"name": "a", "upstream_url": UPSTREAM, "hosts": ["x", "y"], "retries": 3}},
        {"json": {"name": "a", "upstream_url": UPSTREAM, "hosts": "x,y", "retries": "3"}},
        {"json": {"name": " a ", "upstream_url": UPSTREAM, "hosts": {"1": "x", "2": "y"}, "retries": " 3 "}},
        {"data": {"name": "a", "upstream_url": UPSTREAM, "hosts": " x , y ", "retries": "3"}},
        {"data": {"name": "a", "upstream_url": UPSTREAM, "hosts[1]": "x", "hosts[2]": "y", "retries": "3"}},
        {"data": {"name": "a", "upstream_url": UPSTREAM, "hosts[2]": "y", "hosts[1]": "x", "retries": "3"}},
        {"data": {"name": "a", "upstream_url": UPSTREAM, "hosts.1": "x", "hosts.2": "y", "retries": "3"}},
        {"data": {"name": ["b", "a"], "upstream_url": UPSTREAM, "hosts": "x,y", "retries": "3"}},
        {"params": {"name": "a", "retries": "3"}, "data": {"upstream_url": UPSTREAM, "hosts": "x,y"}},
        {"params": {"name": "a", "upstream_url": UPSTREAM, "hosts": "x,y", "retries": "3"}, "headers": FORM},
        {"params": {"name": "a", "retries": "9"}, "json": {"upstream_url": UPSTREAM, "hosts": "x,y", "retries": 3}},
        {"files": {"name": (None, "a"), "upstream_url": (None, UPSTREAM), "hosts": (None, "x,y"), "retries": (None, "3")}},
        {"files": {"name": (None, "a"), "upstream_url": (None, UPSTREAM), "hosts": ("f.txt", b"x,y\n", "text/plain"), "retries": (None, "3")}},
    ],
)  # fmt: skip
async def test_every_way_to_say_the_same(arguments: dict[str, Any]) -> None:
    admin = Admin()
    answer = await admin.send("POST", "/apis", **arguments)
    assert answer.status_code == 201, answer.text
    found = {name: answer.json()[name] for name in ("name", "upstream_url", "hosts", "retries")}
    assert found == {"name": "a", "upstream_url": UPSTREAM, "hosts": ["x", "y"], "retries": 3}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", b'{"username": "a"}'),
        ("application/www-form-urlencoded", b"username=a"),
        ("application/x-www-form-urlencoded", b""),
        ("multipart/form-data; boundary=XX", b"--XX--\r\n"),
        ("multipart/form-data; boundary=XX", b""),
        ("application/json", b"{}"),
        ("application/json", b"[]"),
    ],
)
async def test_bodies_that_say_nothing(content_type: str, body: bytes) -> None:
    admin = Admin()
    answer = await admin.send(
        "POST", "/consumers", content=body, headers={"Content-Type": content_type}
    )
    text = "At least a 'custom_id' or a 'username' must be specified"
    assert (answer.status_code, body_of(answer)) == (400, {"custom_id": text, "username": text})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": 5}, {"name": "name is not a string"}),
        ({"name": True}, {"name": "name is not a string"}),
        ({"name": None}, {"name": "name is not a string"}),
        ({"name": ""}, {"name": "name is required"}),
        ({"retries": "x"}, {"retries": "retries is not a number"}),
        ({"retries": None}, {"retries": "retries is not a number"}),
        ({"retries": ""}, {"retries": "retries is not a number"}),
        ({"retries": True}, {"retries": "retries is not a number"}),
        ({"https_only": 1}, {"https_only": "https_only is not a boolean"}),
        ({"https_only": "yes"}, {"https_only": "https_only is not a boolean"}),
        ({"https_only": None}, {"https_only": "https_only is not a boolean"}),
        ({"hosts": 5}, {"hosts": "hosts is not an array"}),
        ({"hosts": {"a": "b"}}, {"hosts": "hosts is not an array"}),
        ({"hosts": {"2": "b"}}, {"hosts": "hosts is not an array"}),
        ({"hosts[]": "b"}, {"hosts": "hosts is not an array"}),
        ({"upstream_url": "example.com"}, {"upstream_url": "upstream_url is not a url"}),
        ({"created_at": "soon"}, {"created_at": "created_at is not a timestamp"}),
        ({"created_at": -5}, {"created_at": "created_at is not a timestamp"}),
        ({"id": "xyz"}, {"id": "xyz is not a valid uuid"}),
        ({"foo": 1}, {"foo": "foo is an unknown field"}),
        ({"foo.bar": 1, "retries": "x"},
         {"foo": "foo is an unknown field", "retries": "retries is not a number"}),
        ({"retries": 40000}, {"retries": "must be an integer between 0 and 32767"}),
    ],
)  # fmt: skip
async def test_fields_that_cannot_be(fields: dict[str, Any], expected: dict[str, str]) -> None:
    admin = Admin()
    api = {"name": "a", "uris": "/a", "upstream_url": UPSTREAM}
    answer = await admin.send("POST", "/apis", json={**api, **fields})
    assert (answer.status_code, body_of(answer)) == (400, expected)
    assert await admin.rows("/apis") == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"strip_uri": "FALSE"}, {"strip_uri": False}),
        ({"https_only": " true "}, {"https_only": True}),
        ({"retries": " 250 "}, {"retries": 250}),
        ({"retries": 5.0}, {"retries": 5}),
        ({"hosts": ""}, {"hosts": []}),
        ({"hosts": {}}, {"hosts": []}),
        ({"created_at": "1490000000123"}, {"created_at": 1490000000123}),
    ],
)
async def test_fields_are_taken_in_other_types(
    fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    admin = Admin()
    api = {"name": "a", "uris": "/a", "upstream_url": UPSTREAM}
    created = await admin.create("/apis", {**api, **fields})
    assert {name: created[name] for name in expected} == expected


async def test_a_bare_key_is_true_and_an_empty_value_is_empty() -> None:
    admin = Admin()
    created = await admin.send(
        "POST", "/apis",
        content=b"name=a&hosts=x&uris=&https_only&upstream_url=" + UPSTREAM.encode(), headers=FORM,
    )  # fmt: skip
    assert created.status_code == 201, created.text
    assert (created.json()["https_only"], created.json()["uris"]) == (True, [])


async def test_only_the_first_hundred_fields_of_a_form_are_read() -> None:
    admin = Admin()
    form = "&".join(f"hosts[{number}]=h{number}" for number in range(1, 150))
    content = f"name=a&upstream_url={UPSTREAM}&{form}".encode()
    answer = await admin.send("POST", "/apis", content=content, headers=FORM)
    assert len(answer.json()["hosts"]) == 98


async def test_a_body_of_get_filters_too() -> None:
    admin = Admin()
    for name in ("a", "b"):
        await admin.create("/consumers", {"username": name})
    for arguments in ({"json": {"username": "b"}}, {"data": {"username": "b"}}):
        answer = await admin.send("GET", "/consumers", **arguments)
        assert [row["username"] for row in answer.json()["data"]] == ["b"]
