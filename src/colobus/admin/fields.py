"""Fields that a client submits: old names understood, partial changes merged over a stored row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from colobus.admin.answer import Answer
from colobus.errors import SchemaError
from colobus.model.kind import Kind
from colobus.model.schema import Row, describe

__all__ = ["Fields", "merged", "submitted", "tables"]


@dataclass(frozen=True, slots=True)
class Fields:
    """Values by field, and the old names that some of them came under."""

    values: dict[str, Any]
    old_names: Mapping[str, str]

    def warn(self, answer: Answer) -> Answer:
        """Return ``answer`` with a warning for each old name."""
        for old, new in self.old_names.items():
            answer = answer.with_header("warning", f'299 colobus "{old} is now called {new}"')
        return answer


def submitted(kind: Kind, parameters: Mapping[str, Any]) -> Fields:
    """Return ``parameters`` by the names that the fields of ``kind`` have now.

    Raises:
        SchemaError: a field comes under both of its names.
    """
    old_names = {old: new for old, new in kind.old_names.items() if old in parameters}
    both = {
        old: f"{old} is an old name of {new}: use one of them"
        for old, new in old_names.items()
        if new in parameters
    }
    if both:
        raise SchemaError({**both})
    return Fields({old_names.get(name, name): parameters[name] for name in parameters}, old_names)


def tables(kind: Kind) -> frozenset[str]:
    """Return the fields of ``kind`` that hold objects."""
    fields = describe(kind.model)["fields"]
    return frozenset(name for name, shown in fields.items() if shown.get("type") == "table")


def merged(row: Row, changes: Mapping[str, Any], tables: frozenset[str]) -> Row:
    """Return ``row`` with ``changes`` in it, fields in ``tables`` merged key by key."""
    return {
        **row,
        **{
            name: _merged_table(row.get(name), value) if name in tables else value
            for name, value in changes.items()
        },
    }


def _merged_table(stored: object, change: object) -> object:
    if not (isinstance(stored, dict) and isinstance(change, dict)):
        return change
    return {
        **stored,
        **{name: _merged_table(stored.get(name), value) for name, value in change.items()},
    }
