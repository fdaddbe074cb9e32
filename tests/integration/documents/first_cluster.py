"""Makes ``docs/tutorials/first-cluster.md``: runs its commands and writes down what they printed.

``python tests/integration/documents/first_cluster.py`` writes the page anew; the test beside it
runs the same commands and compares.
"""

import re
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[3]
PAGE = PROJECT / "docs" / "tutorials" / "first-cluster.md"

if __name__ == "__main__":
    sys.path.insert(0, str(PROJECT / "tests"))

from integration.documents.record import Step, record  # noqa: E402  (found through the path set above)

PORTS = (7373, 7374, 7946, 7947, 8000, 8001, 8010, 8011, 8443, 8453, 9000)

TITLE = """# Your first cluster

Two nodes on one machine share one SQLite file. What is changed through one is followed by the
other. This page is the record of a run: every command was executed, and what it printed stands
under it. It needs Colobus installed (see the [README](../../README.md)) and `curl`.
"""

STEPS = (
    Step(
        "Node A keeps its data in `node-a/colobus.db`, because nothing else was said. Its proxy listens on\nport 8000, its Admin API on 8001.",
        "colobus start --prefix node-a",
    ),
    Step(
        "Node B shares the file by naming it. On a machine of its own that would be all; beside node A it\nneeds ports of its own, from a file this time.",
        "cat > node-b.conf <<END\n"
        "sqlite_path = $PWD/node-a/colobus.db\n"
        "proxy_listen = 127.0.0.1:8010\n"
        "proxy_listen_ssl = 127.0.0.1:8453\n"
        "admin_listen = 127.0.0.1:8011\n"
        "cluster_listen = 127.0.0.1:7947\n"
        "cluster_listen_rpc = 127.0.0.1:7374\n"
        "END\n"
        "colobus start --prefix node-b --conf node-b.conf",
    ),
    Step(
        "It found node A in the datastore and joined it; any node can tell who is there.",
        "curl -s http://127.0.0.1:8011/cluster | python3 -m json.tool",
    ),
    Step(
        "A service to proxy to: files, served by Python's own web server.",
        "mkdir site && echo 'hello from the service' > site/hello.txt\n"
        "python3 -m http.server 9000 --bind 127.0.0.1 --directory site 2>/dev/null &",
        serves=9000,
    ),
    Step(
        "Make it an API **on node A**. The answer comes when every worker of node A routes by it; the\nheader `X-Colobus-Revision` is the number of the change.",
        "curl -s -i -X POST http://127.0.0.1:8001/apis \\\n"
        "  -d name=site -d uris=/site -d upstream_url=http://127.0.0.1:9000",
    ),
    Step(
        "**Node B** has heard of the change by the time you can ask.",
        "curl -s http://127.0.0.1:8010/site/hello.txt",
    ),
    Step(
        "Now close it: callers need a key. The change is made on node A, and tried on both.",
        "curl -s -o /dev/null -w '%{http_code}\\n' -X POST http://127.0.0.1:8001/apis/site/plugins -d name=key-auth\n"
        ""
        "curl -s http://127.0.0.1:8000/site/hello.txt\n"
        "curl -s http://127.0.0.1:8010/site/hello.txt",
    ),
    Step(
        "A consumer and a key, made **on node B** this time, work on both; anything else is refused.",
        "curl -s -o /dev/null -w '%{http_code}\\n' -X POST http://127.0.0.1:8011/consumers -d username=alice\n"
        "curl -s -o /dev/null -w '%{http_code}\\n' -X POST http://127.0.0.1:8011/consumers/alice/key-auth -d key=a-key-of-alice\n"
        ""
        "curl -s http://127.0.0.1:8000/site/hello.txt -H 'apikey: a-key-of-alice'\n"
        "curl -s http://127.0.0.1:8010/site/hello.txt -H 'apikey: a-key-of-alice'\n"
        "curl -s http://127.0.0.1:8010/site/hello.txt -H 'apikey: a-wrong-key'",
    ),
    Step(
        "Three requests an hour, counted per node. However many workers node A has, the fourth is refused.",
        "curl -s -o /dev/null -w '%{http_code}\\n' -X POST http://127.0.0.1:8001/apis/site/plugins \\\n"
        "  -d name=rate-limiting -d config.hour=3 -d config.policy=local\n"
        "for n in 1 2 3 4; do\n"
        "  curl -s -o /dev/null -w '%{http_code}\\n' http://127.0.0.1:8000/site/hello.txt -H 'apikey: a-key-of-alice'\n"
        "done",
    ),
    Step(
        "Take the key away on node A: it opens nothing on node B any more.",
        "curl -s -o /dev/null -w '%{http_code}\\n' -X DELETE http://127.0.0.1:8001/consumers/alice/key-auth/a-key-of-alice\n"
        ""
        "curl -s http://127.0.0.1:8010/site/hello.txt -H 'apikey: a-key-of-alice'",
    ),
    Step(
        "Node A leaves; node B goes on answering.",
        "colobus stop --prefix node-a\ncurl -s -o /dev/null -w '%{http_code}\\n' http://127.0.0.1:8010/site/hello.txt\ncolobus health --prefix node-b",
    ),
    Step("And stop.", "colobus stop --prefix node-b"),
)


def make_page() -> str:
    """Run every step and return the page."""
    return record(TITLE, STEPS, PORTS, of_no_machine)


def of_no_machine(printed: str) -> str:
    """Return the output without this machine's name and address."""
    printed = re.sub(r'"name": "[^_"]+_', '"name": "host.example.com_', printed)
    printed = re.sub(r'"address": "[\d.]+:', '"address": "192.0.2.10:', printed)
    return printed.replace("\r", "").rstrip("\n")


def without_chance(page: str) -> str:
    """Return the page with everything that differs from run to run made equal."""
    page = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>", page)
    page = re.sub(r"\"name\": \"\S+_[0-9a-f]{32}\"", '"name": "<node>"', page)
    # Of the node asked, first or second by name, and of the other one as soon as it was probed.
    page = re.sub(r",\s+\"(revision|freshness|uptime)\": [\d.]+", "", page)
    page = re.sub(r"\b1[0-9]{12}\b", "<time>", page)
    return re.sub(r"(?m)^(date|content-length): .*$", r"\1: …", page)


if __name__ == "__main__":
    PAGE.write_text(make_page(), encoding="utf-8")
