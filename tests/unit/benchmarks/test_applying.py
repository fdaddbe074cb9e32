"""What a worker does for one change."""

from benchmarks.applying import measure


def test_a_change_is_applied_and_timed() -> None:
    found = measure(50)
    assert 0 < found["apply_ms"] <= found["longest_ms"]
