"""The page on writing plugins: its code runs, and its tests pass."""

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "write-a-plugin.md"


@pytest.fixture(scope="module")
def page() -> Iterator[dict[str, object]]:
    """What the page's Python blocks define, one after another."""
    blocks = re.findall(
        r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    module = ModuleType("page")
    sys.modules[module.__name__] = module  # where pydantic looks annotations up
    exec("\n".join(blocks), vars(module))
    yield vars(module)
    del sys.modules[module.__name__]


TESTS = re.findall(r"def (test_\w+)", PAGE.read_text(encoding="utf-8"))


def test_the_page_has_tests() -> None:
    assert len(TESTS) == 3


@pytest.mark.parametrize("name", TESTS)
async def test_the_pages_own_test_passes(page: dict[str, object], name: str) -> None:
    test = page[name]
    assert callable(test)
    running = test()
    if inspect.isawaitable(running):
        await running
