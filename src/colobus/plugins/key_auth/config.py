"""``config`` of key-auth."""

import re
from typing import Annotated, Any

from pydantic import Field

from colobus.model.schema import Array, Boolean, Check, Schema
from colobus.plugins.authentication import Anonymous

__all__ = ["KeyAuthConfig"]

_KEY_NAME = re.compile(r"[A-Za-z0-9_-]+")


def _check_key_names(names: list[Any]) -> list[str]:
    for name in names:
        if not isinstance(name, str) or _KEY_NAME.fullmatch(name) is None:
            raise ValueError(
                f"'{name}' is illegal: bad header name '{name}', allowed characters are"
                " A-Z, a-z, 0-9, '_', and '-'"
            )
    return names


class KeyAuthConfig(Schema):
    """``config`` of key-auth."""

    key_names: Annotated[Array[Any], Check(_check_key_names)] = Field(
        default_factory=lambda: ["apikey"], json_schema_extra={"required": True}
    )
    hide_credentials: Boolean = False
    anonymous: Anonymous = ""
    key_in_body: Boolean = False
