"""Which failures are tried again."""

import itertools

import pytest

from colobus.gateway.retries import Failure, Verdict, is_idempotent, verdict


@pytest.mark.parametrize(
    ("method", "idempotent"),
    [
        *((method, True) for method in (b"GET", b"PUT", b"DELETE", b"BREW")),
        *((method, False) for method in (b"POST", b"PATCH", b"LOCK")),
    ],
)
def test_methods_that_may_be_sent_twice(method: bytes, *, idempotent: bool) -> None:
    assert is_idempotent(method) is idempotent


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (Failure.REFUSED, 502),
        (Failure.HANDSHAKE, 502),
        (Failure.CLOSED, 502),
        (Failure.GARBAGE, 502),
        (Failure.CONNECT_TIMEOUT, 504),
        (Failure.SEND_TIMEOUT, 504),
        (Failure.READ_TIMEOUT, 504),
    ],
)
def test_every_failure_has_its_status(failure: Failure, status: int) -> None:
    assert failure.status == status
    assert failure.reason


def decide(failure: Failure, **facts: object) -> Verdict:
    usual = {"was_sent": True, "is_safe": True, "is_stale": False, "attempts_left": 1}
    return verdict(failure, **{**usual, **facts})  # type: ignore[arg-type]  # (one dict for all)


@pytest.mark.parametrize("failure", list(Failure))
def test_the_table(failure: Failure) -> None:
    never = failure is Failure.GARBAGE
    assert decide(failure) is (Verdict.GIVE_UP if never else Verdict.TRY_NEXT)
    assert decide(failure, attempts_left=0) is Verdict.GIVE_UP
    assert decide(failure, is_safe=False) is Verdict.GIVE_UP
    unsent = decide(failure, was_sent=False, is_safe=False)
    assert unsent is (Verdict.GIVE_UP if never else Verdict.TRY_NEXT)


def test_a_stale_connection_costs_no_attempt() -> None:
    assert decide(Failure.CLOSED, is_stale=True, attempts_left=0) is Verdict.RENEW
    assert decide(Failure.READ_TIMEOUT, is_stale=True, attempts_left=0) is Verdict.GIVE_UP
    assert decide(Failure.CLOSED, is_stale=True, is_safe=False) is Verdict.GIVE_UP


def test_what_was_sent_and_is_not_safe_is_never_sent_again() -> None:
    for failure, stale, left in itertools.product(Failure, (False, True), (0, 5)):
        found = decide(failure, is_safe=False, is_stale=stale, attempts_left=left)
        assert found is Verdict.GIVE_UP
