"""The cache keys of Kong 0.10 (datastore-and-cache §6.3), and the questions they stand for here.

``consumers:<id>``, ``keyauth_credentials:<key>``, ``acls:<consumer id>``: a collection, and a value
of one of the fields that its rows are looked up by. Plugins, APIs and upstreams are held whole by
every worker and are no part of the cache; keys of theirs stand for nothing.
"""

from collections.abc import Mapping

from colobus.cache.fenced import Key
from colobus.model.kind import Catalog, Kind
from colobus.model.schema import Row

__all__ = ["questions_of", "shown"]

OTHER_NAMES: Mapping[str, str] = {
    "jwtauth_credentials": "jwt_secrets",
    "oauth2_token": "oauth2_tokens",
}
"""Prefixes of keys that are not the name of their collection."""


def questions_of(catalog: Catalog, key: str) -> list[Key]:
    """Return the questions whose answers ``key`` names; none for a key nobody uses."""
    prefix, colon, value = key.partition(":")
    kind = catalog.get(OTHER_NAMES.get(prefix, prefix))
    if not colon or kind is None or kind.resident or not kind.logged:
        return []
    return [(kind.name, name, value) for name in kind.indexed]


def shown(kind: Kind, name: str, rows: list[Row]) -> Row | list[Row]:
    """Return an answer as 0.10 cached it: one row, or a list where there may be several."""
    is_single = name == kind.key or (name,) in kind.unique
    return rows[0] if is_single else rows
