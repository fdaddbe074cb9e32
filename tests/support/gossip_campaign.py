"""A million changed vectors against whole machines: ``PYTHONPATH=tests python -m support.gossip_campaign``.

Every round gives a machine one hostile input by one of its doors: a datagram, a stream in pieces,
or a request of an RPC client; half of the machines have a key, and most inputs to those are not
sealed with it. Nothing may escape; what a machine with a key is given without it may change
nothing. A failure names the seed and the round, which replay it, and the bytes.
"""

import argparse
import logging
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from colobus.clock import SystemClock
from colobus.cluster.codec.datagram import DatagramCodec
from colobus.cluster.keyring import Keyring
from colobus.cluster.machine import ClusterMachine, MemberSettings
from colobus.cluster.refusals import Refusal
from colobus.cluster.rpc.protocol import RequestReader
from colobus.cluster.timing import ClusterTiming
from colobus.errors import ClusterProtocolError
from support.hostile_bytes import datagrams, mutate, streams
from support.serf_vectors import load

KEY = bytes(range(16))
FOREIGN_KEY = bytes(range(100, 116))
SOURCE = ("192.0.2.66", 7946)
ROUNDS_PER_MACHINE = 2000
CLOCK = SystemClock()


def snapshot(machine: ClusterMachine) -> tuple[object, ...]:
    """Return all of a machine that the outside can see or change."""
    serf, swim = machine._serf, machine._serf.swim
    return (
        [(m.name, m.status, m.status_time, m.meta, m.address) for m in serf.members],
        [(n.name, n.state, n.incarnation, n.meta) for n in swim.table],
        serf.clocks.member.time, serf.clocks.event.time, serf.clocks.query.time,
        swim.own.incarnation, swim.awareness.score, len(swim.gossip.queue), len(serf.events),
        len(serf.membership.intents), len(swim.acknowledgements), machine._keyring.keys,
    )  # fmt: skip


def make_machine(rng: Random, keys: list[bytes]) -> ClusterMachine:
    machine = ClusterMachine(
        MemberSettings(
            name="n1", address=bytes((127, 0, 0, 1)), port=21001, timing=ClusterTiming.lan()
        ),
        keyring=Keyring(keys),
        rng=rng,
        random_bytes=rng.randbytes,
    )
    machine.start(0.0)
    return machine


@dataclass
class Campaign:
    """The rounds of one seed, and what came of them."""

    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    slowest: bytes = b""

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)
        self.plain = datagrams(sealed=False)
        self.plain_streams = streams(sealed=False)
        self.sealed = datagrams(sealed=True)
        self.sealed_streams = streams(sealed=True)
        self.requests = [
            b"".join(bytes.fromhex(item["hex"]) for item in session["client_to_agent"])
            for session in load("rpc")
        ]
        foreign = Keyring([FOREIGN_KEY])
        self.foreign_datagrams = DatagramCodec(foreign, self.rng.randbytes, compresses=False)
        self.machines = self.renewed()
        self.now = 0.0

    def renewed(self) -> tuple[ClusterMachine, ClusterMachine]:
        machines = make_machine(self.rng, []), make_machine(self.rng, [KEY])
        for machine in machines:
            self.drain(machine)
        return machines

    def run(self, rounds: int) -> None:
        for number in range(rounds):
            if number % ROUNDS_PER_MACHINE == ROUNDS_PER_MACHINE - 1:
                self.keep_counts()
                self.machines = self.renewed()
            data = b""
            try:
                data = self.round()
            except Exception as exc:
                exc.add_note(f"seed {self.seed}, round {number}, input {data.hex()}")
                raise
        self.keep_counts()

    def round(self) -> bytes:
        self.now += 0.001
        door = self.rng.choice(
            (
                self.datagram,
                self.datagram,
                self.sealed_datagram,
                self.stream,
                self.sealed_stream,
                self.request,
            )
        )
        started = time.thread_time()  # what others do to this machine is no finding
        data = door()
        taken = time.thread_time() - started
        if taken > self.slowest_s:
            self.slowest_s, self.slowest = taken, data
        self.counts[door.__name__] += 1
        return data

    def datagram(self) -> bytes:
        """A changed datagram to the machine without a key, which acts on what is readable."""
        data = mutate(self.rng.choice(self.plain), self.rng, self.plain)[:65536]
        machine = self.machines[0]
        machine.receive_datagram(data, SOURCE, self.now)
        self.drain(machine)
        return data

    def sealed_datagram(self) -> bytes:
        """A datagram that the machine's key did not seal: plain, of another key, or changed."""
        data = self.rng.choice(self.plain)
        match self.rng.randrange(3):
            case 0:
                data = mutate(data, self.rng, self.plain)
            case 1:
                data = self.foreign_datagrams.encode([data])
            case _:
                data = mutate(self.rng.choice(self.sealed), self.rng, self.sealed)
        self.unchanged(lambda machine: machine.receive_datagram(data[:65536], SOURCE, self.now))
        return data

    def stream(self) -> bytes:
        data = mutate(self.rng.choice(self.plain_streams), self.rng, self.plain_streams)
        self.feed(self.machines[0], data)
        self.drain(self.machines[0])
        return data

    def sealed_stream(self) -> bytes:
        is_sealed = self.rng.random() < 0.5
        vectors = self.sealed_streams if is_sealed else self.plain_streams
        data = mutate(self.rng.choice(vectors), self.rng, vectors)
        self.unchanged(lambda machine: self.feed(machine, data))
        return data

    def request(self) -> bytes:
        """A changed session of an RPC client, in one piece."""
        data = mutate(self.rng.choice(self.requests), self.rng, self.requests)
        reader = RequestReader()
        try:
            reader.receive(data)
            while reader.next_request() is not None:
                self.counts["requests read"] += 1
        except ClusterProtocolError:
            self.counts["requests refused"] += 1
        return data

    def feed(self, machine: ClusterMachine, data: bytes) -> None:
        stream = machine.accept_stream(self.now, SOURCE[0])
        assert stream is not None
        cut = self.rng.randrange(len(data) + 1)
        machine.receive_stream(stream, data[:cut], self.now)
        machine.receive_stream(stream, data[cut:], self.now)
        machine.stream_ended(stream, self.now)

    def unchanged(self, attack: Callable[[ClusterMachine], None]) -> None:
        """Attack the machine with a key, and see that it is as before and says nothing."""
        machine = self.machines[1]
        before = snapshot(machine)
        attack(machine)
        assert machine.datagrams_to_send() == []
        assert machine.streams_to_open() == []
        assert machine.next_event() is None
        assert snapshot(machine) == before

    def drain(self, machine: ClusterMachine) -> None:
        machine.datagrams_to_send()
        machine.streams_to_open()
        machine.stream_writes()
        while machine.next_event() is not None:
            self.counts["facts told"] += 1

    def keep_counts(self) -> None:
        for machine in self.machines:
            for kind, count in machine.refusals.counts.items():
                self.counts[f"refused: {kind.value}"] += count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    campaign = Campaign(given.seed)
    campaign.run(given.rounds // 100)
    warm_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = CLOCK.monotonic()
    campaign.run(given.rounds - given.rounds // 100)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - warm_kib
    slowest = f"{campaign.slowest_s * 1000:.0f} ms for {len(campaign.slowest)} bytes"
    lines = [
        f"{given.rounds} rounds, seed {given.seed}, {CLOCK.monotonic() - started:.0f} s",
        f"peak memory grew by {grown / 1024:.1f} MiB after the first hundredth",
        f"slowest input: {slowest}: {campaign.slowest[:40].hex()}",
        *(f"{name:32} {count:9}" for name, count in sorted(campaign.counts.items())),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    assert campaign.counts[f"refused: {Refusal.UNAUTHENTICATED.value}"] > 0


if __name__ == "__main__":
    main()
