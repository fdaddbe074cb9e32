import stat
from pathlib import Path

import pytest

from colobus.errors import NodeError
from colobus.node.prefix import prepare_prefix, starting


def test_a_missing_prefix_is_created_for_its_owner_alone(tmp_path: Path) -> None:
    said: list[str] = []
    prefix = tmp_path / "a" / "b"
    prepare_prefix(prefix, said.append)
    assert said == [f"prefix directory {prefix} not found, trying to create it"]
    assert stat.S_IMODE(prefix.stat().st_mode) == 0o700
    assert sorted(entry.name for entry in prefix.iterdir()) == ["logs", "pids", "serf"]


def test_a_prefix_that_exists_keeps_its_permissions_and_content(tmp_path: Path) -> None:
    said: list[str] = []
    tmp_path.chmod(0o755)
    (tmp_path / "serf").mkdir()
    (tmp_path / "serf" / "serf.id").write_text("name")
    prepare_prefix(tmp_path, said.append)
    assert said == []
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert (tmp_path / "serf" / "serf.id").read_text() == "name"


def test_a_file_is_no_prefix(tmp_path: Path) -> None:
    prefix = tmp_path / "x"
    prefix.touch()
    with pytest.raises(NodeError, match=rf"^{prefix} is not a directory$"):
        prepare_prefix(prefix, print)


def test_a_prefix_that_cannot_be_created_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(NodeError, match=r"^cannot prepare .*: File exists$"):
        prepare_prefix(tmp_path / "x" / "y", print)


def test_only_one_command_starts_in_a_prefix_at_a_time(tmp_path: Path) -> None:
    with (
        starting(tmp_path),
        pytest.raises(NodeError, match=r"^another command is starting a node in "),
        starting(tmp_path),
    ):
        pass
    with starting(tmp_path):
        pass


def test_a_prefix_that_is_missing_cannot_be_started_in(tmp_path: Path) -> None:
    with pytest.raises(NodeError, match=r"^cannot open .*"), starting(tmp_path / "x"):
        pass
