"""Hosts of PostgreSQL as they are written, shown and connected to."""

import pytest

from colobus.config.settings import DECLARATIONS, Settings

HOSTS = DECLARATIONS["pg_host"].kind


@pytest.mark.parametrize(
    ("text", "addresses", "written"),
    [
        ("db", [("db", 5432)], "db"),
        ("db:6432", [("db", 6432)], "db:6432"),
        ("a, b:1 ,10.0.0.1", [("a", 5432), ("b", 1), ("10.0.0.1", 5432)], "a,b:1,10.0.0.1"),
        ("::1", [("::1", 5432)], "::1"),
        ("[fe80::1]", [("fe80::1", 5432)], "fe80::1"),
        ("[fe80::1]:7", [("fe80::1", 7)], "[fe80::1]:7"),
        ("/var/run/postgresql", [("/var/run/postgresql", 5432)], "/var/run/postgresql"),
    ],
)
def test_a_host_has_a_port_of_its_own_or_that_of_pg_port(
    text: str, addresses: list[tuple[str, int]], written: str
) -> None:
    settings = Settings(pg_host=HOSTS.read("pg_host", text))
    assert list(settings.pg_addresses()) == addresses
    assert settings.text("pg_host") == settings.shown([])["pg_host"] == written
    assert HOSTS.read("pg_host", written) == settings.pg_host


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (",", ","),
        ("a b", "a b"),
        ("a,b:0", "b:0"),
        ("b:70000", "b:70000"),
        ("http://db", "http://db"),
    ],
)
def test_what_is_no_host_is_refused_by_itself(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match="each with or without a port") as refused:
        HOSTS.read("pg_host", text)
    assert str(refused.value).endswith(f"got '{wrong}'")


def test_there_are_only_so_many_hosts() -> None:
    with pytest.raises(ValueError, match="1 to 16 hosts"):
        HOSTS.read("pg_host", ",".join("abcdefghijklmnopq"))


def test_the_default_is_the_server_of_this_machine() -> None:
    settings = Settings(pg_port=7)
    assert list(settings.pg_addresses()) == [("127.0.0.1", 7)]
    assert settings.shown([])["pg_host"] == "127.0.0.1"
