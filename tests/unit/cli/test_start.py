import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from colobus.cli.commands.start import start_node, stop_if_running
from colobus.cli.console import Console, Program
from colobus.config.dump import restore
from colobus.config.settings import Settings
from colobus.errors import NodeError
from colobus.node import control
from support.commands import run_command

FAKE_NODE = Path(__file__).parents[2] / "support" / "fake_node.py"
Captured = pytest.CaptureFixture[str]


def start(prefix: Path, behaviour: str = "obey", name: str = "kong") -> int:
    command = [sys.executable, str(FAKE_NODE), behaviour]
    console = Console(Program.called(name))
    return start_node(console, Settings(prefix=prefix), is_foreground=False, command=command)


@pytest.fixture
def prefix(tmp_path: Path) -> Iterator[Path]:
    """A prefix whose node, if one runs in it at last, is killed."""
    folder = tmp_path / "node"
    yield folder
    running = control.find(folder) if folder.exists() else None
    if running is not None:
        with running:
            running.send(signal.SIGKILL)
            assert running.wait(10)
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:  # every node here is a child of this process
            pass


@pytest.mark.parametrize("name", ["kong", "colobus"])
def test_a_node_is_started_found_healthy_and_stopped(
    prefix: Path, capsys: Captured, name: str
) -> None:
    product = name.capitalize()
    cluster, gateway = {"kong": ("serf....", "nginx..."), "colobus": ("cluster.", "gateway.")}[name]
    assert start(prefix, name=name) == 0
    assert capsys.readouterr() == (
        f"prefix directory {prefix} not found, trying to create it\n{product} started\n",
        "",
    )
    assert restore(prefix / ".kong_env") == Settings(prefix=prefix)

    healthy = run_command(name, "health", "-p", str(prefix))
    assert (healthy.returncode, healthy.stdout, healthy.stderr) == (
        0,
        f"{cluster}....running\n{gateway}....running\n\n{product} is healthy at {prefix}\n",
        "",
    )
    stopped = run_command(name, "stop", "-p", str(prefix))
    assert (stopped.returncode, stopped.stdout, stopped.stderr) == (0, f"{product} stopped\n", "")
    assert run_command(name, "health", "-p", str(prefix)).returncode == 1


@pytest.mark.parametrize(
    ("behaviour", "how"),
    [("obey", "gracefully"), ("no-quit", "forced, not drained after 1 s")],
)
def test_quitting_tells_how_the_node_went(prefix: Path, behaviour: str, how: str) -> None:
    start(prefix, behaviour)
    ended = run_command("kong", "quit", "-t", "0", "-p", str(prefix))
    assert (ended.returncode, ended.stdout) == (0, f"Kong stopped ({how})\n")


def test_a_second_node_in_one_prefix_is_refused_and_the_first_runs_on(prefix: Path) -> None:
    start(prefix)
    with pytest.raises(NodeError, match=rf"^Kong is already running in {prefix}$"):
        start(prefix)
    assert control.health(prefix) == control.Health(cluster=True, gateway=True)


def test_a_running_node_keeps_its_settings_when_a_second_start_is_refused(prefix: Path) -> None:
    start(prefix)
    before = (prefix / ".kong_env").stat().st_mtime_ns
    with pytest.raises(NodeError):
        start(prefix)
    assert (prefix / ".kong_env").stat().st_mtime_ns == before


def test_a_node_that_fails_can_be_started_again(prefix: Path, capsys: Captured) -> None:
    with pytest.raises(NodeError, match="port is taken"):
        start(prefix, "fail")
    assert "started" not in capsys.readouterr().out
    assert start(prefix) == 0


def test_a_node_without_workers_is_told_by_health(prefix: Path) -> None:
    start(prefix, "no-worker")
    ended = run_command("kong", "health", "-p", str(prefix))
    assert (ended.returncode, ended.stdout) == (
        1,
        "serf........running\nnginx.......not running\n\n",
    )
    assert ended.stderr.startswith(f"Error: some services are not running at {prefix}\n")


def test_a_restart_stops_the_node_that_runs(prefix: Path) -> None:
    console = Console(Program.called("kong"))
    start(prefix)
    before = (prefix / "pids" / "colobus.pid").read_text()
    stop_if_running(console, prefix)
    assert control.find(prefix) is None
    assert start(prefix) == 0
    assert (prefix / "pids" / "colobus.pid").read_text() != before


def test_a_restart_of_a_node_that_does_not_run_only_starts(prefix: Path, capsys: Captured) -> None:
    console = Console(Program.called("kong"))
    stop_if_running(console, prefix)
    assert start(prefix) == 0
    stop_if_running(console, prefix)
    stop_if_running(console, prefix)
    assert capsys.readouterr().err == ""
