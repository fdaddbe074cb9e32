"""What a token may be used for."""

from colobus.plugins.oauth2.answers import OAuth2Error
from colobus.plugins.oauth2.config import OAuth2Config

__all__ = ["granted_scope"]


def granted_scope(config: OAuth2Config, wanted: str | None) -> str | None:
    """Return the scope that a client gets which asks for ``wanted``; where there are none, none.

    Raises:
        OAuth2Error: one of the scopes is not to be had, or one is needed.
    """
    if config.scopes and wanted:
        items = wanted.split()
        for item in items:
            if item not in config.scopes:
                raise OAuth2Error("invalid_scope", f'"{item}" is an invalid scope')
        return " ".join(items)
    if config.mandatory_scope:
        raise OAuth2Error("invalid_scope", "You must specify a scope")
    return None
