"""The tables, the JSON and the plot, made of fixed results."""

import json
from typing import Any
from xml.etree import ElementTree as ET

from benchmarks.figures import CaseResult, Figures
from benchmarks.plot import draw
from benchmarks.report import document, markdown, noise, problems

MACHINE: dict[str, Any] = {
    "cpu": "A Processor", "cpus": 2, "kernel": "6.1", "load_average": [0.5, 0.25, 0.125],
    "versions": {"nginx": "1.22.1"},
}  # fmt: skip
SVG = "{http://www.w3.org/2000/svg}"


def fixed_results() -> dict[str, CaseResult]:
    traffic = CaseResult("keep-alive, no plugin", left_out={"Envoy": "envoy is not installed"})
    for name, values in {
        "nginx": [20.0, 22.0, 24.0],
        "Colobus": [22.0, 22.0, 24.0],
        "Colobus pure": [80.0, 88.0, 96.0],
    }.items():
        figures = traffic.figures[name] = Figures()
        for value in values:
            figures.add(
                cpu_us=value, per_second=1e6 / value, p50_us=900.0, p99_us=1800.5, busy=0.97,
                requests=1e6 / value, errors=0,
            )  # fmt: skip
    memory = CaseResult("memory of an idle worker", failed={"HAProxy": "it did not start"})
    memory.figures["Colobus"] = Figures()
    memory.figures["Colobus"].add(pss_mib=29.5, rss_mib=41.25)
    return {case.name: case for case in (traffic, memory)}


def test_the_table_says_which_targets_are_met() -> None:
    lines = markdown(fixed_results(), MACHINE, 3, 1).splitlines()
    what = "CPU per request ÷ nginx"
    assert f"| keep-alive, no plugin | Colobus | {what} | 1.00 | ≤ 1.15 | met |" in lines
    pure = f"| keep-alive, no plugin | Colobus pure | {what} | 4.00 | ≤ 3.3 | **missed** |"
    assert pure in lines
    assert "| memory of an idle worker | Colobus | PSS, MiB | 29.5 | ≤ 35 | met |" in lines


def test_the_table_shows_every_subject_beside_nginx() -> None:
    lines = markdown(fixed_results(), MACHINE, 3, 1).splitlines()
    expected = (
        "| keep-alive, no plugin | nginx | 22.0 | 1.00 |  | 45455 | 97% | 900 | 1800 | 18% |  |"
    )
    assert expected in lines
    assert "| memory of an idle worker | Colobus | RSS of the worker, MiB | 41.2 |" in lines


def test_what_is_missing_is_named() -> None:
    results = fixed_results()
    assert list(problems(results)) == [
        "keep-alive, no plugin, Envoy: envoy is not installed",
        "memory of an idle worker, HAProxy: FAILED: it did not start",
    ]
    text = markdown(results, MACHINE, 3, 1)
    assert all(f"- {line}" in text for line in problems(results))


def test_the_noise_is_told_with_the_machine() -> None:
    results = fixed_results()
    assert noise(results)["nginx"] == (24 - 20) / 22
    text = markdown(results, MACHINE, 3, 1)
    assert "nginx 18%, Colobus 9%" in text
    assert "A Processor, 2 CPUs, Linux 6.1; nginx 1.22.1; load average at start 0.50, 0.25" in text


def test_a_run_on_a_busy_machine_says_so() -> None:
    results = fixed_results()
    assert "**Noisy" in markdown(results, MACHINE, 3, 1)
    for figures in results["keep-alive, no plugin"].figures.values():
        figures.values["cpu_us"] = [20.0, 21.0, 22.0]
    assert "**Noisy" not in markdown(results, MACHINE, 3, 1)


def test_the_document_holds_every_round_and_the_command() -> None:
    facts = document(fixed_results(), MACHINE, "python -m benchmarks.proxy", 3, 1)
    read = json.loads(json.dumps(facts))
    assert read["command"] == "python -m benchmarks.proxy"
    assert read["machine"]["cpu"] == "A Processor"
    subject = read["cases"]["keep-alive, no plugin"]["subjects"]["Colobus"]
    assert subject["rounds"]["cpu_us"] == [22.0, 22.0, 24.0]
    assert subject["medians"]["cpu_us"] == 22.0
    assert read["cases"]["memory of an idle worker"]["failed"] == {"HAProxy": "it did not start"}
    assert [target["met"] for target in read["targets"]] == [True, False, True]


def test_the_plot_has_a_bar_for_each_subject_and_a_mark_for_each_target() -> None:
    drawn = draw(fixed_results())
    assert drawn is not None
    root = ET.fromstring(drawn)
    bars = {
        rect.get("class"): float(rect.get("width", ""))
        for rect in root.iter(f"{SVG}rect")
        if rect.get("height") == "12" and rect.get("rx") is None
    }
    assert bars["s4"] == bars["s3"] * 4 == bars["s0"] * 4
    marks = [path for path in root.iter(f"{SVG}path") if path.get("class") == "rim"]
    assert len(marks) == 2
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert "1.00 = 22 µs" in texts
    assert "4.00" in texts


def test_there_is_no_plot_without_something_to_compare() -> None:
    results = fixed_results()
    del results["keep-alive, no plugin"].figures["nginx"]
    assert draw(results) is None
    assert draw({}) is None
