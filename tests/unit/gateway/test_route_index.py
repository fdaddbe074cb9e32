"""The index below one host rule."""

from typing import Any

import pytest

from colobus.gateway.route import Match, Route
from colobus.gateway.route_index import RouteIndex
from support.builds import load_pure


def match(name: str, uri: bytes | None, created_at: int = 1) -> Match:
    return Match(Route({"id": name, "upstream_url": "http://a", "created_at": created_at}), uri)


def found(index: RouteIndex, path: bytes) -> str | None:
    best = index.longest(b"", path)
    return None if best is None else best.route.id


def test_apis_that_share_a_uri_move_up_when_the_best_leaves() -> None:
    index = RouteIndex()
    matches = [match(name, b"/a", age) for name, age in (("c", 3), ("a", 1), ("b", 2))]
    for one in matches:
        index.add(b"", one)
    assert found(index, b"/a") == "a"
    index.discard(b"", matches[2])
    index.discard(b"", matches[1])
    assert found(index, b"/a") == "c"
    index.discard(b"", matches[0])
    assert found(index, b"/a") is None
    assert not index


def test_a_path_is_probed_with_the_lengths_of_its_own_directories() -> None:
    index = RouteIndex()
    uris = [b"/aa", b"/aaaa", b"/x/y/z", b"/x/y/zz"]
    for uri in uris:
        index.add(b"", match(uri.decode(), uri))
    assert list(index._directories[b"/"].longest_first) == [5, 3]
    assert list(index._directories[b"/x/y/"].longest_first) == [7, 6]
    longest = index.longest(b"", b"/aaaa")
    assert longest is not None
    index.discard(b"", longest)
    assert list(index._directories[b"/"].longest_first) == [3]


def test_a_path_of_a_thousand_slashes_is_probed_no_deeper_than_uris_go() -> None:
    index = RouteIndex()
    index.add(b"", match("deep", b"/a/b"))
    assert found(index, b"/" * 8000) is None
    assert index._deepest == 2


class CountingIndex(dict[bytes, Match]):
    """Counts the look-ups."""

    look_ups = 0

    def get(self, key: bytes, default: Any = None) -> Any:
        self.look_ups += 1
        return super().get(key, default)


@pytest.mark.parametrize("path", [b"/api-42/users/7", b"/api-42", b"/other/path", b"/"])
def test_a_look_up_costs_the_same_with_a_hundred_uris_and_with_thousands(path: bytes) -> None:
    costs = []
    # The compiled build looks up without asking the dictionary's own methods.
    pure = load_pure("colobus.gateway.route_index")
    for apis in (100, 5000):
        index = pure.RouteIndex()
        for number in range(10, apis):
            index.add(b"", match(str(number), b"/api-%d" % number))
        counting = index._best = CountingIndex(index._best)
        index.longest(b"", path)
        costs.append(counting.look_ups)
    assert costs[0] == costs[1] <= 1


def test_methods_and_uris_are_never_mistaken_for_each_other() -> None:
    index = RouteIndex()
    index.add(b"GET", match("method", None))
    index.add(b"GET", match("both", b"/GET"))
    assert index.without_uri(b"GET") is not None
    assert index.longest(b"G", b"ET/GET") is None
