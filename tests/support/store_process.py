"""A process of its own with a store on a shared file: ``python -m support.store_process …``.

It writes one line to standard output for each thing that is done.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from colobus.clock import SystemClock
from colobus.model import CONSUMERS
from colobus.store.sql import SqlStore
from colobus.store.sqlite import SqliteDatabase
from support.samples import CATALOG, MIGRATIONS, SAMPLES


def new_store(path: Path, migrations: Sequence[Path] = (MIGRATIONS,)) -> SqlStore:
    return SqlStore(SqliteDatabase(path), CATALOG, SystemClock(), version_locations=migrations)


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def identify(store: SqlStore) -> None:
    """Tell who the datastore is."""
    say(store.datastore_id, store.salt.hex())


async def write(store: SqlStore, name: str, count: str) -> None:
    """Write transactions of two rows, and tell each one once it is acknowledged."""
    for number in range(int(count)):
        async with store.transaction(name) as transaction:
            consumer = await transaction.insert(CONSUMERS, {"username": f"{name}-{number}"})
            await transaction.insert(SAMPLES, {"name": f"{name}-{number}"})
        say(transaction.revision, consumer["id"])


async def hold(store: SqlStore) -> None:
    """Write, and never finish."""
    async with store.transaction("holder") as transaction:
        await transaction.insert(CONSUMERS, {"username": "held"})
        say("holding")
        await asyncio.Event().wait()


COMMANDS: Mapping[str, Callable[..., Awaitable[None]]] = {
    "identify": identify,
    "write": write,
    "hold": hold,
}


async def main(path: str, migrations: str, command: str, *arguments: str) -> None:
    store = new_store(Path(path), [Path(folder) for folder in migrations.split(":")])
    say("started")
    await asyncio.to_thread(sys.stdin.readline)  # all processes of a test go on together
    await store.open()
    await COMMANDS[command](store, *arguments)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
