"""Proxies that do not start, or are not there, are named, and cost nobody else the run."""

import shutil
from pathlib import Path

import pytest

from benchmarks.cases import Case, Entrant
from benchmarks.datastore import Datastores
from benchmarks.figures import CaseResult
from benchmarks.fleet import Fleet
from benchmarks.node import make_certificate
from benchmarks.process import Ports
from benchmarks.subjects import Surroundings, Upstream
from benchmarks.traffic import measure_case
from benchmarks.workload import Setup, Traffic

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed"),
]


def entrant(kind: str) -> Entrant:
    return Entrant(kind, kind, Setup(apis=1))


def test_a_subject_that_fails_is_named_and_the_others_are_measured(tmp_path: Path) -> None:
    ports = Ports()
    upstream = Upstream(tmp_path / "upstream", ports.take())
    certificate, key, _ = make_certificate(tmp_path / "tls")
    around = Surroundings(ports, upstream.port, certificate, key, tmp_path / "no-such-file")
    fleet = Fleet(tmp_path, around, Datastores(tmp_path / "datastores", upstream.port), ["Envoy"])
    result = CaseResult("a case")
    case = Case(
        "a case", Traffic(connections=2), (entrant("nginx"), entrant("HAProxy"), entrant("Envoy"))
    )
    tmp_path.chmod(0o755)
    try:
        upstream.start()
        measure_case(case, fleet, result, rounds=2, seconds=0.05, warm_up=False)
    finally:
        fleet.stop()
        upstream.stop()
    assert list(result.figures) == ["nginx"]
    assert len(result.figures["nginx"].values["cpu_us"]) == 2
    assert not result.figures["nginx"].is_void
    assert result.left_out["Envoy"] == "left out on request"
    assert "HAProxy" in result.failed or "HAProxy" in result.left_out
    assert upstream.has_ended
