"""The queries that nodes ask among themselves, names beginning ``_serf_`` (reference: serf §9)."""

import logging

from colobus.cluster.codec import serf as codec
from colobus.cluster.messages import ConflictResponse, Query
from colobus.cluster.serf.answering import RESPONSE_SIZE_LIMIT
from colobus.cluster.serf.keys import ENVELOPE, KeyAnswerer, KeyOperation
from colobus.cluster.serf.members import MemberTable, member_record

__all__ = ["CONFLICT_QUERY", "PING_QUERY", "InternalQueries"]

logger = logging.getLogger(__name__)

PING_QUERY = "_serf_ping"
CONFLICT_QUERY = "_serf_conflict"
_KEY_OPERATIONS = {operation.value: operation for operation in KeyOperation}


class InternalQueries:
    """Answers internal queries; acks were sent before."""

    def __init__(self, own_name: str, *, members: MemberTable, keys: KeyAnswerer) -> None:
        self._own_name = own_name
        self._members = members
        self._keys = keys

    def answer(self, query: Query) -> bytes | None:
        """Return the payload of the answer, or None where there is none to give."""
        if query.name == PING_QUERY:
            return None
        if query.name == CONFLICT_QUERY:
            return self._whois(query.payload.decode("utf-8", errors="surrogateescape"))
        operation = _KEY_OPERATIONS.get(query.name)
        if operation is None:
            logger.warning("unknown internal query %r", query.name)
            return None
        envelope = ENVELOPE + len(self._own_name.encode("utf-8", errors="surrogateescape"))
        return self._keys.answer(operation, query.payload, RESPONSE_SIZE_LIMIT - envelope)

    def _whois(self, name: str) -> bytes | None:
        """Say whom we know by a name; about our own name others are asked."""
        if name == self._own_name:
            return None
        member = self._members.get(name)
        record = None if member is None else member_record(member)
        return codec.encode(ConflictResponse(record))
