import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from colobus.version import VERSION
from support.commands import run_command

HINT = "\n  Run with --v (verbose) or --vv (debug) for more details\n"
NAMES = ("colobus", "kong")
DATED = r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d"


@pytest.mark.parametrize("name", NAMES)
def test_no_command_shows_the_usage_and_fails(name: str) -> None:
    ended = run_command(name)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"Usage: {name} COMMAND [OPTIONS]\n")
    for command in ("start", "stop", "quit", "restart", "health", "version", "check", "cluster"):
        assert f"\n  {command} " in ended.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("start", "--help"), ("cluster", "--help")])
def test_help_is_shown_on_standard_error(arguments: tuple[str, ...]) -> None:
    ended = run_command("kong", *arguments)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr.startswith(" ".join(("Usage: kong", *arguments[:-1])))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fly",), "No such command: fly"),
        (("cluster", "fly"), "No such command for cluster: fly"),
        (("start", "--fly"), "--fly"),
        (("quit", "-t", "soon"), "'soon' is not a valid integer"),
    ],
)
def test_wrong_arguments_show_the_usage_and_the_reason(
    arguments: tuple[str, ...], message: str
) -> None:
    ended = run_command("kong", *arguments)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("Usage: kong")
    assert message in ended.stderr.splitlines()[-1]


def test_a_missing_sub_command_shows_the_usage_and_fails() -> None:
    ended = run_command("kong", "cluster")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("Usage: kong cluster COMMAND [OPTIONS]\n")


@pytest.mark.parametrize(("name", "line"), [("kong", "0.10.4"), ("colobus", f"colobus {VERSION}")])
def test_the_version_is_one_line(name: str, line: str) -> None:
    ended = run_command(name, "version")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{line}\n", "")


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("kong", ["Kong", "ngx_lua", "nginx", "Lua"]),
        ("colobus", ["Colobus", "Admin API", "Build", "Python", "SQLite", "OpenSSL"]),
    ],
)
def test_the_full_version_is_a_line_for_each_part(name: str, labels: list[str]) -> None:
    ended = run_command(name, "version", "-a")
    lines = [line.partition(": ") for line in ended.stdout.splitlines()]
    assert [label for label, _, _ in lines] == labels
    assert all(text for _, _, text in lines)
    assert {"Kong": "0.10.4", "Colobus": VERSION}[labels[0]] == lines[0][2]


def test_the_version_is_told_without_loading_what_a_node_needs() -> None:
    script = (
        "import sys; from colobus.cli.main import main; main(['version'])\n"
        "print([name for name in sys.modules if name.partition('.')[0] in"
        " ('sqlalchemy', 'pydantic', 'starlette', 'asyncio', 'ssl', 'sqlite3')])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("arguments", [("--v", "version"), ("version", "--v"), ("version", "--vv")])
def test_verbosity_may_stand_anywhere(arguments: tuple[str, ...]) -> None:
    ended = run_command("kong", *arguments)
    assert re.fullmatch(rf"{DATED} \[info\] 0\.10\.4\n", ended.stdout)


def test_a_new_key_is_sixteen_random_bytes() -> None:
    keys = {run_command("kong", "cluster", "keygen").stdout for _ in range(2)}
    assert len(keys) == 2
    for key in keys:
        assert len(key) == 25
        assert len(base64.b64decode(key, validate=False)) == 16


def test_a_new_key_for_programs() -> None:
    ended = run_command("kong", "cluster", "keygen", "--format", "json")
    told = json.loads(ended.stdout)
    assert told.keys() == {"key"}
    assert len(base64.b64decode(told["key"], validate=True)) == 16


@pytest.mark.parametrize("command", ["stop", "quit", "health"])
def test_a_prefix_that_does_not_exist_is_told(tmp_path: Path, command: str) -> None:
    prefix = tmp_path / "x"
    ended = run_command("kong", command, "-p", str(prefix))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"Error: no such prefix: {prefix}\n{HINT}"


@pytest.mark.parametrize("command", ["stop", "quit"])
@pytest.mark.parametrize(("name", "service"), [("kong", "nginx"), ("colobus", "gateway")])
def test_a_node_that_does_not_run_cannot_be_stopped(
    tmp_path: Path, command: str, name: str, service: str
) -> None:
    ended = run_command(name, command, environ={"KONG_PREFIX": str(tmp_path)})
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"Error: {service} not running in prefix: {tmp_path}\n{HINT}"


def test_with_more_details_a_stack_trace_replaces_the_hint(tmp_path: Path) -> None:
    ended = run_command("kong", "stop", "-p", str(tmp_path), "--v")
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Error: nginx not running in prefix: {tmp_path}\n\nTraceback ")


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("kong", "serf........not running\nnginx.......not running\n\n"),
        ("colobus", "cluster.....not running\ngateway.....not running\n\n"),
    ],
)
def test_health_lists_both_services_although_none_runs(
    tmp_path: Path, name: str, lines: str
) -> None:
    ended = run_command(name, "health", "-p", str(tmp_path))
    product = name.capitalize()
    assert (ended.returncode, ended.stdout) == (1, lines)
    assert ended.stderr == f"Error: {product} is not running at {tmp_path}\n{HINT}"


def test_a_valid_file_is_told_to_be_valid(tmp_path: Path) -> None:
    path = tmp_path / "c.conf"
    path.write_text(f"prefix = {tmp_path}/node\nlog_levle = debug\n")
    ended = run_command("kong", "check", str(path))
    assert (ended.returncode, ended.stdout) == (0, f"configuration at {path} is valid\n")
    warning = rf"unknown setting 'log_levle' \({path}:2\); did you mean log_level\?"
    assert re.fullmatch(rf"{DATED} \[warn\] {warning}\n", ended.stderr)
    assert not (tmp_path / "node").exists()


def test_every_error_of_a_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "c.conf"
    path.write_text("proxy_listen = 1\nssl = maybe\n")
    ended = run_command("kong", "check", str(path), environ={"KONG_PG_PORT": "x"})
    assert (ended.returncode, ended.stdout) == (1, "")
    assert re.findall(rf"(?m)^{DATED} \[error\] (.*)$", ended.stderr) == [
        f"proxy_listen must be of form 'address:port' ({path}:1)",
        f"ssl is not a boolean: 'maybe' ({path}:2)",
        "pg_port is not a number: 'x' (environment KONG_PG_PORT)",
    ]
    assert len(ended.stderr.splitlines()) == 3


def test_a_file_to_check_must_exist(tmp_path: Path) -> None:
    ended = run_command("kong", "check", str(tmp_path / "x"))
    assert ended.returncode == 1
    assert ended.stderr.endswith(f" [error] no file at: {tmp_path}/x\n")


@pytest.mark.parametrize("command", ["start", "restart"])
def test_wrong_settings_are_told_and_nothing_is_started(tmp_path: Path, command: str) -> None:
    path = tmp_path / "c.conf"
    path.write_text("database = cassandra\n")
    environ = {"COLOBUS_DAEMON": "maybe", "COLOBUS_PREFIX": str(tmp_path / "node")}
    ended = run_command("kong", command, "-c", str(path), environ=environ)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "Error: daemon is not on or off: 'maybe' (environment COLOBUS_DAEMON)\n"
        "Error: database = cassandra is not supported by Colobus; use database = sqlite"
        " or postgres"
        f" ({path}:1)\n{HINT}"
    )
    assert not (tmp_path / "node").exists()


def test_a_file_to_start_with_must_exist(tmp_path: Path) -> None:
    ended = run_command("kong", "start", "-c", str(tmp_path / "x"))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"Error: no file at: {tmp_path}/x\n{HINT}"


def test_a_prefix_that_is_a_file_is_told(tmp_path: Path) -> None:
    prefix = tmp_path / "x"
    prefix.touch()
    ended = run_command("kong", "start", "-p", str(prefix), "--nginx-conf", "/x")
    assert (ended.returncode, ended.stdout) == (1, "")
    remark, error = ended.stderr.splitlines()[:2]
    assert remark.endswith(" [warn] --nginx-conf has no effect in Colobus")
    assert error == f"Error: {prefix} is not a directory"


def test_all_settings_are_listed_on_demand_and_secrets_masked(tmp_path: Path) -> None:
    path = tmp_path / "c.conf"
    path.write_text("cluster.auto-join = true\n")
    environ = {"KONG_PG_PASSWORD": "hunter2", "KONG_LOG_LEVEL": "debug", "KONG_OTHER": "x"}
    ended = run_command("kong", "check", str(path), "--vv", environ=environ)
    assert "hunter2" not in ended.stdout + ended.stderr
    lines = re.findall(rf"(?m)^{DATED} (\[\w+\] .*)$", ended.stdout)
    assert f"[verbose] settings from file {path}" in lines
    assert "[verbose] unknown environment variable KONG_OTHER" in lines
    assert '[debug] KONG_LOG_LEVEL ENV found with "debug"' in lines
    assert '[debug] KONG_PG_PASSWORD ENV found with "******"' in lines
    listed = [line for line in lines if " = " in line]
    assert "[debug] pg_password = ******" in listed
    assert "[debug] proxy_listen = 0.0.0.0:8000" in listed
    assert listed == sorted(listed)
