"""The life of a request, from the end of its head to the upstream.

::

    start ──► rewrite ──► find_route ──► resolve ──► access ──► forward
                │             │             │          │
                └─────────────┴─────────────┴──────────┴──► reply.answer

Each step goes on to the next at once; only a phase, or a name, that must be waited for makes a
task. A step that is over because the client left goes nowhere.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from colobus.errors import ProtocolError
from colobus.gateway import answers
from colobus.gateway.answers import Answer
from colobus.gateway.chain import run_access, run_rewrite
from colobus.gateway.delivery import Delivery
from colobus.gateway.exchange import Exchange
from colobus.gateway.outgoing import outgoing
from colobus.gateway.reply import answer, error_page, refusal
from colobus.gateway.route import Route
from colobus.gateway.target import read_target
from colobus.gateway.uri import resolve_dots
from colobus.gateway.wire import drop_lines, find

__all__ = ["start"]

Waiting = Coroutine[Any, Any, None]
Step = Callable[[Exchange], None]


def start(exchange: Exchange) -> None:
    """Begin: make sense of the request, and run the rewrite phase."""
    head = exchange.head
    try:
        target = read_target(head.method, head.target)
    except ProtocolError as error:
        exchange.keep_alive = False
        exchange.chain = exchange.environment.chains.everywhere
        answer(exchange, error_page(exchange, error.status))
        return
    exchange.raw_path = exchange.path = target.path
    exchange.query = target.query
    if target.authority is not None:
        exchange.host = target.authority
    if exchange.environment.resolves_dots:
        exchange.path = resolve_dots(target.path)
    if head.connection is not None:
        exchange.wants_tunnel = asks_for_tunnel(exchange, head.connection)
        head.lines = drop_lines(head.lines, head.connection)
    rewrite(exchange)


def asks_for_tunnel(exchange: Exchange, connection: bytes) -> bool:
    """Say whether this is the opening handshake of a WebSocket (RFC 6455 §4.1)."""
    head = exchange.head
    return (
        head.upgrade is not None
        and head.upgrade.lower() == b"websocket"
        and b"upgrade" in connection.split(b",")
        and head.method == b"GET"
        and not head.http10
        and exchange.body is None
    )


def rewrite(exchange: Exchange) -> None:
    """Run the rewrite phase and go on, at once or when what it waits for is there."""
    try:
        waiting = run_rewrite(exchange.environment.chains, exchange)
    except Exception as error:  # noqa: BLE001  (refusal logs what is not a plugin's answer)
        answer(exchange, refusal(exchange, error))
        return
    if waiting is None:
        find_route(exchange)
    else:
        wait(exchange, waiting, find_route)


def access(exchange: Exchange) -> None:
    """Run the access phase and go on, at once or when what it waits for is there."""
    try:
        waiting = run_access(exchange.environment.chains, exchange)
    except Exception as error:  # noqa: BLE001  (refusal logs what is not a plugin's answer)
        answer(exchange, refusal(exchange, error))
        return
    if waiting is None:
        forward(exchange)
    else:
        wait(exchange, waiting, forward)


def wait(exchange: Exchange, waiting: Waiting, proceed: Step) -> None:
    """Run a coroutine beside the data path, then go on."""
    exchange.environment.spawn(finish_waiting(exchange, waiting, proceed), "request")


async def finish_waiting(exchange: Exchange, waiting: Waiting, proceed: Step) -> None:
    """Wait, then go on or answer; cancelled when the client leaves."""
    exchange.task = task = asyncio.current_task()
    if exchange.is_over and task is not None:
        task.cancel()  # it left before this task came to run
    try:
        await waiting
    except Exception as error:  # noqa: BLE001  (refusal logs what is not a plugin's answer)
        exchange.task = None
        if not exchange.is_over:
            answer(exchange, refusal(exchange, error))
        return
    exchange.task = None
    if not exchange.is_over:
        proceed(exchange)


def find_route(exchange: Exchange) -> None:
    """Find the API, and the addresses of its upstream."""
    environment = exchange.environment
    match = environment.router.match(exchange.method, exchange.path, exchange.host)
    if match is None:
        answer(exchange, answers.no_api())
        return
    exchange.match = match
    exchange.route = route = match.route
    exchange.api = route.api
    exchange.is_debugged = find(exchange.head.lines, b"kong-debug") is not None
    if route.https_only and not is_secure(exchange, route):
        refuse_routed(exchange, answers.https_required())
    elif route.address is not None:
        exchange.addresses = (route.address[0],)
        access(exchange)
    else:
        addresses = environment.resolver.cached(route.host)
        if addresses is None:
            wait(exchange, resolve(exchange, route.host), resolved)
        else:
            exchange.addresses = addresses
            resolved(exchange)


def is_secure(exchange: Exchange, route: Route) -> bool:
    """Say whether the client came over HTTPS, to us or to a proxy we trust."""
    client = exchange.client
    if client.scheme == "https":
        return True
    proto = exchange.head.forwarded_proto
    return (
        route.http_if_terminated
        and proto is not None
        and proto.lower() == b"https"
        and client.is_trusted
    )


async def resolve(exchange: Exchange, name: str) -> None:
    """Wait for the addresses of the upstream."""
    exchange.addresses = await exchange.environment.resolver.resolve(name)


def resolved(exchange: Exchange) -> None:
    """Go on to the access phase, if there is an upstream at all."""
    if exchange.addresses:
        access(exchange)
    else:
        refuse_routed(exchange, answers.unavailable())


def refuse_routed(exchange: Exchange, refused: Answer) -> None:
    """Answer before the access phase; the loggers of the API see it."""
    assert exchange.route is not None
    exchange.chain = exchange.environment.chains.find(exchange.route.id, None)
    answer(exchange, refused)


def forward(exchange: Exchange) -> None:
    """Send the request upstream."""
    match = exchange.match
    assert match is not None
    exchange.forwarded_at = exchange.environment.loop.now
    head, body = outgoing(exchange, match)
    exchange.delivery = Delivery(exchange, match.route, exchange.addresses, head, body)
    exchange.delivery.start()
