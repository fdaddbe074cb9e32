"""Chains: the plugin configurations that apply to a request, and the walk through them.

For each plugin the first enabled row of (api, consumer), (consumer), (api) and (global) applies,
whole (reference: datastore-and-cache §6.4, plugin-framework §3). A :class:`Chain` is that choice
for all plugins, phase by phase; a :class:`ChainTable` makes chains and keeps them ready.

``exchange.position`` tells how far access came: the order of the last plugin that ran, -1 before
the first one, :data:`ACCESS_DONE` behind the last. A plugin that answers the request ends the
walk; those behind it were not reached, and of them only global configurations still see the
response (plugin-framework §3.1). Every plugin of the chain logs. A request that is answered after
routing but before access (426, 503) gets ``exchange.chain = chains.find(api_id, None)``, so that
the loggers of its API see it. Pure: no I/O.
"""

from collections.abc import Coroutine, Sequence
from typing import Any

from colobus.gateway.plugin_rows import PHASES, ConfiguredPlugin, PluginRows, Step
from colobus.model.schema import Row
from colobus.plugins.base import Plugin

__all__ = [
    "ACCESS_DONE",
    "Chain",
    "ChainTable",
    "ChainedExchange",
    "Step",
    "body_filter_steps",
    "header_filter_steps",
    "log_steps",
    "run_access",
    "run_rewrite",
]

ACCESS_DONE = 1 << 30
"""The position behind every plugin."""

CHAIN_LIMIT = 16_384
"""APIs whose chains are kept ready; one costs about 1 KiB, and some microseconds to make again."""

Waiting = Coroutine[Any, Any, None]


class Chain:
    """The steps of each phase for one API and one consumer, in order.

    Attributes:
        consumer_id: the consumer it was chosen for; None for one that no row names.
        everywhere: the chain of the global rows alone.
    """

    __slots__ = (*PHASES, "consumer_id", "everywhere")

    rewrite: tuple[Step, ...]
    access: tuple[Step, ...]
    header_filter: tuple[Step, ...]
    body_filter: tuple[Step, ...]
    log: tuple[Step, ...]

    def __init__(self, consumer_id: str | None, everywhere: "Chain | None") -> None:
        self.consumer_id = consumer_id
        self.everywhere: Chain = self if everywhere is None else everywhere

    def fill(self, plugins: Sequence[ConfiguredPlugin]) -> None:
        """Set every phase to the steps of ``plugins``, which come in order."""
        for phase in PHASES:
            steps = tuple(plugin.steps[phase] for plugin in plugins if phase in plugin.steps)
            setattr(self, phase, steps)

    def fill_spliced(self, before: "Chain", behind: "Chain", position: int) -> None:
        """Set every phase to the steps of ``before`` up to ``position``, then of ``behind``."""
        for phase in PHASES:
            setattr(self, phase, _splice(getattr(before, phase), getattr(behind, phase), position))


class ChainedExchange:
    """What the walk needs of an exchange, which is one of these; a class, so that it compiles."""

    __slots__ = ("api", "chain", "consumer", "position")

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Set everything to before the walk."""
        self.api: Row | None = None
        self.consumer: Row | None = None
        self.chain: Chain | None = None
        self.position = -1


class ChainTable:
    """The plugin rows of one worker, and the chains made of them.

    Args:
        plugins: the worker's instances, in any order.
        limit: APIs whose chains are kept ready; the one made first goes first.
    """

    def __init__(self, plugins: Sequence[Plugin], *, limit: int = CHAIN_LIMIT) -> None:
        self.rows = PluginRows(plugins)
        self._limit = limit
        self._chains: dict[str | None, dict[str | None, Chain]] = {}
        self._spliced: dict[tuple[Chain, str | None, str | None, int], Chain] = {}
        self._everywhere = Chain(None, None)
        self._everywhere.fill(())

    @property
    def everywhere(self) -> Chain:
        """The chain of the global rows alone."""
        return self._everywhere

    @property
    def names(self) -> frozenset[str]:
        """The names of the plugins that rows use."""
        return frozenset(self.rows.names)

    @property
    def unknown(self) -> set[str]:
        """The names of plugins that rows use and this node does not have."""
        return self.rows.unknown

    def put(self, row: Row) -> None:
        """Insert the row, or replace the one with the same id."""
        self._drop(self.rows.put(row))

    def remove(self, row_id: str) -> None:
        """Remove the row; nothing happens when there is none."""
        self._drop(self.rows.remove(row_id))

    def find(self, api_id: str | None, consumer_id: str | None) -> Chain:
        """Return the chain for an API and a consumer, each None when there is none."""
        api_key = api_id if self.rows.names_api(api_id) else None
        consumer_key = consumer_id if self.rows.names_consumer(consumer_id) else None
        if api_key is None and consumer_key is None:
            return self._everywhere
        of_api = self._chains.get(api_key)
        if of_api is None:
            if len(self._chains) >= self._limit:
                del self._chains[next(iter(self._chains))]
            of_api = self._chains[api_key] = {}
        chain = of_api.get(consumer_key)
        if chain is None:
            if len(of_api) >= self._limit:
                del of_api[next(iter(of_api))]
            chain = of_api[consumer_key] = Chain(consumer_key, self._everywhere)
            chain.fill(self.rows.applying(api_key, consumer_key))
        return chain

    def switched(self, before: Chain, exchange: ChainedExchange) -> Chain:
        """Return the chain to go on with, now that the exchange has the consumer it has.

        Plugins up to ``exchange.position`` keep the configurations they ran with; those behind
        get the ones of the consumer. A consumer that no row names changes nothing.
        """
        api_id, consumer_id = _ids(exchange)
        consumer_key = consumer_id if self.rows.names_consumer(consumer_id) else None
        if consumer_key == before.consumer_id:
            return before
        key = (before, api_id, consumer_key, exchange.position)
        chain = self._spliced.get(key)
        if chain is None:
            if len(self._spliced) >= self._limit:
                del self._spliced[next(iter(self._spliced))]
            chain = self._spliced[key] = Chain(consumer_key, self._everywhere)
            chain.fill_spliced(before, self.find(api_id, consumer_key), exchange.position)
        return chain

    def _drop(self, scopes: Sequence[tuple[str | None, str | None]]) -> None:
        """Forget the chains that changed rows had, or now have, a part in."""
        if not scopes:
            return
        self._spliced.clear()
        if any(api_id is None for api_id, _ in scopes):
            self._chains.clear()
            self._everywhere = Chain(None, None)
            self._everywhere.fill(self.rows.applying(None, None))
        for api_id, _ in scopes:
            self._chains.pop(api_id, None)


def run_rewrite(chains: ChainTable, exchange: ChainedExchange) -> Waiting | None:
    """Give the exchange the chain of global rows and run its rewrite phase.

    Returns:
        None when all is done, or a coroutine that does the rest.

    Raises:
        ShortCircuit: a plugin answers the request (here, or out of the coroutine).
    """
    chain = exchange.chain = chains.everywhere
    exchange.position = -1
    for index, step in enumerate(chain.rewrite):
        waiting = step.run(exchange, step.config)
        if waiting is not None:
            return _finish_rewrite(exchange, chain.rewrite[index + 1 :], waiting)
    return None


async def _finish_rewrite(
    exchange: ChainedExchange, rest: Sequence[Step], waiting: Waiting
) -> None:
    await waiting
    for step in rest:
        more = step.run(exchange, step.config)
        if more is not None:
            await more


def run_access(chains: ChainTable, exchange: ChainedExchange) -> Waiting | None:
    """Give the exchange the chain of its API and run its access phase.

    Returns:
        None when all is done, or a coroutine that does the rest.

    Raises:
        ShortCircuit: a plugin answers the request (here, or out of the coroutine).
    """
    exchange.chain = chains.find(*_ids(exchange))
    exchange.position = -1
    waiting = _advance(chains, exchange, exchange.chain)
    return None if waiting is None else _finish_access(chains, exchange, waiting)


async def _finish_access(chains: ChainTable, exchange: ChainedExchange, waiting: Waiting) -> None:
    more: Waiting | None = waiting
    while more is not None:
        await more
        chain = exchange.chain
        assert chain is not None
        chain = exchange.chain = chains.switched(chain, exchange)
        more = _advance(chains, exchange, chain)


def _advance(chains: ChainTable, exchange: ChainedExchange, chain: Chain) -> Waiting | None:
    """Run access steps behind the position until one must wait; return what it waits for."""
    consumer = exchange.consumer
    rest = iter(chain.access)
    for step in rest:
        if step.order <= exchange.position:
            continue
        exchange.position = step.order
        waiting: Waiting | None = step.run(exchange, step.config)
        if waiting is not None:
            return waiting
        if exchange.consumer is not consumer:
            consumer = exchange.consumer
            following = chains.switched(chain, exchange)
            if following is not chain:
                exchange.chain = following
                return _advance(chains, exchange, following)
    exchange.position = ACCESS_DONE
    return None


def header_filter_steps(exchange: ChainedExchange) -> Sequence[Step]:
    """Return the steps that see the response head."""
    chain = exchange.chain
    if chain is None:
        return ()
    if exchange.position == ACCESS_DONE:
        return chain.header_filter
    return _splice(chain.header_filter, chain.everywhere.header_filter, exchange.position)


def body_filter_steps(exchange: ChainedExchange) -> Sequence[Step]:
    """Return the steps that see the response body."""
    chain = exchange.chain
    if chain is None:
        return ()
    if exchange.position == ACCESS_DONE:
        return chain.body_filter
    return _splice(chain.body_filter, chain.everywhere.body_filter, exchange.position)


def log_steps(exchange: ChainedExchange) -> Sequence[Step]:
    """Return the steps that log; also of plugins that access did not reach (decision D15)."""
    return () if exchange.chain is None else exchange.chain.log


def _splice(before: tuple[Step, ...], behind: tuple[Step, ...], position: int) -> tuple[Step, ...]:
    if not before and not behind:
        return ()
    return (
        *(step for step in before if step.order <= position),
        *(step for step in behind if step.order > position),
    )


def _ids(exchange: ChainedExchange) -> tuple[str | None, str | None]:
    api, consumer = exchange.api, exchange.consumer
    return None if api is None else api["id"], None if consumer is None else consumer["id"]
