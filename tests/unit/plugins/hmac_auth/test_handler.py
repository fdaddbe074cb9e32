"""hmac-auth and the worker around it."""

import pytest

from colobus.model.schema import validate
from colobus.plugins.context import ShortCircuit
from colobus.plugins.hmac_auth import HmacAuth
from colobus.plugins.hmac_auth.config import HmacAuthConfig
from colobus.testing.capabilities import MemoryWorker
from colobus.testing.exchange import MemoryExchange, MemoryRequest

DATE = ("Date", "Fri, 14 Jul 2017 02:40:00 GMT")


def test_who_is_authenticated_already_is_left_alone_with_anonymous() -> None:
    config = validate(HmacAuthConfig, {"anonymous": "7cbd37b2-0d08-4d5f-9b0c-1d1b1a4f3a11"})
    exchange = MemoryExchange(credential={"id": "other"})
    assert HmacAuth(MemoryWorker().capabilities).access(exchange, config) is None
    assert exchange.credential == {"id": "other"}


@pytest.mark.parametrize("user", ["a\0b", "\udcff", "a" * 8193])
def test_a_name_that_nobody_can_have_is_not_looked_up(user: str) -> None:
    worker = MemoryWorker()
    worker.lookups.is_cold = True
    value = f'hmac username="{user}", algorithm="x", headers="date", signature="YQ=="'
    request = MemoryRequest(headers=[DATE, ("Authorization", value)])
    with pytest.raises(ShortCircuit) as answer:
        HmacAuth(worker.capabilities).access(MemoryExchange(request), HmacAuthConfig())
    assert (answer.value.status, answer.value.body) == (403, "HMAC signature cannot be verified")
    assert worker.lookups.fetched == []
