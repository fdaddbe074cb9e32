"""The cases: which subjects meet which requests, under which names."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.workload import Setup, Traffic

__all__ = ["Case", "Entrant", "Scale", "cases"]

EVERYBODY = ("nginx", "HAProxy", "Envoy", "Colobus", "Colobus pure")
KEY_AUTH = ("key-auth",)
BOTH_PLUGINS = ("key-auth", "rate-limiting")


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything.

    Attributes:
        many_apis, most_apis: the larger numbers of APIs.
        idle_connections: how many stay open in the memory case.
        changes: changes of APIs in each round of the change case.
    """

    many_apis: int = 10_000
    most_apis: int = 100_000
    idle_connections: int = 10_000
    changes: int = 40

    @classmethod
    def small(cls) -> "Scale":
        """Return what is enough to see that everything works."""
        return cls(many_apis=100, most_apis=1000, idle_connections=200, changes=3)


@dataclass(frozen=True, slots=True)
class Entrant:
    """A subject in a case.

    Attributes:
        label: its name in the table. ``kind``: which proxy.
        setup: how it is configured.
    """

    label: str
    kind: str
    setup: Setup


@dataclass(frozen=True, slots=True)
class Case:
    """Subjects that meet the same requests, round by round."""

    name: str
    traffic: Traffic
    entrants: tuple[Entrant, ...]


def _everybody(setup: Setup) -> tuple[Entrant, ...]:
    return tuple(Entrant(name, name, setup) for name in EVERYBODY)


def _plugins(plugins: tuple[str, ...]) -> tuple[Entrant, ...]:
    """Return the subjects: Colobus with the plugins, the others with plain proxying."""
    return tuple(
        Entrant(name, name, Setup(plugins=plugins if name.startswith("Colobus") else ()))
        for name in EVERYBODY
    )


def _by_apis(scale: Scale) -> tuple[Entrant, ...]:
    numbers = sorted({1, 100, scale.many_apis, scale.most_apis})
    return (
        Entrant("nginx", "nginx", Setup()),
        *(
            Entrant(f"{kind}, {number_of_apis(number)}", kind, Setup(apis=number))
            for kind in ("Colobus", "Colobus pure")
            for number in numbers
        ),
    )


def number_of_apis(number: int) -> str:
    """Return the number as the tables write it: ``100 000 APIs``."""
    return f"{number:,}".replace(",", " ") + (" API" if number == 1 else " APIs")


def cases(scale: Scale) -> Sequence[Case]:
    """Return every case of proxied requests, those of one setup beside each other."""
    plain = _everybody(Setup())
    secure = Traffic(scheme="https")
    return (
        Case("keep-alive, no plugin", Traffic(), plain),
        Case("close per request", Traffic(close=True), plain),
        Case("one connection", Traffic(connections=1), plain),
        Case("answers of 16 KiB", Traffic(size=16_384), plain),
        Case("answers of 1 MiB", Traffic(size=1_048_576, connections=8), plain),
        Case("TLS, keep-alive", secure, plain),
        Case("HTTP/2 over TLS", Traffic(scheme="h2", connections=8, streams=8), plain),
        Case("key-auth", Traffic(), _plugins(KEY_AUTH)),
        Case("key-auth + rate-limiting", Traffic(), _plugins(BOTH_PLUGINS)),
        Case("access log on", Traffic(), _everybody(Setup(access_log=True))),
        Case("number of APIs", Traffic(), _by_apis(scale)),
    )
