"""The running proxies: started when a case needs them, shared by cases of equal setup."""

import subprocess
import threading
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.cases import Entrant
from benchmarks.datastore import Datastores
from benchmarks.figures import CaseResult
from benchmarks.node import Colobus
from benchmarks.subjects import Absent, Envoy, HAProxy, Nginx, Proxy, Surroundings
from benchmarks.workload import Setup

__all__ = ["FAILURES", "Fleet", "worded"]

FAILURES = (OSError, RuntimeError, ValueError, subprocess.SubprocessError)
"""What a subject that breaks, or the load on it, may raise: it is named, and the others go on."""

Key = tuple[str, Setup]


class Fleet:
    """Proxies by kind and setup; all of them are ended by :meth:`stop`.

    Args:
        folder: theirs are below it.
        surroundings: what each is given.
        datastores: what Colobus starts from.
        without: kinds that are left out on request.
    """

    def __init__(
        self,
        folder: Path,
        surroundings: Surroundings,
        datastores: Datastores,
        without: Collection[str] = (),
    ) -> None:
        self.folder = folder
        self.surroundings = surroundings
        self.datastores = datastores
        self.without = without
        self._running: dict[Key, Proxy] = {}
        self._lock = threading.Lock()

    def start(self, entrants: Sequence[Entrant], result: CaseResult) -> dict[Entrant, Proxy]:
        """Return the entrants' proxies, started and answering.

        Those that the machine does not have, or that do not start, are named in ``result``.
        """
        with ThreadPoolExecutor(max_workers=len(entrants)) as pool:
            starts = {entrant: pool.submit(self._start, entrant) for entrant in entrants}
        found = {}
        for entrant, start in starts.items():
            try:
                found[entrant] = start.result()
            except Absent as exc:
                result.left_out[entrant.label] = str(exc)
            except FAILURES as exc:
                result.failed[entrant.label] = worded(exc)
        return found

    def _start(self, entrant: Entrant) -> Proxy:
        key = (entrant.kind, entrant.setup)
        if entrant.kind in self.without:
            raise Absent("left out on request")
        with self._lock:
            running = self._running.get(key)
            if running is not None and not running.has_ended:
                return running
            proxy = self._running[key] = self._make(entrant)
        try:
            proxy.start(entrant.setup)
        except FAILURES:
            self.end(entrant)
            raise
        return proxy

    def keep(self, entrants: Iterable[Entrant]) -> None:
        """End every proxy but those of ``entrants``."""
        kept = {(entrant.kind, entrant.setup) for entrant in entrants}
        ended = [key for key in self._running if key not in kept]
        for key in ended:
            self._running[key].terminate()
        for key in ended:
            self._running.pop(key).stop()

    def end(self, entrant: Entrant) -> None:
        """End the entrant's proxy, if it runs."""
        proxy = self._running.pop((entrant.kind, entrant.setup), None)
        if proxy is not None:
            proxy.stop()

    def stop(self) -> None:
        """End all of them."""
        self.keep(())

    def _make(self, entrant: Entrant) -> Proxy:
        name = entrant.kind.lower().replace(" ", "-")
        folder = self.folder / f"{name}-{entrant.setup.slug}"
        match entrant.kind:
            case "nginx":
                return Nginx(folder, self.surroundings)
            case "HAProxy":
                return HAProxy(folder, self.surroundings)
            case "Envoy":
                return Envoy(folder, self.surroundings)
            case _:
                pure = entrant.kind.endswith("pure")
                return Colobus(folder, self.surroundings, self.datastores, pure=pure)


def worded(error: BaseException) -> str:
    """Return the error as one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
