"""Several processes on one file, some of which die: nothing acknowledged is ever lost."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from colobus.model import CONSUMERS
from support.samples import MIGRATIONS, SAMPLES
from support.store_process import new_store

pytestmark = pytest.mark.integration

TESTS = Path(__file__).parents[2]
WHOLE_LOG = 1_000_000


class Process:
    """A running ``support.store_process``."""

    def __init__(self, path: Path, *arguments: str, migrations: Sequence[Path]) -> None:
        search = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "support.store_process",
                str(path), ":".join(map(str, migrations)), *arguments,
            ],
            env={**os.environ, "PYTHONPATH": search},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ready(self) -> None:
        """Wait until the process is about to open the store."""
        assert self.line() == "started"

    def go(self) -> None:
        """Let it open the store."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def lines(self) -> Iterator[str]:
        """Yield lines until the process ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith("\n"):  # not the torn last one of a process that was killed
                yield line.rstrip("\n")

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)

    def wait(self) -> int:
        return self._process.wait(30)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(30)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


class Processes:
    """Starts processes on one file, and ends those that are left."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._all: list[Process] = []
        self._waiting: list[Process] = []

    def start(self, *arguments: str, migrations: Sequence[Path] = (MIGRATIONS,)) -> Process:
        process = Process(self.path, *arguments, migrations=migrations)
        self._all.append(process)
        self._waiting.append(process)
        return process

    def go(self) -> None:
        """Let all that were not told yet go on at the same time."""
        waiting, self._waiting = self._waiting, []
        for process in waiting:
            process.ready()
        for process in waiting:
            process.go()

    def close(self) -> None:
        for process in self._all:
            process.close()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    processes = Processes(tmp_path / "colobus.db")
    yield processes
    processes.close()


async def check_consistency(path: Path, acknowledged: dict[int, str]) -> int:
    """Check that log, rows and what was acknowledged agree; return the revision."""
    store = new_store(path)
    await store.open()
    newest = await store.revision()
    batch = await store.changes_since(0, limit=WHOLE_LOG)
    rows = await store.select(CONSUMERS, {}, limit=WHOLE_LOG)
    samples = await store.count(SAMPLES)
    await store.close()
    assert batch.complete
    inserted = {c.revision: c.key for c in batch.changes if c.kind == CONSUMERS.name}
    assert sorted(inserted) == list(range(1, newest + 1))  # gapless
    assert [c.position for c in batch.changes] == [0, 1] * newest  # whole transactions only
    assert set(inserted.values()) == {row["id"] for row in rows}
    assert samples == newest
    assert acknowledged.items() <= inserted.items()
    return newest


def test_nodes_that_start_together_on_an_empty_file_all_come_up(processes: Processes) -> None:
    together = [processes.start("identify") for _ in range(8)]
    processes.go()
    identities = [process.line() for process in together]
    assert [process.wait() for process in together] == [0] * 8
    assert len(set(identities)) == 1
    assert len(identities[0].split()) == 2


async def test_writers_of_several_processes_share_one_sequence_of_revisions(
    processes: Processes,
) -> None:
    writers = [processes.start("write", f"node-{number}", "25") for number in range(4)]
    processes.go()
    pairs = [line.split() for writer in writers for line in writer.lines()]
    assert [writer.wait() for writer in writers] == [0] * 4
    acknowledged = {int(revision): key for revision, key in pairs}
    assert sorted(acknowledged) == list(range(1, 101))
    assert await check_consistency(processes.path, acknowledged) == 100


async def test_what_was_acknowledged_survives_a_kill_at_any_moment(processes: Processes) -> None:
    acknowledged: dict[int, str] = {}
    chance = random.Random(4)
    for life in range(5):
        writer = processes.start("write", f"life-{life}", "1000000")
        processes.go()
        lines = writer.lines()
        for _ in range(chance.randrange(1, 40)):
            revision, key = next(lines).split()
            acknowledged[int(revision)] = key
        writer.kill()
        for line in lines:  # what it still said before it died
            revision, key = line.split()
            acknowledged[int(revision)] = key
        assert writer.wait() == -signal.SIGKILL
        newest = await check_consistency(processes.path, acknowledged)
        # At most one transaction was committed and could not be told any more.
        assert newest - len(acknowledged) <= life + 1


async def test_a_lock_dies_with_its_holder_and_its_writes_with_it(processes: Processes) -> None:
    holder = processes.start("hold")
    processes.go()
    assert holder.line() == "holding"
    store = new_store(processes.path)
    await store.open()
    assert await store.count(CONSUMERS) == 0
    holder.kill()
    holder.wait()
    async with store.transaction("node") as transaction:
        await transaction.insert(CONSUMERS, {"username": "held"})
    assert transaction.revision == 1
    await store.close()


async def test_a_node_that_dies_while_migrating_leaves_no_half_made_schema(
    processes: Processes, tmp_path: Path
) -> None:
    deadly = tmp_path / "deadly"
    deadly.mkdir()
    (deadly / "deadly_0001.py").write_text(
        "import os, signal\n"
        "revision, down_revision = 'deadly_0001', None\n"
        "def upgrade(): os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    first = processes.start("identify", migrations=[MIGRATIONS, deadly])
    processes.go()
    assert first.wait() == -signal.SIGKILL
    second = processes.start("write", "node", "1")
    processes.go()
    revision, key = second.line().split()
    assert second.wait() == 0
    assert await check_consistency(processes.path, {int(revision): key}) == 1
