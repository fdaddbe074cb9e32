"""The keys of consumers."""

import re

import pytest

from colobus.errors import SchemaError
from colobus.model.schema import validate
from colobus.plugins.key_auth import KEYAUTH_CREDENTIALS
from colobus.plugins.key_auth.entities import KeyAuthCredential

CONSUMER = "7cbd37b2-0d08-4d5f-9b0c-1d1b1a4f3a11"


@pytest.mark.parametrize("given", [{}, {"key": ""}, {"key": "  "}])
def test_a_key_that_is_absent_or_empty_is_generated(given: dict[str, str]) -> None:
    keys = {validate(KeyAuthCredential, {"consumer_id": CONSUMER, **given}).key for _ in range(20)}
    assert len(keys) == 20
    assert all(re.fullmatch(r"[0-9a-f]{32}", key) for key in keys)


def test_a_key_that_is_given_is_kept() -> None:
    assert validate(KeyAuthCredential, {"consumer_id": CONSUMER, "key": " a b "}).key == "a b"


@pytest.mark.parametrize("key", [1, True, ["k"], None])
def test_a_key_is_a_string(key: object) -> None:
    with pytest.raises(SchemaError) as failure:
        validate(KeyAuthCredential, {"consumer_id": CONSUMER, "key": key})
    assert failure.value.fields == {"key": "key is not a string"}


def test_the_kind_is_found_by_its_secret_key_below_its_consumer() -> None:
    kind = KEYAUTH_CREDENTIALS
    assert kind.name == "keyauth_credentials"
    assert kind.alternate == "key"
    assert kind.parents == {"consumer_id": "consumers"}
    assert kind.unique == (("key",),)
    assert kind.indexed == ("id", "key", "consumer_id")
    assert kind.secrets == ("key",)
    assert kind.created_at_ms == 1000
    assert [(place.path, place.parent_field) for place in kind.collections] == [
        ("/consumers/{consumer_id}/key-auth", "consumer_id")
    ]
