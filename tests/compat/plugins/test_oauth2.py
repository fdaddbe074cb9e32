"""oauth2 as kong 0.10 provides and enforces it (reference: plugins.md, oauth2)."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest

from colobus.gateway.settings import GatewaySettings
from colobus.model import CONSUMERS
from colobus.plugins.context import Insertion
from colobus.plugins.key_auth import KEYAUTH_CREDENTIALS, KeyAuth
from colobus.plugins.oauth2 import OAUTH2_CODES, OAUTH2_CREDENTIALS, OAUTH2_TOKENS, OAuth2
from support.admin import Admin, body_of
from support.guarded import ANONYMOUS, API_ID, BOB, Guarded, Reply, guarded

NOW_MS = 1_500_000_000_000
HTTPS = ("X-Forwarded-Proto", "https")
FORM = ("Content-Type", "application/x-www-form-urlencoded")
TRUSTING = GatewaySettings(trusted_ips=(ip_network("127.0.0.1"),))
RANDOM = re.compile("[0-9a-f]{32}")

APP = {
    "id": "app-id",
    "consumer_id": BOB["id"],
    "name": "app",
    "client_id": "app",
    "client_secret": "hush",
    "redirect_uri": ["http://one.test/kong?foo=bar&code=123", "http://two.test/"],
}
EVES = {**APP, "id": "eves-id", "client_id": "eves", "client_secret": "other"}

MISSING = {"error": "invalid_request", "error_description": "The access token is missing"}
EXPIRED = {
    "error": "invalid_token",
    "error_description": "The access token is invalid or has expired",
}
INVALID_CLIENT = {
    "error": "invalid_client",
    "error_description": "Invalid client authentication",
}
BAD_REDIRECT = {
    "error": "invalid_request",
    "error_description": "Invalid redirect_uri that does not match with any redirect_uri created"
    " with the application",
}


@contextmanager
def provider(
    *others: tuple[Any, dict[str, Any]], fields: dict[str, object] | None = None, **config: Any
) -> Iterator[Guarded]:
    flows = ("authorization_code", "implicit_grant", "client_credentials", "password_grant")
    whole = {
        **{f"enable_{flow}": True for flow in flows},
        "provision_key": "provider",
        "accept_http_if_already_terminated": True,
        **config,
    }
    with guarded((OAuth2, whole), *others, fields=fields, settings=TRUSTING) as gate:
        gate.worker.lookups.add(OAUTH2_CREDENTIALS, APP, EVES)
        yield gate


def post(
    gate: Guarded, target: str, parameters: dict[str, str], *headers: tuple[str, str]
) -> Reply:
    body = urlencode(parameters).encode()
    return gate.ask(target, HTTPS, FORM, *headers, method="POST", body=body)


def answered(reply: Reply) -> tuple[int, Any]:
    """Return an endpoint's answer, after checking that nobody may store it."""
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["pragma"] == "no-cache"
    return reply.refusal


def authorize(gate: Guarded, **parameters: str) -> tuple[int, Any]:
    asked = {
        "provision_key": "provider",
        "authenticated_userid": "user 1",
        "client_id": "app",
        "response_type": "code",
        **parameters,
    }
    return answered(post(gate, "/oauth2/authorize", asked))


def token(gate: Guarded, grant: str, **parameters: str) -> tuple[int, Any]:
    asked = {"grant_type": grant, "client_id": "app", "client_secret": "hush", **parameters}
    return answered(post(gate, "/oauth2/token", asked))


def new_code(gate: Guarded, **parameters: str) -> str:
    status, content = authorize(gate, **parameters)
    assert status == 200, content
    code: str = parse_qs(urlsplit(content["redirect_uri"]).query)["code"][0]
    return code


def insertions(gate: Guarded) -> list[Insertion]:
    """Return what was written, without what was deleted."""
    return [step for step in gate.worker.writes.steps if isinstance(step, Insertion)]


def new_token(gate: Guarded) -> dict[str, Any]:
    status, content = token(gate, "authorization_code", code=new_code(gate))
    assert status == 200, content
    issued: dict[str, Any] = content
    return issued


# -- authorize ---------------------------------------------------------------------------------


def test_a_code_goes_into_the_query_of_the_first_uri() -> None:
    with provider() as gate:
        status, content = authorize(gate, state="a b&c")
        assert status == 200
        assert re.fullmatch(
            r"http://one\.test/kong\?code=[0-9a-f]{32}&foo=bar&state=a%20b%26c",
            content["redirect_uri"],
        )
        (row,) = insertions(gate)
        assert row.kind is OAUTH2_CODES
        assert row.ttl_s == 300
        assert row.row == {
            "api_id": API_ID,
            "credential_id": "app-id",
            "authenticated_userid": "user 1",
            "code": row.row["code"],
        }


@pytest.mark.parametrize(
    "target", ["/oauth2/authorize", "/oauth2/authorize/", "/v1/oauth2/authorize?x=1"]
)
@pytest.mark.parametrize("content_type", ["form", "json", "multipart", "query"])
def test_parameters_may_come_in_many_ways(target: str, content_type: str) -> None:
    parameters = {
        "provision_key": "provider",
        "authenticated_userid": "u",
        "client_id": "app",
        "response_type": "code",
        "redirect_uri": "http://two.test/",
    }
    with provider() as gate:
        if content_type == "form":
            # What is in the body counts before what is in the query.
            query = "?client_id=nobody" if "?" not in target else "&client_id=nobody"
            reply = post(gate, target + query, parameters)
        elif content_type == "json":
            header = ("Content-Type", "application/json")
            content = json.dumps(parameters).encode()
            reply = gate.ask(target, HTTPS, header, method="POST", body=content)
        elif content_type == "multipart":
            header = ("Content-Type", "multipart/form-data; boundary=X")
            content = b"".join(
                f'--X\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
                for name, value in parameters.items()
            )
            reply = gate.ask(target, HTTPS, header, method="POST", body=content + b"--X--\r\n")
        else:
            mark = "&" if "?" in target else "?"
            reply = gate.ask(target + mark + urlencode(parameters), HTTPS, method="POST", body=b"")
        status, answer = answered(reply)
        assert status == 200, answer
        assert re.fullmatch(r"http://two\.test/\?code=[0-9a-f]{32}", answer["redirect_uri"])


@pytest.mark.parametrize(
    ("headers", "description"),
    [
        ([], "You must use HTTPS"),
        ([("X-Forwarded-Proto", "http")], "You must use HTTPS"),
        ([HTTPS, HTTPS], "Only one X-Forwarded-Proto header allowed"),
    ],
)
@pytest.mark.parametrize("endpoint", ["authorize", "token"])
def test_the_endpoints_want_https(
    endpoint: str, headers: list[tuple[str, str]], description: str
) -> None:
    with provider() as gate:
        reply = gate.ask(f"/oauth2/{endpoint}?state=s", *headers, method="POST", body=b"")
        expected = {"error": "access_denied", "error_description": description, "state": "s"}
        assert answered(reply) == (400, expected)


def test_a_proxy_in_front_counts_only_if_asked_and_trusted() -> None:
    https = {"error": "access_denied", "error_description": "You must use HTTPS"}
    with provider(accept_http_if_already_terminated=False) as gate:
        assert token(gate, "password") == (400, https)
    config = {"enable_password_grant": True, "accept_http_if_already_terminated": True}
    with guarded((OAuth2, config)) as gate:
        assert token(gate, "password") == (400, https)


@pytest.mark.parametrize(
    ("parameters", "error", "description"),
    [
        ({"provision_key": "x"}, "invalid_provision_key", "Invalid provision_key"),
        ({"provision_key": ""}, "invalid_provision_key", "Invalid provision_key"),
        ({"authenticated_userid": ""}, "invalid_authenticated_userid",
         "Missing authenticated_userid parameter"),
        ({"authenticated_userid": "  "}, "invalid_authenticated_userid",
         "Missing authenticated_userid parameter"),
        # The provider is asked for before anything else.
        ({"provision_key": "x", "response_type": "x", "client_id": "x"}, "invalid_provision_key",
         "Invalid provision_key"),
        ({"client_id": "nobody"}, "invalid_client", "Invalid client authentication"),
        ({"client_id": ""}, "invalid_client", "Invalid client authentication"),
        ({"client_id": "nobody", "response_type": "x"}, "invalid_client",
         "Invalid client authentication"),
    ],
)  # fmt: skip
def test_without_an_application_errors_are_told_to_who_asks(
    parameters: dict[str, str], error: str, description: str
) -> None:
    with provider() as gate:
        expected = {"error": error, "error_description": description, "state": "s"}
        assert authorize(gate, state="s", **parameters) == (400, expected)
        assert gate.worker.writes.steps == []


@pytest.mark.parametrize(
    ("parameters", "query"),
    [
        ({"response_type": "x"},
         "error=unsupported_response_type&error_description=Invalid%20response_type"),
        ({"response_type": ""},
         "error=unsupported_response_type&error_description=Invalid%20response_type"),
        ({"scope": "email x"},
         "error=invalid_scope&error_description=%22x%22%20is%20an%20invalid%20scope"),
        ({"scope": "x", "response_type": "x"},
         "error=invalid_scope&error_description=%22x%22%20is%20an%20invalid%20scope"),
        ({}, "error=invalid_scope&error_description=You%20must%20specify%20a%20scope"),
        ({"scope": "email", "redirect_uri": "http://evil.test/"},
         "error=invalid_request&error_description="
         + quote(BAD_REDIRECT["error_description"])),
    ],
)  # fmt: skip
def test_errors_are_told_to_a_known_application(parameters: dict[str, str], query: str) -> None:
    if "response_type" in parameters and "scope" not in parameters:
        parameters["scope"] = "email"
    with provider(scopes=["email", "user.email"], mandatory_scope=True) as gate:
        expected = f"http://one.test/kong?code=123&{query}&foo=bar"
        assert authorize(gate, **parameters) == (400, {"redirect_uri": expected})


def test_flows_must_be_enabled() -> None:
    unsupported = "error=unsupported_response_type"
    with provider(enable_authorization_code=False, enable_implicit_grant=False) as gate:
        for kind in ("code", "token"):
            status, content = authorize(gate, response_type=kind)
            assert status == 400
            assert unsupported in content["redirect_uri"]


def test_an_implicit_token_comes_in_the_fragment_and_cannot_be_refreshed() -> None:
    with provider(token_expiration=5, scopes=["email"]) as gate:
        status, content = authorize(gate, response_type="token", state="hello", scope="email")
        assert status == 200
        assert re.fullmatch(
            r"http://one\.test/kong\?foo=bar&code=123"
            r"#access_token=[0-9a-f]{32}&expires_in=5&state=hello&token_type=bearer",
            content["redirect_uri"],
        )
        row = insertions(gate)[0].row
        assert "refresh_token" not in row
        access = row["access_token"]
        passed = gate.ask("/", ("Authorization", f"bearer {access}")).passed
        assert passed["x-authenticated-scope"] == "email"
        assert passed["x-authenticated-userid"] == "user 1"


# -- token -------------------------------------------------------------------------------------


def test_a_code_is_good_for_one_token() -> None:
    with provider(scopes=["email", "profile"]) as gate:
        code = new_code(gate, scope=" email   profile ")
        status, issued = token(gate, "authorization_code", code=code, state="s")
        assert status == 200
        assert issued == {
            "access_token": issued["access_token"],
            "refresh_token": issued["refresh_token"],
            "token_type": "bearer",
            "expires_in": 7200,
            "state": "s",
        }
        assert RANDOM.fullmatch(issued["access_token"])
        assert RANDOM.fullmatch(issued["refresh_token"])
        passed = gate.ask("/?access_token=" + issued["access_token"]).passed
        assert passed["x-authenticated-scope"] == "email profile"
        again = token(gate, "authorization_code", code=code)
        expected = {"error": "invalid_request", "error_description": "Invalid code"}
        assert again == (400, expected)


@pytest.mark.parametrize(
    "change",
    [
        {"api_id": "another"}, {"credential_id": "eves-id"}, {"code": "another"},
        {"created_at": NOW_MS - 301_000},
    ],
)  # fmt: skip
def test_a_code_of_somebody_else_or_too_old_is_refused(change: dict[str, Any]) -> None:
    code = {
        "id": "c", "api_id": API_ID, "credential_id": "app-id", "code": "x", "created_at": NOW_MS,
    }  # fmt: skip
    refused = {"error": "invalid_request", "error_description": "Invalid code"}
    with provider() as gate:
        gate.worker.lookups.add(OAUTH2_CODES, {**code, **change})
        assert token(gate, "authorization_code", code="x") == (400, refused)
        assert token(gate, "authorization_code") == (400, refused)
    with provider() as gate:
        gate.worker.lookups.add(OAUTH2_CODES, code)
        assert token(gate, "authorization_code", code="x")[0] == 200


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"grant_type": "x"}, {"error": "unsupported_grant_type",
                               "error_description": "Invalid grant_type"}),
        ({"grant_type": ""}, {"error": "unsupported_grant_type",
                              "error_description": "Invalid grant_type"}),
        ({"grant_type": "x", "client_id": "nobody"}, INVALID_CLIENT),
        ({"client_id": ""}, INVALID_CLIENT),
        ({"client_secret": ""}, INVALID_CLIENT),
        ({"client_secret": "Hush"}, INVALID_CLIENT),
        ({"client_secret": "other"}, INVALID_CLIENT),
        ({"redirect_uri": "http://evil.test/"}, BAD_REDIRECT),
        ({"redirect_uri": "http://evil.test/", "grant_type": "x"}, BAD_REDIRECT),
        ({"redirect_uri": "http://evil.test/", "client_secret": "x"}, INVALID_CLIENT),
    ],
)  # fmt: skip
def test_the_last_thing_that_is_wrong_is_told(
    parameters: dict[str, str], expected: dict[str, str]
) -> None:
    with provider() as gate:
        asked = {"grant_type": "client_credentials", **parameters}
        assert token(gate, asked.pop("grant_type"), **asked) == (400, expected)


def test_flows_that_are_not_enabled_give_no_token() -> None:
    with provider(enable_client_credentials=False, enable_password_grant=False) as gate:
        for grant in ("client_credentials", "password"):
            answer = token(gate, grant, provision_key="provider", authenticated_userid="u")
            assert answer[1]["error"] == "unsupported_grant_type"


@pytest.mark.parametrize("name", ["Authorization", "Proxy-Authorization"])
def test_a_client_may_be_named_in_a_header(name: str) -> None:
    def ask(gate: Guarded, pair: str, **parameters: str) -> Reply:
        header = (name, "Basic " + b64encode(pair.encode()).decode())
        asked = {"grant_type": "client_credentials", **parameters}
        return post(gate, "/oauth2/token", asked, header)

    with provider() as gate:
        assert answered(ask(gate, "app:hush"))[0] == 200
        refused = ask(gate, "app:wrong")
        assert answered(refused) == (401, INVALID_CLIENT)
        assert refused.headers["www-authenticate"] == 'Basic realm="OAuth2.0"'
        assert answered(ask(gate, "app:hush", client_id="nobody")) == (400, INVALID_CLIENT)
        assert answered(ask(gate, "app:hush", redirect_uri="http://x"))[0] == 400


def test_client_credentials_give_a_token_without_user_or_refresh() -> None:
    with provider(scopes=["email"]) as gate:
        status, issued = token(gate, "client_credentials", scope="email")
        assert status == 200
        assert set(issued) == {"access_token", "token_type", "expires_in"}
        spoofed = ("X-Authenticated-Userid", "root")
        passed = gate.ask("/?access_token=" + issued["access_token"], spoofed).passed
        assert "x-authenticated-userid" not in passed
        assert token(gate, "client_credentials", authenticated_userid="u") == (
            400,
            {"error": "invalid_provision_key", "error_description": "Invalid provision_key"},
        )
        status, issued = token(
            gate, "client_credentials", authenticated_userid="u", provision_key="provider"
        )
        assert status == 200
        passed = gate.ask("/?access_token=" + issued["access_token"], spoofed).passed
        assert passed["x-authenticated-userid"] == "u"
        assert "x-authenticated-scope" not in passed


def test_the_password_grant_believes_the_provider() -> None:
    with provider(scopes=["email"], mandatory_scope=True) as gate:
        user = {"provision_key": "provider", "authenticated_userid": "u"}
        status, issued = token(gate, "password", scope="email", **user)
        assert status == 200
        assert RANDOM.fullmatch(issued["refresh_token"])
        for missing, error in (
            ("provision_key", "invalid_provision_key"),
            ("authenticated_userid", "invalid_authenticated_userid"),
        ):
            rest = {name: value for name, value in user.items() if name != missing}
            assert token(gate, "password", scope="email", **rest)[1]["error"] == error
        assert token(gate, "password", **user)[1]["error_description"] == "You must specify a scope"


def test_a_refresh_token_replaces_both_tokens_once() -> None:
    with provider() as gate:
        old = new_token(gate)
        status, new = token(gate, "refresh_token", refresh_token=old["refresh_token"], state="s")
        assert status == 200
        assert new["state"] == "s"
        assert {new["access_token"], new["refresh_token"]}.isdisjoint(old.values())
        assert gate.ask("/?access_token=" + old["access_token"]).refusal == (401, EXPIRED)
        passed = gate.ask("/?access_token=" + new["access_token"]).passed
        assert passed["x-authenticated-userid"] == "user 1"
        refused = {"error": "invalid_request", "error_description": "Invalid refresh_token"}
        again = token(gate, "refresh_token", refresh_token=old["refresh_token"])
        assert again == (400, refused)
        assert token(gate, "refresh_token") == (400, refused)
        eves = {"client_id": "eves", "client_secret": "other"}
        stolen = token(gate, "refresh_token", refresh_token=new["refresh_token"], **eves)
        assert stolen == (400, INVALID_CLIENT)


def test_a_token_can_be_refreshed_for_two_weeks_or_need_not_be() -> None:
    with provider() as gate:
        new_token(gate)
        step = insertions(gate)[1]
        assert step.ttl_s == 1_209_600
    with provider(token_expiration=0) as gate:
        issued = new_token(gate)
        assert set(issued) == {"access_token", "token_type"}
        step = insertions(gate)[1]
        assert step.ttl_s is None
        gate.worker.clock.advance(10**9)
        assert gate.ask("/?access_token=" + issued["access_token"]).status == 200


def test_without_the_datastore_nothing_is_issued() -> None:
    with provider() as gate:
        gate.worker.writes.is_available = False
        reply = post(
            gate,
            "/oauth2/token",
            {"grant_type": "client_credentials", "client_id": "app", "client_secret": "hush"},
        )
        assert reply.refusal == (503, {"message": "Service unavailable"})


# -- enforcement -------------------------------------------------------------------------------

TOKEN = {
    "id": "t",
    "api_id": API_ID,
    "credential_id": "app-id",
    "token_type": "bearer",
    "expires_in": 10,
    "access_token": "good",
    "created_at": NOW_MS,
}


@contextmanager
def enforcing(*rows: dict[str, Any], **config: Any) -> Iterator[Guarded]:
    with provider(**config) as gate:
        gate.worker.lookups.add(OAUTH2_TOKENS, TOKEN, *rows)
        yield gate


@pytest.mark.parametrize(
    ("target", "headers", "body"),
    [
        ("/?access_token=good", [], None),
        ("/", [("Authorization", "bearer good")], None),
        ("/", [("Authorization", "Bearer  good ")], None),
        ("/", [("authorization", "TOKEN good")], None),
        ("/", [FORM], b"access_token=good&a=1"),
        ("/", [("Content-Type", "application/json")], b'{"access_token":"good"}'),
        ("/?access_token=good", [("Authorization", "bearer bad")], None),
    ],
)
def test_a_token_names_the_consumer(
    target: str, headers: list[tuple[str, str]], body: bytes | None
) -> None:
    with enforcing() as gate:
        reply = gate.ask(target, *headers, method="POST", body=body or b"")
        assert reply.passed["x-consumer-id"] == BOB["id"]
        assert reply.passed["x-consumer-username"] == "bob"
        assert reply.upstream_body == (body or b"")


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/", []),
        ("/?access_token", []),
        ("/?access_token=", []),
        ("/", [("Authorization", "good")]),
        ("/", [("Authorization", "bearer")]),
        ("/", [("Authorization", "bearer good good")]),
        ("/", [("Authorization", "Basic good")]),
        ("/", [("Proxy-Authorization", "bearer good")]),
        ("/oauth2/authorize", []),
        ("/oauth2/token", []),
    ],
)
def test_without_a_token_it_asks_for_one(target: str, headers: list[tuple[str, str]]) -> None:
    with enforcing() as gate:
        reply = gate.ask(target, *headers)
        assert reply.refusal == (401, MISSING)
        assert reply.headers["www-authenticate"] == 'Bearer realm="service"'


@pytest.mark.parametrize(
    ("change", "is_global", "passes"),
    [
        ({}, False, True),
        ({}, True, True),
        ({"access_token": "x"}, False, False),
        ({"access_token": "Good"}, False, False),
        ({"api_id": "another"}, False, False),
        ({"api_id": "another"}, True, False),
        ({"api_id": None}, False, False),
        ({"api_id": None}, True, True),
        ({"created_at": NOW_MS - 10_000}, False, True),
        ({"created_at": NOW_MS - 11_000}, False, False),
        ({"created_at": 0, "expires_in": 0}, False, True),
        ({"credential_id": "gone"}, False, False),
    ],
)
def test_which_tokens_are_good(change: dict[str, Any], is_global: bool, passes: bool) -> None:
    row = {name: value for name, value in (TOKEN | change).items() if value is not None}
    with provider(global_credentials=is_global) as gate:
        gate.worker.lookups.add(OAUTH2_TOKENS, row)
        reply = gate.ask("/", ("Authorization", "bearer good"))
        if passes:
            assert reply.status == 200
        else:
            assert reply.refusal == (401, EXPIRED)
            assert reply.headers["www-authenticate"] == (
                'Bearer realm="service" error="invalid_token"'
                ' error_description="The access token is invalid or has expired"'
            )


def test_an_application_without_consumer_proves_nothing() -> None:
    with enforcing() as gate:
        gate.worker.lookups.remove(CONSUMERS, BOB["id"])
        assert gate.ask("/?access_token=good").refusal == (401, EXPIRED)


def test_the_upstream_is_told_of_the_token_and_nothing_by_the_client() -> None:
    told = {"access_token": "told", "id": "t2", "scope": "a b", "authenticated_userid": "u"}
    spoofed = [("X-Authenticated-Scope", "all"), ("x-authenticated-userid", "root")]
    with enforcing({**TOKEN, **told}, anonymous=ANONYMOUS["id"]) as gate:
        passed = gate.ask("/?access_token=told", *spoofed).passed
        assert passed["x-authenticated-scope"] == "a b"
        assert passed["x-authenticated-userid"] == "u"
        for target in ("/?access_token=good", "/"):
            passed = gate.ask(target, *spoofed).passed
            assert not {"x-authenticated-scope", "x-authenticated-userid"} & set(passed)
        assert passed["x-consumer-username"] == "anyone"


def test_tokens_are_hidden_where_they_were_found() -> None:
    with enforcing(hide_credentials=True) as gate:
        in_header = gate.ask("/?a=1", ("Authorization", "bearer good")).passed
        assert "authorization" not in in_header
        assert "/?a=1 " in in_header[""]
        assert "/?a=1 " in gate.ask("/?a=1&access_token=good").passed[""]
        form = gate.ask("/", FORM, method="POST", body=b"a=1&access_token=good")
        assert form.upstream_body == b"a=1"
        assert form.passed["content-length"] == "3"
        both = gate.ask("/?access_token=good", FORM, method="POST", body=b"access_token=x&b=2")
        assert both.upstream_body == b"b=2"
        json_header = ("Content-Type", "application/json")
        kept = gate.ask("/", json_header, method="POST", body=b'{"access_token":"good"}')
        assert kept.upstream_body == b'{"access_token":"good"}'


def test_a_large_body_is_no_matter_when_the_token_is_elsewhere() -> None:
    with enforcing() as gate:
        body = b'{"a":"' + b"x" * 2**21 + b'"}'
        header = ("Content-Type", "application/json")
        token = ("Authorization", "bearer good")
        reply = gate.ask("/", header, token, method="POST", body=body)
        assert reply.upstream_body == body


@pytest.mark.parametrize(
    ("uris", "strip", "target", "is_endpoint"),
    [
        ("/v1", True, "/v1/oauth2/token", True),
        ("/oauth2", False, "/oauth2/token", True),
        ("/oauth2", True, "/oauth2/token", False),
        ("/x", True, "/x/oauth2/tokens", True),
    ],
)
def test_the_path_that_the_upstream_would_see_decides(
    uris: str, strip: bool, target: str, is_endpoint: bool
) -> None:
    with provider(fields={"uris": [uris], "strip_uri": strip}) as gate:
        status, content = gate.ask(target, HTTPS, method="POST", body=b"").refusal
        expected = (400, "invalid_client") if is_endpoint else (401, "invalid_request")
        assert (status, content["error"]) == expected


@pytest.mark.parametrize(
    ("anonymous", "target", "key", "outcome"),
    [
        ("", "/?access_token=good", None, 401),
        ("", "/", "s", 401),
        ("", "/?access_token=good", "s", "bob"),
        (ANONYMOUS["id"], "/?access_token=good", None, "bob"),
        (ANONYMOUS["id"], "/", "s", "eve"),
        (ANONYMOUS["id"], "/", None, "anyone"),
        # key-auth comes first, and then nobody is asked for a token.
        (ANONYMOUS["id"], "/oauth2/token", "s", "eve"),
    ],
)
def test_several_plugins_are_and_or_or(
    anonymous: str, target: str, key: str | None, outcome: object
) -> None:
    with provider((KeyAuth, {"anonymous": anonymous}), anonymous=anonymous) as gate:
        lookups = gate.worker.lookups
        lookups.add(OAUTH2_TOKENS, TOKEN)
        lookups.add(CONSUMERS, {"id": "eve-id", "username": "eve"})
        lookups.add(KEYAUTH_CREDENTIALS, {"id": "k", "consumer_id": "eve-id", "key": "s"})
        headers = [("apikey", key)] if key else []
        reply = gate.ask(target, *headers, method="POST", body=b"")
        assert outcome == (reply.passed["x-consumer-username"] if reply.upstream else reply.status)


# -- its configuration and its entities --------------------------------------------------------

PATH = "/consumers/bob/oauth2"


@pytest.fixture
async def admin() -> Admin:
    admin = Admin()
    await admin.create("/consumers", {"username": "bob"})
    await admin.create("/consumers", {"username": "eve"})
    return admin


@pytest.mark.parametrize(
    ("config", "errors"),
    [
        ({}, {"config": "You need to enable at least one OAuth flow"}),
        ({"mandatory_scope": True, "enable_implicit_grant": True},
         {"config.mandatory_scope":
          "To set a mandatory scope you also need to create available scopes"}),
    ],
)  # fmt: skip
async def test_configurations_that_cannot_be(
    admin: Admin, config: dict[str, Any], errors: dict[str, str]
) -> None:
    answer = await admin.send("POST", "/plugins", json={"name": "oauth2", "config": config})
    assert (answer.status_code, body_of(answer)) == (400, errors)


async def test_a_provision_key_is_made_and_kept(admin: Admin) -> None:
    row = await admin.create(
        "/plugins", {"name": "oauth2", "config": {"enable_implicit_grant": True}}
    )
    assert RANDOM.fullmatch(row["config"]["provision_key"])
    changed = await admin.send("PATCH", f"/plugins/{row['id']}", json={"config.scopes": "a,b"})
    assert changed.json()["config"] == {**row["config"], "scopes": ["a", "b"]}


async def test_an_application(admin: Admin) -> None:
    row = await admin.create(PATH, {"name": "a", "redirect_uri": "http://a.test/, http://b.test/"})
    assert row == {
        "id": row["id"],
        "consumer_id": row["consumer_id"],
        "created_at": NOW_MS,
        "name": "a",
        "client_id": row["client_id"],
        "client_secret": row["client_secret"],
        "redirect_uri": ["http://a.test/", "http://b.test/"],
    }
    assert RANDOM.fullmatch(row["client_id"])
    assert RANDOM.fullmatch(row["client_secret"])
    for name in (row["id"], row["client_id"]):
        assert (await admin.send("GET", f"{PATH}/{name}")).json() == row
        assert (await admin.send("GET", f"/consumers/eve/oauth2/{name}")).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({}, 400, {"redirect_uri": "redirect_uri is required", "name": "name is required"}),
        ({"name": "a", "redirect_uri": []}, 400,
         {"redirect_uri": "at least one URI is required"}),
        ({"name": "a", "redirect_uri": "not a uri"}, 400,
         {"redirect_uri": "cannot parse 'not a uri'"}),
        ({"name": "a", "redirect_uri": ["http://a.test/", "/x"]}, 400,
         {"redirect_uri": "cannot parse '/x'"}),
        ({"name": "a", "redirect_uri": "http://a.test/#x"}, 400,
         {"redirect_uri": "fragment not allowed in 'http://a.test/#x'"}),
        ({"name": "a", "redirect_uri": "http://a.test/", "client_id": "taken"}, 409,
         {"client_id": "already exists with value 'taken'"}),
        ({"name": "a", "redirect_uri": "http://a.test/", "client_secret": "taken"}, 409,
         {"client_secret": "already exists with value 'taken'"}),
    ],
)  # fmt: skip
async def test_applications_that_cannot_be(
    admin: Admin, body: dict[str, Any], status: int, expected: dict[str, str]
) -> None:
    taken = {"client_id": "taken", "client_secret": "taken"}
    await admin.create(
        "/consumers/eve/oauth2", {"name": "e", "redirect_uri": "http://e.test/", **taken}
    )
    answer = await admin.send("POST", PATH, json=body)
    assert (answer.status_code, body_of(answer)) == (status, expected)


async def test_all_applications_are_listed_in_one_place(admin: Admin) -> None:
    row = await admin.create(PATH, {"name": "a", "redirect_uri": "http://a.test/"})
    await admin.create("/consumers/eve/oauth2", {"name": "b", "redirect_uri": "http://b.test/"})
    assert len(await admin.rows("/oauth2/")) == 2
    assert await admin.rows(f"/oauth2?client_id={row['client_id']}") == [row]
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await admin.send(method, "/oauth2", json={})).status_code == 405
    assert (await admin.send("GET", f"/oauth2/{row['id']}")).status_code == 404


async def test_tokens_can_be_managed(admin: Admin) -> None:
    application = await admin.create(PATH, {"name": "a", "redirect_uri": "http://a.test/"})
    empty = await admin.send("POST", "/oauth2_tokens", json={})
    assert (empty.status_code, body_of(empty)) == (
        400,
        {"credential_id": "credential_id is required", "expires_in": "expires_in is required"},
    )
    body = {"credential_id": application["id"], "expires_in": 10}
    row = await admin.create("/oauth2_tokens/", body)
    assert row == {
        "id": row["id"],
        "created_at": NOW_MS,
        **body,
        "token_type": "bearer",
        "access_token": row["access_token"],
    }
    assert RANDOM.fullmatch(row["access_token"])
    for name in (row["id"], row["access_token"]):
        assert (await admin.send("GET", f"/oauth2_tokens/{name}")).json() == row
    changed = await admin.send("PATCH", f"/oauth2_tokens/{row['id']}", json={"expires_in": 20})
    assert changed.json() == {**row, "expires_in": 20}
    batch = await admin.store.changes_since(0, limit=100)
    assert row["access_token"] not in repr(batch.changes)
    assert application["client_secret"] not in repr(batch.changes)
    await admin.send("DELETE", "/consumers/bob")
    assert await admin.store.count(OAUTH2_TOKENS) == 0
    assert await admin.rows("/oauth2") == []
