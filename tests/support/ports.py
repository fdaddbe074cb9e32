"""Free TCP ports for servers that cannot be told to take port 0."""

import itertools
import os
import socket

# Below 32768, so that no outgoing connection of this machine can take one in between; each test
# process starts at a place of its own.
_candidates = itertools.cycle(range(20_000 + os.getpid() % 10_000, 32_000))


def free_port() -> int:
    """Return a port that nothing listens on, not given out before by this process."""
    for port in itertools.islice(_candidates, 12_000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port below 32000")
