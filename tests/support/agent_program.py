"""One of our cluster agents as a process of its own, without a gateway around it.

It behaves as `serf agent` does: SIGINT leaves and ends it, SIGTERM just ends it, its RPC takes
every command, and its log goes to standard error.
"""

import argparse
import asyncio
import logging
import random
import secrets
import signal
import socket

from colobus.clock import SystemClock
from colobus.cluster.agent import ClusterAgent, bind_cluster
from colobus.cluster.keyring import Keyring, decode_key
from colobus.cluster.machine import ClusterMachine, MemberSettings
from colobus.cluster.rpc.server import RpcServer
from colobus.cluster.serf.facts import Fact
from colobus.cluster.swim.addresses import Address, bytes_of_host
from colobus.cluster.timing import ClusterTiming

logger = logging.getLogger("agent")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--listen", required=True, type=address)
    parser.add_argument("--rpc", required=True, type=address)
    parser.add_argument("--key", default="")
    parser.add_argument("--auth", default="")
    parser.add_argument("--profile", default="local")
    parser.add_argument("--tag", action="append", default=[])
    parser.add_argument("--compresses", action="store_true")
    return parser.parse_args()


def address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host, int(port)


def make_agent(given: argparse.Namespace) -> ClusterAgent:
    settings = MemberSettings(
        name=given.name,
        address=bytes_of_host(given.listen[0]),
        port=given.listen[1],
        timing=getattr(ClusterTiming, given.profile)(),
        tags=dict(tag.split("=", 1) for tag in given.tag),
    )
    machine = ClusterMachine(
        settings,
        keyring=Keyring([decode_key(given.key)] if given.key else []),
        rng=random.Random(),
        random_bytes=secrets.token_bytes,
        compresses=given.compresses,
    )
    return ClusterAgent(machine, bind_cluster(given.listen), SystemClock(), log_fact)


def log_fact(fact: Fact) -> None:
    logger.info("%s", fact)


async def run(given: argparse.Namespace) -> None:
    agent = make_agent(given)
    asked: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked.put_nowait, number)
    with socket.create_server(given.rpc) as listener:
        listener.setblocking(False)
        server = RpcServer(agent, listener, given.listen[1], auth_key=given.auth)
        await agent.start()
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(server.run())
            if await asked.get() == signal.SIGINT:
                await agent.leave()
            serving.cancel()
        await agent.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG)
    asyncio.run(run(arguments()))
