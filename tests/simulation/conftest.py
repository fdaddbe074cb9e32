"""Seeds: a few fixed ones, or the one in SIMULATION_SEED to replay a failure."""

import os

import pytest

DEFAULT_SEEDS = (1, 2, 3)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        chosen = os.environ.get("SIMULATION_SEED")
        metafunc.parametrize("seed", DEFAULT_SEEDS if chosen is None else (int(chosen),))
