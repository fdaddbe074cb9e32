"""``config`` of rate-limiting."""

from typing import Literal

from pydantic import model_validator

from colobus.model.schema import Boolean, Choice, Number, Schema, String

__all__ = ["PERIODS", "RateLimitingConfig"]

PERIODS = ("second", "minute", "hour", "day", "month", "year")


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
