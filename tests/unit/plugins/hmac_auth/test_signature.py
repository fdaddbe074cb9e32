"""Dates and signatures."""

import pytest

from colobus.plugins.hmac_auth.signature import is_signed_by, parse_date, parse_signature


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        # RFC 9110 §5.6.7: one moment in its three forms.
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
        ("Sun Nov  6 08:49:37 1994", 784_111_777),
        ("Sun, 06 Nov 1994 08:49:37 +0200", None),
        ("Sun, 06 Nov 1994 08:49:37 CET", None),
        ("06 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Xxx 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 99999999 GMT", None),
        ("784111777", None),
        ("", None),
    ],
)
def test_dates_of_http_are_understood(text: str, seconds: int | None) -> None:
    assert parse_date(text) == seconds


def test_nothing_is_signed_by_an_empty_secret() -> None:
    # printf '' | openssl dgst -sha1 -hmac ''
    assert not is_signed_by("", "", "+9sdGxiqbAgyS31ktx+3Y3BpDh0=")


@pytest.mark.parametrize(("count", "is_taken"), [(1, True), (100, True), (101, False)])
def test_a_signature_is_over_so_many_headers(count: int, is_taken: bool) -> None:
    names = " ".join(["x"] * count)
    header = f'hmac username="u", algorithm="a", headers="{names}", signature="s"'
    assert (parse_signature(header) is not None) is is_taken


def test_a_hostile_header_takes_no_long_time() -> None:
    assert parse_signature('hmac username="' * 500) is None
    assert parse_signature("hmac " + " " * 8000) is None
