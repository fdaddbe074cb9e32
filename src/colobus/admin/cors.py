"""Which web pages may call the Admin API (reference: decisions.md D11)."""

from collections.abc import Sequence

from colobus.admin.answer import Answer

__all__ = ["CrossOrigin"]


class CrossOrigin:
    """Allows the pages of certain origins to read answers; ``*`` stands for all of them."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = frozenset(origin.lower() for origin in origins)

    def headers(self, origin: str | None) -> list[tuple[str, str]]:
        """Return what every answer to a page of ``origin`` carries."""
        if "*" in self._origins:
            return [("access-control-allow-origin", "*")]
        if not self._origins:
            return []
        vary = ("vary", "Origin")  # a cache must not hand one page's permission to another
        if origin is None or origin.lower() not in self._origins:
            return [vary]
        return [("access-control-allow-origin", origin), vary]

    def options(self, answer: Answer) -> Answer:
        """Return ``answer`` as the answer to OPTIONS, the same for every path."""
        return answer.with_header(
            "access-control-allow-methods", "GET,HEAD,PUT,PATCH,POST,DELETE"
        ).with_header("access-control-allow-headers", "Content-Type")
