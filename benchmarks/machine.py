"""The machine and what runs on it, so that a result can be judged later."""

import os
import platform
import re
import subprocess
from pathlib import Path

from benchmarks.load import generators
from benchmarks.process import LOAD_CPU, PROXY_CPU, UPSTREAM_CPU
from benchmarks.subjects import Absent, envoy_binary
from colobus.version import VERSION

__all__ = ["describe"]


def describe() -> dict[str, object]:
    """Return processor, kernel, versions, load average and who runs on which CPU."""
    return {
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "load_average": list(os.getloadavg()),
        "placement": {"proxy": PROXY_CPU, "upstream": UPSTREAM_CPU, "load": LOAD_CPU},
        "load_generators": generators(),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Return the version of each program that is there."""
    found = {"Colobus": VERSION, "Python": platform.python_version()}
    for name, command in _commands().items():
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        except OSError:
            continue
        # Envoy says "envoy version: <commit>/1.40.0/...", HAProxy "HAProxy version 2.6.12-1+deb".
        match = re.search(
            r"(?:version:? [0-9a-f]*/?|[a-z0-9]+[ /])(\d+\.\d+\.\d+)", done.stdout + done.stderr
        )
        found[name] = match.group(1) if match else "unknown"
    return found


def _commands() -> dict[str, list[str]]:
    commands = {
        "nginx": ["nginx", "-v"],
        "HAProxy": ["haproxy", "-v"],
        "wrk": ["wrk", "--version"],
        "h2load": ["h2load", "--version"],
    }
    try:
        commands["Envoy"] = [envoy_binary(), "--version"]
    except Absent:
        return commands
    return commands


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
