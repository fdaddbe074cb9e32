"""Finds the token of a request and checks it (reference: plugins.md, jwt)."""

import re
from collections.abc import Coroutine, Sequence
from typing import Any

from colobus.model.consumers import CONSUMERS
from colobus.model.schema import Row
from colobus.plugins.authentication import Identity, identify, is_identified
from colobus.plugins.base import Plugin
from colobus.plugins.context import Capabilities, Exchange, Request, ShortCircuit
from colobus.plugins.credentials import is_possible
from colobus.plugins.jwt.config import JwtConfig
from colobus.plugins.jwt.entities import JWT_SECRETS
from colobus.plugins.jwt.token import BadTokenError, Token, claim_errors, parse
from colobus.plugins.jwt.verifier import TokenCache, UnusableKeyError, is_signed_by, usable_key
from colobus.plugins.questions import Questions, answered

__all__ = ["Jwt"]

TOKEN_LENGTH_LIMIT = 16_384
"""Longer than any line of a request head may be."""

_BEARER = re.compile(r"[Bb]earer\s+(\S.*)", re.DOTALL)


class Jwt(Plugin):
    """Authenticates by a signed token."""

    name = "jwt"
    priority = 1000
    no_consumer = True
    Config = JwtConfig
    kinds = (JWT_SECRETS,)
    migrations = "colobus.plugins.jwt.migrations"

    def __init__(self, capabilities: Capabilities) -> None:
        super().__init__(capabilities)
        self._tokens = TokenCache()

    def access(self, exchange: Exchange, config: JwtConfig) -> Coroutine[Any, Any, None] | None:
        """Identify the consumer, or refuse."""
        if is_identified(exchange, config.anonymous):
            return None
        attempt = self._authenticate(exchange.request, config)
        return answered(self.capabilities.lookups, identify(exchange, config.anonymous, attempt))

    def _authenticate(self, request: Request, config: JwtConfig) -> Questions[Identity]:
        """Return consumer and credential of the token in the request.

        Raises:
            ShortCircuit: there is no token, more than one, or it proves nothing.
        """
        text = _find_token(request, config)
        if text is None:
            raise ShortCircuit(401, "Unauthorized")
        token = self._tokens.get(text) or _parsed(text)
        name = config.key_claim_name
        key = token.claims.get(name)
        if name not in token.claims:
            raise ShortCircuit(401, f"No mandatory '{name}' in claims")
        credentials: Sequence[Row] = ()
        if isinstance(key, str) and is_possible(key):
            credentials = yield JWT_SECRETS, "key", key
        if not credentials:
            raise ShortCircuit(403, f"No credentials found for given '{name}'")
        self._verify(text, token, credentials[0], config)
        consumers = yield CONSUMERS, "id", credentials[0]["consumer_id"]
        if not consumers:
            raise ShortCircuit(403, f"Could not find consumer for '{name}={key}'")
        return consumers[0], credentials[0]

    def _verify(self, text: str, token: Token, credential: Row, config: JwtConfig) -> None:
        """Check the token's signature and times.

        Raises:
            ShortCircuit: one of them is wrong.
        """
        algorithm = credential.get("algorithm", "HS256")
        if token.algorithm != algorithm:
            raise ShortCircuit(403, "Invalid algorithm")
        field = "secret" if algorithm == "HS256" else "rsa_public_key"
        try:
            key = usable_key(credential.get(field), is_base64=config.secret_is_base64)
            if not self._tokens.is_known(text, key):
                if not is_signed_by(token, key):
                    raise ShortCircuit(403, "Invalid signature")
                self._tokens.keep(text, token, key)
        except UnusableKeyError:
            raise ShortCircuit(403, "Invalid key/secret") from None
        now = self.capabilities.clock.time()
        errors = claim_errors(token.claims, config.claims_to_verify or (), now)
        if errors:
            self._tokens.forget(text)
            raise ShortCircuit(401, errors)


def _find_token(request: Request, config: JwtConfig) -> str | None:
    """Return the token in the query, else in Authorization.

    Raises:
        ShortCircuit: there are several, or a bare argument in place of one.
    """
    for name in config.uri_param_names:
        values = request.query.get_all(str(name))
        if len(values) > 1:
            raise ShortCircuit(401, "Multiple tokens provided")
        if values:
            if not isinstance(values[0], str):
                raise ShortCircuit(401, "Unrecognizable token")
            return values[0]
    found = [_BEARER.search(value) for value in request.get_headers("Authorization")]
    tokens = [match.group(1).strip() for match in found if match is not None]
    if len(tokens) > 1:
        # The upstream may well read the one that nobody checked.
        raise ShortCircuit(401, "Multiple tokens provided")
    return tokens[0] if tokens else None


def _parsed(text: str) -> Token:
    try:
        if len(text) > TOKEN_LENGTH_LIMIT:
            raise BadTokenError("invalid JSON")
        return parse(text)
    except BadTokenError as exc:
        raise ShortCircuit(401, f"Bad token; {exc}") from None
