"""Makes ``docs/tutorials/mixed-cluster.md``: a node of Colobus and an agent of Serf in one cluster.

``python tests/integration/documents/mixed_cluster.py`` writes the page anew; the test beside it
runs the same commands and compares.
"""

import re
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[3]
PAGE = PROJECT / "docs" / "tutorials" / "mixed-cluster.md"

if __name__ == "__main__":
    sys.path.insert(0, str(PROJECT / "tests"))

from integration.documents.first_cluster import without_chance as without_ids  # noqa: E402
from integration.documents.record import Step, record  # noqa: E402

PORTS = (7373, 7374, 7946, 7947, 8000, 8001, 8443)
NODE = "host.example.com_127.0.0.1:7946_7c1f0a5e52f84d0d9a6b3e8c41d2b907"

TITLE = """# A cluster with Serf agents in it

A node speaks the protocol of HashiCorp's Serf, so agents of Serf can be members of the same cluster:
on machines that run no gateway, to watch it, or to react to what happens in it. This page is the
record of a run: every command was executed, and what it printed stands under it. It needs Colobus
installed (see the [README](../../README.md)), `curl`, and `serf` (in Debian: `apt install serf`).
"""

STEPS = (
    Step(
        "Start a node. Nothing has to be switched on for Serf.",
        "COLOBUS_CLUSTER_PROFILE=lan colobus start --prefix node-a",
    ),
    Step(
        "Start an agent and let it join the node. It writes down every user event it hears.",
        "serf agent -node=edge -bind=127.0.0.1:7947 -rpc-addr=127.0.0.1:7374 \\\n"
        "  -join=127.0.0.1:7946 -tag role=watch \\\n"
        "  -event-handler='user=echo \"$SERF_USER_EVENT $(cat)\" >> heard.txt' > serf.log 2>&1 &",
        serves=7374,
    ),
    Step(
        "Both see each other. First as the agent sees it, then as the node does.",
        "serf members -rpc-addr=127.0.0.1:7374 | sort\ncolobus cluster members --prefix node-a",
    ),
    Step(
        "The `serf` command works with the node as well: its RPC listens where an agent's\nwould, so that `-rpc-addr` could be left out here.",
        "serf members -rpc-addr=127.0.0.1:7373 | sort\nserf reachability -rpc-addr=127.0.0.1:7373",
    ),
    Step(
        "And `colobus cluster` asks the same of the node.",
        "colobus cluster reachability --prefix node-a",
    ),
    Step(
        "A query of the agent is acknowledged by the node.",
        "serf query -rpc-addr=127.0.0.1:7374 -timeout=1500ms anybody-there | sort",
    ),
    Step(
        "Tags that the agent gets are seen by the node.",
        "serf tags -rpc-addr=127.0.0.1:7374 -set zone=edge\n"
        "timeout 10 sh -c 'until serf members -rpc-addr=127.0.0.1:7373 -tag zone=edge | grep edge; do sleep 0.1; done'",
    ),
    Step(
        "Change something. The node tells all members the number of the change, never its content; the\n"
        "agent hears it too, and could act on it.",
        "curl -s -o /dev/null -w '%{http_code}\\n' -X POST http://127.0.0.1:8001/apis \\\n"
        "  -d name=site -d uris=/site -d upstream_url=http://127.0.0.1:9000\n"
        "timeout 10 sh -c 'until [ -s heard.txt ]; do sleep 0.1; done'; tail -n 1 heard.txt",
    ),
    Step(
        "An agent that leaves has left, and is not held for failed.",
        "serf leave -rpc-addr=127.0.0.1:7374\ncolobus cluster members --prefix node-a",
    ),
    Step("And stop.", "colobus stop --prefix node-a"),
)


def make_page() -> str:
    """Run every step and return the page."""
    return record(TITLE, STEPS, PORTS, of_no_machine)


def of_no_machine(printed: str) -> str:
    """Return the output without this machine's name, and without columns as wide as that."""
    printed = re.sub(r"[^\s']+_127\.0\.0\.1:\d+_[0-9a-f]{32}", NODE, printed)
    return re.sub(r" {2,}", "  ", printed).rstrip("\n")


def without_chance(page: str) -> str:
    """Return the page with everything that differs from run to run made equal."""
    page = re.sub(r"colobus=[^,\s]+", "colobus=<version>", page)
    # An agent lists tags in no order, and members sort by names of this machine.
    page = re.sub(r"\w+=[^,\s]+(?:,\w+=[^,\s]+)+", lambda tags: _sorted(tags.group(), ","), page)
    page = re.sub(
        r"(?s)(?<=```text\n).*?(?=\n```)", lambda block: _sorted(block.group(), "\n"), page
    )
    return without_ids(page)


def _sorted(text: str, separator: str) -> str:
    return separator.join(sorted(text.split(separator)))


if __name__ == "__main__":
    PAGE.write_text(make_page(), encoding="utf-8")
