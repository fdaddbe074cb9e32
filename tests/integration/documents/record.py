"""Makes a tutorial's page: runs its commands and writes down what they printed."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from integration.documents.shell import Shell

__all__ = ["Step", "record"]


@dataclass(frozen=True)
class Step:
    """A paragraph, the command under it, and what to wait for behind it."""

    prose: str
    command: str
    serves: int | None = None


def record(
    title: str, steps: Iterable[Step], ports: Iterable[int], of_no_machine: Callable[[str], str]
) -> str:
    """Run every step in a new folder and return the page.

    Args:
        title: what stands above the steps.
        steps: run in order.
        ports: those that the commands name.
        of_no_machine: takes what a command printed, returns it without this machine's names.
    """
    parts = [title]
    with tempfile.TemporaryDirectory() as folder, Shell(Path(folder), ports) as shell:
        for step in steps:
            printed = shell.run(step.command)
            if step.serves is not None:
                shell.wait_for_port(step.serves)
            shown = of_no_machine(printed.replace(folder, "/home/you"))
            parts.append(f"\n{step.prose}\n\n```sh\n{step.command}\n```\n")
            if shown:
                parts.append(f"```text\n{shown}\n```\n")
    return "".join(parts)
