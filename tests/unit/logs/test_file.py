"""Log files: every line once and whole, over rotations, full disks and pipes."""

import logging
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from colobus.logs import file as log_file
from colobus.logs.file import LogFile, LogWriter, append_to
from support.waiting import wait_until


@contextmanager
def written(path: Path, *, reopens: bool = False) -> Iterator[LogFile]:
    """Give a file to write to; when this is left, all of it is written."""
    writer = LogWriter("log under test")
    try:
        yield writer.open(path, reopens=reopens)
    finally:
        writer.close()


class IdleWriter(LogWriter):
    """A writer whose thread does nothing."""

    def enqueue(self, file: LogFile) -> None:
        """Leave the file to the test."""


def by_hand(path: Path) -> LogFile:
    """Return a file that is written when the test calls ``work``."""
    return IdleWriter("log under test").open(path)


def test_lines_arrive_in_order_and_append(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"before\n")
    with written(path) as log:
        for number in range(1000):
            log.write(b"%d\n" % number)
    assert path.read_bytes().split() == [b"before", *(b"%d" % number for number in range(1000))]
    assert log.lost == 0


def test_a_created_file_has_its_mode_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with written(tmp_path / "a.log") as log:
            log.write(b"x\n")
    finally:
        os.umask(before)
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o640


def test_a_rotation_loses_no_line(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with written(path) as log:
        log.write(b"".join(b"%d\n" % number for number in range(100)))
        wait_for(path)
        for turn in range(1, 20):
            path.rename(tmp_path / f"a.log.{turn}")
            log.write(b"%d still the old one\n" % (turn * 100))
            log.reopen()
            log.write(b"".join(b"%d\n" % (turn * 100 + number) for number in range(1, 100)))
            wait_for(path)
    for turn in range(1, 20):
        assert (
            (tmp_path / f"a.log.{turn}")
            .read_bytes()
            .endswith(b"%d still the old one\n" % (turn * 100))
        )
    everything = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert sorted(int(line.split()[0]) for line in everything.splitlines()) == list(range(2000))


def test_without_reopening_a_moved_file_is_still_written(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with written(path) as log:
        log.write(b"one\n")
        wait_for(path)
        path.rename(tmp_path / "old")
        log.write(b"two\n")
    assert (tmp_path / "old").read_bytes() == b"one\ntwo\n"
    assert not path.exists()


def test_one_that_reopens_follows_its_name_with_each_write(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with written(path, reopens=True) as log:
        log.write(b"one\n")
        wait_for(path)
        path.rename(tmp_path / "old")
        log.write(b"two\n")
    assert (tmp_path / "old").read_bytes() == b"one\n"
    assert path.read_bytes() == b"two\n"


def test_a_file_that_cannot_be_reopened_goes_on_in_the_old_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    with written(folder / "a.log") as log:
        log.write(b"one\n")
        wait_for(log.path)
        folder.rename(tmp_path / "moved")
        log.reopen()
        log.write(b"two\n")
    assert (tmp_path / "moved" / "a.log").read_bytes() == b"one\ntwo\n"
    assert "No such file or directory" in caplog.text
    assert log.lost == 0


def test_lines_of_a_file_that_cannot_be_opened_are_counted_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "missing" / "a.log"
    log = by_hand(path)
    for _ in range(3):
        log.write(b"one\ntwo\n")
        log.work()
    assert log.lost == 6
    path.parent.mkdir()
    log.write(b"three\n")
    log.work()
    log.close()
    assert path.read_bytes() == b"three\n"
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        f"cannot write to {path}: No such file or directory; lines are lost",
        f"{path}: 6 lines could not be written and are lost",
    ]
    assert all(record.levelno == logging.ERROR for record in caplog.records)


def test_a_full_disk_costs_lines_but_joins_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    written_sizes: Iterator[int | OSError] = iter([6, OSError(28, "No space left on device"), 12])

    def write(descriptor: int, data: bytes) -> int:
        size = next(written_sizes)
        if isinstance(size, OSError):
            raise size
        return os.write(descriptor, data[:size])

    monkeypatch.setattr(log_file, "_write", write)
    log = by_hand(tmp_path / "a.log")
    log.write(b"one\ntwo\nthree\n")  # the disk takes "one", and "two" without its end
    log.work()
    log.write(b"four\nfive\n")
    log.work()
    log.close()
    assert log.path.read_bytes() == b"one\ntw\nfour\nfive\n"
    assert log.lost == 2
    assert "No space left on device; lines are lost" in caplog.text
    assert "2 lines could not be written and are lost" in caplog.text


def test_what_waits_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "PENDING_BYTES", 10)
    log = by_hand(tmp_path / "a.log")
    log.write(b"12345678\n")
    log.write(b"a\nb\n")
    assert log.lost == 2
    log.work()
    log.close()
    assert log.path.read_bytes() == b"12345678\n"


def test_a_pipe_gets_whole_lines_in_undivided_pieces(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    line = b"x" * 99 + b"\n"
    with written(path) as log:
        log.write(line * 100)
    pieces = []
    while piece := os.read(reader, log_file.PIPE_BYTES):
        pieces.append(piece)
    os.close(reader)
    assert b"".join(pieces) == line * 100


def test_a_pipe_nobody_reads_is_given_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "FULL_PIPE_S", 0.01)
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with written(path) as log:
        log.write(b"x" * 4095 + b"\n")
        log.write((b"y" * 4095 + b"\n") * 64)
    os.close(reader)
    assert log.lost > 0
    assert "lines are lost" in caplog.text


def test_a_pipe_without_a_reader_is_an_error_and_no_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device or address"):
        append_to(tmp_path / "pipe", 0o640)


def test_standard_output_is_that_of_the_process(capfd: pytest.CaptureFixture[str]) -> None:
    with written(Path("/dev/stdout")) as log:
        log.write(b"hello\n")
        log.reopen()
        log.write(b"again\n")
    assert capfd.readouterr().out == "hello\nagain\n"


def test_a_file_beyond_the_limit_of_its_size_is_an_error_like_any_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with written(tmp_path / "a.log") as log:
            log.write(b"1234567\n89\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert log.path.read_bytes() == b"1234567\n89"
    assert log.lost == 1
    assert "File too large; lines are lost" in caplog.text


def wait_for(path: Path) -> None:
    """Wait until something was written to the file."""
    wait_until(lambda: path.exists() and path.stat().st_size > 0, what=str(path))
