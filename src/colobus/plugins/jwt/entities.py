"""The keys of consumers, with the secrets or public keys their tokens are checked by."""

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import uuid4

from pydantic import Field, model_validator

from colobus.model.kind import Collection, Entity, Kind
from colobus.model.schema import Check, Choice, Id, Row, String
from colobus.plugins.jwt.keys import MINIMUM_BITS, RECOMMENDED_BITS, rsa_key

__all__ = ["JWT_SECRETS", "JwtSecret"]


def _new() -> str:
    return uuid4().hex


def _generate_if_empty(text: str) -> str:
    # Anybody can sign with an empty secret.
    return text or _new()


Generated = Annotated[String, Check(_generate_if_empty)]


class JwtSecret(Entity):
    """One key of one consumer. Key and secret are generated when they are absent or empty."""

    consumer_id: Id
    key: Generated = Field(default_factory=_new)
    secret: Generated = Field(default_factory=_new)
    rsa_public_key: String | None = None
    algorithm: Choice[Literal["HS256", "RS256", "ES256"]] = "HS256"

    @model_validator(mode="after")
    def _has_what_its_algorithm_needs(self) -> "JwtSecret":
        if self.algorithm != "RS256":
            return self
        if not self.rsa_public_key:
            raise ValueError("no mandatory 'rsa_public_key'")
        key = rsa_key(self.rsa_public_key)
        if key is None:
            raise ValueError("'rsa_public_key' format is invalid")
        if key.key_size < MINIMUM_BITS:
            raise ValueError(f"'rsa_public_key' is shorter than {MINIMUM_BITS} bits")
        return self


def _notes(row: Row) -> Sequence[str]:
    if row["algorithm"] == "RS256":
        key = rsa_key(row["rsa_public_key"])
        if key is not None and key.key_size < RECOMMENDED_BITS:
            return [f"rsa_public_key is shorter than {RECOMMENDED_BITS} bits"]
    return ()


JWT_SECRETS = Kind(
    name="jwt_secrets",
    model=JwtSecret,
    alternate="key",
    parents={"consumer_id": "consumers"},
    unique=(("key",), ("secret",)),
    lookups=("key",),
    secrets=("secret",),
    created_at_ms=1000,
    collections=(Collection("/consumers/{consumer_id}/jwt"),),
    notes=_notes,
)
