"""Routing: the facts of the reference, the fixed quirks, and two properties."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, strategies as st

from colobus.gateway.router import Router
from colobus.model.schema import Row


def api(name: str, **fields: Any) -> Row:
    """Return an API row; without ``created_at``, APIs are as old as each other."""
    return {"id": name, "name": name, "upstream_url": "http://127.0.0.1:9", **fields}


def matched(
    apis: Sequence[Row], path: bytes, host: bytes | None = None, method: bytes = b"GET"
) -> str | None:
    """Return the name of the API that a router over ``apis`` matches."""
    match = Router(apis).match(method, path, host)
    return None if match is None else match.route.name


@pytest.mark.parametrize(
    ("rule", "host", "expected"),
    [
        ("example.com", b"example.com", True),
        ("example.com", b"EXAMPLE.com", True),
        ("Example.com", b"example.com", True),
        ("example.com", b"example.com:8000", True),
        ("example.com", b"example.com:", True),
        ("example.com", b"www.example.com", False),
        ("example.com", b"example.co", False),
        ("example.com", b"", False),
        ("example.com", None, False),
        ("*.x.y", b"a.x.y", True),
        ("*.x.y", b"A.X.y:80", True),
        ("*.x.y", b"a.b.x.y", True),
        ("*.x.y", b"x.y", False),
        ("*.x.y", b".x.y", False),
        ("*.x.y", b"ax.y", False),
        ("*.x.y", b"a.x.y.z", False),
        ("*.x.y", b"*.x.y", True),
        ("wild.*", b"wild.org", True),
        ("wild.*", b"wild.co.uk:8000", True),
        ("wild.*", b"wild", False),
        ("wild.*", b"wild.", False),
        ("wild.*", b"wildtest", False),
        ("wild.*", b"foo.wild.org", False),
        ("*.example.com", b"[::1]:8000", False),
        ("*.example.com", b"[::1]", False),
    ],
)
def test_a_host_rule_matches_these_hosts(rule: str, host: bytes | None, expected: bool) -> None:
    assert (matched([api("a", hosts=[rule])], b"/", host) == "a") is expected


@pytest.mark.parametrize(
    ("rule", "path", "expected"),
    [
        ("/my-api", b"/my-api", True),
        ("/my-api", b"/my-api/a", True),
        ("/my-api", b"/my-apifoo", True),
        ("/my-api", b"/my-apifoo/bar", True),
        ("/my-api", b"/my-ap", False),
        ("/my-api", b"/My-Api", False),
        ("/my-api", b"/a/my-api", False),
        ("/", b"/", True),
        ("/", b"/anything/at/all", True),
        ("/", b"*", False),
        ("/a.b", b"/aXb", False),
        ("/a/b/c", b"/a/b/cd", True),
        ("/a/b/c", b"/a/b", False),
        ("/a%20b", b"/a%20b/c", True),
        ("/a%20b", b"/a b/c", False),
        ("/foo/../bar", b"/foo/../bar", True),
        ("/foo/../bar", b"/bar", False),
        ("/a", b"//a", False),
    ],
)
def test_a_uri_rule_matches_these_paths(rule: str, path: bytes, expected: bool) -> None:
    assert (matched([api("a", uris=[rule])], path) == "a") is expected


@pytest.mark.parametrize(
    ("method", "expected"), [(b"GET", True), (b"get", True), (b"POST", False), (b"GETX", False)]
)
def test_a_method_rule_matches_in_upper_case(method: bytes, expected: bool) -> None:
    assert (matched([api("a", methods=["GET"])], b"/", method=method) == "a") is expected


def test_an_api_needs_every_rule_type_it_defines() -> None:
    apis = [api("a", hosts=["h"], uris=["/u"], methods=["POST"])]
    assert matched(apis, b"/u", b"h", b"POST") == "a"
    assert matched(apis, b"/u", b"h", b"GET") is None
    assert matched(apis, b"/x", b"h", b"POST") is None
    assert matched(apis, b"/u", b"x", b"POST") is None
    assert matched(apis, b"/u", None, b"POST") is None


def test_an_empty_list_is_no_rule() -> None:
    assert matched([api("a", hosts=[], uris=["/a"], methods=[])], b"/a") == "a"
    assert matched([api("a", hosts=[], uris=[], methods=[])], b"/") is None


RANKED = [
    api("hosts+uris+methods", hosts=["h"], uris=["/u"], methods=["GET"]),
    api("hosts+uris", hosts=["h"], uris=["/u"]),
    api("hosts+methods", hosts=["h"], methods=["GET"]),
    api("uris+methods", uris=["/u"], methods=["GET"]),
    api("hosts", hosts=["h"]),
    api("uris", uris=["/u"]),
    api("methods", methods=["GET"]),
]


@pytest.mark.parametrize("best", range(len(RANKED)))
def test_the_rule_types_rank_as_in_the_reference(best: int) -> None:
    assert matched(RANKED[best:], b"/u", b"h") == RANKED[best]["name"]
    assert matched(list(reversed(RANKED[best:])), b"/u", b"h") == RANKED[best]["name"]


def test_more_rule_types_beat_a_longer_uri() -> None:
    apis = [
        api("long", hosts=["h"], uris=["/a/b"]),
        api("more", hosts=["h"], uris=["/a"], methods=["GET"]),
    ]
    assert matched(apis, b"/a/b", b"h") == "more"
    assert matched(apis, b"/a/b", b"h", b"POST") == "long"


def test_a_longer_uri_beats_a_shorter_one() -> None:
    apis = [api("root", uris=["/"]), api("short", uris=["/a"]), api("long", uris=["/a/b"])]
    assert matched(apis, b"/a/b/c") == "long"
    assert matched(apis, b"/a/c") == "short"
    assert matched(apis, b"/b") == "root"


def test_the_longest_uri_that_matches_counts_and_not_the_longest_of_the_api() -> None:
    apis = [api("1", uris=["/a", "/bbbbbbb"]), api("2", uris=["/a/bb"])]
    assert matched(apis, b"/a/bb/foobar") == "2"


def test_an_unrelated_long_uri_does_not_win() -> None:
    # kong 0.10 orders by the longest uri an API has, whether it matches or not.
    apis = [
        api("exact", hosts=["h"], uris=["/a"], created_at=1),
        api("unrelated", hosts=["h"], uris=["/a", "/very/long/and/unrelated"], created_at=2),
    ]
    assert matched(apis, b"/a", b"h") == "exact"


HOST_RULES_BEST_FIRST = ["a.b.c.d", "*.b.c.d", "a.b.c.*", "*.c.d", "a.b.*", "*.d", "a.*"]


@pytest.mark.parametrize("best", range(len(HOST_RULES_BEST_FIRST)))
def test_a_plain_host_beats_a_wildcard_and_a_longer_wildcard_a_shorter_one(best: int) -> None:
    rules = HOST_RULES_BEST_FIRST[best:]
    # The worse a rule, the older its API, so that age would decide the other way round.
    apis = [api(rule, hosts=[rule], created_at=9 - age) for age, rule in enumerate(rules)]
    assert matched(apis, b"/", b"a.b.c.d") == rules[0]
    assert matched(list(reversed(apis)), b"/", b"a.b.c.d") == rules[0]


def test_of_two_wildcards_of_one_length_the_leading_one_wins() -> None:
    apis = [api("trailing", hosts=["a.b.*"], created_at=1), api("leading", hosts=["*.b.c"])]
    assert matched(apis, b"/", b"a.b.c") == "leading"


def test_a_host_known_to_one_api_does_not_hide_wildcards() -> None:
    # kong 0.10 answers 404.
    apis = [
        api("A", hosts=["plain.api.com"], uris=["/a"]),
        api("B", hosts=["*.api.com"]),
    ]
    assert matched(apis, b"/b", b"plain.api.com") == "B"


def test_overlapping_wildcards_all_count() -> None:
    # kong 0.10 looks at the first wildcard that matches and at no other.
    apis = [
        api("long", hosts=["*.b.com"], uris=["/long"], created_at=1),
        api("short", hosts=["*.com"], uris=["/short"], created_at=2),
    ]
    assert matched(apis, b"/short", b"a.b.com") == "short"
    assert matched(apis, b"/long", b"a.b.com") == "long"


def test_a_half_match_never_blocks_another_api() -> None:
    apis = [api("other-host", hosts=["x"], uris=["/a/b/c"]), api("ours", uris=["/a"])]
    assert matched(apis, b"/a/b/c", b"y") == "ours"


def test_the_older_api_wins_a_tie_and_then_the_smaller_id() -> None:
    older = api("z", uris=["/a"], created_at=1)
    newer = api("a", uris=["/a"], created_at=2)
    assert matched([newer, older], b"/a") == "z"
    twin = api("y", uris=["/a"], created_at=1)
    assert matched([older, newer, twin], b"/a") == "y"


def test_the_uri_of_the_match_is_the_longest_one_every_time() -> None:
    # kong 0.10 strips the first listed uri from the second of two equal requests.
    router = Router([api("a", uris=["/a", "/a/b"])])
    for _ in range(2):
        match = router.match(b"GET", b"/a/b/c", None)
        assert match is not None
        assert match.uri == b"/a/b"


def test_a_match_without_a_uri_rule_has_no_uri() -> None:
    match = Router([api("a", hosts=["h"])]).match(b"GET", b"/a", b"h")
    assert match is not None
    assert match.uri is None


def test_put_replaces_and_remove_forgets() -> None:
    router = Router([api("a", uris=["/old"])])
    router.put(api("a", uris=["/new"]))
    assert len(router) == 1
    assert router.match(b"GET", b"/old", None) is None
    assert router.match(b"GET", b"/new", None) is not None
    router.remove("a")
    router.remove("a")
    assert len(router) == 0
    assert router.get("a") is None
    assert router.match(b"GET", b"/new", None) is None


def test_a_host_with_a_thousand_labels_is_looked_up_as_often_as_rules_have_depths() -> None:
    router = Router([api("a", hosts=["*.x.y"]), api("b", hosts=["*.z"]), api("c", hosts=["w.*"])])
    assert list(router._leading.depths) == [2, 1]
    assert router.match(b"GET", b"/", b"." * 4000) is None
    router.remove("b")
    assert list(router._leading.depths) == [2]


# -- properties ------------------------------------------------------------------------------

LABELS = st.sampled_from(["a", "b", "c"])
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
HOST_RULES = st.one_of(HOSTS, HOSTS.map("*.{}".format), HOSTS.map("{}.*".format))
URIS = st.text("/ab", min_size=0, max_size=5).map(lambda text: "/" + text)
METHODS = st.sampled_from(["GET", "PUT"])


@st.composite
def api_rows(draw: st.DrawFn) -> list[Row]:
    """Return APIs whose ids may repeat: the later one replaces the earlier."""
    return [
        api(
            str(draw(st.integers(0, 9))),
            created_at=draw(st.integers(1, 3)),
            hosts=draw(st.lists(HOST_RULES, max_size=2)),
            uris=draw(st.lists(URIS, max_size=3)),
            methods=draw(st.lists(METHODS, max_size=2)),
        )
        for _ in range(draw(st.integers(0, 12)))
    ]


REQUESTS = st.tuples(
    st.sampled_from([b"GET", b"PUT", b"get"]),
    st.text("/ab", max_size=8).map(lambda text: b"/" + text.encode()),
    st.one_of(st.none(), HOSTS.map(str.encode), HOSTS.map(lambda host: f"{host}:80".encode())),
)


def host_rank(rule: str, host: str) -> tuple[int, int, int] | None:
    """Return how good a host rule fits, the smaller the better; None when it does not."""
    if rule == host:
        return (0, 0, 0)
    if rule.startswith("*.") and host.endswith(rule[1:]) and len(host) > len(rule) - 1:
        return (1, -len(rule), 0)
    if rule.endswith(".*") and host.startswith(rule[:-1]) and len(host) > len(rule) - 1:
        return (1, -len(rule), 1)
    return None


CATEGORIES = ["hum", "hu", "hm", "um", "h", "u", "m"]


def brute_force(
    rows: Sequence[Row], method: bytes, path: bytes, host: bytes | None
) -> tuple[str, str | None] | None:
    """Return id and uri of the best API by the definition: look at every one, sort, take one."""
    found = []
    name = None if host is None else host.decode().partition(":")[0]
    for row in {row["id"]: row for row in rows}.values():
        ranks = [host_rank(rule, name) for rule in row["hosts"]] if name is not None else []
        fitting = [rank for rank in ranks if rank is not None]
        uris = [uri for uri in row["uris"] if path.startswith(uri.encode())]
        category = ""
        for letter, rules, matching in (
            ("h", row["hosts"], fitting),
            ("u", row["uris"], uris),
            ("m", row["methods"], method.decode().upper() in row["methods"]),
        ):
            if rules and not matching:
                break
            category += letter if rules else ""
        else:
            if category:
                uri = max(uris, key=len) if uris else None
                found.append(
                    (
                        (
                            CATEGORIES.index(category),
                            min(fitting, default=(0, 0, 0)),
                            -len(uri or ""),
                            row["created_at"],
                            row["id"],
                        ),
                        (row["id"], uri),
                    )
                )
    return min(found)[1] if found else None


def answer(
    router: Router, method: bytes, path: bytes, host: bytes | None
) -> tuple[str, str | None] | None:
    match = router.match(method, path, host)
    if match is None:
        return None
    return match.route.id, None if match.uri is None else match.uri.decode()


@given(api_rows(), st.lists(REQUESTS, min_size=1, max_size=8))
def test_match_is_the_best_by_the_definition(
    rows: list[Row], requests: list[tuple[bytes, bytes, bytes | None]]
) -> None:
    router = Router(rows)
    for request in requests:
        assert answer(router, *request) == brute_force(rows, *request)


@given(api_rows(), st.lists(st.integers(0, 9)), st.lists(REQUESTS, min_size=1, max_size=4))
def test_a_router_changed_step_by_step_equals_one_built_anew(
    rows: list[Row], removed: list[int], requests: list[tuple[bytes, bytes, bytes | None]]
) -> None:
    changed = Router(rows)
    for number in removed:
        changed.remove(str(number))
    left = {row["id"]: row for row in rows if int(row["id"]) not in removed}
    anew = Router(left.values())
    assert len(changed) == len(anew)
    for request in requests:
        assert answer(changed, *request) == answer(anew, *request)
    for row in rows:
        changed.remove(row["id"])
    assert not changed._plain
    assert not changed._leading.entries
    assert not changed._trailing.entries
    assert not changed._anywhere
