"""What the workers of real nodes remember: shown, counted, forgotten, purged at a join."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.node import EchoUpstream, RunningNode
from support.waiting import wait_until

pytestmark = pytest.mark.integration

KEY = "/cache/keyauth_credentials:hush"


@pytest.fixture
def upstream() -> Iterator[EchoUpstream]:
    with EchoUpstream() as running:
        yield running


def use_key(node: RunningNode, upstream: EchoUpstream) -> str:
    """Set up an API with a key, use it, and return the id of its consumer."""
    node.create("/apis", {"name": "echo", "uris": "/echo", "upstream_url": upstream.url})
    node.create("/apis/echo/plugins", {"name": "key-auth"})
    consumer = node.create("/consumers", {"username": "alice"})
    node.create("/consumers/alice/key-auth", {"key": "hush"})
    fill(node)
    return str(consumer["id"])


def fill(node: RunningNode) -> None:
    assert node.proxy.get("/echo", headers={"apikey": "hush"}).status_code == 200


def is_known(node: RunningNode) -> bool:
    return node.admin.get(KEY).status_code == 200


def test_what_workers_remember_is_shown_counted_and_forgotten(
    tmp_path: Path, upstream: EchoUpstream
) -> None:
    with RunningNode(tmp_path / "a") as node:
        consumer = use_key(node, upstream)
        shown = node.admin.get(KEY).json()
        assert (shown["key"], shown["consumer_id"]) == ("hush", consumer)
        assert node.admin.get(f"/cache/consumers:{consumer}").json()["username"] == "alice"
        assert node.admin.get("/cache/consumers:nobody").status_code == 404

        before = node.admin.get("/cache").json()
        assert before["workers"] == 2
        assert before["entries"] == before["fills"] == before["misses"] == 2
        fill(node)  # on the same connection, so by the same worker
        after = node.admin.get("/cache").json()
        assert (after["hits"] - before["hits"], after["misses"]) == (2, 2)

        assert node.admin.delete(KEY).status_code == 204
        assert not is_known(node)
        assert node.admin.get(f"/cache/consumers:{consumer}").status_code == 200
        fill(node)
        assert is_known(node)
        assert node.admin.delete("/cache").status_code == 204
        assert not is_known(node)
        assert node.admin.get("/cache").json()["entries"] == 0
        fill(node)
        assert "hush" not in node.log


@pytest.mark.parametrize(("purge", "is_kept"), [("revision", True), ("always", False)])
def test_a_join_purges_only_when_asked_to(
    tmp_path: Path, upstream: EchoUpstream, purge: str, is_kept: bool
) -> None:
    """With `always` as in 0.10: 200 turns to 404 when a node joins (clustering §5.11)."""
    settings = {"sqlite_path": tmp_path / "shared.db", "cluster_purge_on_join": purge}
    with RunningNode(tmp_path / "a", **settings) as a:
        use_key(a, upstream)
        assert is_known(a)
        with RunningNode(tmp_path / "b", **settings):
            wait_until(lambda: a.admin.get("/cluster").json()["total"] == 2, what="B on A")
            if not is_kept:
                wait_until(lambda: not is_known(a), what="the purge")
            assert is_known(a) is is_kept
        fill(a)
