"""Finding out whether another node lives under our name, before we take part under it.

Asked with a ping by name, which every member answers for itself alone, from a socket of our own: no
member of the cluster learns of us by it.
"""

import asyncio
import secrets

from colobus.cluster.codec import gossip
from colobus.cluster.codec.datagram import DatagramCodec
from colobus.cluster.keyring import Keyring
from colobus.cluster.messages import Ack, Ping
from colobus.cluster.swim.addresses import Address
from colobus.errors import ClusterError

__all__ = ["answers_to"]

TRIES = 3
TRY_S = 0.4
"""A lost datagram must not pass for silence; a dead row costs a start three of these."""


async def answers_to(name: str, address: Address, keyring: Keyring) -> bool:
    """Say whether a member called ``name`` answers at ``address``."""
    loop = asyncio.get_running_loop()
    try:
        transport, listener = await loop.create_datagram_endpoint(
            lambda: _Listener(DatagramCodec(keyring, secrets.token_bytes)), remote_addr=address
        )
    except OSError:
        return False  # no route: then its packets do not reach us either
    try:
        for _ in range(TRIES):
            listener.sequence = secrets.randbits(31)
            transport.sendto(listener.codec.encode([gossip.encode(Ping(listener.sequence, name))]))
            try:
                async with asyncio.timeout(TRY_S):
                    await listener.answered.wait()
            except TimeoutError:
                continue
            return True
    finally:
        transport.close()
    return False


class _Listener(asyncio.DatagramProtocol):
    """Waits for the answer to the last ping."""

    def __init__(self, codec: DatagramCodec) -> None:
        self.codec = codec
        self.sequence = 0
        self.answered = asyncio.Event()

    def datagram_received(self, data: bytes, addr: tuple[object, ...]) -> None:  # noqa: ARG002
        """Take what came from the address that was asked: the socket is connected to it."""
        try:
            received = self.codec.decode(data)
        except ClusterError:
            return  # of a cluster with other keys, which is not ours
        for message in received.messages:
            if isinstance(message, Ack) and message.sequence == self.sequence:
                self.answered.set()

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there; the time runs all the same, since a restart may be under way."""
