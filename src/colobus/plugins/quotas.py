"""What plugins that count have in common: calendar windows, limits, and whose quota it is."""

from collections.abc import Mapping
from datetime import UTC, datetime
from math import floor

from colobus.plugins.context import Exchange

__all__ = ["PERIODS", "identifier_of", "limits_problem", "window_of"]

PERIODS = ("second", "minute", "hour", "day", "month", "year")

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


def window_of(period: str, now: float) -> tuple[int, int]:
    """Return the epoch seconds at which the period around ``now`` starts and ends, in UTC."""
    length = _SECONDS.get(period)
    if length is not None:
        start = floor(now / length) * length
        return start, start + length
    moment = datetime.fromtimestamp(now, UTC)
    if period == "year":
        return _midnight(moment.year, 1), _midnight(moment.year + 1, 1)
    if moment.month == 12:
        return _midnight(moment.year, 12), _midnight(moment.year + 1, 1)
    return _midnight(moment.year, moment.month), _midnight(moment.year, moment.month + 1)


def _midnight(year: int, month: int) -> int:
    """Return the epoch second at which the month starts."""
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp())


def limits_problem(limits: Mapping[str, int | float]) -> str | None:
    """Return what is wrong: the first kind of problem, and of one kind the last occurrence."""
    if not limits:
        return f"You need to set at least one limit: {', '.join(PERIODS)}"
    problem = None
    for period, limit in limits.items():
        if limit <= 0:
            problem = f"Value for {period} must be greater than zero"
    if problem is not None:
        return problem
    periods = list(limits)
    for position, shorter in enumerate(periods):
        for longer in periods[position + 1 :]:
            if limits[longer] < limits[shorter]:
                problem = f"The limit for {longer} cannot be lower than the limit for {shorter}"
    return problem


def identifier_of(exchange: Exchange, limit_by: str) -> str:
    """Return whose quota it is: what ``limit_by`` says if it is known, else the next best."""
    if limit_by == "consumer" and exchange.consumer is not None:
        return str(exchange.consumer["id"])
    if limit_by != "ip" and exchange.credential is not None and "id" in exchange.credential:
        return str(exchange.credential["id"])
    return exchange.client_ip
