"""Sends requests to the provider's endpoints, and lets others pass with a token."""

import re
from collections.abc import Coroutine
from typing import Any

from colobus.model.consumers import CONSUMERS
from colobus.model.schema import Row
from colobus.plugins.authentication import Identity, identify, is_identified
from colobus.plugins.base import Plugin
from colobus.plugins.body import can_parse
from colobus.plugins.context import Exchange, Request, ShortCircuit
from colobus.plugins.credentials import is_possible
from colobus.plugins.oauth2.authorize import authorize
from colobus.plugins.oauth2.config import OAuth2Config
from colobus.plugins.oauth2.entities import OAUTH2_CODES, OAUTH2_CREDENTIALS, OAUTH2_TOKENS
from colobus.plugins.oauth2.parameters import Parameters, read_parameters
from colobus.plugins.oauth2.rows import Records, is_bound_to, is_expired
from colobus.plugins.oauth2.token import issue
from colobus.plugins.questions import Questions, answered

__all__ = ["OAuth2"]

TOKEN = "access_token"  # noqa: S105  (the name of the parameter)
SCOPE = "X-Authenticated-Scope"
USER = "X-Authenticated-Userid"

_HEADER = re.compile(r"\s*(?:bearer|token)\s+(\S+)\s*", re.IGNORECASE)


class OAuth2(Plugin):
    """Authenticates by tokens that it issues itself."""

    name = "oauth2"
    priority = 1000
    no_consumer = True
    Config = OAuth2Config
    kinds = (OAUTH2_CREDENTIALS, OAUTH2_CODES, OAUTH2_TOKENS)
    migrations = "colobus.plugins.oauth2.migrations"

    def access(self, exchange: Exchange, config: OAuth2Config) -> Coroutine[Any, Any, None] | None:
        """Answer as a provider, or identify the consumer, or refuse."""
        if is_identified(exchange, config.anonymous):
            return None
        request = exchange.request
        if request.method == "POST" and "/oauth2/" in exchange.upstream_path:
            if "/oauth2/token" in exchange.upstream_path:
                return self._issue(exchange, config)
            if "/oauth2/authorize" in exchange.upstream_path:
                return self._authorize(exchange, config)
        if _needs_body(request, config):
            return self._enforce_with_body(exchange, config)
        return self._enforce(exchange, config, Parameters(request))

    async def _authorize(self, exchange: Exchange, config: OAuth2Config) -> None:
        parameters = await read_parameters(exchange.request)
        records = Records(self.capabilities, exchange, config)
        raise await authorize(exchange, config, parameters, records)

    async def _issue(self, exchange: Exchange, config: OAuth2Config) -> None:
        parameters = await read_parameters(exchange.request)
        records = Records(self.capabilities, exchange, config)
        now = self.capabilities.clock.time()
        raise await issue(exchange, config, parameters, records, now)

    async def _enforce_with_body(self, exchange: Exchange, config: OAuth2Config) -> None:
        waiting = self._enforce(exchange, config, await read_parameters(exchange.request))
        if waiting is not None:
            await waiting

    def _enforce(
        self, exchange: Exchange, config: OAuth2Config, parameters: Parameters
    ) -> Coroutine[Any, Any, None] | None:
        attempt = self._authenticate(exchange, config, parameters)
        return answered(self.capabilities.lookups, identify(exchange, config.anonymous, attempt))

    def _authenticate(
        self, exchange: Exchange, config: OAuth2Config, parameters: Parameters
    ) -> Questions[Identity]:
        """Return the consumer and the application of the token in the request.

        Raises:
            ShortCircuit: there is no token, or it is no good.
        """
        request = exchange.request
        # What the upstream is told of the token never comes from the client.
        request.remove_header(SCOPE)
        request.remove_header(USER)
        text = _take_token(request, config, parameters)
        if text is None:
            raise _refusal("invalid_request", "The access token is missing")
        found = yield from self._find(exchange, config, text)
        if found is None:
            raise _refusal("invalid_token", "The access token is invalid or has expired")
        token, application, consumer = found
        for header, field in ((SCOPE, "scope"), (USER, "authenticated_userid")):
            if token.get(field):
                request.set_header(header, token[field])
        return consumer, application

    def _find(
        self, exchange: Exchange, config: OAuth2Config, text: str
    ) -> Questions[tuple[Row, Row, Row] | None]:
        """Return the token, its application and the consumer, or None if one is not good."""
        if exchange.api is None or not is_possible(text):
            return None
        tokens = yield OAUTH2_TOKENS, TOKEN, text
        if not tokens or not is_bound_to(tokens[0], exchange.api["id"], config):
            return None
        token = tokens[0]
        lifetime = token["expires_in"]
        if lifetime > 0 and is_expired(token, lifetime, self.capabilities.clock.time()):
            return None
        applications = yield OAUTH2_CREDENTIALS, "id", token["credential_id"]
        if not applications:
            return None
        consumers = yield CONSUMERS, "id", applications[0]["consumer_id"]
        return (token, applications[0], consumers[0]) if consumers else None


def _in_header(request: Request) -> str | None:
    found = _HEADER.fullmatch(request.get_header("Authorization") or "")
    return None if found is None else found.group(1)


def _take_token(request: Request, config: OAuth2Config, parameters: Parameters) -> str | None:
    """Return the token of the request, and hide it if that is wanted."""
    given = parameters.in_query(TOKEN)
    if given is None:
        in_header = _in_header(request)
        if in_header is not None:
            if config.hide_credentials:
                request.remove_header("Authorization")
            return in_header
        given = parameters.in_body(TOKEN)
    if given is not None and config.hide_credentials:
        request.query.remove(TOKEN)
        rest = parameters.body_without(TOKEN) if _has_form(request) else None
        if rest is not None:
            request.set_body(rest)
    return given


def _needs_body(request: Request, config: OAuth2Config) -> bool:
    """Say whether the body must be read to find the token, or to hide it.

    Other bodies go to the upstream as they come, however large they are.
    """
    if not can_parse(request.get_header("Content-Type")):
        return False
    if Parameters(request).in_query(TOKEN) is not None:
        return config.hide_credentials and _has_form(request)
    return _in_header(request) is None


def _has_form(request: Request) -> bool:
    content_type = (request.get_header("Content-Type") or "").lower()
    return request.method != "GET" and "form-urlencoded" in content_type


def _refusal(code: str, description: str) -> ShortCircuit:
    challenge = 'Bearer realm="service"'
    if code == "invalid_token":
        challenge += f' error="{code}" error_description="{description}"'
    return ShortCircuit(
        401,
        {"error": code, "error_description": description},
        {"WWW-Authenticate": challenge},
    )
