"""Kinds that use everything a kind can declare, with migrations as an outside plugin ships them."""

from pathlib import Path
from typing import Annotated, Any

from colobus.model import CORE_KINDS, Catalog, Entity, Kind
from colobus.model.schema import Array, Boolean, Check, Id, Number, String, Table, Timestamp, Url

MIGRATIONS = Path(__file__).parent / "migrations"


class Sample(Entity):
    """A field of each type."""

    name: String
    label: String | None = None
    size: Number | None = None
    amount: Annotated[Number, Check(int, whole=True)] | None = None
    flag: Boolean | None = None
    seen_at: Timestamp | None = None
    tags: Array[Any] | None = None
    settings: Table | None = None
    link: Url | None = None


class Badge(Entity):
    consumer_id: Id
    secret: String


class Stamp(Entity):
    badge_id: Id
    api_id: Id | None = None


SAMPLES = Kind(
    name="samples",
    model=Sample,
    unique=(("name",), ("label", "amount")),
    lookups=("name",),
    created_at_ms=1,
)
BADGES = Kind(
    name="badges",
    model=Badge,
    parents={"consumer_id": "consumers"},
    unique=(("secret",),),
    lookups=("secret",),
    secrets=("secret",),
    expires=True,
)
STAMPS = Kind(
    name="stamps", model=Stamp, parents={"badge_id": "badges", "api_id": "apis"}, expires=True
)
CATALOG = Catalog((*CORE_KINDS, SAMPLES, BADGES, STAMPS))
