"""``config`` of response-ratelimiting."""

import re
from functools import cached_property
from typing import Literal

from pydantic import field_validator, model_validator

from colobus.model.schema import Boolean, Choice, Flexible, Number, Schema, String
from colobus.plugins.quotas import PERIODS, limits_problem
from colobus.plugins.response_ratelimiting.units import Units

__all__ = ["Limits", "ResponseRateLimitingConfig"]

is_header_name = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+").fullmatch


def _check_header_name(name: str) -> str:
    # kong 0.10 takes any text, and fails with each request.
    if is_header_name(name) is None:
        raise ValueError(f"'{name}' is no header name")
    return name


class Limits(Schema):
    """The limits of one kind of unit."""

    second: Number | None = None
    minute: Number | None = None
    hour: Number | None = None
    day: Number | None = None
    month: Number | None = None
    year: Number | None = None

    @property
    def by_period(self) -> dict[str, int | float]:
        """Period -> limit, the shortest period first."""
        limits = ((period, getattr(self, period)) for period in PERIODS)
        return {period: limit for period, limit in limits if limit is not None}


class ResponseRateLimitingConfig(Schema):
    """``config`` of response-ratelimiting."""

    header_name: String = "x-kong-limit"
    limit_by: Choice[Literal["consumer", "credential", "ip"]] = "consumer"
    policy: Choice[Literal["local", "cluster", "redis"]] = "cluster"
    fault_tolerant: Boolean = True
    redis_host: String | None = None
    redis_port: Number = 6379
    redis_password: String | None = None
    redis_timeout: Number = 2000
    redis_database: Number = 0
    block_on_first_violation: Boolean = False
    limits: Flexible[Limits] | None = None

    @field_validator("header_name", mode="after")
    @classmethod
    def _is_header_name(cls, name: str) -> str:
        return _check_header_name(name)

    @model_validator(mode="after")
    def _self_check(self) -> "ResponseRateLimitingConfig":
        if not self.limits:
            raise ValueError("You need to set at least one limit name")
        for name, limits in self.limits.items():
            problem = limits_problem(limits.by_period)
            if problem is not None:
                raise ValueError(problem)
            _check_header_name(name)
        if self.policy == "redis":
            for noun in ("host", "port", "timeout"):
                if not getattr(self, f"redis_{noun}"):
                    raise ValueError(f"You need to specify a Redis {noun}")
        return self

    @cached_property
    def units(self) -> Units:
        """The limits, prepared."""
        limits = self.limits or {}
        return Units({name: each.by_period for name, each in limits.items()})
