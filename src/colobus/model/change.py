"""Changes: the rows of the log by which state moves between nodes (ARCHITECTURE.md, "The one idea")."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from colobus.model.schema import Row

__all__ = ["Change", "ChangeOperation", "Snapshot"]

ChangeOperation = Literal["insert", "update", "delete"]


@dataclass(frozen=True, slots=True)
class Change:
    """One entity changed.

    Attributes:
        revision: the transaction's number; all its changes share it.
        position: the place within the transaction, from 0.
        kind: the entity's :class:`~colobus.model.kind.Kind`, by name.
        operation: what happened.
        key: the entity's primary key.
        old_index: index values before (empty for an insert), secrets as tokens.
        new_index: index values after (empty for a delete), secrets as tokens.
        row: the entity after the change with secrets as tokens; None for a delete.
        origin: the node that wrote.
        at_ms: the writer's wall clock, for people; nothing is decided by it.
    """

    revision: int
    position: int
    kind: str
    operation: ChangeOperation
    key: str
    old_index: Mapping[str, str]
    new_index: Mapping[str, str]
    row: Row | None
    origin: str
    at_ms: int

    def pack(self) -> list[Any]:
        """Return the change as a list for the node bus."""
        return [
            self.revision, self.position, self.kind, self.operation, self.key,
            dict(self.old_index), dict(self.new_index), self.row, self.origin, self.at_ms,
        ]  # fmt: skip

    @classmethod
    def unpack(cls, packed: Sequence[Any]) -> "Change":
        """Return the change that :meth:`pack` made ``packed`` of."""
        return cls(*packed)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Rows read together with the revision they are true at; kind name -> rows."""

    revision: int
    rows: Mapping[str, Sequence[Row]]
