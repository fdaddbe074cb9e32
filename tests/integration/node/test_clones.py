"""A prefix that was copied while its node runs: the copy takes a name of its own."""

import shutil
from pathlib import Path

import pytest

from support.node import RunningNode
from support.waiting import wait_until

pytestmark = pytest.mark.integration


def kept_name(node: RunningNode) -> str:
    return (node.prefix / "serf" / "serf.id").read_text().strip()


def names(node: RunningNode) -> dict[str, str]:
    """Return name -> status, as the node sees it."""
    return {
        member["name"]: member["status"] for member in node.admin.get("/cluster").json()["data"]
    }


def test_the_later_of_two_nodes_with_one_name_takes_another(tmp_path: Path) -> None:
    shared = {"sqlite_path": tmp_path / "shared.db", "worker_processes": 1}
    with RunningNode(tmp_path / "a", **shared) as a:
        name = kept_name(a)
        shutil.copytree(a.prefix / "serf", tmp_path / "b" / "serf")
        with RunningNode(tmp_path / "b", **shared) as b:
            assert kept_name(a) == name
            assert kept_name(b) != name
            assert f"the name of this node, {name}, is that of a running node at" in b.log
            both = {name: "alive", kept_name(b): "alive"}
            wait_until(lambda: names(a) == names(b) == both, what="both names")
            assert a.admin.get("/status").json()["database"]["nodes"] == 2
            kept = kept_name(b)
            assert b.stop() == 0
            b.start()
            assert kept_name(b) == kept
        # Nobody answers to the old row: a node whose address changed keeps its name.
        a.kill()
        moved = RunningNode(a.prefix, **shared)
        with moved:
            assert kept_name(moved) == name
            assert "so this prefix is a copy" not in moved.log
