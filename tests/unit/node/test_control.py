import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from colobus.config.dump import write_dump
from colobus.config.settings import Settings
from colobus.errors import NodeError
from colobus.node import control
from colobus.node.daemon import start_daemon
from colobus.node.prefix import prepare_prefix
from colobus.node.process import Process

FAKE_NODE = Path(__file__).parents[2] / "support" / "fake_node.py"

Start = Callable[..., int]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a fake node in tmp_path; those that live on are ended."""
    settings = Settings(prefix=tmp_path)
    prepare_prefix(tmp_path, print)
    write_dump(settings)
    started: list[int] = []

    def start(behaviour: str = "obey", timeout_s: float = 20.0) -> int:
        command = [sys.executable, str(FAKE_NODE), behaviour]
        pid = start_daemon(settings, command, timeout_s=timeout_s)
        started.append(pid)
        return pid

    yield start
    for pid in started:
        os.kill(pid, signal.SIGKILL)  # still ours, as nobody has waited for it
        os.waitpid(pid, 0)


def log(prefix: Path) -> str:
    return (prefix / "logs" / "error.log").read_text()


def found(prefix: Path) -> Process:
    process = control.find(prefix)
    assert process is not None
    return process


def test_a_node_that_is_ready_runs_on(tmp_path: Path, start: Start) -> None:
    pid = start()
    with found(tmp_path) as process:
        assert process.pid == pid
    assert os.getsid(pid) == pid
    assert control.health(tmp_path) == control.Health(cluster=True, gateway=True)
    assert log(tmp_path) == "log line of the node\n"
    assert stat.S_IMODE((tmp_path / "logs" / "error.log").stat().st_mode) == 0o640


def test_a_node_that_fails_is_told_in_its_own_words(tmp_path: Path, start: Start) -> None:
    with pytest.raises(NodeError) as caught:
        start("fail")
    assert str(caught.value) == "port is taken\nand more"
    assert control.find(tmp_path) is None


def test_a_node_that_dies_is_told_with_the_end_of_its_log(tmp_path: Path, start: Start) -> None:
    (tmp_path / "logs" / "error.log").write_text("older line\n")
    with pytest.raises(NodeError) as caught:
        start("die")
    assert str(caught.value).splitlines() == [
        f"the node ended with status 3 before it was ready; see {tmp_path}/logs/error.log",
        "log line of the node",
        "Traceback: something",
    ]
    assert log(tmp_path).startswith("older line\n")


def test_a_node_that_is_killed_is_told_with_the_signal(start: Start) -> None:
    with pytest.raises(NodeError, match=r"^the node ended by SIGKILL before it was ready; see "):
        start("crash")


def children() -> set[str]:
    """Return the processes that this one has started and not waited for."""
    tasks = Path("/proc/self/task").glob("*/children")
    return {pid for task in tasks for pid in task.read_text().split()}


def test_a_node_that_does_not_answer_is_ended(tmp_path: Path, start: Start) -> None:
    before = children()  # other tests may keep a server
    with pytest.raises(NodeError, match=r"^the node was not ready within 0.2 s; see "):
        start("hang", timeout_s=0.2)
    assert children() == before


def test_a_program_that_cannot_be_run_is_told(tmp_path: Path) -> None:
    prepare_prefix(tmp_path, print)
    with pytest.raises(NodeError, match=r"^cannot start the node: .*No such file or directory"):
        start_daemon(Settings(prefix=tmp_path), [str(tmp_path / "none")])


def test_a_log_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(NodeError, match=r"^cannot start the node: .*error.log"):
        start_daemon(Settings(prefix=tmp_path), ["true"])


def test_stopping_waits_until_the_node_is_gone(tmp_path: Path, start: Start) -> None:
    start()
    with found(tmp_path) as process:
        control.stop(process)
    assert log(tmp_path).endswith("ending after SIGTERM\n")
    assert control.find(tmp_path) is None
    assert list((tmp_path / "pids").iterdir()) == []


def test_quitting_lets_the_node_drain(tmp_path: Path, start: Start) -> None:
    start()
    with found(tmp_path) as process:
        assert control.quit_node(process, 10)
    assert log(tmp_path).endswith("ending after SIGQUIT\n")


def test_a_node_that_does_not_drain_in_time_is_stopped(tmp_path: Path, start: Start) -> None:
    start("no-quit")
    with found(tmp_path) as process:
        assert not control.quit_node(process, 0.1)
    assert log(tmp_path).endswith("ignoring SIGQUIT\nending after SIGTERM\n")


def test_a_node_that_does_not_stop_is_told(tmp_path: Path, start: Start) -> None:
    pid = start("no-stop")
    message = rf"^the node \(process {pid}\) did not stop within 0.1 s$"
    with found(tmp_path) as process, pytest.raises(NodeError, match=message):
        control.stop(process, timeout_s=0.1)


def test_stopping_a_node_that_ended_meanwhile_is_no_error(tmp_path: Path, start: Start) -> None:
    pid = start()
    with found(tmp_path) as process:
        os.kill(pid, signal.SIGKILL)
        assert process.wait(10)
        control.stop(process)


def test_a_killed_node_is_not_running_and_can_be_started_again(
    tmp_path: Path, start: Start
) -> None:
    pid = start()
    with found(tmp_path) as process:
        os.kill(pid, signal.SIGKILL)
        assert process.wait(10)
    assert (tmp_path / "pids" / "colobus.pid").read_text() == f"{pid}\n"
    assert control.health(tmp_path) == control.Health(cluster=False, gateway=False)
    again = start()
    assert (tmp_path / "pids" / "nginx.pid").read_text() == f"{again}\n"


def test_a_recycled_number_in_a_stale_file_is_never_signalled(tmp_path: Path) -> None:
    prepare_prefix(tmp_path, print)
    (tmp_path / "pids" / "colobus.pid").write_text(f"{os.getpid()}\n")
    assert control.find(tmp_path) is None


def test_a_node_without_workers_is_half_healthy(tmp_path: Path, start: Start) -> None:
    start("no-worker")
    assert control.health(tmp_path) == control.Health(cluster=True, gateway=False)


def test_a_prefix_that_does_not_exist_is_told(tmp_path: Path) -> None:
    for examine in (control.find, control.health):
        with pytest.raises(NodeError, match=rf"^no such prefix: {tmp_path}/x$"):
            examine(tmp_path / "x")


def test_a_prefix_without_a_node_has_no_process(tmp_path: Path) -> None:
    assert control.find(tmp_path) is None
    assert control.health(tmp_path) == control.Health(cluster=False, gateway=False)
