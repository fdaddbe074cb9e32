"""Which web pages may call the Admin API.

Reading an answer needs a permission that the browser asks for. Writing does not: any page can make
a browser send a form by POST, and what it does is done before the browser hides the answer. So a
write that comes from a page, told by its ``Origin`` (RFC 6454 §7), needs permission here as well.
"""

from collections.abc import Sequence

from colobus.admin.answer import Answer

__all__ = ["CrossOrigin"]

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110 §9.2.1)."""


class CrossOrigin:
    """Allows the pages of certain origins to read and write; ``*`` stands for all of them."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = frozenset(origin.lower() for origin in origins)

    def refuses(self, method: str, origins: Sequence[str], own_origin: str) -> bool:
        """Say whether a request comes from a page that may not write here.

        Args:
            method: of the request.
            origins: its ``Origin`` headers; programs send none. ``null`` is what a page says that
                must not tell, such as one in a sandbox.
            own_origin: scheme, host and port under which the client reached the Admin API: its
                own pages may write.
        """
        if method in SAFE or "*" in self._origins:
            return False
        allowed = {*self._origins, own_origin.lower()}
        return any(origin.lower() not in allowed for origin in origins)

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
