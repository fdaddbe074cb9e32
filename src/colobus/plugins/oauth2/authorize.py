"""``POST …/oauth2/authorize``: the provider's application asks for a code or a token for a user."""

from typing import Any

from colobus.errors import StoreError
from colobus.model.schema import Row
from colobus.plugins.context import Exchange, ShortCircuit
from colobus.plugins.oauth2.answers import OAuth2Error, answer, redirect_uri
from colobus.plugins.oauth2.checks import (
    INVALID_CLIENT,
    check_https,
    check_provision_key,
    check_redirect_uri,
    user_of,
)
from colobus.plugins.oauth2.config import OAuth2Config
from colobus.plugins.oauth2.entities import OAUTH2_CREDENTIALS
from colobus.plugins.oauth2.parameters import Parameters
from colobus.plugins.oauth2.rows import Records
from colobus.plugins.oauth2.scopes import granted_scope

__all__ = ["authorize"]


async def authorize(
    exchange: Exchange, config: OAuth2Config, parameters: Parameters, records: Records
) -> ShortCircuit:
    """Return the answer: where the user's browser is to go next."""
    state = parameters.get("state")
    stated: dict[str, Any] = {} if state is None else {"state": state}
    try:
        check_https(exchange, config)
        check_provision_key(config, parameters)
        user = user_of(parameters)
    except OAuth2Error as error:
        return answer(400, error.members | stated)
    application = await records.find(OAUTH2_CREDENTIALS, "client_id", parameters.get("client_id"))
    kind = parameters.get("response_type")
    scope, wrong = _checked(config, parameters, application, kind)
    members: dict[str, Any] = {}
    if wrong is None and application is not None:
        try:
            members = await _granted(records, application, user, scope, kind)
        except StoreError:
            application, wrong = None, OAuth2Error(*INVALID_CLIENT)
    members = (members if wrong is None else wrong.members) | stated
    status = 200 if wrong is None else 400
    if application is None:
        return answer(status, members)
    target = _target(application, parameters)
    is_fragment = wrong is None and kind == "token"
    return answer(status, {"redirect_uri": redirect_uri(target, members, in_fragment=is_fragment)})


def _checked(
    config: OAuth2Config, parameters: Parameters, application: Row | None, kind: str | None
) -> tuple[str | None, OAuth2Error | None]:
    """Return the scope and the last thing that is wrong: kong 0.10 looks at everything."""
    scope, error = None, None
    enabled = {
        "code": config.enable_authorization_code,
        "token": config.enable_implicit_grant,
    }
    if kind is None or not enabled.get(kind):
        error = OAuth2Error("unsupported_response_type", "Invalid response_type")
    try:
        scope = granted_scope(config, parameters.get("scope"))
    except OAuth2Error as exc:
        error = exc
    try:
        if application is None:
            raise OAuth2Error(*INVALID_CLIENT)
        check_redirect_uri(application, parameters.get("redirect_uri"))
    except OAuth2Error as exc:
        error = exc
    return scope, error


async def _granted(
    records: Records, application: Row, user: str, scope: str | None, kind: str | None
) -> dict[str, Any]:
    if kind == "code":
        code = await records.issue_code(application, user, scope)
        return {"code": code["code"]}
    token = await records.issue_token(application, user, scope, can_refresh=False)
    members = {"access_token": token["access_token"], "token_type": "bearer"}
    if token["expires_in"]:
        members["expires_in"] = token["expires_in"]
    return members


def _target(application: Row, parameters: Parameters) -> str:
    try:
        return check_redirect_uri(application, parameters.get("redirect_uri"))
    except OAuth2Error:
        return check_redirect_uri(application, None)
