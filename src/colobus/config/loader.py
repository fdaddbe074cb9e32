"""Reads the settings of a node: defaults, then a file, then the environment, then flags.

Everything that is wrong is told together, each thing with the place it comes from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colobus.config.checks import Problem, problems_of
from colobus.config.declaration import Effect
from colobus.config.settings import DECLARATIONS, Settings
from colobus.config.sources import Given, Source, from_environment, from_file, from_flags
from colobus.errors import ConfigError

__all__ = ["DEFAULT", "DEFAULT_FILES", "Loaded", "load", "load_prefix"]

DEFAULT_FILES = (Path("/etc/colobus/colobus.conf"), Path("/etc/kong/kong.conf"))
"""The first that exists is read when no file is named."""

DEFAULT = "default"
"""The origin of a setting that no source gives."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings that can be used, and how they came about.

    Attributes:
        settings: the result.
        origins: setting name -> ``default``, ``<file>:<line>``, ``environment <VARIABLE>`` or
            ``--<flag>``.
        warnings: lines a person should see.
        notices: lines for whoever asks for details.
        file: the file that was read, if any.
    """

    settings: Settings
    origins: Mapping[str, str]
    warnings: Sequence[str]
    notices: Sequence[str]
    file: Path | None


def load(
    file: Path | None,
    environ: Mapping[str, str],
    flags: Mapping[str, str] | None = None,
    *,
    default_files: Sequence[Path] = DEFAULT_FILES,
) -> Loaded:
    """Return the settings that file, environment and flags give, later ones before earlier.

    Args:
        file: must exist; None takes the first of ``default_files`` that does, or no file.
        environ: the environment variables.
        flags: setting name -> text.
        default_files: where to look when no file is named.

    Raises:
        ConfigError: with every problem found.
    """
    path = _file_of(file, default_files)
    sources = _sources(path, environ, flags)
    given = _merge(sources)
    values, problems = _values(given)
    settings = Settings(**values)
    wrong = {problem.settings[0] for problem in problems}
    problems += [found for found in problems_of(settings) if wrong.isdisjoint(found.settings)]
    lines = [line for source in sources for line in source.problems]
    lines += [_with_origin(problem, given) for problem in problems]
    if lines:
        raise ConfigError(lines)
    origins = {name: _origin(name, given) for name in DECLARATIONS}
    warnings = [line for source in sources for line in source.warnings]
    warnings += _without_effect(settings, origins)
    notices = [line for source in sources for line in source.notices]
    return Loaded(settings, origins, warnings, notices, path)


def load_prefix(
    environ: Mapping[str, str],
    flags: Mapping[str, str] | None = None,
    *,
    default_files: Sequence[Path] = DEFAULT_FILES,
) -> Path:
    """Return the prefix alone, whatever else is wrong: a node must be stoppable at any time.

    Raises:
        ConfigError: the file cannot be read, or the prefix cannot be used.
    """
    given = _merge(_sources(_file_of(None, default_files), environ, flags))
    values, problems = _values({"prefix": given["prefix"]} if "prefix" in given else {})
    if problems:
        raise ConfigError([_with_origin(problem, given) for problem in problems])
    return Settings(**values).prefix


def _file_of(file: Path | None, default_files: Sequence[Path]) -> Path | None:
    return file or next((path for path in default_files if path.is_file()), None)


def _sources(
    file: Path | None, environ: Mapping[str, str], flags: Mapping[str, str] | None
) -> list[Source]:
    """Return the sources, lowest first."""
    sources = [] if file is None else [from_file(file)]
    return [*sources, from_environment(environ), from_flags(flags or {})]


def _merge(sources: Sequence[Source]) -> dict[str, Given]:
    merged: dict[str, Given] = {}
    for source in sources:
        merged |= source.given
    return merged


def _values(given: Mapping[str, Given]) -> tuple[dict[str, Any], list[Problem]]:
    """Return the values of all texts that have one, and what is wrong with the others.

    An empty text takes its setting back to the default, whatever a lower source says.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, declared in DECLARATIONS.items():
        text = given[name].text if name in given else ""
        if not text:
            continue
        try:
            values[name] = declared.kind.read(name, text, secret=declared.is_secret)
        except ValueError as exc:
            problems.append(Problem((name,), str(exc)))
    return values, problems


def _without_effect(settings: Settings, origins: Mapping[str, str]) -> list[str]:
    """Return a line for each setting that was given and does nothing.

    A feature that does not exist yet and is switched off needs none.
    """
    lines = []
    for name, declared in DECLARATIONS.items():
        if declared.effect is Effect.FULL or origins[name] == DEFAULT:
            continue
        if declared.effect is Effect.NONE:
            lines.append(f"{name} has no effect in Colobus ({origins[name]})")
        elif getattr(settings, name) is not False:
            lines.append(f"{name} has no effect in this version of Colobus ({origins[name]})")
    return lines + _without_datastore(settings, origins)


def _without_datastore(settings: Settings, origins: Mapping[str, str]) -> list[str]:
    """Return a line for each setting of a datastore, or of its TLS, that is not used.

    A file of 0.10.4 may leave ``database`` out, whose default was another one then.
    """
    given = [name for name in origins if name.startswith("pg_") and origins[name] != DEFAULT]
    if settings.database != "postgres":
        return [
            f"{name} has no effect with database = {settings.database} ({origins[name]})"
            for name in given
        ]
    if settings.pg_ssl_verify and not settings.pg_ssl:
        return [f"pg_ssl_verify has no effect with pg_ssl = off ({origins['pg_ssl_verify']})"]
    return []


def _origin(name: str, given: Mapping[str, Given]) -> str:
    return given[name].origin if name in given and given[name].text else DEFAULT


def _with_origin(problem: Problem, given: Mapping[str, Given]) -> str:
    origins = dict.fromkeys(_origin(name, given) for name in problem.settings)
    return f"{problem.text} ({', '.join(origins)})"
