"""Medians, ratios and spreads over rounds."""

import pytest

from benchmarks.figures import Figures, percentile, spread


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1), (1, 1), (50, 50), (99, 99), (99.5, 100), (100, 100)]
)
def test_a_percentile_is_one_of_the_values(percent: float, expected: float) -> None:
    assert percentile([float(value) for value in range(100, 0, -1)], percent) == expected


def test_the_spread_is_relative_to_the_median() -> None:
    assert spread([9.0, 10.0, 12.0]) == pytest.approx(0.3)
    assert spread([7.0]) == 0


def test_ratios_are_taken_round_by_round() -> None:
    ours, theirs = Figures(), Figures()
    # The machine was half as fast in the second round: medians alone would say 3 / 2.
    for mine, other in ((2.0, 1.0), (8.0, 4.0), (3.0, 2.0)):
        ours.add(cpu_us=mine)
        theirs.add(cpu_us=other)
    assert ours.ratio(theirs, "cpu_us") == 2.0
    assert ours.median("cpu_us") == 3.0


def test_what_was_not_measured_is_none() -> None:
    assert Figures().median("cpu_us") is None
    assert Figures().ratio(Figures(), "cpu_us") is None


def test_figures_with_failed_answers_are_void() -> None:
    figures = Figures()
    figures.add(requests=1000, errors=1)
    assert not figures.is_void
    figures.add(requests=1000, errors=2)
    assert figures.is_void
