import pytest

from colobus.cluster.swim.suspicion import Suspicion, suspicion_timeout_s


@pytest.mark.parametrize(
    ("wanted", "confirmations", "least_s", "most_s", "timeout_s"),
    [
        (2, 0, 4, 24, 24.0),
        (2, 1, 4, 24, 11.381),
        (2, 2, 4, 24, 4),
        (4, 0, 30, 180, 180.0),
        (4, 1, 30, 180, 115.398),
        (4, 2, 30, 180, 77.609),
        (4, 3, 30, 180, 50.797),
        (4, 4, 30, 180, 30),
        (1, 0, 3, 18, 18.0),
        (1, 1, 3, 18, 3),
        (0, 0, 4, 24, 4),
    ],
)
def test_each_confirmation_shortens_the_timeout(
    wanted: int, confirmations: int, least_s: float, most_s: float, timeout_s: float
) -> None:
    assert suspicion_timeout_s(confirmations, wanted, least_s, most_s) == timeout_s


def suspicion() -> Suspicion:
    return Suspicion("a", 10.0, wanted=2, least_s=4.0, most_s=24.0)


def test_only_new_accusers_up_to_the_wanted_number_are_news() -> None:
    suspected = suspicion()
    assert suspected.deadline == 34.0
    assert not suspected.confirm("a"), "who started it does not confirm it"
    assert suspected.confirm("b")
    assert not suspected.confirm("b")
    assert suspected.deadline == pytest.approx(21.381)
    assert suspected.confirm("c")
    assert suspected.deadline == 14.0
    assert not suspected.confirm("d")
    assert suspected.confirmations == 2
