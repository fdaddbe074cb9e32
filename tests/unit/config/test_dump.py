import stat
from pathlib import Path

import pytest

from colobus.config.dump import restore, write_dump
from colobus.config.loader import load
from colobus.errors import ConfigError, NodeError


def test_a_node_gets_back_the_settings_it_was_started_with(tmp_path: Path) -> None:
    environ = {
        "COLOBUS_PREFIX": str(tmp_path),
        "COLOBUS_PG_PASSWORD": r"a#b\#c\ d",
        "COLOBUS_DNS_RESOLVER": "8.8.8.8,1.1.1.1:54",
        "COLOBUS_TRUSTED_IPS": "10.0.0.0/8",
        "COLOBUS_PROXY_LISTEN": "[::1]:0",
        "COLOBUS_PROXY_ACCESS_LOG": "off",
        "COLOBUS_WORKER_PROCESSES": "3",
        "COLOBUS_MEM_CACHE_SIZE": "100k",
        "COLOBUS_LUA_CODE_CACHE": "off",
        "COLOBUS_DAEMON": "off",
    }
    settings = load(None, environ, default_files=()).settings
    write_dump(settings)
    assert restore(settings.layout.environment_file) == settings


def test_only_the_owner_may_read_the_dump(tmp_path: Path) -> None:
    settings = load(None, {}, {"prefix": str(tmp_path)}, default_files=()).settings
    path = tmp_path / ".kong_env"
    path.write_text("old")
    path.chmod(0o644)
    write_dump(settings)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == [".kong_env"]


def test_the_dump_is_a_file_that_start_could_read(tmp_path: Path) -> None:
    settings = load(None, {}, {"prefix": str(tmp_path)}, default_files=()).settings
    write_dump(settings)
    assert load(tmp_path / ".kong_env", {}).settings == settings
    lines = (tmp_path / ".kong_env").read_text().splitlines()[1:]
    assert f"prefix = {tmp_path}" in lines
    assert lines == sorted(lines)


def test_a_missing_dump_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^no file at: "):
        restore(tmp_path / ".kong_env")


def test_a_dump_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    settings = load(None, {}, {"prefix": str(tmp_path / "none")}, default_files=()).settings
    with pytest.raises(NodeError, match=r"^cannot write .*kong_env: No such file or directory$"):
        write_dump(settings)
