"""``config`` of rate-limiting."""

from typing import Literal

from pydantic import model_validator

from colobus.model.schema import Boolean, Choice, Number, Schema, String
from colobus.plugins.quotas import PERIODS, limits_problem

__all__ = ["RateLimitingConfig"]


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
        problem = limits_problem(self.limits)
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
