"""correlation-id: where ids come from and where they go."""

import os
import re
from typing import Any

import pytest

from colobus.errors import SchemaError
from colobus.model.schema import validate
from colobus.plugins.correlation_id import CorrelationId, CorrelationIdConfig
from colobus.testing.capabilities import MemoryWorker
from colobus.testing.exchange import MemoryExchange, MemoryRequest

UUID4 = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


class Marker:
    """The plugin in a worker that has just started."""

    def __init__(self, seed: int = 0, **config: Any) -> None:
        self.worker = MemoryWorker(seed=seed)
        self.worker.clock.epoch = 1_500_000_000.1234
        self.plugin = CorrelationId(self.worker.capabilities)
        self.plugin.init_worker()
        self.config = validate(CorrelationIdConfig, config)

    def mark(self, **headers: str) -> MemoryExchange:
        exchange = MemoryExchange(MemoryRequest(headers=headers.items()))
        self.plugin.access(exchange, self.config)
        self.plugin.header_filter(exchange, self.config)
        return exchange

    def ids(self, count: int) -> list[str]:
        found = [self.mark().request.get_headers(self.config.header_name) for _ in range(count)]
        return [value for [value] in found]


def test_a_counter_behind_the_workers_uuid_is_the_default() -> None:
    first, second, third = Marker().ids(3)
    worker, _, number = first.partition("#")
    assert re.fullmatch(UUID4, worker)
    assert number == "1"
    assert [second, third] == [f"{worker}#2", f"{worker}#3"]


def test_workers_have_different_uuids() -> None:
    assert Marker(seed=1).ids(1) != Marker(seed=2).ids(1)


def test_uuid_is_new_with_each_request() -> None:
    ids = Marker(generator="uuid").ids(50)
    assert len(set(ids)) == 50
    assert all(re.fullmatch(UUID4, value) for value in ids)


def test_tracker_tells_where_and_when() -> None:
    marker = Marker(generator="tracker")
    exchange = MemoryExchange()
    exchange.server_address = ("10.0.0.9", 8443)
    exchange.connection_serial, exchange.request_serial = 12, 3
    marker.plugin.access(exchange, marker.config)
    assert exchange.request.get_header("Kong-Request-ID") == (
        f"10.0.0.9-8443-{os.getpid()}-12-3-1500000000.123"
    )


@pytest.mark.parametrize("generator", ["uuid", "uuid#counter", "tracker"])
def test_an_id_that_came_is_kept_and_echoed(generator: str) -> None:
    marker = Marker(generator=generator, echo_downstream=True, header_name="X-Id")
    exchange = marker.mark(**{"x-id": "mine"})
    assert exchange.request.get_headers("X-Id") == ["mine"]
    assert exchange.response.get_headers("X-Id") == ["mine"]


def test_a_generated_id_is_echoed_only_if_asked() -> None:
    exchange = Marker(echo_downstream=True).mark()
    assert exchange.response.get_header("Kong-Request-ID") == exchange.request.get_header(
        "Kong-Request-ID"
    )
    assert Marker().mark().response.headers == []


def test_a_request_that_ended_before_it_got_an_id_echoes_none() -> None:
    marker = Marker(echo_downstream=True)
    exchange = MemoryExchange()
    marker.plugin.header_filter(exchange, marker.config)
    assert exchange.response.headers == []


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb: c", "é"])
def test_the_header_must_have_a_header_name(name: str) -> None:
    with pytest.raises(SchemaError) as failure:
        validate(CorrelationIdConfig, {"header_name": name})
    assert list(failure.value.fields) == ["header_name"]


def test_the_configuration_has_these_defaults() -> None:
    assert validate(CorrelationIdConfig, {}).model_dump() == {
        "header_name": "Kong-Request-ID",
        "generator": "uuid#counter",
        "echo_downstream": False,
    }
    with pytest.raises(SchemaError) as failure:
        validate(CorrelationIdConfig, {"generator": "x"})
    assert failure.value.fields == {
        "generator": '"x" is not allowed. Allowed values are: "uuid", "uuid#counter", "tracker"'
    }
