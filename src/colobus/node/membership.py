"""This node in the cluster: joins whom the registry names, tells and hears revisions, leaves.

``cluster/`` decides who is alive and spreads what it is given; here it is told whom to join and what
to spread. A revision travels as a user event that goes to every member at once and is gossiped as
well, and on the acknowledgements of pings, so that a node that missed both is noticed by the next
probe (ARCHITECTURE.md, "Hints"). A hint carries a number and the datastore's id, never data.
"""

import asyncio
import logging
import secrets
import socket
from collections.abc import Callable, Mapping
from random import Random
from typing import assert_never

import msgpack

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
    NameConflict,
    NameLost,
    PeerReported,
    UserEventReceived,
)
from colobus.cluster.serf.members import MemberStatus
from colobus.cluster.swim.addresses import Address, bytes_of_host, host_of_bytes
from colobus.cluster.timing import ClusterTiming
from colobus.config.addresses import parse_ipv4_address
from colobus.config.sections.cluster import ClusterSettings
from colobus.errors import ClusterError, NodeError, StoreError
from colobus.logs.levels import NOTICE
from colobus.node.registry import Registration
from colobus.version import VERSION

__all__ = ["Membership", "bind_membership"]

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
        applied: returns the revision this node routes by.
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
        applied: Callable[[], int],
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
        self._keyring = _keyring(settings)
        self._revisions: dict[str, int] = {}
        self._joins: dict[int, asyncio.Future[JoinDone]] = {}
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
        alive = {member["address"] for member in self.members() if member["status"] == "alive"}
        addresses = [
            address
            for address in await self._registration.addresses()
            if f"{address[0]}:{address[1]}" not in alive
        ]
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

    def members(self) -> list[Mapping[str, object]]:
        """Return every member: name, address, status, and the revision it last reported."""
        listed: list[Mapping[str, object]] = []
        for member in self.machine.members():
            address = f"{host_of_bytes(member.address)}:{member.port}"
            shown: dict[str, object] = {
                "name": member.name,
                "address": address,
                "status": MemberStatus(member.status).word,
            }
            if member.name == self.machine.name:
                shown["revision"] = self._applied()
            elif member.name in self._revisions:
                shown["revision"] = self._revisions[member.name]
            if "colobus" in member.tags:
                shown["version"] = member.tags["colobus"]
            listed.append(shown)
        return sorted(listed, key=lambda shown: str(shown["name"]))

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

    async def _join(self, addresses: list[Address]) -> JoinDone:
        command = self.agent.call(lambda now: self.machine.commands.join(addresses, now))
        waiting: asyncio.Future[JoinDone] = asyncio.get_running_loop().create_future()
        self._joins[command] = waiting
        try:
            return await waiting
        finally:
            self._joins.pop(command, None)

    async def _keep_joining(self) -> None:
        rounds = 0
        while True:
            rounds += 1
            await asyncio.sleep(EAGER_JOIN_S if rounds <= EAGER_JOINS else PATIENT_JOIN_S)
            if self.machine.phase is not NodePhase.STAYING:
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
            if member is not None and member.status != MemberStatus.LEFT:
                continue  # it is back, and its row is new
            try:
                await self._registration.remove(name)
            except StoreError as exc:
                logger.warning("the row of %s stays until it expires: %s", name, exc)

    async def _keep_reporting(self) -> None:
        reported = -1
        while True:
            applied = self._applied()
            if applied != reported:
                reported = applied
                self.machine.extend_acks(msgpack.packb({"c": self._datastore_id, "r": applied}))
            await asyncio.sleep(REPORT_S)

    def _take(self, fact: Fact) -> None:
        match fact:
            case UserEventReceived(name=name, payload=payload) if name == REVISION_EVENT:
                self._take_revision(payload)
            case PeerReported(member, extension):
                self._take_report(member, extension)
            case JoinDone(command=command):
                waiting = self._joins.get(command)
                if waiting is not None and not waiting.done():
                    waiting.set_result(fact)
            case MemberJoined() | MemberLeft() | MemberFailed() | MemberReaped():
                self._log_member(fact)
            case KeyringChanged():
                self._save_keyring()
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
        try:
            report = msgpack.unpackb(extension)
        except (ValueError, msgpack.exceptions.UnpackException):
            return  # of a peer that says something else behind its coordinate
        if not isinstance(report, dict) or report.get("c") != self._datastore_id:
            return
        revision = report.get("r")
        if isinstance(revision, int) and 0 <= revision < 2**63:
            self._revisions[member] = revision
            self._hint(revision)

    def _log_member(self, fact: MemberJoined | MemberLeft | MemberFailed | MemberReaped) -> None:
        name = fact.member.name
        match fact:
            case MemberJoined():
                logger.log(NOTICE, "%s joined", name)
                if name != self.machine.name:
                    self._joined()
            case MemberLeft():
                logger.log(NOTICE, "%s left", name)
                if name != self.machine.name and not self._left.full():
                    self._left.put_nowait(name)
            case MemberFailed():
                logger.warning("%s failed", name)
            case MemberReaped():
                self._revisions.pop(name, None)
                logger.log(NOTICE, "%s is forgotten", name)
                self._joined()
            case _:
                assert_never(fact)

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


def _keyring(settings: ClusterSettings) -> Keyring:
    """Return the keys of the settings.

    Raises:
        ClusterError: they cannot be read.
    """
    if settings.cluster_keyring_file is not None:
        return load_keyring(settings.cluster_keyring_file)
    if settings.cluster_encrypt_key is not None:
        return Keyring([decode_key(settings.cluster_encrypt_key)])
    return Keyring()
