"""Finds the key of a request and the consumer it belongs to (reference: plugins.md, key-auth)."""

from collections.abc import Coroutine, Sequence
from typing import Any

from colobus.model.consumers import CONSUMERS
from colobus.plugins.authentication import Identity, identify, is_identified
from colobus.plugins.base import Plugin
from colobus.plugins.body import NO_ARGUMENTS, BodyArguments, can_parse, parse
from colobus.plugins.context import Exchange, Request, ShortCircuit
from colobus.plugins.key_auth.config import KeyAuthConfig
from colobus.plugins.key_auth.entities import KEYAUTH_CREDENTIALS
from colobus.plugins.questions import Questions, answered

__all__ = ["KeyAuth"]

KEY_LENGTH_LIMIT = 8192
"""No longer key is looked up; it is what a request header line can hold."""


class KeyAuth(Plugin):
    """Authenticates by an API key."""

    name = "key-auth"
    priority = 1000
    no_consumer = True
    Config = KeyAuthConfig
    kinds = (KEYAUTH_CREDENTIALS,)
    migrations = "colobus.plugins.key_auth.migrations"

    def access(self, exchange: Exchange, config: KeyAuthConfig) -> Coroutine[Any, Any, None] | None:
        """Identify the consumer, or refuse."""
        if is_identified(exchange, config.anonymous):
            return None
        if config.key_in_body and _needs_body(exchange.request, config):
            return self._access_with_body(exchange, config)
        return self._identify(exchange, config, NO_ARGUMENTS)

    async def _access_with_body(self, exchange: Exchange, config: KeyAuthConfig) -> None:
        request = exchange.request
        arguments = parse(request.get_header("Content-Type"), await request.body())
        waiting = self._identify(exchange, config, arguments)
        if waiting is not None:
            await waiting

    def _identify(
        self, exchange: Exchange, config: KeyAuthConfig, arguments: BodyArguments
    ) -> Coroutine[Any, Any, None] | None:
        attempt = _authenticate(exchange.request, config, arguments)
        return answered(self.capabilities.lookups, identify(exchange, config.anonymous, attempt))


def _authenticate(
    request: Request, config: KeyAuthConfig, arguments: BodyArguments
) -> Questions[Identity]:
    """Return consumer and credential of the key in the request.

    Raises:
        ShortCircuit: there is no key, more than one, or one that is not known.
    """
    found = _find_key(request, config.key_names, arguments)
    if found is None:
        raise ShortCircuit(
            401, "No API key found in request", {"WWW-Authenticate": 'Key realm="colobus"'}
        )
    name, key = found
    if config.hide_credentials:
        _hide(request, name, arguments)
    if _is_possible(key):
        credentials = yield KEYAUTH_CREDENTIALS, "key", key
        if credentials:
            consumers = yield CONSUMERS, "id", credentials[0]["consumer_id"]
            if consumers:
                return consumers[0], credentials[0]
    raise ShortCircuit(403, "Invalid authentication credentials")


def _find_key(
    request: Request, names: Sequence[str], arguments: BodyArguments
) -> tuple[str, str] | None:
    """Return the name and the value of the first key."""
    for name in names:
        values = _in_head(request, name) or arguments.get_all(name)
        if len(values) > 1 or (values and isinstance(values[0], (list, dict))):
            raise ShortCircuit(401, "Duplicate API key found")
        if values and isinstance(values[0], str):
            return name, values[0]
        # What is left is no key: a bare "?apikey", a number or true in JSON.
    return None


def _in_head(request: Request, name: str) -> Sequence[object]:
    """Return the values of ``name`` in the headers, else those in the query."""
    return request.get_headers(name) or request.query.get_all(name)


def _needs_body(request: Request, config: KeyAuthConfig) -> bool:
    """Say whether the body must be read to find, or to hide, the key."""
    if not can_parse(request.get_header("Content-Type")):
        return False
    if config.hide_credentials:
        return True
    for name in config.key_names:
        values = _in_head(request, name)
        if not values:
            return True
        if len(values) > 1 or isinstance(values[0], str):
            return False
    return False


def _hide(request: Request, name: str, arguments: BodyArguments) -> None:
    """Keep the key from the upstream, wherever it is in the request."""
    request.query.remove(name)
    request.remove_header(name)
    if arguments.get_all(name):
        request.set_body(arguments.without(name))


def _is_possible(key: str) -> bool:
    """Say whether a credential can have this key: anything else is not worth a question.

    A key is never stored empty, and no datastore keeps NUL or half a surrogate pair.
    """
    if not key or len(key) > KEY_LENGTH_LIMIT or "\0" in key:
        return False
    return key.isascii() or not any("\ud800" <= character <= "\udfff" for character in key)
