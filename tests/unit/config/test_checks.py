from pathlib import Path
from typing import Any

import pytest

from colobus.config.addresses import Address
from colobus.config.checks import Problem, problems_of
from colobus.config.settings import Settings


def texts(**settings: Any) -> list[str]:
    return [problem.text for problem in problems_of(Settings(prefix=Path("/p"), **settings))]


def test_the_defaults_have_no_problem() -> None:
    assert texts() == []


@pytest.mark.parametrize("prefix", ["", "admin_", "client_"])
def test_a_certificate_needs_its_key_and_the_key_its_certificate(
    tmp_path: Path, prefix: str
) -> None:
    file = tmp_path / "x.pem"
    file.touch()
    certificate, key = f"{prefix}ssl_cert", f"{prefix}ssl_cert_key"
    switch = {f"{prefix}ssl": True}
    assert texts(**{certificate: file}, **switch) == [f"{key} must be specified"]
    assert texts(**{key: file}, **switch) == [f"{certificate} must be specified"]
    assert texts(**{key: file, certificate: file}, **switch) == []


def test_a_certificate_and_its_key_must_exist(tmp_path: Path) -> None:
    missing = tmp_path / "x.pem"
    assert texts(ssl_cert=missing, ssl_cert_key=missing) == [
        f"ssl_cert: no such file at {missing}",
        f"ssl_cert_key: no such file at {missing}",
    ]


def test_certificates_are_not_looked_at_where_tls_is_off(tmp_path: Path) -> None:
    missing = tmp_path / "x.pem"
    assert texts(ssl=False, ssl_cert=missing, client_ssl_cert=missing) == []


def test_two_listeners_cannot_share_a_port() -> None:
    [problem] = problems_of(Settings(admin_listen=Address("127.0.0.1", 8000)))
    assert problem == Problem(
        ("proxy_listen", "admin_listen"),
        "proxy_listen (0.0.0.0:8000) and admin_listen (127.0.0.1:8000)"
        " cannot listen on the same port",
    )


def test_a_listener_that_is_off_takes_no_port() -> None:
    assert len(texts(proxy_listen=Address("0.0.0.0", 8443))) == 1
    assert texts(proxy_listen=Address("0.0.0.0", 8443), ssl=False) == []
    assert texts(admin_listen=Address("127.0.0.1", 8444), admin_ssl=False) == []


def test_databases_that_do_not_work_say_what_to_use() -> None:
    assert texts(database="postgres") == []
    assert texts(database="cassandra") == [
        "database = cassandra is not supported by Colobus; use database = sqlite or postgres"
    ]


def test_files_of_the_datastores_tls_are_checked_where_they_are_used(tmp_path: Path) -> None:
    missing = tmp_path / "x.pem"
    files = {"pg_ssl_cert": missing, "lua_ssl_trusted_certificate": missing}
    assert texts(pg_ssl=True, pg_ssl_verify=True, **files) == []
    assert texts(database="postgres", pg_ssl_verify=True, **files) == []
    assert texts(database="postgres", pg_ssl=True, **files) == [
        "pg_ssl_cert_key must be specified",
        f"pg_ssl_cert: no such file at {missing}",
    ]
    assert texts(
        database="postgres", pg_ssl=True, pg_ssl_verify=True, lua_ssl_trusted_certificate=missing
    ) == [f"lua_ssl_trusted_certificate: no such file at {missing}"]


def test_cassandra_settings_are_checked_only_with_cassandra() -> None:
    settings: dict[str, Any] = {
        "cassandra_contact_points": ("a", "h:1"),
        "cassandra_lb_policy": "DCAwareRoundRobin",
    }
    assert texts(**settings) == []
    assert texts(database="cassandra", **settings)[:2] == [
        "bad cassandra contact point 'h:1': port must be specified in cassandra_port",
        "must specify 'cassandra_local_datacenter' when DCAwareRoundRobin policy is in use",
    ]
    settings["cassandra_local_datacenter"] = "dc1"
    assert len(texts(database="cassandra", **settings)) == 2


def test_a_key_and_a_keyring_exclude_each_other(tmp_path: Path) -> None:
    keyring = tmp_path / "keyring"
    assert texts(cluster_keyring_file=keyring) == [
        f"cluster_keyring_file: no such file at {keyring}"
    ]
    keyring.touch()
    assert texts(cluster_keyring_file=keyring) == []
    assert texts(cluster_keyring_file=keyring, cluster_encrypt_key="x") == [
        "cluster_encrypt_key and cluster_keyring_file exclude each other"
    ]
