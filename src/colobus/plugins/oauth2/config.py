"""``config`` of oauth2."""

from typing import Any
from uuid import uuid4

from pydantic import Field, model_validator

from colobus.model.schema import Array, Boolean, FieldErrors, Number, Schema, String
from colobus.plugins.authentication import Anonymous

__all__ = ["OAuth2Config"]

# Shown as required although there is a default, as in kong 0.10.
_REQUIRED: dict[str, Any] = {"required": True}
_OPTIONAL: dict[str, Any] = {"required": False}


class OAuth2Config(Schema):
    """``config`` of oauth2; ``token_expiration`` is in seconds, 0 for tokens that never expire."""

    scopes: Array[Any] | None = Field(default=None, json_schema_extra=_OPTIONAL)
    mandatory_scope: Boolean = Field(
        default=False, json_schema_extra={**_REQUIRED, "func": "function"}
    )
    provision_key: String = Field(
        default_factory=lambda: uuid4().hex, json_schema_extra={**_OPTIONAL, "unique": True}
    )
    token_expiration: Number = Field(default=7200, json_schema_extra=_REQUIRED)
    enable_authorization_code: Boolean = Field(default=False, json_schema_extra=_REQUIRED)
    enable_implicit_grant: Boolean = Field(default=False, json_schema_extra=_REQUIRED)
    enable_client_credentials: Boolean = Field(default=False, json_schema_extra=_REQUIRED)
    enable_password_grant: Boolean = Field(default=False, json_schema_extra=_REQUIRED)
    hide_credentials: Boolean = False
    accept_http_if_already_terminated: Boolean = Field(default=False, json_schema_extra=_OPTIONAL)
    anonymous: Anonymous = ""
    global_credentials: Boolean = False

    @model_validator(mode="after")
    def _can_work(self) -> "OAuth2Config":
        if self.mandatory_scope and not self.scopes:
            text = "To set a mandatory scope you also need to create available scopes"
            raise FieldErrors({"mandatory_scope": text})
        if not self.provision_key:
            raise FieldErrors({"provision_key": "provision_key is required"})
        if not (
            self.enable_authorization_code
            or self.enable_implicit_grant
            or self.enable_client_credentials
            or self.enable_password_grant
        ):
            raise ValueError("You need to enable at least one OAuth flow")
        return self
