"""Applications of consumers, and the codes and tokens that are issued to them."""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import uuid4

from pydantic import Field

from colobus.model.kind import Collection, Entity, Kind
from colobus.model.schema import Array, Check, Choice, Id, Number, String

__all__ = ["OAUTH2_CODES", "OAUTH2_CREDENTIALS", "OAUTH2_TOKENS"]


def _new() -> str:
    return uuid4().hex


def _generate_if_empty(text: str) -> str:
    # Anybody knows an empty secret.
    return text or _new()


def _check_redirect_uris(uris: list[Any]) -> list[str]:
    if not uris:
        raise ValueError("at least one URI is required")
    for uri in uris:
        try:
            parts = urlsplit(uri if isinstance(uri, str) else "")
            usable = bool(parts.scheme and parts.netloc)
        except ValueError:
            usable = False
        if not usable:
            raise ValueError(f"cannot parse '{uri}'")
        if "#" in uri:
            raise ValueError(f"fragment not allowed in '{uri}'")
    return uris


Generated = Annotated[String, Check(_generate_if_empty)]


class Application(Entity):
    """One application of one consumer; its id and secret are generated when they are not given."""

    consumer_id: Id
    name: String
    client_id: Generated = Field(default_factory=_new)
    client_secret: Generated = Field(default_factory=_new)
    redirect_uri: Annotated[Array[Any], Check(_check_redirect_uris)]


class AuthorizationCode(Entity):
    """What an application exchanges for a token, once and soon."""

    api_id: Id | None = None
    credential_id: Id
    code: Generated = Field(default_factory=_new)
    authenticated_userid: String | None = None
    scope: String | None = None


class Token(Entity):
    """An access token, and the refresh token that replaces it; ``expires_in`` is in seconds."""

    api_id: Id | None = None
    credential_id: Id
    token_type: Choice[Literal["bearer"]] = "bearer"  # noqa: S105  (no password)
    expires_in: Number
    access_token: Generated = Field(default_factory=_new)
    refresh_token: String | None = None
    authenticated_userid: String | None = None
    scope: String | None = None


OAUTH2_CREDENTIALS = Kind(
    name="oauth2_credentials",
    model=Application,
    alternate="client_id",
    parents={"consumer_id": "consumers"},
    unique=(("client_id",), ("client_secret",)),
    lookups=("client_id",),
    secrets=("client_secret",),
    created_at_ms=1000,
    collections=(
        Collection("/consumers/{consumer_id}/oauth2"),
        Collection("/oauth2", read_only=True),
    ),
)

OAUTH2_CODES = Kind(
    name="oauth2_authorization_codes",
    model=AuthorizationCode,
    parents={"api_id": "apis", "credential_id": "oauth2_credentials"},
    unique=(("code",),),
    lookups=("code",),
    secrets=("code",),
    expires=True,
    created_at_ms=1000,
)

OAUTH2_TOKENS = Kind(
    name="oauth2_tokens",
    model=Token,
    alternate="access_token",
    parents={"api_id": "apis", "credential_id": "oauth2_credentials"},
    unique=(("access_token",), ("refresh_token",)),
    lookups=("access_token", "refresh_token"),
    secrets=("access_token", "refresh_token"),
    expires=True,
    created_at_ms=1000,
    collections=(Collection("/oauth2_tokens"),),
)
