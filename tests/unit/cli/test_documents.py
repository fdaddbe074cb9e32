import pytest

from colobus.cli.documents import command_reference
from colobus.cli.main import commands

GROUPS = {"cluster", "migrations"}


@pytest.mark.parametrize(
    "name", [*sorted(set(commands.commands) - GROUPS), "cluster keygen", "migrations up"]
)
def test_every_command_has_a_section(name: str) -> None:
    assert f"\n## colobus {name}\n" in command_reference()


def test_options_are_listed_with_their_default() -> None:
    line = "| `-t SECONDS`, `--timeout SECONDS` |"
    [row] = [row for row in command_reference().splitlines() if row.startswith(line)]
    assert row.endswith("Default: 10. |")
