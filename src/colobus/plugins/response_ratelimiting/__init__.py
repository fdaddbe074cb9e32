"""response-ratelimiting: quotas of named units, which the upstream says each answer uses up.

Reference: plugins.md, response-ratelimiting. Counting is done on the node, in memory its workers
share, when the head of an answer is there.
"""

from colobus.plugins.response_ratelimiting.config import ResponseRateLimitingConfig
from colobus.plugins.response_ratelimiting.handler import ResponseRateLimiting

__all__ = ["ResponseRateLimiting", "ResponseRateLimitingConfig"]
