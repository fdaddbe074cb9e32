"""The keys of consumers."""

from typing import Annotated
from uuid import uuid4

from pydantic import Field

from colobus.model.kind import Collection, Entity, Kind
from colobus.model.schema import Check, Id, String

__all__ = ["KEYAUTH_CREDENTIALS", "KeyAuthCredential"]


def _new_key() -> str:
    """Return a version 4 UUID without hyphens, 122 bits out of the system's secure source."""
    return uuid4().hex


def _generate_if_empty(key: str) -> str:
    # Stored empty, as kong 0.10 does, it would authenticate "?apikey=" (decision D16).
    return key or _new_key()


class KeyAuthCredential(Entity):
    """One key of one consumer; generated when it is absent or empty."""

    consumer_id: Id
    key: Annotated[String, Check(_generate_if_empty)] = Field(default_factory=_new_key)


KEYAUTH_CREDENTIALS = Kind(
    name="keyauth_credentials",
    model=KeyAuthCredential,
    alternate="key",
    parents={"consumer_id": "consumers"},
    unique=(("key",),),
    lookups=("key",),
    secrets=("key",),
    created_at_ms=1000,
    collections=(Collection("/consumers/{consumer_id}/key-auth"),),
)
