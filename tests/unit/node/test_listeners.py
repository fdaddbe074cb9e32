"""Listening sockets: a group shares one port, a taken port is a readable error."""

import select
import socket

import pytest

from colobus.errors import NodeError
from colobus.node.listeners import bind, bind_group
from support.waiting import wait_until


def test_a_group_shares_one_port() -> None:
    group = bind_group(("127.0.0.1", 0), 3, "proxy_listen")
    ports = {sock.getsockname()[1] for sock in group}
    for sock in group:
        sock.close()
    assert len(ports) == 1


def test_a_second_node_cannot_join_the_group_of_a_first() -> None:
    group = bind_group(("127.0.0.1", 0), 2, "proxy_listen")
    address = group[0].getsockname()
    with pytest.raises(
        NodeError, match=r"cannot listen on .*\(proxy_listen\): Address already in use"
    ):
        bind_group(address, 2, "proxy_listen")
    with pytest.raises(NodeError, match="admin_listen"):
        bind(address, "admin_listen")
    for sock in group:
        sock.close()


@pytest.mark.parametrize("address", [("256.0.0.1", 80), ("127.0.0.1", 70_000), ("192.0.2.1", 0)])
def test_an_address_that_is_not_ours_is_a_readable_error(address: tuple[str, int]) -> None:
    with pytest.raises(NodeError, match="cannot listen on"):
        bind(address, "admin_listen")


def test_a_connection_made_before_anybody_accepts_has_no_delay_either() -> None:
    listener = bind(("127.0.0.1", 0), "admin_listen")
    client = socket.create_connection(listener.getsockname())
    wait_until(lambda: select.select([listener], [], [], 0)[0])
    accepted, _ = listener.accept()
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    for sock in (accepted, client, listener):
        sock.close()
