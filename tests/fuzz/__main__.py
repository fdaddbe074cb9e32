"""Coverage-guided fuzzing of the parsers: ``make fuzz``, or ``python -m fuzz`` in this folder's parent.

Needs ``atheris``; says so and ends without an error where it is missing. The pure build is what is
instrumented; the compiled one and every way to cut the bytes must agree with it on each input.
Arguments are libFuzzer's, such as ``-max_total_time=60``. Findings are kept as ``crash-*`` files.
"""

import importlib
import sys
import tempfile
from pathlib import Path
from types import FunctionType, ModuleType

from support.builds import load_builds
from support.hostile import HONEST_REQUESTS, HOSTILE_ANSWERS, HOSTILE_BODIES, HOSTILE_HEADS
from support.readings import read_by_us


def corpus(folder: Path) -> None:
    """Write the tables as first inputs; the first byte says whether it is a request."""
    requests = [request for request, _ in HOSTILE_HEADS.values()]
    requests += [*HOSTILE_BODIES.values(), *HONEST_REQUESTS.values()]
    for number, data in enumerate(requests):
        folder.joinpath(f"request-{number}").write_bytes(b"\1" + data)
    for number, data in enumerate(HOSTILE_ANSWERS.values()):
        folder.joinpath(f"answer-{number}").write_bytes(b"\0" + data)


def instrument(atheris: ModuleType, build: ModuleType) -> None:
    """Let the fuzzer see which branches of a module its inputs reach."""
    for value in list(vars(build).values()):
        if getattr(value, "__module__", None) != build.__name__:
            continue
        functions = vars(value).values() if isinstance(value, type) else [value]
        for function in functions:
            if isinstance(function, FunctionType):
                atheris.instrument_func(function)


def main() -> int:
    """Run until libFuzzer ends."""
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        print("skipped: atheris is not installed", file=sys.stderr)  # noqa: T201  (a command)
        return 0
    wire, framing = (load_builds(f"colobus.gateway.{name}") for name in ("wire", "framing"))
    for build in (wire["pure"], framing["pure"]):
        instrument(atheris, build)

    def try_one(data: bytes) -> None:
        message = data[1:]
        is_request = bool(data[:1] > b"\0")
        readings = [
            read_by_us(wire[name], framing[name], message, is_request=is_request) for name in wire
        ]
        for reading in readings[1:]:
            assert bool(reading.refusal) == bool(readings[0].refusal), message
            assert reading.refusal or reading == readings[0], message

    with tempfile.TemporaryDirectory() as folder:
        corpus(Path(folder))
        atheris.Setup([sys.argv[0], folder, "-max_len=4096", *sys.argv[1:]], try_one)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
