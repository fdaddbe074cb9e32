"""rate-limiting: its configuration, its calendar, and what clients see."""

import gc
import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from colobus.errors import SchemaError
from colobus.model.schema import Row, validate
from colobus.plugins.context import ShortCircuit
from colobus.plugins.rate_limiting import PERIODS, RateLimiting, RateLimitingConfig, window_of
from colobus.testing.capabilities import MemoryWorker
from colobus.testing.exchange import MemoryExchange


def at(text: str) -> float:
    """Return the epoch seconds of an ISO time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


class Limiter:
    """The plugin in a worker whose clock starts at noon of a day in July 2017."""

    def __init__(self, **config: Any) -> None:
        self.worker = MemoryWorker()
        self.worker.clock.epoch = at("2017-07-14T12:00:00")
        self.plugin = RateLimiting(self.worker.capabilities)
        self.config = configured(policy="local", **config)
        self.answer: object = None

    def call(self, **exchange: Any) -> tuple[int, dict[str, str]]:
        """Send a request; return its status (200 when it passes) and the headers set."""
        sent = MemoryExchange(**exchange)
        try:
            self.plugin.access(sent, self.config)
        except ShortCircuit as answer:
            self.answer = answer.body
            return answer.status, dict(sent.response.headers)
        return 200, dict(sent.response.headers)

    def statuses(self, calls: int, **exchange: Any) -> list[int]:
        return [self.call(**exchange)[0] for _ in range(calls)]


def configured(**config: Any) -> RateLimitingConfig:
    return validate(RateLimitingConfig, config)


def test_headers_show_limits_and_what_is_left() -> None:
    limiter = Limiter(minute=3, hour=5)
    for left in (2, 1, 0):
        assert limiter.call() == (
            200,
            {
                "X-RateLimit-Limit-minute": "3",
                "X-RateLimit-Remaining-minute": str(left),
                "X-RateLimit-Limit-hour": "5",
                "X-RateLimit-Remaining-hour": str(left + 2),
            },
        )


def test_an_exhausted_quota_is_429_with_the_headers_of_every_period_and_counts_nothing() -> None:
    limiter = Limiter(minute=3, hour=5)
    limiter.statuses(3)
    for _ in range(2):
        assert limiter.call() == (
            429,
            {
                "X-RateLimit-Limit-minute": "3",
                "X-RateLimit-Remaining-minute": "0",
                "X-RateLimit-Limit-hour": "5",
                "X-RateLimit-Remaining-hour": "2",
            },
        )
        assert limiter.answer == "API rate limit exceeded"


def test_the_quota_is_there_again_when_its_period_ends() -> None:
    limiter = Limiter(minute=2, hour=3)
    limiter.worker.clock.advance(59.5)
    assert limiter.statuses(3) == [200, 200, 429]
    limiter.worker.clock.advance(0.5)
    assert limiter.statuses(2) == [200, 429]  # the hour is used up now
    limiter.worker.clock.advance(3600)
    assert limiter.statuses(3) == [200, 200, 429]


def test_a_clock_that_is_set_back_finds_the_earlier_window_again() -> None:
    limiter = Limiter(second=1)
    assert limiter.statuses(2) == [200, 429]
    limiter.worker.clock.epoch -= 1
    assert limiter.statuses(2) == [200, 429]


@pytest.mark.parametrize(
    ("period", "now", "start", "end"),
    [
        ("second", "2017-07-14T12:34:56.789", "2017-07-14T12:34:56", "2017-07-14T12:34:57"),
        ("minute", "2017-07-14T12:34:56.789", "2017-07-14T12:34:00", "2017-07-14T12:35:00"),
        ("hour", "2017-07-14T12:34:56", "2017-07-14T12:00:00", "2017-07-14T13:00:00"),
        ("day", "2017-07-14T23:59:59.999", "2017-07-14T00:00:00", "2017-07-15T00:00:00"),
        ("month", "2017-07-31T23:59:59", "2017-07-01T00:00:00", "2017-08-01T00:00:00"),
        ("month", "2016-02-29T12:00:00", "2016-02-01T00:00:00", "2016-03-01T00:00:00"),
        ("month", "2017-12-31T12:00:00", "2017-12-01T00:00:00", "2018-01-01T00:00:00"),
        ("year", "2017-07-14T12:00:00", "2017-01-01T00:00:00", "2018-01-01T00:00:00"),
        ("minute", "2017-07-14T12:35:00", "2017-07-14T12:35:00", "2017-07-14T12:36:00"),
    ],
)
def test_windows_follow_the_calendar_of_utc(period: str, now: str, start: str, end: str) -> None:
    assert window_of(period, at(now)) == (at(start), at(end))


def test_counters_are_named_as_the_reference_names_them() -> None:
    limiter = Limiter(minute=9, hour=9)
    limiter.call(api={"id": "api-id"}, consumer={"id": "consumer-id"})
    start = round(at("2017-07-14T12:00:00")) * 1000
    assert sorted(":".join(key) for key in limiter.worker.counters.counts) == [
        f"ratelimit:api-id:consumer-id:{start}:hour",
        f"ratelimit:api-id:consumer-id:{start}:minute",
    ]


CONSUMER: Row = {"id": "consumer"}
CREDENTIAL: Row = {"id": "credential"}


@pytest.mark.parametrize(
    ("limit_by", "known", "identifier"),
    [
        ("consumer", {"consumer": CONSUMER, "credential": CREDENTIAL}, "consumer"),
        ("consumer", {"consumer": CONSUMER}, "consumer"),
        ("consumer", {"credential": CREDENTIAL}, "credential"),
        ("consumer", {}, "10.1.2.3"),
        ("credential", {"consumer": CONSUMER, "credential": CREDENTIAL}, "credential"),
        ("credential", {"consumer": CONSUMER}, "10.1.2.3"),
        ("credential", {"credential": {"username": "ldap"}}, "10.1.2.3"),
        ("ip", {"consumer": CONSUMER, "credential": CREDENTIAL}, "10.1.2.3"),
    ],
)
def test_whose_quota_it_is(limit_by: str, known: dict[str, Row], identifier: str) -> None:
    limiter = Limiter(minute=9, limit_by=limit_by)
    limiter.call(client_ip="10.1.2.3", **known)
    [(group, _)] = limiter.worker.counters.counts
    assert group == f"ratelimit:api:{identifier}"


def test_quotas_of_apis_and_of_identifiers_are_apart() -> None:
    limiter = Limiter(minute=1)
    assert limiter.statuses(2, client_ip="10.0.0.1") == [200, 429]
    assert limiter.statuses(2, client_ip="10.0.0.2") == [200, 429]
    assert limiter.statuses(2, client_ip="10.0.0.1", api={"id": "other"}) == [200, 429]


def test_configurations_that_meet_the_same_api_and_identifier_share_its_counters() -> None:
    limiter = Limiter(minute=2)
    assert limiter.statuses(1) == [200]
    limiter.config = configured(minute=2, hour=9, policy="local")
    assert limiter.statuses(2) == [200, 429]


def test_a_limit_may_have_a_fraction() -> None:
    limiter = Limiter(minute=1.5)
    assert [limiter.call() for _ in range(3)] == [
        (status, {"X-RateLimit-Limit-minute": "1.5", "X-RateLimit-Remaining-minute": left})
        for status, left in ((200, "0.5"), (200, "0"), (429, "0"))
    ]


def test_without_counters_requests_pass_uncounted_or_not_at_all(
    caplog: pytest.LogCaptureFixture,
) -> None:
    limiter = Limiter(minute=1)
    limiter.worker.counters.is_available = False
    with caplog.at_level(logging.ERROR):
        assert limiter.call() == (200, {})
    assert "uncounted" in caplog.text
    limiter.config = configured(minute=1, policy="local", fault_tolerant=False)
    assert limiter.call() == (500, {})


def test_a_policy_that_is_not_there_counts_as_local_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    limiter = Limiter(minute=1)
    with caplog.at_level(logging.WARNING):
        limiter.call()
        assert caplog.records == []
        limiter.config = configured(second=1, minute=1)
        for _ in range(3):
            limiter.call()
            limiter.worker.clock.advance(60)
        [record] = caplog.records
        assert record.getMessage() == (
            "policy 'cluster' is not available: this configuration (second=1, minute=1) counts"
            " per node, as policy 'local' does"
        )
        limiter.config = configured(minute=1, policy="redis", redis_host="r", redis_password="pw")
        limiter.call()
    assert len(caplog.records) == 2
    assert "pw" not in caplog.text


def test_nothing_is_kept_of_a_configuration_that_is_gone() -> None:
    limiter = Limiter(minute=1)
    for _ in range(5):
        limiter.config = configured(minute=1, policy="local")
        limiter.call()
    gc.collect()
    assert len(limiter.plugin._quotas) == len(limiter.plugin._configs) == 1


NO_LIMIT = "You need to set at least one limit: second, minute, hour, day, month, year"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, NO_LIMIT),
        ({"limit_by": "ip"}, NO_LIMIT),
        ({"second": 0}, "Value for second must be greater than zero"),
        ({"second": 10, "hour": -1}, "Value for hour must be greater than zero"),
        ({"second": 0, "year": -1, "day": 5}, "Value for year must be greater than zero"),
        ({"second": 10, "minute": 0, "hour": 1}, "Value for minute must be greater than zero"),
        (
            {"second": 20, "hour": 10},
            "The limit for hour cannot be lower than the limit for second",
        ),
        (
            {"second": 20, "minute": 30, "hour": 10},
            "The limit for hour cannot be lower than the limit for minute",
        ),
        (
            {"second": 20, "minute": 10, "hour": 10, "year": 5},
            "The limit for year cannot be lower than the limit for hour",
        ),
        ({"second": 1, "policy": "redis"}, "You need to specify a Redis host"),
        ({"second": 1, "policy": "redis", "redis_host": ""}, "You need to specify a Redis host"),
        (
            {"second": 1, "policy": "redis", "redis_host": "r", "redis_port": 0},
            "You need to specify a Redis port",
        ),
        (
            {"second": 1, "policy": "redis", "redis_host": "r", "redis_timeout": 0},
            "You need to specify a Redis timeout",
        ),
        ({"second": 0, "policy": "redis"}, "Value for second must be greater than zero"),
    ],
)
def test_limits_that_make_no_sense_are_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError) as failure:
        configured(**config)
    assert failure.value.fields == {"message": message}


@pytest.mark.parametrize(
    ("config", "field", "message"),
    [
        ({"second": "x"}, "second", "second is not a number"),
        (
            {"second": 1, "limit_by": "api"},
            "limit_by",
            '"api" is not allowed. Allowed values are: "consumer", "credential", "ip"',
        ),
        (
            {"second": 1, "policy": "remote"},
            "policy",
            '"remote" is not allowed. Allowed values are: "local", "cluster", "redis"',
        ),
        ({"second": 1, "week": 1}, "week", "week is an unknown field"),
    ],
)
def test_fields_that_break_their_type_are_named(
    config: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(SchemaError) as failure:
        configured(**config)
    assert failure.value.fields == {field: message}


def test_equal_limits_and_limits_as_text_are_fine() -> None:
    assert configured(second="10", minute=10).limits == {"second": 10, "minute": 10}
    assert list(configured(**dict.fromkeys(reversed(PERIODS), 1)).limits) == list(PERIODS)


def test_the_configuration_has_these_defaults() -> None:
    assert configured(second=1).model_dump(exclude_none=True) == {
        "second": 1,
        "limit_by": "consumer",
        "policy": "cluster",
        "fault_tolerant": True,
        "redis_port": 6379,
        "redis_timeout": 2000,
        "redis_database": 0,
    }
