"""Judges the User-Agent of requests."""

from functools import cached_property
from typing import Annotated, Any, Final

from colobus.model.schema import Array, Check, Schema
from colobus.plugins.base import Plugin
from colobus.plugins.bot_detection.rules import is_known_bot
from colobus.plugins.context import Exchange, ShortCircuit
from colobus.plugins.patterns import Patterns, is_pattern

__all__ = ["BotDetection", "BotDetectionConfig"]

VERDICTS_KEPT: Final = 4096
LONGEST_KEPT: Final = 512
"""Verdicts remembered of each configuration, and characters of an agent that gets one."""


def _check_patterns(sources: list[Any]) -> list[Any]:
    for source in sources:
        if not is_pattern(source):
            raise ValueError(f"value '{source}' is not a valid regex")
    return sources


class Agents:
    """Which agents are refused."""

    __slots__ = ("_blacklist", "_verdicts", "_whitelist")

    def __init__(self, whitelist: list[str], blacklist: list[str]) -> None:
        self._whitelist = Patterns(whitelist)
        self._blacklist = Patterns(blacklist)
        self._verdicts: dict[str, bool] = {}

    def refuses(self, agent: str) -> bool:
        """Say whether ``agent`` is refused; the verdict is remembered."""
        verdict = self._verdicts.get(agent)
        if verdict is None:
            verdict = self._judge(agent.strip())
            if len(agent) <= LONGEST_KEPT:
                if len(self._verdicts) >= VERDICTS_KEPT:
                    self._verdicts.clear()
                self._verdicts[agent] = verdict
        return verdict

    def _judge(self, agent: str) -> bool:
        if self._whitelist.search(agent) is True:
            return False
        # What takes too long to tell was made for that.
        return self._blacklist.search(agent) is not False or is_known_bot(agent)


class BotDetectionConfig(Schema):
    """``config`` of bot-detection."""

    whitelist: Annotated[Array[Any], Check(_check_patterns)] | None = None
    blacklist: Annotated[Array[Any], Check(_check_patterns)] | None = None

    @cached_property
    def agents(self) -> Agents:
        """The lists, prepared, with what they said so far."""
        return Agents(self.whitelist or [], self.blacklist or [])


class BotDetection(Plugin):
    """Refuses robots."""

    name = "bot-detection"
    priority = 2500
    no_consumer = True
    Config = BotDetectionConfig

    def access(self, exchange: Exchange, config: BotDetectionConfig) -> None:
        """Refuse a robot; a client that does not say what it is passes."""
        agents = exchange.request.get_headers("User-Agent")
        if not agents:
            return
        if len(agents) > 1:
            raise ShortCircuit(400, "Only one User-Agent header allowed")
        if config.agents.refuses(agents[0]):
            raise ShortCircuit(403)
