"""Real agents in child processes, ours and HashiCorp's, which a test treats alike.

Both are asked by the `serf` command over RPC, so every look at one of ours proves that as well.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from colobus.cluster.rpc.client import RpcClient, connect
from support.ports import free_port
from support.waiting import wait_until

PROGRAM = Path(__file__).with_name("agent_program.py")
SOURCE = Path(__file__).parents[2] / "src"
LOOPBACK = "127.0.0.1"


class Agent:
    """One agent.

    Args:
        name: in the cluster.
        key: of encryption, in base64; empty for none.
        compresses: whether it sends compressed.
        tags: at its start.
        host: the address it is reached at.
        within: the network namespace to run in; its ports need not be free elsewhere.
        profile: of timing.
        auth: what its RPC must be shown; one of ours only.
    """

    kind = ""

    def __init__(
        self,
        name: str,
        *,
        key: str = "",
        compresses: bool = False,
        tags: Mapping[str, str] | None = None,
        host: str = LOOPBACK,
        within: str = "",
        profile: str = "lan",
        auth: str = "",
    ) -> None:
        self.name, self.key, self.compresses = name, key, compresses
        self.tags = dict(tags or {})
        self.profile, self.auth = profile, auth
        self.host, self.port = host, 7946 if within else free_port()
        self.rpc = (LOOPBACK, 7373 if within else free_port())
        self._prefix = ["ip", "netns", "exec", within] if within else []
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed by close)
        self.process = self._start()

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def rpc_address(self) -> str:
        return f"{self.rpc[0]}:{self.rpc[1]}"

    @property
    def log(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def command(self) -> list[str]:
        raise NotImplementedError

    def _start(self) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
        # A session of its own: an orphaned group with a stopped child would be sent SIGHUP.
        return subprocess.Popen(
            self._prefix + self.command(), env=environment, stdin=subprocess.DEVNULL,
            stdout=self._log, stderr=subprocess.STDOUT, start_new_session=True, text=True,
        )  # fmt: skip

    def ready(self) -> Self:
        """Wait until its RPC answers."""
        wait_until(lambda: self.run("info") is not None, what=f"{self.name}:\n{self.log}")
        return self

    def restart(self) -> Self:
        """Start it anew, after :meth:`kill` or :meth:`leave`, without memory."""
        self.process = self._start()
        return self.ready()

    def serf(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the `serf` command against it."""
        environment = {**os.environ, "SERF_RPC_AUTH": self.auth}
        return subprocess.run(
            [*self._prefix, "serf", arguments[0], f"-rpc-addr={self.rpc_address}", *arguments[1:]],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=40,
            check=False,
        )  # fmt: skip

    def run(self, *arguments: str) -> str | None:
        """Return what the `serf` command prints, or None if it fails."""
        ended = self.serf(*arguments)
        return ended.stdout if ended.returncode == 0 else None

    def succeed(self, *arguments: str) -> str:
        ended = self.serf(*arguments)
        assert ended.returncode == 0, f"{self.name}: {arguments}: {ended.stdout}{ended.stderr}"
        return ended.stdout

    def members(self) -> dict[str, str]:
        listed = json.loads(self.run("members", "-format=json") or "{}").get("members") or []
        return {member["name"]: member["status"] for member in listed}

    def tags_of(self, name: str) -> dict[str, str] | None:
        listed = json.loads(self.succeed("members", "-format=json", f"-name={name}"))["members"]
        return dict(listed[0]["tags"]) if listed else None

    def join(self, other: "Agent") -> None:
        self.succeed("join", other.address)

    def client(self) -> RpcClient:
        """Return a client of ours for its RPC; not of one in a namespace."""
        return connect(self.rpc)

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait(20)

    def leave(self) -> None:
        """Let it leave and end."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            print(f"--- log of {self.name}\n{self.log[-4000:]}")  # noqa: T201  (pytest shows it)
        self.kill()
        self._log.close()


class ColobusAgent(Agent):
    """One of ours."""

    kind = "colobus"

    def command(self) -> list[str]:
        return [
            sys.executable, str(PROGRAM), f"--name={self.name}", f"--listen={self.address}",
            f"--rpc={self.rpc_address}", f"--profile={self.profile}",
            *(f"--tag={key}={value}" for key, value in self.tags.items()),
            *([f"--key={self.key}"] if self.key else []),
            *([f"--auth={self.auth}"] if self.auth else []),
            *(["--compresses"] if self.compresses else []),
        ]  # fmt: skip


class SerfAgent(Agent):
    """A `serf agent`, which answers the query `load` by its name."""

    kind = "serf"

    def command(self) -> list[str]:
        return [
            "serf", "agent", f"-node={self.name}", f"-bind={self.address}",
            f"-rpc-addr={self.rpc_address}", f"-profile={self.profile}", "-log-level=debug",
            f"-event-handler=query:load=printf {self.name}",
            *(f"-tag={key}={value}" for key, value in self.tags.items()),
            *([f"-encrypt={self.key}"] if self.key else []),
            *([] if self.compresses else ["-disable-compression"]),
        ]  # fmt: skip


def all_see(agents: Iterable[Agent], expected: Mapping[str, str], *, within_s: float = 20) -> None:
    """Wait until each of ``agents`` holds this view of the members."""
    for agent in agents:
        wait_until(
            _holds(agent, expected), timeout_s=within_s,
            what=f"{agent.name} sees {dict(expected)}, not {agent.members()}",
        )  # fmt: skip


def _holds(agent: Agent, expected: Mapping[str, str]) -> Callable[[], bool]:
    return lambda: agent.members() == expected
