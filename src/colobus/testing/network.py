"""A network in virtual time: cluster nodes on it run as fast as the processor allows.

Datagrams are lost, delayed, doubled and overtake each other; streams are delayed but keep their
order; hosts crash, stop for a while, or are cut off from each other. All of it comes from one
seed: the same seed and the same calls give the same run, to the last bit.

>>> network = SimNetwork(seed=7, conditions=LinkConditions(loss=0.1))
>>> network.now
0.0
"""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Any

from colobus.cluster.machine import Datagram
from colobus.cluster.swim.addresses import Address
from colobus.cluster.swim.streams import REFUSED, OpenStream, StreamWrite
from colobus.testing.hosts import SimHost, SimMachine, StreamEnd

__all__ = ["LinkConditions", "SimNetwork"]

# What the receive buffer of a stopped process holds before the kernel drops datagrams.
BACKLOG = 256
# Stream bytes arrive in pieces of at most this, as they do from a socket.
CHUNK = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkConditions:
    """How the network treats what is sent. Probabilities are from 0 to 1, times in seconds.

    Attributes:
        loss: of a datagram.
        duplication: of a datagram that is not lost.
        reordering: of a datagram being held back by up to ``reordering_delay_s`` more.
        reordering_delay_s: see there.
        least_delay_s: of everything, one way.
        most_delay_s: of everything, one way.
    """

    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    reordering_delay_s: float = 0.05
    least_delay_s: float = 0.0002
    most_delay_s: float = 0.001


class SimNetwork:
    """Hosts, what is on its way between them, and the time."""

    def __init__(self, seed: int, conditions: LinkConditions | None = None) -> None:
        self.seed = seed
        self.now = 0.0
        self.conditions = conditions if conditions is not None else LinkConditions()
        self.rng = Random(seed)  # noqa: S311 (a replayable run, not a secret)
        self._hosts: dict[Address, SimHost] = {}
        self._groups: dict[Address, int] = {}
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._numbered = 0

    def __repr__(self) -> str:
        return f"<SimNetwork seed={self.seed} now={self.now:.3f} hosts={len(self._hosts)}>"

    def attach(self, address: Address, machine: SimMachine) -> SimHost:
        """Put a machine on the network, in the place of a crashed one if there is one."""
        host = SimHost(address, machine)
        self._hosts[address] = host
        return host

    def crash(self, host: SimHost) -> None:
        """End a process without a word: what is sent to it is lost, connecting is refused."""
        host.is_up = False
        for end in host.streams.values():
            self._at(self.now + self._delay_s(), self._end, host, end)
        if self._hosts.get(host.address) is host:
            del self._hosts[host.address]

    def stop(self, host: SimHost) -> None:
        """Stop a host as SIGSTOP does: it keeps its sockets, and a little of what they get."""
        host.is_stopped = True

    def resume(self, host: SimHost) -> None:
        """Let a stopped host go on, with what it missed."""
        host.is_stopped = False
        for deliver in host.take_backlog():
            deliver()
        self._wake(host, self.now)

    def partition(self, *groups: Iterable[SimHost]) -> None:
        """Cut the network: only hosts of the same group reach each other. The rest is a group."""
        self._groups = {
            host.address: number for number, group in enumerate(groups, 1) for host in group
        }

    def heal(self) -> None:
        """Undo every partition."""
        self._groups = {}

    def pump(self, host: SimHost) -> None:
        """Carry on what a machine wants after a call from outside of the network."""
        machine = host.machine
        for datagram in machine.datagrams_to_send():
            self._send(host, datagram)
        for opening in machine.streams_to_open():
            self._open(host, opening)
        for write in machine.stream_writes():
            self._write(host, write)
        while (fact := machine.next_event()) is not None:
            host.facts.append((self.now, fact))
        deadline = machine.next_deadline()
        if deadline is not None and (host.wakes_at is None or deadline < host.wakes_at):
            host.wakes_at = deadline
            self._at(max(deadline, self.now), self._wake, host, deadline)

    def run_until(self, time: float) -> None:
        """Let everything happen up to ``time``."""
        while self._heap and self._heap[0][0] <= time:
            at, _number, action, arguments = heapq.heappop(self._heap)
            self.now = at
            action(*arguments)
        self.now = max(self.now, time)

    def run_for(self, seconds: float) -> None:
        """Let everything happen for a while."""
        self.run_until(self.now + seconds)

    def run_until_true(
        self, condition: Callable[[], bool], *, within_s: float, step_s: float = 0.05
    ) -> bool:
        """Run until ``condition``, looked at every ``step_s``; return whether it came true."""
        deadline = self.now + within_s
        while not condition():
            if self.now >= deadline:
                return False
            self.run_until(min(self.now + step_s, deadline))
        return True

    def _at(self, time: float, action: Callable[..., None], *arguments: object) -> None:
        self._numbered += 1
        heapq.heappush(self._heap, (time, self._numbered, action, arguments))

    def _delay_s(self) -> float:
        least_s, most_s = self.conditions.least_delay_s, self.conditions.most_delay_s
        return least_s + self.rng.random() * (most_s - least_s)

    def _is_cut(self, one: Address, other: Address) -> bool:
        return self._groups.get(one, 0) != self._groups.get(other, 0)

    def _wake(self, host: SimHost, planned_for: float) -> None:
        if host.wakes_at == planned_for:
            host.wakes_at = None
        if host.is_stopped:
            return  # ``resume`` wakes it, after what has arrived
        self._call(host, lambda: host.machine.handle_timer(self.now))

    def _call(self, host: SimHost, action: Callable[[], None]) -> None:
        """Run a call on a machine that is there, or keep it for one that is stopped."""
        if not host.is_up:
            return
        if host.is_stopped:
            host.backlog.append(lambda: self._call(host, action))
            return
        action()
        self.pump(host)

    def _send(self, host: SimHost, datagram: Datagram) -> None:
        host.datagrams_sent += 1
        host.bytes_sent += len(datagram.data)
        conditions, chance = self.conditions, self.rng.random
        if chance() < conditions.loss:
            return
        copies = 2 if chance() < conditions.duplication else 1
        for _ in range(copies):
            delay_s = self._delay_s()
            if chance() < conditions.reordering:
                delay_s += chance() * conditions.reordering_delay_s
            self._at(self.now + delay_s, self._deliver, host.address, datagram)

    def _deliver(self, source: Address, datagram: Datagram) -> None:
        host = self._hosts.get(datagram.address)
        if host is None or self._is_cut(source, host.address):
            return
        if not host.is_stopped or len(host.backlog) < BACKLOG:
            machine, data = host.machine, datagram.data
            self._call(host, lambda: machine.receive_datagram(data, source, self.now))

    def _open(self, host: SimHost, opening: OpenStream) -> None:
        host.streams_opened += 1
        self._at(self.now + self._delay_s(), self._connect, host, opening)

    def _connect(self, host: SimHost, opening: OpenStream) -> None:
        """Connect two ends; a cut link says nothing, so that the dialler waits in vain."""
        if self._is_cut(host.address, opening.address):
            return
        peer = self._hosts.get(opening.address)
        if peer is None:
            self._call(
                host,
                lambda: host.machine.stream_ended(opening.stream, self.now, REFUSED),
            )
            return
        self._call(peer, lambda: self._accept(host, peer, opening))

    def _accept(self, host: SimHost, peer: SimHost, opening: OpenStream) -> None:
        number = peer.machine.accept_stream(self.now)
        if number is None:
            end = StreamEnd(host, opening.stream)
            self._at(self.now + self._delay_s(), self._end, peer, end)
            return
        host.streams[opening.stream] = StreamEnd(peer, number)
        peer.streams[number] = StreamEnd(host, opening.stream)
        self._write(host, StreamWrite(opening.stream, opening.data, is_last=False))

    def _write(self, host: SimHost, write: StreamWrite) -> None:
        end = host.streams.get(write.stream)
        if end is None:
            return
        end.arrives_at = max(end.arrives_at, self.now + self._delay_s())
        for start in range(0, len(write.data), CHUNK):
            chunk = write.data[start : start + CHUNK]
            self._at(end.arrives_at, self._deliver_chunk, host, end, chunk)
        if write.is_last:
            del host.streams[write.stream]
            self._at(end.arrives_at, self._end, host, end)

    def _deliver_chunk(self, source: SimHost, end: StreamEnd, chunk: bytes) -> None:
        peer, number = end.peer, end.number
        if not self._is_cut(source.address, peer.address):
            self._call(peer, lambda: peer.machine.receive_stream(number, chunk, self.now))

    def _end(self, source: SimHost, end: StreamEnd) -> None:
        peer, number = end.peer, end.number
        if not self._is_cut(source.address, peer.address):
            peer.streams.pop(number, None)
            self._call(
                peer, lambda: peer.machine.stream_ended(number, self.now, "closed by the peer")
            )
