import pytest

from colobus.cluster.swim.addresses import bytes_of_host, host_of_bytes


@pytest.mark.parametrize(
    ("address", "host"),
    [
        (bytes((127, 0, 0, 1)), "127.0.0.1"),
        (bytes(10) + b"\xff\xff" + bytes((127, 0, 0, 1)), "127.0.0.1"),
        (bytes(15) + b"\x01", "::1"),
        (b"", ""),
        (b"\x01\x02\x03", ""),
    ],
)
def test_both_forms_of_an_ipv4_address_lead_to_the_same_socket(address: bytes, host: str) -> None:
    assert host_of_bytes(address) == host


def test_ipv4_is_advertised_with_four_bytes() -> None:
    assert bytes_of_host("10.1.2.3") == bytes((10, 1, 2, 3))
    assert len(bytes_of_host("fe80::1")) == 16
    with pytest.raises(ValueError, match="host"):
        bytes_of_host("host")
