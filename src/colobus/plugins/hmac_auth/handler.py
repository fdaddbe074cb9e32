"""Checks the date and the signature of a request (reference: plugins.md, hmac-auth)."""

from collections.abc import Coroutine
from typing import Any

from colobus.model.consumers import CONSUMERS
from colobus.model.schema import Row
from colobus.plugins.authentication import Identity, identify, is_identified
from colobus.plugins.base import Plugin
from colobus.plugins.context import Exchange, Request, ShortCircuit
from colobus.plugins.credentials import is_possible, is_presented, presented
from colobus.plugins.hmac_auth.config import HmacAuthConfig
from colobus.plugins.hmac_auth.entities import HMACAUTH_CREDENTIALS
from colobus.plugins.hmac_auth.signature import (
    Signature,
    is_signed_by,
    parse_date,
    parse_signature,
    signing_text,
)
from colobus.plugins.questions import Questions, answered

__all__ = ["HmacAuth"]


class HmacAuth(Plugin):
    """Authenticates by a signature made with a shared secret."""

    name = "hmac-auth"
    priority = 999
    no_consumer = True
    Config = HmacAuthConfig
    kinds = (HMACAUTH_CREDENTIALS,)
    migrations = "colobus.plugins.hmac_auth.migrations"

    def access(
        self, exchange: Exchange, config: HmacAuthConfig
    ) -> Coroutine[Any, Any, None] | None:
        """Identify the consumer, or refuse."""
        if is_identified(exchange, config.anonymous):
            return None
        attempt = _authenticate(exchange.request, config, self.capabilities.clock.time())
        return answered(self.capabilities.lookups, identify(exchange, config.anonymous, attempt))


def _authenticate(request: Request, config: HmacAuthConfig, now: float) -> Questions[Identity]:
    """Return the consumer and the credential that signed the request.

    Raises:
        ShortCircuit: there is nothing to go by, or it is wrong.
    """
    if not is_presented(request):
        raise ShortCircuit(401, "Unauthorized")
    if not any(_is_recent(request, name, config, now) for name in ("X-Date", "Date")):
        raise ShortCircuit(
            403,
            "HMAC signature cannot be verified, a valid date or x-date header is required"
            " for HMAC Authentication",
        )
    found = yield from _find(request, config)
    if found is None:
        raise ShortCircuit(403, "HMAC signature cannot be verified")
    credential, signature, text = found
    if is_signed_by(credential.get("secret", ""), text, signature.signature):
        consumers = yield CONSUMERS, "id", credential["consumer_id"]
        if consumers:
            return consumers[0], credential
    raise ShortCircuit(403, "HMAC signature does not match")


def _is_recent(request: Request, name: str, config: HmacAuthConfig, now: float) -> bool:
    values = request.get_headers(name)
    date = parse_date(values[0]) if len(values) == 1 else None
    return date is not None and abs(now - date) <= config.clock_skew


def _find(request: Request, config: HmacAuthConfig) -> Questions[tuple[Row, Signature, str] | None]:
    """Return the credential of the username in the first signature, the signature, and its text."""
    for header in presented(request, hide=config.hide_credentials):
        signature = parse_signature(header)
        if signature is None:
            continue
        if not is_possible(signature.username):
            return None
        credentials = yield HMACAUTH_CREDENTIALS, "username", signature.username
        if not credentials:
            return None
        return credentials[0], signature, signing_text(request, signature.headers)
    return None
