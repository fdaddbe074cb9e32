"""Listings: size, offset, filters, and the URL of the next page (reference: admin-api §1.3)."""

import re
from collections.abc import Mapping
from typing import Any

from colobus.admin.answer import Answer, json_answer
from colobus.admin.call import Call
from colobus.errors import SchemaError
from colobus.model.kind import Kind
from colobus.model.schema import coerce
from colobus.store.interface import Page

__all__ = ["DEFAULT_SIZE", "MAX_SIZE", "filters", "listing", "page_size"]

DEFAULT_SIZE = 100

MAX_SIZE = 1_000_000
"""Kong 0.10 has no maximum. More rows than this come in several pages, as all longer lists do."""

_NUMBER = re.compile(r"\s*[+-]?\d{1,300}(\.\d{0,300})?\s*")


def page_size(given: object) -> int:
    """Return the rows of a page: 100 for what is no number, as in 0.10.

    Raises:
        SchemaError: no page can have this many; 0.10 answered 500.
    """
    if isinstance(given, bool) or _NUMBER.fullmatch(str(given)) is None:
        return DEFAULT_SIZE
    size = float(str(given))
    if size < 1 or size != int(size):
        raise SchemaError({"size": "size must be a positive integer"})
    return min(int(size), MAX_SIZE)


def filters(kind: Kind, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the rows of a listing must equal, in the types of their fields.

    Raises:
        SchemaError: unknown fields, and values that no row can have.
    """
    wanted: dict[str, Any] = {}
    problems: dict[str, str | list[str]] = {}
    for name, value in parameters.items():
        if name not in kind.model.model_fields:
            problems[name] = "unknown field"
            continue
        try:
            wanted[name] = coerce(kind.model, name, value)
        except SchemaError as exc:
            problems |= exc.fields
    if problems:
        raise SchemaError(problems)
    return wanted


def listing(call: Call, page: Page, size: int) -> Answer:
    """Return a page; ``offset`` and ``next`` only if another one follows."""
    content: dict[str, Any] = {"data": page.rows, "total": page.total}
    if page.offset is not None:
        content["offset"] = page.offset
        content["next"] = call.url_with({"offset": page.offset, "size": size})
    return json_answer(200, content)
