r"""The syntax of Go's regular expressions (RE2), read into a tree. ``expression`` runs it.

Everything of https://github.com/google/re2/wiki/Syntax that can name a tag's value, but Unicode
classes (``\pN``). What RE2 does not have (look-around, back references) is an error here too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from string import ascii_letters, digits, punctuation
from typing import Final, TypeAlias

__all__ = ["Choice", "Edge", "ExpressionError", "Node", "One", "Repeat", "Series", "parse"]

# RE2 allows as many repetitions; a tag has no use for nesting this deep.
MOST_REPETITIONS: Final = 1000
MOST_NESTING: Final = 50

Test: TypeAlias = Callable[[str], bool]


class ExpressionError(ValueError):
    """The text is no expression of this syntax, or too large a one."""


@dataclass(frozen=True, slots=True)
class One:
    """One character that passes a test."""

    test: Test


@dataclass(frozen=True, slots=True)
class Edge:
    r"""A place between characters: ``^ $ \b \B``, and ``m^ m$`` for those of lines."""

    kind: str


@dataclass(frozen=True, slots=True)
class Series:
    """One after the other; nothing when empty."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    options: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """From ``least`` to ``most`` times; None is without end."""

    part: "Node"
    least: int
    most: int | None


Node: TypeAlias = One | Edge | Series | Choice | Repeat

_WORD: Final = frozenset(ascii_letters + digits + "_")
_SETS: Final = {"d": frozenset(digits), "w": _WORD, "s": frozenset("\t\n\f\r ")}
_LITERALS: Final = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
_EDGES: Final = {"A": "^", "z": "$", "b": "b", "B": "B"}
_POSIX: Final = {
    "alnum": frozenset(ascii_letters + digits),
    "alpha": frozenset(ascii_letters),
    "ascii": frozenset(map(chr, range(128))),
    "blank": frozenset("\t "),
    "cntrl": frozenset(map(chr, (*range(32), 127))),
    "digit": frozenset(digits),
    "graph": frozenset(ascii_letters + digits + punctuation),
    "lower": frozenset(ascii_letters[:26]),
    "print": frozenset(ascii_letters + digits + punctuation + " "),
    "punct": frozenset(punctuation),
    "space": frozenset("\t\n\v\f\r "),
    "upper": frozenset(ascii_letters[26:]),
    "word": _WORD,
    "xdigit": frozenset("0123456789abcdefABCDEF"),
}


def parse(pattern: str) -> Node:
    """Return the tree of ``pattern``.

    Raises:
        ExpressionError: it is not in this syntax.
    """
    parser = _Parser(pattern)
    tree = parser.choice()
    if parser.rest:
        raise ExpressionError("unexpected )")
    return tree


def _in_set(allowed: frozenset[str], *, negated: bool) -> Test:
    return (lambda char: char not in allowed) if negated else allowed.__contains__


class _Parser:
    """A recursive descent over the pattern, with the flags in force at its position."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._flags: frozenset[str] = frozenset()
        self._depth = 0

    @property
    def rest(self) -> str:
        return self._pattern[self._at :]

    def choice(self) -> Node:
        """Read up to the end or a closing parenthesis."""
        options = [self._series()]
        while self._skip("|"):
            options.append(self._series())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _skip(self, text: str) -> bool:
        found = self._pattern.startswith(text, self._at)
        self._at += len(text) if found else 0
        return found

    def _next(self) -> str:
        if self._at >= len(self._pattern):
            raise ExpressionError("unexpected end")
        self._at += 1
        return self._pattern[self._at - 1]

    def _until(self, end: str) -> str:
        stop = self._pattern.find(end, self._at)
        if stop < 0:
            raise ExpressionError(f"missing {end}")
        text, self._at = self._pattern[self._at : stop], stop + len(end)
        return text

    def _series(self) -> Node:
        parts: list[Node] = []
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            if self._skip("\\Q"):
                text, _, rest = self.rest.partition("\\E")
                self._at = len(self._pattern) - len(rest)
                parts += [self._literal(char) for char in text]
                # What is repeated after a quotation is its last character.
                parts += [self._repeated(parts.pop())] if text else []
                continue
            parts.append(self._repeated(self._atom()))
        return Series(tuple(parts))

    def _repeated(self, part: Node) -> Node:
        bounds = self._bounds()
        if bounds is None:
            return part
        # Whether a repetition is greedy does not change whether there is a match.
        self._skip("?")
        if self._bounds() is not None:
            raise ExpressionError("invalid nested repetition")
        return Repeat(part, *bounds)

    def _bounds(self) -> tuple[int, int | None] | None:
        """Read a repetition operator, if one is here; ``{`` may also stand for itself."""
        for operator, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._skip(operator):
                return bounds
        inner, closing, _ = self.rest[1:].partition("}")
        least, comma, most = inner.partition(",")
        is_counted = self.rest.startswith("{") and closing and least.isdecimal()
        if not is_counted or (most and not most.isdecimal()):
            return None
        self._at += len(inner) + 2
        top = int(most) if most else (None if comma else int(least))
        if int(least) > MOST_REPETITIONS or not int(least) <= (top or int(least)) <= 1000:
            raise ExpressionError("invalid repeat count")
        return int(least), top

    def _atom(self) -> Node:
        char = self._next()
        match char:
            case "(":
                return self._group()
            case "[":
                return One(self._folded(self._class()))
            case "\\":
                return self._escape()
            case ".":
                return One((lambda _: True) if "s" in self._flags else (lambda c: c != "\n"))
            case "^" | "$":
                return Edge("m" + char if "m" in self._flags else char)
            case "*" | "+" | "?":
                raise ExpressionError(f"missing argument to {char}")
            case _:
                return self._literal(char)

    def _group(self) -> Node:
        self._depth += 1
        if self._depth > MOST_NESTING:
            raise ExpressionError("nested too deeply")
        outer = self._flags
        if self._skip("?P<") or self._skip("?<"):
            name = self._until(">")
            if not name or not _WORD.issuperset(name):
                raise ExpressionError("invalid group name")
        elif self._skip("?") and self._set_flags() == ")":
            self._depth -= 1  # the flags hold until the group around ends
            return Series(())
        tree = self.choice()
        if not self._skip(")"):
            raise ExpressionError("missing )")
        self._flags = outer
        self._depth -= 1
        return tree

    def _set_flags(self) -> str:
        """Read ``flags-flags`` and what ends them: ``:`` or ``)``."""
        is_on = True
        while (char := self._next()) not in ":)":
            if char == "-" and is_on:
                is_on = False
            elif char not in "imsU":
                raise ExpressionError("invalid group")
            else:
                self._flags = self._flags | {char} if is_on else self._flags - {char}
        return char

    def _literal(self, char: str) -> One:
        return One(self._folded(char.__eq__))

    def _folded(self, test: Test) -> Test:
        if "i" not in self._flags:
            return test
        return lambda char: test(char) or test(char.lower()) or test(char.upper())

    def _escape(self) -> Node:
        char = self._next()
        if char in _EDGES:
            return Edge(_EDGES[char])
        if char.lower() in _SETS:
            return One(_in_set(_SETS[char.lower()], negated=char.isupper()))
        return self._literal(self._escaped(char))

    def _escaped(self, char: str) -> str:
        """Return the character that ``char`` after a backslash stands for."""
        if char in _LITERALS:
            return _LITERALS[char]
        if char == "x":
            number = self._until("}") if self._skip("{") else self._next() + self._next()
            try:
                return chr(int(number, 16))
            except (ValueError, OverflowError):
                raise ExpressionError("invalid escape") from None
        if char in ascii_letters + digits:
            raise ExpressionError(f"invalid escape \\{char}")
        return char

    def _class(self) -> Test:
        negated = self._skip("^")
        tests: list[Test] = []
        is_first = True
        while is_first or not self._skip("]"):
            is_first = False
            tests.append(self._class_part())
        if negated:
            return lambda char: not any(test(char) for test in tests)
        return lambda char: any(test(char) for test in tests)

    def _class_part(self) -> Test:
        if self._skip("[:"):
            name = self._until(":]")
            allowed = _POSIX.get(name.removeprefix("^"))
            if allowed is None:
                raise ExpressionError("invalid character class")
            return _in_set(allowed, negated=name.startswith("^"))
        low = self._next()
        if low == "\\":
            low = self._next()
            if low.lower() in _SETS:
                return _in_set(_SETS[low.lower()], negated=low.isupper())
            low = self._escaped(low)
        has_range = self.rest.startswith("-") and not self.rest.startswith("-]")
        if not has_range:
            return low.__eq__
        self._at += 1
        high = self._next()
        if high == "\\":
            high = self._escaped(self._next())
        if high < low:
            raise ExpressionError("invalid character range")
        return lambda char: low <= char <= high
