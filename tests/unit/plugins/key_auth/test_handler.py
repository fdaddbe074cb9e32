"""key-auth at run time, and its configuration."""

from typing import Any

import pytest

from colobus.errors import SchemaError
from colobus.model import CONSUMERS
from colobus.model.schema import Row, validate
from colobus.plugins.context import ShortCircuit
from colobus.plugins.key_auth import KEYAUTH_CREDENTIALS, KeyAuth
from colobus.plugins.key_auth.config import KeyAuthConfig
from colobus.testing.capabilities import MemoryWorker
from colobus.testing.exchange import MemoryExchange, MemoryRequest

BOB: Row = {"id": "bob-id", "username": "bob"}
NOBODY = "7cbd37b2-0d08-4d5f-9b0c-1d1b1a4f3a11"
CREDENTIAL: Row = {"id": "credential-id", "consumer_id": "bob-id", "key": "Secret"}
FORM = ("Content-Type", "application/x-www-form-urlencoded")


class Gate:
    """A key-auth plugin in a worker that knows one key, of bob."""

    def __init__(self, **config: Any) -> None:
        self.worker = MemoryWorker()
        self.worker.lookups.add(KEYAUTH_CREDENTIALS, CREDENTIAL, {**CREDENTIAL, "key": "orphan",
                                                                  "consumer_id": "gone"})  # fmt: skip
        self.worker.lookups.add(CONSUMERS, BOB, {"id": NOBODY, "username": "nobody"})
        self.plugin = KeyAuth(self.worker.capabilities)
        self.config = validate(KeyAuthConfig, config)

    async def open(self, exchange: MemoryExchange) -> None:
        waiting = self.plugin.access(exchange, self.config)
        if waiting is not None:
            await waiting

    async def ask(
        self, target: str = "/", *headers: tuple[str, str], content: bytes = b""
    ) -> MemoryExchange:
        """Send a request through; return the exchange of one that passes."""
        exchange = MemoryExchange(MemoryRequest("POST", target, headers, content=content))
        await self.open(exchange)
        return exchange

    async def refusal(
        self, target: str = "/", *headers: tuple[str, str], content: bytes = b""
    ) -> ShortCircuit:
        """Send a request that is refused; return the refusal."""
        with pytest.raises(ShortCircuit) as answer:
            await self.ask(target, *headers, content=content)
        return answer.value


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/", [("apikey", "Secret")]),
        ("/", [("APIKEY", "Secret")]),
        ("/?apikey=Secret", []),
        ("/?a=1&apikey=Secr%65t&b", []),
    ],
)
async def test_a_known_key_names_the_consumer(target: str, headers: list[tuple[str, str]]) -> None:
    exchange = await Gate().ask(target, *headers)
    assert exchange.consumer == BOB
    assert exchange.credential == CREDENTIAL
    assert exchange.request.get_header("X-Consumer-Username") == "bob"


async def test_no_key_is_401_with_the_way_to_authenticate() -> None:
    refusal = await Gate().refusal()
    assert (refusal.status, refusal.body) == (401, "No API key found in request")
    assert refusal.headers == {"WWW-Authenticate": 'Key realm="colobus"'}


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/?APIKEY=Secret", []),
        ("/?apikey", []),
        ("/?other=Secret", []),
        ("/", [("x-apikey", "Secret")]),
    ],
)
async def test_these_are_no_keys(target: str, headers: list[tuple[str, str]]) -> None:
    assert (await Gate().refusal(target, *headers)).status == 401


@pytest.mark.parametrize("key", ["secret", "", "unknown", "orphan", "a" * 9000, "%00", "%FF"])
async def test_an_unknown_key_is_403(key: str) -> None:
    gate = Gate()
    # An empty key may come with rows of kong 0.10, which stores it.
    gate.worker.lookups.add(KEYAUTH_CREDENTIALS, {**CREDENTIAL, "key": ""})
    refusal = await gate.refusal(f"/?apikey={key}")
    assert (refusal.status, refusal.body) == (403, "Invalid authentication credentials")


@pytest.mark.parametrize("key", ["a" * 8193, "a\0b", "\udcff", ""])
async def test_a_key_that_nobody_can_have_is_not_looked_up(key: str) -> None:
    gate = Gate()
    gate.worker.lookups.is_cold = True
    await gate.refusal("/", ("apikey", key))
    assert gate.worker.lookups.fetched == []


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/", [("apikey", "Secret"), ("ApiKey", "Secret")]),
        ("/?apikey=Secret&apikey=Secret", []),
        ("/?apikey&apikey=Secret", []),
    ],
)
async def test_more_than_one_key_is_401(target: str, headers: list[tuple[str, str]]) -> None:
    refusal = await Gate().refusal(target, *headers)
    assert (refusal.status, refusal.body) == (401, "Duplicate API key found")


async def test_a_header_comes_before_the_query_and_an_earlier_name_before_a_later() -> None:
    gate = Gate(key_names=["first", "second"])
    assert (await gate.refusal("/?first=Secret", ("first", "wrong"))).status == 403
    assert (await gate.refusal("/?first=wrong", ("second", "Secret"))).status == 403
    assert (await gate.ask("/?second=Secret&first")).consumer == BOB


async def test_a_miss_waits_for_the_datastore() -> None:
    gate = Gate()
    gate.worker.lookups.is_cold = True
    exchange = MemoryExchange(MemoryRequest(headers=[("apikey", "Secret")]))
    waiting = gate.plugin.access(exchange, gate.config)
    assert waiting is not None
    await waiting
    assert exchange.consumer == BOB
    again = MemoryExchange(MemoryRequest(headers=[("apikey", "Secret")]))
    assert gate.plugin.access(again, gate.config) is None
    assert again.consumer == BOB


@pytest.mark.parametrize("anonymous", ["", NOBODY])
async def test_without_the_datastore_nobody_passes(anonymous: str) -> None:
    gate = Gate(anonymous=anonymous)
    gate.worker.lookups.is_cold = True
    gate.worker.lookups.is_available = False
    assert (await gate.refusal("/?apikey=Secret")).status == 503


@pytest.mark.parametrize("target", ["/", "/?apikey=wrong", "/?apikey=Secret&apikey=Secret"])
async def test_with_anonymous_a_refused_request_goes_on_as_that_consumer(target: str) -> None:
    exchange = await Gate(anonymous=NOBODY).ask(target)
    assert exchange.consumer == {"id": NOBODY, "username": "nobody"}
    assert exchange.credential is None
    assert exchange.request.get_header("X-Anonymous-Consumer") == "true"
    # kong 0.10 leaves WWW-Authenticate on the answer.
    assert exchange.response.headers == []


async def test_an_identified_request_is_left_alone_with_anonymous_and_only_then() -> None:
    request = MemoryRequest(target="/?apikey=wrong")
    other: Row = {"id": "other"}
    exchange = MemoryExchange(request, consumer=BOB, credential=other)
    await Gate(anonymous=NOBODY, hide_credentials=True).open(exchange)
    assert exchange.credential is other
    assert request.query.text == "apikey=wrong"
    with pytest.raises(ShortCircuit):
        await Gate().open(MemoryExchange(request, consumer=BOB, credential=other))


async def test_credentials_are_hidden_wherever_they_are() -> None:
    gate = Gate(hide_credentials=True)
    exchange = await gate.ask("/?a=%7e&apikey=other&b", ("ApiKey", "Secret"), ("x", "y"))
    assert exchange.request.query.text == "a=%7e&b"
    assert exchange.request.get_header("apikey") is None
    assert exchange.request.get_header("x") == "y"


async def test_credentials_are_not_hidden_unless_asked() -> None:
    exchange = await Gate().ask("/?apikey=Secret", ("x", "y"))
    assert exchange.request.query.text == "apikey=Secret"


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("application/x-www-form-urlencoded", b"apikey=Secret"),
        ("application/json", b'{"apikey":"Secret"}'),
        (
            "multipart/form-data; boundary=X",
            b'--X\r\nContent-Disposition: form-data; name="apikey"\r\n\r\nSecret\r\n--X--\r\n',
        ),
    ],
)
async def test_a_key_is_found_in_the_body_if_asked(content_type: str, content: bytes) -> None:
    header = ("Content-Type", content_type)
    assert (await Gate(key_in_body=True).ask("/", header, content=content)).consumer == BOB
    assert (await Gate().refusal("/", header, content=content)).status == 401


async def test_a_key_in_the_body_is_looked_up_like_any_other() -> None:
    gate = Gate(key_in_body=True)
    gate.worker.lookups.is_cold = True
    assert (await gate.ask("/", FORM, content=b"apikey=Secret")).consumer == BOB
    assert [kind for kind, _, _ in gate.worker.lookups.fetched] == [
        "keyauth_credentials",
        "consumers",
    ]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b'{"apikey":["Secret"]}', 401),
        (b'{"apikey":{"a":1}}', 401),
        (b'{"apikey":1}', 401),
        (b'{"apikey":"wrong"}', 403),
        (b"{", 401),
    ],
)
async def test_json_bodies_that_hold_no_known_key(content: bytes, status: int) -> None:
    header = ("Content-Type", "application/json")
    assert (await Gate(key_in_body=True).refusal("/", header, content=content)).status == status


async def test_the_body_of_an_earlier_name_comes_before_the_head_of_a_later() -> None:
    gate = Gate(key_in_body=True, key_names=["first", "second"])
    refusal = await gate.refusal("/", FORM, ("second", "Secret"), content=b"first=wrong")
    assert refusal.status == 403


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/?apikey=Secret", [FORM]),
        ("/", [("apikey", "Secret"), FORM]),
        ("/", [("apikey", "Secret")]),
        ("/?apikey=Secret", [("Content-Type", "text/plain")]),
    ],
)
async def test_a_body_that_is_not_needed_is_not_read(
    target: str, headers: list[tuple[str, str]]
) -> None:
    gate = Gate(key_in_body=True)
    exchange = MemoryExchange(MemoryRequest("POST", target, headers, content=b"x" * 2**21))
    assert gate.plugin.access(exchange, gate.config) is None
    assert exchange.consumer == BOB


async def test_a_bare_flag_in_the_query_keeps_the_body_from_being_asked() -> None:
    gate = Gate(key_in_body=True)
    assert (await gate.refusal("/?apikey", FORM, content=b"apikey=Secret")).status == 401


async def test_a_body_that_must_be_read_may_not_be_huge() -> None:
    gate = Gate(key_in_body=True)
    assert (await gate.refusal("/", FORM, content=b"x" * 2**21)).status == 413


async def test_credentials_are_hidden_in_the_body_too() -> None:
    gate = Gate(key_in_body=True, hide_credentials=True)
    in_body = await gate.ask("/", FORM, content=b"a=1&apikey=Secret")
    assert in_body.request.content == b"a=1"
    in_both = await gate.ask("/?apikey=Secret", FORM, content=b"apikey=other&a=1")
    assert in_both.request.content == b"a=1"
    in_head = await gate.ask("/?apikey=Secret", FORM, content=b"a=%7e")
    assert in_head.request.content == b"a=%7e"


@pytest.mark.parametrize(
    ("names", "bad"), [("api key", "api key"), ("apikey,x:y", "x:y"), (["ok", ""], ""), ([1], "1")]
)
def test_key_names_are_header_names(names: object, bad: str) -> None:
    with pytest.raises(SchemaError) as failure:
        validate(KeyAuthConfig, {"key_names": names})
    assert failure.value.fields == {
        "key_names": f"'{bad}' is illegal: bad header name '{bad}', allowed characters are"
        " A-Z, a-z, 0-9, '_', and '-'"
    }


def test_the_configuration_has_these_defaults() -> None:
    assert validate(KeyAuthConfig, {}).model_dump() == {
        "key_names": ["apikey"],
        "hide_credentials": False,
        "anonymous": "",
        "key_in_body": False,
    }
