"""How long a change takes to every worker: on a good network, on a bad one, and without gossip."""

import sys
import time
from collections.abc import Callable
from typing import TypeAlias

from benchmarks.cluster_links import Links
from benchmarks.cluster_nodes import Datastore, NodeCluster
from benchmarks.cluster_observer import Change, Observer
from benchmarks.cluster_report import Report

__all__ = ["changes", "cut", "lossy"]

WORKERS = 2
WITHIN_S = 20.0
LOSS = 0.3

Pause: TypeAlias = Callable[[int], float]
Spoil: TypeAlias = Callable[[Links], None]


def changes(report: Report, datastore: Datastore, *, writes: int, nodes: int = 5) -> None:
    """Write through one node of several and see hint and change arrive everywhere."""
    with NodeCluster(datastore, nodes, workers=WORKERS) as cluster, Observer(cluster.nodes) as seen:
        _write(seen, 10, lambda _: 0.0)  # connections, caches and code warmed up
        done = _write(seen, writes, lambda _: 0.0)
    hints = [1000 * hint for change in done for hint in change.hints]
    report.percentiles("hint", hints)
    report.percentiles("change", [1000 * change.everywhere_s for change in done])
    report.percentiles("write", [1000 * change.answered_s for change in done])
    report.curves["hint"] = hints
    report.curves["change"] = [1000 * change.everywhere_s for change in done]
    report.notes["hints that came, of all"] = len(hints) / (len(done) * (nodes - 1))


def lossy(report: Report, datastore: Datastore, *, writes: int, nodes: int = 5) -> None:
    """Do the same while links lose 30 % of all datagrams."""
    spoil: Spoil = lambda links: links.lose(LOSS)  # noqa: E731
    _on_links(report, datastore, "lossy", (writes, nodes), spoil, lambda _: 0.0)


def cut(report: Report, datastore: Datastore, *, writes: int, nodes: int = 5) -> None:
    """Do the same when no node hears of any other: only the datastore tells."""
    # Pauses that fall on every part of the second between two looks at the revision.
    pauses: Pause = lambda number: number * 0.37 % 1  # noqa: E731
    _on_links(report, datastore, "cut", (writes, nodes), Links.cut, pauses)


def _on_links(
    report: Report,
    datastore: Datastore,
    key: str,
    amounts: tuple[int, int],
    spoil: Spoil,
    pause: Pause,
) -> None:
    writes, nodes = amounts
    with (
        Links(nodes) as links,
        NodeCluster(datastore, nodes, workers=WORKERS, settings_of=links.settings_of) as cluster,
        Observer(cluster.nodes) as seen,
    ):
        _write(seen, 5, lambda _: 0.0)
        spoil(links)
        done = _write(seen, writes, pause)
    times = [1000 * change.everywhere_s for change in done]
    report.percentiles(key, times)
    report.curves[key] = times
    report.notes[f"{key}: hints that came, of all"] = sum(len(c.hints) for c in done) / (
        len(done) * (nodes - 1)
    )


def _write(seen: Observer, writes: int, pause: Pause) -> list[Change]:
    done = []
    for number in range(1, writes + 1):
        time.sleep(pause(number))
        done.append(seen.change(within_s=WITHIN_S))
        if number % 250 == 0:
            print(f"    {number} of {writes} writes", file=sys.stderr, flush=True)
    return done
