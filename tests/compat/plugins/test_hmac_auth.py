"""hmac-auth as kong 0.10 checks it (reference: plugins.md, hmac-auth)."""

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import pytest

from colobus.plugins.hmac_auth import HMACAUTH_CREDENTIALS, HmacAuth
from support.admin import Admin, body_of
from support.guarded import ANONYMOUS, BOB, Guarded, guarded

PATH = "/consumers/bob/hmac-auth"
NOW = 1_500_000_000
DATE = formatdate(NOW, usegmt=True)
NO_DATE = (
    403,
    {
        "message": "HMAC signature cannot be verified, a valid date or x-date header is required"
        " for HMAC Authentication"
    },
)
UNVERIFIED = (403, {"message": "HMAC signature cannot be verified"})
MISMATCH = (403, {"message": "HMAC signature does not match"})


def sign(text: str, secret: str = "secret") -> str:
    return b64encode(hmac.digest(secret.encode(), text.encode(), hashlib.sha1)).decode()


def header(
    text: str = f"date: {DATE}",
    names: str = "date",
    *,
    user: str = "bob",
    algorithm: str = "hmac-sha1",
    scheme: str = "hmac ",
    comma: str = ", ",
) -> str:
    parts = (
        f'username="{user}"',
        f'algorithm="{algorithm}"',
        f'headers="{names}"',
        f'signature="{sign(text)}"',
    )
    return scheme + comma.join(parts)


def prepare(gate: Guarded) -> None:
    owner = {"consumer_id": BOB["id"]}
    gate.worker.lookups.add(
        HMACAUTH_CREDENTIALS,
        {"id": "c1", **owner, "username": "bob", "secret": "secret"},
        {"id": "c2", "consumer_id": "gone", "username": "orphan", "secret": "secret"},
    )


@pytest.fixture
def gate() -> Iterator[Guarded]:
    with guarded((HmacAuth, {})) as gate:
        prepare(gate)
        yield gate


# -- at run time -------------------------------------------------------------------------------


def test_without_a_signature_it_is_401_and_does_not_say_how(gate: Guarded) -> None:
    reply = gate.ask("/", ("Date", DATE))
    assert reply.refusal == (401, {"message": "Unauthorized"})
    assert "www-authenticate" not in reply.headers


@pytest.mark.parametrize("name", ["Authorization", "Proxy-Authorization"])
@pytest.mark.parametrize(
    "value",
    [
        header(),
        header(scheme="Hmac  "),
        header(scheme="hmac"),
        header(comma=","),
        header(scheme="anything hmac "),
        # The algorithm is SHA-1 whatever it is called.
        header(algorithm="hmac-sha256"),
        header(algorithm="none"),
        header(f"Date: {DATE}", "Date"),
        header("", ""),
    ],
)
def test_a_signature_names_the_consumer(gate: Guarded, name: str, value: str) -> None:
    reply = gate.ask("/", ("Date", DATE), (name, value))
    if 'headers=""' in value:
        assert reply.refusal == UNVERIFIED
        return
    assert reply.passed["x-consumer-id"] == BOB["id"]
    assert reply.passed["x-consumer-username"] == "bob"
    assert reply.passed["x-credential-username"] == "bob"
    assert reply.passed[name.lower()] == value


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("request-line", "GET /requests?a=%7e HTTP/1.1"),
        ("date request-line", f"date: {DATE}\nGET /requests?a=%7e HTTP/1.1"),
        ("host x_custom", "host: shop.test\nx_custom: 1, 2"),
        ("X-Custom X-Missing Request-Line", "X-Custom: 1, 2\nX-Missing:\nRequest-Line:"),
        ("content-length", "content-length: 2"),
        ("date  host", f"date: {DATE}\n:\nhost: shop.test"),
    ],
)
def test_the_named_lines_are_what_is_signed(gate: Guarded, names: str, text: str) -> None:
    headers = [("Date", DATE), ("X-Custom", "1"), ("x-custom", "2")]
    if names.startswith("content"):
        reply = gate.ask(
            "/", *headers, ("Authorization", header(text, names)), method="POST", body=b"ab"
        )
    else:
        reply = gate.ask("/requests?a=%7e", *headers, ("Authorization", header(text, names)))
    assert reply.status == 200, reply
    wrong = header(text + " ", names)
    assert gate.ask("/requests?a=%7e", *headers, ("Authorization", wrong)).refusal == MISMATCH


@pytest.mark.parametrize(
    "value",
    [
        "asd",
        "",
        "hmac",
        'hmac :username="bob"',
        header(scheme=""),
        header(scheme="HMAC "),
        header(comma=" "),
        header(user=""),
        header(algorithm=""),
        header().replace("headers=", "header="),
        header().rpartition(",")[0],
        header(user="nobody"),
        header(user="Bob"),
        header(user="bób"),
        header(user="b" * 9000)[:8000],
    ],
)
def test_what_is_no_signature_of_somebody_cannot_be_verified(gate: Guarded, value: str) -> None:
    assert gate.ask("/", ("Date", DATE), ("Authorization", value)).refusal == UNVERIFIED
    # The date is asked for first.
    assert gate.ask("/", ("Authorization", value)).refusal == NO_DATE


@pytest.mark.parametrize(
    "signature", ["", "x", sign("other"), "!!!!", sign(f"date: {DATE}", "Secret")]
)
def test_a_wrong_signature_does_not_match(gate: Guarded, signature: str) -> None:
    value = re.sub(r'signature="[^"]*"', f'signature="{signature}"', header())
    expected = MISMATCH if signature else UNVERIFIED
    assert gate.ask("/", ("Date", DATE), ("Authorization", value)).refusal == expected


def test_the_first_signature_decides(gate: Guarded) -> None:
    own = ("Authorization", header())
    for proxy, status in (("garbage", 200), (header("x"), 403), (header(user="nobody"), 403)):
        reply = gate.ask("/", ("Date", DATE), ("Proxy-Authorization", proxy), own)
        assert reply.status == status


def test_a_consumer_that_is_gone_is_nobody(gate: Guarded) -> None:
    reply = gate.ask("/", ("Date", DATE), ("Authorization", header(user="orphan")))
    assert reply.refusal == MISMATCH


@pytest.mark.parametrize(
    ("dates", "passes"),
    [
        ({"Date": 0}, True),
        ({"X-Date": 0}, True),
        ({"Date": 300}, True),
        ({"Date": -300}, True),
        ({"Date": 301}, False),
        ({"X-Date": -301}, False),
        ({"Date": "", "X-Date": 0}, True),
        ({"Date": 0, "X-Date": "yesterday"}, True),
        ({"Date": 400, "X-Date": 0}, True),
        ({"Date": "yesterday"}, False),
        ({"Date": "Friday, 14-Jul-17 02:40:00 GMT"}, True),
        ({"Date": "Fri Jul 14 02:40:00 2017"}, True),
        ({"Date": "2017-07-14T02:40:00Z"}, False),
        ({"Date": str(NOW)}, False),
        ({}, False),
    ],
)
def test_the_date_may_differ_by_the_clock_skew(
    gate: Guarded, dates: dict[str, Any], passes: bool
) -> None:
    lines = [
        (name, value if isinstance(value, str) else formatdate(NOW + value, usegmt=True))
        for name, value in dates.items()
    ]
    # The date need not be signed.
    reply = gate.ask("/", *lines, ("Authorization", header("host: shop.test", "host")))
    assert reply.status == 200 if passes else reply.refusal == NO_DATE


def test_another_clock_skew() -> None:
    with guarded((HmacAuth, {"clock_skew": 1})) as gate:
        prepare(gate)
        for late, status in ((1, 200), (2, 403)):
            date = formatdate(NOW - late, usegmt=True)
            value = header(f"date: {date}")
            assert gate.ask("/", ("Date", date), ("Authorization", value)).status == status


def test_each_header_is_hidden_as_it_is_consulted() -> None:
    with guarded((HmacAuth, {"hide_credentials": True, "anonymous": ANONYMOUS["id"]})) as gate:
        prepare(gate)
        date, own, proxy = ("Date", DATE), "Authorization", "Proxy-Authorization"
        assert "authorization" not in gate.ask("/", date, (own, header())).passed
        first = gate.ask("/", date, (proxy, header()), (own, "kept")).passed
        assert first["authorization"] == "kept"
        assert "proxy-authorization" not in first
        both = gate.ask("/", date, (proxy, "x"), (own, "y")).passed
        assert both["x-anonymous-consumer"] == "true"
        assert not {"authorization", "proxy-authorization"} & set(both)
        # It is not consulted without a date.
        assert gate.ask("/", (own, "y")).passed["authorization"] == "y"


# -- its configuration and its entities --------------------------------------------------------


@pytest.fixture
async def admin() -> Admin:
    admin = Admin()
    await admin.create("/consumers", {"username": "bob"})
    return admin


async def test_a_secret_is_shown_and_made_where_none_is_given(admin: Admin) -> None:
    row = await admin.create(PATH, {"username": "b", "secret": "s"})
    assert row == {
        "id": row["id"],
        "consumer_id": row["consumer_id"],
        "created_at": 1_500_000_000_000,
        "username": "b",
        "secret": "s",
    }
    for given in ({}, {"secret": ""}):
        made = await admin.create(PATH, {"username": f"c{len(given)}", **given})
        assert re.fullmatch("[0-9a-f]{32}", made["secret"])
    assert (await admin.send("GET", f"{PATH}/b")).json() == row


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({}, 400, {"username": "username is required"}),
        ({"username": "b", "secret": 1}, 400, {"secret": "secret is not a string"}),
        ({"username": "taken"}, 409, {"username": "already exists with value 'taken'"}),
    ],
)
async def test_credentials_that_cannot_be(
    admin: Admin, body: dict[str, Any], status: int, expected: dict[str, str]
) -> None:
    await admin.create(PATH, {"username": "taken"})
    answer = await admin.send("POST", PATH, json=body)
    assert (answer.status_code, body_of(answer)) == (status, expected)


async def test_a_clock_skew_is_positive(admin: Admin) -> None:
    body = {"name": "hmac-auth", "config": {"clock_skew": -1}}
    answer = await admin.send("POST", "/plugins", json=body)
    assert (answer.status_code, body_of(answer)) == (
        400,
        {"config.clock_skew": "Clock Skew should be positive"},
    )


async def test_secrets_do_not_get_into_the_log_of_changes(admin: Admin) -> None:
    await admin.create(PATH, {"username": "b", "secret": "hush-hush"})
    batch = await admin.store.changes_since(0, limit=100)
    assert "hmacauth_credentials" in repr(batch.changes)
    assert "hush-hush" not in repr(batch.changes)
