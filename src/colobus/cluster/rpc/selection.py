"""``members-filtered``: which members a client wants to see (reference: rpc §3)."""

from collections.abc import Iterable, Iterator

from colobus.cluster.rpc.replies import Member
from colobus.cluster.rpc.requests import SelectMembers
from colobus.cluster.serf.expression import Expression, compile_expression

__all__ = ["select_members"]


def select_members(members: Iterable[Member], wanted: SelectMembers) -> Iterator[Member]:
    """Return the members whose name, status and tags match whole; a missing tag is empty.

    Raises:
        ExpressionError: an expression that cannot be read.
    """
    name, status = _compiled(wanted.name), _compiled(wanted.status)
    tags = {tag: _compiled(pattern) for tag, pattern in wanted.tags.items()}

    def is_wanted(member: Member) -> bool:
        return (
            _matches(name, member.name)
            and _matches(status, member.status)
            and all(_matches(value, member.tags.get(tag, "")) for tag, value in tags.items())
        )

    return filter(is_wanted, members)


def _compiled(pattern: str) -> Expression | None:
    return compile_expression(pattern) if pattern else None


def _matches(expression: Expression | None, text: str) -> bool:
    return expression is None or expression.match_whole(text)
