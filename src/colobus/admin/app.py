"""The Admin API as an ASGI application: the order in which a request is processed.

Reference: admin-api §1.2. The size of the body comes first, since a web server would decide it
before any application; then the OPTIONS shortcut, a web page that may not write, a missing Content-Type, the route, the method,
the body, and last the handler, which looks rows up before it checks anything.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from email.utils import formatdate

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from colobus.admin.access import AdminAccessLog
from colobus.admin.answer import NO_CONTENT, NOT_FOUND, Answer, Refused, empty, html_page, message
from colobus.admin.body import Limits, check_length, drop_rest, read_body
from colobus.admin.cache import Cache
from colobus.admin.call import Call, origin_of, path_of
from colobus.admin.cluster import Cluster
from colobus.admin.cors import CrossOrigin
from colobus.admin.errors import answer_to, unexpected
from colobus.admin.forms import WRITES, parameters
from colobus.admin.information import Information
from colobus.admin.node import NodeFacade
from colobus.admin.resource import resource_routes
from colobus.admin.routes import Match, RouteTable
from colobus.admin.services import Services
from colobus.clock import Clock
from colobus.errors import GatewayError
from colobus.model.kind import Catalog, PluginSchema
from colobus.store.interface import Store
from colobus.version import VERSION

__all__ = ["AdminApp"]

LARGE_BODY_BYTES = 64 * 1024
"""A body from here on is parsed in a thread: 10 MiB of JSON can take seconds, and the process
that serves the Admin API has more to do."""


class AdminApp:
    """The Admin API of one node.

    Args:
        store: the datastore.
        catalog: every kind of this node; each brings its routes.
        plugins: the plugins of this node, by name.
        node: the node it belongs to.
        clock: time, for the ``Date`` header and the access log's durations.
        cors_origins: origins whose web pages may read and write; ``*`` for all (D11).
        limits: what is taken from a client.
        access_log: takes a line for each request; None for none.

    Raises:
        PluginError: two kinds want the same path.
    """

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        plugins: Mapping[str, PluginSchema],
        node: NodeFacade,
        clock: Clock,
        *,
        cors_origins: Sequence[str] = (),
        limits: Limits | None = None,
        access_log: AdminAccessLog | None = None,
    ) -> None:
        services = Services(store, catalog, plugins, node)
        self._clock = clock
        self._access_log = access_log
        self._cross_origin = CrossOrigin(cors_origins)
        self._limits = limits or Limits()
        self._routes = RouteTable(
            [
                *Information(services).routes(),
                *Cluster(node).routes(),
                *Cache(node).routes(),
                *resource_routes(services),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        assert scope["type"] == "http"  # the server is told that there is no lifespan
        started = self._clock.monotonic()
        request = Request(scope, receive)
        match = self._routes.match(path_of(request))
        try:
            answer = self._finished(request, await self._answer(request, match))
            await _send(answer, send)
            if answer.stream is not None:
                await answer.stream(receive, send)
            if answer.is_early:
                await drop_rest(request, self._limits)
                await send({"type": "http.response.body"})
            status, sent = answer.status, len(answer.body)
        except ClientDisconnect:
            status, sent = 499, 0  # nginx's word for it
        if self._access_log is not None:
            duration_s = self._clock.monotonic() - started
            self._access_log.add(request, match, status, sent, duration_s)

    async def _answer(self, request: Request, match: Match | None) -> Answer:
        try:
            return await self._process(request, match)
        except Refused as refused:
            return refused.answer
        except GatewayError as exc:
            return answer_to(exc)
        except ClientDisconnect:
            raise
        except Exception as exc:  # noqa: BLE001  (the top of a request; it is logged)
            return unexpected(exc)

    async def _process(self, request: Request, match: Match | None) -> Answer:
        check_length(request, self._limits)
        method = request.method
        if method == "OPTIONS":
            return self._cross_origin.options(NO_CONTENT)
        origins = request.headers.getlist("origin")
        if self._cross_origin.refuses(method, origins, _host_origin(request)):
            return message(403, "A web page of another origin may not write here")
        if method in WRITES and "content-type" not in request.headers:
            return html_page(415, "A request with this method needs a Content-Type.")
        if match is None:
            return NOT_FOUND
        handler = match.route.handlers.get(method)
        if handler is None and method != "HEAD":
            allowed = ", ".join(sorted({*match.route.handlers, "HEAD", "OPTIONS"}))
            return message(405, "Method not allowed").with_header("allow", allowed)
        call = await self._call(request, match)
        return await handler(call) if handler is not None else empty(200)

    async def _call(self, request: Request, match: Match) -> Call:
        body = await read_body(request, self._limits)
        query = request.scope["query_string"].decode("latin-1")
        content_type = request.headers.get("content-type", "")
        said = request.method, query, content_type, body
        if len(body) < LARGE_BODY_BYTES:
            understood = parameters(*said)
        else:
            understood = await asyncio.to_thread(parameters, *said)
        last_id = request.headers.get("last-event-id")
        return Call(
            match.variables, understood, origin_of(request), path_of(request), query, last_id
        )

    def _finished(self, request: Request, answer: Answer) -> Answer:
        """Return the answer with the headers that every answer has."""
        allowed = self._cross_origin.headers(request.headers.get("origin"))
        common = [
            ("date", formatdate(self._clock.time(), usegmt=True)),
            ("server", f"colobus/{VERSION}"),
            *allowed,
        ]
        if answer.content_type is not None:
            common.append(("content-type", answer.content_type))
            if request.method != "HEAD" and answer.stream is None:
                common.append(("content-length", str(len(answer.body))))
        if answer.is_early:
            common.append(("connection", "close"))
        body = b"" if request.method == "HEAD" else answer.body
        return replace(answer, body=body, headers=(*common, *answer.headers))


def _host_origin(request: Request) -> str:
    """Return the origin of our own pages, as a browser that reached us by this Host writes it."""
    return f"{request.scope['scheme']}://{request.headers.get('host', '')}"


async def _send(answer: Answer, send: Send) -> None:
    headers = [
        (name.encode(), value.encode("latin-1", "replace")) for name, value in answer.headers
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    goes_on = answer.is_early or answer.stream is not None
    await send({"type": "http.response.body", "body": answer.body, "more_body": goes_on})
