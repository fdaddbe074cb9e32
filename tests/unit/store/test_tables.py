"""Tables follow from kinds."""

import pytest
from sqlalchemy import UniqueConstraint

from colobus.errors import PluginError
from colobus.model import Catalog, Entity, Kind
from colobus.store.tables import declare
from support.samples import CATALOG

TABLES = declare(CATALOG).entities


def test_hidden_columns_are_only_where_rows_expire() -> None:
    assert "expires_at" in TABLES["badges"].c
    assert "expires_at" not in TABLES["samples"].c


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("apis", set()),  # its name is found through the unique constraint
        ("consumers", set()),
        ("plugins", {"api_id", "consumer_id"}),
        ("nodes", {"expires_at"}),
        ("badges", {"consumer_id", "expires_at"}),
        ("stamps", {"badge_id", "api_id", "expires_at"}),
    ],
)
def test_what_rows_are_found_by_has_an_index(name: str, columns: set[str]) -> None:
    assert {index.columns[0].name for index in TABLES[name].indexes} == columns


def test_unique_groups_and_parents_are_constraints_as_well() -> None:
    groups = {
        tuple(column.name for column in constraint.columns)
        for constraint in TABLES["samples"].constraints
        if isinstance(constraint, UniqueConstraint)
    }
    assert groups == {("name",), ("label", "amount")}
    (key,) = TABLES["badges"].c.consumer_id.foreign_keys
    assert (key.target_fullname, key.ondelete) == ("consumers.id", "CASCADE")


@pytest.mark.parametrize(
    ("table", "column", "nullable"),
    [
        ("apis", "name", False),
        ("apis", "hosts", True),
        ("apis", "retries", True),
        ("plugins", "api_id", True),
        ("badges", "consumer_id", False),
    ],
)
def test_only_what_is_required_may_not_be_absent(table: str, column: str, nullable: bool) -> None:
    assert TABLES[table].c[column].nullable is nullable


@pytest.mark.parametrize("name", ["changes", "datastore", "schema_revisions"])
def test_an_entity_cannot_take_a_table_of_the_datastore(name: str) -> None:
    with pytest.raises(PluginError, match=f"entity '{name}' has the name of a table"):
        declare(Catalog([Kind(name=name, model=Entity)]))
