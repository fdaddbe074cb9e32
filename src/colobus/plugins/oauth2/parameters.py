"""Parameters of a request: those of its body before those of its query."""

from collections.abc import Sequence

from colobus.plugins.body import NO_ARGUMENTS, BodyArguments, can_parse, parse
from colobus.plugins.context import Request

__all__ = ["Parameters", "read_parameters"]


class Parameters:
    """Texts by name. Of several of one name the first counts; what is no text is not there."""

    def __init__(self, request: Request, arguments: BodyArguments = NO_ARGUMENTS) -> None:
        self._request = request
        self._arguments = arguments

    def get(self, name: str) -> str | None:
        """Return the parameter, blanks around it removed; None when it is absent or blank."""
        return self.in_body(name) or self.in_query(name)

    def in_body(self, name: str) -> str | None:
        """Return the parameter of the body."""
        return _text(self._arguments.get_all(name))

    def in_query(self, name: str) -> str | None:
        """Return the parameter of the query."""
        return _text(self._request.query.get_all(name))

    def body_without(self, name: str) -> bytes | None:
        """Return the body without the parameter; None when it has no such parameter."""
        return self._arguments.without(name) if self._arguments.get_all(name) else None


async def read_parameters(request: Request) -> Parameters:
    """Return the parameters of the request, its body read if it can hold any.

    Raises:
        ShortCircuit: 413, the body is too large for parameters.
    """
    content_type = request.get_header("Content-Type")
    if not can_parse(content_type):
        return Parameters(request)
    return Parameters(request, parse(content_type, await request.body()))


def _text(values: Sequence[object]) -> str | None:
    if not values or not isinstance(values[0], str):
        return None
    return values[0].strip() or None
