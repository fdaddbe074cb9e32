"""The usernames of consumers, with the secrets they sign with."""

from typing import Annotated
from uuid import uuid4

from pydantic import Field

from colobus.model.kind import Collection, Entity, Kind
from colobus.model.schema import Check, Id, String

__all__ = ["HMACAUTH_CREDENTIALS", "HmacAuthCredential"]


def _new_secret() -> str:
    return uuid4().hex


def _generate_if_empty(secret: str) -> str:
    # Anybody can sign with an empty secret.
    return secret or _new_secret()


class HmacAuthCredential(Entity):
    """One username of one consumer; its secret is generated when it is absent or empty."""

    consumer_id: Id
    username: String
    secret: Annotated[String, Check(_generate_if_empty)] = Field(default_factory=_new_secret)


HMACAUTH_CREDENTIALS = Kind(
    name="hmacauth_credentials",
    model=HmacAuthCredential,
    alternate="username",
    parents={"consumer_id": "consumers"},
    unique=(("username",),),
    lookups=("username",),
    secrets=("secret",),
    created_at_ms=1000,
    collections=(Collection("/consumers/{consumer_id}/hmac-auth"),),
)
