"""APIs through the Admin API (reference: admin-api §1.10 "API"); their rules in themselves are
tested with the model."""

from typing import Any

import pytest

from support.admin import Admin, body_of

API = {"name": "a", "uris": "/a", "upstream_url": "http://example.com"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"name": "name is required", "upstream_url": "upstream_url is required"}),
        ({"name": "a", "upstream_url": "http://x"},
         {"message": "at least one of 'hosts', 'uris' or 'methods' must be specified"}),
        ({"name": "a", "upstream_url": "http://x", "hosts": "", "uris": []},
         {"message": "at least one of 'hosts', 'uris' or 'methods' must be specified"}),
        ({**API, "hosts": ["ok", "a:80"]},
         {"hosts": "host with value 'a:80' is invalid: Invalid hostname"}),
        ({**API, "uris": "/a%zz"},
         {"uris": "uri with value '/a%zz' is invalid: must use proper encoding; '%zz' is invalid"}),
        ({**API, "methods": "GET,get"},
         {"methods": "method with value 'get' is invalid: invalid value"}),
        ({**API, "upstream_url": "ftp://x"},
         {"upstream_url": "Supported protocols are HTTP and HTTPS"}),
        ({**API, "upstream_connect_timeout": 0},
         {"upstream_connect_timeout": "must be an integer between 1 and 2147483647"}),
        ({**API, "retries": "x", "name": "a b"},
         {"retries": "retries is not a number",
          "name": "name must only contain alphanumeric and '., -, _, ~' characters"}),
    ],
)  # fmt: skip
async def test_apis_that_cannot_be(body: dict[str, Any], expected: dict[str, str]) -> None:
    answer = await Admin().send("POST", "/apis", json=body)
    assert (answer.status_code, body_of(answer)) == (400, expected)


async def test_an_upstream_url_is_answered_as_it_was_sent() -> None:
    url = "HTTPS://Example.com:8443/Path/?q=1"
    row = await Admin().create("/apis", {**API, "upstream_url": url})
    assert row["upstream_url"] == url


@pytest.mark.parametrize(
    ("old", "new", "value", "stored"),
    [
        ("request_host", "hosts", "a.example", ["a.example"]),
        ("request_path", "uris", "/a/", ["/a"]),
        ("strip_request_path", "strip_uri", "false", False),
    ],
)
async def test_old_names_are_taken_with_a_warning(
    old: str, new: str, value: str, stored: object
) -> None:
    """Unknown fields to 0.10 (decision D2)."""
    admin = Admin()
    body = {"name": "a", "upstream_url": "http://x", "methods": "GET", old: value}
    answer = await admin.send("POST", "/apis", data=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()[new] == stored
    assert old not in answer.json()
    assert answer.headers["Warning"] == f'299 colobus "{old} is now called {new}"'
    both = await admin.send("POST", "/apis", data={**body, new: value})
    assert (both.status_code, body_of(both)) == (
        400, {old: f"{old} is an old name of {new}: use one of them"},
    )  # fmt: skip
