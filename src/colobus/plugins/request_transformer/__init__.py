"""request-transformer: changes method, body, headers and query of requests, in this order.

Reference: plugins.md, request-transformer. The body is read only if a rule is about it.
"""

from colobus.plugins.request_transformer.config import RequestTransformerConfig
from colobus.plugins.request_transformer.handler import RequestTransformer

__all__ = ["RequestTransformer", "RequestTransformerConfig"]
