"""The path asked of the upstream, and dot segments."""

import pytest
from hypothesis import given, strategies as st

from colobus.gateway.route import Match, Route
from colobus.gateway.uri import resolve_dots, upstream_path


def ask(base: str, uri: str | None, path: str, *, strip: bool) -> str:
    """Return the upstream path of a request for ``path`` that matched ``uri``."""
    route = Route({"id": "1", "upstream_url": f"http://a{base}", "strip_uri": strip})
    match = Match(route, None if uri is None else uri.encode())
    return upstream_path(match, path.encode()).decode()


@pytest.mark.parametrize(
    ("base", "uri", "path", "stripped", "kept"),
    [
        ("/", "/", "/", "/", "/"),
        ("/", "/", "/foo/bar", "/foo/bar", "/foo/bar"),
        ("/", "/", "/foo/bar/", "/foo/bar/", "/foo/bar/"),
        ("/", "/foo/bar", "/foo/bar", "/", "/foo/bar"),
        ("/", "/foo/bar", "/foo/bar/", "/", "/foo/bar/"),
        ("", "/foo/bar", "/foo/bar", "/", "/foo/bar"),
        ("/foo/bar", "/", "/", "/foo/bar", "/foo/bar"),
        ("/foo/bar", "/", "/foo/bar/", "/foo/bar/foo/bar/", "/foo/bar/foo/bar/"),
        ("/foo/bar", "/foo/bar", "/foo/bar", "/foo/bar", "/foo/bar/foo/bar"),
        ("/foo/bar", "/foo/bar", "/foo/bar/", "/foo/bar/", "/foo/bar/foo/bar/"),
        ("/foo/bar/", "/", "/", "/foo/bar/", "/foo/bar/"),
        ("/foo/bar/", "/", "/foo/bar", "/foo/bar/foo/bar", "/foo/bar/foo/bar"),
        ("/foo/bar/", "/foo/bar", "/foo/bar", "/foo/bar", "/foo/bar/foo/bar"),
        ("/foo/bar/", "/foo/bar", "/foo/bar/", "/foo/bar/", "/foo/bar/foo/bar/"),
        # A uri is a prefix of characters, not of segments.
        ("/", "/my-api", "/my-apifoo/x", "/foo/x", "/my-apifoo/x"),
        # What was sent is forwarded byte for byte, also where kong 0.10 escapes it once more.
        ("/base", "/a", "/a/%7C/b%2Fc//d;e=f,g+h", "/base/%7C/b%2Fc//d;e=f,g+h",
         "/base/a/%7C/b%2Fc//d;e=f,g+h"),
        ("/", "/a", "/a//b", "//b", "/a//b"),
    ],
)  # fmt: skip
def test_the_table_of_the_reference(
    base: str, uri: str, path: str, stripped: str, kept: str
) -> None:
    assert ask(base, uri, path, strip=True) == stripped
    assert ask(base, uri, path, strip=False) == kept


def test_nothing_is_stripped_without_a_matching_uri() -> None:
    assert ask("", None, "/a/b", strip=True) == "/a/b"
    assert ask("/base/", None, "/a/b", strip=True) == "/base/a/b"


@pytest.mark.parametrize(
    ("path", "resolved"),
    [
        (b"/", b"/"),
        (b"/a/b", b"/a/b"),
        (b"/a/./b", b"/a/b"),
        (b"/a/../b", b"/b"),
        (b"/a/b/../../c", b"/c"),
        (b"/..", b"/"),
        (b"/.", b"/"),
        (b"/../../a", b"/a"),
        (b"/a/..", b"/"),
        (b"/a/b/..", b"/a/"),
        (b"/a/b/.", b"/a/b/"),
        (b"/a/b/./", b"/a/b/"),
        (b"/public/%2e%2e/admin", b"/admin"),
        (b"/public/%2E./admin", b"/admin"),
        (b"/public/.%2E/admin", b"/admin"),
        (b"/public/%2e/admin", b"/public/admin"),
        (b"/public/%2e%2E", b"/"),
        (b"/a//../b", b"/a/b"),
        (b"//a/.//b", b"//a//b"),
        (b"/a/.../b", b"/a/.../b"),
        (b"/a/.b/c..", b"/a/.b/c.."),
        (b"/a/%2e%2e%2e/b", b"/a/%2e%2e%2e/b"),
        (b"/a/%2f../b", b"/a/%2f../b"),
        (b"/a/%252e%252e/b", b"/a/%252e%252e/b"),
        (b"/a/..;x/b", b"/a/..;x/b"),
        (b"/a%20b/%2E%2e/c%7c", b"/c%7c"),
        (b"*", b"*"),
        (b"", b""),
        (b"a/../b", b"a/../b"),
    ],
)
def test_dot_segments_are_resolved_and_nothing_else_changes(path: bytes, resolved: bytes) -> None:
    assert resolve_dots(path) == resolved


@given(st.text("/.a%2eE", max_size=30).map(lambda text: b"/" + text.encode()))
def test_resolving_twice_changes_nothing_more(path: bytes) -> None:
    once = resolve_dots(path)
    assert once.startswith(b"/")
    assert resolve_dots(once) == once
