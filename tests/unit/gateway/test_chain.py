"""Which configurations apply to a request, and how its phases are walked."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from hypothesis import given, strategies as st

from colobus.gateway.chain import (
    ACCESS_DONE,
    Chain,
    ChainedExchange,
    ChainTable,
    Step,
    body_filter_steps,
    header_filter_steps,
    log_steps,
    run_access,
    run_rewrite,
)
from colobus.model.schema import Number, Row, Schema, String
from colobus.plugins.base import Plugin
from colobus.plugins.context import Exchange, ShortCircuit
from colobus.testing.capabilities import MemoryWorker
from colobus.testing.exchange import MemoryExchange

API = "api-1"
BOB: Row = {"id": "bob"}
ANN: Row = {"id": "ann"}


class Noted(Schema):
    """What a recording plugin is told."""

    tag: String = ""
    limit: Number = 1


class Recorder(Plugin):
    """Notes every phase in ``ctx["seen"]``, with the tag of the configuration it ran with."""

    Config = Noted

    def access(self, exchange: Exchange, config: Noted) -> Coroutine[Any, Any, None] | None:
        self.note(exchange, "access", config)
        return None

    def header_filter(self, exchange: Exchange, config: Noted) -> None:
        self.note(exchange, "header_filter", config)

    def body_filter(self, exchange: Exchange, config: Noted, chunk: bytes, last: bool) -> bytes:
        assert last
        self.note(exchange, "body_filter", config)
        return chunk

    def log(self, exchange: Exchange, config: Noted) -> None:
        self.note(exchange, "log", config)

    def note(self, exchange: Exchange, phase: str, config: Noted) -> None:
        exchange.ctx.setdefault("seen", []).append(f"{phase} {self.name} {config.tag}".rstrip())


class Early(Recorder):
    name = "early"
    priority = 2000


class Auth(Recorder):
    """Sets the consumer that ``ctx["as"]`` names; waits if ``ctx["waits"]`` says so."""

    name = "auth"
    priority = 1000
    no_consumer = True

    def access(self, exchange: Exchange, config: Noted) -> Coroutine[Any, Any, None] | None:
        super().access(exchange, config)
        if exchange.ctx.get("waits"):
            return self.later(exchange)
        exchange.consumer = exchange.ctx.get("as", exchange.consumer)
        return None

    async def later(self, exchange: Exchange) -> None:
        await asyncio.sleep(0)
        exchange.consumer = exchange.ctx.get("as", exchange.consumer)


class SecondAuth(Auth):
    name = "second-auth"
    priority = 999

    def access(self, exchange: Exchange, config: Noted) -> Coroutine[Any, Any, None] | None:
        Recorder.access(self, exchange, config)
        exchange.consumer = exchange.ctx.get("then as", exchange.consumer)
        return None


class Late(Recorder):
    name = "late"
    priority = 900


class Ender(Recorder):
    """Answers the request when ``ctx["end"]`` says so."""

    name = "ender"
    priority = 800

    def access(self, exchange: Exchange, config: Noted) -> Coroutine[Any, Any, None] | None:
        super().access(exchange, config)
        if exchange.ctx.get("end"):
            raise ShortCircuit(403)
        return None


class Logger(Plugin):
    """Has no phase but ``log``."""

    name = "logger"
    priority = 1
    Config = Noted

    def log(self, exchange: Exchange, config: Noted) -> None:
        exchange.ctx.setdefault("seen", []).append(f"log logger {config.tag}".rstrip())


class Rewriter(Plugin):
    name = "rewriter"
    Config = Noted

    def rewrite(self, exchange: Exchange, config: Noted) -> Coroutine[Any, Any, None] | None:
        exchange.ctx.setdefault("seen", []).append(f"rewrite {config.tag}")
        return self.later(exchange) if config.tag in exchange.ctx.get("waits", ()) else None

    async def later(self, exchange: Exchange) -> None:
        await asyncio.sleep(0)
        exchange.ctx["seen"].append("rewrite waited")


class AnotherRewriter(Rewriter):
    name = "another-rewriter"


PLUGINS = (Logger, Ender, Late, SecondAuth, Auth, Early, Rewriter, AnotherRewriter)


class TravellingExchange(MemoryExchange, ChainedExchange):
    """An exchange as the gateway makes it."""

    def __init__(self, api: Row | None = None, **ctx: Any) -> None:
        super().__init__(api={"id": API} if api is None else api)
        self.chain: Chain | None = None
        self.position = -1
        self.ctx.update(ctx)

    @property
    def seen(self) -> list[str]:
        """What the plugins noted."""
        return list(self.ctx.get("seen", []))


def table(*rows: Row, limit: int = 100) -> ChainTable:
    chains = ChainTable([plugin(MemoryWorker().capabilities) for plugin in PLUGINS], limit=limit)
    for row in rows:
        chains.put(row)
    return chains


def row(name: str, tag: str = "", **fields: Any) -> Row:
    """Return a plugin row; its id is the tag unless one is given."""
    return {"id": fields.pop("id", tag or name), "name": name, "config": {"tag": tag}, **fields}


async def walk(chains: ChainTable, exchange: TravellingExchange) -> bool:
    """Run access to its end; say whether a plugin answered the request."""
    try:
        waiting = run_access(chains, exchange)
        if waiting is not None:
            await waiting
    except ShortCircuit:
        return True
    return False


def finish(exchange: TravellingExchange) -> None:
    """Run the phases of the response and the log."""
    for step in header_filter_steps(exchange):
        step.run(exchange, step.config)
    for step in body_filter_steps(exchange):
        assert step.run(exchange, step.config, b"x", True) == b"x"
    for step in log_steps(exchange):
        step.run(exchange, step.config)


def names(steps: Sequence[Step]) -> list[str]:
    return [step.name for step in steps]


SCOPES: dict[str, dict[str, str]] = {
    "global": {},
    "api": {"api_id": API},
    "consumer": {"consumer_id": "bob"},
    "api+consumer": {"api_id": API, "consumer_id": "bob"},
}


@pytest.mark.parametrize(
    ("scopes", "known", "expected"),
    [
        (["global", "api", "consumer", "api+consumer"], True, "api+consumer"),
        (["global", "api", "consumer"], True, "consumer"),
        (["global", "api"], True, "api"),
        (["global"], True, "global"),
        (["global", "api", "consumer", "api+consumer"], False, "api"),
        (["global", "consumer", "api+consumer"], False, "global"),
        (["consumer", "api+consumer"], False, None),
        ([], True, None),
    ],
)
async def test_the_most_specific_row_applies_whole(
    scopes: list[str], known: bool, expected: str | None
) -> None:
    for order in (scopes, list(reversed(scopes))):
        chains = table(*(row("late", scope, **SCOPES[scope]) for scope in order))
        exchange = TravellingExchange()
        exchange.consumer = BOB if known else None
        await walk(chains, exchange)
        assert exchange.seen == ([] if expected is None else [f"access late {expected}"])


async def test_rows_of_other_apis_and_consumers_do_not_apply() -> None:
    chains = table(
        row("late", "1", api_id="other"),
        row("early", "2", consumer_id="ann"),
        row("ender", "3", api_id=API, consumer_id="ann"),
    )
    exchange = TravellingExchange()
    exchange.consumer = BOB
    await walk(chains, exchange)
    assert exchange.seen == []


async def test_a_disabled_row_does_not_hide_a_less_specific_one() -> None:
    chains = table(row("late", "off", api_id=API, enabled=False), row("late", "global"))
    exchange = TravellingExchange()
    await walk(chains, exchange)
    assert exchange.seen == ["access late global"]


async def test_of_two_rows_for_the_same_scope_the_older_applies() -> None:
    chains = table(row("late", "new", created_at=2), row("late", "old", created_at=1))
    exchange = TravellingExchange()
    await walk(chains, exchange)
    assert exchange.seen == ["access late old"]


async def test_plugins_run_by_descending_priority_and_then_by_name() -> None:
    chains = table(*(row(plugin.name) for plugin in PLUGINS))
    exchange = TravellingExchange()
    await walk(chains, exchange)
    assert exchange.seen == [
        "access early", "access auth", "access second-auth", "access late", "access ender",
    ]  # fmt: skip
    assert names(chains.everywhere.rewrite) == ["another-rewriter", "rewriter"]


@pytest.mark.parametrize("waits", [False, True])
async def test_a_consumer_set_by_access_counts_for_the_plugins_behind(waits: bool) -> None:
    chains = table(
        row("auth", "auth", api_id=API),
        *(row("early", f"early {scope}", **fields) for scope, fields in SCOPES.items()),
        *(row("late", f"late {scope}", **fields) for scope, fields in SCOPES.items()),
    )
    exchange = TravellingExchange(waits=waits, **{"as": BOB})
    await walk(chains, exchange)
    assert exchange.seen == [
        "access early early api",
        "access auth auth",
        "access late late api+consumer",
    ]
    exchange.ctx["seen"] = []
    finish(exchange)
    assert exchange.seen == [
        f"{phase} {rest}"
        for phase in ("header_filter", "body_filter", "log")
        for rest in ("early early api", "auth auth", "late late api+consumer")
    ]


async def test_a_second_consumer_replaces_the_first_from_there_on() -> None:
    chains = table(
        row("auth"),
        row("second-auth"),
        row("late", "bob", consumer_id="bob"),
        row("late", "ann", consumer_id="ann"),
        row("ender", "all"),
    )
    exchange = TravellingExchange(**{"as": BOB, "then as": ANN})
    await walk(chains, exchange)
    assert exchange.seen[-2:] == ["access late ann", "access ender all"]


async def test_a_consumer_that_no_row_names_costs_no_new_chain() -> None:
    chains = table(row("auth", api_id=API), row("late", "api", api_id=API))
    exchange = TravellingExchange(**{"as": {"id": "nobody"}})
    await walk(chains, exchange)
    assert exchange.chain is chains.find(API, None)
    assert exchange.seen == ["access auth", "access late api"]


async def test_rows_naming_a_consumer_never_apply_for_a_plugin_that_allows_none() -> None:
    chains = table(row("auth", "bob", consumer_id="bob"), row("auth", "global"))
    exchange = TravellingExchange()
    exchange.consumer = BOB
    await walk(chains, exchange)
    assert exchange.seen == ["access auth global"]


async def test_the_walk_is_plain_until_a_phase_waits() -> None:
    chains = table(row("early"), row("auth"), row("late"))
    plain = TravellingExchange()
    assert run_access(chains, plain) is None
    assert plain.position == ACCESS_DONE
    waiting_exchange = TravellingExchange(waits=True)
    waiting = run_access(chains, waiting_exchange)
    assert waiting is not None
    assert waiting_exchange.seen == ["access early", "access auth"]
    assert waiting_exchange.position == 1 + chains.find(API, None).access[0].order
    await waiting
    assert waiting_exchange.seen == ["access early", "access auth", "access late"]
    assert waiting_exchange.position == ACCESS_DONE


async def test_a_request_answered_in_access_is_seen_by_what_ran_and_by_global_plugins() -> None:
    chains = table(
        row("early", "api", api_id=API),
        row("ender", "api-ender", api_id=API),
        row("logger", "api-logger", api_id=API),
    )
    exchange = TravellingExchange(end=True)
    assert run_rewrite(chains, exchange) is None
    assert await walk(chains, exchange)
    assert names(header_filter_steps(exchange)) == ["early", "ender"]
    assert names(body_filter_steps(exchange)) == ["early", "ender"]
    assert names(log_steps(exchange)) == ["early", "ender", "logger"]


async def test_behind_the_answer_an_api_row_does_not_hide_the_global_one() -> None:
    chains = table(
        row("auth", "stop", api_id=API),
        row("late", "late global"),
        row("late", "late api", api_id=API),
        row("early", "early global"),
        row("early", "early api", api_id=API),
    )
    exchange = TravellingExchange(waits=True)
    waiting = run_access(chains, exchange)
    assert waiting is not None
    waiting.send(None)
    waiting.close()  # the client went away: access stopped at auth
    tags = [getattr(step.config, "tag", "") for step in header_filter_steps(exchange)]
    assert tags == ["early api", "stop", "late global"]
    tags = [getattr(step.config, "tag", "") for step in log_steps(exchange)]
    assert tags == ["early api", "stop", "late api"]


async def test_a_request_without_an_api_has_the_global_plugins() -> None:
    chains = table(row("late", "global"), row("late", "api", api_id=API))
    exchange = TravellingExchange()
    exchange.api = None
    assert run_rewrite(chains, exchange) is None
    finish(exchange)
    assert exchange.seen == [
        f"{phase} late global" for phase in ("header_filter", "body_filter", "log")
    ]


async def test_a_request_refused_between_routing_and_access_is_logged_for_its_api() -> None:
    chains = table(row("early", "api", api_id=API), row("late", "global"))
    exchange = TravellingExchange()
    run_rewrite(chains, exchange)
    exchange.chain = chains.find(API, None)
    finish(exchange)
    assert exchange.seen == [
        "header_filter late global", "body_filter late global", "log early api", "log late global",
    ]  # fmt: skip


def test_a_request_that_never_reached_a_plugin_has_no_steps() -> None:
    exchange = TravellingExchange()
    assert not header_filter_steps(exchange)
    assert not body_filter_steps(exchange)
    assert not log_steps(exchange)


@pytest.mark.parametrize("waits", [(), ("1st",), ("2nd",), ("1st", "2nd")])
async def test_rewrite_runs_global_rows_only(waits: tuple[str, ...]) -> None:
    chains = table(
        row("rewriter", "2nd"),
        row("another-rewriter", "1st"),
        row("rewriter", "api", api_id=API),
    )
    exchange = TravellingExchange(waits=waits)
    waiting = run_rewrite(chains, exchange)
    assert (waiting is not None) is bool(waits)
    if waiting is not None:
        await waiting
    assert [note for note in exchange.seen if note != "rewrite waited"] == [
        "rewrite 1st",
        "rewrite 2nd",
    ]
    assert exchange.seen.count("rewrite waited") == len(waits)


async def test_a_row_whose_configuration_is_unusable_refuses_its_requests(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bad: Row = {"id": "1", "name": "late", "api_id": API, "config": {"tag": "s3cret", "limit": "x"}}
    with caplog.at_level(logging.ERROR):
        chains = table(bad, row("late", "global"))
    exchange = TravellingExchange()
    with pytest.raises(ShortCircuit) as answer:
        run_access(chains, exchange)
    assert answer.value.status == 500
    other = TravellingExchange(api={"id": "other"})
    assert run_access(chains, other) is None
    with pytest.raises(ShortCircuit):
        run_access(chains, TravellingExchange())
    assert len(caplog.records) == 1
    assert "limit" in caplog.text
    assert "s3cret" not in caplog.text
    assert chains.rows.broken == {"1": "limit"}
    chains.put({**bad, "config": {"limit": 2}})
    assert run_access(chains, TravellingExchange()) is None
    assert chains.rows.broken == {}


async def test_a_row_of_an_unknown_plugin_is_kept_aside_and_reported() -> None:
    chains = table(row("nope", "1"), row("nope", "2"), row("late", "3"))
    assert chains.unknown == {"nope"}
    assert chains.names == {"nope", "late"}
    exchange = TravellingExchange()
    await walk(chains, exchange)
    assert exchange.seen == ["access late 3"]
    chains.remove("1")
    assert chains.unknown == {"nope"}
    chains.remove("2")
    assert chains.unknown == set()


CHANGES: list[tuple[str, Callable[[ChainTable], None]]] = [
    ("global", lambda chains: chains.put(row("late", "new"))),
    ("api", lambda chains: chains.put(row("late", "new", api_id=API))),
    ("consumer", lambda chains: chains.put(row("late", "new", consumer_id="bob"))),
    ("both", lambda chains: chains.put(row("late", "new", api_id=API, consumer_id="bob"))),
    ("disable", lambda chains: chains.put(row("late", "was", api_id=API, enabled=False))),
    ("remove", lambda chains: chains.remove("was")),
    ("move", lambda chains: chains.put(row("late", "was", api_id="other"))),
    ("rename", lambda chains: chains.put(row("ender", "was", api_id=API))),
]


@pytest.mark.parametrize(("name", "change"), CHANGES)
async def test_after_a_change_no_chain_is_stale(
    name: str, change: Callable[[ChainTable], None]
) -> None:
    rows = [row("auth"), row("late", "was", api_id=API), row("early", "bob", consumer_id="bob")]
    changed = table(*rows)
    exchanges = [TravellingExchange(), TravellingExchange(**{"as": BOB})]
    for exchange in exchanges:
        await walk(changed, exchange)  # every chain is in use before the change
    change(changed)
    anew = table(*rows)
    change(anew)
    for who in (None, BOB):
        before, after = TravellingExchange(**{"as": who}), TravellingExchange(**{"as": who})
        await walk(changed, before)
        await walk(anew, after)
        finish(before)
        finish(after)
        assert before.seen == after.seen


PLUGIN_ROWS = st.builds(
    lambda number, name, age, enabled, scope: row(
        name, str(age), id=str(number), created_at=age, enabled=enabled, **scope
    ),
    st.integers(0, 7),
    st.sampled_from(["early", "auth", "late", "nope"]),
    st.integers(1, 3),
    st.booleans(),
    st.fixed_dictionaries(
        {}, optional={"api_id": st.sampled_from("ab"), "consumer_id": st.sampled_from("cd")}
    ),
)


def by_definition(rows: Sequence[Row], api_id: str | None, consumer_id: str | None) -> list[str]:
    """Return plugin and id of the row that applies of each plugin: look at every row."""
    found = []
    for plugin in (Early, Auth, Late):
        consumers = [consumer_id] if consumer_id and not plugin.no_consumer else []
        scopes = [*((api_id, consumer) for consumer in consumers),
                  *((None, consumer) for consumer in consumers),
                  (api_id, None), (None, None)]  # fmt: skip
        fitting = [
            (scopes.index(scope), candidate["created_at"], candidate["id"])
            for candidate in rows
            if candidate["name"] == plugin.name
            and candidate["enabled"]
            and (scope := (candidate.get("api_id"), candidate.get("consumer_id"))) in scopes
        ]
        if fitting:
            found.append(f"{plugin.name} {min(fitting)[1]}")
    return found


@given(st.lists(st.tuples(PLUGIN_ROWS, st.booleans()), max_size=12))
def test_find_follows_the_definition_after_any_changes(changes: list[tuple[Row, bool]]) -> None:
    chains = table(limit=3)
    held: dict[str, Row] = {}
    for changed, is_removal in changes:
        if is_removal:
            chains.remove(changed["id"])
            held.pop(changed["id"], None)
        else:
            chains.put(changed)
            held[changed["id"]] = changed
        for api_id in (None, "a", "b"):
            for consumer_id in (None, "c", "d"):
                steps = chains.find(api_id, consumer_id).access
                shown = [f"{step.name} {getattr(step.config, 'tag', '')}" for step in steps]
                assert shown == by_definition(list(held.values()), api_id, consumer_id)


def test_a_change_of_one_api_keeps_the_chains_of_the_others() -> None:
    chains = table(row("late", "1", api_id="a"), row("late", "2", api_id="b"))
    of_a, of_b = chains.find("a", None), chains.find("b", None)
    chains.put(row("late", "1", api_id="a"))
    assert chains.find("b", None) is of_b
    assert chains.find("a", None) is not of_a


def test_ready_chains_are_bounded() -> None:
    chains = table(
        *(row("late", f"a{number}", api_id=f"a{number}") for number in range(20)),
        *(row("late", f"c{number}", consumer_id=f"c{number}") for number in range(20)),
        limit=5,
    )
    for number in range(20):
        assert chains.find(f"a{number}", None) is chains.find(f"a{number}", None)
        chains.find("a0", f"c{number}")
        exchange = TravellingExchange(api={"id": "a0"})
        run_access(chains, exchange)
        exchange.consumer = {"id": f"c{number}"}
        assert exchange.chain is not None
        chains.switched(exchange.chain, exchange)
    assert len(chains._chains) <= 5
    assert len(chains._spliced) <= 5
    assert all(len(of_api) <= 5 for of_api in chains._chains.values())


def test_a_chain_shows_its_steps() -> None:
    chains = table(row("late", "1", api_id="a"))
    assert repr(chains.find("a", None).access) == "(<Step 3 late>,)"


def test_apis_without_rows_share_one_chain() -> None:
    chains = table(row("late", "global"), row("late", "1", api_id="a"))
    assert chains.find("x", None) is chains.find("y", "bob") is chains.everywhere
    assert names(chains.find("a", None).access) == ["late"]
    assert not chains.find("a", None).access[0].is_global
    assert chains.find("x", None).access[0].is_global
