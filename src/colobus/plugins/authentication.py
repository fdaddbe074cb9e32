"""What every authentication plugin does the same way (reference: plugin-framework §7).

A plugin's own part is an *attempt*: questions that return the consumer and the credential, or
raise the refusal as a ShortCircuit. This module does the rest: it tells the upstream, the
exchange and the plugins behind who the request comes from, and follows ``config.anonymous``.
"""

from typing import Annotated

from colobus.model.consumers import CONSUMERS
from colobus.model.schema import Check, Row, String, is_uuid
from colobus.plugins.context import Exchange, HeaderChanges, ShortCircuit
from colobus.plugins.questions import Questions

__all__ = ["Anonymous", "Identity", "identify", "is_identified", "set_anonymous", "set_consumer"]

Identity = tuple[Row, Row]
"""A consumer, and the credential that proved it."""


def _check_anonymous(consumer_id: str) -> str:
    if consumer_id and not is_uuid(consumer_id):
        raise ValueError("the anonymous user must be empty or a valid uuid")
    return consumer_id.lower()


Anonymous = Annotated[String, Check(_check_anonymous)]
"""The type of ``config.anonymous``: the id of a consumer, or empty to refuse instead."""


HEADERS_KEPT = 1024
"""Consumers whose headers are remembered; one costs about 1 KiB, and some microseconds to make."""

_headers: dict[str, tuple[Row, Row | None, HeaderChanges]] = {}


def is_identified(exchange: Exchange, anonymous: str) -> bool:
    """Say whether another plugin's success is enough: the OR of several with ``anonymous``."""
    return exchange.credential is not None and bool(anonymous)


def identify(exchange: Exchange, anonymous: str, attempt: Questions[Identity]) -> Questions[None]:
    """Make ``attempt``; on a refusal go on as the anonymous consumer, if there is one.

    Raises:
        ShortCircuit: the refusal, or 500 when the anonymous consumer does not exist.
    """
    try:
        consumer, credential = yield from attempt
    except ShortCircuit:
        if not anonymous:
            raise
    else:
        set_consumer(exchange, consumer, credential)
        return
    rows = yield CONSUMERS, "id", anonymous
    if not rows:
        raise ShortCircuit(500)
    set_anonymous(exchange, rows[0])


def set_consumer(exchange: Exchange, consumer: Row, credential: Row) -> None:
    """Record who was authenticated, and tell the upstream; a client's own claims are removed."""
    exchange.consumer = consumer
    exchange.credential = credential
    exchange.request.change_headers(_headers_of(consumer, credential))


def set_anonymous(exchange: Exchange, consumer: Row) -> None:
    """Record that the request goes on as the anonymous consumer, without a credential."""
    exchange.consumer = consumer
    exchange.request.change_headers(_headers_of(consumer, None))


def _headers_of(consumer: Row, credential: Row | None) -> HeaderChanges:
    """Return what the upstream is told of them; remembered as long as the rows are the same."""
    key = consumer["id"]
    known = _headers.get(key)
    if known is not None and known[0] is consumer and known[1] is credential:
        return known[2]
    if len(_headers) >= HEADERS_KEPT:
        _headers.clear()
    changes = HeaderChanges(
        {
            "X-Consumer-ID": consumer["id"],
            "X-Consumer-Custom-ID": consumer.get("custom_id"),
            "X-Consumer-Username": consumer.get("username"),
            # kong 0.10 lets a client's own X-Credential-Username pass with an anonymous consumer.
            "X-Credential-Username": None if credential is None else credential.get("username"),
            "X-Anonymous-Consumer": "true" if credential is None else None,
        }
    )
    _headers[key] = (consumer, credential, changes)
    return changes
