"""A PostgreSQL server of the tests' own: made, started and ended with them.

PostgreSQL refuses to run as root; under root its processes belong to the user ``postgres`` or
``nobody``.
"""

import asyncio
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any, Self

import asyncpg

from colobus.store.postgres.connector import Target
from colobus.store.postgres.database import PostgresDatabase
from support.ports import free_port
from support.waiting import wait_until

USER = "kong"
ACCOUNTS = ("postgres", "nobody")
FAST = ("fsync=off", "synchronous_commit=on", "max_connections=60", "shared_buffers=32MB")

EMPTY = """
DO $$
DECLARE found text;
BEGIN
    SET LOCAL session_replication_role = replica;  -- no foreign keys
    FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = 'public'
        AND tablename NOT IN ('datastore', 'schema_revisions')
    LOOP EXECUTE 'DELETE FROM ' || quote_ident(found); END LOOP;
    UPDATE datastore SET revision = 0;
END $$
"""


def binaries() -> Path | None:
    """Return the folder with the server's programs, the newest; None if there is none."""
    named = os.environ.get("COLOBUS_TEST_POSTGRES")
    if named:
        return Path(named)
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        key=lambda path: int(path.parent.parent.name),
    )
    if installed:
        return installed[-1].parent
    found = shutil.which("postgres")
    return Path(found).resolve().parent if found else None


def account() -> dict[str, Any]:
    """Return as whom to run the server, in the words of ``subprocess``."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = next(names[name] for name in ACCOUNTS if name in names)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class PostgresServer:
    """One server in a temporary folder, on a port of this machine.

    Args:
        copy_of: a running server to make a streaming standby of; None makes a new one.
        options: settings of the server, ``name=value``.
    """

    def __init__(
        self, *, copy_of: "PostgresServer | None" = None, options: tuple[str, ...] = FAST
    ) -> None:
        found = binaries()
        assert found is not None
        self.binaries = found
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._options = options
        self._folder = Path(tempfile.mkdtemp(prefix="colobus-pg-"))
        self._account = account()
        if self._account:
            os.chown(self._folder, self._account["user"], self._account["group"])
        self.data = self._folder / "data"
        self._names = itertools.count()
        if copy_of is None:
            self._run("initdb", "-D", self.data, "-U", USER, "-A", "trust", "-E", "UTF8",
                      "--locale=C.UTF-8", "--no-sync")  # fmt: skip
        else:
            self._run("pg_basebackup", "-D", self.data, "-h", "127.0.0.1", "-p", copy_of.port,
                      "-U", USER, "-R", "-X", "stream", "--checkpoint=fast", "--no-sync")  # fmt: skip

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self._folder)

    @property
    def log(self) -> Path:
        """What the server wrote."""
        return self._folder / "log"

    def start(self) -> None:
        """Start, and return once it accepts connections."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    self.binaries / "postgres", "-D", self.data, "-p", str(self.port),
                    "-c", "listen_addresses=127.0.0.1",
                    "-c", f"unix_socket_directories={self._folder}",
                    *(word for option in self._options for word in ("-c", option)),
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self._account,
            )  # fmt: skip
        wait_until(self._accepts, what=f"PostgreSQL on port {self.port}")

    def stop(self) -> None:
        """Shut down in order, ending every connection."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End at once, as a crash does."""
        if self.process is not None and self.process.poll() is None:
            self._end(signal.SIGQUIT)

    def adopt(self, file: Path, name: str) -> None:
        """Copy a file into the server's folder, as its own."""
        copy = self.data / name
        shutil.copyfile(file, copy)
        copy.chmod(0o600)
        if self._account:
            os.chown(copy, self._account["user"], self._account["group"])

    def promote(self) -> None:
        """Make a standby the primary, and return once it can be written to."""
        assert self.run(_fetch(self, "postgres", "SELECT pg_promote(true, 30)")) is True

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement outside of a transaction."""
        self.run(_fetch(self, database, statement))

    def fetch(self, statement: str, database: str = "postgres") -> Any:
        """Run a query and return its first value."""
        return self.run(_fetch(self, database, statement))

    def create(self, template: str = "template1") -> str:
        """Return the name of a new database."""
        name = f"test_{next(self._names)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def empty(self, name: str) -> None:
        """Take a migrated database back to revision 0, a tenth of the work of making one."""
        self.execute(EMPTY, name)

    def target(self, database: str, **changes: Any) -> Target:
        """Return how to connect."""
        return Target(hosts=[("127.0.0.1", self.port)], user=USER, database=database, **changes)

    def database(self, name: str, **options: Any) -> PostgresDatabase:
        """Return the seam's side of a database here."""
        return PostgresDatabase(self.target(name), Random(1), **options)

    def settings(self, database: str) -> dict[str, object]:
        """Return the settings of a node that uses a database here."""
        return {
            "database": "postgres", "pg_host": "127.0.0.1", "pg_port": self.port,
            "pg_user": USER, "pg_database": database,
        }  # fmt: skip

    @staticmethod
    def run(work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine, also while a loop of the test runs."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, work).result(60)

    def _accepts(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"PostgreSQL ended:\n{self.log.read_text()}"
        try:
            return bool(self.fetch("SELECT true"))
        except (OSError, asyncpg.PostgresError):
            return False

    def _end(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(30)

    def _run(self, program: str, *arguments: object) -> None:
        done = subprocess.run(
            [self.binaries / program, *map(str, arguments)], cwd=self._folder,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
            **self._account,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


async def _fetch(server: PostgresServer, database: str, statement: str) -> Any:
    connection = await asyncpg.connect(
        host="127.0.0.1", port=server.port, user=USER, database=database, ssl=False, timeout=5
    )
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
