"""Transport, envelope and order of processing (reference: admin-api §1.1, §1.2)."""

from typing import Any

import pytest

from colobus.version import VERSION
from support.admin import Admin, body_of

NO_ROW = "9a77aaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
JSON = {"Content-Type": "application/json"}
TEXT = {"Content-Type": "text/plain"}
NOT_FOUND = {"message": "Not found"}
NOT_ALLOWED = {"message": "Method not allowed"}
UNPARSABLE = {"message": "Cannot parse JSON body"}

ROUTES = {
    "/": "GET",
    "/status": "GET",
    "/cluster": "GET POST DELETE",
    "/cluster/events": "GET POST",
    "/cluster/reachability": "GET",
    "/cache": "GET DELETE",
    "/cache/k": "GET DELETE",
    "/apis": "GET POST PUT",
    "/apis/shop": "GET PATCH DELETE",
    "/apis/shop/plugins": "GET POST PUT",
    f"/apis/shop/plugins/{NO_ROW}": "GET PATCH DELETE",
    "/consumers": "GET POST PUT",
    "/consumers/bob": "GET PATCH DELETE",
    "/consumers/bob/key-auth": "GET POST PUT",
    "/consumers/bob/key-auth/k": "GET PATCH DELETE",
    **{
        f"/consumers/bob/{kind}": "GET POST PUT"
        for kind in ("basic-auth", "acls", "hmac-auth", "jwt", "oauth2")
    },
    "/oauth2": "GET",
    "/oauth2_tokens": "GET POST PUT",
    "/oauth2_tokens/t": "GET PATCH DELETE",
    "/plugins": "GET POST PUT",
    f"/plugins/{NO_ROW}": "GET PATCH DELETE",
    "/plugins/enabled": "GET",
    "/plugins/schema/key-auth": "GET",
    "/robots.txt": "GET",
}
"""Path -> the methods that are not 405 (admin-api §1.6)."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "GEEEET", "TRACE")


@pytest.fixture
async def admin() -> Admin:
    admin = Admin()
    await admin.create("/apis", {"name": "shop", "uris": "/shop", "upstream_url": "http://x"})
    await admin.create("/consumers", {"username": "bob"})
    await admin.create("/consumers/bob/key-auth", {"key": "k"})
    application = {"name": "a", "redirect_uri": "http://x"}
    row = await admin.create("/consumers/bob/oauth2", application)
    token = {"credential_id": row["id"], "expires_in": 5, "access_token": "t"}
    await admin.create("/oauth2_tokens", token)
    return admin


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(("path", "allowed"), ROUTES.items())
async def test_methods_that_a_route_does_not_have(
    admin: Admin, path: str, allowed: str, slash: str
) -> None:
    admin.node.feed.close()  # a subscription would not end
    for method in METHODS:
        answer = await admin.send(method, path + slash, headers=TEXT)
        if method in allowed.split():
            assert answer.status_code != 405
        else:
            assert (answer.status_code, body_of(answer)) == (405, NOT_ALLOWED)
            assert {*answer.headers["Allow"].split(", ")} == {*allowed.split(), "HEAD", "OPTIONS"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status", "expected"),
    [
        # 1. OPTIONS comes before everything, for any path.
        ("OPTIONS", "/apis", {}, b"", 204, None),
        ("OPTIONS", "/nowhere", {}, b"", 204, None),
        ("OPTIONS", "/robots.txt", {}, b"", 204, None),
        # 2. A missing Content-Type comes before routing and before the method.
        ("POST", "/apis", {}, b"", 415, ...),
        ("PUT", "/nowhere", {}, b"", 415, ...),
        ("PATCH", "/status", {}, b"", 415, ...),
        ("POST", "/", {}, b"x=1", 415, ...),
        ("DELETE", "/apis", {}, b"", 405, NOT_ALLOWED),
        # 3. The route, 4. the method.
        ("GET", "/nowhere", {}, b"", 404, NOT_FOUND),
        ("POST", "/nowhere", JSON, b"{", 404, NOT_FOUND),
        ("PATCH", "/apis", JSON, b"{", 405, NOT_ALLOWED),
        ("POST", "/apis/none", TEXT, b"", 405, NOT_ALLOWED),  # the look-up does not run
        ("PUT", "/plugins/no-uuid", TEXT, b"", 405, NOT_ALLOWED),
        ("GET", "/consumers/bob/plugins", {}, b"", 404, NOT_FOUND),
        ("GET", "/targets", {}, b"", 404, NOT_FOUND),
        ("GET", "/nodes", {}, b"", 404, NOT_FOUND),
        # 6. JSON is checked before 5. the look-up.
        ("PATCH", "/apis/none", JSON, b"{", 400, UNPARSABLE),
        ("PATCH", "/apis/none", JSON, b"", 400, UNPARSABLE),
        ("POST", "/apis/none/plugins", JSON, b"{", 400, UNPARSABLE),
        ("POST", "/apis", {"Content-Type": "APPLICATION/JSON; charset=utf-8"}, b"", 400, UNPARSABLE),
        ("POST", "/apis", JSON, b"null", 400, UNPARSABLE),
        ("POST", "/apis", JSON, b"[1]", 400, UNPARSABLE),
        ("GET", "/apis/shop/plugins", JSON, b"{", 200, {"data": [], "total": 0}),
        ("DELETE", "/apis/none", JSON, b"{", 404, NOT_FOUND),
        # 5. The look-up comes before 7. validation.
        ("PATCH", "/apis/none", JSON, b'{"foo": 1}', 404, NOT_FOUND),
        ("PATCH", "/apis/none", JSON, b"{}", 404, NOT_FOUND),
        ("POST", "/apis/none/plugins", JSON, b'{"foo": 1}', 404, NOT_FOUND),
        ("PUT", "/apis/none/plugins", JSON, b'{"foo": 1}', 404, NOT_FOUND),
        ("GET", "/apis/none/plugins?foo=1", {}, b"", 404, NOT_FOUND),
        ("GET", "/consumers/none/key-auth/k", {}, b"", 404, NOT_FOUND),
        ("PATCH", "/consumers/none/key-auth/k", JSON, b'{"foo": 1}', 404, NOT_FOUND),
    ],
)  # fmt: skip
async def test_what_is_decided_first(
    admin: Admin, method: str, path: str, headers: dict[str, str], body: bytes, status: int,
    expected: Any,
) -> None:  # fmt: skip
    answer = await admin.send(method, path, headers=headers, content=body)
    assert answer.status_code == status
    if expected is not ...:
        assert body_of(answer) == expected


async def test_a_415_is_the_page_of_a_web_server(admin: Admin) -> None:
    answer = await admin.send("POST", "/apis")
    assert answer.headers["Content-Type"] == "text/html"
    assert "415 Unsupported Media Type" in answer.text


async def test_options_tells_what_is_allowed_and_nothing_else(admin: Admin) -> None:
    answer = await admin.send("OPTIONS", "/apis/shop", headers={"Origin": "http://evil.example"})
    assert answer.headers["Access-Control-Allow-Methods"] == "GET,HEAD,PUT,PATCH,POST,DELETE"
    assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type"
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Content-Type" not in answer.headers


@pytest.mark.parametrize(
    ("path", "status"),
    [
        *((path, 200) for path in ROUTES if NO_ROW not in path),
        ("/apis/none", 404), ("/apis/none/plugins", 404), (f"/plugins/{NO_ROW}", 404),
        ("/plugins/no-uuid", 400), ("/consumers/bob/key-auth/none", 404),
        ("/consumers/none/key-auth", 404), ("/nowhere", 404), ("/apis?foo=1", 200),
    ],
)  # fmt: skip
async def test_head_runs_the_look_up_and_no_more(admin: Admin, path: str, status: int) -> None:
    answer = await admin.send("HEAD", path)
    assert (answer.status_code, answer.content) == (status, b"")
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_every_answer_says_who_made_it_and_when(admin: Admin) -> None:
    for method, path in [("GET", "/apis"), ("GET", "/nowhere"), ("OPTIONS", "/"), ("POST", "/apis"),
                         ("GET", "/robots.txt"), ("TRACE", "/")]:  # fmt: skip
        answer = await admin.send(method, path)
        assert answer.headers["Server"] == f"colobus/{VERSION}"
        assert answer.headers["Date"] == "Fri, 14 Jul 2017 02:40:00 GMT"
        assert "Via" not in answer.headers


async def test_robots_are_told_to_stay_away(admin: Admin) -> None:
    answer = await admin.send("GET", "/robots.txt")
    assert answer.text == "User-agent: *\nDisallow: /"


async def test_text_is_sent_as_it_is(admin: Admin) -> None:
    answer = await admin.send("POST", "/consumers", json={"username": "Jürgen/ü"})
    assert '"username":"Jürgen/ü"'.encode() in answer.content


async def test_nothing_is_shown_as_null(admin: Admin) -> None:
    assert await admin.rows("/consumers") == [
        {"id": (await admin.rows("/consumers"))[0]["id"], "username": "bob",
         "created_at": 1_500_000_000_000}
    ]  # fmt: skip
