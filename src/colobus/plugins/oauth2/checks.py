"""What both endpoints of the provider ask first (reference: plugins.md, oauth2)."""

import hmac

from colobus.model.schema import Row
from colobus.plugins.context import Exchange
from colobus.plugins.oauth2.answers import OAuth2Error
from colobus.plugins.oauth2.config import OAuth2Config
from colobus.plugins.oauth2.parameters import Parameters

__all__ = [
    "INVALID_CLIENT",
    "check_https",
    "check_provision_key",
    "check_redirect_uri",
    "is_secret",
    "user_of",
]

INVALID_CLIENT = ("invalid_client", "Invalid client authentication")


def check_https(exchange: Exchange, config: OAuth2Config) -> None:
    """Refuse what did not come over HTTPS, to the gateway or to a proxy in front that is trusted.

    Raises:
        OAuth2Error: it did not.
    """
    request = exchange.request
    if request.scheme == "https":
        return
    if config.accept_http_if_already_terminated and exchange.is_from_trusted:
        proto = request.get_header("X-Forwarded-Proto")
        if proto is not None and proto.lower() == "https":
            return
        if proto == "":  # that is how several of them are seen
            raise OAuth2Error("access_denied", "Only one X-Forwarded-Proto header allowed")
    raise OAuth2Error("access_denied", "You must use HTTPS")


def check_provision_key(config: OAuth2Config, parameters: Parameters) -> None:
    """Make sure that the provider's own application asks.

    Raises:
        OAuth2Error: it does not know the key.
    """
    if not is_secret(parameters.get("provision_key"), config.provision_key):
        raise OAuth2Error("invalid_provision_key", "Invalid provision_key")


def user_of(parameters: Parameters) -> str:
    """Return the user that the provider has authenticated.

    Raises:
        OAuth2Error: it names none.
    """
    user = parameters.get("authenticated_userid")
    if user is None:
        raise OAuth2Error("invalid_authenticated_userid", "Missing authenticated_userid parameter")
    return user


def check_redirect_uri(application: Row, given: str | None) -> str:
    """Return where the answer goes: the URI that is given, or the first one.

    Raises:
        OAuth2Error: the application has no such URI.
    """
    registered: list[str] = application["redirect_uri"]
    if given is None:
        return registered[0]
    if given not in registered:
        raise OAuth2Error(
            "invalid_request",
            "Invalid redirect_uri that does not match with any redirect_uri created with"
            " the application",
        )
    return given


def is_secret(given: str | None, secret: str) -> bool:
    """Say whether a client knows a secret; takes as long for anything it says."""
    if not given or not secret:
        return False
    return hmac.compare_digest(
        given.encode("utf-8", "surrogateescape"), secret.encode("utf-8", "surrogateescape")
    )
