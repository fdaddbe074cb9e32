"""What upstreams see of request-transformer (reference: plugins.md, request-transformer)."""

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from colobus.errors import SchemaError
from colobus.model.schema import validate
from colobus.plugins.request_transformer import RequestTransformerConfig
from support.plugins import configured
from support.proxying import exchange, get, proxied

pytestmark = pytest.mark.integration

JSON = b"Content-Type: application/json"
FORM = b"Content-Type: application/x-www-form-urlencoded"
MULTIPART = b"Content-Type: multipart/form-data; boundary=xx"


def sent(
    config: dict[str, Any],
    target: bytes = b"/",
    *lines: bytes,
    method: bytes = b"GET",
    body: bytes | None = None,
) -> tuple[list[str], bytes]:
    """Return the head, as lines, and the body that reached the upstream."""
    length = () if body is None else (b"Content-Length: %d" % len(body),)
    with proxied(**configured({"request-transformer": config})) as (gateway, upstream):
        head, _ = exchange(gateway, get(target, *lines, *length, method=method) + (body or b""))
        assert head.startswith(b"HTTP/1.1 200 "), head
        return upstream.heads[0].decode().split("\r\n"), upstream.bodies[0]


def headers(config: dict[str, Any], *lines: bytes) -> list[str]:
    """Return the upstream's header lines that begin with ``h`` or name the Host, sorted."""
    head, _ = sent(config, b"/", *lines)
    return sorted(line for line in head if line[:1] == "h" or line.startswith("Host"))


def query(config: dict[str, Any], target: bytes) -> str:
    head, _ = sent({name: {"querystring": rules} for name, rules in config.items()}, target)
    return head[0].split(" ")[1].partition("?")[2]


def body_of(config: dict[str, Any], body: bytes, content_type: bytes) -> bytes:
    head, changed = sent(
        {name: {"body": rules} for name, rules in config.items()},
        b"/",
        content_type,
        method=b"POST",
        body=body,
    )
    assert f"Content-Length: {len(changed)}" in head
    return changed


@pytest.mark.parametrize("method", ["POST", "post", "PROPFIND", "delete", "Trace"])
def test_the_method_is_replaced_in_capitals(method: str) -> None:
    head, _ = sent({"http_method": method})
    assert head[0] == f"{method.upper()} / HTTP/1.1"


@pytest.mark.parametrize("method", ["GET", "HEAD", "TRACE"])
def test_a_form_is_copied_into_the_query_of_a_method_without_body(method: str) -> None:
    config = {"http_method": method}
    if method == "HEAD":
        with proxied(
            answer=b"HTTP/1.1 200 OK\r\n\r\n", **configured({"request-transformer": config})
        ) as (gateway, upstream):
            exchange(gateway, get(b"/", FORM, b"Content-Length: 3", method=b"POST") + b"a=1")
            assert upstream.heads[0].startswith(b"HEAD /?a=1 HTTP/1.1\r\n")
        return
    head, body = sent(config, b"/?a=0&b=0", FORM, method=b"POST", body=b"a=1&c=x+y&a=2")
    target = head[0].split(" ")[1]
    assert parse_qsl(target.partition("?")[2]) == [
        ("b", "0"), ("a", "1"), ("c", "x y"), ("a", "2"),
    ]  # fmt: skip
    assert body == b"a=1&c=x+y&a=2"


@pytest.mark.parametrize(
    ("method", "content_type"), [("get", FORM), ("PUT", FORM), ("GET", JSON), ("GET", b"X: y")]
)
def test_otherwise_it_is_not(method: str, content_type: bytes) -> None:
    head, body = sent({"http_method": method}, b"/", content_type, method=b"POST", body=b"a=1")
    assert head[0] == f"{method.upper()} / HTTP/1.1"
    assert body == b"a=1"


HOST = "Host: 127.0.0.1:"


@pytest.mark.parametrize(
    ("config", "lines", "expected"),
    [
        ({"remove": ["h1", "H2"]}, [b"h1: a", b"H1: b", b"h2: c", b"h3: d"], ["h3: d"]),
        ({"rename": ["h1:h2"]}, [b"h1: a", b"h2: b"], ["h2: a"]),
        ({"rename": ["h1:h2"]}, [b"h1: a", b"h1: b"], ["h2: a", "h2: b"]),
        ({"rename": ["h1:h2", "h3", "h3:no name"]}, [b"h2: b", b"h3: c"], ["h2: b", "h3: c"]),
        ({"replace": ["h1:x", "h2:y"]}, [b"h1: a", b"h1: b"], ["h1: x"]),
        ({"replace": ["h1:"]}, [b"h1: a"], []),
        ({"add": ["h1:x", "h2:value:2"]}, [b"h1: a"], ["h1: a", "h2: value:2"]),
        ({"add": ["h1:"]}, [], []),
        ({"append": ["h1:x", "h2:y"]}, [b"h1: a"], ["h1: a", "h1: x", "h2: y"]),
        ({"append": ["h1:"]}, [b"h1: a"], ["h1: a"]),
        (
            {
                "remove": ["h1"], "rename": ["h2:h1"], "replace": ["h1:r"],
                "add": ["h1:no", "h3:a"], "append": ["h3:b"],
            },
            [b"h1: one", b"h2: two"],
            ["h1: r", "h3: a", "h3: b"],
        ),
    ],
)  # fmt: skip
def test_headers(config: dict[str, list[str]], lines: list[bytes], expected: list[str]) -> None:
    found = headers({name: {"headers": rules} for name, rules in config.items()}, *lines)
    assert [line for line in found if not line.startswith("Host")] == expected


@pytest.mark.parametrize("operation", ["replace", "append"])
def test_the_host_is_changed_to_exactly_what_is_set(operation: str) -> None:
    assert headers({operation: {"headers": ["Host:mark"]}}) == ["Host: mark"]


def test_a_host_is_never_added() -> None:
    [host] = headers({"add": {"headers": ["host:mark"]}})
    assert host.startswith(HOST)


@pytest.mark.parametrize(
    ("config", "target", "expected"),
    [
        ({"remove": ["a", "b"]}, b"/?a=1&c=3&a=2&b", "c=3"),
        ({"remove": ["a"]}, b"/?a=1", ""),
        ({"rename": ["a:b"]}, b"/?a=1&b=2", "b=1"),
        ({"rename": ["a:b"]}, b"/?b=2", "b=2"),
        ({"replace": ["a:x y", "b:z"]}, b"/?a=1&a=2&c=3", "c=3&a=x%20y"),
        ({"replace": ["a:"]}, b"/?a=1&c=3", "c=3"),
        ({"add": ["a:x", "b:y:z"]}, b"/?a=1", "a=1&b=y%3Az"),
        ({"append": ["a:x", "b:y"]}, b"/?a=1", "a=1&a=x&b=y"),
        ({"add": ["a:x"]}, b"/", "a=x"),
        ({"remove": ["a"], "add": ["a:x"]}, b"/?a=%20&keep=%7E+~", "keep=%7E+~&a=x"),
    ],
)
def test_the_query(config: dict[str, list[str]], target: bytes, expected: str) -> None:
    assert query(config, target) == expected


@pytest.mark.parametrize(
    ("config", "before", "after"),
    [
        ({"remove": ["a"]}, {"a": 1, "b": {"a": 2}}, {"b": {"a": 2}}),
        ({"rename": ["a:b"]}, {"a": [1], "b": 2}, {"b": [1]}),
        ({"rename": ["a:b"]}, {"b": 2}, {"b": 2}),
        ({"replace": ["a:x", "b:y"]}, {"a": {"c": 1}}, {"a": "x"}),
        ({"replace": ["f:x", "n:y"]}, {"f": False, "n": None}, {"f": False, "n": "y"}),
        ({"replace": ["a:"]}, {"a": 1, "b": 2}, {"b": 2}),
        ({"add": ["a:x", "b:5", "f:y"]}, {"a": 1, "f": False}, {"a": 1, "b": "5", "f": "y"}),
        (
            {"append": ["s:x", "l:x", "n:x"]},
            {"s": "old", "l": ["old"], "o": 1},
            {"s": ["old", "x"], "l": ["old", "x"], "o": 1, "n": ["x"]},
        ),
        ({"append": ["i:x"]}, {"i": 5}, {"i": [5, "x"]}),
        (
            {"remove": ["a"], "rename": ["b:a"], "replace": ["a:r"], "add": ["c:x"],
             "append": ["c:y"]},
            {"a": 1, "b": 2},
            {"a": "r", "c": ["x", "y"]},
        ),
        ({"add": ["x:y"]}, {"big": 123456789012345678, "l": []},
         {"big": 123456789012345678, "l": [], "x": "y"}),
    ],
)  # fmt: skip
def test_json(config: dict[str, list[str]], before: object, after: object) -> None:
    assert json.loads(body_of(config, json.dumps(before).encode(), JSON)) == after


@pytest.mark.parametrize("body", [b"malformed", b"[1]", b'{"a":1'])
def test_what_is_no_json_object_is_not_touched(body: bytes) -> None:
    assert body_of({"add": ["a:x"], "remove": ["a"]}, body, JSON) == body


def test_an_empty_json_body_becomes_an_object_only_if_something_is_added() -> None:
    assert body_of({"add": ["a:x"], "append": ["b:y"]}, b"", JSON) == b'{"a":"x","b":["y"]}'
    head, body = sent({"remove": {"body": ["a"]}}, b"/", JSON)
    assert body == b""
    assert not any(line.startswith("Content-Length") for line in head)


def test_json_nested_too_deeply_is_refused() -> None:
    config = {"request-transformer": {"remove": {"body": ["a"]}}}
    body = b'{"a":1,"b":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with proxied(**configured(config)) as (gateway, upstream):
        length = b"Content-Length: %d" % len(body)
        head, _ = exchange(gateway, get(b"/", JSON, length, method=b"POST") + body)
        assert head.startswith(b"HTTP/1.1 400 ")
        assert upstream.connections == 0


@pytest.mark.parametrize(
    ("content_type", "size"), [(JSON, (1 << 20) + 1), (FORM, (1 << 20) + 1), (MULTIPART, 1 << 25)]
)
def test_a_body_that_is_too_large_to_be_changed_is_refused(content_type: bytes, size: int) -> None:
    config = {"request-transformer": {"remove": {"body": ["a"]}}}
    with proxied(**configured(config)) as (gateway, upstream):
        length = b"Content-Length: %d" % size
        head, _ = exchange(gateway, get(b"/", content_type, length, method=b"POST"))
        assert head.startswith(b"HTTP/1.1 413 ")
        assert upstream.connections == 0


@pytest.mark.parametrize(
    ("config", "before", "after"),
    [
        ({"remove": ["a"]}, b"a=1&b=2&a=3&a", b"b=2"),
        ({"rename": ["a:c d"]}, b"a=1&b=2&c+d=9", b"c%20d=1&b=2"),
        ({"rename": ["a:b"]}, b"b=2", b"b=2"),
        ({"replace": ["a:x", "n:y"]}, b"a=1&b=2&a=3", b"a=x&b=2"),
        ({"replace": ["a:"]}, b"a=1&b=2", b"b=2"),
        ({"add": ["a:x", "b:y z"]}, b"a=1", b"a=1&b=y%20z"),
        ({"append": ["a:x", "b:y"]}, b"a=1", b"a=1&a=x&b=y"),
        ({"add": ["a:x"]}, b"", b"a=x"),
        ({"remove": ["a"]}, b"a=1", b""),
    ],
)
def test_a_form(config: dict[str, list[str]], before: bytes, after: bytes) -> None:
    assert body_of(config, before, FORM + b"; charset=utf-8") == after


def test_a_form_of_too_many_arguments_is_refused() -> None:
    config = {"request-transformer": {"remove": {"body": ["a"]}}}
    body = b"&".join([b"b"] * 1001)
    with proxied(**configured(config)) as (gateway, _):
        length = b"Content-Length: %d" % len(body)
        head, _ = exchange(gateway, get(b"/", FORM, length, method=b"POST") + body)
        assert head.startswith(b"HTTP/1.1 413 ")


FILE = b'--xx\r\nContent-Disposition: form-data; name="f"; filename="x"\r\nX-Y: z\r\n\r\n\0\r\n\xff'


def part(name: bytes, value: bytes) -> bytes:
    return b'--xx\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b' % (name, value)


def multipart(*parts: bytes) -> bytes:
    return b"".join(each + b"\r\n" for each in parts) + b"--xx--\r\n"


@pytest.mark.parametrize(
    ("config", "before", "after"),
    [
        ({"remove": ["a"]}, (part(b"a", b"1"), FILE), (FILE,)),
        ({"rename": ["a:b"]}, (part(b"a", b"1"), FILE, part(b"b", b"2")), (part(b"b", b"1"), FILE)),
        ({"rename": ["a:b"]}, (part(b"b", b"2"),), (part(b"b", b"2"),)),
        # A name is given before anything is removed.
        ({"rename": ["a:b"], "remove": ["b"]}, (part(b"a", b"1"), FILE), (FILE,)),
        ({"replace": ["a:x", "n:y"]}, (FILE, part(b"a", b"1")), (FILE, part(b"a", b"x"))),
        ({"replace": ["f:x"]}, (FILE, part(b"a", b"1")), (part(b"f", b"x"), part(b"a", b"1"))),
        ({"add": ["a:x", "b:y"]}, (part(b"a", b"1"),), (part(b"a", b"1"), part(b"b", b"y"))),
        ({"append": ["a:x", "b:y"]}, (part(b"a", b"1"),), (part(b"a", b"1"),)),
    ],
)
def test_a_multipart_form(
    config: dict[str, list[str]], before: tuple[bytes, ...], after: tuple[bytes, ...]
) -> None:
    assert body_of(config, multipart(*before), MULTIPART) == multipart(*after)


def test_a_multipart_form_without_boundary_is_not_touched() -> None:
    body = multipart(part(b"a", b"1"))
    assert body_of({"remove": ["a"]}, body, b"Content-Type: multipart/form-data") == body


@pytest.mark.parametrize("content_type", [b"Content-Type: text/plain", b"X: y"])
def test_bodies_of_other_types_are_not_touched(content_type: bytes) -> None:
    assert body_of({"add": ["a:x"], "remove": ["b"]}, b"b=1", content_type) == b"b=1"


@pytest.mark.parametrize(
    ("config", "field", "message"),
    [
        ({"http_method": "nonsense"}, "http_method", "NONSENSE is not supported"),
        ({"http_method": "CONNECT"}, "http_method", "CONNECT is not supported"),
        ({"add": {"headers": ["x"]}}, "add.headers", "key 'x' has no value"),
        ({"append": {"body": ["a:1", "x"]}}, "append.body", "key 'x' has no value"),
        ({"replace": {"querystring": "x"}}, "replace.querystring", "key 'x' has no value"),
        ({"add": {"headers": ["a b:c"]}}, "add.headers", "'a b' is no header name"),
        ({"add": {"cookies": []}}, "add.cookies", "cookies is an unknown field"),
        ({"add": "x"}, "add", "add is not a table"),
        ({"remove": {"body": 5}}, "remove.body", "body is not an array"),
    ],
)
def test_what_is_wrong_is_named(config: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(SchemaError) as failure:
        validate(RequestTransformerConfig, config)
    assert failure.value.fields == {field: message}


def test_the_configuration_has_these_defaults() -> None:
    parts: dict[str, list[str]] = {"body": [], "headers": [], "querystring": []}
    config = validate(RequestTransformerConfig, {"rename": {"headers": "a:b,c"}})
    assert config.model_dump(exclude_none=True) == {
        "remove": parts,
        "rename": {**parts, "headers": ["a:b", "c"]},
        "replace": parts,
        "add": parts,
        "append": parts,
    }
