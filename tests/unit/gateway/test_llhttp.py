"""Our parsers beside llhttp: where they differ, the table below says why, or the test fails."""

from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from support.builds import load_builds
from support.hostile import HONEST_REQUESTS, HOSTILE_ANSWERS, HOSTILE_BODIES, HOSTILE_HEADS
from support.messages import messages
from support.readings import Reading, read_by_llhttp, read_by_us

httptools = pytest.importorskip("httptools", reason="llhttp is reached through httptools")

WIRE = load_builds("colobus.gateway.wire")
FRAMING = load_builds("colobus.gateway.framing")

WE_REFUSE = {
    "missing Host": "llhttp does not look at Host (RFC 9112 §3.2)",
    "repeated Host": "llhttp does not look at Host (RFC 9112 §3.2)",
    "invalid Host": "llhttp does not look at Host (RFC 3986 §3.2.2)",
    "malformed request line": "llhttp takes several spaces, and no version (RFC 9112 §3: one space)",
    "HTTP version not supported": "llhttp takes 0.9 and 2.0; we speak 1.0 and 1.1",
    "malformed status line": "llhttp takes 0.9, 2.0, any three digits, and empty lines before",
    "control character in the head": "llhttp skips CR and LF in front of a message",
    "transfer coding not supported": "llhttp leaves codings to its caller, and takes empty elements",
    "Transfer-Encoding in HTTP/1.0": "llhttp reads it there too (RFC 9112 §6.1)",
    "invalid chunk size": "llhttp takes any number of leading zeros; 15 digits are enough",
    "trailer that belongs into the head": "llhttp refuses framing there, not Host (RFC 9110 §6.5.1)",
    "too many header lines": "llhttp has no limits",
}
"""Why we refuse what llhttp accepts, by our reason."""

LLHTTP_REFUSES = {
    "Invalid method encountered": "it knows a list; a method is any token (RFC 9110 §9.1)",
    "Expected space after method": "the same",
    "Invalid char in url": "a target is passed on as it came; its form is checked later",
    "Unexpected start char in url": "the same",
    "Unexpected char in url": "the same",
}
"""Why we accept what llhttp refuses, by its reason."""


def explanation(ours: Reading, theirs: Reading) -> str | None:
    """Return why the readings may differ; None when nothing explains it."""
    if ours.refusal:
        return WE_REFUSE.get(ours.refusal)
    for reason, why in LLHTTP_REFUSES.items():
        if theirs.refusal.startswith(reason):
            return why
    return None


def readings(data: bytes, *, is_request: bool) -> tuple[Reading, Reading]:
    """Return ours, on which the builds agree, and llhttp's."""
    ours = {
        name: read_by_us(WIRE[name], FRAMING[name], data, is_request=is_request) for name in WIRE
    }
    pure = ours["pure"]
    for reading in ours.values():
        assert bool(reading.refusal) == bool(pure.refusal)
        assert reading.refusal or reading == pure
    return pure, read_by_llhttp(httptools, data, is_request=is_request)


def check(data: bytes, *, is_request: bool) -> None:
    ours, theirs = readings(data, is_request=is_request)
    if theirs.refusal and not ours.refusal and not ours.is_whole:
        # llhttp looks at every byte as it comes, we at a line of chunked framing once it has ended.
        ours, _ = readings(data + b"\r\n\r\n", is_request=is_request)
    if bool(ours.refusal) != bool(theirs.refusal):
        assert explanation(ours, theirs) is not None, (data, ours, theirs)
    elif not ours.refusal and ours.start and theirs.start:
        if theirs.is_upgrade:
            # llhttp ends a request for another protocol at its head; to us a body is a body, and
            # a request with one asks an upstream for no other protocol.
            ours = replace(ours, payload=theirs.payload, is_whole=theirs.is_whole)
        assert ours == theirs, data


@pytest.mark.parametrize("name", [*HOSTILE_HEADS, *HOSTILE_BODIES, *HONEST_REQUESTS])
def test_the_tables_requests(name: str) -> None:
    tables = {**HOSTILE_BODIES, **HONEST_REQUESTS, **{n: d for n, (d, _) in HOSTILE_HEADS.items()}}
    if len(tables[name]) < 2000:  # llhttp has no limits
        check(tables[name], is_request=True)


@pytest.mark.parametrize("name", HOSTILE_ANSWERS)
def test_the_tables_answers(name: str) -> None:
    if len(HOSTILE_ANSWERS[name]) < 2000:
        check(HOSTILE_ANSWERS[name], is_request=False)


@given(data=messages(is_request=True))
@settings(max_examples=250, deadline=None, derandomize=True)
def test_requests_are_read_as_llhttp_reads_them(data: bytes) -> None:
    check(data, is_request=True)


@given(data=messages(is_request=False))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_answers_are_read_as_llhttp_reads_them(data: bytes) -> None:
    check(data, is_request=False)


@given(data=st.binary(max_size=60))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_garbage_is_refused_by_both(data: bytes) -> None:
    check(data + b"\r\n\r\n", is_request=True)
