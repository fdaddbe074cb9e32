"""The route table: patterns, percent-encoded segments, trailing slashes, precedence."""

import pytest

from colobus.admin.answer import Answer, empty
from colobus.admin.call import Call
from colobus.admin.routes import Route, RouteTable
from colobus.errors import PluginError


async def handler(call: Call) -> Answer:
    return empty(200)


PATTERNS = (
    "/",
    "/apis",
    "/apis/{key}",
    "/apis/{api_id}/plugins",
    "/apis/{api_id}/plugins/{key}",
    "/plugins/{key}",
    "/plugins/enabled",
    "/plugins/schema/{name}",
    "/upstreams/{upstream_id}/targets/{key}",
    "/upstreams/{upstream_id}/targets/active",
)
TABLE = RouteTable(Route(pattern, {"GET": handler}) for pattern in PATTERNS)


@pytest.mark.parametrize(
    ("path", "pattern", "variables"),
    [
        ("/", "/", {}),
        ("//", "/", {}),
        ("/apis", "/apis", {}),
        ("/apis/", "/apis", {}),
        ("/%61pis", "/apis", {}),
        ("/apis/x", "/apis/{key}", {"key": "x"}),
        ("/apis/x/", "/apis/{key}", {"key": "x"}),
        ("/apis/a%2Fb", "/apis/{key}", {"key": "a/b"}),
        ("/apis/%25", "/apis/{key}", {"key": "%"}),
        ("/apis/%zz", "/apis/{key}", {"key": "%zz"}),
        ("/apis/a+b", "/apis/{key}", {"key": "a+b"}),
        ("/apis/J%C3%BCrgen", "/apis/{key}", {"key": "Jürgen"}),
        ("/apis/%FF", "/apis/{key}", {"key": "\udcff"}),
        ("/apis/x%20y/plugins/", "/apis/{api_id}/plugins", {"api_id": "x y"}),
        ("/apis/x/plugins/y", "/apis/{api_id}/plugins/{key}", {"api_id": "x", "key": "y"}),
        ("/plugins/enabled", "/plugins/enabled", {}),
        ("/plugins/enabled/", "/plugins/enabled", {}),
        ("/plugins/schema", "/plugins/{key}", {"key": "schema"}),
        ("/plugins/schema/x", "/plugins/schema/{name}", {"name": "x"}),
        ("/upstreams/u/targets/active/", "/upstreams/{upstream_id}/targets/active",
         {"upstream_id": "u"}),
        ("/upstreams/u/targets/t:80", "/upstreams/{upstream_id}/targets/{key}",
         {"upstream_id": "u", "key": "t:80"}),
    ],
)  # fmt: skip
def test_a_path_finds_its_route(path: str, pattern: str, variables: dict[str, str]) -> None:
    match = TABLE.match(path)
    assert match is not None
    assert (match.route.pattern, match.variables) == (pattern, variables)


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/apis/x/y", "/apis/x/plugins/y/z", "/apis//plugins", "//apis", "/apis//",
     "", "apis", "*", "/upstreams/u/targets", "/Apis"],
)  # fmt: skip
def test_a_path_without_a_route(path: str) -> None:
    assert TABLE.match(path) is None


def test_a_variable_route_is_found_where_a_literal_one_leads_nowhere() -> None:
    table = RouteTable([Route("/a/b/c", {"GET": handler}), Route("/a/{x}/{y}", {"GET": handler})])
    match = table.match("/a/b/d")
    assert match is not None
    assert match.variables == {"x": "b", "y": "d"}


def test_two_routes_of_one_shape_are_refused() -> None:
    with pytest.raises(PluginError, match=r"'/a/\{y\}' twice"):
        RouteTable([Route("/a/{x}", {}), Route("/a/{y}", {})])


def test_a_secret_segment_is_not_shown() -> None:
    table = RouteTable(
        [
            Route("/consumers/{consumer_id}/keys/{key}", {}, frozenset({"key"})),
            Route("/x/{key}", {}),
        ]
    )
    for path in ("/consumers/a%20b/keys/opensesame", "/consumers/a%20b/keys/opensesame/"):
        match = table.match(path)
        assert match is not None
        assert match.shown_path(path) == "/consumers/a%20b/keys/******"
    open_match = table.match("/x/y/")
    assert open_match is not None
    assert open_match.shown_path("/x/y/") == "/x/y/"
