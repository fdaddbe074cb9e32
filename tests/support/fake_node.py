"""A program that behaves towards commands as a node does, without being one.

``python fake_node.py BEHAVIOUR --env PREFIX/.kong_env --ready-fd N``
"""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from colobus.node.control import pid_file

# Its command line is that of a worker; it ends with its standard input.
WORKER = [sys.executable, "-c", "import sys; sys.stdin.read()", "colobus.node.worker"]


def log(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("behaviour")
    parser.add_argument("--env", type=Path, required=True)
    parser.add_argument("--ready-fd", type=int, required=True)
    arguments = parser.parse_args()
    behaviour: str = arguments.behaviour
    log("log line of the node")
    match behaviour:
        case "fail":
            os.write(arguments.ready_fd, b"error port is taken\nerror and more\n")
            return 1
        case "die":
            log("Traceback: something")
            return 3
        case "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            signal.pause()
        case _:
            pass
    return serve(arguments.env.parent, behaviour, arguments.ready_fd)


def serve(prefix: Path, behaviour: str, ready_fd: int) -> int:
    """Run until signalled as the behaviour wants."""
    wanted = {
        "no-quit": {signal.SIGTERM},
        "no-stop": {signal.SIGUSR1},
    }.get(behaviour, {signal.SIGTERM, signal.SIGQUIT})
    every = {signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1}
    signal.pthread_sigmask(signal.SIG_BLOCK, every)
    file = pid_file(prefix)
    file.acquire()
    workers = 0 if behaviour == "no-worker" else 1
    children = [subprocess.Popen(WORKER, stdin=subprocess.PIPE) for _ in range(workers)]
    os.write(ready_fd, b"ready\n")
    os.close(ready_fd)
    while (received := signal.Signals(signal.sigwait(every))) not in wanted:
        log(f"ignoring {received.name}")
    log(f"ending after {received.name}")
    for child in children:
        child.communicate()
    file.release()
    return 0


if __name__ == "__main__":
    sys.exit(main())
