"""Consumers: who calls APIs (reference: admin-api §1.10 "Consumer")."""

from pydantic import model_validator

from colobus.model.kind import Collection, Entity, Kind
from colobus.model.schema import FieldErrors, String

__all__ = ["CONSUMERS", "Consumer"]


class Consumer(Entity):
    """One consumer, known by a ``username``, by the ``custom_id`` of another system, or both."""

    username: String | None = None
    custom_id: String | None = None

    @model_validator(mode="after")
    def _needs_a_name(self) -> "Consumer":
        if not (self.username or self.custom_id):
            text = "At least a 'custom_id' or a 'username' must be specified"
            raise FieldErrors({"custom_id": text, "username": text})
        return self


CONSUMERS = Kind(
    name="consumers",
    model=Consumer,
    alternate="username",
    unique=(("username",), ("custom_id",)),
    lookups=("username", "custom_id"),
    collections=(Collection("/consumers"),),
    patch_needs_field=True,
)
