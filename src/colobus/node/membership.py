"""This node in the cluster: joins whom the registry names, tells and hears revisions, leaves.

``cluster/`` decides who is alive and spreads what it is given; here it is told whom to join and what
to spread. A revision travels as a user event that goes to every member at once and is gossiped as
well, and on the acknowledgements of pings, so that a node that missed both is noticed by the next
probe (ARCHITECTURE.md, "Hints"). A hint carries a number and the datastore's id, never data.
"""

import asyncio
import logging
import math
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Any

from colobus.changes.polling import Gossip
from colobus.clock import Clock
from colobus.cluster.agent import ClusterAgent, bind_cluster
from colobus.cluster.keyring import Keyring, decode_key
from colobus.cluster.keyring_file import load_keyring, save_keyring
from colobus.cluster.machine import ClusterMachine, MemberSettings
from colobus.cluster.serf.departure import NodePhase
from colobus.cluster.serf.facts import (
    Fact,
    JoinDone,
    KeyringChanged,
    LeaveDone,
    MemberFailed,
    MemberJoined,
    MemberLeft,
    MemberReaped,
    MemberUpdated,
    NameConflict,
    NameLost,
    PeerReported,
    QueryAcked,
    QueryClosed,
    UserEventReceived,
)
from colobus.cluster.serf.members import MemberStatus
from colobus.cluster.swim.addresses import Address, bytes_of_host, host_of_bytes
from colobus.cluster.timing import ClusterTiming
from colobus.config.addresses import parse_ipv4_address
from colobus.config.sections.cluster import ClusterSettings
from colobus.errors import ClusterError, NodeError, StoreError
from colobus.logs.levels import NOTICE
from colobus.node.feed import Feed
from colobus.node.member_view import MemberChange, event_name, sentence, shown_member
from colobus.node.peers import PeerReports, own_report
from colobus.node.reachability import Inquiries
from colobus.node.registry import Registration
from colobus.version import VERSION

__all__ = ["Membership", "bind_membership", "keyring_of"]

REVISION_EVENT = "colobus:revision"

EAGER_JOIN_S = 3.0
EAGER_JOINS = 20
"""Auto-join: every 3 s for a minute after the start (clustering §5.3)…"""

PATIENT_JOIN_S = 30.0
"""…then with every keepalive, for ever: two islands find each other whenever they appear."""

FIRST_JOIN_S = 1.0
"""What dead rows of the registry may cost a start: all are tried at once, for this long."""

MOST_LEFT = 1024
"""Rows that wait to be removed from the registry; those beyond expire by themselves."""

JOIN_TIMEOUT_S = 10.0
REPORT_S = 0.2
"""What an acknowledgement may say too little by: a probe must find what a lost hint did not tell."""

TIMES_S = 1.0
"""…and what its times may be old."""

logger = logging.getLogger(__name__)


def bind_membership(settings: ClusterSettings) -> tuple[socket.socket, socket.socket]:
    """Return the sockets of ``cluster_listen``.

    Raises:
        NodeError: they cannot be bound.
    """
    try:
        return bind_cluster(settings.cluster_listen)
    except OSError as exc:
        reason = exc.strerror or str(exc)
        raise NodeError(
            f"cannot listen on {settings.cluster_listen} (cluster_listen): {reason}"
        ) from exc


class Membership:
    """One node's part in the cluster.

    Args:
        settings: the cluster section.
        sockets: of :func:`bind_membership`.
        registration: this node in the registry, and the others' addresses.
        datastore_id: tells this cluster's revisions from another's.
        keyring: of :func:`keyring_of`; key operations change it.
        feed: told what happens.
        applied: returns the revision this node routes by.
        fresh_at: returns the monotonic time at which nothing newer existed.
        hint: told that a revision exists.
        joined: told that another node has joined, or is back, or forgotten.
        clock: time.
    """

    def __init__(
        self,
        settings: ClusterSettings,
        sockets: tuple[socket.socket, socket.socket],
        registration: Registration,
        datastore_id: str,
        *,
        keyring: Keyring,
        feed: Feed,
        applied: Callable[[], int],
        fresh_at: Callable[[], float | None],
        hint: Callable[[int], None],
        joined: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._registration = registration
        self._datastore_id = datastore_id
        self._applied = applied
        self._hint = hint
        self._joined = joined
        self._keyring = keyring
        self._clock = clock
        self._started_at = clock.monotonic()
        self._feed = feed
        self._fresh_at = fresh_at
        self._reports = PeerReports(datastore_id)
        self._inquiries = Inquiries()
        self._joins: dict[int, asyncio.Future[JoinDone]] = {}
        self._registered: frozenset[str] | None = None
        self._answered_at: float | None = None
        self._left: asyncio.Queue[str] = asyncio.Queue(MOST_LEFT)
        host, port = registration.advertised
        self.machine = ClusterMachine(
            MemberSettings(
                name=registration.name,
                address=bytes_of_host(host),
                port=port,
                timing=_TIMINGS[settings.cluster_profile](),
                tags={"role": "colobus", "colobus": VERSION},
            ),
            keyring=self._keyring,
            rng=Random(secrets.randbits(64)),  # noqa: S311  (jitter; nonces come from secrets)
            random_bytes=secrets.token_bytes,
        )
        self.agent = ClusterAgent(self.machine, sockets, clock, self._take)
        if not self._keyring and not host.startswith("127."):
            logger.warning(
                "gossip on %s:%d is not encrypted: whoever reaches it can join the cluster;"
                " see cluster_encrypt_key",
                host, port,
            )  # fmt: skip

    # -- its life --------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take part, until :meth:`aclose`."""
        await self.agent.start()

    async def aclose(self) -> None:
        """Stop at once; :meth:`leave` comes before, where the others are to know."""
        await self.agent.close()

    async def run(self) -> None:
        """Look for other nodes and report what is applied, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_joining(), name="auto-join")
            group.create_task(self._keep_reporting(), name="cluster-report")
            group.create_task(self._keep_registry(), name="cluster-registry")

    async def join_registered(self) -> None:
        """Join every registered node that is not known to be alive, for a second at most."""
        self._registered = None  # until this look has succeeded
        registered = await self._registration.addresses()
        self._registered = frozenset(f"{host}:{port}" for host, port in registered)
        alive = self._alive()
        addresses = [(host, port) for host, port in registered if f"{host}:{port}" not in alive]
        if addresses:
            try:
                async with asyncio.timeout(FIRST_JOIN_S):
                    await self._join(addresses)
            except TimeoutError:
                logger.debug("not every registered node answers: %s", addresses)

    async def leave(self) -> None:
        """Leave in good order."""
        await self.agent.leave()

    # -- what the rest of the node asks -----------------------------------------------------------

    def announce(self, revision: int) -> None:
        """Tell every member that ``revision`` exists."""
        payload = f"{self._datastore_id}:{revision}".encode()
        try:
            self.agent.call(
                lambda now: self.machine.commands.user_event(
                    REVISION_EVENT, payload, now, is_direct=True
                )
            )
        except ClusterError as exc:
            logger.warning("revision %d was not announced: %s", revision, exc)

    @property
    def is_member(self) -> bool:
        """Whether this node takes part; False from when it was asked to leave until its end."""
        return self.machine.phase is NodePhase.STAYING

    def members(self) -> list[Mapping[str, object]]:
        """Return every member: name, address, status; of nodes of ours what they last told.

        ``revision`` is what it routes by, ``freshness`` how many seconds ago it knew that nothing
        newer existed, ``uptime`` seconds since its start.
        """
        now = self._clock.monotonic()
        listed: list[Mapping[str, object]] = []
        for member in self.machine.members():
            shown = shown_member(member)
            if member.name == self.machine.name:
                shown |= self._own_state(now)
            else:
                is_alive = member.status == MemberStatus.ALIVE
                shown |= self._reports.shown(member.name, now, is_alive=is_alive)
            if "colobus" in member.tags:
                shown["version"] = member.tags["colobus"]
            listed.append(shown)
        return sorted(listed, key=lambda shown: str(shown["name"]))

    async def reachability(self, timeout_s: float | None) -> dict[str, Any]:
        """Ask every live member and tell who answers, as soon as all have, or time is over.

        ``timeout_s`` None stands for what suits the size of the cluster.

        Raises:
            ClusterError: too many are asking.
        """
        return await self._inquiries.ask_all(self.agent, timeout_s)

    def gossip(self) -> Gossip:
        """Return how well gossip works, for who decides how often to poll."""
        is_member = self.machine.phase is NodePhase.STAYING
        return Gossip(
            registered=self._registered if is_member else None,
            alive=self._alive(),
            health=self.machine.statistics().health_score,
            answered_at=self._answered_at,
        )

    async def join(self, address: str) -> None:
        """Join the cluster that the node at ``address`` (``ip:port``) is in.

        Raises:
            ClusterError: no address, or it does not answer.
        """
        try:
            target = parse_ipv4_address(address)
        except ValueError as exc:
            raise ClusterError(f"cannot join {address}: it is not IPv4:port") from exc
        try:
            async with asyncio.timeout(JOIN_TIMEOUT_S):
                done = await self._join([target])
        except TimeoutError:
            raise ClusterError(f"cannot join {address}: no answer") from None
        if not done.joined:
            raise ClusterError(f"cannot join {address}: {done.failed[0][1]}")

    def force_leave(self, name: str) -> None:
        """Turn a member that failed into one that left; an unknown name is no error."""
        self.agent.call(lambda now: self.machine.commands.force_leave(name, now))

    # -- inside ------------------------------------------------------------------------------------

    def _alive(self) -> frozenset[str]:
        return frozenset(
            f"{host_of_bytes(member.address)}:{member.port}"
            for member in self.machine.members()
            if member.status == MemberStatus.ALIVE
        )

    async def _join(self, addresses: list[Address]) -> JoinDone:
        command = self.agent.call(lambda now: self.machine.commands.join(addresses, now))
        waiting: asyncio.Future[JoinDone] = asyncio.get_running_loop().create_future()
        self._joins[command] = waiting
        try:
            return await waiting
        finally:
            self._joins.pop(command, None)

    async def _keep_joining(
        self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        rounds = 0
        while True:
            rounds += 1
            await sleep(EAGER_JOIN_S if rounds <= EAGER_JOINS else PATIENT_JOIN_S)
            if not self.is_member:
                continue  # a client asked it to leave; only a restart brings it back
            try:
                await self.join_registered()
            except StoreError as exc:
                logger.warning("could not look for other nodes: %s", exc)

    async def _keep_registry(self) -> None:
        """Remove the rows of nodes that left, or were forced to (clustering §5.11)."""
        while True:
            name = await self._left.get()
            member = self.machine.member(name)
            is_back = member is not None and member.status != MemberStatus.LEFT
            if is_back or (name == self.machine.name and self.is_member):
                continue  # and its row is new
            try:
                await self._registration.remove(name)
            except StoreError as exc:
                logger.warning("the row of %s stays until it expires: %s", name, exc)

    async def _keep_reporting(self) -> None:
        told, told_at = -1, -math.inf
        while True:
            now, applied = self._clock.monotonic(), self._applied()
            if applied != told or now - told_at >= TIMES_S:
                self._report(applied, now)
                told_at = now
            if applied != told:
                told = applied
                self._feed.tell("revision", {"name": self.machine.name, "revision": applied})
            await asyncio.sleep(REPORT_S)

    def _report(self, applied: int, now: float) -> None:
        """Have acknowledgements say what this node has applied, and how fresh that is."""
        fresh_at = self._fresh_at()
        self.machine.extend_acks(
            own_report(
                self._datastore_id, applied,
                fresh_s=None if fresh_at is None else now - fresh_at,
                uptime_s=now - self._started_at,
            )
        )  # fmt: skip

    def _take(self, fact: Fact) -> None:
        match fact:
            case UserEventReceived(name=name, payload=payload) if name == REVISION_EVENT:
                self._take_revision(payload)
            case PeerReported(member, extension):
                self._take_report(member, extension)
            case QueryAcked() | QueryClosed():
                self._inquiries.take(fact, self._clock.monotonic())
            case JoinDone(command=command):
                waiting = self._joins.get(command)
                if waiting is not None and not waiting.done():
                    waiting.set_result(fact)
            case MemberJoined() | MemberLeft() | MemberFailed() | MemberUpdated() | MemberReaped():
                self._take_change(fact)
            case KeyringChanged():
                self._save_keyring()
            case _:
                self._take_own(fact)

    def _take_own(self, fact: Fact) -> None:
        """Take a fact about this node itself."""
        match fact:
            case LeaveDone():
                logger.log(NOTICE, "this node has left the cluster")
            case NameConflict(name, known, other):
                logger.warning("two nodes are named %s: at %s:%d and %s:%d", name, *known, *other)
            case NameLost():
                logger.error("the cluster knows another node by this node's name")
            case _:
                logger.debug("cluster: %s", type(fact).__name__)

    def _take_revision(self, payload: bytes) -> None:
        datastore, _, number = payload.decode("ascii", "replace").partition(":")
        if datastore == self._datastore_id and number.isdecimal() and len(number) <= 18:
            self._hint(int(number))

    def _take_report(self, member: str, extension: bytes) -> None:
        now = self._clock.monotonic()
        known = self._reports.revision(member)
        revision = self._reports.take(member, extension, now)
        if revision is None:
            return
        self._answered_at = now
        self._hint(revision)
        if revision != known:
            self._feed.tell("revision", {"name": member, "revision": revision})

    def _take_change(self, fact: MemberChange) -> None:
        member, name = fact.member, fact.member.name
        self._feed.record(event_name(fact), shown_member(member))
        level = logging.WARNING if isinstance(fact, MemberFailed) else NOTICE
        logger.log(level, "%s %s", name, sentence(fact))
        is_own = name == self.machine.name
        if isinstance(fact, MemberLeft) and not self._left.full():
            self._left.put_nowait(name)
        if isinstance(fact, MemberReaped):
            self._reports.forget(name)
        if isinstance(fact, MemberJoined | MemberReaped) and not is_own:
            self._joined()

    def _own_state(self, now: float) -> dict[str, object]:
        shown: dict[str, object] = {"revision": self._applied()}
        fresh_at = self._fresh_at()
        if fresh_at is not None:
            shown["freshness"] = round(now - fresh_at, 3)
        shown["uptime"] = int(now - self._started_at)
        return shown

    def _save_keyring(self) -> None:
        path = self._settings.cluster_keyring_file
        if path is None:
            return
        try:
            save_keyring(path, self._keyring.keys)
        except OSError as exc:
            logger.error("the changed keyring could not be written to %s: %s", path, exc)


_TIMINGS: Mapping[str, Callable[[], ClusterTiming]] = {
    "local": ClusterTiming.local,
    "lan": ClusterTiming.lan,
    "wan": ClusterTiming.wan,
}


def keyring_of(settings: ClusterSettings) -> Keyring:
    """Return the keys of the settings.

    Raises:
        ClusterError: they cannot be read.
    """
    if settings.cluster_keyring_file is not None:
        return load_keyring(settings.cluster_keyring_file)
    if settings.cluster_encrypt_key is not None:
        return Keyring([decode_key(settings.cluster_encrypt_key)])
    return Keyring()
