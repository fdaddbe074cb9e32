"""file-log: its configuration, and what is in its files (reference: plugins.md, file-log)."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from colobus.errors import SchemaError
from colobus.model.kind import ValidationContext
from colobus.model.schema import validate
from colobus.plugins.file_log import FileLog, FileLogConfig
from colobus.testing.capabilities import MemoryWorker
from colobus.testing.exchange import MemoryExchange, MemoryRequest
from support.waiting import wait_until

WRITING = ValidationContext("insert")


def started() -> FileLog:
    plugin = FileLog(MemoryWorker().capabilities)
    plugin.init_worker()
    return plugin


def record(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_configuration_has_the_defaults_of_the_reference() -> None:
    assert FileLogConfig(path="/tmp/x").model_dump() == {"path": "/tmp/x", "reopen": False}


@pytest.mark.parametrize("config", [{}, {"path": ""}, {"path": "  "}])
def test_a_path_is_required(config: dict[str, str]) -> None:
    with pytest.raises(SchemaError) as caught:
        validate(FileLogConfig, config, WRITING)
    assert caught.value.fields == {"path": "path is required"}


def test_writing_a_configuration_creates_the_file_empty(tmp_path: Path) -> None:
    path = tmp_path / "requests.log"
    validate(FileLogConfig, {"path": str(path)}, WRITING)
    assert path.read_bytes() == b""
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_writing_a_configuration_leaves_a_file_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "requests.log"
    path.write_bytes(b"before\n")
    validate(FileLogConfig, {"path": str(path)}, WRITING)
    assert path.read_bytes() == b"before\n"


@pytest.mark.parametrize(
    ("name", "reason"), [("missing/a.log", "No such file or directory"), ("", "Is a directory")]
)
def test_a_file_that_cannot_be_created_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    path = str(tmp_path / name)
    with pytest.raises(SchemaError) as caught:
        validate(FileLogConfig, {"path": path}, WRITING)
    assert caught.value.fields == {"path": f"Cannot create file: {reason}: {path}"}


def test_loading_a_configuration_touches_no_file(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "a.log"
    assert validate(FileLogConfig, {"path": str(path)}).path == str(path)
    assert not path.parent.exists()


def test_each_request_is_a_line_of_json(tmp_path: Path) -> None:
    plugin = started()
    config = FileLogConfig(path=str(tmp_path / "a.log"))
    for number in range(3):
        plugin.log(MemoryExchange(MemoryRequest("GET", f"/{number}")), config)
    plugin.close()
    assert [each["request"]["uri"] for each in record(tmp_path / "a.log")] == ["/0", "/1", "/2"]


def test_bytes_that_are_no_text_leave_the_line_readable(tmp_path: Path) -> None:
    plugin = started()
    plugin.log(
        MemoryExchange(MemoryRequest("GET", "/\udcff\n\u00e9")),
        FileLogConfig(path=str(tmp_path / "a.log")),
    )
    plugin.close()
    (only,) = record(tmp_path / "a.log")
    assert only["request"]["uri"] == "/?\n\u00e9"


@pytest.mark.parametrize("reopen", [False, True])
def test_rotation(tmp_path: Path, reopen: bool) -> None:
    path = tmp_path / "a.log"
    plugin = started()
    config = FileLogConfig(path=str(path), reopen=reopen)
    plugin.log(MemoryExchange(MemoryRequest("GET", "/1")), config)
    wait_until(lambda: path.exists() and path.stat().st_size > 0)
    path.rename(tmp_path / "old")
    plugin.log(MemoryExchange(MemoryRequest("GET", "/2")), config)
    plugin.reopen_logs()
    plugin.log(MemoryExchange(MemoryRequest("GET", "/3")), config)
    plugin.close()
    old, new = ([each["request"]["uri"] for each in record(p)] for p in (tmp_path / "old", path))
    assert (old, new) == ((["/1"], ["/2", "/3"]) if reopen else (["/1", "/2"], ["/3"]))


def test_a_file_that_cannot_be_written_costs_no_request(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = started()
    plugin.log(MemoryExchange(), FileLogConfig(path=str(tmp_path / "missing" / "a.log")))
    plugin.close()
    assert "lines are lost" in caplog.text
