"""Paths: dot segments before matching, and what is asked of the upstream. Raw bytes throughout."""

from colobus.gateway.route import Match

__all__ = ["resolve_dots", "upstream_path"]

_SINGLE = frozenset((b".", b"%2e"))
_DOUBLE = frozenset((b"..", b".%2e", b"%2e.", b"%2e%2e"))


def resolve_dots(path: bytes) -> bytes:
    """Return ``path`` without dot segments, plain or percent-encoded (RFC 3986 §5.2.4).

    Everything else stays as it is, ``//`` too. A path that does not start with a slash (``*``) is
    returned unchanged.
    """
    if b"." not in path and b"%" not in path:
        return path  # most paths; one byte is looked for much faster than two
    if b"/." not in path and b"/%2" not in path:
        return path
    if not path.startswith(b"/"):
        return path
    segments = path.split(b"/")[1:]
    last = len(segments) - 1
    kept: list[bytes] = []
    for position, segment in enumerate(segments):
        plain = segment.lower() if len(segment) <= 6 else segment
        if plain in _DOUBLE:
            if kept:
                kept.pop()
        elif plain not in _SINGLE:
            kept.append(segment)
            continue
        if position == last:
            kept.append(b"")  # "/a/." and "/a/b/.." name the directory: "/a/"
    return b"/" + b"/".join(kept)


def upstream_path(match: Match, path: bytes) -> bytes:
    """Return the path to ask the upstream for, without the query (reference: proxying §2.6)."""
    route = match.route
    is_root = path == b"/"
    rest = path
    if match.uri is not None and route.strip_uri and not is_root:
        start = len(match.uri)
        rest = b"/" + path[start + 1 if path.startswith(b"/", start) else start :]
    base = route.base_path
    if base in (b"", b"/"):
        return rest
    folder = base.removesuffix(b"/")
    if rest != b"/":
        return folder + rest
    if base.endswith(b"/"):
        return base if is_root or path.endswith(b"/") else folder
    return folder if is_root or not path.endswith(b"/") else folder + b"/"
