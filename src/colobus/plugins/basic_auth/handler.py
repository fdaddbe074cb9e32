"""Checks username and password (RFC 7617; reference: plugins.md, basic-auth)."""

from collections.abc import Coroutine
from typing import Any

from colobus.model.consumers import CONSUMERS
from colobus.model.schema import Row
from colobus.plugins.authentication import Identity, identify, is_identified
from colobus.plugins.base import Plugin
from colobus.plugins.basic_auth.config import BasicAuthConfig
from colobus.plugins.basic_auth.entities import BASICAUTH_CREDENTIALS
from colobus.plugins.basic_auth.passwords import is_digest_of
from colobus.plugins.context import Exchange, Request, ShortCircuit
from colobus.plugins.credentials import basic_credentials, is_possible, is_presented, presented
from colobus.plugins.questions import Questions, answered

__all__ = ["BasicAuth"]


class BasicAuth(Plugin):
    """Authenticates by a username and a password."""

    name = "basic-auth"
    priority = 1000
    no_consumer = True
    Config = BasicAuthConfig
    kinds = (BASICAUTH_CREDENTIALS,)
    migrations = "colobus.plugins.basic_auth.migrations"

    def access(
        self, exchange: Exchange, config: BasicAuthConfig
    ) -> Coroutine[Any, Any, None] | None:
        """Identify the consumer, or refuse."""
        if is_identified(exchange, config.anonymous):
            return None
        attempt = _authenticate(exchange.request, config)
        return answered(self.capabilities.lookups, identify(exchange, config.anonymous, attempt))


def _authenticate(request: Request, config: BasicAuthConfig) -> Questions[Identity]:
    """Return the consumer and the credential that the request proves.

    Raises:
        ShortCircuit: there is nothing to go by, or it is wrong.
    """
    if not is_presented(request):
        raise ShortCircuit(401, "Unauthorized", {"WWW-Authenticate": 'Basic realm="colobus"'})
    found = yield from _find(request, config)
    if found is not None:
        credential, password = found
        if is_digest_of(credential.get("password"), password, credential["consumer_id"]):
            consumers = yield CONSUMERS, "id", credential["consumer_id"]
            if consumers:
                return consumers[0], credential
    raise ShortCircuit(403, "Invalid authentication credentials")


def _find(request: Request, config: BasicAuthConfig) -> Questions[tuple[Row, str] | None]:
    """Return the credential of the first known username, and the password beside it.

    A known username with a wrong password keeps the other header from being looked at.
    """
    for header in presented(request, hide=config.hide_credentials):
        pair = basic_credentials(header)
        if pair is not None and is_possible(pair[0]):
            credentials = yield BASICAUTH_CREDENTIALS, "username", pair[0]
            if credentials:
                return credentials[0], pair[1]
    return None
