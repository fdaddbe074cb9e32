"""Errors as answers, and what is told of them (reference: admin-api §1.1)."""

import logging

import pytest

from colobus.admin.errors import answer_to, unexpected
from colobus.errors import (
    ClusterError,
    ForeignKeyError,
    GatewayError,
    SchemaError,
    StoreError,
    StoreUnavailableError,
    StoreUnusableError,
    UniqueError,
)


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (SchemaError({"a": "a is required", "b": ["x", "y"]}), 400,
         b'{"a":"a is required","b":["x","y"]}\n'),
        (SchemaError({"message": "empty body"}), 400, b'{"message":"empty body"}\n'),
        (UniqueError("name", "a/b"), 409, b'{"name":"already exists with value \'a/b\'"}\n'),
        (UniqueError("group", "a", "in use"), 400, b'{"group":"in use"}\n'),
        (ForeignKeyError("api_id", "5"), 404, b'{"api_id":"does not exist with value \'5\'"}\n'),
        (StoreUnavailableError("password=hunter2"), 503, b'{"message":"Service unavailable"}\n'),
        (StoreUnusableError("secret"), 500, b'{"message":"An unexpected error occurred"}\n'),
        (StoreError("secret"), 500, b'{"message":"An unexpected error occurred"}\n'),
        (ClusterError("secret"), 500, b'{"message":"An unexpected error occurred"}\n'),
    ],
)  # fmt: skip
def test_each_error_has_its_answer(error: GatewayError, status: int, body: bytes) -> None:
    answer = answer_to(error)
    assert (answer.status, answer.body) == (status, body)


def test_the_reason_of_a_failure_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise KeyError("the reason")
    except KeyError as exc:
        answer = unexpected(exc)
    assert answer.status == 500
    [record] = caplog.records
    assert (record.name, record.levelno) == ("colobus.admin.errors", logging.ERROR)
    assert "the reason" in caplog.text


def test_why_the_datastore_is_unavailable_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    answer_to(StoreUnavailableError("no route to host"))
    assert "no route to host" in caplog.text
