"""basic-auth and the worker around it: waiting for the datastore, and failing closed."""

from base64 import b64encode

import pytest

from colobus.model import CONSUMERS
from colobus.model.schema import validate
from colobus.plugins.basic_auth import BASICAUTH_CREDENTIALS, BasicAuth
from colobus.plugins.basic_auth.config import BasicAuthConfig
from colobus.plugins.basic_auth.passwords import digest, is_digest_of
from colobus.plugins.context import ShortCircuit
from colobus.testing.capabilities import MemoryWorker
from colobus.testing.exchange import MemoryExchange, MemoryRequest

ROW = {"id": "c", "consumer_id": "bob-id", "username": "bob", "password": digest("p", "bob-id")}


def worker() -> MemoryWorker:
    worker = MemoryWorker()
    worker.lookups.add(BASICAUTH_CREDENTIALS, ROW)
    worker.lookups.add(CONSUMERS, {"id": "bob-id", "username": "bob"})
    worker.lookups.is_cold = True
    return worker


def exchange(user: str = "bob") -> MemoryExchange:
    value = "Basic " + b64encode(f"{user}:p".encode()).decode()
    return MemoryExchange(MemoryRequest(headers=[("Authorization", value)]))


async def test_a_miss_waits_for_the_datastore_and_a_hit_does_not() -> None:
    plugin = BasicAuth(worker().capabilities)
    first, second = exchange(), exchange()
    waiting = plugin.access(first, BasicAuthConfig())
    assert waiting is not None
    await waiting
    assert first.credential == ROW
    assert plugin.access(second, BasicAuthConfig()) is None
    assert second.credential == ROW


async def test_without_the_datastore_nobody_passes() -> None:
    cold = worker()
    cold.lookups.is_available = False
    waiting = BasicAuth(cold.capabilities).access(exchange(), BasicAuthConfig())
    assert waiting is not None
    with pytest.raises(ShortCircuit) as answer:
        await waiting
    assert answer.value.status == 503


@pytest.mark.parametrize("user", ["", "a\0b", "a" * 9000])
def test_a_name_that_nobody_can_have_is_not_looked_up(user: str) -> None:
    cold = worker()
    with pytest.raises(ShortCircuit):
        BasicAuth(cold.capabilities).access(exchange(user), BasicAuthConfig())
    assert cold.lookups.fetched == []


def test_who_is_authenticated_already_is_left_alone_with_anonymous() -> None:
    known = MemoryExchange(credential={"id": "other"})
    config = validate(BasicAuthConfig, {"anonymous": "7cbd37b2-0d08-4d5f-9b0c-1d1b1a4f3a11"})
    assert BasicAuth(worker().capabilities).access(known, config) is None
    assert known.credential == {"id": "other"}


def test_a_digest_is_that_of_password_and_consumer() -> None:
    # echo -n pbob-id | sha1sum
    assert digest("p", "bob-id") == "cea1bd1674e8bec360e17a058c1e4b36a94e487e"


@pytest.mark.parametrize("stored", [None, "", "é", digest("", "x"), digest("p", "y")])
def test_what_is_no_digest_of_the_password_matches_nothing(stored: object) -> None:
    assert not is_digest_of(stored, "p", "x")
    assert not is_digest_of(digest("", "x"), "", "x")
    assert is_digest_of(digest("p", "x"), "p", "x")
