"""Collections and items, generically: what differs between entities is declared in their kinds.

The verbs follow admin-api §1.5. Every write is one transaction, and answers once the workers of
this node route by it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from colobus.admin.answer import NO_CONTENT, NOT_FOUND, Answer, Refused, empty, json_answer
from colobus.admin.call import Call
from colobus.admin.fields import Fields, merged, submitted, tables
from colobus.admin.listing import filters, listing, page_size
from colobus.admin.lookup import find, is_within
from colobus.admin.routes import Route
from colobus.admin.services import Services
from colobus.errors import SchemaError
from colobus.model.kind import Collection, Kind, Operation, ValidationContext
from colobus.model.schema import Row, coerce, validate

__all__ = ["resource_routes"]


def resource_routes(services: Services) -> Iterable[Route]:
    """Yield the routes of every collection of every kind."""
    for kind in services.catalog.values():
        for collection in kind.collections:
            yield from Resource(services, kind, collection).routes()


class Resource:
    """The handlers of one collection and of the items in it."""

    def __init__(self, services: Services, kind: Kind, collection: Collection) -> None:
        self._store = services.store
        self._node = services.node
        self._plugins = services.plugins
        self._kind = kind
        self._path = collection.path
        self._read_only = collection.read_only
        self._tables = tables(kind)
        self._parent_field = collection.parent_field
        self._parent_kind = (
            services.catalog[kind.parents[collection.parent_field]]
            if collection.parent_field is not None
            else None
        )

    def routes(self) -> Iterator[Route]:
        """Yield the collection's route and the items'."""
        if self._read_only:
            yield Route(self._path, {"GET": self.list_rows, "HEAD": self.check})
            return
        yield Route(
            self._path,
            {"GET": self.list_rows, "HEAD": self.check, "POST": self.insert, "PUT": self.put},
        )
        yield Route(
            self._path + "/{key}",
            {"GET": self.get, "HEAD": self.check, "PATCH": self.patch, "DELETE": self.delete},
            frozenset({"key"} if self._kind.alternate in self._kind.secrets else ()),
        )

    async def check(self, call: Call) -> Answer:
        """Answer HEAD: what the path names is there."""
        forced = await self._forced(call)
        if "key" in call.variables:
            await self._find(call, forced)
        return empty(200)

    async def list_rows(self, call: Call) -> Answer:
        """Answer a page of the rows that the filters let through."""
        forced = await self._forced(call)
        fields = submitted(self._kind, {**call.parameters, **forced})
        size = page_size(fields.values.pop("size", None))
        offset = fields.values.pop("offset", None)
        page = await self._store.page(
            self._kind,
            filters(self._kind, fields.values),
            size=size,
            offset=offset if isinstance(offset, str) else None,
        )
        return fields.warn(listing(call, page, size))

    async def get(self, call: Call) -> Answer:
        """Answer one row."""
        return json_answer(200, await self._find(call, await self._forced(call)))

    async def insert(self, call: Call) -> Answer:
        """Insert a row."""
        forced = await self._forced(call)
        return await self._insert(submitted(self._kind, {**call.parameters, **forced}))

    async def put(self, call: Call) -> Answer:
        """Replace the row whose primary key the body has; without one, insert."""
        forced = await self._forced(call)
        fields = submitted(self._kind, {**call.parameters, **forced})
        if all(name in fields.values for name in self._kind.replace_key):
            return await self._replace(fields, forced)
        return await self._insert(fields)

    async def patch(self, call: Call) -> Answer:
        """Change the fields that the body has, and check the row that comes of it."""
        forced = await self._forced(call)
        found = await self._find(call, forced)
        if self._kind.patch_needs_field and not call.parameters:
            raise SchemaError({"message": "empty body"})
        fields = submitted(self._kind, {**call.parameters, **forced})
        # The row is read again where nobody can change it meanwhile.
        async with self._store.transaction(self._node.name) as transaction:
            before = await transaction.get(self._kind, found[self._kind.key])
            if before is None or not is_within(before, forced):
                raise Refused(NOT_FOUND)
            after = self._kind.prepare(self._changed(before, fields.values), before)
            stored = await transaction.update(self._kind, after)
            assert stored is not None  # it was there a moment ago, and this transaction has it
        return await self._settled(self._written(200, fields, stored), transaction.revision)

    async def delete(self, call: Call) -> Answer:
        """Delete a row and what belongs to it."""
        found = await self._find(call, await self._forced(call))
        async with self._store.transaction(self._node.name) as transaction:
            deleted = await transaction.delete(self._kind, found[self._kind.key])
        if deleted is None:
            raise Refused(NOT_FOUND)
        return await self._settled(NO_CONTENT, transaction.revision)

    async def _insert(self, fields: Fields) -> Answer:
        row = self._kind.prepare(self._validated(fields.values, "insert"), None)
        async with self._store.transaction(self._node.name) as transaction:
            stored = await transaction.insert(self._kind, row)
        return await self._settled(self._written(201, fields, stored), transaction.revision)

    async def _replace(self, fields: Fields, forced: Mapping[str, str]) -> Answer:
        """Replace a row; one that is not here is neither made nor an error (admin-api §1.5)."""
        self._check_key(fields.values)
        row = self._validated(fields.values, "replace")
        here = {**forced, **{name: row[name] for name in self._kind.replace_key}}
        stored = None
        async with self._store.transaction(self._node.name) as transaction:
            before = await transaction.get(self._kind, row[self._kind.key])
            if before is not None and is_within(before, here):
                if "created_at" in before:
                    row.setdefault("created_at", before["created_at"])
                stored = await transaction.update(self._kind, self._kind.prepare(row, before))
        answer = self._written(200, fields, stored) if stored else fields.warn(empty(200))
        return await self._settled(answer, transaction.revision)

    def _written(self, status: int, fields: Fields, row: Row) -> Answer:
        """Return the answer that shows a row, with what its writer should know."""
        answer = fields.warn(json_answer(status, row))
        for note in self._kind.notes(row):
            answer = answer.with_header("warning", f'299 colobus "{note}"')
        return answer

    def _changed(self, before: Row, changes: Mapping[str, Any]) -> Row:
        """Return the row that a PATCH makes of ``before``.

        Raises:
            SchemaError: the changed row would be wrong, or belongs to another key.
            Refused: 404, no row has this combination of primary key fields.
        """
        model, key = self._kind.model, self._kind.key
        identity = {
            name: coerce(model, name, changes[name])
            for name in self._kind.replace_key
            if name in changes
        }
        if identity.get(key, before[key]) != before[key]:
            raise SchemaError({key: f"{key} cannot be updated"})
        if not is_within(before, identity):
            # A plugin row under another name: errors come first, then there is no such row. What
            # configured the one plugin says nothing about the other.
            rest = {name: before[name] for name in before.keys() - self._tables}
            self._validated({**rest, **changes}, "update")
            raise Refused(NOT_FOUND)
        after = self._validated(merged(before, changes, self._tables), "update")
        if "created_at" in before:
            after["created_at"] = before["created_at"]
        return after

    def _check_key(self, values: Mapping[str, Any]) -> None:
        key = self._kind.key
        try:
            coerce(self._kind.model, key, values[key])
        except SchemaError as exc:
            raise SchemaError({"message": exc.fields[key]}) from None

    def _validated(self, values: Mapping[str, Any], operation: Operation) -> Row:
        entity = validate(self._kind.model, values, ValidationContext(operation, self._plugins))
        return entity.model_dump(exclude_none=True)

    async def _forced(self, call: Call) -> dict[str, str]:
        """Return the field that the path forces on every row here, with its parent's key.

        Raises:
            Refused: 404, there is no such parent.
        """
        if self._parent_field is None or self._parent_kind is None:
            return {}
        parent = await find(self._store, self._parent_kind, call.variables[self._parent_field], {})
        if parent is None:
            raise Refused(NOT_FOUND)
        return {self._parent_field: parent[self._parent_kind.key]}

    async def _find(self, call: Call, forced: Mapping[str, str]) -> Row:
        row = await find(self._store, self._kind, call.variables["key"], forced)
        if row is None:
            raise Refused(NOT_FOUND)
        return row

    async def _settled(self, answer: Answer, revision: int) -> Answer:
        """Wait until this node's workers route by a write, and say which ones do not."""
        laggards = await self._node.applied(revision)
        answer = answer.with_header("x-colobus-revision", str(revision))
        if laggards:
            names = ", ".join(laggards)
            answer = answer.with_header("warning", f'199 colobus "not yet applied by {names}"')
        return answer
