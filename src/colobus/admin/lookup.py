"""Looking rows up by what a path calls them: an id, or the alternate name of their kind."""

from collections.abc import Mapping
from typing import Any

from colobus.errors import SchemaError
from colobus.model.kind import Kind
from colobus.model.schema import Row, is_uuid
from colobus.store.interface import Store

__all__ = ["find", "is_within"]


async def find(store: Store, kind: Kind, name: str, where: Mapping[str, Any]) -> Row | None:
    """Return the row called ``name`` among those whose fields equal ``where``.

    What looks like a UUID is an id first and then the alternate name; anything else is only the
    alternate name (admin-api §1.4). A name that looks like a UUID is found too.

    Raises:
        SchemaError: rows of this kind have ids only, and ``name`` is none.
    """
    if kind.key != "id" or is_uuid(name):
        row = await store.get(kind, name)
        if row is not None and is_within(row, where):
            return row
    elif kind.alternate is None:
        raise SchemaError({kind.key: f"{name} is not a valid uuid"})
    if kind.alternate is None:
        return None
    found = await store.select(kind, {kind.alternate: name, **where}, limit=1)
    return found[0] if found else None


def is_within(row: Row, where: Mapping[str, Any]) -> bool:
    """Say whether the fields of ``row`` equal ``where``."""
    return all(row.get(field) == value for field, value in where.items())
