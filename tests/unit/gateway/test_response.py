"""The answer as plugins see and change it."""

import pytest

from colobus.gateway.response import Response


def test_changes_asked_for_before_the_answer_are_in_it() -> None:
    response = Response()
    response.set_header("X-A", "1")
    response.add_header("X-B", "2")
    response.remove_header("X-C")
    assert response.status == 0
    assert response.get_header("x-a") == "1"
    response.attach(201, b"X-A: theirs\r\nX-B: theirs\r\nX-C: theirs\r\nX-D: theirs\r\n", 7)
    assert response.status == 201
    assert response.lines == b"X-B: theirs\r\nX-D: theirs\r\nX-A: 1\r\nX-B: 2\r\n"
    assert response.get_header("Content-Length") == "7"


def test_changes_to_an_answer_take_effect_at_once() -> None:
    response = Response()
    response.attach(200, b"X-A: 1\r\nx-a: 2\r\n", -1)
    assert response.get_header("X-A") == "1"
    response.set_header("x-A", "3")
    assert response.lines == b"x-A: 3\r\n"
    response.add_header("X-A", "4")
    response.remove_header("x-a")
    assert response.lines == b""
    assert response.get_header("X-A") is None
    assert response.get_header("Content-Length") is None


def test_a_second_answer_has_nothing_of_the_first() -> None:
    response = Response()
    response.set_header("X-Kept", "1")
    response.attach(200, b"X-Theirs: 1\r\n", 5)
    response.attach(500, b"X-Ours: 1\r\n", 3)
    assert response.status == 500
    assert response.lines == b"X-Ours: 1\r\n"


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Connection", "Upgrade"])
def test_framing_is_the_gateways_own(name: str) -> None:
    response = Response()
    response.set_header(name, "1")
    response.add_header(name, "2")
    assert response.lines == b""


def test_every_value_of_a_header_is_found() -> None:
    response = Response()
    response.attach(200, b"A: 1\r\nB: 2\r\na: 3\r\n", 7)
    assert response.get_headers("a") == ["1", "3"]
    assert response.get_headers("content-length") == ["7"]
    assert response.get_headers("none") == []


def test_an_answer_is_ended_with_its_headers() -> None:
    response = Response()
    with pytest.raises(RuntimeError):
        response.end(429)
    response.attach(200, b"A: 1\r\n", 7)
    response.end(429)
    assert (response.status, response.is_ended, response.get_header("a")) == (429, True, "1")
    with pytest.raises(ValueError, match="101"):
        response.end(101)
    response.attach(500, b"", 0)
    assert not response.is_ended
