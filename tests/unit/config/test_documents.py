import re
from pathlib import Path

import pytest

from colobus.config.documents import configuration_reference, main, sample_file
from colobus.config.loader import load
from colobus.config.settings import DECLARATIONS, Settings


def test_the_sample_file_without_its_comment_signs_sets_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "c.conf"
    path.write_text(re.sub(r"(?m)^#(?=[a-z])", "", sample_file()), encoding="utf-8")
    loaded = load(path, {}, {"prefix": str(tmp_path)})
    assert loaded.settings == Settings(prefix=tmp_path)
    assert not [line for line in loaded.warnings if "no effect" not in line]


def test_the_sample_file_as_it_is_sets_nothing(tmp_path: Path) -> None:
    path = tmp_path / "c.conf"
    path.write_text(sample_file(), encoding="utf-8")
    assert set(load(path, {}).origins.values()) == {"default"}


@pytest.mark.parametrize("name", DECLARATIONS)
def test_every_setting_is_in_both_documents(name: str) -> None:
    assert f"\n#{name} =" in sample_file()
    assert f"\n| `{name}` |" in configuration_reference()
    assert DECLARATIONS[name].help.endswith(".")


def test_lines_of_the_sample_file_fit_a_terminal() -> None:
    assert max(map(len, sample_file().splitlines())) <= 80


def test_a_document_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["colobus.conf.default"]) == 0
    assert capsys.readouterr().out == sample_file()
    assert main([]) == 1
    assert "colobus.conf.default" in capsys.readouterr().err
