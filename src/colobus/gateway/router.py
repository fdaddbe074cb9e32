"""Decides which API a request belongs to (reference: proxying §2.2 to §2.4).

An API matches when every rule type it defines (``hosts``, ``uris``, ``methods``) has a matching
value. Of those that match, the best is the first by

1. the rule types it defines: hosts + uris + methods, hosts + uris, hosts + methods,
   uris + methods, hosts, uris, methods;
2. its matching host: a plain one before a wildcard, a longer wildcard before a shorter one,
   ``*.x`` before ``x.*`` of the same length;
3. its longest matching uri, the longer one first;
4. ``created_at``, then ``id``.

Every step is a look-up by hash, so a match costs the same with a hundred APIs and with a hundred
thousand. APIs are put and removed one at a time; nothing is remembered between matches, so nothing
can be stale. Pure: no I/O, no clock.
"""

from collections.abc import Iterable, Sequence

from colobus.gateway.route import Match, Route
from colobus.gateway.route_index import RouteIndex
from colobus.model.schema import Row

__all__ = ["Match", "Route", "Router"]


class Router:
    """The routing table of one worker."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._routes: dict[str, Route] = {}
        self._anywhere = _Host()
        self._plain: dict[bytes, _Host] = {}
        self._leading = _Wildcards()
        self._trailing = _Wildcards()
        for row in rows:
            self.put(row)

    def __len__(self) -> int:
        return len(self._routes)

    def get(self, api_id: str) -> Route | None:
        """Return the route of the API with this id."""
        return self._routes.get(api_id)

    def put(self, row: Row) -> None:
        """Add the API, or replace the one with the same id.

        The cost is one index entry for each combination of its hosts, uris and methods.
        """
        self.remove(row["id"])
        route = Route(row)
        self._routes[route.id] = route
        for rule in _host_rules(route):
            self._host(rule).add(route)

    def remove(self, api_id: str) -> None:
        """Remove the API with this id; nothing happens when there is none."""
        route = self._routes.pop(api_id, None)
        if route is None:
            return
        for rule in _host_rules(route):
            host = self._host(rule)
            host.discard(route)
            if rule is not None and not host:
                self._forget(rule)

    def match(self, method: bytes, path: bytes, host: bytes | None) -> Match | None:
        """Return the best match, or None.

        Args:
            method: as sent; compared in upper case.
            path: of the request target, without the query.
            host: the ``Host`` header as sent, with or without a port; compared without regard
                to case (RFC 9110 §4.2.3). None matches no host rule.
        """
        hosts = self._hosts_of(host) if host else ()
        verb = method.upper()
        found = None
        if hosts:
            found = _first_of_hosts(hosts, verb, path)
            if found is not None and (found.uri is not None or found.route.methods):
                return found
        by_method = self._anywhere.by_method
        if by_method is not None:
            found = by_method.longest(verb, path) or found
        any_method = self._anywhere.any_method
        if found is None and any_method is not None:
            found = any_method.longest(b"", path)
        if found is None and by_method is not None:
            found = by_method.without_uri(verb)
        return found

    def _host(self, rule: bytes | None) -> "_Host":
        """Return the entry of a host rule, making it if need be."""
        if rule is None:
            return self._anywhere
        if rule.startswith(b"*."):
            return self._leading.entry(rule[2:])
        if rule.endswith(b".*"):
            return self._trailing.entry(rule[:-2])
        entry = self._plain.get(rule)
        if entry is None:
            entry = self._plain[rule] = _Host()
        return entry

    def _forget(self, rule: bytes) -> None:
        if rule.startswith(b"*."):
            self._leading.forget(rule[2:])
        elif rule.endswith(b".*"):
            self._trailing.forget(rule[:-2])
        else:
            del self._plain[rule]

    def _hosts_of(self, header: bytes) -> "Sequence[_Host]":
        """Return the entries whose host rule matches, best first."""
        # A registered host is in lower case and has no port, so what equals one needs no care.
        plain = self._plain.get(header)
        wildcards = self._leading.depths or self._trailing.depths
        if not wildcards and (plain is not None or not self._plain):
            return () if plain is None else (plain,)
        host = header
        if plain is None:
            host = host_name(header)
            plain = self._plain.get(host)
        entries = [] if plain is None else [plain]
        if wildcards:
            entries += self._wildcards_of(host)
        return entries

    def _wildcards_of(self, host: bytes) -> "list[_Host]":
        labels = host.split(b".")
        found: list[tuple[int, int, _Host]] = []
        for depth in self._leading.depths:
            domain = b".".join(labels[-depth:])
            entry = self._leading.entries.get(domain)
            if entry is not None and len(domain) + 1 < len(host):
                found.append((-len(domain), 0, entry))
        for depth in self._trailing.depths:
            domain = b".".join(labels[:depth])
            entry = self._trailing.entries.get(domain)
            if entry is not None and len(domain) + 1 < len(host):
                found.append((-len(domain), 1, entry))
        found.sort(key=_wildcard_rank)
        return [entry for _, _, entry in found]


def host_name(header: bytes) -> bytes:
    """Return the ``Host`` header's host in lower case, without the port.

    The port is cut at the last colon, behind the bracket of an IPv6 literal (``[::1]:8000``).
    """
    name, colon, port = header.rpartition(b":")
    if colon and b"]" not in port and (header.startswith(b"[") or b":" not in name):
        header = name
    return header.lower()


def _host_rules(route: Route) -> Sequence[bytes | None]:
    """Return the host rules a route is found under: None for any host, nothing without a rule."""
    if route.hosts:
        return route.hosts
    return (None,) if route.uris or route.methods else ()


def _first_of_hosts(hosts: "Sequence[_Host]", verb: bytes, path: bytes) -> Match | None:
    """Return the best match that has a host rule; ``hosts`` come best first."""
    for host in hosts:
        if host.by_method is not None:
            found = host.by_method.longest(verb, path)
            if found is not None:
                return found
    for host in hosts:
        if host.any_method is not None:
            found = host.any_method.longest(b"", path)
            if found is not None:
                return found
    return _first_without_uri(hosts, verb)


def _first_without_uri(hosts: "Sequence[_Host]", verb: bytes) -> Match | None:
    for host in hosts:
        if host.by_method is not None:
            found = host.by_method.without_uri(verb)
            if found is not None:
                return found
    for host in hosts:
        if host.any_method is not None:
            found = host.any_method.without_uri(b"")
            if found is not None:
                return found
    return None


def _wildcard_rank(found: "tuple[int, int, _Host]") -> tuple[int, int]:
    return found[:2]


class _Host:
    """What is found under one host rule, or under none. An index is there once it is needed."""

    __slots__ = ("any_method", "by_method")

    def __init__(self) -> None:
        self.any_method: RouteIndex | None = None
        self.by_method: RouteIndex | None = None

    def __bool__(self) -> bool:
        return bool(self.any_method or self.by_method)

    def add(self, route: Route) -> None:
        """Index the route under each of its uris and methods."""
        index = self._index(route)
        for uri in route.uris or (None,):
            match = Match(route, uri)
            for verb in route.methods or (b"",):
                index.add(verb, match)

    def discard(self, route: Route) -> None:
        """Take back what :meth:`add` did."""
        index = self._index(route)
        for uri in route.uris or (None,):
            match = Match(route, uri)
            for verb in route.methods or (b"",):
                index.discard(verb, match)

    def _index(self, route: Route) -> RouteIndex:
        if route.methods:
            if self.by_method is None:
                self.by_method = RouteIndex()
            return self.by_method
        if self.any_method is None:
            self.any_method = RouteIndex()
        return self.any_method


class _Wildcards:
    """Wildcard hosts of one side, by the domain beside the star.

    ``depths`` holds the numbers of labels that occur, so that a host of a thousand labels costs
    no more look-ups than there are different depths among the rules.
    """

    __slots__ = ("_counts", "depths", "entries")

    def __init__(self) -> None:
        self.entries: dict[bytes, _Host] = {}
        self._counts: dict[int, int] = {}
        self.depths: tuple[int, ...] = ()

    def entry(self, domain: bytes) -> _Host:
        """Return the entry of ``domain``, making it if need be."""
        found = self.entries.get(domain)
        if found is None:
            found = self.entries[domain] = _Host()
            depth = domain.count(b".") + 1
            self._counts[depth] = self._counts.get(depth, 0) + 1
            self.depths = tuple(self._counts)
        return found

    def forget(self, domain: bytes) -> None:
        """Drop the entry of ``domain``."""
        del self.entries[domain]
        depth = domain.count(b".") + 1
        self._counts[depth] -= 1
        if not self._counts[depth]:
            del self._counts[depth]
            self.depths = tuple(self._counts)
