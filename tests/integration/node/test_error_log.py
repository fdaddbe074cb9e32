"""The error log as a process writes it."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

LEVELS = ("debug", "info", "notice", "warn", "error", "crit", "alert", "emerg")

SAY = """
import logging, os, sys
from pathlib import Path
from colobus.logs.levels import NOTICE
from colobus.node.logs import configure_logging, reopen_error_log
configure_logging(sys.argv[1])
logger = logging.getLogger("said")
path = Path(sys.argv[2])
for name, number in (("debug", 10), ("info", 20), ("notice", NOTICE), ("warn", 30), ("error", 40),
                     ("crit", 50)):
    logger.log(number, "this is %s", name)
if path.exists():
    path.rename(path.with_suffix(".1"))
    reopen_error_log(path)
    print("printed", flush=True)
    logger.error("after")
"""


def said(level: str, path: Path) -> str:
    """Return what a process writes to standard error that says something at each level."""
    result = subprocess.run(
        [sys.executable, "-c", SAY, level, str(path)], capture_output=True, text=True, check=True
    )
    return result.stderr


@pytest.mark.parametrize("level", ["debug", "notice", "crit", "alert"])
def test_a_level_and_what_is_more_important_is_written(level: str, tmp_path: Path) -> None:
    lines = said(level, tmp_path / "none").splitlines()
    shown = [line.rpartition(" ")[2] for line in lines]
    assert shown == list(LEVELS[LEVELS.index(level) : 6])
    assert all(f"[{name}] " in line for name, line in zip(shown, lines, strict=True))


def test_a_reopened_error_log_takes_the_place_of_both_streams(tmp_path: Path) -> None:
    path = tmp_path / "error.log"
    with path.open("ab") as log:
        subprocess.run(
            [sys.executable, "-c", SAY, "error", str(path)], stdout=log, stderr=log, check=True
        )
    old = path.with_suffix(".1").read_text()
    new = path.read_text()
    assert [line.split(": ")[-1] for line in old.splitlines()] == ["this is error", "this is crit"]
    assert [line.split(": ")[-1] for line in new.splitlines()] == ["printed", "after"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
