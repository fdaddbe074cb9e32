"""What every authentication plugin does the same way (reference: plugin-framework §7).

A plugin's own part is an *attempt*: questions that return the consumer and the credential, or
raise the refusal as a ShortCircuit. This module does the rest: it tells the upstream, the
exchange and the plugins behind who the request comes from, and follows ``config.anonymous``.
"""

from typing import Annotated

from colobus.model.consumers import CONSUMERS
from colobus.model.schema import Check, Row, String, is_uuid
from colobus.plugins.context import Exchange, ShortCircuit
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
    _set_consumer_headers(exchange, consumer)
    _set_or_remove(exchange, "X-Credential-Username", credential.get("username"))
    exchange.request.remove_header("X-Anonymous-Consumer")


def set_anonymous(exchange: Exchange, consumer: Row) -> None:
    """Record that the request goes on as the anonymous consumer, without a credential."""
    exchange.consumer = consumer
    _set_consumer_headers(exchange, consumer)
    # kong 0.10 lets a client's own X-Credential-Username pass here.
    exchange.request.remove_header("X-Credential-Username")
    exchange.request.set_header("X-Anonymous-Consumer", "true")


def _set_consumer_headers(exchange: Exchange, consumer: Row) -> None:
    exchange.request.set_header("X-Consumer-ID", consumer["id"])
    _set_or_remove(exchange, "X-Consumer-Custom-ID", consumer.get("custom_id"))
    _set_or_remove(exchange, "X-Consumer-Username", consumer.get("username"))


def _set_or_remove(exchange: Exchange, name: str, value: str | None) -> None:
    if value is None:
        exchange.request.remove_header(name)
    else:
        exchange.request.set_header(name, value)
