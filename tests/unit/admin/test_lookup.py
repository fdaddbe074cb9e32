"""Name or id (reference: admin-api §1.4)."""

import pytest

from colobus.admin.lookup import find
from colobus.errors import SchemaError
from colobus.model import CONSUMERS, PLUGINS, Catalog, Kind, Schema
from colobus.model.schema import String, Timestamp
from colobus.plugins.key_auth import KEYAUTH_CREDENTIALS
from colobus.testing.clock import ManualClock
from colobus.testing.store import MemoryStore

ID = "9a77aaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
OTHER_ID = "5f0caaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"


class Sign(Schema):
    name: String
    created_at: Timestamp | None = None


SIGNS = Kind(name="signs", model=Sign, key="name", replace_key=("name",))


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore(Catalog((CONSUMERS, KEYAUTH_CREDENTIALS, SIGNS)), ManualClock())
    async with store.transaction("n") as transaction:
        await transaction.insert(CONSUMERS, {"id": ID, "username": "bob"})
        await transaction.insert(CONSUMERS, {"id": OTHER_ID, "username": ID, "custom_id": "c"})
        await transaction.insert(KEYAUTH_CREDENTIALS, {"consumer_id": ID, "key": "k"})
        await transaction.insert(SIGNS, {"name": ID})
        await transaction.insert(SIGNS, {"name": "sign"})
    return store


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (ID, ID),  # an id comes before the user of that name
        (ID.upper(), ID),
        (OTHER_ID, OTHER_ID),
        ("bob", ID),
        ("Bob", None),
        ("c", None),
        ("", None),
        ("\udcff", None),
        ("\0", None),
        ("00000000-0000-4000-8000-000000000000", None),
    ],
)
async def test_a_consumer_is_found_by_id_or_username(
    store: MemoryStore, name: str, found: str | None
) -> None:
    row = await find(store, CONSUMERS, name, {})
    assert (row and row["id"]) == found


async def test_a_name_that_looks_like_an_id_is_found_when_no_id_is(store: MemoryStore) -> None:
    async with store.transaction("n") as transaction:
        await transaction.delete(CONSUMERS, ID)
    row = await find(store, CONSUMERS, ID, {})
    assert row is not None
    assert row["id"] == OTHER_ID


async def test_a_row_elsewhere_is_not_found(store: MemoryStore) -> None:
    here, there = {"consumer_id": ID}, {"consumer_id": OTHER_ID}
    row = await find(store, KEYAUTH_CREDENTIALS, "k", here)
    assert row is not None
    assert await find(store, KEYAUTH_CREDENTIALS, "k", there) is None
    assert await find(store, KEYAUTH_CREDENTIALS, row["id"], here) == row
    assert await find(store, KEYAUTH_CREDENTIALS, row["id"], there) is None


async def test_a_kind_without_a_second_name_wants_an_id(store: MemoryStore) -> None:
    with pytest.raises(SchemaError) as caught:
        await find(store, PLUGINS, "key-auth", {})
    assert caught.value.fields == {"id": "key-auth is not a valid uuid"}


@pytest.mark.parametrize("name", [ID, "sign"])
async def test_a_kind_keyed_by_its_name_is_found_by_it(store: MemoryStore, name: str) -> None:
    row = await find(store, SIGNS, name, {})
    assert row is not None
    assert row["name"] == name
    assert await find(store, SIGNS, "other", {}) is None
