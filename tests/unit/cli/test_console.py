import re

import pytest

from colobus.cli.console import Console, Program, Verbosity
from colobus.testing.clock import ManualClock

Captured = pytest.CaptureFixture[str]
LINE = r"2017/07/1[34] \d\d:\d\d:\d\d \[(\w+)\] (.*)\n"


def console(verbosity: Verbosity = Verbosity.NORMAL, name: str = "colobus") -> Console:
    made = Console(Program.called(name), ManualClock())
    made.verbosity = verbosity
    return made


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/usr/local/bin/colobus", ("colobus", "Colobus", "cluster", "gateway")),
        ("/usr/local/bin/kong", ("kong", "Kong", "serf", "nginx")),
        ("/x/colobus/cli/main.py", ("colobus", "Colobus", "cluster", "gateway")),
    ],
)
def test_the_words_follow_the_name_of_the_command(path: str, words: tuple[str, ...]) -> None:
    program = Program.called(path)
    assert (program.name, program.product, program.cluster, program.gateway) == words


def test_messages_are_bare_text_and_details_are_kept_back(capsys: Captured) -> None:
    told = console()
    told.say("Colobus started")
    told.verbose("a step")
    told.debug("a detail")
    assert capsys.readouterr() == ("Colobus started\n", "")


@pytest.mark.parametrize(
    ("verbosity", "levels"),
    [(Verbosity.VERBOSE, ["info", "verbose"]), (Verbosity.DEBUG, ["info", "verbose", "debug"])],
)
def test_with_more_details_every_message_is_a_log_line(
    capsys: Captured, verbosity: Verbosity, levels: list[str]
) -> None:
    told = console(verbosity)
    told.say("text")
    told.verbose("text")
    told.debug("text")
    out, err = capsys.readouterr()
    assert re.findall(LINE, out) == [(level, "text") for level in levels]
    assert err == ""


def test_warnings_and_errors_are_log_lines_on_standard_error(capsys: Captured) -> None:
    told = console()
    told.warn("look")
    told.error("wrong")
    out, err = capsys.readouterr()
    assert re.findall(LINE, err) == [("warn", "look"), ("error", "wrong")]
    assert out == ""


def test_a_failure_ends_with_a_hint(capsys: Captured) -> None:
    console().fail(["one", "two"], ValueError())
    assert capsys.readouterr() == (
        "",
        "Error: one\nError: two\n\n  Run with --v (verbose) or --vv (debug) for more details\n",
    )


def test_with_more_details_a_failure_ends_with_a_stack_trace(capsys: Captured) -> None:
    console(Verbosity.VERBOSE).fail(["one"], ValueError("here"))
    err = capsys.readouterr().err
    assert err.startswith("Error: one\n\n")
    assert err.endswith("ValueError: here\n")
    assert "Run with" not in err
