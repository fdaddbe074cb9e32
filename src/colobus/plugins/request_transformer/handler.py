"""Changes requests on their way upstream (reference: plugins.md, request-transformer)."""

from collections.abc import Coroutine
from typing import Any

from colobus.plugins.base import Plugin
from colobus.plugins.context import Exchange, Query, Request
from colobus.plugins.request_transformer.body import BODY_LIMIT, Form, change_body, kind_of
from colobus.plugins.request_transformer.config import RequestTransformerConfig
from colobus.plugins.transformation import Rules, change_headers

__all__ = ["RequestTransformer"]


class RequestTransformer(Plugin):
    """Changes requests."""

    name = "request-transformer"
    priority = 800
    Config = RequestTransformerConfig

    def access(
        self, exchange: Exchange, config: RequestTransformerConfig
    ) -> Coroutine[Any, Any, None] | None:
        """Change the request; wait for its body only if that is to be changed too."""
        request = exchange.request
        if config.method is not None:
            request.set_method(config.method)
        if config.reads_body:
            content_type = request.get_header("Content-Type")
            kind = kind_of(content_type)
            is_wanted = kind == "form" or config.body_rules.is_any
            if kind is not None and content_type is not None and is_wanted:
                return _change_all(request, config, content_type, BODY_LIMIT[kind])
        _change_head(request, config)
        return None


async def _change_all(
    request: Request, config: RequestTransformerConfig, content_type: str, limit: int
) -> None:
    body = await request.body(limit)
    if config.copies_form and kind_of(content_type) == "form":
        _copy_form(request.query, Form(body))
    if config.body_rules.is_any:
        changed = change_body(content_type, body, config.body_rules)
        if changed is not None:
            request.set_body(changed)
    _change_head(request, config)


def _change_head(request: Request, config: RequestTransformerConfig) -> None:
    rules = config.header_rules
    if rules.is_any:
        change_headers(request, rules)
    rules = config.query_rules
    if rules.is_any:
        _change_query(request.query, rules)


def _change_query(query: Query, rules: Rules) -> None:
    for name in rules.remove:
        query.remove(name)
    for old, new in rules.rename:
        query.rename(old, new)
    for name, value in rules.replace:
        if query.get_all(name):
            if value is None:
                query.remove(name)
            else:
                query.set(name, value)
    for name, value in rules.add:
        if not query.get_all(name):
            query.add(name, value)
    for name, value in rules.append:
        query.add(name, value)


def _copy_form(query: Query, form: Form) -> None:
    """Put the arguments of a form into the query, in place of those of the same name."""
    arguments = form.values()
    for name in dict.fromkeys(name for name, _ in arguments):
        query.remove(name)
    for name, value in arguments:
        query.add(name, value)
