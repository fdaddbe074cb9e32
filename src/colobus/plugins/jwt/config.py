"""``config`` of jwt."""

from typing import Any, Literal

from pydantic import Field

from colobus.model.schema import Array, Boolean, Schema, String
from colobus.plugins.authentication import Anonymous

__all__ = ["JwtConfig"]


class JwtConfig(Schema):
    """``config`` of jwt."""

    uri_param_names: Array[Any] = Field(default=["jwt"])
    key_claim_name: String = "iss"
    secret_is_base64: Boolean = False
    claims_to_verify: Array[Literal["exp", "nbf"]] | None = None
    anonymous: Anonymous = ""
