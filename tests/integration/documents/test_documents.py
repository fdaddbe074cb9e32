"""What the documents tell people to type works, and prints what they say it prints."""

import re
import shutil
from pathlib import Path

import pytest

from integration.documents.first_cluster import PAGE, PROJECT, make_page, without_chance
from integration.documents.shell import Shell

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


@pytest.mark.timeout(180)
def test_the_first_cluster_tutorial_is_what_happens() -> None:
    assert without_chance(make_page()) == without_chance(PAGE.read_text(encoding="utf-8"))


@pytest.mark.timeout(120)
def test_the_readme_starts_a_node_and_proxies_a_first_request(tmp_path: Path) -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    install, first_request, with_key, *_ = re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)
    start = install.strip().rpartition("&& ")[2].removeprefix(".venv/bin/")
    assert start == "colobus start --prefix ./node-a"
    shutil.copytree(PROJECT / "docs", tmp_path / "docs")
    with Shell(tmp_path, (8000, 8001, 9000)) as shell:
        assert shell.run(start).endswith("Colobus started\n")
        serve, create, call = first_request.strip().split("\n")
        shell.run(serve)
        shell.wait_for_port(9000)
        assert '"name":"docs"' in shell.run(create)
        assert shell.run(call).startswith("# Your first cluster")
        *writes, limited = with_key.strip().split("\n")
        for write in writes:
            assert '"id":' in shell.run(write)
        assert "X-RateLimit-Remaining-minute: 4" in shell.run(limited)
        stop = re.search(r"`\.venv/bin/(colobus stop .*?)`", readme)
        assert stop is not None
        assert shell.run(stop.group(1)) == "Colobus stopped\n"
