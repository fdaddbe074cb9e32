from collections.abc import Mapping
from pathlib import Path

import pytest

from colobus.config.loader import Loaded, load, load_prefix
from colobus.errors import ConfigError


def write(folder: Path, text: str) -> Path:
    path = folder / "c.conf"
    path.write_text(text, encoding="utf-8")
    return path


def load_text(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Loaded:
    return load(write(folder, text), environ or {}, default_files=())


def problems(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_text(folder, text, environ)
    return list(caught.value.problems)


def test_later_sources_overrule_earlier_ones(tmp_path: Path) -> None:
    path = write(tmp_path, "prefix = /file\nlog_level = debug\npg_user = file")
    environ = {"COLOBUS_PREFIX": "/environment", "KONG_LOG_LEVEL": "warn"}
    loaded = load(path, environ, {"prefix": "/flag"})
    assert loaded.settings.prefix == Path("/flag")
    assert loaded.settings.log_level == "warn"
    assert loaded.settings.pg_user == "file"
    assert loaded.settings.pg_port == 5432
    assert {name: loaded.origins[name] for name in ("prefix", "log_level", "pg_user", "pg_port")} == {
        "prefix": "--prefix",
        "log_level": "environment KONG_LOG_LEVEL",
        "pg_user": f"{path}:3",
        "pg_port": "default",
    }  # fmt: skip


def test_the_first_default_file_that_exists_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, "log_level = debug")
    loaded = load(None, {}, default_files=(tmp_path / "none", path, tmp_path / "other"))
    assert (loaded.file, loaded.settings.log_level) == (path, "debug")


def test_no_file_is_needed() -> None:
    loaded = load(None, {}, default_files=())
    assert loaded.file is None
    assert set(loaded.origins.values()) == {"default"}
    assert not loaded.warnings


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"^no file at: {tmp_path}/x$"):
        load(tmp_path / "x", {})


def test_an_empty_value_means_the_default(tmp_path: Path) -> None:
    loaded = load_text(tmp_path, "pg_user = file\nlog_level =", {"COLOBUS_PG_USER": ""})
    assert loaded.settings.pg_user == "kong"
    assert loaded.settings.log_level == "notice"
    assert loaded.origins["pg_user"] == loaded.origins["log_level"] == "default"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("ssl = maybe", "ssl is not a boolean: 'maybe'"),
        ("daemon = 1", "daemon is not on or off: '1'"),
        ("pg_port = x", "pg_port is not a number: 'x'"),
        (
            "log_level = loud",
            (
                "log_level has an invalid value: 'loud' (debug, info, notice, warn, error, crit,"
                " alert, emerg)"
            ),
        ),
        (
            "database = oracle",
            "database has an invalid value: 'oracle' (sqlite, postgres, cassandra)",
        ),
        ("cluster_profile = x", "cluster_profile has an invalid value: 'x' (local, lan, wan)"),
        ("proxy_listen = 8000", "proxy_listen must be of form 'address:port'"),
        ("proxy_listen_ssl = x:y", "proxy_listen_ssl must be of form 'address:port'"),
        ("admin_listen = 1.2.3.4", "admin_listen must be of form 'address:port'"),
        ("admin_listen_ssl = 1", "admin_listen_ssl must be of form 'address:port'"),
        ("ssl_cipher_suite = foo", "Undefined cipher suite foo"),
        ("ssl_cert = /dev/null", "ssl_cert_key must be specified"),
        ("ssl_cert_key = /dev/null", "ssl_cert must be specified"),
        ("cluster_listen = 127.0.0.1", "cluster_listen must be in the form of IPv4:port"),
        ("cluster_listen_rpc = h:7373", "cluster_listen_rpc must be in the form of IPv4:port"),
        ("cluster_advertise = h", "cluster_advertise must be in the form of IPv4:port"),
        ("cluster_encrypt_key = abc", "cluster_encrypt_key must be 16 bytes written in base64"),
        (
            "cluster_ttl_on_failure = 59",
            "cluster_ttl_on_failure must be at least 60 seconds",
        ),
        (
            "dns_resolver = 8.8.8.8, foo",
            (
                "dns_resolver must be a comma separated list in the form of IPv4 or IPv4:port,"
                " got 'foo'"
            ),
        ),
        (
            "cassandra_consistency = FOUR",
            (
                "cassandra_consistency has an invalid value: 'FOUR' (ALL, EACH_QUORUM, QUORUM,"
                " LOCAL_QUORUM, ONE, TWO, THREE, LOCAL_ONE)"
            ),
        ),
    ],
)
def test_a_problem_is_told_with_its_origin(tmp_path: Path, line: str, problem: str) -> None:
    found = problems(tmp_path, f"\n{line}")
    # A missing partner of /dev/null is told besides that /dev/null is no file.
    assert found[0] == f"{problem} ({tmp_path}/c.conf:2)"


def test_all_problems_are_told_together(tmp_path: Path) -> None:
    environ = {"KONG_PG_PORT": "tcp://10.0.0.1:5432", "COLOBUS_CLUSTER_ENCRYPT_KEY": "hunter2"}
    text = "what\nssl = x\ncluster_keyring_file = /no-such-file\ndatabase = cassandra"
    assert problems(tmp_path, text, environ) == [
        f"not of the form 'name = value' ({tmp_path}/c.conf:1)",
        f"ssl is not a boolean: 'x' ({tmp_path}/c.conf:2)",
        "pg_port is not a number: 'tcp://10.0.0.1:5432' (environment KONG_PG_PORT)",
        (
            "cluster_encrypt_key must be 16 bytes written in base64"
            " (environment COLOBUS_CLUSTER_ENCRYPT_KEY)"
        ),
        (
            "database = cassandra is not supported by Colobus; use database = sqlite or postgres"
            f" ({tmp_path}/c.conf:4)"
        ),
        f"cluster_keyring_file: no such file at /no-such-file ({tmp_path}/c.conf:3)",
    ]


def test_a_conflict_names_both_origins(tmp_path: Path) -> None:
    assert problems(tmp_path, "admin_listen = 127.0.0.1:8000") == [
        (
            "proxy_listen (0.0.0.0:8000) and admin_listen (127.0.0.1:8000) cannot listen on the same"
            f" port (default, {tmp_path}/c.conf:1)"
        )
    ]


def test_a_setting_that_cannot_be_read_causes_no_second_problem(tmp_path: Path) -> None:
    """The default that stands in for it must not be blamed for a conflict."""
    found = problems(tmp_path, "proxy_listen = x\nadmin_listen = 127.0.0.1:8000")
    assert found == [f"proxy_listen must be of form 'address:port' ({tmp_path}/c.conf:1)"]


def test_settings_without_effect_are_told_only_when_set(tmp_path: Path) -> None:
    text = "lua_code_cache = off\ndns_hostsfile = /h\nssl = off\nadmin_ssl = on\nproxy_listen = h:1"
    path = tmp_path / "c.conf"
    assert load_text(tmp_path, text).warnings == [
        f"admin_ssl has no effect in this version of Colobus ({path}:4)",
        f"dns_hostsfile has no effect in this version of Colobus ({path}:2)",
        f"lua_code_cache has no effect in Colobus ({path}:1)",
    ]


def test_settings_of_a_datastore_that_is_not_used_are_told(tmp_path: Path) -> None:
    """A file of 0.10.4 may leave out ``database``, which was postgres by default then."""
    path = tmp_path / "c.conf"
    text = "pg_host = db\npg_ssl_verify = on\n"
    assert load_text(tmp_path, text).warnings == [
        f"pg_host has no effect with database = sqlite ({path}:1)",
        f"pg_ssl_verify has no effect with database = sqlite ({path}:2)",
    ]
    assert load_text(tmp_path, text + "database = postgres").warnings == [
        f"pg_ssl_verify has no effect with pg_ssl = off ({path}:2)"
    ]
    assert load_text(tmp_path, text + "database = postgres\npg_ssl = on").warnings == []


def test_the_prefix_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(None, {}, {"prefix": "node"}, default_files=()).settings.prefix == tmp_path / "node"


def test_the_prefix_is_found_whatever_else_is_wrong(tmp_path: Path) -> None:
    path = write(tmp_path, "ssl = maybe\nprefix = /file")
    assert load_prefix({}, default_files=(path,)) == Path("/file")
    assert load_prefix({"KONG_PREFIX": "/e"}, default_files=(path,)) == Path("/e")
    assert load_prefix({}, {"prefix": "/flag"}, default_files=(path,)) == Path("/flag")


def test_a_prefix_that_cannot_be_used_is_told() -> None:
    with pytest.raises(ConfigError, match=r"^prefix is not a path: .* \(--prefix\)$"):
        load_prefix({}, {"prefix": "~no-such-user"}, default_files=())
