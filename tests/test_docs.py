"""Generated documents are as fresh as the code they are made of."""

from pathlib import Path

import pytest

from colobus.cli.documents import DOCUMENTS

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_generated_document_is_fresh(name: str) -> None:
    path = ROOT / name
    fresh = path.is_file() and path.read_text(encoding="utf-8") == DOCUMENTS[name]()
    assert fresh, f"{name} is stale: run `python -m colobus.cli.documents` in the project folder"
