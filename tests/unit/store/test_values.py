"""Field types of a kind, and what can be found in a column."""

from typing import Any

import pytest

from colobus.errors import PluginError
from colobus.model import APIS, NODES, PLUGINS, Entity, Kind
from colobus.model.schema import Number
from colobus.store.values import column_types, comparable, criteria, is_exact, is_storable
from support.samples import SAMPLES

NOBODY = "00000000-0000-4000-8000-00000000000a"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            SAMPLES,
            {
                "id": "id", "created_at": "timestamp", "name": "string", "label": "string",
                "size": "number", "amount": "integer", "flag": "boolean", "seen_at": "timestamp",
                "tags": "array", "settings": "table", "link": "url",
            },
        ),
        (
            APIS,
            {
                "retries": "integer", "upstream_connect_timeout": "integer", "hosts": "array",
                "upstream_url": "url", "strip_uri": "boolean",
            },
        ),
        (PLUGINS, {"config": "table", "api_id": "id", "enabled": "boolean"}),
        (NODES, {"name": "string", "created_at": "timestamp"}),
    ],
)  # fmt: skip
def test_columns_have_the_types_of_their_fields(kind: Kind, expected: dict[str, str]) -> None:
    types = column_types(kind)
    assert types.keys() == kind.model.model_fields.keys()
    assert {name: types[name] for name in expected} == expected


def test_a_field_without_a_type_of_the_schema_is_refused() -> None:
    class Untyped(Entity):
        size: Number
        text: str

    with pytest.raises(PluginError, match="field 'text' of entity 'untyped' has no type"):
        column_types(Kind(name="untyped", model=Untyped))


@pytest.mark.parametrize(
    ("type_name", "value", "found"),
    [
        ("id", NOBODY, NOBODY),
        ("id", NOBODY.upper(), NOBODY),
        ("id", NOBODY.replace("-", ""), None),
        ("id", f"{{{NOBODY}}}", None),
        ("id", 1, None),
        ("string", "", ""),
        ("string", "é", "é"),
        ("string", "\0", None),
        ("string", 1, None),
        ("string", True, None),
        ("url", "http://x", "http://x"),
        ("integer", 0, 0),
        ("integer", 3.0, 3),
        ("integer", 3.5, None),
        ("integer", 2**63 - 1, 2**63 - 1),
        ("integer", 2**63, None),
        ("integer", -(2**63), -(2**63)),
        ("integer", float("nan"), None),
        ("integer", float("inf"), None),
        ("integer", False, None),
        ("number", 3.5, 3.5),
        ("number", 3, 3),
        ("number", float("nan"), None),
        ("number", float("inf"), None),
        ("number", 10**400, None),
        ("timestamp", 1, 1),
        ("timestamp", "1", None),
        ("boolean", False, False),
        ("boolean", 0, None),
        ("boolean", "false", None),
        ("array", [], []),
        ("array", {}, None),
        ("table", {}, {}),
        ("table", [], None),
        ("table", (1,), None),
    ],
)
def test_what_no_column_of_the_type_can_hold_is_not_looked_for(
    type_name: str, value: object, found: object
) -> None:
    result = comparable(type_name, value)
    assert result == found
    assert type(result) is type(found)


def test_criteria_tell_an_absent_field_from_a_value_that_nothing_can_equal() -> None:
    assert criteria(SAMPLES, {"label": None, "amount": 3.0}) == {"label": None, "amount": 3}
    assert criteria(SAMPLES, {"label": None, "amount": 3.5}) is None
    assert criteria(SAMPLES, {}) == {}
    with pytest.raises(KeyError):
        criteria(SAMPLES, {"colour": "red"})


def test_a_look_up_value_must_be_what_is_stored_to_the_letter() -> None:
    assert is_exact("id", NOBODY)
    assert not is_exact("id", NOBODY.upper())
    assert is_exact("string", "Bob")
    assert not is_exact("string", "\ud800")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", True),
        ("line\nbreak \u2028 \U0001f600", True),
        ("\0", False),
        ("a\ud800", False),
        (["a", ["\udfff"]], False),
        ({"a": {"\0": 1}}, False),
        ({"a": [None, 1, 1.5, True, "b"]}, True),
    ],
)
def test_nul_and_lone_surrogates_cannot_be_stored(value: Any, expected: bool) -> None:
    assert is_storable(value) is expected
