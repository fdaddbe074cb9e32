"""Old names of fields, and partial changes over a stored row."""

from typing import Any

import pytest

from colobus.admin.answer import empty
from colobus.admin.fields import merged, submitted, tables
from colobus.errors import SchemaError
from colobus.model import APIS, CONSUMERS, PLUGINS


def test_old_names_become_new_ones_and_are_warned_about() -> None:
    fields = submitted(APIS, {"name": "a", "request_host": "h", "strip_request_path": "true"})
    assert fields.values == {"name": "a", "hosts": "h", "strip_uri": "true"}
    assert fields.warn(empty(200)).headers == (
        ("warning", '299 colobus "request_host is now called hosts"'),
        ("warning", '299 colobus "strip_request_path is now called strip_uri"'),
    )
    assert submitted(CONSUMERS, {"request_host": "h"}).values == {"request_host": "h"}
    assert submitted(APIS, {"hosts": "h"}).warn(empty(200)).headers == ()


def test_a_field_under_both_names_is_refused() -> None:
    with pytest.raises(SchemaError) as caught:
        submitted(APIS, {"request_path": "/a", "uris": "/b"})
    assert caught.value.fields == {
        "request_path": "request_path is an old name of uris: use one of them"
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"a": 1, "list": [1, 2], "config": {"x": 1, "deep": {"y": 1, "z": [1]}}}),
        ({"a": 2, "b": 3}, {"a": 2, "b": 3, "list": [1, 2],
                            "config": {"x": 1, "deep": {"y": 1, "z": [1]}}}),
        ({"list": []}, {"a": 1, "list": [], "config": {"x": 1, "deep": {"y": 1, "z": [1]}}}),
        ({"list": {"1": 5}}, {"a": 1, "list": {"1": 5},
                              "config": {"x": 1, "deep": {"y": 1, "z": [1]}}}),
        ({"config": {"x": 2, "new": 1}},
         {"a": 1, "list": [1, 2], "config": {"x": 2, "new": 1, "deep": {"y": 1, "z": [1]}}}),
        ({"config": {"deep": {"z": {"1": 9}}}},
         {"a": 1, "list": [1, 2], "config": {"x": 1, "deep": {"y": 1, "z": {"1": 9}}}}),
        ({"config": {"x": {"now": "a table"}}},
         {"a": 1, "list": [1, 2],
          "config": {"x": {"now": "a table"}, "deep": {"y": 1, "z": [1]}}}),
        ({"config": "text"}, {"a": 1, "list": [1, 2], "config": "text"}),
    ],
)  # fmt: skip
def test_a_change_replaces_fields_and_joins_tables(
    changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    row = {"a": 1, "list": [1, 2], "config": {"x": 1, "deep": {"y": 1, "z": [1]}}}
    assert merged(row, changes, frozenset({"config"})) == expected
    assert row == {"a": 1, "list": [1, 2], "config": {"x": 1, "deep": {"y": 1, "z": [1]}}}


def test_tables_are_known_by_their_type() -> None:
    assert tables(PLUGINS) == {"config"}
    assert tables(APIS) == frozenset()
