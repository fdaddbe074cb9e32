"""Whether a request that failed upstream is tried again (reference: proxying §2.7). Pure.

====================  ==========================  =============================================
failure               answered with if it stays   tried again
====================  ==========================  =============================================
connection refused    502                         while attempts are left
no TLS handshake      502                         while attempts are left
connecting too slow   504                         while attempts are left
closed, reset         502                         while attempts are left, if it is safe
sending too slow      504                         while attempts are left, if it is safe
answering too slow    504                         while attempts are left, if it is safe
answer is not HTTP    502                         never
====================  ==========================  =============================================

It is safe when the method is idempotent and the whole body is still at hand. An idle connection
that the upstream closes just as it is used again is nobody's failure: the first time this happens
to a request, before a byte of the answer, costs no attempt.
"""

import enum
from typing import Final

__all__ = ["Failure", "Verdict", "is_idempotent", "verdict"]

# nginx's list; what is unknown counts as safe there too (proxy_next_upstream, non_idempotent).
NOT_IDEMPOTENT: Final = frozenset((b"POST", b"LOCK", b"PATCH"))


class Failure(enum.Enum):
    """What went wrong upstream before the head of an answer was complete; the value is its status."""

    REFUSED = (502, "connection refused")
    HANDSHAKE = (502, "TLS handshake failed")
    CONNECT_TIMEOUT = (504, "connecting took too long")
    CLOSED = (502, "closed before the end of its answer")
    SEND_TIMEOUT = (504, "sending took too long")
    READ_TIMEOUT = (504, "answering took too long")
    GARBAGE = (502, "the answer is not HTTP")

    @property
    def status(self) -> int:
        """The status of the page for it."""
        return self.value[0]

    @property
    def reason(self) -> str:
        """What the log says."""
        return self.value[1]


class Verdict(enum.Enum):
    """What to do about a failure."""

    GIVE_UP = enum.auto()
    TRY_NEXT = enum.auto()
    RENEW = enum.auto()
    """Try again over a new connection, at no cost."""


def is_idempotent(method: bytes) -> bool:
    """Say whether a request may be sent twice."""
    return method not in NOT_IDEMPOTENT


def verdict(
    failure: Failure,
    *,
    was_sent: bool,
    is_safe: bool,
    is_stale: bool,
    attempts_left: int,
) -> Verdict:
    """Decide about one failure.

    Args:
        failure: what happened.
        was_sent: some of the request may have reached the upstream.
        is_safe: the method is idempotent and the body can be sent again.
        is_stale: the connection came from the pool, gave no byte of an answer, and it is the
            first time for this request.
        attempts_left: further ones allowed.
    """
    if failure is Failure.GARBAGE or (was_sent and not is_safe):
        return Verdict.GIVE_UP
    if is_stale and failure is Failure.CLOSED:
        return Verdict.RENEW
    return Verdict.TRY_NEXT if attempts_left > 0 else Verdict.GIVE_UP
