"""Which readers the log can serve, and where a batch is cut."""

import pytest

from colobus.model.change import Change
from colobus.store.log import message_of, reaches_back, revision_of, whole_transactions


@pytest.mark.parametrize(
    ("asked", "newest", "oldest", "expected"),
    [
        (0, 0, None, True),
        (5, 5, None, True),  # nothing is needed, so nothing can be missing
        (5, 5, 3, True),
        (4, 5, 5, True),
        (3, 5, 5, False),
        (0, 5, 1, True),
        (0, 5, 2, False),
        (4, 5, None, False),
        (6, 5, 1, False),  # the datastore went back
        (6, 0, None, False),
    ],
)
def test_the_log_reaches_back_when_it_holds_all_that_follows(
    asked: int, newest: int, oldest: int | None, expected: bool
) -> None:
    assert reaches_back(asked, newest, oldest) is expected


@pytest.mark.parametrize(
    ("revisions", "limit", "kept"),
    [
        ([], 2, []),
        ([1, 2], 2, [1, 2]),
        ([1, 2, 3], 2, [1, 2]),
        ([1, 2, 2], 2, [1]),
        ([1, 1, 1], 2, []),
        ([1, 1, 2], 2, [1, 1]),
    ],
)
def test_a_transaction_that_does_not_fit_is_left_for_the_next_batch(
    revisions: list[int], limit: int, kept: list[int]
) -> None:
    changes = [
        Change(revision, 0, "apis", "delete", "k", {}, {}, None, "n", 0) for revision in revisions
    ]
    assert [change.revision for change in whole_transactions(changes, limit)] == kept


def test_a_message_says_which_datastore_and_which_revision() -> None:
    assert revision_of("a-b", message_of("a-b", 42)) == 42


@pytest.mark.parametrize(
    "message",
    [
        "",
        "42",
        "a-b:",
        "a-b:x",
        "a-b:-1",
        "a-b:1.0",
        "c-d:42",
        "a-b:42:1",
        "a-b:\u0661",
        "a-b:" + "9" * 19,
    ],
)
def test_any_other_message_is_none(message: str) -> None:
    assert revision_of("a-b", message) is None
