"""Budgets of HTTP/2."""

from colobus.gateway.http2_limits import Budget


def test_a_budget_is_spent_to_the_last_and_no_further() -> None:
    budget = Budget(3, 1, now=10.0)
    assert [budget.spend(10.0) for _ in range(4)] == [True, True, True, False]


def test_a_budget_grows_with_time_up_to_its_limit() -> None:
    budget = Budget(3, 2, now=0.0)
    for _ in range(3):
        budget.spend(0.0)
    assert not budget.spend(0.25)
    assert budget.spend(0.5)
    assert [budget.spend(1000.0) for _ in range(4)] == [True, True, True, False]


def test_a_budget_grows_by_what_is_earned_up_to_its_limit() -> None:
    budget = Budget(2, 0, now=0.0)
    budget.earn(100)
    assert [budget.spend(0.0) for _ in range(3)] == [True, True, False]
    budget.earn(0.5)
    assert not budget.spend(0.0)
    budget.earn(0.5)
    assert budget.spend(0.0)


def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    budget = Budget(2, 1, now=10.0)
    assert budget.spend(5.0)
    assert budget.spend(5.0)
    assert not budget.spend(5.0)
