"""``config`` of hmac-auth."""

from typing import Annotated

from colobus.model.schema import Boolean, Check, Number, Schema
from colobus.plugins.authentication import Anonymous

__all__ = ["HmacAuthConfig"]


def _check_skew(seconds: float) -> float:
    if seconds < 0:
        raise ValueError("Clock Skew should be positive")
    return seconds


class HmacAuthConfig(Schema):
    """``config`` of hmac-auth; ``clock_skew`` is in seconds."""

    hide_credentials: Boolean = False
    clock_skew: Annotated[Number, Check(_check_skew)] = 300
    anonymous: Anonymous = ""
