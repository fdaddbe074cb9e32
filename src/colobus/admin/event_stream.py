"""Server-sent events (HTML Living Standard §9.2): a subscription as the body of an answer."""

import asyncio
import json

from starlette.types import Receive, Send

from colobus.admin.answer import Answer
from colobus.admin.node import ClusterEvent, EventSubscription

__all__ = ["answer", "frame"]

HEARTBEAT_S = 15.0
"""A comment this often tells both ends that the other is there (the standard suggests 15 s)."""

RETRY_MS = 3000
"""After this browsers connect again."""

HEARTBEAT = b": alive\n\n"


def answer(subscription: EventSubscription, *, heartbeat_s: float = HEARTBEAT_S) -> Answer:
    """Return the answer that sends the events of ``subscription``, until either side ends it."""

    async def stream(receive: Receive, send: Send) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(_close_when_gone(receive, subscription))
                await _send_all(subscription, send, heartbeat_s)
                watching.cancel()
        finally:
            subscription.close()

    # The last header is for nginx, which would hold events back.
    headers = (("cache-control", "no-store"), ("x-accel-buffering", "no"))
    return Answer(200, content_type="text/event-stream", headers=headers, stream=stream)


def frame(event: ClusterEvent) -> bytes:
    """Return the lines of one event. JSON has no line breaks, and kinds and ids are ours."""
    first = "" if event.id is None else f"id: {event.id}\n"
    data = json.dumps(event.content, ensure_ascii=False, separators=(",", ":"))
    return f"{first}event: {event.kind}\ndata: {data}\n\n".encode("utf-8", "replace")


async def _send_all(subscription: EventSubscription, send: Send, heartbeat_s: float) -> None:
    await _send(send, b"retry: %d\n\n" % RETRY_MS)
    while not subscription.is_over:
        events = await subscription.take(heartbeat_s)
        if events:
            await _send(send, b"".join(map(frame, events)))
        elif not subscription.is_over:
            await _send(send, HEARTBEAT)
    await send({"type": "http.response.body"})


async def _send(send: Send, body: bytes) -> None:
    """Send, waiting while the client does not read."""
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _close_when_gone(receive: Receive, subscription: EventSubscription) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass  # what is left of a request is no news
    subscription.close()
