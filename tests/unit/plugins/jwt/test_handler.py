"""jwt and the worker around it."""

import pytest

from colobus.model.schema import validate
from colobus.plugins.context import ShortCircuit
from colobus.plugins.jwt import Jwt
from colobus.plugins.jwt.config import JwtConfig
from colobus.testing.capabilities import MemoryWorker
from colobus.testing.exchange import MemoryExchange, MemoryRequest


def test_who_is_authenticated_already_is_left_alone_with_anonymous() -> None:
    config = validate(JwtConfig, {"anonymous": "7cbd37b2-0d08-4d5f-9b0c-1d1b1a4f3a11"})
    exchange = MemoryExchange(credential={"id": "other"})
    assert Jwt(MemoryWorker().capabilities).access(exchange, config) is None
    assert exchange.credential == {"id": "other"}


@pytest.mark.parametrize(
    "token", ["a" * 20_000, "." * 16_000, "e30." + "e30" * 5000 + ".", "\udcff.\udcff.\udcff"]
)
def test_hostile_tokens_are_refused_unread(token: str) -> None:
    worker = MemoryWorker()
    worker.lookups.is_cold = True
    exchange = MemoryExchange(MemoryRequest(headers=[("Authorization", f"Bearer {token}")]))
    with pytest.raises(ShortCircuit) as answer:
        Jwt(worker.capabilities).access(exchange, JwtConfig())
    assert answer.value.status == 401
    assert str(answer.value.body).startswith("Bad token; ")
    assert worker.lookups.fetched == []


def test_json_nested_without_end_is_no_token() -> None:
    # eyJhbGciOiJIUzI1NiJ9 is {"alg":"HS256"}; W1tb is [[[
    token = "eyJhbGciOiJIUzI1NiJ9." + "W1tb" * 3000 + "."
    exchange = MemoryExchange(MemoryRequest(headers=[("Authorization", f"Bearer {token}")]))
    with pytest.raises(ShortCircuit) as answer:
        Jwt(MemoryWorker().capabilities).access(exchange, JwtConfig())
    assert (answer.value.status, answer.value.body) == (401, "Bad token; invalid JSON")
