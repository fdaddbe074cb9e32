import pytest

from colobus.config.addresses import Address, parse_address, parse_ipv4_address, parse_network


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.0.0.0:8000", ("0.0.0.0", 8000)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("localhost:65535", ("localhost", 65535)),
        ("[::1]:8000", ("::1", 8000)),
        ("[0:0:0:0:0:0:0:1]:8000", ("::1", 8000)),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, expected: tuple[str, int]) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "8000", "127.0.0.1", ":8000", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:http",
     "::1:8000", "[1.2]:8000", "[127.0.0.1:8000", "a b:1", "127.0.0.1:8000 ", "h:\uff11"],
)  # fmt: skip
def test_other_forms_of_address_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"host:port|at most 65535|At least 3 parts"):
        parse_address(text)


def test_an_address_is_written_as_it_is_read() -> None:
    assert str(Address("127.0.0.1", 80)) == "127.0.0.1:80"
    assert str(Address("::1", 80)) == "[::1]:80"


@pytest.mark.parametrize("text", ["localhost:7946", "[::1]:7946", "10.0.0:7946", "10.0.0.1"])
def test_an_ipv4_address_is_four_numbers_and_a_port(text: str) -> None:
    assert parse_ipv4_address("10.0.0.1:7946") == ("10.0.0.1", 7946)
    with pytest.raises(ValueError, match=r"host:port|octet|4 octets"):
        parse_ipv4_address(text)


def test_the_port_of_an_ipv4_address_may_have_a_default() -> None:
    assert parse_ipv4_address("10.0.0.1", default_port=53) == ("10.0.0.1", 53)
    assert parse_ipv4_address("10.0.0.1:54", default_port=53) == ("10.0.0.1", 54)


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ("127.0.0.1:80", "127.0.0.1:80", True),
        ("127.0.0.1:80", "127.0.0.2:80", False),
        ("127.0.0.1:80", "127.0.0.1:81", False),
        ("0.0.0.0:80", "127.0.0.1:80", True),
        ("0.0.0.0:80", "[::1]:80", False),
        ("[::]:80", "[::1]:80", True),
        ("[::]:80", "0.0.0.0:80", True),
        ("[::]:80", "127.0.0.1:80", True),
        ("0.0.0.0:0", "0.0.0.0:0", False),
    ],
)
def test_addresses_overlap_when_one_socket_would_hinder_the_other(
    one: str, other: str, overlap: bool
) -> None:
    assert parse_address(one).overlaps(parse_address(other)) is overlap
    assert parse_address(other).overlaps(parse_address(one)) is overlap


def test_a_network_is_an_address_or_a_block() -> None:
    assert str(parse_network("10.1.2.3")) == "10.1.2.3/32"
    assert str(parse_network("10.1.2.3/8")) == "10.0.0.0/8"
    assert str(parse_network("::1")) == "::1/128"
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 network"):
        parse_network("10.0.0.0/33")
