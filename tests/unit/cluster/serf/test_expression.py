"""Go's regular expressions: what Python's engine agrees on, what it does not, and how long."""

import re

import pytest
from hypothesis import given, strategies as st

from colobus.cluster.serf.expression import Expression, ExpressionError, compile_expression


@pytest.mark.parametrize(
    ("pattern", "text", "is_found"),
    [
        ("", "", True),
        ("db", "web-db-1", True),
        ("^db", "web-db-1", False),
        ("^(web|db)-[0-9]+$", "db-17", True),
        ("^(web|db)-[0-9]+$", "db-17x", False),
        ("(?i)WEB", "a web server", True),
        ("(?i:A)b", "ab", True),
        ("(?i:A)b", "aB", False),
        ("(?i)a(?-i)b", "AB", False),
        ("a.c", "a\nc", False),
        ("(?s)a.c", "a\nc", True),
        ("^b$", "a\nb", False),
        ("(?m)^b$", "a\nb\nc", True),
        ("b$", "b\n", False),  # Python's $ would match here
        (r"\Ab\z", "b", True),
        (r"\bdb\b", "a db.", True),
        (r"\Bdb", "a db", False),
        (r"\bb", "ab", False),
        (r"\bb", "a-b", True),
        (r"\d{3}", "12", False),
        (r"\d{3}", "123", True),
        (r"^\w{2,3}$", "abcd", False),
        (r"^\w{2,}$", "abcd", True),
        (r"^x{0,2}$", "", True),
        ("a{,2}", "a{,2}", True),
        ("{", "{", True),
        ("[]a]", "]", True),
        ("[^]a]", "b", True),
        ("[a-]", "-", True),
        (r"[\d\-x]", "-", True),
        (r"[^\D]", "5", True),
        ("[[:alpha:]_]", "_", True),
        ("[[:^alpha:]]", "x", False),
        ("(?i)[a-c]", "B", True),
        (r"\Qa.b\E+", "a.b+", True),
        (r"\x41\x{42}", "AB", True),
        (r"\S\s\W", "a !", True),
        ("(?P<zone>eu)-1", "eu-1", True),
        ("(?<zone>eu)-1", "eu-1", True),
        ("a*?b+?c??", "b", True),
        ("^a*b$", "aab", True),
        ("^a*b$", "acb", False),
        ("^a{1,3}b$", "aaab", True),
        ("^a{1,3}b$", "aaaab", False),
        ("(a*)*", "aaa", True),
        ("(|a)+b", "ab", True),
        ("(a|b|)c", "c", True),
    ],
)
def test_what_go_finds_is_found(pattern: str, text: str, is_found: bool) -> None:
    assert Expression(pattern).search(text) is is_found


def test_a_whole_match_leaves_nothing_out() -> None:
    assert compile_expression("web.*").match_whole("web-1")
    assert not compile_expression("web").match_whole("web-1")
    assert not compile_expression("web").match_whole("a web")


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)",
        "(?!a)",
        "(?<=a)b",
        r"(a)\1",
        r"\pL",
        r"\Z",
        "(",
        "a)",
        "[a",
        "[z-a]",
        "[[:nope:]]",
        "*a",
        "a**",
        "a++",
        "a{2}{3}",
        "a{1001}",
        "a{3,2}",
        "(?x)a",
        "(?i",
        "(?P<na-me>a)",
        "\\",
        r"\x{110000}",
        r"\xzz",
        "(" * 60 + ")" * 60,
        "a" * 1025,
        "((a{100}){100}){100}",
    ],
)
def test_what_go_refuses_or_nobody_needs_is_refused(pattern: str) -> None:
    with pytest.raises(ExpressionError):
        Expression(pattern)


@pytest.mark.parametrize("pattern", ["(a*)*b", "(a|aa)+b", "(.*.*){10}b", "((){1000}){1000}b"])
def test_no_expression_keeps_a_node_busy(pattern: str) -> None:
    # Python's own engine would take longer than the universe has been around.
    assert not Expression(pattern).search("a" * 512)


_ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "^", r"\b", "(a|b)", "(?:ab|)"])
_PATTERNS = st.lists(st.tuples(_ATOMS, st.sampled_from(["", "*", "+", "?", "{2}", "{1,2}"])))


@given(_PATTERNS, st.text("ab-\n", max_size=8))
def test_it_agrees_with_python_where_both_have_one_meaning(
    parts: list[tuple[str, str]], text: str
) -> None:
    pattern = "".join(atom + (repeat if atom not in ("^", r"\b") else "") for atom, repeat in parts)
    expected = re.compile(pattern)
    assert Expression(pattern).search(text) is bool(expected.search(text))
    assert Expression(pattern).match_whole(text) is bool(expected.fullmatch(text))
