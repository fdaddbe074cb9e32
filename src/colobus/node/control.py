"""Stops and examines a node from outside, by its prefix.

A node is found through its pid file alone (:mod:`colobus.node.pidfile`); nothing is ever signalled
whose number merely stands in a file.
"""

import signal
from dataclasses import dataclass
from pathlib import Path

from colobus.config.layout import Layout
from colobus.errors import NodeError
from colobus.node.daemon import start_daemon
from colobus.node.pidfile import PidFile
from colobus.node.process import Process, children_of

__all__ = ["Health", "PidFile", "find", "health", "pid_file", "quit_node", "start_daemon", "stop"]

STOP_TIMEOUT_S = 15.0
"""How long a node that was told to stop may take: its workers get 5 s, leaving the registry and
closing the datastore the rest."""

WORKER = "colobus.node.worker"


@dataclass(frozen=True, slots=True)
class Health:
    """Which services of a node run.

    Attributes:
        cluster: the supervisor, which speaks for the node in the cluster.
        gateway: at least one worker.
    """

    cluster: bool
    gateway: bool


def pid_file(prefix: Path) -> PidFile:
    """Return the pid file of the node of this prefix."""
    layout = Layout(prefix)
    return PidFile(layout.pid_file, link=layout.pid_link)


def find(prefix: Path) -> Process | None:
    """Return a hold on the supervisor of the node that runs in this prefix, or None.

    Raises:
        NodeError: there is no such prefix, or the node cannot be told.
    """
    if not prefix.exists():
        raise NodeError(f"no such prefix: {prefix}")
    file = pid_file(prefix)
    pid = file.owner()
    if pid is None:
        return None
    try:
        process = Process(pid)
    except ProcessLookupError:
        return None
    except OSError as exc:
        raise NodeError(f"cannot examine process {pid}: {exc.strerror}") from exc
    # Asked again: from here on the hold stands for the process that has the lock.
    if file.owner() != pid:
        process.close()
        return None
    return process


def health(prefix: Path) -> Health:
    """Return which services of the node run.

    Raises:
        NodeError: there is no such prefix, or the node cannot be told.
    """
    process = find(prefix)
    if process is None:
        return Health(cluster=False, gateway=False)
    with process:
        has_worker = any(WORKER in command for command in children_of(process.pid))
        return Health(cluster=True, gateway=has_worker)


def stop(process: Process, *, timeout_s: float = STOP_TIMEOUT_S) -> None:
    """Stop a node at once and wait until it is gone.

    Raises:
        NodeError: it is not gone after ``timeout_s`` seconds, or may not be signalled.
    """
    _send(process, signal.SIGTERM)
    if not process.wait(timeout_s):
        raise NodeError(f"the node (process {process.pid}) did not stop within {timeout_s:g} s")


def quit_node(process: Process, drain_s: float, *, stop_timeout_s: float = STOP_TIMEOUT_S) -> bool:
    """Let a node finish its requests for at most ``drain_s`` seconds, then stop it.

    Returns:
        True if it went by itself, False if it had to be stopped.

    Raises:
        NodeError: it is not gone although it was stopped, or may not be signalled.
    """
    _send(process, signal.SIGQUIT)
    if process.wait(drain_s):
        return True
    stop(process, timeout_s=stop_timeout_s)
    return False


def _send(process: Process, number: signal.Signals) -> None:
    try:
        process.send(number)
    except PermissionError as exc:
        raise NodeError(f"process {process.pid} belongs to another user") from exc
