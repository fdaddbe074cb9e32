"""The groups of consumers."""

from colobus.errors import SchemaError
from colobus.model.kind import Collection, Entity, Kind
from colobus.model.schema import Id, Row, String

__all__ = ["ACLS", "AclGroup"]

TAKEN = "ACL group already exist for this consumer"


class AclGroup(Entity):
    """One group that a consumer belongs to."""

    consumer_id: Id
    group: String


def _with_another_group(row: Row, before: Row | None) -> Row:
    """Refuse a change that changes nothing.

    kong 0.10 finds the row itself when it looks for others with the group, and its own tests
    expect the refusal.
    """
    if before is not None and row["group"] == before["group"]:
        raise SchemaError({"group": TAKEN})
    return row


ACLS = Kind(
    name="acls",
    model=AclGroup,
    alternate="group",
    parents={"consumer_id": "consumers"},
    unique=(("group", "consumer_id"),),
    taken={"group": TAKEN},
    created_at_ms=1000,
    collections=(Collection("/consumers/{consumer_id}/acls"),),
    prepare=_with_another_group,
)
