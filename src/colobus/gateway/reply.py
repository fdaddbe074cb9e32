"""The life of an answer, from the upstream or from the gateway itself to the last byte.

::

    upstream ──► begin_answer ──► pass_on … ──► finish          answer ──► finish
                     │                │
                     ▼                ▼
              begin_tunnel       break_off ──► (connection lost) ──► abandon

Every exchange ends in exactly one of ``finish`` and ``abandon``, and both run the log phase.
"""

import logging
from typing import TYPE_CHECKING

from colobus.errors import StoreUnavailableError
from colobus.gateway import answers
from colobus.gateway.answers import Answer
from colobus.gateway.chain import log_steps
from colobus.gateway.exchange import Exchange
from colobus.gateway.relay import own_answer, proxied_head, tunnel_head
from colobus.gateway.wire import ResponseHead, find
from colobus.plugins.context import ShortCircuit

if TYPE_CHECKING:
    from colobus.gateway.upstream import UpstreamConnection

__all__ = [
    "abandon",
    "answer",
    "begin_answer",
    "begin_tunnel",
    "break_off",
    "error_page",
    "finish",
    "pass_on",
    "refusal",
]

# What nginx logs for a client that left before it was answered.
CLIENT_LEFT = 499

logger = logging.getLogger(__name__)


def error_page(exchange: Exchange, status: int) -> Answer:
    """Return the page for ``status`` in the form the client accepts."""
    return answers.error_page(status, find(exchange.head.lines, b"accept"))


def refusal(exchange: Exchange, error: Exception) -> Answer:
    """Translate what a phase raised into an answer; a failure is logged, with its traceback."""
    try:
        if isinstance(error, ShortCircuit):
            return answers.short_circuit(error, find(exchange.head.lines, b"accept"))
    except (TypeError, ValueError) as unusable:
        error = unusable
    if isinstance(error, StoreUnavailableError):
        logger.error("a plugin could not look up: %s", error)
        return answers.unavailable()
    logger.error("a plugin failed", exc_info=error)
    return answers.unexpected_error()


def answer(exchange: Exchange, given: Answer) -> None:
    """Answer in place of the upstream, whatever was going on."""
    let_go(exchange)
    if exchange.is_begun:
        break_off(exchange)
        return
    if not exchange.client.can_read_on:
        exchange.keep_alive = False
    try:
        out = own_answer(exchange, given)
    except Exception as error:  # noqa: BLE001  (refusal logs what is not a plugin's answer)
        given = refusal(exchange, error)
        given.filtered = False  # one of the filters is what failed
        out = own_answer(exchange, given)
    exchange.status = exchange.response.status_code
    exchange.is_begun = True
    exchange.sent_head = out
    exchange.sent_bytes = len(out)
    exchange.client.send(out)
    finish(exchange)


def begin_answer(exchange: Exchange, head: ResponseHead, until_close: bool) -> bytes | None:
    """Return the head for the client; None when a plugin gave another answer instead."""
    exchange.answered_at = exchange.environment.loop.now
    try:
        out = proxied_head(exchange, head, until_close)
    except Exception as error:  # noqa: BLE001  (refusal logs what is not a plugin's answer)
        given = refusal(exchange, error)
        given.filtered = False
        exchange.transform = None
        answer(exchange, given)
        return None
    view = exchange.response_view
    exchange.status = head.status if view is None else view.status_code
    exchange.is_begun = True
    exchange.sent_head = out
    exchange.head_bytes = len(out)
    if view is not None and view.is_ended:
        let_go(exchange)
        exchange.sent_bytes = len(out)
        exchange.client.send(out)
        finish(exchange)
        return None
    return out


def pass_on(exchange: Exchange, out: bytes, piece: bytes, is_last: bool) -> bool:
    """Send a piece of the body behind ``out``; False when that broke the exchange off."""
    if exchange.transform is not None:
        try:
            piece = exchange.transform.feed(piece, is_last=is_last)
        except Exception:
            logger.exception("a body filter failed")
            break_off(exchange)
            return False
    exchange.sent_bytes += len(out) + len(piece)
    exchange.client.send(out + piece if out else piece)
    return True


def begin_tunnel(
    exchange: Exchange, head: ResponseHead, upstream: "UpstreamConnection", rest: bytes
) -> None:
    """Open the tunnel between client and ``upstream``; ``rest`` came through it already.

    The exchange is over when the tunnel is.
    """
    exchange.answered_at = exchange.environment.loop.now
    try:
        out = tunnel_head(exchange, head)
    except Exception as error:  # noqa: BLE001  (refusal logs what is not a plugin's answer)
        given = refusal(exchange, error)
        given.filtered = False
        answer(exchange, given)
        return
    exchange.status = head.status
    exchange.is_begun = True
    exchange.sent_head = out
    exchange.head_bytes = len(out)
    exchange.client.begin_tunnel(out + rest, upstream)


def break_off(exchange: Exchange) -> None:
    """End in the middle of an answer: the client must see that it is not whole."""
    let_go(exchange)
    exchange.client.abort()


def finish(exchange: Exchange) -> None:
    """End after the last byte of an answer."""
    exchange.is_over = True
    exchange.delivery = None
    exchange.transform = None
    log(exchange)
    exchange.client.exchange_ended(exchange.keep_alive)


def abandon(exchange: Exchange) -> None:
    """End because the client connection is gone."""
    if exchange.is_over:
        return
    let_go(exchange)
    exchange.is_over = True
    if not exchange.is_begun:
        exchange.status = CLIENT_LEFT
    log(exchange)


def let_go(exchange: Exchange) -> None:
    """Stop whatever the exchange waits for."""
    delivery = exchange.delivery
    exchange.delivery = None
    if delivery is not None:
        delivery.cancel()
    task = exchange.task
    exchange.task = None
    if task is not None:
        task.cancel()


def log(exchange: Exchange) -> None:
    """Write the access log and run the log phase; what fails there costs nobody anything."""
    steps = log_steps(exchange)
    access_log = exchange.environment.access_log
    if not steps and access_log is None:
        return
    exchange.ended_at = exchange.environment.loop.now
    if access_log is not None:
        access_log.add(exchange)
        if not steps:
            return
    if exchange.response.status == 0:
        exchange.response.attach(exchange.status, b"", -1)
    for step in steps:
        try:
            step.run(exchange, step.config)
        except Exception:
            logger.exception("the log phase of plugin %s failed", step.name)
