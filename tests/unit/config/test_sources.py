from pathlib import Path

import pytest

from colobus.config.sources import Given, from_environment, from_file, from_flags


def write(folder: Path, text: str) -> Path:
    path = folder / "c.conf"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("line", "name", "text"),
    [
        ("cluster.advertise = 10.0.0.1:7946", "cluster_advertise", "10.0.0.1:7946"),
        ("cluster.encrypt = k", "cluster_encrypt_key", "k"),
        ("cluster.ttl_on_failure = 60", "cluster_ttl_on_failure", "60"),
        ("cluster.profile = lan", "cluster_profile", "lan"),
        ("nginx_working_dir = /x", "prefix", "/x"),
        ("admin_api_listen = 0.0.0.0:1", "admin_listen", "0.0.0.0:1"),
        ("ssl_cert_path = /c", "ssl_cert", "/c"),
        ("ssl_key_path = /k", "ssl_cert_key", "/k"),
        ("memory_cache_size = 64", "mem_cache_size", "64m"),
        ("memory_cache_size = 64k", "mem_cache_size", "64k"),
        ("mem_cache_size = 64", "mem_cache_size", "64"),
        ("send_anonymous_reports = true", "anonymous_reports", "true"),
        ("postgres.host = h", "pg_host", "h"),
        ("postgres.password = p", "pg_password", "p"),
        ("cassandra.replication_strategy = s", "cassandra_repl_strategy", "s"),
        ("cassandra.ssl.enabled = true", "cassandra_ssl", "true"),
        ("nginx_daemon = off", "daemon", "off"),
        ("nginx_worker_processes = 2", "worker_processes", "2"),
    ],
)
def test_older_names_stand_for_the_newer_ones(
    tmp_path: Path, line: str, name: str, text: str
) -> None:
    path = write(tmp_path, line)
    source = from_file(path)
    assert source.given == {name: Given(text, f"{path}:1")}
    assert not source.warnings


def test_an_unknown_name_brings_the_known_one_it_resembles(tmp_path: Path) -> None:
    path = write(tmp_path, "\nproxy_lisen = 1\nzzz = 1\ncluster.advertize = 1\nnginx_deamon = 1")
    assert from_file(path).warnings == [
        f"unknown setting 'proxy_lisen' ({path}:2); did you mean proxy_listen?",
        f"unknown setting 'zzz' ({path}:3)",
        f"unknown setting 'cluster.advertize' ({path}:4); did you mean cluster_advertise?",
        f"unknown setting 'nginx_deamon' ({path}:5); did you mean daemon?",
    ]


def test_the_last_of_two_lines_counts_and_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "nginx_daemon = off\ndaemon = on")
    source = from_file(path)
    assert source.given == {"daemon": Given("on", f"{path}:2")}
    assert source.warnings == [f"daemon is set twice: {path}:2 overrules {path}:1"]


def test_a_line_of_no_known_form_is_a_problem(tmp_path: Path) -> None:
    path = write(tmp_path, "proxy_listen 0.0.0.0:9000")
    assert from_file(path).problems == [f"not of the form 'name = value' ({path}:1)"]


def test_a_switch_that_is_always_on_is_a_notice(tmp_path: Path) -> None:
    source = from_file(write(tmp_path, "cluster.auto-join = true"))
    assert not source.warnings
    assert "always join" in source.notices[0]


def test_the_environment_prefers_our_names() -> None:
    environ = {"KONG_LOG_LEVEL": "warn", "COLOBUS_LOG_LEVEL": "debug", "KONG_PREFIX": " /x "}
    assert from_environment(environ).given == {
        "log_level": Given("debug", "environment COLOBUS_LOG_LEVEL"),
        "prefix": Given("/x", "environment KONG_PREFIX"),
    }


def test_the_environment_knows_the_names_of_the_reference() -> None:
    given = from_environment({"KONG_NGINX_DAEMON": "off"}).given
    assert given == {"daemon": Given("off", "environment KONG_NGINX_DAEMON")}


def test_an_unknown_variable_of_ours_is_a_warning_and_one_of_theirs_a_notice() -> None:
    source = from_environment({"COLOBUS_LOG_LEVLE": "x", "KONG_DOCKER_TAG": "x", "HOME": "/"})
    assert source.warnings == [
        "unknown environment variable COLOBUS_LOG_LEVLE; did you mean log_level?"
    ]
    assert source.notices == ["unknown environment variable KONG_DOCKER_TAG"]


@pytest.mark.parametrize(
    "variable",
    [
        "COLOBUS_PURE",
        "COLOBUS_SERVICE_HOST",
        "COLOBUS_SERVICE_PORT",
        "COLOBUS_SERVICE_PORT_HTTP",
        "COLOBUS_PORT",
        "COLOBUS_PORT_8000_TCP",
        "COLOBUS_PORT_8000_TCP_ADDR",
        "COLOBUS_ADMIN_SERVICE_HOST",
        "COLOBUS_ADMIN_PORT_8001_TCP_PORT",
    ],
)
def test_variables_that_are_no_settings_are_not_remarked_on(variable: str) -> None:
    source = from_environment({variable: "x"})
    assert (source.warnings, source.notices, source.given) == ([], [], {})


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("hunter2\n")
    source = from_environment({"COLOBUS_PG_PASSWORD_FILE": str(path)})
    expected = Given("hunter2", "environment COLOBUS_PG_PASSWORD_FILE")
    assert source.given == {"pg_password": expected}
    assert not source.warnings


def test_a_secret_file_that_is_missing_is_a_problem(tmp_path: Path) -> None:
    source = from_environment({"KONG_PG_PASSWORD_FILE": str(tmp_path / "x")})
    assert source.problems == [f"no file at: {tmp_path}/x (environment KONG_PG_PASSWORD_FILE)"]


def test_a_secret_given_twice_is_a_problem(tmp_path: Path) -> None:
    environ = {"KONG_PG_PASSWORD_FILE": str(tmp_path), "COLOBUS_PG_PASSWORD": "x"}
    assert from_environment(environ).problems == [
        (
            "pg_password is given twice (environment COLOBUS_PG_PASSWORD,"
            " environment KONG_PG_PASSWORD_FILE)"
        )
    ]


def test_only_secrets_may_come_from_a_file() -> None:
    source = from_environment({"COLOBUS_LOG_LEVEL_FILE": "/x"})
    assert not source.given
    assert source.warnings == [
        "unknown environment variable COLOBUS_LOG_LEVEL_FILE; did you mean log_level?"
    ]


def test_flags_are_called_by_their_name() -> None:
    assert from_flags({"prefix": "/x"}).given == {"prefix": Given("/x", "--prefix")}
