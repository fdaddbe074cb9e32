"""What clients see of request-termination (reference: plugins.md, request-termination)."""

from typing import Any

import pytest

from colobus.errors import SchemaError
from colobus.model.schema import validate
from colobus.plugins.request_termination import RequestTerminationConfig
from support.plugins import configured
from support.proxying import exchange, get, proxied

pytestmark = pytest.mark.integration

JSON_TYPE = "application/json; charset=utf-8"


def answer_to(config: dict[str, Any], **more: Any) -> tuple[str, str | None, bytes]:
    """Return status, content type and body."""
    plugins = configured({"request-termination": config, **more})
    with proxied(**plugins) as (gateway, upstream):
        head, body = exchange(gateway, get())
        assert upstream.connections == 0
        assert b"\r\nServer: colobus/" in head
        assert b"\r\nVia:" not in head
    lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
    return head[9:12].decode(), lines.get("Content-Type"), body


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, ("503", JSON_TYPE, b'{"message":"Service unavailable"}\n')),
        ({"status_code": 404}, ("404", JSON_TYPE, b'{"message":"Not found"}\n')),
        ({"status_code": 401}, ("401", JSON_TYPE, b'{"message":"Unauthorized"}\n')),
        (
            {"status_code": 406, "message": "Invalid"},
            ("406", JSON_TYPE, b'{"message":"Invalid"}\n'),
        ),
        (
            {"status_code": 405, "message": "ignored"},
            ("405", JSON_TYPE, b'{"message":"Method not allowed"}\n'),
        ),
        (
            {"status_code": 500, "message": "ignored"},
            ("500", JSON_TYPE, b'{"message":"An unexpected error occurred"}\n'),
        ),
        ({"status_code": 204, "message": "ignored"}, ("204", None, b"")),
        ({"status_code": 200}, ("200", None, b"")),
        ({"status_code": 403}, ("403", "text/plain", b"Forbidden\n")),
        ({"status_code": 200, "body": "<b>"}, ("200", JSON_TYPE, b"<b>\n")),
        (
            {"status_code": 500, "body": "<b>", "content_type": "text/html"},
            ("500", "text/html", b"<b>\n"),
        ),
        ({"body": '{"code": 1}'}, ("503", JSON_TYPE, b'{"code": 1}\n')),
        # An interim status would leave the client waiting for the final one.
        (
            {"status_code": 101, "body": "x"},
            ("500", JSON_TYPE, b'{"message":"An unexpected error occurred"}\n'),
        ),
    ],
)
def test_the_answer(config: dict[str, Any], expected: tuple[str, str | None, bytes]) -> None:
    assert answer_to(config) == expected


def test_authentication_comes_first() -> None:
    assert answer_to({}, **{"key-auth": {}})[0] == "401"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"status_code": 99}, "status_code must be between 100..599"),
        ({"status_code": 600}, "status_code must be between 100..599"),
        ({"message": "m", "body": "b"}, "message cannot be used with content_type or body"),
        ({"message": "m", "content_type": "c"}, "message cannot be used with content_type or body"),
        ({"content_type": "c"}, "content_type requires a body"),
    ],
)
def test_what_makes_no_sense_is_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError) as failure:
        validate(RequestTerminationConfig, config)
    assert failure.value.fields == {"message": message}


def test_the_bounds_of_a_status_and_empty_texts_are_fine() -> None:
    for config in ({"status_code": 100}, {"status_code": 599}, {"message": "m", "body": ""}):
        validate(RequestTerminationConfig, config)
