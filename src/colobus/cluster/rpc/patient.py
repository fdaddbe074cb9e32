"""Commands of a client that take a while: begun here, and ended by a fact (reference: rpc §3)."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from colobus.cluster.keyring import decode_key
from colobus.cluster.rpc import requests
from colobus.cluster.rpc.replies import Body, Joined, KeyReport
from colobus.cluster.rpc.requests import Request
from colobus.cluster.rpc.surroundings import Agent, Handlers, Reply, Resolved, Surroundings
from colobus.cluster.serf.departure import NodePhase
from colobus.cluster.serf.facts import CommandDone, JoinDone, KeyOperationDone, LeaveDone
from colobus.cluster.serf.keys import KeyOperation
from colobus.errors import ClusterError

__all__ = ["PatientCommands"]

MOST_JOIN_ADDRESSES: Final = 64

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Waiting:
    """A command whose end a fact will tell; ``unresolved`` are failures of a join so far."""

    sequence: int
    request: Request
    command: int | None = None
    unresolved: list[str] = field(default_factory=list)


class PatientCommands:
    """The one command of a session that is under way, if any.

    Attributes:
        handlers: of the commands that take a while.
    """

    def __init__(self, agent: Agent, surroundings: Surroundings, reply: Reply) -> None:
        self._agent = agent
        self._surroundings = surroundings
        self._reply = reply
        self._waiting: _Waiting | None = None
        self.handlers: Handlers = {
            requests.ForceLeave: self._force_leave,
            requests.Join: self._join,
            requests.SetTags: self._set_tags,
            requests.Leave: self._leave,
            requests.InstallKey: self._key,
            requests.UseKey: self._key,
            requests.RemoveKey: self._key,
            requests.ListKeys: self._key,
        }

    @property
    def is_waiting(self) -> bool:
        """Whether a command is under way, which the next one waits for."""
        return self._waiting is not None

    def give_up(self) -> None:
        """Answer it no more: it could not be begun, or the client is gone."""
        self._waiting = None

    def take(self, fact: JoinDone | CommandDone | KeyOperationDone | LeaveDone) -> None:
        """Answer the command if this is its end."""
        waiting = self._waiting
        if waiting is None:
            return
        if isinstance(fact, LeaveDone):
            if isinstance(waiting.request, requests.Leave):
                self._finish()
        elif fact.command != waiting.command:
            return
        elif isinstance(fact, CommandDone):
            self._finish(fact.error)
        elif isinstance(fact, KeyOperationDone):
            is_list = isinstance(waiting.request, requests.ListKeys)
            self._finish(fact.error, _key_report(fact, is_list=is_list))
        else:
            failures = [f"Failed to join {host}: {reason}" for (host, _), reason in fact.failed]
            error = "" if fact.joined else _join_error(waiting.unresolved + failures)
            self._finish(error, Joined(len(fact.joined)))

    def _finish(self, error: str = "", body: Body | None = None) -> None:
        """Answer the command that was under way."""
        waiting = self._waiting
        if waiting is not None:
            self._waiting = None
            self._reply(waiting.sequence, waiting.request, error, body)

    def _start(self, sequence: int, request: Request, command: Callable[[float], int]) -> None:
        """Begin a command that a fact with its number will end."""
        self._waiting = _Waiting(sequence, request)
        self._waiting.command = self._agent.call(command)

    def _force_leave(self, sequence: int, request: requests.ForceLeave) -> None:
        commands = self._agent.machine.commands
        self._start(
            sequence, request,
            lambda now: commands.force_leave(request.node, now, prune=request.prune),
        )  # fmt: skip

    def _set_tags(self, sequence: int, request: requests.SetTags) -> None:
        machine = self._agent.machine
        kept = {tag: value for tag, value in machine.tags.items() if tag not in request.deleted}
        tags = {**kept, **request.tags}
        self._start(sequence, request, lambda now: machine.commands.set_tags(tags, now))

    def _key(self, sequence: int, request: Request) -> None:
        operation, text = _key_operation(request)
        key = decode_key(text) if operation is not KeyOperation.LIST else b""
        commands = self._agent.machine.commands
        self._start(sequence, request, lambda now: commands.key_operation(operation, now, key))

    def _leave(self, sequence: int, request: requests.Leave) -> None:
        machine = self._agent.machine
        if machine.phase is NodePhase.GONE:
            self._reply(sequence, request)
            return
        logger.warning(
            "asked by a client to leave the cluster: the node goes on proxying and follows the"
            " datastore alone; a restart brings it back"
        )
        self._waiting = _Waiting(sequence, request)
        self._agent.call(machine.leave)

    def _join(self, sequence: int, request: requests.Join) -> None:
        if self._agent.machine.phase is not NodePhase.STAYING:
            raise ClusterError("Serf can't Join after Leave or Shutdown")
        if len(request.addresses) > MOST_JOIN_ADDRESSES:
            raise ClusterError(f"more than {MOST_JOIN_ADDRESSES} addresses at once")
        waiting = self._waiting = _Waiting(sequence, request)

        def resolved(found: Resolved) -> None:
            if self._waiting is waiting:
                self._join_resolved(waiting, request, found)

        self._surroundings.resolve(request.addresses, resolved)

    def _join_resolved(self, waiting: _Waiting, request: requests.Join, found: Resolved) -> None:
        targets = []
        for name, address in found.items():
            if isinstance(address, str):
                waiting.unresolved.append(f"Failed to resolve {name}: {address}")
            else:
                targets.append(address)
        if not targets:
            self._finish(_join_error(waiting.unresolved))
            return
        commands = self._agent.machine.commands
        waiting.command = self._agent.call(
            lambda now: commands.join(targets, now, ignores_old_events=not request.replay)
        )


def _key_operation(request: Request) -> tuple[KeyOperation, str]:
    match request:
        case requests.InstallKey(key):
            return KeyOperation.INSTALL, key
        case requests.UseKey(key):
            return KeyOperation.USE, key
        case requests.RemoveKey(key):
            return KeyOperation.REMOVE, key
        case _:
            return KeyOperation.LIST, ""


def _key_report(fact: KeyOperationDone, *, is_list: bool) -> KeyReport:
    return KeyReport(
        dict(fact.messages),
        dict(fact.keys) if is_list else None,
        fact.nodes,
        fact.errors,
        fact.responses,
    )


def _join_error(failures: Sequence[str]) -> str:
    """Return the text for a join in which nobody answered, in the shape agents give it."""
    if not failures:
        return ""
    counted = "1 error" if len(failures) == 1 else f"{len(failures)} errors"
    lines = "".join(f"\t* {failure}\n" for failure in failures)
    return f"{counted} occurred:\n{lines}\n"
