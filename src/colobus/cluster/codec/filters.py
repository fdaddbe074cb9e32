"""Which members a query asks: by name, or by a regular expression on a tag (reference: serf §8).

Matching is not done here. The expression is Go's (RE2), searched for, not anchored, in the tag's
value; a member without the tag has the empty value.
"""

from dataclasses import dataclass
from typing import TypeAlias

from colobus.cluster.codec.dialect import load_prefix, pack_old
from colobus.cluster.codec.limits import PACKET_LIMITS
from colobus.cluster.codec.records import Field, Record, list_of, text
from colobus.errors import ClusterProtocolError

__all__ = ["Filter", "NodeFilter", "TagFilter", "decode_filter", "encode_filter"]

_NODES = 0
_TAG = 1


@dataclass(frozen=True, slots=True)
class NodeFilter:
    """Asks the members named."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TagFilter:
    """Asks the members in whose value of ``tag`` the ``expression`` is found."""

    tag: str
    expression: str


Filter: TypeAlias = NodeFilter | TagFilter

_NAMES = list_of(text())
_TAG_FILTER = Record(
    TagFilter, "TagFilter", Field("Tag", "tag", text()), Field("Expr", "expression", text())
)


def encode_filter(condition: Filter) -> bytes:
    """Return the bytes of one filter of a query."""
    if isinstance(condition, NodeFilter):
        return bytes((_NODES,)) + pack_old(_NAMES.dump(condition.names))
    return bytes((_TAG,)) + pack_old(_TAG_FILTER.dump(condition))


def decode_filter(data: bytes) -> Filter:
    """Return one filter of a query.

    Raises:
        ClusterProtocolError: an unknown kind or unreadable; the query is then not answered.
    """
    if not data:
        raise ClusterProtocolError("filter is empty")
    if data[0] not in (_NODES, _TAG):
        raise ClusterProtocolError(f"filter type {data[0]} is unknown")
    value, _ = load_prefix(data[1:], PACKET_LIMITS)
    if data[0] == _TAG:
        return _TAG_FILTER.load(value)
    if value is None:
        return NodeFilter(())
    names = _NAMES.load(value)
    assert isinstance(names, tuple)
    return NodeFilter(names)
