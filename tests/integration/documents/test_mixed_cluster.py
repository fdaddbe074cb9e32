"""The tutorial of a cluster with Serf agents prints what it says."""

import shutil

import pytest

from integration.documents.mixed_cluster import PAGE, make_page, without_chance

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
    pytest.mark.skipif(shutil.which("serf") is None, reason="serf is not installed"),
]


@pytest.mark.timeout(180)
def test_the_mixed_cluster_tutorial_is_what_happens() -> None:
    assert without_chance(make_page()) == without_chance(PAGE.read_text(encoding="utf-8"))
