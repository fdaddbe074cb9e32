"""Keys of the whole cluster: our answers to key queries, and the counting of the others' answers.

Reference: serf §9. No key appears in a log line.
"""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from colobus.cluster.codec import serf as codec
from colobus.cluster.keyring import Keyring, encode_key
from colobus.cluster.messages import KeyRequest, KeyResponse
from colobus.cluster.serf.facts import Fact, KeyOperationDone, KeyringChanged, QueryKey
from colobus.errors import ClusterProtocolError, KeyringError
from colobus.logs.levels import NOTICE

__all__ = ["KeyAnswerer", "KeyCount", "KeyOperation"]

logger = logging.getLogger(__name__)

# Bytes of an answer's envelope at most: the response's keys and numbers, but the sender's name.
ENVELOPE = 64


class KeyOperation(Enum):
    """What can be done with keys; the value is the name of the query."""

    INSTALL = "_serf_install-key"
    USE = "_serf_use-key"
    REMOVE = "_serf_remove-key"
    LIST = "_serf_list-keys"


class KeyAnswerer:
    """Does what a key query asks, and says how it went."""

    def __init__(self, keyring: Keyring, emit: Callable[[Fact], None]) -> None:
        self._keyring = keyring
        self._emit = emit

    def answer(self, operation: KeyOperation, payload: bytes, room: int) -> bytes:
        """Return the encoded answer, at most ``room`` bytes of it."""
        if operation is KeyOperation.LIST:
            return self._list(room)
        if not self._keyring:
            return _failed("No keyring to modify (encryption not enabled)")
        before = self._keyring.keys
        try:
            key = codec.decode_as(payload, KeyRequest).key
            self._apply(operation, key)
        except (ClusterProtocolError, KeyringError) as exc:
            return _failed(str(exc))
        if self._keyring.keys != before:
            logger.log(NOTICE, "keyring changed by %s", operation.value)
            self._emit(KeyringChanged())
        return codec.encode(KeyResponse(result=True))

    def _apply(self, operation: KeyOperation, key: bytes) -> None:
        if operation is KeyOperation.INSTALL:
            self._keyring.add(key)
        elif operation is KeyOperation.USE:
            self._keyring.use(key)
        else:
            self._keyring.remove(key)

    def _list(self, room: int) -> bytes:
        keys = tuple(map(encode_key, self._keyring.keys))
        if not keys:
            return _failed("Keyring is empty (encryption not enabled)")
        answer = codec.encode(KeyResponse(True, "", keys, keys[0]))
        shown = len(keys)
        while len(answer) > room and shown > 0:
            shown -= 1
            text = f"truncated key list response, showing first {shown} of {len(keys)} keys"
            answer = codec.encode(KeyResponse(True, text, keys[:shown], keys[0]))
        return answer


def _failed(text: str) -> bytes:
    return codec.encode(KeyResponse(result=False, message=text))


@dataclass(slots=True)
class KeyCount:
    """Counts the answers to one key operation of ours; a ``QueryReceiver``."""

    command: int
    nodes: int
    close: Callable[[QueryKey, float], None]
    emit: Callable[[Fact], None]
    messages: dict[str, str] = field(default_factory=dict)
    keys: Counter[str] = field(default_factory=Counter)
    primary_keys: Counter[str] = field(default_factory=Counter)
    responses: int = 0
    errors: int = 0

    def acked(self, key: QueryKey, member: str) -> None:
        """Ignore an ack: none was asked for."""

    def answered(self, key: QueryKey, member: str, payload: bytes, now: float) -> None:
        """Count an answer; with the last one the operation is done."""
        self.responses += 1
        try:
            self._count(member, codec.decode_as(payload, KeyResponse))
        except ClusterProtocolError as exc:
            self.messages[member] = f"Failed to decode key query response: {exc}"
            self.errors += 1
        if self.responses >= self.nodes:
            self.close(key, now)

    def closed(self, _key: QueryKey, _now: float) -> None:
        """Say how it went."""
        error = ""
        if self.errors:
            error = f"{self.errors}/{self.nodes} nodes reported failure"
        elif self.responses != self.nodes:
            error = f"{self.responses}/{self.nodes} nodes reported success"
        self.emit(
            KeyOperationDone(
                self.command,
                tuple(self.messages.items()),
                tuple(self.keys.items()),
                tuple(self.primary_keys.items()),
                self.nodes,
                self.responses,
                self.errors,
                error,
            )
        )

    def _count(self, member: str, answer: KeyResponse) -> None:
        if answer.message or not answer.result:
            self.messages[member] = answer.message
        self.errors += not answer.result
        self.keys.update(answer.keys)
        if answer.primary_key:
            self.primary_keys[answer.primary_key] += 1
