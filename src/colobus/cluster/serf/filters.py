"""Whether a query asks us: every filter must let us pass (reference: serf §8)."""

from collections.abc import Iterable, Mapping

from colobus.cluster.codec.filters import NodeFilter, decode_filter
from colobus.cluster.serf.expression import ExpressionError, compile_expression
from colobus.errors import ClusterProtocolError

__all__ = ["are_passed"]

# A query has at most 1024 bytes, so more filters than this come from no agent.
MOST_FILTERS = 64


def are_passed(filters: Iterable[bytes], own_name: str, own_tags: Mapping[str, str]) -> bool:
    """Return whether all filters pass; one that cannot be read or understood does not."""
    every = tuple(filters)
    return len(every) <= MOST_FILTERS and all(
        _is_passed(data, own_name, own_tags) for data in every
    )


def _is_passed(data: bytes, own_name: str, own_tags: Mapping[str, str]) -> bool:
    try:
        condition = decode_filter(data)
        if isinstance(condition, NodeFilter):
            return own_name in condition.names
        # A search, not anchored; a missing tag is an empty text (serf pitfalls 31).
        value = own_tags.get(condition.tag, "")
        return compile_expression(condition.expression).search(value)
    except (ClusterProtocolError, ExpressionError):
        return False
