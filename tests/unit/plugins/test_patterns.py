"""Regular expressions of operators have a time limit."""

import pytest

from colobus.plugins.patterns import Patterns, is_pattern


@pytest.mark.parametrize(
    ("source", "expected"),
    [("a", True), ("[a-z]+$", True), ("(?<!x)a++", True), ("*", False), ("[", False), (5, False)],
)
def test_what_is_a_pattern(source: object, expected: bool) -> None:
    assert is_pattern(source) is expected


def test_patterns_are_searched_anywhere_and_mind_letter_case() -> None:
    patterns = Patterns(["foo", "b.r"])
    assert patterns.search("a foo") is True
    assert patterns.search("xbxrx") is True
    assert patterns.search("FOO") is False
    assert Patterns([]).search("foo") is False


def test_what_is_not_decided_in_time_says_so() -> None:
    assert Patterns(["(?:a|aa)+$"]).search("a" * 100 + "b") is None
