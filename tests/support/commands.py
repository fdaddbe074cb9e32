"""Runs our command as a process, under either of its names."""

import os
import subprocess
import sys
from collections.abc import Mapping

__all__ = ["run_command"]

SCRIPT = (
    "import sys; sys.argv[0] = '/usr/bin/{name}';"
    " from colobus.cli.main import main; sys.exit(main())"
)


def run_command(
    name: str, *arguments: str, environ: Mapping[str, str] | None = None, typed: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run ``name arguments…`` with the environment of this process, without its settings."""
    inherited = {
        variable: value
        for variable, value in os.environ.items()
        if not variable.startswith(("COLOBUS_", "KONG_")) or variable == "COLOBUS_PURE"
    }
    return subprocess.run(
        [sys.executable, "-c", SCRIPT.format(name=name), *arguments],
        env={**inherited, **(environ or {})},
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
