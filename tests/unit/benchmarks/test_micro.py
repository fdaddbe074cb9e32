"""The table of the parts of a request, and that each part does its work."""

from collections.abc import Callable

import pytest

from benchmarks.micro import markdown, with_phases
from benchmarks.parts import ACCESS_WITHOUT_PLUGINS, PHASE, parts

PARTS = parts(100)


@pytest.mark.parametrize("work", PARTS.values(), ids=PARTS)
def test_every_part_works(work: Callable[[], object]) -> None:
    work()


def test_phases_are_what_they_add_to_an_exchange() -> None:
    found = with_phases({ACCESS_WITHOUT_PLUGINS: 900.0, f"{PHASE}key-auth": 1500.0, "other": 5.0})
    assert found[f"{PHASE}key-auth"] == 600.0
    assert found["other"] == 5.0
    assert found[ACCESS_WITHOUT_PLUGINS] == 900.0


@pytest.mark.parametrize(("value", "word"), [(1000.0, "met"), (1000.6, "**missed**")])
def test_the_table_judges_the_compiled_build(value: float, word: str) -> None:
    text = markdown({"compiled": {"cache hit": value}, "pure": {"cache hit": 4000.0}})
    assert f"| cache hit | {value:.0f} | 4000 | ≤ 1000 | {word} |" in text.splitlines()
