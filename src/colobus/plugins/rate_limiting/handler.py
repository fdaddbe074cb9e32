"""Counts requests and refuses what exceeds a quota (reference: plugins.md, rate-limiting)."""

import weakref
from collections.abc import Sequence

from colobus.errors import StoreError
from colobus.plugins.base import Plugin
from colobus.plugins.context import Capabilities, Exchange, ShortCircuit
from colobus.plugins.quotas import identifier_of
from colobus.plugins.rate_limiting.config import RateLimitingConfig
from colobus.plugins.rate_limiting.quota import Quota

__all__ = ["RateLimiting"]


class RateLimiting(Plugin):
    """Refuses what exceeds a quota."""

    name = "rate-limiting"
    priority = 900
    Config = RateLimitingConfig

    def __init__(self, capabilities: Capabilities) -> None:
        super().__init__(capabilities)
        # Quotas by the identity of their configuration, each gone as soon as that is.
        self._quotas: dict[int, Quota] = {}
        self._configs: dict[int, weakref.ref[RateLimitingConfig]] = {}

    def access(self, exchange: Exchange, config: RateLimitingConfig) -> None:
        """Take one from every window, or refuse; tell the client what is left."""
        now = self.capabilities.clock.time()
        quota = self._quotas.get(id(config))
        if quota is None or not quota.since <= now < quota.until:
            quota = self._renewed(config, now)
        assert exchange.api is not None  # access comes after routing
        group = f"ratelimit:{exchange.api['id']}:{identifier_of(exchange, config.limit_by)}"
        try:
            usage = self.capabilities.counters.consume(group, quota.windows, now)
        except StoreError as exc:
            if not config.fault_tolerant:
                raise ShortCircuit(500) from exc
            self.capabilities.logger.error("requests pass uncounted: %s", exc)
            return
        if _show(exchange, quota, usage):
            raise ShortCircuit(429, "API rate limit exceeded")

    def _renewed(self, config: RateLimitingConfig, now: float) -> Quota:
        """Make the configuration's quota for the windows around ``now``."""
        key = id(config)
        if key not in self._configs:
            self._configs[key] = weakref.ref(config, lambda _: self._forget(key))
            if config.policy != "local":
                self.capabilities.logger.warning(
                    "policy '%s' is not available: this configuration (%s) counts per node,"
                    " as policy 'local' does",
                    config.policy,
                    ", ".join(f"{period}={limit}" for period, limit in config.limits.items()),
                )
        quota = self._quotas[key] = Quota(config, now)
        return quota

    def _forget(self, key: int) -> None:
        del self._configs[key]
        self._quotas.pop(key, None)


def _show(exchange: Exchange, quota: Quota, usage: Sequence[int]) -> bool:
    """Set the headers of every period; say whether one of them was exhausted before this call."""
    this_call = 1
    for shown, used in zip(quota.shown, usage, strict=True):
        if shown[0] <= used:
            this_call = 0
    response = exchange.response
    for (limit, limit_name, limit_text, remaining_name), used in zip(
        quota.shown, usage, strict=True
    ):
        response.set_header(limit_name, limit_text)
        response.set_header(remaining_name, str(max(0, limit - used - this_call)))
    return this_call == 0
