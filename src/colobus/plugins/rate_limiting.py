"""rate-limiting: so many requests per calendar second, minute, hour, day, month or year (UTC).

Reference: plugins.md, rate-limiting. Counting is exact over all workers of the node: a request
takes one from every configured period at once, or from none. Counters belong to the API and the
identifier; every configuration that meets both shares them.
"""

import math
import weakref
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import model_validator

from colobus.errors import StoreError
from colobus.model.schema import Boolean, Choice, Number, Schema, String
from colobus.plugins.base import Plugin
from colobus.plugins.context import Capabilities, Exchange, ShortCircuit, Window

__all__ = ["PERIODS", "RateLimiting", "RateLimitingConfig", "window_of"]

PERIODS = ("second", "minute", "hour", "day", "month", "year")

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


class RateLimitingConfig(Schema):
    """``config`` of rate-limiting."""

    second: Number | None = None
    minute: Number | None = None
    hour: Number | None = None
    day: Number | None = None
    month: Number | None = None
    year: Number | None = None
    limit_by: Choice[Literal["consumer", "credential", "ip"]] = "consumer"
    policy: Choice[Literal["local", "cluster", "redis"]] = "cluster"
    fault_tolerant: Boolean = True
    redis_host: String | None = None
    redis_port: Number = 6379
    redis_password: String | None = None
    redis_timeout: Number = 2000
    redis_database: Number = 0

    @property
    def limits(self) -> dict[str, int | float]:
        """Period -> limit, the shortest period first."""
        limits = ((period, getattr(self, period)) for period in PERIODS)
        return {period: limit for period, limit in limits if limit is not None}

    @model_validator(mode="after")
    def _self_check(self) -> "RateLimitingConfig":
        problem = _limits_problem(self.limits)
        if problem is None and self.policy == "redis":
            problem = self._redis_problem()
        if problem is not None:
            raise ValueError(problem)
        return self

    def _redis_problem(self) -> str | None:
        for noun in ("host", "port", "timeout"):
            if not getattr(self, f"redis_{noun}"):
                return f"You need to specify a Redis {noun}"
        return None


def _limits_problem(limits: dict[str, int | float]) -> str | None:
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


def window_of(period: str, now: float) -> tuple[int, int]:
    """Return the epoch seconds at which the period around ``now`` starts and ends, in UTC."""
    length = _SECONDS.get(period)
    if length is not None:
        start = math.floor(now / length) * length
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


class _Quota:
    """The windows of one configuration around a moment, and the headers that show them."""

    __slots__ = ("headers", "limits", "since", "until", "windows")

    def __init__(self, config: RateLimitingConfig, now: float) -> None:
        limits = config.limits
        self.limits: Sequence[int | float] = tuple(limits.values())
        self.headers = [
            (f"X-RateLimit-Limit-{period}", str(limit), f"X-RateLimit-Remaining-{period}")
            for period, limit in limits.items()
        ]
        bounds = [window_of(period, now) for period in limits]
        self.since = max(start for start, _ in bounds)
        self.until = min(end for _, end in bounds)
        # A call passes while usage < limit, so a limit of 1.5 is one of two. An ended window is
        # never asked about again: its counter lasts to the window's end and not, as in kong 0.10,
        # a fixed time from its first call.
        self.windows = [
            Window(f"{start * 1000}:{period}", math.ceil(limit), end)
            for (period, limit), (start, end) in zip(limits.items(), bounds, strict=True)
        ]


class RateLimiting(Plugin):
    """Refuses what exceeds a quota."""

    name = "rate-limiting"
    priority = 900
    Config = RateLimitingConfig

    def __init__(self, capabilities: Capabilities) -> None:
        super().__init__(capabilities)
        # Quotas by the identity of their configuration, each gone as soon as that is.
        self._quotas: dict[int, _Quota] = {}
        self._configs: dict[int, weakref.ref[RateLimitingConfig]] = {}

    def access(self, exchange: Exchange, config: RateLimitingConfig) -> None:
        """Take one from every window, or refuse; tell the client what is left."""
        now = self.capabilities.clock.time()
        quota = self._quotas.get(id(config))
        if quota is None or not quota.since <= now < quota.until:
            quota = self._renewed(config, now)
        assert exchange.api is not None  # access comes after routing
        group = f"ratelimit:{exchange.api['id']}:{_identifier(exchange, config.limit_by)}"
        try:
            usage = self.capabilities.counters.consume(group, quota.windows, now)
        except StoreError as exc:
            if not config.fault_tolerant:
                raise ShortCircuit(500) from exc
            self.capabilities.logger.error("requests pass uncounted: %s", exc)
            return
        if _show(exchange, quota, usage):
            raise ShortCircuit(429, "API rate limit exceeded")

    def _renewed(self, config: RateLimitingConfig, now: float) -> _Quota:
        """Make the configuration's quota for the windows around ``now``."""
        key = id(config)
        if key not in self._configs:
            self._configs[key] = weakref.ref(config, lambda _: self._forget(key))
            if config.policy != "local":
                self.capabilities.logger.warning(
                    "policy '%s' is not available: this configuration (%s) counts per node,"
                    " as policy 'local' does",
                    config.policy,
                    ", ".join(f"{period}={limit}" for period, limit in config.limits.items()),
                )
        quota = self._quotas[key] = _Quota(config, now)
        return quota

    def _forget(self, key: int) -> None:
        del self._configs[key]
        self._quotas.pop(key, None)


def _identifier(exchange: Exchange, limit_by: str) -> str:
    """Return whose quota it is: what ``limit_by`` says if it is known, else the next best."""
    if limit_by == "consumer" and exchange.consumer is not None:
        return str(exchange.consumer["id"])
    if limit_by != "ip" and exchange.credential is not None and "id" in exchange.credential:
        return str(exchange.credential["id"])
    return exchange.client_ip


def _show(exchange: Exchange, quota: _Quota, usage: Sequence[int]) -> bool:
    """Set the headers of every period; say whether one of them was exhausted before this call."""
    remaining = [limit - used for limit, used in zip(quota.limits, usage, strict=True)]
    exhausted = min(remaining) <= 0
    this_call = 0 if exhausted else 1
    response = exchange.response
    for (limit_name, limit, remaining_name), left in zip(quota.headers, remaining, strict=True):
        response.set_header(limit_name, limit)
        response.set_header(remaining_name, str(max(0, left - this_call)))
    return exhausted
