"""What clients see of response-transformer (reference: plugins.md, response-transformer)."""

import json
import logging
from typing import Any

import pytest

from colobus.errors import SchemaError
from colobus.model.schema import validate
from colobus.plugins.response_transformer import BODY_LIMIT, ResponseTransformerConfig
from support.plugins import configured
from support.proxying import exchange, get, proxied
from support.raw_upstream import reply

pytestmark = pytest.mark.integration

JSON = b"Content-Type: application/json; charset=utf-8"


def answered(
    config: dict[str, Any], body: bytes = b"ok", *lines: bytes, **harness: Any
) -> tuple[list[str], bytes]:
    """Return the head, as lines, and the body that reached the client."""
    plugins = configured({"response-transformer": config}, **harness)
    with proxied(answer=reply(body, *lines, status=b"201 Created"), **plugins) as (gateway, _):
        head, changed = exchange(gateway, get())
        assert head.startswith(b"HTTP/1.1 201 Created\r\n")
        return head.decode().split("\r\n"), changed


@pytest.mark.parametrize(
    ("config", "lines", "expected"),
    [
        ({"remove": ["h1"]}, [b"h1: a", b"H1: b", b"h2: c"], ["h2: c"]),
        ({"replace": ["h1:x", "h2:y"]}, [b"h1: a", b"h1: b"], ["h1: x"]),
        ({"replace": ["h1:"]}, [b"h1: a"], []),
        ({"add": ["h1:x", "h2:v:2"]}, [b"h1: a"], ["h1: a", "h2: v:2"]),
        ({"append": ["h1:x", "h2:y"]}, [b"h1: a"], ["h1: a", "h1: x", "h2: y"]),
        (
            {"remove": ["h1"], "replace": ["h1:no"], "add": ["h1:x"], "append": ["h1:y"]},
            [b"h1: a"],
            ["h1: x", "h1: y"],
        ),
    ],
)
def test_headers(config: dict[str, list[str]], lines: list[bytes], expected: list[str]) -> None:
    rules = {name: {"headers": items} for name, items in config.items()}
    head, body = answered(rules, b"ok", *lines)
    assert [line for line in head if line.startswith("h")] == expected
    assert "Content-Length: 2" in head
    assert body == b"ok"


@pytest.mark.parametrize(
    ("config", "before", "after"),
    [
        ({"remove": ["a"]}, {"a": 1, "b": {"a": 2}}, {"b": {"a": 2}}),
        ({"replace": ["a:x", "n:y", "f:z"]}, {"a": [1], "f": False}, {"a": "x", "f": False}),
        ({"add": ["a:x", "p4:\"v1\"", "u:a/b", "f:z"]}, {"a": 1, "f": False},
         {"a": 1, "p4": '"v1"', "u": "a/b", "f": "z"}),
        ({"append": ["s:x", "l:x", "n:x"]}, {"s": "old", "l": ["old"]},
         {"s": ["old", "x"], "l": ["old", "x"], "n": ["x"]}),
        ({"remove": ["a"], "replace": ["a:no"], "add": ["a:x"], "append": ["a:y"]},
         {"a": 1}, {"a": ["x", "y"]}),
    ],
)  # fmt: skip
def test_json(config: dict[str, list[str]], before: object, after: object) -> None:
    rules = {name: {"json": items} for name, items in config.items()}
    head, body = answered(rules, json.dumps(before).encode(), JSON)
    assert json.loads(body) == after
    assert not any(line.startswith("Content-Length") for line in head)


def test_a_type_that_a_rule_makes_json_counts() -> None:
    rules = {"replace": {"headers": ["Content-Type:application/json"]}, "add": {"json": ["a:1"]}}
    assert answered(rules, b"{}", b"Content-Type: text/plain")[1] == b'{"a":"1"}'


@pytest.mark.parametrize("lines", [(b"Content-Type: text/plain",), ()])
def test_other_types_keep_body_and_length(lines: tuple[bytes, ...]) -> None:
    head, body = answered({"add": {"json": ["a:1"]}}, b'{"b": 2}', *lines)
    assert "Content-Length: 8" in head
    assert body == b'{"b": 2}'


def test_json_that_no_rule_is_about_is_not_touched() -> None:
    body = b'{"b" : "\\/", "n": 1.50}'
    head, found = answered({"add": {"headers": ["h:1"]}}, body, JSON)
    assert f"Content-Length: {len(body)}" in head
    assert found == body


@pytest.mark.parametrize(
    "body", [b"malformed", b"[1]", b"", b"{" + b'"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}"]
)
def test_what_cannot_be_changed_passes_as_it_came(
    body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert answered({"add": {"json": ["a:1"]}}, body, JSON)[1] == body
    assert ("stays as it is" in caplog.text) is bool(body)


def test_a_large_body_is_changed_and_a_huge_one_passes_as_it_came() -> None:
    large = json.dumps({"k": "x" * (1 << 20)}).encode()
    found = json.loads(answered({"add": {"json": ["a:1"]}}, large, JSON)[1])
    assert found == {"k": "x" * (1 << 20), "a": "1"}
    huge = json.dumps({"k": "x" * BODY_LIMIT}).encode()
    assert answered({"add": {"json": ["a:1"]}}, huge, JSON)[1] == huge


def test_the_upstream_is_not_offered_compression_that_would_hide_the_json() -> None:
    for config, is_offered in (({"add": {"json": ["a:1"]}}, False), ({}, True)):
        plugins = configured({"response-transformer": config})
        with proxied(**plugins) as (gateway, upstream):
            exchange(gateway, get(b"/", b"Accept-Encoding: gzip"))
            assert (b"Accept-Encoding" in upstream.heads[0]) is is_offered


def test_answers_of_the_gateway_are_changed_where_the_configuration_is_global() -> None:
    config = {"add": {"json": ["a:1"]}, "append": {"headers": ["h:1"]}}
    plugins = configured({"response-transformer": config}, is_global=True)
    with proxied(fields={"uris": ["/elsewhere"]}, **plugins) as (gateway, _):
        head, body = exchange(gateway, get())
        assert head.startswith(b"HTTP/1.1 404 ")
        assert b"\r\nh: 1\r\n" in head
        assert json.loads(body) == {"message": "no API found with those values", "a": "1"}


@pytest.mark.parametrize(
    ("config", "field", "message"),
    [
        ({"add": {"headers": ["x"]}}, "add.headers", "key 'x' has no value"),
        ({"replace": {"json": ["x"]}}, "replace.json", "key 'x' has no value"),
        ({"append": {"json": ["a:b", "x"]}}, "append.json", "key 'x' has no value"),
        ({"rename": {}}, "rename", "rename is an unknown field"),
        ({"add": {"headers": ["a b:c"]}}, "add.headers", "'a b' is no header name"),
    ],
)
def test_what_is_wrong_is_named(config: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(SchemaError) as failure:
        validate(ResponseTransformerConfig, config)
    assert failure.value.fields == {field: message}


def test_the_configuration_has_these_defaults() -> None:
    parts: dict[str, list[str]] = {"json": [], "headers": []}
    assert validate(ResponseTransformerConfig, {}).model_dump(exclude_none=True) == {
        "remove": parts, "replace": parts, "add": parts, "append": parts,
    }  # fmt: skip
