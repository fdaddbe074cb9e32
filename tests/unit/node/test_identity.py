"""A node keeps its name, and knows the address others reach it at."""

from pathlib import Path
from uuid import UUID

import pytest

from colobus.errors import NodeError
from colobus.node.identity import advertised_address, load_name

FIRST = UUID("b1dae503-e0f3-4f9c-9bf9-be0a5023461d")
SECOND = UUID("00000000-0000-4000-8000-000000000000")


def test_the_name_is_made_once_and_survives_another_listen_address(tmp_path: Path) -> None:
    path = tmp_path / "serf" / "serf.id"
    name = load_name(path, "host", "0.0.0.0:7946", FIRST)
    assert name == "host_0.0.0.0:7946_b1dae503e0f34f9c9bf9be0a5023461d"
    assert load_name(path, "other", "127.0.0.1:1", SECOND) == name


def test_a_name_that_cannot_be_kept_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "serf").write_text("a file, not a folder")
    with pytest.raises(NodeError, match="cannot keep the node's name"):
        load_name(tmp_path / "serf" / "serf.id", "host", "0.0.0.0:7946", FIRST)


def test_the_advertised_address_comes_first_then_the_listen_address() -> None:
    assert advertised_address(("203.0.113.7", 1), ("10.0.0.1", 2)) == ("203.0.113.7", 1)
    assert advertised_address(None, ("10.0.0.1", 2)) == ("10.0.0.1", 2)


def test_every_interface_becomes_one_address() -> None:
    host, port = advertised_address(None, ("0.0.0.0", 7946))
    assert port == 7946
    assert host != "0.0.0.0"
