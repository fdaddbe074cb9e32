"""Hosts of their own on one machine: network namespaces around a router that can lose packets.

Each host is a namespace with one address, joined to a router namespace by a veth pair. Whatever a
rule of the router turns into a black hole is lost without a word, in one direction only.
"""

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterable
from types import TracebackType
from typing import Self

_numbered = itertools.count()


def ip(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=check)


def why_not() -> str:
    """Return why namespaces cannot be made here; empty if they can."""
    if shutil.which("ip") is None:
        return "iproute2 is not installed"
    name = f"colobus-{os.getpid()}-probe"
    made = ip("netns", "add", name, check=False)
    if made.returncode:
        return f"network namespaces are not permitted: {made.stderr.strip()}"
    try:
        ruled = ip("-n", name, "rule", "add", "from", "192.0.2.1", "blackhole", check=False)
    finally:
        ip("netns", "del", name)
    return "" if ruled.returncode == 0 else f"no routing rules here: {ruled.stderr.strip()}"


class Network:
    """A router and ``size`` hosts, gone with the ``with`` block, whatever happens in it."""

    def __init__(self, size: int) -> None:
        self._base = f"colobus-{os.getpid()}-{next(_numbered)}"
        self.hosts = list(range(1, size + 1))
        self._made: list[str] = []

    def __enter__(self) -> Self:
        try:
            self._make(self._router)
            self._run_in(self._router, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
            for host in self.hosts:
                self._add(host)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    def namespace(self, host: int) -> str:
        return f"{self._base}-{host}"

    def address(self, host: int) -> str:
        return f"10.77.{host}.2"

    def lose(self, sources: Iterable[int], targets: Iterable[int]) -> None:
        """Lose every packet from one of ``sources`` to one of ``targets``, not those back."""
        for source, target in itertools.product(sources, targets):
            ip(
                "-n", self._router, "rule", "add", "from", self.address(source),
                "to", self.address(target), "blackhole", "priority", "100",
            )  # fmt: skip

    def cut(self, side: Iterable[int]) -> None:
        """Lose every packet between ``side`` and the rest."""
        ours = list(side)
        theirs = [host for host in self.hosts if host not in ours]
        self.lose(ours, theirs)
        self.lose(theirs, ours)

    def heal(self) -> None:
        """Lose nothing any more."""
        while ip("-n", self._router, "rule", "del", "priority", "100", check=False).returncode == 0:
            pass

    def slow(self, host: int, *discipline: str) -> str:
        """Slow down what goes to and from ``host`` by a queueing discipline; return what is wrong."""
        for namespace, device in ((self._router, f"v{host}"), (self.namespace(host), "eth0")):
            ended = self._run_in(
                namespace, "tc", "qdisc", "replace", "dev", device, "root", *discipline, check=False
            )
            if ended.returncode:
                return ended.stderr.strip()
        return ""

    @property
    def _router(self) -> str:
        return f"{self._base}-r"

    def _add(self, host: int) -> None:
        namespace, device = self.namespace(host), f"v{host}"
        self._make(namespace)
        ip(
            "link", "add", device, "netns", self._router, "type", "veth",
            "peer", "name", "eth0", "netns", namespace,
        )  # fmt: skip
        for inside, name, address in (
            (self._router, device, f"10.77.{host}.1/24"),
            (namespace, "eth0", f"{self.address(host)}/24"),
        ):
            ip("-n", inside, "address", "add", address, "dev", name)
            ip("-n", inside, "link", "set", name, "up")
        ip("-n", namespace, "link", "set", "lo", "up")
        ip("-n", namespace, "route", "add", "default", "via", f"10.77.{host}.1")

    def _make(self, namespace: str) -> None:
        ip("netns", "add", namespace)
        self._made.append(namespace)

    def _run_in(
        self, namespace: str, *command: str, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ip", "netns", "exec", namespace, *command],
            capture_output=True, text=True, check=check,
        )  # fmt: skip

    def _remove(self) -> None:
        while self._made:
            # Its devices, addresses and rules go with it.
            ip("netns", "del", self._made.pop(), check=False)
