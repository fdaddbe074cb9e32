"""``config`` of acl."""

from typing import Any

from pydantic import model_validator

from colobus.model.schema import Array, Schema

__all__ = ["AclConfig"]


class AclConfig(Schema):
    """``config`` of acl: one of the two lists of groups."""

    whitelist: Array[Any] | None = None
    blacklist: Array[Any] | None = None

    @model_validator(mode="after")
    def _has_one_list(self) -> "AclConfig":
        if self.whitelist and self.blacklist:
            raise ValueError("You cannot set both a whitelist and a blacklist")
        if not (self.whitelist or self.blacklist):
            raise ValueError("You must set at least a whitelist or blacklist")
        return self
