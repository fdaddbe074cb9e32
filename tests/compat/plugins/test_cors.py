"""What browsers see of cors (reference: plugins.md, cors)."""

from typing import Any

import pytest

from support.plugins import configured
from support.proxying import exchange, get, proxied
from support.raw_upstream import reply

pytestmark = pytest.mark.integration

ALL_METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE"
A = "http://a.test"


def cors_headers(head: bytes) -> dict[str, str]:
    """Return the headers that matter; each may come once only."""
    found: dict[str, str] = {}
    for line in head.decode().split("\r\n")[1:]:
        name, _, value = line.partition(": ")
        short = name.removeprefix("Access-Control-")
        if short != name or name == "Vary":
            assert short not in found, head
            found[short] = value
    return found


def ask(config: dict[str, Any], *lines: bytes, **harness: Any) -> dict[str, str]:
    """Return the headers of the answer to a GET."""
    with proxied(**configured({"cors": config}), **harness) as (gateway, _):
        head, body = exchange(gateway, get(b"/", *lines))
        assert head.startswith(b"HTTP/1.1 200 ")
        assert body == b"ok"
        return cors_headers(head)


def preflight(config: dict[str, Any], *lines: bytes) -> dict[str, str]:
    with proxied(**configured({"cors": config, "key-auth": {}})) as (gateway, upstream):
        head, body = exchange(gateway, get(b"/", *lines, method=b"OPTIONS"))
        assert head.startswith(b"HTTP/1.1 204 No Content\r\n")
        assert body == b""
        assert b"Content-Length" not in head
        assert upstream.connections == 0
        return cors_headers(head)


@pytest.mark.parametrize("lines", [(), (b"Origin: http://a.test",)])
@pytest.mark.parametrize("origins", [None, [], ["*"]])
def test_without_origins_all_are_let_in(
    origins: list[str] | None, lines: tuple[bytes, ...]
) -> None:
    config = {} if origins is None else {"origins": origins}
    assert ask(config, *lines) == {"Allow-Origin": "*"}


@pytest.mark.parametrize(
    ("origins", "origin", "expected"),
    [
        # One that is plain text is announced whatever the request says.
        (["example.com"], None, {"Allow-Origin": "example.com", "Vary": "Origin"}),
        (["http://a.test:80"], "b.test", {"Allow-Origin": "http://a.test:80", "Vary": "Origin"}),
        # One that is not is a pattern.
        ([r"a\.test$"], A, {"Allow-Origin": A, "Vary": "Origin"}),
        ([r"a\.test$"], "http://a-test", {"Vary": "Origin"}),
        ([r"a\.test$"], None, {"Vary": "Origin"}),
        # Several are patterns, found anywhere.
        (["example.com", "a.test"], A, {"Allow-Origin": A, "Vary": "Origin"}),
        (
            ["example.com", "b.test"],
            "http://www.example.com",
            {"Allow-Origin": "http://www.example.com", "Vary": "Origin"},
        ),
        (
            ["example.com", "b.test"],
            "http://example-com.test",
            {"Allow-Origin": "http://example-com.test", "Vary": "Origin"},
        ),
        (["example.com", "b.test"], A, {"Vary": "Origin"}),
        (["example.com", "b.test"], None, {"Vary": "Origin"}),
    ],
)
def test_who_is_let_in(origins: list[str], origin: str | None, expected: dict[str, str]) -> None:
    lines = () if origin is None else (b"Origin: " + origin.encode(),)
    assert ask({"origins": origins}, *lines) == expected
    assert preflight({"origins": origins}, *lines) == {"Allow-Methods": ALL_METHODS, **expected}


@pytest.mark.parametrize(
    ("origins", "origin", "expected"),
    [
        ([], None, {"Allow-Origin": "*"}),
        ([], A, {"Allow-Origin": A, "Vary": "Origin", "Allow-Credentials": "true"}),
        (
            ["a.test"],
            None,
            {"Allow-Origin": "a.test", "Vary": "Origin", "Allow-Credentials": "true"},
        ),
        (["x.test", "y.test"], A, {"Vary": "Origin", "Allow-Credentials": "true"}),
    ],
)
def test_credentials(origins: list[str], origin: str | None, expected: dict[str, str]) -> None:
    lines = () if origin is None else (b"Origin: " + origin.encode(),)
    assert ask({"origins": origins, "credentials": True}, *lines) == expected


def test_a_preflight_shows_what_is_configured() -> None:
    config = {
        "origins": ["a.test"], "methods": ["GET", "PUT"], "headers": ["X-A", "X-B"],
        "exposed_headers": ["X-C"], "max_age": 23, "credentials": True,
    }  # fmt: skip
    assert preflight(config, b"Access-Control-Request-Headers: X-Z") == {
        "Allow-Origin": "a.test",
        "Vary": "Origin",
        "Allow-Credentials": "true",
        "Allow-Headers": "X-A,X-B",
        "Allow-Methods": "GET,PUT",
        "Max-Age": "23",
    }


def test_a_preflight_echoes_the_headers_asked_for() -> None:
    assert preflight({}, b"Access-Control-Request-Headers: origin, accept,X-A") == {
        "Allow-Origin": "*",
        "Allow-Methods": ALL_METHODS,
        "Allow-Headers": "origin, accept,X-A",
    }
    assert preflight({}) == {"Allow-Origin": "*", "Allow-Methods": ALL_METHODS}


def test_a_preflight_may_go_on_to_the_upstream_and_its_answer_stays_as_it_is() -> None:
    answer = reply(b"", b"Access-Control-Allow-Origin: theirs", status=b"204 No Content")
    config = {"preflight_continue": True, "origins": ["a.test"], "exposed_headers": ["X-C"]}
    with proxied(answer=answer, **configured({"cors": config})) as (gateway, upstream):
        head, _ = exchange(gateway, get(method=b"OPTIONS"))
        assert cors_headers(head) == {"Allow-Origin": "theirs"}
        assert upstream.heads[0].startswith(b"OPTIONS ")


def test_what_the_upstream_says_of_it_is_replaced() -> None:
    answer = reply(
        b"ok",
        b"Access-Control-Allow-Origin: theirs",
        b"access-control-allow-origin: again",
        b"Access-Control-Expose-Headers: X-Theirs",
        b"Access-Control-Max-Age: 9",
    )
    assert ask({"exposed_headers": ["X-A", "X-B"]}, answer=answer) == {
        "Allow-Origin": "*",
        "Expose-Headers": "X-A,X-B",
        "Max-Age": "9",
    }


def test_what_the_upstream_says_an_answer_varies_by_stays() -> None:
    with proxied(
        answer=reply(b"ok", b"Vary: Accept-Encoding"),
        **configured({"cors": {"origins": ["a.test"]}}),
    ) as (gateway, _):
        head, _ = exchange(gateway, get())
        assert b"\r\nVary: Accept-Encoding\r\n" in head
        assert b"\r\nVary: Origin\r\n" in head


@pytest.mark.parametrize("theirs", [b"Accept, origin", b"*"])
def test_an_answer_varies_by_the_origin_once(theirs: bytes) -> None:
    answer = reply(b"ok", b"Vary: " + theirs)
    found = ask({"origins": ["a.test"]}, answer=answer)
    assert found["Vary"] == theirs.decode()


def test_refusals_of_later_plugins_have_them_too() -> None:
    plugins = configured({"cors": {"origins": ["a.test"]}, "key-auth": {}})
    with proxied(**plugins) as (gateway, _):
        head, _ = exchange(gateway, get())
        assert head.startswith(b"HTTP/1.1 401 ")
        assert cors_headers(head) == {"Allow-Origin": "a.test", "Vary": "Origin"}


def test_so_have_requests_that_no_api_matches_if_it_is_global() -> None:
    plugins = configured({"cors": {}}, is_global=True)
    with proxied(fields={"uris": ["/elsewhere"]}, **plugins) as (gateway, _):
        head, _ = exchange(gateway, get())
        assert head.startswith(b"HTTP/1.1 404 ")
        assert cors_headers(head) == {"Allow-Origin": "*"}
