"""ip-restriction: ranges, and whom they stop."""

import random
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from typing import Any

import pytest
from hypothesis import given, strategies as st

from colobus.errors import SchemaError
from colobus.model.schema import describe, validate
from colobus.plugins.context import ShortCircuit
from colobus.plugins.ip_restriction import (
    IpRestriction,
    IpRestrictionConfig,
    Ranges,
    parse_range,
)
from colobus.testing.capabilities import MemoryWorker
from colobus.testing.exchange import MemoryExchange


def answer_to(address: str, **config: Any) -> tuple[int, object]:
    """Return status and body for a client of that address; 200 when it passes."""
    plugin = IpRestriction(MemoryWorker().capabilities)
    try:
        plugin.access(MemoryExchange(client_ip=address), validate(IpRestrictionConfig, config))
    except ShortCircuit as answer:
        return answer.status, answer.body
    return 200, None


REFUSED = (403, "Your IP address is not allowed")


@pytest.mark.parametrize(
    ("address", "config", "passes"),
    [
        ("127.0.0.1", {"blacklist": ["127.0.0.1"]}, False),
        ("127.0.0.2", {"blacklist": ["127.0.0.1"]}, True),
        ("127.0.0.1", {"blacklist": ["127.0.0.1", "127.0.0.2"]}, False),
        ("127.0.0.1", {"blacklist": ["127.0.0.0/24"]}, False),
        ("127.0.1.1", {"blacklist": ["127.0.0.0/24"]}, True),
        ("127.0.0.1", {"blacklist": ["0.0.0.0/0"]}, False),
        ("127.0.0.1", {"whitelist": ["127.0.0.1"]}, True),
        ("127.0.0.1", {"whitelist": ["127.0.0.2"]}, False),
        ("127.0.0.1", {"whitelist": ["127.0.0.77/24"]}, True),  # host bits are tolerated
        ("127.0.0.1", {"whitelist": ["0.0.0.0/0"]}, True),
        ("127.0.0.1", {"whitelist": " 127.0.0.2 , 127.0.0.1 "}, True),
        ("127.0.0.1", {"whitelist": [], "blacklist": ["127.0.0.1"]}, False),
        # A list of IPv4 says nothing of IPv6: never blacklisted, never whitelisted.
        ("::1", {"blacklist": ["0.0.0.0/0"]}, True),
        ("::1", {"whitelist": ["0.0.0.0/0"]}, False),
        ("::1", {"whitelist": ["::/64"]}, True),
        ("2001:db8::5", {"blacklist": ["2001:db8::/32"]}, False),
        ("::ffff:10.0.0.9", {"blacklist": ["10.0.0.0/8"]}, False),
        ("10.0.0.9", {"blacklist": ["::ffff:10.0.0.0/104"]}, False),
    ],
)
def test_who_passes(address: str, config: dict[str, Any], passes: bool) -> None:
    assert answer_to(address, **config) == ((200, None) if passes else REFUSED)


@pytest.mark.parametrize("address", ["", "unix:", "10.0.0", "10.0.0.9\0"])
@pytest.mark.parametrize("config", [{"whitelist": "0.0.0.0/0"}, {"blacklist": "10.0.0.1"}])
def test_a_client_without_address_never_passes(address: str, config: dict[str, Any]) -> None:
    assert answer_to(address, **config) == (
        403,
        "Cannot identify the client IP address, unix domain sockets are not supported.",
    )


@pytest.mark.parametrize("field", ["whitelist", "blacklist"])
@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("hello", "Invalid IP"),
        ("", "Invalid IP"),
        ("1.2.3", "Invalid IP"),
        ("1..2.3", "Invalid IP"),
        ("1.2.3.4.5", "Invalid IP"),
        (5, "Invalid IP"),
        ("::g", "Invalid IP"),
        ("1.2.3.256", "Invalid octet: 256"),
        ("1.2.x.4", "Invalid octet: x"),
        ("1.2.03.4", "Invalid octet: 03"),
        ("1.2.3.٤", "Invalid octet: ٤"),
        ("0.0.0.0/33", "Invalid prefix: /33"),
        ("0.0.0.0/a", "Invalid prefix: /a"),
        ("0.0.0.0/", "Invalid prefix: /"),
        ("0.0.0.0/-1", "Invalid prefix: /-1"),
        ("::/129", "Invalid prefix: /129"),
    ],
)
def test_an_entry_that_is_no_range_is_named(field: str, entry: object, reason: str) -> None:
    with pytest.raises(SchemaError) as failure:
        validate(IpRestrictionConfig, {field: ["10.0.0.1", entry]})
    assert failure.value.fields == {field: f"cannot parse '{entry}': {reason}"}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "you must set at least a whitelist or blacklist"),
        ({"whitelist": [], "blacklist": ""}, "you must set at least a whitelist or blacklist"),
        (
            {"whitelist": ["1.1.1.1"], "blacklist": ["1.1.1.2"]},
            "you cannot set both a whitelist and a blacklist",
        ),
    ],
)
def test_exactly_one_list_is_set(config: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError) as failure:
        validate(IpRestrictionConfig, config)
    assert failure.value.fields == {"message": message}


def test_what_the_schema_shows() -> None:
    of_list = {"type": "array", "func": "function"}
    assert describe(IpRestrictionConfig) == {
        "fields": {"whitelist": of_list, "blacklist": of_list},
        "self_check": "function",
    }


def test_what_is_prepared_is_no_part_of_the_configuration() -> None:
    config = validate(IpRestrictionConfig, {"whitelist": ["10.0.0.0/8"]})
    assert config.ranges.holds("10.2.3.4")
    assert config.model_dump(exclude_none=True) == {"whitelist": ["10.0.0.0/8"]}


networks = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(
    lambda pair: IPv4Network((pair[0] >> (32 - pair[1]) << (32 - pair[1]), pair[1]))
)


@given(st.lists(networks, max_size=20), st.lists(st.integers(0, 2**32 - 1), max_size=20))
def test_ranges_hold_what_one_of_them_holds(entries: list[IPv4Network], numbers: list[int]) -> None:
    ranges = Ranges(parse_range(str(entry)) for entry in entries)
    edges = [edge for each in entries for edge in (each[0], each[-1])]
    beyond = [IPv4Address((int(edge) + step) % 2**32) for edge in edges for step in (-1, 1)]
    for address in [*map(IPv4Address, numbers), *edges, *beyond]:
        assert ranges.holds(str(address)) == any(address in each for each in entries)


def test_a_long_list_is_searched_not_read() -> None:
    chance = random.Random(7)
    entries = [f"{IPv4Address(chance.getrandbits(32))}/28" for _ in range(1000)]
    ranges = Ranges(map(parse_range, entries))
    assert all(ranges.holds(entry.partition("/")[0]) for entry in entries)
    assert ranges.holds(str(IPv6Address(1))) is False
