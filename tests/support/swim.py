"""One SWIM node without a network: what it is told, what it wants to send, what it announces."""

from dataclasses import replace
from random import Random

from colobus.cluster.codec import gossip as codec
from colobus.cluster.codec.stream import StreamCodec
from colobus.cluster.keyring import Keyring
from colobus.cluster.messages import VERSIONS, Alive, Message, NodeState
from colobus.cluster.refusals import Refusals
from colobus.cluster.swim.addresses import Address
from colobus.cluster.swim.core import Swim, SwimSettings
from colobus.cluster.swim.schedule import Schedule
from colobus.cluster.swim.table import Node
from colobus.cluster.timing import ClusterTiming

# The lan timing of Serf agents, whose probes are as far apart as the reference counts them.
AGENT_LAN = replace(ClusterTiming.lan(), probe_interval_s=1.0, probe_timeout_s=0.5)

OWN = "me"
OWN_ADDRESS = bytes((10, 0, 0, 1))
PORT = 7946


def address_of(name: str) -> bytes:
    """Return an address that belongs to a name such as ``n7``."""
    return bytes((10, 0, 1, int(name[1:])))


def alive(name: str, incarnation: int = 1, *, meta: bytes = b"", port: int = PORT) -> Alive:
    return Alive(incarnation, name, address_of(name), port, meta, VERSIONS)


class RecordingDelegate:
    """Writes down what it is told, as short texts."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.pings: list[tuple[str, float, bytes]] = []
        self.states: list[tuple[bytes, bool]] = []
        self.payload = b""
        self.state = b""
        self.broadcasts: list[bytes] = []

    def node_joined(self, node: Node, _now: float) -> None:
        self.told.append(f"joined {node.name}")

    def node_left(self, node: Node, _now: float) -> None:
        self.told.append(f"{node.state.name.lower()} {node.name}")

    def node_updated(self, node: Node, _now: float) -> None:
        self.told.append(f"updated {node.name}")

    def name_conflict(self, known: Node, _other: Alive, _now: float) -> None:
        self.told.append(f"conflict {known.name}")

    def user_message(self, payload: bytes, _now: float) -> None:
        self.told.append(f"user {payload!r}")

    def take_broadcasts(self, _room: int, _overhead: int, _now: float) -> list[bytes]:
        taken, self.broadcasts = self.broadcasts, []
        return taken

    def user_state(self) -> bytes:
        return self.state

    def merge_user_state(self, state: bytes, _now: float, *, ignores_old_events: bool) -> None:
        self.states.append((state, ignores_old_events))

    def ack_payload(self) -> bytes:
        return self.payload

    def ping_completed(self, node: Node, rtt_s: float, payload: bytes, _now: float) -> None:
        self.pings.append((node.name, rtt_s, payload))


class SwimUnderTest:
    """A node called ``me`` at time ``now``."""

    def __init__(self, timing: ClusterTiming | None = None, *, seed: int = 1) -> None:
        self.now = 100.0
        self.delegate = RecordingDelegate()
        self.schedule = Schedule()
        self.timing = timing if timing is not None else AGENT_LAN
        rng = Random(seed)
        self.stream_codec = StreamCodec(Keyring(), rng.randbytes, compresses=False)
        self.refusals = Refusals()
        self.swim = Swim(
            SwimSettings(name=OWN, address=OWN_ADDRESS, port=PORT, meta=b"own", timing=self.timing),
            delegate=self.delegate,
            codec=self.stream_codec,
            schedule=self.schedule,
            rng=rng,
            refusals=self.refusals,
        )
        self.rules = self.swim.rules
        self.table = self.swim.table

    def announced(self) -> "SwimUnderTest":
        """Make it a member of itself, without probes and exchanges, and forget that it did."""
        self.rules.announce(self.now)
        self.swim.gossip.queue.clear()
        self.delegate.told.clear()
        return self

    def meet(self, *names: str) -> None:
        """Let nodes be known as alive, and forget how."""
        for name in names:
            self.rules.alive(alive(name), self.now)
        self.swim.gossip.queue.clear()
        self.delegate.told.clear()

    def node(self, name: str) -> Node:
        node = self.table.get(name)
        assert node is not None
        return node

    def state(self, name: str) -> NodeState:
        return self.node(name).state

    def receive(self, message: Message, source: Address = ("10.0.1.1", PORT)) -> None:
        self.swim.receive(message, source, self.now)

    def advance(self, seconds: float) -> None:
        """Let time pass, timers included."""
        end = self.now + seconds
        while (deadline := self.schedule.next_deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.schedule.run_due(self.now)
        self.now = end

    def queued(self) -> list[Message]:
        """Return what waits to be gossiped, without counting it as sent."""
        queue = self.swim.gossip.queue
        return [codec.decode(entry.payload) for tier in queue._tiers.values() for entry in tier]

    def sent(self) -> list[tuple[Address, list[Message]]]:
        """Return the packets that wait to be sent, and forget them."""
        return [
            (packet.address, [codec.decode(command) for command in packet.commands])
            for packet in self.swim.gossip.take_packets()
        ]
