"""Whether results meet the targets."""

import pytest

from benchmarks.cases import EVERYBODY, Scale, cases, number_of_apis
from benchmarks.figures import CaseResult, Figures
from benchmarks.plot import PLOTTED
from benchmarks.targets import TARGETS, judge

CASE = "keep-alive, no plugin"


def result(**cpu_us: list[float]) -> dict[str, CaseResult]:
    found = CaseResult(CASE)
    for name, values in cpu_us.items():
        figures = found.figures[name.replace("_", " ")] = Figures()
        for value in values:
            figures.add(cpu_us=value, requests=1000, errors=0)
    return {CASE: found}


def words(results: dict[str, CaseResult]) -> dict[str, str]:
    return {verdict.target.subject: verdict.word for verdict in judge(results)}


def test_a_ratio_at_its_limit_is_met_and_above_it_missed() -> None:
    results = result(nginx=[20.0, 20.0], Colobus=[23.0, 23.0], Colobus_pure=[66.1, 66.1])
    assert words(results) == {"Colobus": "met", "Colobus pure": "**missed**"}


@pytest.mark.parametrize("absent", ["nginx", "Colobus"])
def test_nothing_is_met_without_a_measurement(absent: str) -> None:
    results = result(nginx=[20.0], Colobus=[1.0])
    del results[CASE].figures[absent]
    assert words(results)["Colobus"] == "not measured"


@pytest.mark.parametrize("broken", ["nginx", "Colobus"])
def test_failed_answers_meet_nothing(broken: str) -> None:
    results = result(nginx=[20.0], Colobus=[1.0])
    results[CASE].figures[broken].add(errors=500)
    assert words(results)["Colobus"] == "not measured"


def test_targets_of_cases_that_did_not_run_are_not_judged() -> None:
    assert judge({}) == []


def test_every_target_names_a_case_and_a_subject_that_exist() -> None:
    scale = Scale()
    known = {case.name: {entrant.label for entrant in case.entrants} for case in cases(scale)}
    for name in (
        "memory of an idle worker",
        "10 000 idle connections",
        f"changes among {number_of_apis(scale.most_apis)}",
    ):
        known[name] = set(EVERYBODY)
    for target in TARGETS:
        assert target.subject in known[target.case], target
        assert target.beside is None or target.beside in known[target.case], target


def test_every_plotted_case_exists() -> None:
    assert set(PLOTTED) <= {case.name for case in cases(Scale())}
