"""Regular expressions of operators, searched in what clients send.

Such a pattern may take time that is exponential in the length of a text, and the text is a
client's to choose. So each search has a time limit, and what was not decided within it says so.
The syntax is that of the ``regex`` package, which is close to PCRE. It is loaded with the first
pattern: most workers have none.
"""

from collections.abc import Sequence
from typing import Final

__all__ = ["SEARCH_TIME_S", "Patterns", "is_pattern"]

SEARCH_TIME_S: Final = 0.02
"""Seconds for all patterns of a list together; honest ones need some microseconds."""

SHORTEST_S: Final = 0.001


def is_pattern(source: object) -> bool:
    """Say whether ``source`` is a regular expression."""
    if not isinstance(source, str):
        return False
    import regex

    try:
        regex.compile(source)
    except (regex.error, OverflowError, RecursionError):
        return False
    return True


class Patterns:
    """Regular expressions, tried in order.

    Args:
        sources: each of them a pattern; they are searched anywhere in a text, case-sensitively.
    """

    __slots__ = ("_compiled", "_time_s")

    def __init__(self, sources: Sequence[str]) -> None:
        import regex

        self._compiled = [regex.compile(source) for source in sources]
        self._time_s = max(SEARCH_TIME_S / max(1, len(sources)), SHORTEST_S)

    def search(self, text: str) -> bool | None:
        """Say whether one of them is found in ``text``; None when that took too long to tell."""
        try:
            return any(
                each.search(text, timeout=self._time_s) is not None for each in self._compiled
            )
        except TimeoutError:
            return None
