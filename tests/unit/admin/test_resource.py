"""An entity is served by its declaration alone."""

from typing import Annotated, Any

import httpx
import pytest
from pydantic import Field

from colobus.admin.app import AdminApp
from colobus.model import CONSUMERS, Catalog, Kind, Schema
from colobus.model.kind import Collection, Entity
from colobus.model.schema import Array, Check, Id, Number, String, Table, Timestamp
from colobus.testing.clock import ManualClock
from colobus.testing.store import MemoryStore
from support.admin import StandInNode


def _short(text: str) -> str:
    if len(text) > 8:
        raise ValueError("label is too long")
    return text.lower()


class Tag(Entity):
    consumer_id: Id
    label: Annotated[String, Check(_short)]
    weights: Array[Number] | None = None
    notes: Table = Field(default={})


class Sign(Schema):
    name: String
    tag_id: Id | None = None
    created_at: Timestamp | None = None


TAGS = Kind(
    name="tags", model=Tag, alternate="label", parents={"consumer_id": "consumers"},
    unique=(("label",),), old_names={"title": "label"},
    collections=(Collection("/tags"), Collection("/consumers/{consumer_id}/tags")),
)  # fmt: skip
SIGNS = Kind(
    name="signs", model=Sign, key="name", replace_key=("name",), parents={"tag_id": "tags"},
    collections=(Collection("/signs"), Collection("/tags/{tag_id}/signs")),
)  # fmt: skip


class Client:
    def __init__(self) -> None:
        catalog = Catalog((CONSUMERS, TAGS, SIGNS))
        clock = ManualClock()
        store = MemoryStore(catalog, clock)
        self.app = AdminApp(store, catalog, {}, StandInNode(), clock)

    async def __call__(
        self, method: str, url: str, body: object = None
    ) -> tuple[int, Any, httpx.Headers]:
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://admin") as client:
            arguments: dict[str, Any] = {"json": body} if body is not None else {}
            answer = await client.request(method, url, **arguments)
        return answer.status_code, answer.json() if answer.content else None, answer.headers


@pytest.fixture
def send() -> Client:
    return Client()


async def test_a_declared_kind_has_its_places_and_its_parent_in_the_path(send: Client) -> None:
    await send("POST", "/consumers", {"username": "bob"})
    status, tag, _ = await send("POST", "/consumers/bob/tags", {"label": "Red", "weights": "1,2"})
    assert (status, tag["label"], tag["weights"], tag["notes"]) == (201, "red", [1, 2], {})
    for url in ("/tags", "/consumers/bob/tags"):
        assert (await send("GET", url))[1] == {"data": [tag], "total": 1}
        assert (await send("GET", url + "/red"))[1] == tag
        assert (await send("HEAD", url + "/red"))[0] == 200
        assert (await send("HEAD", url + "/blue"))[0] == 404
    changed = (await send("PATCH", "/tags/red", {"notes.a": 1}))[1]
    changed = (await send("PATCH", "/tags/red", {"notes": {"b": 2}}))[1]
    assert changed["notes"] == {"a": 1, "b": 2}
    assert await send("PATCH", "/tags/red", {}) == await send("PATCH", "/tags/red", {})
    assert (await send("GET", "/consumers/nobody/tags"))[0] == 404
    assert (await send("DELETE", "/consumers/bob"))[0] == 204
    assert (await send("GET", "/tags"))[1] == {"data": [], "total": 0}


async def test_a_declared_old_name_is_taken_in_writes_and_filters(send: Client) -> None:
    await send("POST", "/consumers", {"username": "bob"})
    status, tag, headers = await send("POST", "/consumers/bob/tags", {"title": "old"})
    assert (status, tag["label"]) == (201, "old")
    assert headers["Warning"] == '299 colobus "title is now called label"'
    status, found, headers = await send("GET", "/tags?title=old")
    assert found == {"data": [tag], "total": 1}
    assert headers["Warning"] == '299 colobus "title is now called label"'
    assert (await send("PATCH", "/tags/old", {"title": "new"}))[1]["label"] == "new"
    status, replaced, _ = await send(
        "PUT", "/consumers/bob/tags", {"id": tag["id"], "title": "newer"}
    )
    assert (status, replaced["label"]) == (200, "newer")


async def test_a_kind_keyed_by_name_is_replaced_but_never_made_by_put(send: Client) -> None:
    status, sign, _ = await send("POST", "/signs", {"name": "a.example"})
    assert (status, sign["name"]) == (201, "a.example")
    status, replaced, _ = await send("PUT", "/signs", {"name": "a.example"})
    assert (status, replaced) == (200, sign)
    assert (await send("PUT", "/signs", {"name": "b.example"}))[:2] == (200, None)
    assert (await send("GET", "/signs/b.example"))[0] == 404
    assert (await send("PATCH", "/signs/a.example", {"name": "c"}))[:2] == (
        400, {"name": "name cannot be updated"},
    )  # fmt: skip
    unknown = "9a77aaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
    assert (await send("PATCH", "/signs/a.example", {"tag_id": unknown}))[:2] == (
        404, {"tag_id": f"does not exist with value '{unknown}'"},
    )  # fmt: skip
    assert (await send("DELETE", "/signs/a.example"))[0] == 204


async def test_a_replacing_put_below_a_parent_reaches_only_rows_of_that_parent(
    send: Client,
) -> None:
    for name in ("bob", "eve"):
        await send("POST", "/consumers", {"username": name})
    _, tag, _ = await send("POST", "/consumers/bob/tags", {"label": "red"})
    stolen = {"id": tag["id"], "label": "stolen"}
    assert (await send("PUT", "/consumers/eve/tags", stolen))[:2] == (200, None)
    assert (await send("GET", "/tags/red"))[1] == tag
    assert (await send("PATCH", "/consumers/eve/tags/red", stolen))[0] == 404
    assert (await send("DELETE", "/consumers/eve/tags/red"))[0] == 404
