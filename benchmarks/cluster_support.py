"""What the tests have and the benchmarks of the cluster need as well: nodes, clusters, waiting.

The tests are no package that is installed, so their folder is put on the path here.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

from support.node import RunningNode
from support.ports import free_port
from support.simulated_cluster import SimCluster, preformed
from support.waiting import wait_until

__all__ = ["RunningNode", "SimCluster", "free_port", "preformed", "wait_until"]
