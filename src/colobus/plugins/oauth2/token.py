"""``POST …/oauth2/token``: an application asks for a token (RFC 6749 §4.1.3, §4.3.2, §4.4.2, §6)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from colobus.errors import NotFoundError, StoreError
from colobus.model.schema import Row
from colobus.plugins.context import Deletion, Exchange, Request, ShortCircuit
from colobus.plugins.credentials import basic_credentials, presented
from colobus.plugins.oauth2.answers import OAuth2Error, answer
from colobus.plugins.oauth2.checks import (
    INVALID_CLIENT,
    check_https,
    check_provision_key,
    check_redirect_uri,
    is_secret,
    user_of,
)
from colobus.plugins.oauth2.config import OAuth2Config
from colobus.plugins.oauth2.entities import OAUTH2_CODES, OAUTH2_CREDENTIALS, OAUTH2_TOKENS
from colobus.plugins.oauth2.parameters import Parameters
from colobus.plugins.oauth2.rows import CODE_LIFETIME_S, Records, is_expired
from colobus.plugins.oauth2.scopes import granted_scope

__all__ = ["issue"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a grant looks at: the application is known, and has proved to be itself."""

    config: OAuth2Config
    parameters: Parameters
    records: Records
    application: Row
    now: float


async def issue(
    exchange: Exchange,
    config: OAuth2Config,
    parameters: Parameters,
    records: Records,
    now: float,
) -> ShortCircuit:
    """Return the answer: a token, or why there is none."""
    state = parameters.get("state")
    stated: dict[str, Any] = {} if state is None else {"state": state}
    client_id, secret, in_header = _client_of(exchange.request, parameters)
    try:
        check_https(exchange, config)
        application = await records.find(OAUTH2_CREDENTIALS, "client_id", client_id)
        grant = _checked(config, parameters, application, secret)
        assert application is not None  # checked just now
        token = await grant(Asked(config, parameters, records, application, now))
    except OAuth2Error as error:
        return _refusal(error, stated, in_header=in_header)
    except NotFoundError:
        # The other one who had it came first.
        return _refusal(_used_up(parameters), stated, in_header=in_header)
    except StoreError:
        return _refusal(OAuth2Error(*INVALID_CLIENT), stated, in_header=in_header)
    return answer(200, _shown(token) | stated)


def _client_of(request: Request, parameters: Parameters) -> tuple[str | None, str | None, bool]:
    """Return id and secret of the client, and whether they are in a header."""
    client_id = parameters.get("client_id")
    if client_id is not None:
        return client_id, parameters.get("client_secret"), False
    for header in presented(request, hide=False):
        pair = basic_credentials(header)
        if pair is not None:
            return pair[0], pair[1], True
    return None, None, False


def _checked(
    config: OAuth2Config, parameters: Parameters, application: Row | None, secret: str | None
) -> Callable[[Asked], Awaitable[Row]]:
    """Return the grant that is asked for.

    Raises:
        OAuth2Error: the last thing that is wrong: kong 0.10 looks at everything.
    """
    grant = _grants(config).get(parameters.get("grant_type") or "")
    error = None if grant else OAuth2Error("unsupported_grant_type", "Invalid grant_type")
    if application is None:
        raise OAuth2Error(*INVALID_CLIENT)
    try:
        check_redirect_uri(application, parameters.get("redirect_uri"))
    except OAuth2Error as exc:
        error = exc
    if not is_secret(secret, application["client_secret"]):
        raise OAuth2Error(*INVALID_CLIENT)
    if error is not None or grant is None:
        raise error or OAuth2Error(*INVALID_CLIENT)
    return grant


def _grants(config: OAuth2Config) -> Mapping[str, Callable[[Asked], Awaitable[Row]]]:
    # Two of them are there whatever is enabled, in kong 0.10 too.
    grants: dict[str, Callable[[Asked], Awaitable[Row]]] = {
        "authorization_code": _by_code,
        "refresh_token": _by_refresh_token,
    }
    if config.enable_client_credentials:
        grants["client_credentials"] = _by_client
    if config.enable_password_grant:
        grants["password"] = _by_password
    return grants


async def _by_code(asked: Asked) -> Row:
    code = await asked.records.find_issued(OAUTH2_CODES, "code", asked.parameters.get("code"))
    if (
        code is None
        or code["credential_id"] != asked.application["id"]
        or is_expired(code, CODE_LIFETIME_S, asked.now)
    ):
        raise OAuth2Error("invalid_request", "Invalid code")
    return await asked.records.issue_token(
        asked.application,
        code.get("authenticated_userid"),
        code.get("scope"),
        used=Deletion(OAUTH2_CODES, code["id"]),
    )


async def _by_client(asked: Asked) -> Row:
    user = asked.parameters.get("authenticated_userid")
    if user is not None:
        check_provision_key(asked.config, asked.parameters)
    scope = granted_scope(asked.config, asked.parameters.get("scope"))
    return await asked.records.issue_token(asked.application, user, scope, can_refresh=False)


async def _by_password(asked: Asked) -> Row:
    check_provision_key(asked.config, asked.parameters)
    user = user_of(asked.parameters)
    scope = granted_scope(asked.config, asked.parameters.get("scope"))
    return await asked.records.issue_token(asked.application, user, scope)


async def _by_refresh_token(asked: Asked) -> Row:
    old = await asked.records.find_issued(
        OAUTH2_TOKENS, "refresh_token", asked.parameters.get("refresh_token")
    )
    if old is None:
        raise OAuth2Error("invalid_request", "Invalid refresh_token")
    if old["credential_id"] != asked.application["id"]:
        raise OAuth2Error(*INVALID_CLIENT)
    return await asked.records.issue_token(
        asked.application,
        old.get("authenticated_userid"),
        old.get("scope"),
        used=Deletion(OAUTH2_TOKENS, old["id"]),
    )


def _used_up(parameters: Parameters) -> OAuth2Error:
    name = "refresh_token" if parameters.get("grant_type") == "refresh_token" else "code"
    return OAuth2Error("invalid_request", f"Invalid {name}")


def _refusal(error: OAuth2Error, stated: dict[str, Any], *, in_header: bool) -> ShortCircuit:
    if in_header and error.code == "invalid_client":
        headers = {"WWW-Authenticate": 'Basic realm="OAuth2.0"'}
        return answer(401, error.members | stated, headers)
    return answer(400, error.members | stated)


def _shown(token: Row) -> dict[str, Any]:
    names = ("access_token", "token_type", "expires_in", "refresh_token")
    return {name: token[name] for name in names if token.get(name)}
