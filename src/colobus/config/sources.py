"""Where settings come from: a file, the environment, flags. Collects texts; judges no value."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from colobus.config.conffile import parse_lines, read_text
from colobus.config.declaration import Declaration
from colobus.config.settings import DECLARATIONS, OLD_NAMES
from colobus.errors import ConfigError

__all__ = ["Given", "Source", "from_environment", "from_file", "from_flags"]

ENVIRONMENT_PREFIXES = ("COLOBUS_", "KONG_")
"""The first that names a setting wins."""

NOT_SETTINGS = frozenset({"COLOBUS_PURE"})
"""Environment variables of ours that choose a build, not a setting."""

# What Kubernetes and Docker put into the environment for a service named colobus or colobus-x.
_SERVICE_VARIABLE = re.compile(r"(?:.*_)?(?:SERVICE_(?:HOST|PORT)(?:_.*)?|PORT(?:_[0-9]+_.*)?)")

# Units that an older name left out (reference: 0.6 to 0.8 counted this one in megabytes).
_OLD_UNITS = {"memory_cache_size": "m"}

_WITHOUT_COUNTERPART = {"cluster.auto-join": "nodes always join by themselves"}


@dataclass(frozen=True, slots=True)
class Given:
    """The text that one source gives for a setting, and what to call the source."""

    text: str
    origin: str


@dataclass(slots=True)
class Source:
    """What one source gives, by setting, with the remarks it deserves.

    Attributes:
        given: setting name -> text and origin.
        problems: what keeps the node from starting.
        warnings: what a person should look at.
        notices: what is only worth a line when somebody asks for details.
    """

    given: dict[str, Given] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def from_file(path: Path) -> Source:
    """Return what a configuration file gives.

    Raises:
        ConfigError: the file cannot be read.
    """
    source = Source()
    lines, unknown = parse_lines(read_text(path))
    source.problems.extend(
        f"not of the form 'name = value' ({path}:{number})" for number in unknown
    )
    for line in lines:
        origin = f"{path}:{line.number}"
        name = OLD_NAMES.get(line.name, line.name)
        if name in DECLARATIONS:
            if name in source.given:
                earlier = source.given[name].origin
                source.warnings.append(f"{name} is set twice: {origin} overrules {earlier}")
            unit = _OLD_UNITS.get(line.name, "") if line.text.isdecimal() else ""
            source.given[name] = Given(line.text + unit, origin)
        elif line.name in _WITHOUT_COUNTERPART:
            source.notices.append(f"{line.name}: {_WITHOUT_COUNTERPART[line.name]} ({origin})")
        else:
            source.warnings.append(_unknown(f"setting '{line.name}' ({origin})", line.name))
    return source


def from_environment(environ: Mapping[str, str]) -> Source:
    """Return what the environment gives: ``COLOBUS_<NAME>``, or else ``KONG_<NAME>``.

    For a secret, ``COLOBUS_<NAME>_FILE`` may name a file that holds it.
    """
    source = Source()
    known: set[str] = set()
    for declared in DECLARATIONS.values():
        variables = list(_variables(declared))
        known.update(variables)
        given = next((name for name in variables if name in environ), None)
        if given is not None:
            origin = f"environment {given}"
            source.given[declared.name] = Given(environ[given].strip(), origin)
        if declared.is_secret:
            known.update(f"{name}_FILE" for name in variables)
            _from_secret_file(declared, variables, environ, source)
    _remark_unknown(environ.keys() - known, source)
    return source


def from_flags(flags: Mapping[str, str]) -> Source:
    """Return what flags of the command line give; their names are those of the settings."""
    return Source(given={name: Given(text, f"--{name}") for name, text in flags.items()})


def _variables(declared: Declaration) -> list[str]:
    names = [declared.name, *(old for old in declared.old_names if "." not in old)]
    return [f"{prefix}{name.upper()}" for prefix in ENVIRONMENT_PREFIXES for name in names]


def _from_secret_file(
    declared: Declaration, variables: list[str], environ: Mapping[str, str], source: Source
) -> None:
    variable = next((f"{name}_FILE" for name in variables if environ.get(f"{name}_FILE")), None)
    if variable is None:
        return
    if declared.name in source.given:
        other = source.given[declared.name].origin
        source.problems.append(f"{declared.name} is given twice ({other}, environment {variable})")
        return
    try:
        text = read_text(Path(environ[variable])).strip()
    except ConfigError as exc:
        source.problems.extend(f"{problem} (environment {variable})" for problem in exc.problems)
        return
    source.given[declared.name] = Given(text, f"environment {variable}")


def _remark_unknown(variables: set[str], source: Source) -> None:
    """Remark on variables that look like settings and are none.

    Those of ``KONG_`` may be meant for the gateway that was there before: a notice will do.
    """
    for variable in sorted(variables - NOT_SETTINGS):
        prefix = next((p for p in ENVIRONMENT_PREFIXES if variable.startswith(p)), None)
        if prefix is None or _SERVICE_VARIABLE.fullmatch(variable.removeprefix(prefix)):
            continue
        remarks = source.warnings if prefix == "COLOBUS_" else source.notices
        remarks.append(_unknown(f"environment variable {variable}", variable.removeprefix(prefix)))


def _unknown(what: str, name: str) -> str:
    """Return the remark on an unknown name, with the known one that it resembles most."""
    known = [*DECLARATIONS, *OLD_NAMES]
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.7)
    hint = f"; did you mean {OLD_NAMES.get(near[0], near[0])}?" if near else ""
    return f"unknown {what}{hint}"
