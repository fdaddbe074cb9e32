"""What a worker does for one change of an API: ``python -m benchmarks.applying 100000``."""

import json
import statistics
import sys
import time
import uuid
from typing import Any

from benchmarks.datastore import api_row
from colobus.cache.fenced import FencedCache
from colobus.gateway.chain import ChainTable
from colobus.model.apis import APIS
from colobus.model.change import Change
from colobus.node.memory import Memory
from colobus.plugins.registry import load

__all__ = ["measure"]

CHANGES = 200


def measure(apis: int) -> dict[str, float]:
    """Return the median and the longest time of applying one change, in milliseconds."""
    catalog = load(()).catalog()
    memory = Memory(FencedCache(catalog, b"salt", 1 << 20), lambda: ChainTable([]))
    rows = [_row(number) for number in range(apis)]
    memory.begin_replace()
    memory.add(APIS.name, rows)
    memory.finish_replace(1)
    times = []
    for number in range(CHANGES):
        row = dict(rows[number * 7919 % apis], uris=[f"/new-{number}"])
        packed = Change(
            revision=number + 2, position=0, kind=APIS.name, operation="update", key=row["id"],
            old_index={"id": row["id"]}, new_index={"id": row["id"]}, row=row,
            origin="benchmark", at_ms=0,
        ).pack()  # fmt: skip
        begin = time.perf_counter()
        memory.apply(number + 2, [Change.unpack(packed)])
        times.append((time.perf_counter() - begin) * 1e3)
        if memory.router.match(b"GET", b"/new-%d/x" % number, b"any.test") is None:
            raise RuntimeError("the change was not applied")
    return {"apply_ms": statistics.median(times), "longest_ms": max(times)}


def _row(number: int) -> dict[str, Any]:
    return {"id": str(uuid.UUID(int=number + 1)), "created_at": number, **api_row(number, 80)}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
