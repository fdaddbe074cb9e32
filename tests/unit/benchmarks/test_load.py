"""What load generators report."""

import pytest

from benchmarks.generator import Answer
from benchmarks.load import Load, parse_h2load, parse_wrk

WRK = """Running 1s test @ http://127.0.0.1:9000/
  1 threads and 48 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.11ms    1.01ms  12.03ms   80.11%
  Latency Distribution
     50%  0.95ms
     75%    2.50ms
     90%    3.30ms
     99%    5.01ms
  22345 requests in 1.10s, 5.10MB read
{more}Requests/sec:  20313.64
Transfer/sec:      4.63MB
"""
H2LOAD = """finished in 1.00s, 52345.00 req/s, 2.10MB/s
requests: 52400 total, 52409 started, 52345 done, 52343 succeeded, 2 failed, 1 errored, 0 timeout
status codes: 52343 2xx, 0 3xx, 3 4xx, 4 5xx
"""


def test_a_report_of_wrk_is_read() -> None:
    assert parse_wrk(WRK.format(more="")) == Load(22345, 20313.64, 0.95e-3, 5.01e-3, 0)


def test_failures_that_wrk_reports_are_counted() -> None:
    more = (
        "  Socket errors: connect 1, read 2, write 3, timeout 4\n"
        "  Non-2xx or 3xx responses: 100\n"
    )  # fmt: skip
    assert parse_wrk(WRK.format(more=more)).errors == 110


def test_a_report_of_h2load_is_read() -> None:
    assert parse_h2load(H2LOAD) == Load(52345, 52345.0, None, None, 9)


@pytest.mark.parametrize("report", ["", "unable to connect to 127.0.0.1:9000"])
def test_anything_else_is_refused(report: str) -> None:
    with pytest.raises(ValueError, match="not the report"):
        parse_wrk(report)
    with pytest.raises(ValueError, match="not the report"):
        parse_h2load(report)


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_the_own_generator_knows_when_an_answer_is_whole(step: int) -> None:
    data = b"HTTP/1.1 404 Not Found\r\nX-A: b\r\nContent-length: 12\r\n\r\nhello, world"
    answer = Answer()
    whole = [answer.feed(data[start : start + step]) for start in range(0, len(data), step)]
    assert whole == [False] * (len(whole) - 1) + [True]
    assert answer.status == 404


def test_an_answer_without_a_body_is_whole_with_its_head() -> None:
    assert Answer().feed(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
