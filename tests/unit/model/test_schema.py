"""Coercions and messages of the reference (admin-api §1.2, plugin-framework §5)."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, model_validator

from colobus.errors import SchemaError
from colobus.model.schema import (
    Array,
    Boolean,
    Check,
    Choice,
    FieldErrors,
    Id,
    Number,
    Schema,
    String,
    Table,
    Timestamp,
    Url,
    describe,
    is_uuid,
    validate,
)


def _positive(value: float) -> float:
    if value <= 0:
        raise ValueError("must be positive")
    return value


class Inner(Schema):
    host: String
    port: Number = 80


class Sample(Schema):
    name: String
    nick: String | None = None
    count: Annotated[Number, Check(_positive)] | None = None
    flag: Boolean = False
    items: Array[Any] | None = None
    letters: Array[Choice[Literal["a", "b"]]] | None = None
    mode: Choice[Literal["slow", "fast"]] = "slow"
    site: Url | None = None
    at: Timestamp | None = None
    owner: Id | None = None
    extra: Table | None = None
    inner: Inner | None = None
    computed: Array[String] = Field(default_factory=lambda: ["x"])

    @model_validator(mode="after")
    def _no_fast_nick(self) -> "Sample":
        if self.nick == "both":
            raise FieldErrors({"nick": "one", "name": "two"})
        if self.nick == "whole":
            raise ValueError("the whole is wrong")
        return self


def errors(data: dict[str, Any]) -> dict[str, Any]:
    with pytest.raises(SchemaError) as caught:
        validate(Sample, data)
    return caught.value.fields


@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [
        ("nick", "  padded ", "padded"),
        ("count", "5", 5),
        ("count", " 250 ", 250),
        ("count", 2.5, 2.5),
        ("count", 3.0, 3),
        ("count", "1e3", 1000),
        ("flag", "TRUE", True),
        ("flag", "false", False),
        ("items", "a, b ,c", ["a", "b", "c"]),
        ("items", "", []),
        ("items", {}, []),
        ("items", {"2": "b", "10": "j", "1": "a", **{str(n): n for n in range(3, 10)}},
         ["a", "b", 3, 4, 5, 6, 7, 8, 9, "j"]),
        ("items", [1, "x"], [1, "x"]),
        ("letters", "a,b", ["a", "b"]),
        ("site", "http://example.com:8080/a?b", "http://example.com:8080/a?b"),
        ("at", "1490000000000", 1490000000000),
        ("owner", "9A77AAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA", "9a77aaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"),
        ("extra", {"a": None}, {"a": None}),
        ("inner", {"host": "h"}, Inner(host="h")),
    ],
)  # fmt: skip
def test_input_is_coerced_to_its_declared_type(field: str, given: object, kept: object) -> None:
    assert getattr(validate(Sample, {"name": "n", field: given}), field) == kept


@pytest.mark.parametrize(
    ("field", "given", "message"),
    [
        ("name", 5, "name is not a string"),
        ("name", None, "name is not a string"),
        ("name", "", "name is required"),
        ("name", "   ", "name is required"),
        ("nick", None, "nick is not a string"),
        ("nick", True, "nick is not a string"),
        ("count", "x", "count is not a number"),
        ("count", "nan", "count is not a number"),
        ("count", "0x10", "count is not a number"),
        ("count", True, "count is not a number"),
        ("count", float("inf"), "count is not a number"),
        ("count", "-1", "must be positive"),
        ("flag", "yes", "flag is not a boolean"),
        ("flag", 1, "flag is not a boolean"),
        ("items", 5, "items is not an array"),
        ("items", {"1": "a", "3": "c"}, "items is not an array"),
        ("items", {"x": "a"}, "items is not an array"),
        ("letters", "a,x,y", '"x" is not allowed. Allowed values are: "a", "b"'),
        ("mode", "warp", '"warp" is not allowed. Allowed values are: "slow", "fast"'),
        ("site", "example.com", "site is not a url"),
        ("site", "http://", "site is not a url"),
        ("site", "http://example.com:99999", "site is not a url"),
        ("site", "http://example.com/\n", None),
        ("site", "http://exa mple.com/", "site is not a url"),
        ("at", "-1", "at is not a timestamp"),
        ("at", [], "at is not a timestamp"),
        ("owner", "xyz", "xyz is not a valid uuid"),
        ("extra", "x", "extra is not a table"),
        ("other", "x", "other is an unknown field"),
    ],
)
def test_what_does_not_fit_is_told_in_the_words_of_the_reference(
    field: str, given: object, message: str | None
) -> None:
    if message is None:  # outer white space is trimmed, not an error
        assert validate(Sample, {"name": "n", field: given}).site == "http://example.com/"
    else:
        assert errors({"name": "n", field: given}) == {field: message}


def test_all_errors_come_together_and_nested_ones_are_dotted() -> None:
    assert errors({"inner": {"port": "x", "more": 1}, "flag": "?"}) == {
        "name": "name is required",
        "flag": "flag is not a boolean",
        "inner.host": "host is required",
        "inner.port": "port is not a number",
        "inner.more": "more is an unknown field",
    }


def test_a_check_of_the_whole_runs_last_and_may_blame_fields() -> None:
    assert errors({"name": "n", "nick": "whole"}) == {"message": "the whole is wrong"}
    assert errors({"name": "n", "nick": "both"}) == {"nick": "one", "name": "two"}
    assert errors({"name": "n", "nick": "whole", "flag": "?"}) == {"flag": "flag is not a boolean"}


def test_a_schema_is_shown_as_clients_build_forms_from_it() -> None:
    assert describe(Sample) == {
        "self_check": "function",
        "fields": {
            "name": {"type": "string", "required": True},
            "nick": {"type": "string"},
            "count": {"type": "number", "func": "function"},
            "flag": {"type": "boolean", "default": False},
            "items": {"type": "array"},
            "letters": {"type": "array", "enum": ["a", "b"]},
            "mode": {"type": "string", "default": "slow", "enum": ["slow", "fast"]},
            "site": {"type": "url"},
            "at": {"type": "timestamp"},
            "owner": {"type": "id"},
            "extra": {"type": "table"},
            "inner": {
                "type": "table",
                "schema": {
                    "fields": {
                        "host": {"type": "string", "required": True},
                        "port": {"type": "number", "default": 80},
                    }
                },
            },
            "computed": {"type": "array", "default": "function"},
        },
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9a77aaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", True),
        ("9A77AAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA", True),
        ("9a77aaaaaaaa4aaa8aaaaaaaaaaaaaaa", False),
        ("{9a77aaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa}", False),
        ("urn:uuid:9a77aaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", False),
        ("", False),
    ],
)
def test_a_uuid_has_one_form(text: str, expected: bool) -> None:
    assert is_uuid(text) is expected
