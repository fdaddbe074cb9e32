"""Under which URL a client reached us."""

import pytest
from starlette.requests import Request

from colobus.admin.call import origin_of, path_of


def request(
    *, host: str | None, path: bytes = b"/", server: tuple[str, int] | None = ("10.0.0.1", 8001)
) -> Request:
    headers = [(b"host", host.encode())] if host is not None else []
    return Request(
        {"type": "http", "scheme": "http", "headers": headers, "server": server, "raw_path": path}
    )


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8001", "http://localhost:8001"),
        ("mapped.example:9001", "http://mapped.example:9001"),
        ("gateway", "http://gateway:8001"),
        ("[::1]:8001", "http://[::1]:8001"),
        ("[::1]", "http://[::1]:8001"),
        (None, "http://10.0.0.1:8001"),
        ("", "http://10.0.0.1:8001"),
    ],
)
def test_the_origin_has_an_explicit_port(host: str | None, origin: str) -> None:
    assert origin_of(request(host=host)) == origin


def test_a_server_without_an_address_adds_no_port() -> None:
    assert origin_of(request(host="gateway", server=None)) == "http://gateway"
    assert origin_of(request(host=None, server=None)) == "http://localhost"


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/apis/a%2Fb", "/apis/a%2Fb"),
        (b"http://gateway:8001/apis", "/apis"),
        (b"http://gateway", "/"),
        (b"*", "*"),
        (b"gateway:443", "gateway:443"),
    ],
)
def test_the_path_of_every_form_of_target(target: bytes, path: str) -> None:
    assert path_of(request(host="x", path=target)) == path
