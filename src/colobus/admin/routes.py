"""The route table: a path to its handlers. Knows nothing of what handlers do.

A path is split before it is percent-decoded, so that a name may hold a slash. Both ``/x`` and
``/x/`` are the same resource, and a literal segment wins over a variable one (admin-api §1.1).
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from colobus.admin.answer import Answer
from colobus.admin.call import Call
from colobus.errors import PluginError

__all__ = ["Handler", "Match", "Route", "RouteTable"]

Handler = Callable[[Call], Awaitable[Answer]]

HIDDEN = "******"
"""Stands for a secret in a path that is logged."""


@dataclass(frozen=True, slots=True)
class Route:
    """One resource.

    Attributes:
        pattern: ``/apis/{key}``: segments, of which those in braces are variables.
        handlers: method -> handler. HEAD needs one; the table adds one that does nothing.
        secrets: the variables whose values must not be logged.
    """

    pattern: str
    handlers: Mapping[str, Handler]
    secrets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Match:
    """A route that was found, with the values of its variables."""

    route: Route
    variables: Mapping[str, str]

    def shown_path(self, path: str) -> str:
        """Return ``path`` for a log, without what is secret in it."""
        if not self.route.secrets:
            return path
        names = _segments(self.route.pattern)
        shown = [
            HIDDEN if name[1:-1] in self.route.secrets and name.startswith("{") else sent
            for name, sent in zip(names, _segments(path), strict=True)
        ]
        return "/" + "/".join(shown)


@dataclass(slots=True)
class _Node:
    """One level of the table: the routes that end here, and what may follow."""

    route: Route | None = None
    literals: dict[str, "_Node"] = field(default_factory=dict)
    variable: "_Node | None" = None


class RouteTable:
    """Finds the route of a path.

    Raises:
        PluginError: two routes have the same pattern, whatever their variables are called.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            self._add(route)

    def match(self, path: str) -> Match | None:
        """Return the route of a raw path, or None."""
        sent = _segments(path)
        if not path.startswith("/") or ("" in sent):
            return None
        segments = [unquote_to_bytes(text).decode("utf-8", "surrogateescape") for text in sent]
        route = _find(self._root, segments, 0)
        if route is None:
            return None
        variables = {
            name[1:-1]: segment
            for name, segment in zip(_segments(route.pattern), segments, strict=True)
            if name.startswith("{")
        }
        return Match(route, variables)

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in _segments(route.pattern):
            if segment.startswith("{"):
                node.variable = node.variable or _Node()
                node = node.variable
            else:
                node = node.literals.setdefault(segment, _Node())
        if node.route is not None:
            raise PluginError(f"the Admin API has '{route.pattern}' twice")
        node.route = route


def _find(node: _Node, segments: list[str], position: int) -> Route | None:
    if position == len(segments):
        return node.route
    literal = node.literals.get(segments[position])
    found = _find(literal, segments, position + 1) if literal is not None else None
    if found is None and node.variable is not None:
        found = _find(node.variable, segments, position + 1)
    return found


def _segments(path: str) -> list[str]:
    inner = path.removeprefix("/").removesuffix("/")
    return inner.split("/") if inner else []
