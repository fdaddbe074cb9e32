"""Web pages that may call the Admin API (decision D11)."""

import pytest

from colobus.admin.cors import CrossOrigin

ALLOWED = ("access-control-allow-origin", "https://dash.example")
VARY = ("vary", "Origin")


@pytest.mark.parametrize(
    ("configured", "origin", "headers"),
    [
        ([], "https://dash.example", []),
        ([], None, []),
        (["*"], "https://dash.example", [("access-control-allow-origin", "*")]),
        (["*"], None, [("access-control-allow-origin", "*")]),
        (["https://dash.example"], "https://dash.example", [ALLOWED, VARY]),
        (["HTTPS://Dash.example"], "https://dash.example", [ALLOWED, VARY]),
        (["https://dash.example"], "https://evil.example", [VARY]),
        (["https://dash.example"], "https://dash.example.evil", [VARY]),
        (["https://dash.example"], None, [VARY]),
    ],
)
def test_only_named_origins_are_allowed(
    configured: list[str], origin: str | None, headers: list[tuple[str, str]]
) -> None:
    assert CrossOrigin(configured).headers(origin) == headers


OWN = "http://127.0.0.1:8001"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
@pytest.mark.parametrize(
    ("configured", "origins", "is_refused"),
    [
        ([], [], False),
        ([], [OWN], False),
        ([], ["https://evil.example"], True),
        ([], ["http://127.0.0.1:8000"], True),
        ([], ["https://127.0.0.1:8001"], True),
        ([], ["null"], True),
        ([], [""], True),
        ([], [OWN, "https://evil.example"], True),
        (["https://Dash.example"], ["https://dash.example"], False),
        (["https://dash.example"], [OWN], False),
        (["https://dash.example"], ["https://dash.example.evil"], True),
        (["*"], ["https://evil.example"], False),
    ],
)
def test_a_page_of_another_origin_may_not_write(
    method: str, configured: list[str], origins: list[str], is_refused: bool
) -> None:
    assert CrossOrigin(configured).refuses(method, origins, OWN) is is_refused


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_is_refused_to_nobody(method: str) -> None:
    assert not CrossOrigin([]).refuses(method, ["https://evil.example"], OWN)
