"""The error log: levels, files, and what happens to them."""

import logging
from pathlib import Path

import pytest

from colobus.errors import NodeError
from colobus.node.logs import check_log, divert, level_number

LEVELS = ("debug", "info", "notice", "warn", "error", "crit", "alert", "emerg")


def test_levels_are_in_the_order_of_nginx() -> None:
    numbers = [level_number(name) for name in LEVELS]
    assert numbers == sorted(set(numbers))


def test_a_log_that_cannot_be_opened_is_named_with_its_setting(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "a.log"
    with pytest.raises(NodeError) as caught:
        check_log(path, "proxy_access_log")
    assert str(caught.value) == f"cannot open {path} (proxy_access_log): No such file or directory"


def test_a_log_that_is_off_needs_no_file() -> None:
    check_log(None, "proxy_access_log")


def test_diverted_loggers_write_to_their_file_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "admin.log"
    divert(("test_diverted",), path)
    diverted = logging.getLogger("test_diverted")
    try:
        logging.getLogger("test_diverted.below").error("one")
        path.rename(tmp_path / "old")
        diverted.error("two")
    finally:
        for handler in list(diverted.handlers):
            diverted.removeHandler(handler)
            handler.close()
    assert "test_diverted.below: one" in (tmp_path / "old").read_text()
    assert "test_diverted: two" in path.read_text()
    assert capfd.readouterr().err == ""
