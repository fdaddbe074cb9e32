"""Names of upstream services."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from colobus.gateway import resolver as module
from colobus.gateway.resolver import CachingResolver, addresses_of, is_hopeless
from colobus.testing.clock import ManualClock


class Names:
    """A look-up whose answers the test gives."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, Sequence[str]] = {"a.test": ("10.0.0.1",)}
        self.gate: asyncio.Event | None = None

    async def __call__(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        if self.gate is not None:
            await self.gate.wait()
        if name not in self.answers:
            raise OSError("no such name")
        return self.answers[name]


class Fixture:
    """A resolver, its clock, its names and its tasks."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.names = Names()
        self.tasks: list[asyncio.Task[None]] = []
        self.resolver = CachingResolver(self.names, self.clock, self.spawn)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self.tasks.append(asyncio.get_running_loop().create_task(work, name=name))

    async def settle(self) -> None:
        """Let every task that was started end."""
        await asyncio.gather(*self.tasks)


@pytest.fixture
def names() -> Fixture:
    return Fixture()


async def test_an_answer_is_fresh_for_a_while(names: Fixture) -> None:
    assert names.resolver.cached("a.test") is None
    assert await names.resolver.resolve("a.test") == ("10.0.0.1",)
    names.clock.advance(module.FRESH_S - 0.1)
    assert names.resolver.cached("a.test") == ("10.0.0.1",)
    assert names.names.asked == ["a.test"]


async def test_many_who_ask_at_once_are_one_question(names: Fixture) -> None:
    names.names.gate = asyncio.Event()
    asking = [names.resolver.resolve("a.test") for _ in range(10)]
    gathered = asyncio.gather(*asking)
    await asyncio.sleep(0)
    names.names.gate.set()
    assert await gathered == [("10.0.0.1",)] * 10
    assert names.names.asked == ["a.test"]


async def test_an_old_answer_is_used_at_once_and_renewed_beside(names: Fixture) -> None:
    await names.resolver.resolve("a.test")
    names.clock.advance(module.FRESH_S)
    names.names.answers["a.test"] = ("10.0.0.2",)
    assert names.resolver.cached("a.test") == ("10.0.0.1",)
    assert names.resolver.cached("a.test") == ("10.0.0.1",)
    await names.settle()
    assert names.resolver.cached("a.test") == ("10.0.0.2",)
    assert names.names.asked == ["a.test"] * 2


async def test_an_old_answer_outlives_a_name_server_for_a_while(
    names: Fixture, caplog: pytest.LogCaptureFixture
) -> None:
    await names.resolver.resolve("a.test")
    names.names.answers.clear()
    names.clock.advance(module.FRESH_S)
    assert names.resolver.cached("a.test") == ("10.0.0.1",)
    await names.settle()
    assert names.resolver.cached("a.test") == ("10.0.0.1",)
    assert len(names.names.asked) == 2  # a failure is not repeated at every request
    names.clock.advance(module.STALE_S)
    assert names.resolver.cached("a.test") is None
    assert await names.resolver.resolve("a.test") == ()
    assert "cannot resolve a.test" in caplog.text


async def test_a_failure_is_remembered_shortly(
    names: Fixture, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    assert await names.resolver.resolve("b.test") == ()
    assert names.resolver.cached("b.test") == ()
    names.clock.advance(module.FAILED_S)
    names.names.answers["b.test"] = ("10.0.0.3",)
    assert names.resolver.cached("b.test") is None
    assert await names.resolver.resolve("b.test") == ("10.0.0.3",)


async def test_waiting_is_bounded(names: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_S", 0.01)
    names.names.gate = asyncio.Event()
    assert await names.resolver.resolve("a.test") == ()
    # The question goes on; its answer serves those who come later.
    names.names.gate.set()
    await names.settle()
    assert names.resolver.cached("a.test") == ("10.0.0.1",)


async def test_names_and_questions_are_bounded(
    names: Fixture, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    monkeypatch.setattr(module, "NAME_LIMIT", 10)
    monkeypatch.setattr(module, "FLIGHT_LIMIT", 2)
    for number in range(30):
        await names.resolver.resolve(f"{number}.test")
    assert len(names.resolver.entries) == 10
    names.names.gate = asyncio.Event()
    waiting = asyncio.gather(names.resolver.resolve("x.test"), names.resolver.resolve("y.test"))
    await asyncio.sleep(0)
    assert await names.resolver.resolve("z.test") == ()
    names.names.gate.set()
    await waiting


@pytest.mark.parametrize(
    ("name", "hopeless"),
    [
        ("", True),
        (".", True),
        ("invalid", True),
        ("a.b.INVALID.", True),
        ("notinvalid", False),
        ("invalid.test", False),
    ],
)
async def test_reserved_names_are_not_asked_for(
    names: Fixture, name: str, *, hopeless: bool
) -> None:
    assert is_hopeless(name) is hopeless
    if hopeless:
        assert await names.resolver.resolve(name) == ()
        assert names.names.asked == []


def test_the_systems_resolver_knows_the_loopback() -> None:
    assert "127.0.0.1" in addresses_of("localhost")


@pytest.mark.parametrize("name", ["a" * 64 + ".test", "a..test"])
def test_what_cannot_be_a_name_is_an_os_error(name: str) -> None:
    with pytest.raises(OSError, match="cannot be a host name"):
        addresses_of(name)
