"""Two real nodes on one file: what is changed through one is followed by the other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.node import EchoUpstream, RunningNode
from support.waiting import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def upstream() -> Iterator[EchoUpstream]:
    with EchoUpstream() as running:
        yield running


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[RunningNode, RunningNode]]:
    database = tmp_path / "shared.db"
    with (
        RunningNode(tmp_path / "a", sqlite_path=database) as first,
        RunningNode(tmp_path / "b", sqlite_path=database) as second,
    ):
        yield first, second


def test_each_kind_of_change_on_one_node_takes_effect_on_the_other(
    nodes: tuple[RunningNode, RunningNode], upstream: EchoUpstream
) -> None:
    a, b = nodes
    a.create("/apis", {"name": "echo", "uris": "/echo", "upstream_url": upstream.url})
    assert a.proxy.get("/echo/x").json()["path"] == "/x"
    wait_until(lambda: b.proxy.get("/echo/x").status_code == 200, what="the API on B")

    b.create("/apis/echo/plugins", {"name": "key-auth"})
    assert b.proxy.get("/echo").status_code == 401
    wait_until(lambda: a.proxy.get("/echo").status_code == 401, what="the plugin on A")

    b.create("/consumers", {"username": "alice"})
    headers = {"apikey": "secret"}
    assert a.proxy.get("/echo", headers=headers).status_code == 403  # remembered as unknown
    b.create("/consumers/alice/key-auth", {"key": "secret"})
    assert b.proxy.get("/echo", headers=headers).status_code == 200
    wait_until(
        lambda: a.proxy.get("/echo", headers=headers).status_code == 200, what="the key on A"
    )
    seen = a.proxy.get("/echo", headers=headers).json()["headers"]
    assert seen["x-consumer-username"] == "alice"

    b.admin.patch("/consumers/alice", json={"username": "bob"}).raise_for_status()
    wait_until(
        lambda: (
            a.proxy.get("/echo", headers=headers).json()["headers"]["x-consumer-username"] == "bob"
        ),
        what="the consumer's new name on A",
    )
    assert b.admin.delete("/consumers/bob").status_code == 204
    assert b.proxy.get("/echo", headers=headers).status_code == 403
    wait_until(
        lambda: a.proxy.get("/echo", headers=headers).status_code == 403, what="the revocation"
    )

    assert a.admin.delete("/apis/echo").status_code == 204
    assert a.proxy.get("/echo").status_code == 404
    wait_until(lambda: b.proxy.get("/echo").status_code == 404, what="the API's end on B")
    assert a.admin.get("/plugins").json()["total"] == 0


def test_revisions_are_one_sequence_over_all_nodes(
    nodes: tuple[RunningNode, RunningNode],
) -> None:
    seen = []
    for number in range(6):
        node = nodes[number % 2]
        answer = node.admin.post("/consumers", json={"username": f"user-{number}"})
        seen.append(int(answer.headers["X-Colobus-Revision"]))
    assert seen == list(range(seen[0], seen[0] + 6))


def test_a_write_holds_on_every_worker_of_its_node_when_it_is_answered(
    nodes: tuple[RunningNode, RunningNode], upstream: EchoUpstream
) -> None:
    """New connections reach either worker; none may answer by the state before the write."""
    a, _ = nodes
    a.create("/apis", {"name": "flip", "uris": "/flip", "upstream_url": upstream.url + "/0"})
    for number in range(1, 31):
        a.admin.patch("/apis/flip", json={"upstream_url": f"{upstream.url}/{number}"})
        for _ in range(4):
            answer = a.proxy.get("/flip", headers={"Connection": "close"})
            assert answer.json()["path"] == f"/{number}"


def members(node: RunningNode) -> dict[str, str]:
    """Return address -> status, as the node sees it."""
    listed = node.admin.get("/cluster").json()
    assert listed["total"] == len(listed["data"])
    return {member["address"]: member["status"] for member in listed["data"]}


def test_nodes_find_each_other_and_see_who_leaves_and_who_fails(
    nodes: tuple[RunningNode, RunningNode], tmp_path: Path
) -> None:
    a, b = nodes
    assert members(b) == {address(a): "alive", address(b): "alive"}  # joined before it was ready
    wait_until(lambda: members(a) == {address(a): "alive", address(b): "alive"}, what="B on A")
    assert b.stop() == 0
    wait_until(lambda: members(a)[address(b)] == "left", what="B's leave")
    assert a.admin.get("/status").json()["database"]["nodes"] == 1
    b.start()
    wait_until(lambda: members(a)[address(b)] == "alive", what="B's return")
    b.kill()
    wait_until(lambda: members(a)[address(b)] == "failed", what="B's failure", timeout_s=50)
    assert a.admin.delete("/cluster", params={"name": name_of(a, b)}).status_code == 200
    wait_until(lambda: members(a)[address(b)] == "left", what="the forced leave")
    assert a.admin.get("/status").json()["database"]["nodes"] == 1


def address(node: RunningNode) -> str:
    return str(node.settings["cluster_listen"])


def name_of(asked: RunningNode, node: RunningNode) -> str:
    for member in asked.admin.get("/cluster").json()["data"]:
        if member["address"] == address(node):
            return str(member["name"])
    raise AssertionError("the node is not listed")


def test_a_limit_is_exact_over_all_workers(
    nodes: tuple[RunningNode, RunningNode], upstream: EchoUpstream
) -> None:
    a, _ = nodes
    a.create("/apis", {"name": "few", "uris": "/few", "upstream_url": upstream.url})
    a.create(
        "/apis/few/plugins", {"name": "rate-limiting", "config": {"year": 20, "policy": "local"}}
    )
    statuses = [a.proxy.get("/few", headers={"Connection": "close"}).status_code for _ in range(40)]
    assert statuses == [200] * 20 + [429] * 20
