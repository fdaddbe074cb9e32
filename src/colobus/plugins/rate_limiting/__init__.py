"""rate-limiting: so many requests per calendar second, minute, hour, day, month or year (UTC).

Reference: plugins.md, rate-limiting. Counting is exact over all workers of the node: a request
takes one from every configured period at once, or from none. Counters belong to the API and the
identifier; every configuration that meets both shares them.
"""

from colobus.plugins.quotas import PERIODS, window_of
from colobus.plugins.rate_limiting.config import RateLimitingConfig
from colobus.plugins.rate_limiting.handler import RateLimiting

__all__ = ["PERIODS", "RateLimiting", "RateLimitingConfig", "window_of"]
