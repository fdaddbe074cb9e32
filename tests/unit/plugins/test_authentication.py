"""What authentication plugins share: who the request comes from, and the anonymous consumer."""

from typing import Any

import pytest

from colobus.errors import SchemaError
from colobus.model import CONSUMERS
from colobus.model.schema import Row, Schema, validate
from colobus.plugins.authentication import (
    Anonymous,
    Identity,
    identify,
    is_identified,
    set_anonymous,
    set_consumer,
)
from colobus.plugins.context import ShortCircuit
from colobus.plugins.questions import Questions, answered
from colobus.testing.exchange import MemoryExchange, MemoryRequest
from colobus.testing.lookups import MemoryLookups

NOBODY = "7cbd37b2-0d08-4d5f-9b0c-1d1b1a4f3a11"
BOB: Row = {"id": "bob-id", "username": "bob", "custom_id": "17"}
CREDENTIAL: Row = {"id": "credential-id", "consumer_id": "bob-id"}

SPOOFED = [
    ("x-consumer-id", "spoofed"),
    ("X-Consumer-Username", "spoofed"),
    ("X-CONSUMER-CUSTOM-ID", "spoofed"),
    ("X-Credential-Username", "spoofed"),
    ("X-Credential-Username", "spoofed again"),
    ("X-Anonymous-Consumer", "spoofed"),
    ("X-Other", "kept"),
]


def spoofing() -> MemoryExchange:
    return MemoryExchange(MemoryRequest(headers=SPOOFED))


def headers(exchange: MemoryExchange) -> dict[str, str]:
    return {name.lower(): value for name, value in exchange.request.headers}


def test_a_consumer_is_recorded_and_announced_and_nothing_spoofed_is_left() -> None:
    exchange = spoofing()
    set_consumer(exchange, BOB, {**CREDENTIAL, "username": "bob-basic"})
    assert exchange.consumer == BOB
    assert exchange.credential == {**CREDENTIAL, "username": "bob-basic"}
    assert headers(exchange) == {
        "x-other": "kept",
        "x-consumer-id": "bob-id",
        "x-consumer-username": "bob",
        "x-consumer-custom-id": "17",
        "x-credential-username": "bob-basic",
    }


def test_values_that_are_absent_remove_their_headers() -> None:
    exchange = spoofing()
    set_consumer(exchange, {"id": "x"}, CREDENTIAL)
    assert headers(exchange) == {"x-other": "kept", "x-consumer-id": "x"}


def test_the_anonymous_consumer_is_marked_and_has_no_credential() -> None:
    exchange = spoofing()
    set_anonymous(exchange, {"id": NOBODY, "username": "anonymous"})
    assert exchange.consumer == {"id": NOBODY, "username": "anonymous"}
    assert exchange.credential is None
    assert headers(exchange) == {
        "x-other": "kept",
        "x-consumer-id": NOBODY,
        "x-consumer-username": "anonymous",
        "x-anonymous-consumer": "true",
    }


class Config(Schema):
    anonymous: Anonymous = ""


@pytest.mark.parametrize("value", ["nobody", "7cbd37b2", NOBODY + "0"])
def test_anonymous_is_empty_or_a_uuid(value: str) -> None:
    with pytest.raises(SchemaError) as failure:
        validate(Config, {"anonymous": value})
    assert failure.value.fields == {"anonymous": "the anonymous user must be empty or a valid uuid"}
    assert validate(Config, {"anonymous": ""}).anonymous == ""
    assert validate(Config, {"anonymous": NOBODY.upper()}).anonymous == NOBODY


@pytest.mark.parametrize(
    ("credential", "anonymous", "expected"),
    [(None, "", False), (None, NOBODY, False), (CREDENTIAL, "", False), (CREDENTIAL, NOBODY, True)],
)
def test_a_credential_of_another_plugin_is_enough_only_with_anonymous(
    credential: Any, anonymous: str, expected: bool
) -> None:
    assert is_identified(MemoryExchange(credential=credential), anonymous) is expected


def attempt(outcome: Identity | ShortCircuit) -> Questions[Identity]:
    yield CONSUMERS, "id", "bob-id"
    if isinstance(outcome, ShortCircuit):
        raise outcome
    return outcome


def run(outcome: Identity | ShortCircuit, anonymous: str, *consumers: Row) -> MemoryExchange:
    lookups = MemoryLookups()
    lookups.add(CONSUMERS, *consumers)
    exchange = MemoryExchange()
    assert answered(lookups, identify(exchange, anonymous, attempt(outcome))) is None
    return exchange


def test_success_sets_the_consumer_with_or_without_anonymous() -> None:
    for anonymous in ("", NOBODY):
        exchange = run((BOB, CREDENTIAL), anonymous)
        assert exchange.consumer == BOB
        assert exchange.credential == CREDENTIAL


def test_a_refusal_without_anonymous_is_the_answer() -> None:
    with pytest.raises(ShortCircuit) as answer:
        run(ShortCircuit(401, "no key"), "", {"id": NOBODY})
    assert (answer.value.status, answer.value.body) == (401, "no key")


def test_a_refusal_with_anonymous_goes_on_as_that_consumer() -> None:
    exchange = run(ShortCircuit(401), NOBODY, {"id": NOBODY})
    assert exchange.consumer == {"id": NOBODY}
    assert exchange.response.headers == []


def test_an_anonymous_consumer_that_does_not_exist_is_a_500() -> None:
    with pytest.raises(ShortCircuit) as answer:
        run(ShortCircuit(401), NOBODY, BOB)
    assert answer.value.status == 500
