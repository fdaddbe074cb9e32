import os
from pathlib import Path

import pytest

from colobus.config.addresses import Address
from colobus.config.settings import DECLARATIONS, OLD_NAMES, Settings

# Every property of 0.10.4 (configuration reference).
REFERENCE = [
    "prefix", "log_level", "proxy_access_log", "proxy_error_log", "admin_access_log",
    "admin_error_log", "custom_plugins", "anonymous_reports", "proxy_listen", "proxy_listen_ssl",
    "admin_listen", "admin_listen_ssl", "nginx_worker_processes", "nginx_optimizations",
    "nginx_daemon", "mem_cache_size", "ssl", "ssl_cert", "ssl_cert_key", "ssl_cipher_suite",
    "ssl_ciphers", "client_ssl", "client_ssl_cert", "client_ssl_cert_key", "admin_ssl",
    "admin_ssl_cert", "admin_ssl_cert_key", "upstream_keepalive", "server_tokens",
    "latency_tokens", "database", "pg_host", "pg_port", "pg_user", "pg_password", "pg_database",
    "pg_ssl", "pg_ssl_verify", "cassandra_contact_points", "cassandra_port", "cassandra_keyspace",
    "cassandra_timeout", "cassandra_ssl", "cassandra_ssl_verify", "cassandra_username",
    "cassandra_password", "cassandra_consistency", "cassandra_lb_policy",
    "cassandra_local_datacenter", "cassandra_repl_strategy", "cassandra_repl_factor",
    "cassandra_data_centers", "cassandra_schema_consensus_timeout", "cluster_listen",
    "cluster_listen_rpc", "cluster_advertise", "cluster_encrypt_key", "cluster_keyring_file",
    "cluster_ttl_on_failure", "cluster_profile", "dns_resolver", "dns_hostsfile",
    "lua_code_cache", "lua_ssl_trusted_certificate", "lua_ssl_verify_depth", "lua_package_path",
    "lua_package_cpath", "lua_socket_pool_size", "serf_path",
]  # fmt: skip


@pytest.mark.parametrize("name", REFERENCE)
def test_every_property_of_the_reference_is_known(name: str) -> None:
    assert name in DECLARATIONS or name in OLD_NAMES


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("log_level", "notice"),
        ("proxy_listen", "0.0.0.0:8000"),
        ("proxy_listen_ssl", "0.0.0.0:8443"),
        ("worker_processes", "auto"),
        ("daemon", "on"),
        ("mem_cache_size", "128m"),
        ("ssl", "on"),
        ("ssl_cipher_suite", "modern"),
        ("client_ssl", "off"),
        ("admin_ssl", "on"),
        ("upstream_keepalive", "60"),
        ("server_tokens", "on"),
        ("latency_tokens", "on"),
        ("pg_host", "127.0.0.1"),
        ("pg_port", "5432"),
        ("pg_user", "kong"),
        ("pg_database", "kong"),
        ("pg_ssl", "off"),
        ("pg_ssl_verify", "off"),
        ("cluster_listen", "0.0.0.0:7946"),
        ("cluster_listen_rpc", "127.0.0.1:7373"),
        ("cluster_ttl_on_failure", "3600"),
        ("cluster_profile", "wan"),
        ("dns_hostsfile", "/etc/hosts"),
    ],
)
def test_defaults_are_those_of_the_reference(name: str, text: str) -> None:
    assert Settings(prefix=Path("/p")).text(name) == text


def test_defaults_that_differ_say_so() -> None:
    settings = Settings(prefix=Path("/p"))
    differing = {name for name, declared in DECLARATIONS.items() if declared.difference}
    assert differing == {"prefix", "admin_listen", "admin_listen_ssl", "database"}
    assert settings.admin_listen == ("127.0.0.1", 8001)
    assert settings.database == "sqlite"
    assert settings.sqlite_path == Path("/p/colobus.db")


def test_the_default_prefix_is_one_the_user_can_write_to() -> None:
    expected = Path("/usr/local/colobus") if os.geteuid() == 0 else Path.home() / ".colobus"
    assert Settings().prefix == expected


def test_logs_are_relative_to_the_prefix() -> None:
    settings = Settings(prefix=Path("/p"), admin_access_log=Path("/dev/stdout"))
    assert settings.proxy_access_log == Path("/p/logs/access.log")
    assert settings.proxy_error_log == Path("/p/logs/error.log")
    assert settings.admin_access_log == Path("/dev/stdout")


def test_a_log_may_be_off() -> None:
    settings = Settings(prefix=Path("/p"), proxy_access_log=None)
    assert settings.text("proxy_access_log") == "off"
    assert settings.shown([])["proxy_access_log"] == "off"


def test_workers_are_as_many_as_processors_unless_told() -> None:
    assert Settings(worker_processes=3).worker_count() == 3
    assert Settings().worker_count() == len(os.sched_getaffinity(0))


def test_secrets_are_masked_wherever_settings_are_shown() -> None:
    settings = Settings(
        prefix=Path("/p"),
        pg_password="pw1-secret",
        cassandra_password="pw2-secret",
        cluster_encrypt_key="pw3-secret",
    )
    for name in ("pg_password", "cassandra_password", "cluster_encrypt_key"):
        assert settings.text(name) == "******"
        assert settings.shown([])[name] == "******"
        assert settings.text(name, reveal=True).endswith("-secret")
    assert "-secret" not in repr(settings) + str(settings) + str(settings.shown([]))


def test_secrets_that_are_unset_are_not_shown() -> None:
    shown = Settings().shown([])
    assert not shown.keys() & {"pg_password", "cassandra_password", "cluster_encrypt_key"}


def test_the_admin_api_shows_values_in_their_json_types() -> None:
    settings = Settings(
        prefix=Path("/p"),
        custom_plugins=("a", "b"),
        dns_resolver=(Address("8.8.8.8", 53),),
        trusted_ips=("10.0.0.0/8",),
    )
    shown = settings.shown(["key-auth", "cors"])
    expected = {
        "prefix": "/p",
        "database": "sqlite",
        "proxy_listen": "0.0.0.0:8000",
        "admin_listen": "127.0.0.1:8001",
        "pg_port": 5432,
        "ssl": True,
        "client_ssl": False,
        "daemon": "on",
        "nginx_daemon": "on",
        "worker_processes": "auto",
        "nginx_worker_processes": "auto",
        "mem_cache_size": "128m",
        "custom_plugins": ["a", "b"],
        "dns_resolver": ["8.8.8.8:53"],
        "trusted_ips": ["10.0.0.0/8"],
        "plugins": {"key-auth": True, "cors": True},
        "proxy_ip": "0.0.0.0",
        "proxy_port": 8000,
        "proxy_ssl_ip": "0.0.0.0",
        "proxy_ssl_port": 8443,
        "admin_ip": "127.0.0.1",
        "admin_port": 8001,
        "admin_ssl_ip": "127.0.0.1",
        "admin_ssl_port": 8444,
        "kong_env": "/p/.kong_env",
        "nginx_pid": "/p/pids/nginx.pid",
        "nginx_err_logs": "/p/logs/error.log",
        "nginx_acc_logs": "/p/logs/access.log",
        "nginx_admin_acc_logs": "/p/logs/admin_access.log",
        "serf_node_id": "/p/serf/serf.id",
        "ssl_cert_default": "/p/ssl/kong-default.crt",
        "ssl_cert_key_default": "/p/ssl/kong-default.key",
        "client_ssl_cert_default": "/p/ssl/kong-default.crt",
        "client_ssl_cert_key_default": "/p/ssl/kong-default.key",
    }
    assert {name: shown.get(name) for name in expected} == expected


def test_the_admin_api_shows_only_what_is_set() -> None:
    shown = Settings().shown([])
    unset = {"ssl_cert", "custom_plugins", "dns_resolver", "lua_code_cache", "cassandra_port"}
    assert not shown.keys() & unset
    assert Settings(lua_code_cache=True).shown([])["lua_code_cache"] == "on"
    assert None not in shown.values()
