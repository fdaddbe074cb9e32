"""Parameters: what a request says, from its query and its body (reference: admin-api §1.2).

Sources are merged, later ones over earlier ones: query, form or multipart body, JSON body. Then
bracket and dotted keys are expanded: ``config.minute=5``, ``config[minute]=5`` and
``{"config": {"minute": 5}}`` all say the same. A map with the keys 1 to n stays a map here: only
the schema knows which field is an array, and it takes such a map for one.

Everything here is pure; bounds are on fields, depth and numbers, since the size of the body is
bounded before it comes here.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any
from urllib.parse import unquote_to_bytes

from colobus.admin.multipart import multipart_fields
from colobus.errors import SchemaError
from colobus.store.values import is_storable

__all__ = ["MAX_DEPTH", "MAX_FIELDS", "parameters"]

MAX_FIELDS = 100
"""Fields that are read of a query or form; kong 0.10 reads as many and ignores the rest."""

MAX_DEPTH = 100
"""Levels of nesting. The deepest entity has five; Python's recursion ends near a thousand."""

WRITES = frozenset({"POST", "PUT", "PATCH"})

_BRACKETS = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")

Parameters = dict[str, Any]


def parameters(method: str, query: str, content_type: str, body: bytes) -> Parameters:
    """Return what a request says.

    A body that cannot be understood is an error of a write, and no body of other methods.

    Raises:
        SchemaError: the body is malformed, or holds what no datastore can keep.
    """
    asked = _pairs(query)
    if method in WRITES:
        written = _expanded(asked | _body_fields(content_type, body))
        _check_text(written)
        return written
    try:
        return _expanded(asked | _body_fields(content_type, body))
    except SchemaError:
        return _expanded(asked)


def _body_fields(content_type: str, body: bytes) -> Parameters:
    media = content_type.lower()
    if "application/json" in media:
        return _json_fields(body)
    if not body:
        return {}
    if media.startswith("application/x-www-form-urlencoded"):
        return _pairs(body.decode("utf-8", "surrogateescape"))
    if media.startswith("multipart/form-data"):
        return dict(islice(multipart_fields(content_type, body), MAX_FIELDS))
    return {}


def _pairs(text: str) -> Parameters:
    """Return the fields of a query or form: of a repeated key the last, a bare key as true."""
    found: Parameters = {}
    for piece in islice(filter(None, text.split("&")), MAX_FIELDS):
        key, separator, value = piece.partition("=")
        found[_unquoted(key)] = _unquoted(value) if separator else True
    return found


def _unquoted(text: str) -> str:
    # Bytes that are no UTF-8 become surrogates: they match nothing, and no write takes them.
    raw = unquote_to_bytes(text.replace("+", " ").encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "surrogateescape")


def _json_fields(body: bytes) -> Parameters:
    try:
        found = json.loads(
            body.decode("utf-8"), parse_int=_integer, parse_float=_float, parse_constant=_float
        )
    except (ValueError, RecursionError):
        raise SchemaError({"message": "Cannot parse JSON body"}) from None
    if found == []:
        return {}  # what PHP makes of an empty object; 0.10 cannot tell them apart either
    if not isinstance(found, dict):
        raise SchemaError({"message": "Cannot parse JSON body"})
    return found


def _integer(text: str) -> int | float:
    """Return an integer of 64 bits, or the nearest float: no reader of JSON promises more."""
    nearest = _float(text)
    exact = int(text)
    return exact if abs(exact) < 2**63 else nearest


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is not a number")
    return number


def _expanded(fields: Parameters) -> Parameters:
    """Return ``fields`` with bracket keys, then dotted keys, as nested maps."""
    result: Parameters = {}
    for key, value in fields.items():
        path = _bracket_path(key)
        _place(result, path, _without_dots(value, len(path) + 1))
    without_dots: Parameters = _without_dots(result, 1)
    return without_dots


def _bracket_path(key: str) -> list[str]:
    """Return the names in ``a[b][c]``; a key of another form is one name."""
    found = _BRACKETS.fullmatch(key)
    if found is None:
        return [key]
    return [found.group(1), *found.group(2)[1:-1].split("][")]


def _without_dots(value: object, depth: int) -> Any:  # noqa: ANN401  (JSON)
    """Return ``value`` with dotted keys as nested maps, at any depth."""
    if depth > MAX_DEPTH:
        raise SchemaError({"message": f"parameters are nested deeper than {MAX_DEPTH} levels"})
    if isinstance(value, list):
        return [_without_dots(item, depth + 1) for item in value]
    if not isinstance(value, Mapping):
        return value
    result: Parameters = {}
    for key, item in value.items():
        path = key.split(".")
        _place(result, path, _without_dots(item, depth + len(path)))
    return result


def _place(tree: Parameters, path: Iterable[str], value: object) -> None:
    """Put ``value`` into ``tree``: maps join what is there, anything else takes its place."""
    *parents, last = path
    for name in parents:
        child = tree.get(name)
        if not isinstance(child, dict):
            child = tree[name] = {}
        tree = child
    there = tree.get(last)
    if isinstance(there, dict) and isinstance(value, dict):
        for name, item in value.items():
            _place(there, (name,), item)
    else:
        tree[last] = value


def _check_text(fields: Parameters) -> None:
    """Refuse NUL characters and what is no Unicode: some databases cannot hold them."""
    bad = {
        name: f"{name} is not a valid text"
        for name, value in fields.items()
        if not (is_storable(name) and is_storable(value))
    }
    if bad:
        raise SchemaError(bad)
