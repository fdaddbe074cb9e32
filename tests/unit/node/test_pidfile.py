import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from colobus.errors import NodeError
from colobus.node.pidfile import PidFile

HOLDER = """
import sys
from pathlib import Path
from colobus.node.pidfile import PidFile
file = PidFile(Path(sys.argv[1]), Path(sys.argv[1]).with_name("link"))
file.acquire()
print("held", flush=True)
if sys.stdin.read(1) == "r":
    file.release()
    print("released", flush=True)
    sys.stdin.read(1)
"""


@contextmanager
def holder(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the file; it releases it when it is sent an r."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_without_a_file_there_is_no_owner(tmp_path: Path) -> None:
    assert PidFile(tmp_path / "pid").owner() is None


def test_the_holder_is_the_owner(tmp_path: Path) -> None:
    file = PidFile(tmp_path / "pid")
    file.acquire()
    assert file.owner() == os.getpid()
    assert (tmp_path / "pid").read_text() == f"{os.getpid()}\n"
    file.release()
    assert file.owner() is None
    assert list(tmp_path.iterdir()) == []


def test_the_owner_is_seen_from_another_process_and_keeps_others_out(tmp_path: Path) -> None:
    file = PidFile(tmp_path / "pid")
    with holder(tmp_path / "pid") as process:
        assert file.owner() == process.pid
        with pytest.raises(NodeError, match=r"^another node holds "):
            file.acquire()
        assert file.owner() == process.pid
        assert (tmp_path / "pid").read_text() == f"{process.pid}\n"


def test_a_file_that_was_released_is_free_while_its_process_lives(tmp_path: Path) -> None:
    file = PidFile(tmp_path / "pid")
    with holder(tmp_path / "pid") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("r")
        process.stdin.flush()
        assert process.stdout.readline() == "released\n"
        assert file.owner() is None
        file.acquire()
        assert file.owner() == os.getpid()
        file.release()


def test_the_file_of_a_killed_process_is_stale_and_can_be_taken(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with holder(path) as process:
        process.kill()
        process.wait()
        assert path.read_text() == f"{process.pid}\n"
    file = PidFile(path, tmp_path / "link")
    assert file.owner() is None
    file.acquire()
    assert file.owner() == os.getpid()
    file.release()


def test_a_number_that_is_another_process_now_is_no_owner(tmp_path: Path) -> None:
    """After a crash and a reboot, the number in the file may be anybody's."""
    path = tmp_path / "pid"
    path.write_text(f"{os.getpid()}\n")
    assert PidFile(path).owner() is None


@pytest.mark.parametrize("content", [f"{os.getpid()}\n", "", "many\n"])
def test_a_lock_whose_holder_cannot_be_told_is_an_error(tmp_path: Path, content: str) -> None:
    """A file being taken over holds its last owner's number for a moment."""
    path = tmp_path / "pid"
    with holder(path):
        path.write_text(content)
        with pytest.raises(NodeError, match=r"not the one whose number is in it$"):
            PidFile(path).owner()


def test_a_program_that_the_holder_starts_does_not_share_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    file = PidFile(path)
    file.acquire()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        file.release()
        path.write_text(f"{child.pid}\n")
        assert file.owner() is None
        child.kill()


def test_a_second_name_leads_to_the_file_while_it_is_held(tmp_path: Path) -> None:
    link = tmp_path / "nginx.pid"
    link.write_text("stale")
    file = PidFile(tmp_path / "pid", link)
    file.acquire()
    assert link.read_text() == f"{os.getpid()}\n"
    file.release()
    file.release()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(NodeError, match=r"^cannot write .*/pid: No such file or directory$"):
        PidFile(tmp_path / "none" / "pid").acquire()
