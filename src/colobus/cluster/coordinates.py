"""Vivaldi network coordinates: where this node is, so that others can estimate a round trip.

Every node keeps a point of eight dimensions, a height over it (its access link), and an adjustment,
in seconds; the distance of two is the estimate. Each measured round trip to a peer pulls or pushes
the own point (reference: serf §10; Dabek and others, "Vivaldi", SIGCOMM 2004). The steps and
constants are those of Serf, since nodes whose rules differ pull at each other for ever.
"""

import math
import random
from collections import deque
from dataclasses import dataclass, replace
from typing import Final

from colobus.errors import ClusterError

__all__ = ["START", "Coordinate", "CoordinateClient", "Vector", "estimate_rtt"]

Vector = tuple[float, ...]

DIMENSIONS: Final = 8
ERROR_MAX: Final = 1.5
ERROR_GAIN: Final = 0.25  # ce: how much one sample tells about the own error
FORCE_GAIN: Final = 0.25  # cc: how far one sample moves the own point
ADJUSTMENT_WINDOW: Final = 20
HEIGHT_MIN: Final = 1e-5
LATENCY_SAMPLES: Final = 3
GRAVITY_RHO: Final = 150.0
ZERO: Final = 1e-6  # seconds and distances below this count as none
RTT_MAX_S: Final = 10.0
# Peers whose last samples are kept: more than any pool has members, for whoever forgets to forget.
MOST_PEERS: Final = 65536


@dataclass(frozen=True, slots=True)
class Coordinate:
    """Where a node is. All numbers are seconds, but ``error``, which has no unit."""

    vector: Vector = (0.0,) * DIMENSIONS
    error: float = ERROR_MAX
    adjustment: float = 0.0
    height: float = HEIGHT_MIN

    @property
    def is_valid(self) -> bool:
        """Whether it has eight dimensions and all its numbers are finite."""
        numbers = (*self.vector, self.error, self.adjustment, self.height)
        return len(self.vector) == DIMENSIONS and all(map(math.isfinite, numbers))


START: Final = Coordinate()


def estimate_rtt(one: Coordinate, other: Coordinate) -> float:
    """Return the estimated round trip between two coordinates of eight dimensions, in seconds.

    Adjustments count unless they would make it negative; the result is cut to nanoseconds, as
    Serf's is.
    """
    raw = _raw_distance(one, other)
    adjusted = raw + one.adjustment + other.adjustment
    seconds = adjusted if adjusted > 0 else raw
    return int(seconds * 1e9) / 1e9 if seconds < 1e9 else seconds


class CoordinateClient:
    """Keeps the own coordinate.

    Attributes:
        coordinate: where this node is now.
        resets: how often it had to start anew because of invalid numbers.
    """

    def __init__(self, rng: random.Random, *, most_peers: int = MOST_PEERS) -> None:
        self.coordinate = START
        self.resets = 0
        self._rng = rng
        self._most_peers = most_peers
        self._samples: dict[str, deque[float]] = {}
        self._adjustments = [0.0] * ADJUSTMENT_WINDOW
        self._next_adjustment = 0

    def update(self, peer: str, other: Coordinate, rtt_s: float) -> Coordinate:
        """Return the own coordinate after a round trip to ``peer``, which is at ``other``.

        Raises:
            ClusterError: ``other`` is not valid, or the time is not between 0 and 10 s; nothing
                has changed.
        """
        if not other.is_valid:
            raise ClusterError("coordinate of the peer is not valid")
        if not 0 <= rtt_s <= RTT_MAX_S:
            raise ClusterError("round trip time is not between 0 and 10 seconds")
        moved = self._sample(other, self._filter_latency(peer, rtt_s))
        if moved is not None and moved.is_valid:
            self.coordinate = moved
            return moved
        # Old adjustments would spoil the next twenty rounds as well.
        self._adjustments = [0.0] * ADJUSTMENT_WINDOW
        self.coordinate = START
        self.resets += 1
        return START

    def forget(self, peer: str) -> None:
        """Drop what was measured about a peer that is gone."""
        self._samples.pop(peer, None)

    def estimate(self, other: Coordinate) -> float:
        """Return the estimated round trip from here to ``other``, in seconds."""
        return estimate_rtt(self.coordinate, other)

    def _filter_latency(self, peer: str, rtt_s: float) -> float:
        """Return the upper median of the last samples of ``peer``."""
        samples = self._samples.get(peer)
        if samples is None:
            if len(self._samples) >= self._most_peers:
                del self._samples[next(iter(self._samples))]
            samples = self._samples[peer] = deque(maxlen=LATENCY_SAMPLES)
        samples.append(rtt_s)
        return sorted(samples)[len(samples) // 2]

    def _sample(self, other: Coordinate, rtt_s: float) -> Coordinate | None:
        """Return the own coordinate after one filtered sample, or None if numbers overflow."""
        try:
            return self._pull_to_origin(self._adjust(other, self._move(other, rtt_s), rtt_s))
        except OverflowError:
            return None

    def _move(self, other: Coordinate, rtt_s: float) -> Coordinate:
        """Return the own coordinate pulled or pushed by one sample."""
        own = self.coordinate
        distance = estimate_rtt(own, other)
        rtt_s = max(rtt_s, ZERO)
        wrongness = abs(distance - rtt_s) / rtt_s
        weight = own.error / max(own.error + other.error, ZERO)
        error = ERROR_GAIN * weight * wrongness + own.error * (1 - ERROR_GAIN * weight)
        force = FORCE_GAIN * weight * (rtt_s - distance)
        return self._apply_force(replace(own, error=min(error, ERROR_MAX)), force, other)

    def _adjust(self, other: Coordinate, own: Coordinate, rtt_s: float) -> Coordinate:
        """Return ``own`` with the mean of what distances lately missed, halved: peers do it too."""
        self._adjustments[self._next_adjustment] = rtt_s - _raw_distance(own, other)
        self._next_adjustment = (self._next_adjustment + 1) % ADJUSTMENT_WINDOW
        return replace(own, adjustment=sum(self._adjustments) / (2 * ADJUSTMENT_WINDOW))

    def _pull_to_origin(self, own: Coordinate) -> Coordinate:
        """Return ``own`` a little nearer to the origin, so that the pool does not drift away."""
        distance = estimate_rtt(START, own)
        return self._apply_force(own, -((distance / GRAVITY_RHO) ** 2), START)

    def _apply_force(self, own: Coordinate, force: float, other: Coordinate) -> Coordinate:
        """Return ``own`` pushed away from ``other``, or pulled to it by a negative force."""
        unit, distance = self._direction(own.vector, other.vector)
        vector = tuple(at + part * force for at, part in zip(own.vector, unit, strict=True))
        height = own.height
        if distance > ZERO:
            height = max((own.height + other.height) * force / distance + own.height, HEIGHT_MIN)
        return replace(own, vector=vector, height=height)

    def _direction(self, to: Vector, origin: Vector) -> tuple[Vector, float]:
        """Return the unit vector from ``origin`` to ``to`` and their distance.

        Of two that are at the same place it is a random one, and the distance 0.
        """
        difference = tuple(a - b for a, b in zip(to, origin, strict=True))
        distance = math.hypot(*difference)
        if distance > ZERO:
            return tuple(part / distance for part in difference), distance
        chance = tuple(self._rng.random() - 0.5 for _ in to)
        length = math.hypot(*chance)
        if length > ZERO:
            return tuple(part / length for part in chance), 0.0
        return (1.0, *(0.0 for _ in to[1:])), 0.0


def _raw_distance(one: Coordinate, other: Coordinate) -> float:
    """Return the distance of two points with their heights, without their adjustments."""
    return math.dist(one.vector, other.vector) + one.height + other.height
