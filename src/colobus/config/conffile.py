"""The form of a configuration file: ``name = value`` lines with ``#`` comments."""

import re
from dataclasses import dataclass
from pathlib import Path

from colobus.errors import ConfigError

__all__ = ["Line", "format_line", "parse_lines", "read_text"]

MAX_BYTES = 1024 * 1024
"""Of one configuration file; the sample with every comment has about 20 kB."""

_COMMENT = re.compile(r"(?<!\\)#.*")
_SETTING = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*)\s*=(.*)")


@dataclass(frozen=True, slots=True)
class Line:
    """One setting in a file; ``number`` counts lines from 1."""

    name: str
    text: str
    number: int


def read_text(path: Path) -> str:
    """Return the content of a small text file.

    Raises:
        ConfigError: it does not exist, cannot be read, is too long or is not text.
    """
    if not path.is_file():
        raise ConfigError([f"no file at: {path}"])
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ConfigError([f"cannot read {path}: longer than {MAX_BYTES} bytes"])
        return raw.decode("utf-8-sig")
    except OSError as exc:
        raise ConfigError([f"cannot read {path}: {exc.strerror}"]) from exc
    except UnicodeDecodeError as exc:
        raise ConfigError([f"cannot read {path}: it is not UTF-8 text"]) from exc


def parse_lines(text: str) -> tuple[list[Line], list[int]]:
    """Return the settings of a file, and the numbers of the lines that are of no known form.

    A ``#`` starts a comment unless a backslash stands before it. A value may be empty.
    """
    settings: list[Line] = []
    unknown: list[int] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = _COMMENT.sub("", raw).strip()
        if not line:
            continue
        match = _SETTING.fullmatch(line)
        if match is None:
            unknown.append(number)
        else:
            value = match[2].strip().replace("\\#", "#")
            settings.append(Line(match[1], value, number))
    return settings, unknown


def format_line(name: str, text: str) -> str:
    """Return the line that :func:`parse_lines` reads as this setting; without line end."""
    escaped = text.replace("#", "\\#")
    return f"{name} = {escaped}"
