"""``cluster``: commands about the cluster, most of them by way of the node that runs here."""

import base64
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from colobus.cli.command import conf_option, group, prefix_option
from colobus.cli.console import Console
from colobus.clock import SystemClock
from colobus.errors import ClusterError

if TYPE_CHECKING:
    from colobus.cluster.rpc.client import RpcClient
    from colobus.cluster.rpc.replies import CoordinateFound, KeyReport, Member
    from colobus.cluster.rpc.requests import Request

__all__ = ["cluster"]

KEY_BYTES = 16
LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # noqa: S104 (compared)

KEY_VERBS = {
    "install": ("Installing key on all members...", "Successfully installed key!", "installing"),
    "use": ("Changing primary key on all members...", "Successfully changed primary key!", "using"),
    "remove": ("Removing key on all members...", "Successfully removed key!", "removing"),
}
"""What is told before and after, and what an error says was being done: as `serf keys` has it."""

format_option = click.option(
    "--format",
    "shape",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    metavar="FORMAT",
    help="`text` or `json`.",
)


@group
def cluster() -> None:
    """Act on the cluster."""


def _node_options(command: Callable[..., Any]) -> Callable[..., Any]:
    return conf_option(prefix_option(command))


@cluster.command()
@conf_option
@format_option
@click.pass_obj
def keygen(console: Console, conf: Path | None, shape: str) -> None:  # noqa: ARG001 (0.10.4 takes it)
    """Make a key for cluster_encrypt_key.

    No node has to run.
    """
    from colobus.cli.cluster_report import as_json

    key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii")
    console.say(key if shape == "text" else as_json({"key": key}))


@cluster.command()
@_node_options
@format_option
@click.pass_obj
def members(console: Console, conf: Path | None, prefix: str | None, shape: str) -> None:
    """List the members of the cluster.

    One line each: name, address, and status (alive, leaving, left, failed), with tabs between.
    """
    from colobus.cli.cluster_report import as_json, member_line, member_shown

    with _connect(console, conf, prefix) as client:
        listed = _members(client)
    if shape == "json":
        console.say(as_json({"members": [member_shown(member) for member in listed]}))
        return
    for member in listed:
        console.say(member_line(member))


@cluster.command("force-leave")
@click.argument("name", required=False)
@_node_options
@click.option("--prune", is_flag=True, help="Forget the node at once, also in listings.")
@format_option
@click.pass_obj
def force_leave(
    console: Console,
    name: str | None,
    conf: Path | None,
    prefix: str | None,
    prune: bool,
    shape: str,
) -> None:
    """Turn a node that failed into one that left.

    A node that lives after all comes back by itself; an unknown name is no error.
    """
    from colobus.cli.cluster_report import as_json
    from colobus.cluster.rpc.requests import ForceLeave

    if not name:
        raise ClusterError("must specify the name of the node to leave")
    say = console.say if shape == "text" else console.verbose
    with _connect(console, conf, prefix) as client:
        say(f"force-leaving {name}")
        _ask(client, ForceLeave(name, prune), "Error force leaving")
    say(f"left node {name}")
    if shape == "json":
        console.say(as_json({"name": name, "pruned": prune}))


@cluster.command()
@click.argument("address", required=False)
@_node_options
@format_option
@click.pass_obj
def join(
    console: Console, address: str | None, conf: Path | None, prefix: str | None, shape: str
) -> None:
    """Join the cluster of the node at ADDRESS.

    Needed only where nodes cannot find each other in the datastore; without a port, ADDRESS has
    the one this node advertises.
    """
    from colobus.cli.cluster_report import as_json
    from colobus.cluster.rpc.replies import Joined
    from colobus.cluster.rpc.requests import Join

    if not address:
        raise ClusterError("must specify the address of a node to join")
    with _connect(console, conf, prefix) as client:
        done = _ask(client, Join((address,)), "Error joining the cluster")
    assert isinstance(done, Joined)
    if shape == "json":
        console.say(as_json({"contacted": done.count}))
        return
    console.say(f"Successfully joined cluster by contacting {done.count} nodes.")


@cluster.command()
@_node_options
@format_option
@click.pass_obj
def reachability(console: Console, conf: Path | None, prefix: str | None, shape: str) -> None:
    """Tell whether every live node answers.

    Gossips a question and counts who acknowledges it; fails unless all do, once. With `json` as
    `GET /cluster/reachability` tells it.
    """
    from colobus.cli.cluster_report import as_json, live_addresses, missing_answers
    from colobus.node.reachability import report

    say = console.say if shape == "text" else console.verbose
    with _connect(console, conf, prefix) as client:
        listed = _members(client)
        live = live_addresses(listed)
        say(f"Total members: {len(listed)}, live members: {len(live)}")
        say("Starting reachability test...")
        acks, duration_s = _acknowledging(client)
    problems = list(missing_answers(listed, [name for name, _ in acks]))
    if shape == "json":
        console.say(as_json(report(live, acks, duration_s)))
    for problem in problems:
        say(problem)
    if problems:
        raise ClusterError("not every live node can be reached")
    say("Successfully contacted all live nodes")


@cluster.command()
@click.argument("one", metavar="[A]", required=False)
@click.argument("other", metavar="[B]", required=False)
@_node_options
@format_option
@click.pass_obj
def rtt(
    console: Console,
    one: str | None,
    other: str | None,
    conf: Path | None,
    prefix: str | None,
    shape: str,
) -> None:
    """Estimate round trips between nodes.

    Between A and B; between this node and A; or, without names, between this node and every live
    one. Nothing is sent: nodes keep coordinates, from the times their probes take.
    """
    from colobus.cli.cluster_report import as_json, estimate_ms

    with _connect(console, conf, prefix) as client:
        start = one if one and other else _own_name(client)
        end = other or one
        ends = [end] if end else _others_alive(client, start)
        origin = _coordinate(client, start)
        found = {name: estimate_ms(origin, _coordinate(client, name)) for name in ends}
    if shape == "json":
        pairs = [{"from": start, "to": end, "ms": round(ms, 6)} for end, ms in found.items()]
        console.say(as_json({"rtt": pairs}))
        return
    for end, ms in found.items():
        console.say(f"Estimated {start} <-> {end} rtt: {ms:.3f} ms")


@cluster.command()
@click.argument("verb", metavar="list|install|use|remove", required=False)
@click.argument("key", metavar="[KEY]", required=False)
@_node_options
@format_option
@click.pass_obj
def keys(
    console: Console,
    verb: str | None,
    key: str | None,
    conf: Path | None,
    prefix: str | None,
    shape: str,
) -> None:
    """List or change the keys of all nodes.

    KEY is base64, or `-` to read it from standard input, where no list of processes shows it.
    Rotate by `install`, `use`, and `remove` of the old one.
    """
    if verb != "list" and verb not in KEY_VERBS:
        raise ClusterError("invalid command")
    if verb == "list":
        _list_keys(console, conf, prefix, is_json=shape == "json")
        return
    if key == "-":
        key = sys.stdin.readline().strip()
    if not key:
        raise ClusterError("missing key")
    _change_keys(console, conf, prefix, verb, key, is_json=shape == "json")


def _list_keys(console: Console, conf: Path | None, prefix: str | None, *, is_json: bool) -> None:
    from colobus.cli.cluster_report import key_lines
    from colobus.cluster.rpc.requests import ListKeys

    with _connect(console, conf, prefix) as client:
        if not is_json:
            console.say("==> Asking all members for installed keys...")
        report, error = _key_report(client, ListKeys())
    _tell_keys(console, report, is_json=is_json)
    if error:
        raise ClusterError(f"Error getting key list: {error}")
    if not is_json:
        console.say("==> Keys gathered, listing cluster keys...\n")
        for line in key_lines(report):
            console.say(line)


def _change_keys(
    console: Console, conf: Path | None, prefix: str | None, verb: str, key: str, *, is_json: bool
) -> None:
    from colobus.cluster.rpc.requests import InstallKey, RemoveKey, UseKey

    requests: dict[str, Request] = {
        "install": InstallKey(key),
        "use": UseKey(key),
        "remove": RemoveKey(key),
    }
    before, after, doing = KEY_VERBS[verb]
    with _connect(console, conf, prefix) as client:
        if not is_json:
            console.say(f"==> {before}")
        report, error = _key_report(client, requests[verb])
    _tell_keys(console, report, is_json=is_json)
    if error:
        raise ClusterError(f"Error {doing} key: {error}")
    if not is_json:
        console.say(f"==> {after}")


def _tell_keys(console: Console, report: "KeyReport", *, is_json: bool) -> None:
    from colobus.cli.cluster_report import as_json, key_messages, keys_shown

    if is_json:
        console.say(as_json(keys_shown(report)))
        return
    for line in key_messages(report):
        console.say(line)


def _connect(console: Console, conf: Path | None, prefix: str | None) -> "RpcClient":
    """Return a client of the node in this prefix.

    Raises:
        ConfigError: the prefix cannot be told.
        GatewayError: nothing listens where the node should.
    """
    from colobus.cli.loading import load_running
    from colobus.cluster.rpc.client import connect

    settings = load_running(console, conf, prefix)
    host, port = settings.cluster_listen_rpc
    console.verbose(f"asking the agent at {host}:{port}")
    address = (LOOPBACK if host == EVERYWHERE else host, port)
    return connect(address, settings.cluster_rpc_auth_key or "")


def _ask(client: "RpcClient", request: "Request", what_failed: str) -> Any:  # noqa: ANN401
    """Return the body of the answer.

    Raises:
        ClusterError: the agent refuses, or is gone.
    """
    answer = client.ask(request)
    if answer.error:
        # Agents lay out errors of a join on lines of their own.
        raise ClusterError(f"{what_failed}: {' '.join(answer.error.split())}")
    return answer.body


def _key_report(client: "RpcClient", request: "Request") -> "tuple[KeyReport, str]":
    from colobus.cluster.rpc.replies import KeyReport

    answer = client.ask(request)
    report = answer.body if isinstance(answer.body, KeyReport) else KeyReport()
    return report, answer.error


def _members(client: "RpcClient") -> "list[Member]":
    from colobus.cluster.rpc.replies import Members
    from colobus.cluster.rpc.requests import ListMembers

    found = _ask(client, ListMembers(), "Error retrieving members")
    assert isinstance(found, Members)
    return sorted(found.members, key=lambda member: member.name)


def _acknowledging(client: "RpcClient") -> tuple[list[tuple[str, float]], float]:
    """Return who acknowledges a query, after how many seconds each, and how long it was waited."""
    from colobus.cluster.rpc.replies import QueryRecord
    from colobus.cluster.rpc.requests import StartQuery
    from colobus.node.reachability import PING_QUERY

    clock = SystemClock()
    asked_at = clock.monotonic()
    _ask(client, StartQuery(PING_QUERY, wants_acks=True), "Error sending query")
    acks = []
    for reply in client.records():
        record = reply.record
        if isinstance(record, QueryRecord) and record.kind == "ack":
            acks.append((record.sender, clock.monotonic() - asked_at))
        elif isinstance(record, QueryRecord) and record.kind == "done":
            break
    return acks, clock.monotonic() - asked_at


def _own_name(client: "RpcClient") -> str:
    from colobus.cluster.rpc.replies import StatsReport
    from colobus.cluster.rpc.requests import Stats

    stats = _ask(client, Stats(), "Error querying agent")
    assert isinstance(stats, StatsReport)
    return stats.sections["agent"]["name"]


def _others_alive(client: "RpcClient", own_name: str) -> list[str]:
    """Return the live members that this node has a coordinate of, since it has pinged them."""
    from colobus.cluster.rpc.replies import CoordinateFound
    from colobus.cluster.rpc.requests import GetCoordinate

    names = [m.name for m in _members(client) if m.status == "alive" and m.name != own_name]
    answers = {name: client.ask(GetCoordinate(name)).body for name in names}
    return [
        name
        for name, found in answers.items()
        if isinstance(found, CoordinateFound) and found.is_known
    ]


def _coordinate(client: "RpcClient", name: str) -> "CoordinateFound":
    from colobus.cluster.rpc.replies import CoordinateFound
    from colobus.cluster.rpc.requests import GetCoordinate

    found = _ask(client, GetCoordinate(name), "Error getting coordinates")
    assert isinstance(found, CoordinateFound)
    if not found.is_known:
        raise ClusterError(f'Could not find a coordinate for node "{name}"')
    return found
