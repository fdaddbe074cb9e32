from colobus.cluster.messages import JoinIntent, LeaveIntent
from colobus.cluster.serf.intents import IntentBuffer


def test_only_a_newer_intent_replaces_the_kept_one() -> None:
    intents = IntentBuffer()
    assert intents.keep(JoinIntent(5, "n1"), 0.0)
    assert not intents.keep(LeaveIntent(5, "n1"), 0.0)
    assert not intents.keep(LeaveIntent(4, "n1"), 0.0)
    assert intents.get("n1") == JoinIntent(5, "n1")
    assert intents.keep(LeaveIntent(6, "n1"), 0.0)
    assert intents.get("n1") == LeaveIntent(6, "n1")
    assert intents.get("n2") is None


def test_intents_are_dropped_when_they_are_old_or_too_many() -> None:
    intents = IntentBuffer(most_intents=2)
    for number in range(3):
        intents.keep(JoinIntent(1, f"n{number}"), float(number))
    assert [intents.get(f"n{number}") is None for number in range(3)] == [True, False, False]
    intents.expire(302.0, 300.0)
    assert [intents.get(f"n{number}") is None for number in range(3)] == [True, True, False]
    assert len(intents) == 1


def test_a_name_longer_than_any_is_not_kept() -> None:
    assert not IntentBuffer().keep(JoinIntent(1, "n" * 256), 0.0)
