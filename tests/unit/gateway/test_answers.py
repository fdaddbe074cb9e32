"""The gateway's own answers (reference: proxying §2.10, plugin-framework §4)."""

import json

import pytest

from colobus.gateway import answers
from colobus.plugins.context import ShortCircuit

JSON = b"Content-Type: application/json; charset=utf-8\r\n"


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Bad request"),
        (404, "Not found"),
        (408, "Request timeout"),
        (411, "Length required"),
        (412, "Precondition failed"),
        (413, "Payload too large"),
        (414, "URI too long"),
        (417, "Expectation failed"),
        (500, "An unexpected error occurred"),
        (502, "An invalid response was received from the upstream server"),
        (503, "The upstream server is currently unavailable"),
        (504, "The upstream server is timing out"),
        (505, "HTTP Version Not Supported"),
        (599, "Error"),
    ],
)
def test_each_page_has_its_message(status: int, message: str) -> None:
    page = answers.error_page(status, None)
    assert page.lines == b"Content-Type: text/plain\r\n"
    assert page.body == message.encode() + b"\n"
    assert page.filtered is False


@pytest.mark.parametrize(
    ("accept", "content_type", "body"),
    [
        (b"text/html, application/json", b"text/html", b"<html><head><title>Colobus Error"),
        (b"application/xml, application/json", b"application/json", b'{"message":"Not found"}'),
        (b"application/xml;q=0", b"application/xml", b"<?xml version="),
        (b"TEXT/HTML", b"text/plain", b"Not found"),
        (b"", b"text/plain", b"Not found"),
    ],
)
def test_the_form_of_a_page_is_found_by_substrings(
    accept: bytes, content_type: bytes, body: bytes
) -> None:
    page = answers.error_page(404, accept)
    assert page.lines == b"Content-Type: " + content_type + b"\r\n"
    assert page.body.startswith(body)
    assert page.body.endswith(b"\n")


@pytest.mark.parametrize(
    ("asked", "lines", "body"),
    [
        (ShortCircuit(401), JSON, {"message": "Unauthorized"}),
        (ShortCircuit(404), JSON, {"message": "Not found"}),
        (ShortCircuit(405), JSON, {"message": "Method not allowed"}),
        (ShortCircuit(405, "other"), JSON, {"message": "Method not allowed"}),
        (ShortCircuit(500, {"secret": 1}), JSON, {"message": "An unexpected error occurred"}),
        (ShortCircuit(503), JSON, {"message": "Service unavailable"}),
        (ShortCircuit(503, "later"), JSON, {"message": "later"}),
        (ShortCircuit(200, {"a": [1, None]}), JSON, {"a": [1, None]}),
        (ShortCircuit(200, []), JSON, []),
        (ShortCircuit(418, "é"), JSON, {"message": "é"}),
        (
            ShortCircuit(429, "x", {"Retry-After": "1"}),
            JSON + b"Retry-After: 1\r\n",
            {"message": "x"},
        ),
    ],
)
def test_json_answers_of_plugins(asked: ShortCircuit, lines: bytes, body: object) -> None:
    answer = answers.short_circuit(asked, b"text/html")
    assert answer.status == asked.status
    assert answer.lines == lines
    assert json.loads(answer.body) == body
    assert answer.body.endswith(b"\n")
    assert answer.filtered is True


@pytest.mark.parametrize(
    ("asked", "lines", "body"),
    [
        (ShortCircuit(204, "never"), b"", b""),
        (ShortCircuit(304, "never", {"ETag": "1"}), b"ETag: 1\r\n", b""),
        (ShortCircuit(302, None, {"Location": "/x"}), b"Location: /x\r\n", b""),
        (ShortCircuit(200, b"raw", {"content-type": "a/b"}), b"content-type: a/b\r\n", b"raw"),
        (ShortCircuit(200, b"raw"), JSON, b"raw"),
        # An error without a body gets a page, as a web server would give it.
        (ShortCircuit(413), b"Content-Type: text/plain\r\n", b"Payload too large\n"),
        (ShortCircuit(403), b"Content-Type: text/plain\r\n", b"Forbidden\n"),
    ],
)
def test_other_answers_of_plugins(asked: ShortCircuit, lines: bytes, body: bytes) -> None:
    answer = answers.short_circuit(asked, None)
    assert answer.lines == lines
    assert answer.body == body


def test_plugins_do_not_choose_the_framing() -> None:
    headers = {"Content-Length": "9", "transfer-encoding": "chunked", "Connection": "x", "X": "1"}
    assert answers.short_circuit(ShortCircuit(200, b"", headers), None).lines == JSON + b"X: 1\r\n"


@pytest.mark.parametrize("asked", [ShortCircuit(99), ShortCircuit(101), ShortCircuit(600)])
def test_a_status_that_ends_no_request_is_refused(asked: ShortCircuit) -> None:
    with pytest.raises(ValueError, match="is no status"):
        answers.short_circuit(asked, None)


def test_a_whole_answer_has_its_length() -> None:
    whole = answers.whole(answers.error_page(431, None), b"Server: x\r\n")
    assert whole == (
        b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain\r\n"
        b"Server: x\r\nContent-Length: 32\r\n\r\nRequest Header Fields Too Large\n"
    )
