"""Typed fields that take what Kong's Admin API takes and answer in its words.

Entities and plugin configurations are pydantic models over the field types of this module.
:func:`validate` turns input into a model or raises :class:`~colobus.errors.SchemaError` with the
messages of the reference (admin-api §1.2 "Typed coercion", plugin-framework §5);
:func:`describe` shows a model the way ``GET /plugins/schema/{name}`` does.

It knows nothing of stores, routes or plugins.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError, core_schema

from colobus.errors import SchemaError

__all__ = [
    "Array",
    "Boolean",
    "Check",
    "Choice",
    "FieldErrors",
    "FieldType",
    "Flexible",
    "Id",
    "Number",
    "Row",
    "Schema",
    "String",
    "Table",
    "Timestamp",
    "Url",
    "coerce",
    "describe",
    "is_uuid",
    "validate",
    "whole_numbers",
]

type_error = "colobus_type"
"""pydantic error type raised by every coercion of this module."""

Row = dict[str, Any]
"""An entity as it is stored and travels: field -> JSON value, absent instead of None."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FieldType:
    """Marks a field with Kong's name of its type (``string``, ``array`` …)."""

    name: str


@dataclass(frozen=True, slots=True)
class Check:
    """A field's own rule, run after its type and enum were found right.

    ``rule`` takes the value and returns it, normalised if need be, or raises ValueError with the
    message of the reference. ``whole`` says that a number it lets pass is always an integer.
    ``asks_context`` has ``rule`` take the context of the validation as well: a
    :class:`~colobus.model.kind.ValidationContext` where a row is written, None where a stored one
    is loaded.
    """

    rule: Callable[..., Any]
    whole: bool = False
    asks_context: bool = False

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Run the rule behind the field's own schema (a hook of pydantic)."""
        if not self.asks_context:
            return core_schema.no_info_after_validator_function(self.rule, handler(source))
        return core_schema.with_info_after_validator_function(
            lambda value, info: self.rule(value, info.context), handler(source)
        )


class FieldErrors(ValueError):  # noqa: N818  (several errors of one entity)
    """Raised by a check that blames certain fields below the one it checks: field -> message(s)."""

    def __init__(self, fields: Mapping[str, str | list[str]]) -> None:
        super().__init__(", ".join(fields))
        self.fields = dict(fields)


class _Null:
    """Stands for a JSON null, which fails every type check (admin-api §1.2)."""

    def __repr__(self) -> str:
        return "null"


_NULL = _Null()
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_LARGEST_NUMBER = sys.float_info.max


def _mismatch(kind: str) -> PydanticCustomError:
    return PydanticCustomError(type_error, kind)


def _to_string(value: object) -> str:
    if not isinstance(value, str):
        raise _mismatch("string")
    return value.strip()


def _to_number(value: object) -> int | float:
    if isinstance(value, bool):
        raise _mismatch("number")
    if isinstance(value, str):
        text = value.strip()
        if _NUMBER.fullmatch(text) is None:
            raise _mismatch("number")
        value = float(text)
    if not isinstance(value, (int, float)) or not abs(value) <= _LARGEST_NUMBER:
        raise _mismatch("number")
    # Beyond 64 bits a number travels as a float: the node bus and databases hold no such integer.
    return int(value) if value == int(value) and abs(value) < 2**63 else float(value)


def _to_boolean(value: object) -> bool:
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.strip().lower())
    if not isinstance(value, bool):
        raise _mismatch("boolean")
    return value


def _to_array(value: object) -> list[Any]:
    """Take a list, a map keyed 1..n, or a string split on commas."""
    if isinstance(value, str):
        return [item.strip() for item in value.split(",")] if value.strip() else []
    if isinstance(value, Mapping):
        try:
            pairs = sorted((int(key), item) for key, item in value.items())
        except (TypeError, ValueError):
            raise _mismatch("array") from None
        if [position for position, _ in pairs] != list(range(1, len(pairs) + 1)):
            raise _mismatch("array")
        return [item for _, item in pairs]
    if isinstance(value, list):
        return value
    raise _mismatch("array")


def _to_table(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _mismatch("table")
    return dict(value)


def _to_url(value: object) -> str:
    if not isinstance(value, str):
        raise _mismatch("url")
    text = value.strip()
    try:
        parts = urlsplit(text)
        usable = bool(parts.scheme and parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or any(c <= " " or c == "\x7f" for c in text):
        raise _mismatch("url")
    return text


def _to_timestamp(value: object) -> int:
    try:
        number = _to_number(value)
    except PydanticCustomError:
        raise _mismatch("timestamp") from None
    if not 0 < number < 2**63:
        raise _mismatch("timestamp")
    return int(number)


def is_uuid(text: str) -> bool:
    """Say whether ``text`` has the form 8-4-4-4-12 hexadecimal digits, in any case."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _to_id(value: object) -> str:
    if not isinstance(value, str) or not is_uuid(value.strip()):
        raise ValueError(f"{value} is not a valid uuid")
    return value.strip().lower()


_COERCIONS: Mapping[str, Callable[[object], Any]] = {
    "string": _to_string,
    "number": _to_number,
    "boolean": _to_boolean,
    "array": _to_array,
    "table": _to_table,
    "url": _to_url,
    "timestamp": _to_timestamp,
    "id": _to_id,
}
"""Kong's name of a type -> what takes input for it."""

String = Annotated[str, FieldType("string"), BeforeValidator(_to_string)]
Number = Annotated[int | float, FieldType("number"), BeforeValidator(_to_number)]
Boolean = Annotated[bool, FieldType("boolean"), BeforeValidator(_to_boolean)]
Array = Annotated[list[T], FieldType("array"), BeforeValidator(_to_array)]
Table = Annotated[dict[str, Any], FieldType("table"), BeforeValidator(_to_table)]
Flexible = Annotated[dict[str, T], FieldType("table"), BeforeValidator(_to_table)]
"""A table of tables under names of one's own: ``Flexible[Limits]``."""
Url = Annotated[str, FieldType("url"), BeforeValidator(_to_url)]
Timestamp = Annotated[int, FieldType("timestamp"), BeforeValidator(_to_timestamp)]
Id = Annotated[str, FieldType("id"), BeforeValidator(_to_id)]
Choice = Annotated[T, FieldType("string"), BeforeValidator(_to_string)]
"""A string out of a ``Literal``: ``Choice[Literal["ip", "consumer"]]``."""


class Schema(BaseModel):
    """Base of every entity and plugin configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    @model_validator(mode="before")
    @classmethod
    def _kong_input(cls, data: object) -> object:
        """Make a null fail its type check, and a blank required field a missing one."""
        if not isinstance(data, Mapping):
            raise _mismatch("table")
        required = {name for name, info in cls.model_fields.items() if info.is_required()}
        return {
            name: _NULL if value is None else value
            for name, value in data.items()
            if not (name in required and isinstance(value, str) and not value.strip())
        }


M = TypeVar("M", bound=Schema)


def validate(model: type[M], data: Mapping[str, Any], context: object = None) -> M:
    """Return ``data`` as ``model``.

    Raises:
        SchemaError: field path -> message(s); ``message`` for what concerns the whole.
    """
    try:
        return model.model_validate(data, context=context)
    except ValidationError as exc:
        raise SchemaError(_messages(exc.errors(include_url=False))) from None


def _messages(errors: Sequence[ErrorDetails]) -> dict[str, str | list[str]]:
    found: dict[str, list[str]] = {}
    first_item: set[str] = set()
    for error in errors:
        path = ".".join(str(part) for part in error["loc"] if not isinstance(part, int))
        if any(isinstance(part, int) for part in error["loc"]):
            if path in first_item:
                continue  # of a list, the first bad item is the one that is named
            first_item.add(path)
        for field, texts in _message(error, path):
            found.setdefault(field or "message", []).extend(texts)
    return {field: texts[0] if len(texts) == 1 else texts for field, texts in found.items()}


def _message(error: ErrorDetails, path: str) -> list[tuple[str, list[str]]]:
    """Return field path -> messages of one pydantic error at ``path``."""
    name = path.rpartition(".")[2]
    kind = error["type"]
    if kind == "missing":
        return [(path, [f"{name} is required"])]
    if kind == "extra_forbidden":
        return [(path, [f"{name} is an unknown field"])]
    if kind == "literal_error":
        allowed = ", ".join(
            f'"{value}"' for value in re.findall(r"'([^']*)'", error["ctx"]["expected"])
        )
        return [(path, [f'"{error["input"]}" is not allowed. Allowed values are: {allowed}'])]
    if kind == "value_error":
        cause = error["ctx"]["error"]
        if isinstance(cause, FieldErrors):
            prefix = path + "." if path else ""
            return [
                (prefix + field, text if isinstance(text, list) else [text])
                for field, text in cause.fields.items()
            ]
        return [(path, [str(cause)])]
    wanted = error["msg"] if kind == type_error else kind.partition("_")[0]
    return [(path, [_not_a(name, wanted)])]


def _not_a(name: str, wanted: str) -> str:
    article = "an" if wanted[0] in "aeio" else "a"
    return f"{name} is not {article} {wanted}"


def coerce(model: type[Schema], name: str, value: object) -> object:
    """Return ``value`` as the type of the field ``name`` takes it; its own checks do not run.

    Raises:
        SchemaError: the type cannot take it.
    """
    info = model.model_fields[name]
    types = [
        item.name
        for item in (*info.metadata, *_inner_metadata(info.annotation))
        if isinstance(item, FieldType)
    ]
    try:
        return _COERCIONS[types[0]](_NULL if value is None else value)
    except PydanticCustomError as exc:
        raise SchemaError({name: _not_a(name, exc.message())}) from None
    except ValueError as exc:
        raise SchemaError({name: str(exc)}) from None


def describe(model: type[Schema]) -> dict[str, Any]:
    """Return ``model`` as ``GET /plugins/schema/{name}`` shows it (plugins.md, Appendix C)."""
    shown: dict[str, Any] = {
        "fields": {name: _describe_field(info) for name, info in model.model_fields.items()}
    }
    decorators = model.__pydantic_decorators__.model_validators
    if any(decorator.info.mode == "after" for decorator in decorators.values()):
        shown["self_check"] = "function"
    return shown


def whole_numbers(model: type[Schema]) -> frozenset[str]:
    """Return the fields whose check lets only integers pass."""
    return frozenset(
        name
        for name, info in model.model_fields.items()
        for item in (*info.metadata, *_inner_metadata(info.annotation))
        if isinstance(item, Check) and item.whole
    )


def _describe_field(info: FieldInfo) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    metadata = [*info.metadata, *_inner_metadata(info.annotation)]
    types = [item.name for item in metadata if isinstance(item, FieldType)]
    if types:
        shown["type"] = types[0]
    if info.is_required():
        shown["required"] = True
    if isinstance(info.json_schema_extra, dict):
        shown |= info.json_schema_extra
    nested = _nested(info.annotation)
    if nested is not None:
        return {**shown, "type": "table", "schema": nested}
    if info.default_factory is not None:
        shown["default"] = "function"
    elif not info.is_required() and info.default is not None:
        shown["default"] = info.default
    if any(isinstance(item, Check) for item in metadata):
        shown["func"] = "function"
    enum = _literals(info.annotation)
    if enum:
        shown["enum"] = enum
    return shown


def _nested(annotation: object) -> dict[str, Any] | None:
    """Return the schema within a field, if it has one; ``flexible`` with names of one's own."""
    if isinstance(annotation, type) and issubclass(annotation, Schema):
        return describe(annotation)
    for part in get_args(annotation):
        found = _nested(part)
        if found is not None:
            return {"flexible": True, **found} if get_origin(annotation) is dict else found
    return None


def _inner_metadata(annotation: object) -> list[object]:
    """Return the metadata of ``Annotated[…] | None``, which pydantic leaves inside the union."""
    return [
        item
        for part in get_args(annotation)
        if get_origin(part) is Annotated
        for item in get_args(part)[1:]
    ]


def _literals(annotation: object) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(value) for value in get_args(annotation)]
    for part in get_args(annotation):
        found = _literals(part)
        if found:
            return found
    return []
