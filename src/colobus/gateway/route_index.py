"""The matches of one host rule, found by method and longest uri.

A key is the method (empty for APIs without methods) with the uri behind it, ``GET/users``; an API
without uris is under the method alone. A uri always begins with a slash and a method has none, so
keys cannot be mistaken for each other.
"""

from bisect import bisect_left, insort
from typing import Final

from colobus.gateway.route import Match
from colobus.gateway.wire import find_byte

__all__ = ["RouteIndex"]

SLASH: Final = 47


class RouteIndex:
    """Matches by method and uri; look-ups cost the same however many there are."""

    __slots__ = ("_best", "_deepest", "_directories", "_others")

    def __init__(self) -> None:
        self._best: dict[bytes, Match] = {}
        # Where several APIs share a key: all but the best, in order.
        self._others: dict[bytes, list[Match]] = {}
        # Directory (a uri up to its last slash) -> the lengths of its uris. A path is probed with
        # the lengths that occur in its own directories, and with no others.
        self._directories: dict[bytes, _Lengths] = {}
        self._deepest = 0  # the most slashes in a directory, an upper bound

    def __bool__(self) -> bool:
        return bool(self._best)

    def add(self, verb: bytes, match: Match) -> None:
        """Insert ``match`` under the method ``verb`` and its uri."""
        key = verb if match.uri is None else verb + match.uri
        best = self._best.get(key)
        if best is None:
            self._best[key] = match
        else:
            first, second = sorted((best, match), key=_age)
            self._best[key] = first
            insort(self._others.setdefault(key, []), second, key=_age)
        if match.uri is not None:
            self._count_in(match.uri)

    def discard(self, verb: bytes, match: Match) -> None:
        """Remove the match of the same API and uri, which is there."""
        key = verb if match.uri is None else verb + match.uri
        others = self._others.get(key)
        if self._best[key].route is not match.route:
            assert others is not None
            del others[bisect_left(others, _age(match), key=_age)]
        elif others:
            self._best[key] = others.pop(0)
        else:
            del self._best[key]
        if others is not None and not others:
            del self._others[key]
        if match.uri is not None:
            self._count_out(match.uri)

    def without_uri(self, verb: bytes) -> Match | None:
        """Return the best match of an API that has no uris."""
        return self._best.get(verb)

    def longest(self, verb: bytes, path: bytes) -> Match | None:
        """Return the best match of the longest uri that is a prefix of ``path``."""
        if not self._directories:
            return None
        starts = []  # behind each slash, one more than directories have
        start = 0
        for _ in range(self._deepest + 1):
            start = find_byte(path, SLASH, start) + 1
            if not start:
                break
            starts.append(start)
        end = starts.pop() - 1 if start else len(path)
        while starts:
            start = starts.pop()
            lengths = self._directories.get(path[:start])
            if lengths is not None:
                for length in lengths.longest_first:
                    if length <= end:
                        match = self._best.get(verb + path[:length] if verb else path[:length])
                        if match is not None:
                            return match
            end = start - 1  # a uri of the directory above does not reach that slash
        return None

    def _count_in(self, uri: bytes) -> None:
        name = uri[: uri.rfind(b"/") + 1]
        lengths = self._directories.get(name)
        if lengths is None:
            lengths = self._directories[name] = _Lengths()
            self._deepest = max(self._deepest, name.count(b"/"))
        lengths.add(len(uri))

    def _count_out(self, uri: bytes) -> None:
        name = uri[: uri.rfind(b"/") + 1]
        lengths = self._directories[name]
        lengths.discard(len(uri))
        if not lengths.longest_first:
            del self._directories[name]
            if not self._directories:
                self._deepest = 0


class _Lengths:
    """The lengths of the uris in one directory, with how many uris have each."""

    __slots__ = ("_counts", "longest_first")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.longest_first: tuple[int, ...] = ()

    def add(self, length: int) -> None:
        count = self._counts.get(length, 0)
        self._counts[length] = count + 1
        if not count:
            self.longest_first = tuple(sorted(self._counts, reverse=True))

    def discard(self, length: int) -> None:
        self._counts[length] -= 1
        if not self._counts[length]:
            del self._counts[length]
            self.longest_first = tuple(sorted(self._counts, reverse=True))


def _age(match: Match) -> tuple[int, str]:
    return match.route.age
