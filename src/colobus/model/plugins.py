"""Plugin rows: which plugin runs where, with which configuration (admin-api §1.10 "Plugin")."""

from typing import Any

from pydantic import Field, ValidationInfo, field_validator, model_validator

from colobus.errors import SchemaError
from colobus.model.kind import Collection, Entity, Kind, ValidationContext
from colobus.model.schema import Boolean, FieldErrors, Id, String, Table, validate

__all__ = ["PLUGINS", "PluginRow"]


class PluginRow(Entity):
    """One plugin configured for an API, a consumer, both, or (with neither) for every request.

    Validated with a :class:`~colobus.model.kind.ValidationContext`, ``config`` is checked by the
    schema of the plugin that ``name`` means, and gets that schema's defaults.
    """

    name: String
    api_id: Id | None = None
    consumer_id: Id | None = None
    config: Table = Field(default={}, validate_default=True)
    enabled: Boolean = True

    @field_validator("config", mode="after")
    @classmethod
    def _check_config(cls, config: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        name = info.data.get("name")
        if name is None or not isinstance(info.context, ValidationContext):
            return config
        plugin = info.context.plugins.get(name)
        if plugin is None:
            raise ValueError(f'Plugin "{name}" not found')
        try:
            checked = validate(plugin.config, config, info.context)
        except SchemaError as exc:
            if "message" in exc.fields:
                raise ValueError(exc.fields["message"]) from None
            raise FieldErrors(exc.fields) from None
        return checked.model_dump(exclude_none=True)

    @model_validator(mode="after")
    def _consumer_allowed(self, info: ValidationInfo) -> "PluginRow":
        if isinstance(info.context, ValidationContext) and self.consumer_id is not None:
            plugin = info.context.plugins.get(self.name)
            if plugin is not None and plugin.no_consumer:
                raise ValueError("No consumer can be configured for that plugin")
        return self


PLUGINS = Kind(
    name="plugins",
    model=PluginRow,
    replace_key=("id", "name"),
    parents={"api_id": "apis", "consumer_id": "consumers"},
    unique=(("name", "api_id", "consumer_id"),),
    resident=True,
    collections=(Collection("/plugins"), Collection("/apis/{api_id}/plugins")),
)
