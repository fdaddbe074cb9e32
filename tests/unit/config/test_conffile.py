from pathlib import Path

import pytest

from colobus.config.conffile import Line, format_line, parse_lines, read_text
from colobus.errors import ConfigError


@pytest.mark.parametrize(
    ("line", "name", "text"),
    [
        ("prefix = /x", "prefix", "/x"),
        ("  prefix=/x  ", "prefix", "/x"),
        ("prefix = /x # where", "prefix", "/x"),
        ("pg_password = a\\#b # c", "pg_password", "a#b"),
        ("pg_password =", "pg_password", ""),
        ("pg_password = a = b", "pg_password", "a = b"),
        ("cluster.advertise = 1.2.3.4:5", "cluster.advertise", "1.2.3.4:5"),
        ("cluster.auto-join = true", "cluster.auto-join", "true"),
    ],
)
def test_a_line_is_a_name_and_a_value(line: str, name: str, text: str) -> None:
    assert parse_lines(line) == ([Line(name, text, 1)], [])


def test_comments_and_empty_lines_count_but_say_nothing() -> None:
    assert parse_lines("# a = 1\n\n   # b\nc = 2\n") == ([Line("c", "2", 4)], [])


@pytest.mark.parametrize("line", ["prefix /x", "[section]", "= x", "cluster:"])
def test_lines_of_no_known_form_are_numbered(line: str) -> None:
    assert parse_lines(f"a = 1\n{line}\n") == ([Line("a", "1", 1)], [2])


@pytest.mark.parametrize("text", ["plain", "a#b", "a\\#b", "\\", "#", "a = b", "ü"])
def test_what_is_written_is_what_is_read(text: str) -> None:
    lines, unknown = parse_lines(format_line("name", text))
    assert (lines, unknown) == ([Line("name", text, 1)], [])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"^no file at: {tmp_path}/x$"):
        read_text(tmp_path / "x")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^no file at: "):
        read_text(tmp_path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"it is not UTF-8 text$"):
        read_text(tmp_path / "x")


def test_an_endless_file_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^no file at: /dev/zero$"):
        read_text(Path("/dev/zero"))


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(ConfigError, match=r"longer than 1048576 bytes$"):
        read_text(tmp_path / "x")
