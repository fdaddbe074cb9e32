from colobus.cluster.swim.awareness import Awareness


def test_the_score_stays_between_zero_and_the_bound() -> None:
    awareness = Awareness(8)
    awareness.change(-1)
    assert awareness.score == 0
    awareness.change(3)
    assert awareness.score == 3
    awareness.change(100)
    assert awareness.score == 7
    assert repr(awareness) == "Awareness(score=7)"


def test_the_score_stretches_intervals() -> None:
    awareness = Awareness(8)
    assert awareness.stretch(1.5) == 1.5
    awareness.change(2)
    assert awareness.stretch(1.5) == 4.5
