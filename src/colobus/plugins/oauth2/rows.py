"""The rows of codes and tokens: made, and found again while they are good."""

from collections.abc import Sequence
from uuid import UUID

from colobus.errors import StoreUnavailableError
from colobus.model.kind import Kind
from colobus.model.schema import Row
from colobus.plugins.context import Capabilities, Deletion, Exchange, Insertion, ShortCircuit
from colobus.plugins.credentials import is_possible
from colobus.plugins.oauth2.config import OAuth2Config
from colobus.plugins.oauth2.entities import OAUTH2_CODES, OAUTH2_TOKENS

__all__ = ["CODE_LIFETIME_S", "Records", "is_bound_to", "is_expired"]

CODE_LIFETIME_S = 300
REFRESH_LIFETIME_S = 1_209_600
"""How long the row of a token that expires is kept: 14 days, in which it can be refreshed."""


class Records:
    """Reads and writes rows for one request, waiting for the datastore where need be."""

    def __init__(
        self, capabilities: Capabilities, exchange: Exchange, config: OAuth2Config
    ) -> None:
        self._capabilities = capabilities
        self._api_id: str | None = None if exchange.api is None else exchange.api["id"]
        self._config = config

    async def find(self, kind: Kind, field: str, value: str | None) -> Row | None:
        """Return the row whose unique ``field`` is ``value``.

        Raises:
            ShortCircuit: 503, the datastore gave no answer.
        """
        if value is None or not is_possible(value):
            return None
        lookups = self._capabilities.lookups
        rows: Sequence[Row] | None = lookups.cached(kind, field, value)
        if rows is None:
            try:
                rows = await lookups.fetch(kind, field, value)
            except StoreUnavailableError as exc:
                raise ShortCircuit(503) from exc
        return rows[0] if rows else None

    async def find_issued(self, kind: Kind, field: str, value: str | None) -> Row | None:
        """Return the code or token, if it was issued by this API or the API takes all."""
        row = await self.find(kind, field, value)
        if row is None or self._config.global_credentials:
            return row
        return row if row.get("api_id") == self._api_id else None

    async def issue_code(self, application: Row, user: str, scope: str | None) -> Row:
        """Make an authorization code.

        Raises:
            StoreError: the application is gone.
            ShortCircuit: 503, the datastore gave no answer.
        """
        row = self._row(application, user, scope) | {"code": self._new()}
        return await self._write(Insertion(OAUTH2_CODES, row, CODE_LIFETIME_S))

    async def issue_token(
        self,
        application: Row,
        user: str | None,
        scope: str | None,
        *,
        can_refresh: bool = True,
        used: Deletion | None = None,
    ) -> Row:
        """Make a token in place of ``used``, which nobody can use a second time.

        Raises:
            NotFoundError: ``used`` is used up already.
            StoreError: the application is gone.
            ShortCircuit: 503, the datastore gave no answer.
        """
        seconds = self._config.token_expiration
        row = self._row(application, user, scope) | {
            "token_type": "bearer",
            "expires_in": seconds,
            "access_token": self._new(),
        }
        if can_refresh and seconds > 0:
            row["refresh_token"] = self._new()
        lifetime = max(REFRESH_LIFETIME_S, seconds) if seconds > 0 else None
        steps: list[Insertion | Deletion] = [Insertion(OAUTH2_TOKENS, row, lifetime)]
        return await self._write(*steps, *([] if used is None else [used]))

    async def _write(self, *steps: Insertion | Deletion) -> Row:
        try:
            rows = await self._capabilities.writes.write(*steps)
        except StoreUnavailableError as exc:
            raise ShortCircuit(503) from exc
        return rows[0]

    def _row(self, application: Row, user: str | None, scope: str | None) -> Row:
        fields = {
            "api_id": None if self._config.global_credentials else self._api_id,
            "credential_id": application["id"],
            "authenticated_userid": user,
            "scope": scope,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def _new(self) -> str:
        return UUID(int=self._capabilities.random.getrandbits(128), version=4).hex


def is_bound_to(token: Row, api_id: str, config: OAuth2Config) -> bool:
    """Say whether the token is good for the API: made for it, or for all if it takes those."""
    bound = token.get("api_id")
    return config.global_credentials if bound is None else bound == api_id


def is_expired(row: Row, lifetime_s: float, now: float) -> bool:
    """Say whether the row is older than ``lifetime_s``; ``now`` is seconds since the epoch."""
    created_at_ms: int = row.get("created_at", 0)
    return now - created_at_ms / 1000 > lifetime_s
