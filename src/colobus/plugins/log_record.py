"""The record of a request as the bytes that logging plugins deliver (plugin-framework §9).

What it tells is :meth:`colobus.plugins.context.Exchange.log_record`'s; this is its text, in one
place for every plugin that sends one.
"""

import json

from colobus.plugins.context import Exchange

__all__ = ["encoded_record"]


def encoded_record(exchange: Exchange) -> bytes:
    r"""Return the record as JSON on one line, without a line end.

    Bytes of a client that are no UTF-8 become question marks, so that every reader of the log can
    read it. (kong 0.10 writes ``\/`` for a slash, which means the same to a reader of JSON.)
    """
    text = json.dumps(exchange.log_record(), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")
