"""One cluster machine without a network, fed and read in messages."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import TypeVar

from colobus.cluster.codec import gossip, serf as serf_codec
from colobus.cluster.codec.datagram import DatagramCodec
from colobus.cluster.codec.stream import StreamCodec
from colobus.cluster.keyring import Keyring
from colobus.cluster.machine import ClusterMachine, MemberSettings
from colobus.cluster.messages import Dead, Message, PushPull, SerfMessage, SerfState, UserMessage
from colobus.cluster.serf.facts import Fact
from colobus.cluster.serf.members import MemberStatus
from colobus.cluster.swim.addresses import Address
from colobus.cluster.timing import ClusterTiming
from support.swim import OWN, OWN_ADDRESS, PORT, address_of, alive

F = TypeVar("F")
# Nobody is there to answer a probe.
NEVER_PROBES = replace(ClusterTiming.lan(), probe_interval_s=1e9)
SOURCE = ("10.0.1.1", PORT)


class MachineUnderTest:
    """A started machine called ``me`` whose own joining is forgotten."""

    def __init__(
        self,
        *,
        keys: tuple[bytes, ...] = (),
        tags: Mapping[str, str] | None = None,
        event_size_limit: int = 512,
        timing: ClusterTiming | None = None,
    ) -> None:
        self.now = 100.0
        rng = Random(1)
        self.keyring = Keyring(keys)
        settings = MemberSettings(
            name=OWN,
            address=OWN_ADDRESS,
            port=PORT,
            timing=timing if timing is not None else NEVER_PROBES,
            tags=dict(tags or {}),
            event_size_limit=event_size_limit,
        )
        self.machine = ClusterMachine(
            settings, keyring=self.keyring, rng=rng, random_bytes=rng.randbytes
        )
        self.codec = DatagramCodec(self.keyring, rng.randbytes)
        self.stream_codec = StreamCodec(self.keyring, rng.randbytes)
        self.serf = self.machine._serf
        self.commands = self.machine.commands
        self.machine.start(self.now)
        self.forget()

    def forget(self) -> None:
        """Forget all that waits to be sent or told."""
        self.serf.swim.gossip.queue.clear()
        self.serf.broadcasts.clear()
        self.machine.datagrams_to_send()
        self.machine.streams_to_open()
        self.machine.stream_writes()
        self.facts()

    def meet(self, *names: str) -> None:
        for name in names:
            self.receive(alive(name))
        self.forget()

    def fail(self, name: str) -> None:
        """Let a member die."""
        self.receive(Dead(9, name, "somebody"))

    def receive(self, *messages: Message, source: Address = SOURCE) -> None:
        data = self.codec.encode([gossip.encode(message) for message in messages])
        self.machine.receive_datagram(data, source, self.now)

    def hear(self, message: SerfMessage, *, trailing: bytes = b"") -> None:
        """Receive a Serf message by gossip."""
        self.receive(UserMessage(serf_codec.encode(message) + trailing))

    def push_pull(self, state: SerfState) -> None:
        """Let a peer exchange its state with ours."""
        stream = self.machine.accept_stream(self.now)
        assert stream is not None
        message = PushPull((), user_state=serf_codec.encode(state))
        self.machine.receive_stream(stream, self.stream_codec.encode(message), self.now)
        self.machine.stream_writes()

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while (deadline := self.machine.next_deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.machine.handle_timer(self.now)
        self.now = end

    def facts(self) -> list[Fact]:
        facts = []
        while (fact := self.machine.next_event()) is not None:
            facts.append(fact)
        return facts

    def facts_of(self, kind: type[F]) -> list[F]:
        return [fact for fact in self.facts() if isinstance(fact, kind)]

    def queued(self) -> list[bytes]:
        """Return the Serf messages that wait to be gossiped."""
        return [
            entry.payload
            for queue in self.serf.broadcasts._queues.values()
            for tier in queue._tiers.values()
            for entry in tier
        ]

    def queued_messages(self) -> list[SerfMessage]:
        return [serf_codec.decode(payload) for payload in self.queued()]

    def sent(self) -> list[tuple[Address, SerfMessage]]:
        """Return the Serf messages sent directly, and forget all datagrams."""
        return [
            (datagram.address, serf_codec.decode(message.payload))
            for datagram in self.machine.datagrams_to_send()
            for message in self.codec.decode(datagram.data).messages
            if isinstance(message, UserMessage)
        ]

    def status(self, name: str) -> str | None:
        member = self.machine.member(name)
        return None if member is None else MemberStatus(member.status).word


__all__ = ["OWN", "OWN_ADDRESS", "PORT", "SOURCE", "MachineUnderTest", "address_of"]
