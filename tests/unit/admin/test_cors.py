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
