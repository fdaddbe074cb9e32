from colobus.cluster.serf.broadcasting import BroadcastKind, SerfBroadcasts


def test_intents_go_before_queries_and_queries_before_events() -> None:
    broadcasts = SerfBroadcasts(1000, lambda _now: None)
    for kind in (BroadcastKind.EVENT, BroadcastKind.QUERY, BroadcastKind.INTENT):
        broadcasts.add(kind, kind.value.encode(), 0.0)
    assert broadcasts.take(1000, 3, 4, 0.0) == [b"intent", b"query", b"event"]
    assert broadcasts.take(6 + 5 + 3 + 3, 3, 4, 0.0) == [b"intent", b"query"]


def test_queueing_wakes_and_what_fits_no_packet_is_not_queued() -> None:
    woken: list[float] = []
    broadcasts = SerfBroadcasts(10, woken.append)
    broadcasts.add(BroadcastKind.EVENT, b"x" * 11, 1.0)
    assert woken == []
    broadcasts.add(BroadcastKind.EVENT, b"x" * 10, 2.0)
    assert woken == [2.0]
    assert broadcasts.length(BroadcastKind.EVENT) == 1
    broadcasts.clear()
    assert broadcasts.length(BroadcastKind.EVENT) == 0
