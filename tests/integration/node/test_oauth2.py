"""Codes and tokens issued by the workers of real nodes, each used once in the whole cluster."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from support.node import EchoUpstream, RunningNode
from support.waiting import wait_until

pytestmark = pytest.mark.integration

HTTPS = {"X-Forwarded-Proto": "https"}


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[RunningNode, RunningNode]]:
    common = {"sqlite_path": tmp_path / "shared.db", "trusted_ips": "127.0.0.1"}
    with (
        RunningNode(tmp_path / "a", **common) as first,
        RunningNode(tmp_path / "b", **common) as second,
    ):
        yield first, second


def new_code(node: RunningNode, client_id: str) -> str:
    asked = {
        "client_id": client_id,
        "response_type": "code",
        "provision_key": "provider",
        "authenticated_userid": "user",
    }
    answer = node.proxy.post("/oauth2/authorize", data=asked, headers=HTTPS)
    assert answer.status_code == 200, answer.text
    code: str = parse_qs(urlsplit(answer.json()["redirect_uri"]).query)["code"][0]
    return code


def test_a_code_of_one_node_becomes_one_token_for_all(
    nodes: tuple[RunningNode, RunningNode],
) -> None:
    a, b = nodes
    with EchoUpstream() as upstream:
        a.create(
            "/apis",
            {"name": "echo", "uris": "/", "strip_uri": False, "upstream_url": upstream.url},
        )
        config = {
            "enable_authorization_code": True,
            "provision_key": "provider",
            "accept_http_if_already_terminated": True,
        }
        a.create("/apis/echo/plugins", {"name": "oauth2", "config": config})
        a.create("/consumers", {"username": "alice"})
        client = a.create("/consumers/alice/oauth2", {"name": "x", "redirect_uri": "http://x.test"})
        wait_until(lambda: b.proxy.get("/x").status_code == 401, what="the plugin on B")

        asked = {
            "grant_type": "authorization_code",
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
            "code": new_code(a, client["client_id"]),
        }

        def exchange(node: RunningNode) -> httpx.Response:
            url = f"http://127.0.0.1:{node.proxy_port}/oauth2/token"
            return httpx.post(url, data=asked, headers=HTTPS, timeout=15)

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(exchange, [a, b] * 4))
        assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7
        issued = next(answer.json() for answer in answers if answer.status_code == 200)

        token = {"Authorization": "Bearer " + issued["access_token"]}
        for node in nodes:
            passed = node.proxy.get("/x", headers=token)
            assert passed.status_code == 200
            assert passed.json()["headers"]["x-authenticated-userid"] == "user"

        refresh = {**asked, "grant_type": "refresh_token", "refresh_token": issued["refresh_token"]}
        renewed = b.proxy.post("/oauth2/token", data=refresh, headers=HTTPS)
        assert renewed.status_code == 200
        wait_until(
            lambda: all(node.proxy.get("/x", headers=token).status_code == 401 for node in nodes),
            what="the old token's end",
        )
