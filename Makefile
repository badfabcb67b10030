# Two commands on a fresh machine: `make sandbox` and `make test`. Each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.runs
READY := $(VENV)/.ready
PYTEST := $(BIN)/python -m pytest
# The local Slack is fetched before a dozen workers want it. Without npm, tests that need it are skipped, but not in CI.
FETCH = ls .tools/local-slack-*/bin/local-slack >/dev/null 2>&1 || scripts/need npm || true; $(BIN)/python -m sandbox.tools
FETCH_IF_POSSIBLE = $(FETCH) || [ "$$CI" != true ]
LOCKING := --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate

.PHONY: help setup sandbox test lint format test-cluster test-alerts test-browser test-crash test-chaos coverage redaction bench lock clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

# What runs the bot is a third of what tests it: the sandbox need not wait for the rest.
$(RUNS): requirements.lock scripts/setup
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/setup requirements.lock
	@touch $@

$(READY): requirements-dev.lock pyproject.toml scripts/setup
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/setup requirements-dev.lock --editable
	@touch $(RUNS) $@

setup: $(READY)  ## virtual environment with the locked dependencies

sandbox: $(RUNS)  ## a whole platform on this machine: local Slack, stand-in cluster, the bot
	@$(FETCH)
	@scripts/need prometheus prometheus-alertmanager
	@$(BIN)/python -m sandbox

test: $(READY)  ## the tests (9 minutes on two cores)
	@$(FETCH_IF_POSSIBLE)
	@scripts/need postgresql prometheus prometheus-alertmanager
	@$(PYTEST) -n auto --dist loadfile -m "not cluster and not browser and not crash and not chaos and not alerts"

lint: $(READY)  ## ruff, mypy strict, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(READY)  ## let ruff put the code in order
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

test-cluster: $(READY)  ## the same procedures on a real API server: KUBECONFIG=…
	@$(PYTEST) -m cluster

test-alerts: $(READY)  ## alerts from real Prometheus and Alertmanager to a card, a storm with crashes among them
	@$(FETCH_IF_POSSIBLE)
	@scripts/need prometheus prometheus-alertmanager
	@scripts/newer-prometheus
	@$(PYTEST) -m alerts

test-browser: $(READY)  ## the story, clicked through in Chromium; screenshots in .screenshots
	@$(FETCH_IF_POSSIBLE)
	@scripts/need chromium prometheus prometheus-alertmanager
	@$(PYTEST) -m browser

test-crash: $(READY)  ## SIGKILL at every point of every procedure, SQLite and PostgreSQL
	@$(FETCH_IF_POSSIBLE)
	@scripts/need postgresql prometheus-alertmanager
	@$(PYTEST) -m crash -n 2

test-chaos: $(READY)  ## thirty SIGKILLs under a mixed load and faults, SQLite and PostgreSQL; prints its counts
	@$(FETCH_IF_POSSIBLE)
	@scripts/need postgresql
	@$(PYTEST) -m chaos -n 2 -rP

coverage: $(READY)  ## which branches the tests never take; .coverage/report.txt and .coverage/html; TESTS=tests/storage for some
	@$(FETCH_IF_POSSIBLE)
	@scripts/need postgresql prometheus prometheus-alertmanager
	@mkdir -p .coverage
	@$(PYTEST) -n auto --dist loadfile -m "not cluster and not browser and not crash and not chaos and not alerts" --cov --cov-report= $(TESTS)
	@$(BIN)/coverage html --quiet
	@$(BIN)/coverage report > .coverage/report.txt
	@tail -n 1 .coverage/report.txt

redaction: $(READY)  ## which secrets are found, and what is masked in vain; names with -v in ARGS
	@$(BIN)/python -m tests.redaction $(ARGS)

bench: $(READY)  ## speed against a floor measured in the same run; .bench/results.json
	@$(BIN)/python -m tests.bench

lock: $(READY)  ## lock the newest dependencies that pyproject.toml allows
	@$(BIN)/python -m pip install -q uv
	@$(BIN)/uv pip compile -q pyproject.toml --extra dev --extra aws --extra eks $(LOCKING) -o requirements-dev.lock
	@$(BIN)/uv pip compile -q pyproject.toml --extra aws --extra eks $(LOCKING) -c requirements-dev.lock -o requirements.lock
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	  | $(BIN)/uv pip compile -q - $(LOCKING) -c requirements-dev.lock -o requirements-build.lock

clean:  ## forget everything that can be made again
	@rm -rf $(VENV) .tools .sandbox .bench .coverage .screenshots .mypy_cache .ruff_cache .pytest_cache .hypothesis
