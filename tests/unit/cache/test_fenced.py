"""The cache never keeps, or takes in again, what a change outdated."""

import random
from collections.abc import Mapping

import pytest

from colobus.cache.fenced import TOUCHED_LIMIT, FencedCache
from colobus.model.change import Change, ChangeOperation
from colobus.model.consumers import CONSUMERS
from colobus.model.kind import Catalog, Entity, Kind
from colobus.model.schema import Id, Row, String

SALT = b"0123456789abcdef"


class Credential(Entity):
    consumer_id: Id
    key: String


CREDENTIALS = Kind(
    name="keyauth_credentials",
    model=Credential,
    parents={"consumer_id": "consumers"},
    unique=(("key",),),
    lookups=("key",),
    secrets=("key",),
)
CATALOG = Catalog((CONSUMERS, CREDENTIALS))
KEY = ("keyauth_credentials", "key", "alpha")
ROW: Row = {"id": "k1", "key": "alpha", "consumer_id": "c1"}


def change(
    revision: int,
    operation: ChangeOperation,
    old: Row | None,
    new: Row | None,
    kind: Kind = CREDENTIALS,
) -> Change:
    def index(row: Row | None) -> Mapping[str, str]:
        return {} if row is None else kind.index_values(row, SALT)

    row = new or old or {}
    return Change(revision, 0, kind.name, operation, row["id"], index(old), index(new), new, "n", 0)


@pytest.fixture
def cache() -> FencedCache:
    return FencedCache(CATALOG, SALT, 1_000_000)


def test_an_answer_is_remembered_and_an_empty_one_too(cache: FencedCache) -> None:
    assert cache.get(*KEY) is None
    assert cache.fill(KEY, [ROW], revision=1)
    assert cache.get(*KEY) == (ROW,)
    assert cache.fill(("keyauth_credentials", "key", "beta"), [], revision=1)
    assert cache.get("keyauth_credentials", "key", "beta") == ()


def test_a_deleted_secret_is_dropped_though_the_change_names_only_its_token(
    cache: FencedCache,
) -> None:
    cache.fill(KEY, [ROW], revision=1)
    deleted = change(2, "delete", ROW, None)
    assert "alpha" not in str(deleted.old_index)
    cache.apply([deleted])
    assert cache.get(*KEY) is None


def test_an_inserted_row_drops_the_empty_answer(cache: FencedCache) -> None:
    cache.fill(KEY, [], revision=1)
    cache.apply([change(2, "insert", None, ROW)])
    assert cache.get(*KEY) is None


def test_a_renamed_key_drops_the_old_and_the_new_question(cache: FencedCache) -> None:
    cache.fill(KEY, [ROW], revision=1)
    cache.fill(("keyauth_credentials", "key", "beta"), [], revision=1)
    cache.apply([change(2, "update", ROW, {**ROW, "key": "beta"})])
    assert len(cache) == 0


def test_a_change_drops_the_lists_of_both_parents(cache: FencedCache) -> None:
    for consumer in ("c1", "c2"):
        cache.fill(("keyauth_credentials", "consumer_id", consumer), [], revision=1)
    cache.apply([change(2, "update", ROW, {**ROW, "consumer_id": "c2"})])
    assert len(cache) == 0


def test_an_unrelated_change_drops_nothing(cache: FencedCache) -> None:
    cache.fill(KEY, [ROW], revision=1)
    other: Row = {"id": "k2", "key": "beta", "consumer_id": "c2"}
    cache.apply([change(2, "insert", None, other)])
    assert cache.get(*KEY) == (ROW,)


@pytest.mark.parametrize(("read_at", "kept"), [(1, False), (2, True), (3, True)])
def test_the_fence_refuses_an_answer_older_than_a_change_that_touches_it(
    cache: FencedCache, read_at: int, kept: bool
) -> None:
    cache.apply([change(2, "delete", ROW, None)])
    assert cache.fill(KEY, [ROW], revision=read_at) is kept
    assert (cache.get(*KEY) is not None) is kept


def test_an_old_answer_to_an_untouched_question_is_kept(cache: FencedCache) -> None:
    other: Row = {"id": "k2", "key": "beta", "consumer_id": "c2"}
    cache.apply([change(9, "delete", other, None)])
    assert cache.fill(KEY, [ROW], revision=1)


def test_after_a_reload_older_answers_are_refused(cache: FencedCache) -> None:
    cache.fill(KEY, [ROW], revision=3)
    cache.clear(revision=5)
    assert cache.get(*KEY) is None
    assert not cache.fill(KEY, [ROW], revision=4)
    assert cache.fill(KEY, [ROW], revision=5)


def test_the_fence_stays_right_when_its_memory_is_full(cache: FencedCache) -> None:
    cache.apply([change(2, "delete", ROW, None)])
    for number in range(TOUCHED_LIMIT):
        row: Row = {"id": f"c{number}"}
        cache.apply([change(3 + number, "insert", None, row, CONSUMERS)])
    assert not cache.fill(KEY, [ROW], revision=1)
    assert cache.fill(KEY, [ROW], revision=3 + TOUCHED_LIMIT)


def test_memory_stays_within_the_bound_and_used_entries_stay_longer() -> None:
    cache = FencedCache(CATALOG, SALT, 80_000)
    hot = ("consumers", "id", "hot")
    cache.fill(hot, [{"id": "hot"}], revision=1)
    for number in range(2_000):
        assert cache.get(*hot) is not None
        cache.fill(("consumers", "id", str(number)), [{"id": str(number)}], revision=1)
        assert cache.size_bytes <= 80_000
    assert cache.statistics.evictions > 1_000


def test_guessed_keys_cannot_push_out_real_answers() -> None:
    cache = FencedCache(CATALOG, SALT, 80_000)
    cache.fill(KEY, [ROW], revision=1)
    for number in range(5_000):
        cache.fill(("keyauth_credentials", "key", f"guess-{number}"), [], revision=1)
    assert cache.get(*KEY) == (ROW,)
    assert cache.size_bytes <= 80_000


def test_an_answer_larger_than_the_cache_is_not_kept() -> None:
    cache = FencedCache(CATALOG, SALT, 8_000)
    assert cache.fill(KEY, [{**ROW, "key": "x" * 10_000}], revision=1)
    assert cache.get(*KEY) is None
    assert cache.size_bytes == 0


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_order_memory_is_never_older_than_what_was_applied(seed: int) -> None:
    """Random writes, applies and delayed answers; at every moment memory must be current."""
    rng = random.Random(seed)
    cache = FencedCache(CATALOG, SALT, 20_000)
    truth: list[dict[str, Row]] = [{}]  # key value -> row, by revision
    applied = 0
    log: list[Change] = []
    on_their_way: list[tuple[int, str]] = []
    for _ in range(600):
        value = f"v{rng.randrange(6)}"
        match rng.randrange(4):
            case 0:  # someone writes
                now = dict(truth[-1])
                old = now.pop(value, None)
                new: Row | None = None
                if old is None or rng.random() < 0.5:
                    new = {"id": value, "key": value, "consumer_id": f"c{rng.randrange(3)}"}
                    now[value] = new
                operation: ChangeOperation = (
                    "delete" if new is None else "insert" if old is None else "update"
                )
                truth.append(now)
                log.append(change(len(truth) - 1, operation, old, new))
            case 1 if applied < len(log):  # the node catches up, by one revision
                cache.apply([log[applied]])
                applied += 1
            case 2:  # a question is read at some revision that is not behind by much
                on_their_way.append((rng.randint(max(0, applied - 3), len(truth) - 1), value))
            case 3 if on_their_way:  # an answer arrives, in any order
                read_at, asked = on_their_way.pop(rng.randrange(len(on_their_way)))
                row = truth[read_at].get(asked)
                key = ("keyauth_credentials", "key", asked)
                cache.fill(key, [] if row is None else [row], revision=read_at)
            case _:  # nothing to catch up with, nothing on its way
                continue
        for known in (f"v{number}" for number in range(6)):
            rows = cache.get("keyauth_credentials", "key", known)
            if rows is not None:
                allowed = [
                    () if known not in state else (state[known],) for state in truth[applied:]
                ]
                assert rows in allowed


def test_looking_in_from_outside_counts_as_no_use(cache: FencedCache) -> None:
    assert cache.peek(KEY) is None
    cache.fill(KEY, [ROW], revision=1)
    assert cache.peek(KEY) == (ROW,)
    assert cache.counts()["hits"] == 0
    cache.get(*KEY)
    assert cache.counts()["hits"] == 1


def test_one_answer_is_forgotten_and_may_come_again(cache: FencedCache) -> None:
    other = ("keyauth_credentials", "key", "beta")
    cache.fill(KEY, [ROW], revision=1)
    cache.fill(other, [], revision=1)
    cache.forget(KEY)
    cache.forget(KEY)
    assert (cache.peek(KEY), cache.peek(other)) == (None, ())
    cache.forget(other)
    assert cache.counts()["entries"] == cache.counts()["bytes"] == 0
    assert cache.fill(KEY, [ROW], revision=1)
