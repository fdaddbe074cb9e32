"""Waiting for something to become true, with a deadline instead of a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

from colobus.clock import SystemClock

T = TypeVar("T")
_clock = SystemClock()


def wait_until(probe: Callable[[], T | None], *, timeout_s: float = 20.0, what: str = "") -> T:
    """Return what ``probe`` returns as soon as it is neither None nor False.

    Raises:
        AssertionError: it was not within ``timeout_s`` seconds.
    """
    deadline = _clock.monotonic() + timeout_s
    while True:
        found = probe()
        if found is not None and found is not False:
            return found
        assert _clock.monotonic() < deadline, f"not within {timeout_s:g} s: {what or probe}"
        time.sleep(0.02)
