"""``config`` of basic-auth."""

from colobus.model.schema import Boolean, Schema
from colobus.plugins.authentication import Anonymous

__all__ = ["BasicAuthConfig"]


class BasicAuthConfig(Schema):
    """``config`` of basic-auth."""

    anonymous: Anonymous = ""
    hide_credentials: Boolean = False
