"""What clients and upstreams see of response-ratelimiting (reference: plugins.md)."""

import logging
from typing import Any

import pytest

from colobus.errors import SchemaError
from colobus.model.schema import validate
from colobus.plugins.response_ratelimiting import ResponseRateLimitingConfig
from colobus.plugins.response_ratelimiting.units import announced
from colobus.testing.capabilities import MemoryWorker
from support.plugins import configured
from support.proxying import exchange, get, proxied
from support.raw_upstream import Peer, reply

pytestmark = pytest.mark.integration

NOON = 1_500_033_600.0


class Limited:
    """A gateway whose upstream announces what a request's ``X-Use`` headers say."""

    def __init__(self, **config: Any) -> None:
        self.worker = MemoryWorker()
        self.worker.clock.epoch = NOON
        settings = {"policy": "local", **config}
        plugins = {"response-ratelimiting": settings, "cors": {}}
        self._proxied = proxied(self.serve, **configured(plugins, worker=self.worker))
        self.heads: list[bytes] = []

    def __enter__(self) -> "Limited":
        self.gateway, _ = self._proxied.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._proxied.__exit__(*error)

    def serve(self, peer: Peer) -> None:
        while True:
            head, _ = peer.read_message()
            self.heads.append(head)
            uses = [line[7:] for line in head.split(b"\r\n") if line.startswith(b"X-Use: ")]
            peer.send(reply(b"hello", *(b"X-Kong-Limit: " + use for use in uses)))

    def ask(self, *uses: str) -> tuple[int, bytes, dict[str, str]]:
        """Return status, body and the headers about limits, their names shortened."""
        lines = (b"X-Use: " + use.encode() for use in uses)
        head, body = exchange(self.gateway, get(b"/", *lines))
        assert b"\r\nAccess-Control-Allow-Origin: *\r\n" in head
        assert b"x-kong-limit" not in head.lower()
        pairs = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
        start = "X-RateLimit-"
        shown = {n.removeprefix(start): v for n, v in pairs if n.startswith(start)}
        return int(head[9:12]), body, shown

    def left(self) -> dict[str, str]:
        """Return what the upstream was told is left, with the latest request."""
        lines = self.heads[-1].decode().split("\r\n")
        start = "X-RateLimit-Remaining-"
        return dict(x.removeprefix(start).split(": ") for x in lines if x.startswith(start))


def test_what_is_announced_is_counted_and_shown() -> None:
    with Limited(limits={"video": {"minute": 6, "hour": 10}, "image": {"minute": 4}}) as limited:
        assert limited.ask("video=2, image=1") == (
            200,
            b"hello",
            {
                "Limit-video-minute": "6",
                "Remaining-video-minute": "4",
                "Limit-video-hour": "10",
                "Remaining-video-hour": "8",
                "Limit-image-minute": "4",
                "Remaining-image-minute": "3",
            },
        )
        assert limited.left() == {"video": "6", "image": "4"}
        limited.ask()
        assert limited.left() == {"video": "4", "image": "3"}


def test_an_exhausted_quota_is_429_without_body_and_counts_nothing() -> None:
    with Limited(limits={"video": {"minute": 3}, "image": {"minute": 9}}) as limited:
        assert [limited.ask("video=2")[0] for _ in range(2)] == [200, 200]
        for _ in range(2):
            status, body, shown = limited.ask("video=1,image=2")
            assert (status, body) == (429, b"")
            assert shown["Remaining-video-minute"] == "0"
        assert limited.ask()[2]["Remaining-image-minute"] == "9"


def test_an_answer_that_announces_nothing_passes_all_the_same() -> None:
    with Limited(limits={"video": {"minute": 1}}) as limited:
        limited.ask("video=5")
        assert limited.ask()[:2] == (200, b"hello")
        assert limited.ask("video=0")[0] == 200
        assert limited.ask("video=-1")[0] == 200


def test_the_quota_is_there_again_when_its_period_ends() -> None:
    with Limited(limits={"video": {"minute": 1, "hour": 5}}) as limited:
        assert [limited.ask("video=1")[0] for _ in range(2)] == [200, 429]
        limited.worker.clock.advance(60)
        status, _, shown = limited.ask("video=1")
        assert status == 200
        assert shown["Remaining-video-hour"] == "3"


def test_all_periods_are_counted_also_those_without_a_limit() -> None:
    with Limited(limits={"video": {"minute": 9}}) as limited:
        limited.ask("video=2")
        counts = limited.worker.counters.counts
        assert {group for group, _ in counts} == {
            "response-ratelimit:5e0c1f4e-0000-4000-8000-000000000001:127.0.0.1:video"
        }
        assert {key: count for (_, key), (count, _) in counts.items()} == {
            f"{start}000:{period}": 2
            for period, start in {
                "second": 1_500_033_600,
                "minute": 1_500_033_600,
                "hour": 1_500_033_600,
                "day": 1_499_990_400,
                "month": 1_498_867_200,
                "year": 1_483_228_800,
            }.items()
        }


def test_a_violation_may_block_before_the_upstream_is_asked() -> None:
    limits = {"video": {"minute": 2}, "image": {"minute": 4}}
    with Limited(limits=limits, block_on_first_violation=True) as limited:
        assert limited.ask("video=9")[0] == 200
        asked = len(limited.heads)
        status, body, _ = limited.ask("image=1")
        assert status == 429
        assert body == b'{"message":"API rate limit exceeded for \'video\'"}\n'
        assert len(limited.heads) == asked


def test_several_headers_hold_one_item_each() -> None:
    with Limited(limits={"video": {"minute": 6}, "image": {"minute": 4}}) as limited:
        shown = limited.ask("video=2", " image = 1 ", "video=1,image=1")[2]
        assert shown["Remaining-video-minute"] == "4"
        assert shown["Remaining-image-minute"] == "3"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], {}),
        ([""], {}),
        (["a=1,b=2"], {"a": 1, "b": 2}),
        ([" a = 1 , b"], {"a": 1}),
        (["a=-3"], {"a": -3}),
        (["a=x", "b=1"], {"b": 1}),
        (["a=1,b=2", "c=3"], {"c": 3}),
        (["a=" + "9" * 400], {}),
        (["=1"], {}),
    ],
)
def test_what_an_answer_announces(values: list[str], expected: dict[str, int]) -> None:
    assert announced(values) == expected


def test_without_counters_answers_pass_uncounted_or_requests_not_at_all(
    caplog: pytest.LogCaptureFixture,
) -> None:
    limits = {"video": {"minute": 1}}
    with Limited(limits=limits) as limited:
        limited.worker.counters.is_available = False
        with caplog.at_level(logging.ERROR):
            assert limited.ask("video=2") == (200, b"hello", {})
        assert "uncounted" in caplog.text
    with Limited(limits=limits, fault_tolerant=False) as limited:
        limited.worker.counters.is_available = False
        assert limited.ask("video=2")[0] == 500


def test_a_policy_that_is_not_there_counts_as_local_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Limited(limits={"video": {"minute": 2}}, policy="cluster") as limited:
        with caplog.at_level(logging.WARNING):
            assert [limited.ask("video=2")[0] for _ in range(2)] == [200, 429]
        assert caplog.text.count("policy 'cluster' is not available") == 1


def test_a_refused_request_shows_no_limits() -> None:
    plugins = configured({"key-auth": {}, "response-ratelimiting": {"limits": {"v": {"day": 1}}}})
    with proxied(**plugins) as (gateway, _):
        head, _ = exchange(gateway, get())
        assert head.startswith(b"HTTP/1.1 401 ")
        assert b"X-RateLimit" not in head


NO_NAME = "You need to set at least one limit name"
NO_LIMIT = "You need to set at least one limit: second, minute, hour, day, month, year"


@pytest.mark.parametrize(
    ("config", "field", "message"),
    [
        ({}, "message", NO_NAME),
        ({"limits": {}}, "message", NO_NAME),
        ({"limits": {"v": {}}}, "message", NO_LIMIT),
        ({"limits": {"v": {"day": 0}}}, "message", "Value for day must be greater than zero"),
        (
            {"limits": {"a": {"day": 1}, "v": {"hour": 2, "day": 1}}},
            "message",
            "The limit for day cannot be lower than the limit for hour",
        ),
        ({"limits": {"v": {"week": 1}}}, "limits.v.week", "week is an unknown field"),
        ({"limits": {"v": {"day": "x"}}}, "limits.v.day", "day is not a number"),
        ({"limits": {"v": 5}}, "limits.v", "v is not a table"),
        ({"limits": 5}, "limits", "limits is not a table"),
        ({"limits": {"a b": {"day": 1}}}, "message", "'a b' is no header name"),
        ({"limits": {"v": {"day": 1}}, "header_name": "a b"}, "header_name",
         "'a b' is no header name"),
        ({"limits": {"v": {"day": 1}}, "policy": "redis"}, "message",
         "You need to specify a Redis host"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(config: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(SchemaError) as failure:
        validate(ResponseRateLimitingConfig, config)
    assert failure.value.fields == {field: message}
