"""Counts what answers use up, and refuses what exceeds a quota."""

from collections.abc import Sequence
from typing import Final

from colobus.errors import StoreError
from colobus.plugins.base import Plugin
from colobus.plugins.context import Capabilities, Exchange, ShortCircuit
from colobus.plugins.quotas import identifier_of
from colobus.plugins.response_ratelimiting.config import ResponseRateLimitingConfig
from colobus.plugins.response_ratelimiting.units import Unit, announced

__all__ = ["ResponseRateLimiting"]

GROUP: Final = "response_ratelimiting"
"""The key of whose quota it is, in ``exchange.ctx``; absent when nothing is to be counted."""

Usage = list[tuple[Unit, list[int]]]
"""Of each kind of unit the counts, the shortest period first."""


class ResponseRateLimiting(Plugin):
    """Limits what answers use up."""

    name = "response-ratelimiting"
    priority = 900
    Config = ResponseRateLimitingConfig

    def __init__(self, capabilities: Capabilities) -> None:
        super().__init__(capabilities)
        self._told: set[str] = set()

    def access(self, exchange: Exchange, config: ResponseRateLimitingConfig) -> None:
        """Tell the upstream what is left, or refuse, if that is wanted, when nothing is."""
        self._tell_policy(config.policy)
        assert exchange.api is not None  # access comes after routing
        identifier = identifier_of(exchange, config.limit_by)
        group = f"response-ratelimit:{exchange.api['id']}:{identifier}"
        try:
            usage = self._usage(config, group)
        except StoreError as exc:
            if not config.fault_tolerant:
                raise ShortCircuit(500) from exc
            self.capabilities.logger.error("answers pass uncounted: %s", exc)
            return
        exchange.ctx[GROUP] = group
        for unit, counts in usage:
            remaining = unit.remaining(counts)
            if config.block_on_first_violation and remaining <= 0:
                raise ShortCircuit(429, f"API rate limit exceeded for '{unit.name}'")
            exchange.request.set_header(unit.header_name, str(max(0, remaining)))

    def header_filter(self, exchange: Exchange, config: ResponseRateLimitingConfig) -> None:
        """Count what the answer says it uses up, show what is left, or refuse."""
        response = exchange.response
        amounts = announced(response.get_headers(config.header_name))
        response.remove_header(config.header_name)
        group = exchange.ctx.get(GROUP)
        if group is None:
            return
        try:
            usage = self._usage(config, group)
            is_refused = _show(exchange, usage, amounts)
            if not is_refused:
                self._count(group, usage, amounts)
        except StoreError as exc:
            self.capabilities.logger.error("an answer passes uncounted: %s", exc)
            return
        if is_refused:
            response.end(429)

    def _usage(self, config: ResponseRateLimitingConfig, group: str) -> Usage:
        now = self.capabilities.clock.time()
        counters = self.capabilities.counters
        # A group for each name: the shared counters keep a bounded number of windows in a group.
        return [
            (unit, counters.read(f"{group}:{unit.name}", unit.windows, now))
            for unit in config.units.at(now)
        ]

    def _count(self, group: str, usage: Usage, amounts: dict[str, int]) -> None:
        now = self.capabilities.clock.time()
        for unit, _ in usage:
            amount = amounts.get(unit.name, 0)
            if amount:
                counters = self.capabilities.counters
                counters.add(f"{group}:{unit.name}", unit.windows, amount, now)

    def _tell_policy(self, policy: str) -> None:
        """Say once that counting is done on the node, whatever the policy."""
        if policy != "local" and policy not in self._told:
            self._told.add(policy)
            self.capabilities.logger.warning(
                "policy '%s' is not available: answers are counted per node, as policy 'local' does",
                policy,
            )


def _show(
    exchange: Exchange, usage: Sequence[tuple[Unit, list[int]]], amounts: dict[str, int]
) -> bool:
    """Set the headers of every name and period; say whether one announced was exhausted before."""
    is_refused = False
    response = exchange.response
    for unit, counts in usage:
        amount = amounts.get(unit.name, 0)
        for place, limit, limit_name, remaining_name in unit.shown:
            remaining = limit - counts[place]
            if amount > 0 and remaining <= 0:
                is_refused = True
            response.set_header(limit_name, str(limit))
            response.set_header(remaining_name, str(max(0, remaining - amount)))
    return is_refused
