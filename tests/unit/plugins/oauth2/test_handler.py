"""oauth2 and the worker around it: waiting for the datastore, races, and failing closed."""

from typing import Any

import pytest

from colobus.errors import StoreError
from colobus.model import CONSUMERS
from colobus.model.schema import Row, validate
from colobus.plugins.context import Deletion, Insertion, ShortCircuit
from colobus.plugins.oauth2 import OAUTH2_CODES, OAUTH2_CREDENTIALS, OAUTH2_TOKENS, OAuth2
from colobus.plugins.oauth2.answers import redirect_uri
from colobus.plugins.oauth2.config import OAuth2Config
from colobus.testing.capabilities import MemoryWorker
from colobus.testing.exchange import MemoryExchange, MemoryRequest

APP: Row = {
    "id": "app-id",
    "consumer_id": "bob-id",
    "client_id": "app",
    "client_secret": "hush",
    "redirect_uri": ["http://x.test/"],
}
CODE: Row = {"id": "c", "api_id": "api", "credential_id": "app-id", "code": "code",
             "created_at": 1_500_000_000_000}  # fmt: skip
TOKEN: Row = {"id": "t", "api_id": "api", "credential_id": "app-id", "expires_in": 0,
              "access_token": "good"}  # fmt: skip
BY_CODE = "grant_type=authorization_code&code=code&client_id=app&client_secret=hush"
FOR_USER = "client_id=app&response_type=code&provision_key=p&authenticated_userid=u"


class Gate:
    def __init__(self) -> None:
        self.worker = MemoryWorker()
        lookups = self.worker.lookups
        lookups.add(OAUTH2_CREDENTIALS, APP)
        lookups.add(OAUTH2_CODES, CODE)
        lookups.add(OAUTH2_TOKENS, TOKEN)
        lookups.add(CONSUMERS, {"id": "bob-id", "username": "bob"})
        self.plugin = OAuth2(self.worker.capabilities)
        self.config = validate(
            OAuth2Config, {"enable_authorization_code": True, "provision_key": "p"}
        )

    async def post(self, target: str) -> tuple[int, Any]:
        """Return the answer of an endpoint."""
        exchange = MemoryExchange(MemoryRequest("POST", target, scheme="https"))
        waiting = self.plugin.access(exchange, self.config)
        assert waiting is not None
        with pytest.raises(ShortCircuit) as answer:
            await waiting
        return answer.value.status, answer.value.body


async def test_over_tls_no_proxy_is_needed() -> None:
    status, body = await Gate().post(f"/oauth2/token?{BY_CODE}")
    assert (status, body["token_type"]) == (200, "bearer")


async def test_a_token_is_waited_for_once() -> None:
    gate = Gate()
    gate.worker.lookups.is_cold = True
    for is_known in (False, True):
        exchange = MemoryExchange(MemoryRequest(target="/?access_token=good"))
        waiting = gate.plugin.access(exchange, gate.config)
        assert (waiting is None) is is_known
        if waiting is not None:
            await waiting
        assert exchange.consumer == {"id": "bob-id", "username": "bob"}
        assert exchange.credential == APP


async def test_a_token_in_a_body_is_waited_for() -> None:
    gate = Gate()
    gate.worker.lookups.is_cold = True
    form = ("Content-Type", "application/x-www-form-urlencoded")
    request = MemoryRequest("POST", "/", [form], content=b"access_token=good")
    exchange = MemoryExchange(request)
    waiting = gate.plugin.access(exchange, gate.config)
    assert waiting is not None
    await waiting
    assert exchange.credential == APP


@pytest.mark.parametrize("path", [f"token?{BY_CODE}", f"authorize?{FOR_USER}"])
async def test_the_endpoints_wait_too_and_without_the_datastore_give_nothing(path: str) -> None:
    gate = Gate()
    gate.worker.lookups.is_cold = True
    assert (await gate.post(f"/oauth2/{path}"))[0] == 200
    gate = Gate()
    gate.worker.lookups.is_cold = True
    gate.worker.lookups.is_available = False
    assert await gate.post(f"/oauth2/{path}") == (503, None)
    gate = Gate()
    gate.worker.writes.is_available = False
    assert await gate.post(f"/oauth2/{path}") == (503, None)


async def test_a_code_that_another_node_has_used_gives_no_token() -> None:
    gate = Gate()
    refused = {"error": "invalid_request", "error_description": "Invalid code"}
    rows = gate.worker.lookups.cached(OAUTH2_CODES, "code", "code")
    assert rows is not None

    async def gone(*_steps: Insertion | Deletion) -> list[Row]:
        # What this worker still remembers is gone from the datastore.
        gate.worker.lookups.remove(OAUTH2_CODES, "c")
        found = await MemoryWorker().writes.write(Deletion(OAUTH2_CODES, "c"))
        return list(found)

    gate.worker.writes.write = gone  # type: ignore[method-assign]
    assert await gate.post(f"/oauth2/token?{BY_CODE}") == (400, refused)


@pytest.mark.parametrize("path", [f"token?{BY_CODE}", f"authorize?{FOR_USER}"])
async def test_an_application_that_is_deleted_meanwhile_is_unknown(path: str) -> None:
    gate = Gate()

    async def refused(*_steps: Insertion | Deletion) -> list[Row]:
        raise StoreError("its parent is gone")

    gate.worker.writes.write = refused  # type: ignore[method-assign]
    expected = {
        "error": "invalid_client",
        "error_description": "Invalid client authentication",
    }
    assert await gate.post(f"/oauth2/{path}") == (400, expected)


def test_who_is_authenticated_already_is_left_alone_with_anonymous() -> None:
    gate = Gate()
    config = validate(
        OAuth2Config,
        {"enable_implicit_grant": True, "anonymous": "7cbd37b2-0d08-4d5f-9b0c-1d1b1a4f3a11"},
    )
    exchange = MemoryExchange(MemoryRequest("POST", "/oauth2/token"), credential={"id": "other"})
    assert gate.plugin.access(exchange, config) is None
    assert exchange.credential == {"id": "other"}


@pytest.mark.parametrize("text", ["", "a\0b", "a" * 9000])
def test_a_token_that_nobody_can_have_is_not_looked_up(text: str) -> None:
    gate = Gate()
    gate.worker.lookups.is_cold = True
    request = MemoryRequest(headers=[("Authorization", f"bearer {text}")])
    with pytest.raises(ShortCircuit) as answer:
        gate.plugin.access(MemoryExchange(request), gate.config)
    assert answer.value.status == 401
    assert gate.worker.lookups.fetched == []


@pytest.mark.parametrize(
    ("uri", "in_fragment", "expected"),
    [
        ("http://a.test", False, "http://a.test?code=%26%20%C3%A9"),
        ("http://a.test/p?code=1&b=2&a", False, "http://a.test/p?a=&b=2&code=%26%20%C3%A9"),
        ("http://a.test/p?x=1", True, "http://a.test/p?x=1#code=%26%20%C3%A9"),
        ("app:/x", False, "app:/x?code=%26%20%C3%A9"),
    ],
)
def test_parameters_go_into_the_query_or_the_fragment(
    uri: str, in_fragment: bool, expected: str
) -> None:
    assert redirect_uri(uri, {"code": "& é"}, in_fragment=in_fragment) == expected
