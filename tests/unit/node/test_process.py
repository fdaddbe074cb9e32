import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from colobus.node.process import Process, children_of

SLEEPER = [sys.executable, "-c", "import sys; sys.stdin.read()", "a b", "c"]


@pytest.fixture(params=["pidfd", "number"])
def hold(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to hold a process: a kernel without pidfds says so."""
    if request.param == "number":

        def pidfd_open(pid: int, flags: int = 0) -> int:
            raise OSError(38, "Function not implemented")

        monkeypatch.setattr(os, "pidfd_open", pidfd_open)


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(SLEEPER, stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.mark.usefixtures("hold")
def test_a_process_is_signalled_and_its_end_awaited(sleeper: "subprocess.Popen[bytes]") -> None:
    with Process(sleeper.pid) as process:
        assert not process.wait(0)
        process.send(signal.SIGTERM)
        assert sleeper.wait(10) == -signal.SIGTERM
        assert process.wait(1)
        process.send(signal.SIGTERM)


@pytest.mark.usefixtures("hold")
def test_a_process_that_does_not_exist_cannot_be_held(sleeper: "subprocess.Popen[bytes]") -> None:
    sleeper.kill()
    sleeper.wait()
    with pytest.raises(ProcessLookupError):
        Process(sleeper.pid)


def test_the_children_of_a_process_are_told_by_their_command_lines(
    sleeper: "subprocess.Popen[bytes]",
) -> None:
    assert " ".join(SLEEPER) in children_of(os.getpid())
    assert children_of(sleeper.pid) == []


def test_a_child_that_has_ended_is_no_child(sleeper: "subprocess.Popen[bytes]") -> None:
    with Process(sleeper.pid) as process:
        sleeper.kill()
        assert process.wait(10)
    assert " ".join(SLEEPER) not in children_of(os.getpid())
