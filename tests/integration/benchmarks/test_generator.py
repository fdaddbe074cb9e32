"""The load generator for machines without wrk, against a real server."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.generator import run

pytestmark = pytest.mark.integration

LEAST = 4


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        body = b"x" * 100_000
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *unused: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *unused: object) -> None:
        """Say nothing: the generator hangs up on what it did not wait for."""


@pytest.fixture
def url() -> Iterator[str]:
    server = _Server(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("headers", [{"X-A": "b"}, {"Connection": "close"}])
def test_every_connection_gets_answers(url: str, headers: dict[str, str]) -> None:
    found = run(f"{url}/present", LEAST, 0.05, headers)
    assert found["requests"] >= LEAST
    assert found["errors"] == 0
    assert 0 < found["p50_s"] <= found["p99_s"]


def test_other_answers_than_success_are_errors(url: str) -> None:
    found = run(f"{url}/missing", LEAST, 0.05, {})
    assert found["requests"] == 0
    assert found["errors"] >= LEAST
