"""Regular expressions in time linear in text and expression, whoever wrote the expression.

A query's filter comes from a peer, so one that Python's ``re`` would ponder for years must not
stop a node. As in RE2, all ways through the expression are followed at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from string import ascii_letters, digits
from typing import Final, assert_never

from colobus.cluster.serf.expression_syntax import (
    Choice,
    Edge,
    ExpressionError,
    Node,
    One,
    Repeat,
    Series,
    parse,
)

__all__ = ["Expression", "ExpressionError", "compile_expression"]

# A search takes at most this many steps per character of a tag, which has at most 512.
MOST_STEPS: Final = 1000
MOST_LENGTH: Final = 1024
_WORD: Final = frozenset(ascii_letters + digits + "_")


@dataclass(slots=True)
class _Step:
    """One instruction: a test of a character, of a place, or only a fork to ``targets``."""

    targets: tuple[int, ...]
    test: Callable[[str], bool] | None = None
    edge: str = ""


class Expression:
    """An expression, ready to be searched for."""

    def __init__(self, pattern: str) -> None:
        """Compile ``pattern``.

        Raises:
            ExpressionError: it is no RE2 expression, or a very large one.
        """
        if len(pattern) > MOST_LENGTH:
            raise ExpressionError("expression is too long")
        self._steps: list[_Step] = []
        self._emit(parse(pattern))
        self._end = len(self._steps)

    def search(self, text: str) -> bool:
        """Return whether the expression is found anywhere in ``text``."""
        return self._run(text, is_whole=False)

    def match_whole(self, text: str) -> bool:
        """Return whether the expression describes all of ``text``."""
        return self._run(text, is_whole=True)

    def _run(self, text: str, *, is_whole: bool) -> bool:
        reached: list[int] = []
        for at in range(len(text) + 1):
            if at == 0 or not is_whole:
                reached.append(0)
            places = self._follow(reached, text, at)
            if self._end in places and (not is_whole or at == len(text)):
                return True
            reached = [] if at == len(text) else self._read(places, text[at])
        return False

    def _read(self, places: set[int], char: str) -> list[int]:
        """Return where reading ``char`` leads from ``places``."""
        reached: list[int] = []
        for place in places - {self._end}:
            step = self._steps[place]
            if step.test is not None and step.test(char):
                reached += step.targets
        return reached

    def _follow(self, starts: list[int], text: str, at: int) -> set[int]:
        """Return all places reached from ``starts`` without reading a character."""
        seen: set[int] = set()
        pending = starts[:]
        while pending:
            place = pending.pop()
            if place in seen:
                continue
            seen.add(place)
            if place == self._end:
                continue
            step = self._steps[place]
            if step.test is None and (not step.edge or _is_at(step.edge, text, at)):
                pending += step.targets
        return seen

    def _add(self, step: _Step) -> int:
        if len(self._steps) >= MOST_STEPS:
            raise ExpressionError("expression is too large")
        self._steps.append(step)
        return len(self._steps) - 1

    def _emit(self, node: Node) -> None:
        """Append the steps of ``node``; whatever leads out of it leads to the step after."""
        match node:
            case One():
                self._add(_Step((len(self._steps) + 1,), test=node.test))
            case Edge():
                self._add(_Step((len(self._steps) + 1,), edge=node.kind))
            case Series():
                for part in node.parts:
                    self._emit(part)
            case Choice():
                self._emit_choice(node)
            case Repeat():
                self._emit_repeat(node)
            case _:
                assert_never(node)

    def _emit_choice(self, node: Choice) -> None:
        fork = self._add(_Step(()))
        exits = []
        for option in node.options:
            self._steps[fork].targets += (len(self._steps),)
            self._emit(option)
            exits.append(self._add(_Step(())))
        for place in exits:
            self._steps[place].targets = (len(self._steps),)

    def _emit_repeat(self, node: Repeat) -> None:
        for _ in range(node.least):
            start = len(self._steps)
            self._emit(node.part)
            if len(self._steps) == start:
                return  # nothing, however often
        if node.most is None:
            fork = self._add(_Step(()))
            self._emit(node.part)
            self._add(_Step((fork,)))
            self._steps[fork].targets = (fork + 1, len(self._steps))
            return
        forks = []
        for _ in range(node.most - node.least):
            forks.append(self._add(_Step(())))
            self._emit(node.part)
        for fork in forks:
            self._steps[fork].targets = (fork + 1, len(self._steps))


def _is_at(edge: str, text: str, at: int) -> bool:
    """Whether the place before ``text[at]`` is an edge of that kind."""
    match edge:
        case "^":
            return at == 0
        case "$":
            return at == len(text)
        case "m^":
            return at == 0 or text[at - 1] == "\n"
        case "m$":
            return at == len(text) or text[at] == "\n"
        case _:
            before = at > 0 and text[at - 1] in _WORD
            after = at < len(text) and text[at] in _WORD
            return (before != after) == (edge == "b")


@lru_cache(maxsize=64)
def compile_expression(pattern: str) -> Expression:
    """Return the expression of ``pattern``, one used lately as it is.

    Raises:
        ExpressionError: as ``Expression``.
    """
    return Expression(pattern)
