"""The usernames and passwords of consumers."""

from pydantic import model_validator

from colobus.model.kind import Collection, Entity, Kind
from colobus.model.schema import FieldErrors, Id, Row, String
from colobus.plugins.basic_auth.passwords import digest

__all__ = ["BASICAUTH_CREDENTIALS", "BasicAuthCredential"]


class BasicAuthCredential(Entity):
    """One username of one consumer. A password is stored, and shown, as its digest."""

    consumer_id: Id
    username: String
    password: String | None = None

    @model_validator(mode="after")
    def _needs_a_password(self) -> "BasicAuthCredential":
        # kong 0.10 hashes the text "nil" instead, which a header without a colon then matches.
        # It is asked for once everything else is right, so other answers stay as they were.
        if not self.password:
            raise FieldErrors({"password": "password is required"})
        return self


def _with_digest(row: Row, before: Row | None) -> Row:
    """Replace the password by its digest, unless it is the stored digest that came back."""
    if before is not None and row["password"] == before.get("password"):
        return row
    return {**row, "password": digest(row["password"], row["consumer_id"])}


BASICAUTH_CREDENTIALS = Kind(
    name="basicauth_credentials",
    model=BasicAuthCredential,
    alternate="username",
    parents={"consumer_id": "consumers"},
    unique=(("username",),),
    lookups=("username",),
    secrets=("password",),
    created_at_ms=1000,
    collections=(Collection("/consumers/{consumer_id}/basic-auth"),),
    prepare=_with_digest,
)
