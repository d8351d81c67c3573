# Everything a developer types. `make help` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.runs
STAMP := $(VENV)/.installed
WORKERS ?= 4
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-emit-find-links --custom-compile-command 'make lock'

.DEFAULT_GOAL := help
.PHONY: help setup run servers test check unit bench scaling soak fuzz record mixin preview noise judge lock image-check systemd-check newcomer docs format clean

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Build .venv with the package and every development tool.

$(RUNS): pyproject.toml # without the tools of a developer, which take four times as long
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name it with: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || if [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && apt-get install -y -qq python3-venv; \
	  else echo "Python's venv module is missing: apt-get install python3-venv" >&2; exit 1; fi
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[api,demo]'
	@touch $@

$(STAMP): $(RUNS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[api,demo,dev,pgparse]'
	@touch $@

run: $(RUNS) ## Serve on localhost:9188; the demo stack when no target is configured.
	exec $(BIN)/datastack-exporter demo

servers: setup ## Get the servers that the tests need into .cache/servers.
	$(BIN)/python -m tests.servers.install

test: servers ## Run all tests against real servers.
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadgroup --benchmark-skip -q

check: setup ## Lint, types, import layers, unit tests: under a minute.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory unit

unit: setup ## Run the quick tests that need no server.
	$(BIN)/python -m pytest tests/unit tests/mixin -m 'not live and not slow' --numprocesses=2 --dist=loadgroup --hypothesis-profile=quick -q

bench: servers ## Measure against the upstream exporters, and write docs/performance.md.
	$(BIN)/python -m tests.bench

scaling: servers ## 200 targets in one process, for the figures in docs/scaling.md: 13 minutes.
	$(BIN)/python -m tests.bench.scaling

soak: servers ## 2,000 scrapes with a changing schema, ten minutes of a frozen server: 15 minutes.
	$(BIN)/python -m pytest tests/soak -q

fuzz: servers ## Feed every input with spoilt data, 30 s each, and count: 9 minutes.
	$(BIN)/python -m tests.fuzz

record: servers ## Capture views, INFO and /proc from real servers, and the golden pages from them.
	$(BIN)/python -m tests.record
	$(BIN)/python -m tests.record_redis
	$(BIN)/python -m tests.record_pgbouncer /usr/sbin/pgbouncer
	$(BIN)/python -m tests.record_host
	$(BIN)/python -m tests.record_container
	$(BIN)/python -m tests.record_monitoring
	$(BIN)/python -m tests.record_n_plus_one

mixin: setup ## Generate dashboards, heads of runbooks and what is deployed from the rules.
	$(BIN)/python -m mixin
	$(BIN)/python -m tests.deploy.compose.generated
	$(BIN)/python -m tests.deploy.kubernetes.generated

preview: servers ## Draw all dashboards with data of real servers: 15 minutes the first time.
	$(BIN)/python -m tests.previews

noise: servers ## Replay a quiet week and its incidents, for the figures in docs/alerting.md.
	$(BIN)/python -m tests.noise

judge: servers ## Compare what analyze finds with known defects, for the figures in docs/analysis.md.
	$(BIN)/python -m tests.live.analysis.defects

lock: setup ## Pin the image's packages by hash; UPGRADE=--upgrade for newer ones.
	$(LOCK) $(UPGRADE) --extra api pyproject.toml --output-file requirements/image.txt
	$(LOCK) $(UPGRADE) requirements/build.in --output-file requirements/build.txt

image-check: setup ## Build the image without a registry and run it; Debian, root, 2 minutes (6 the first time).
	$(BIN)/python -m tests.deploy.image.check

systemd-check: servers ## Install on a Debian 12 of its own, booted, and try all of docs/systemd.md: 2 minutes; root.
	$(BIN)/python -m pytest tests/deploy/systemd/debian.py -p no:randomly -q -s

newcomer: setup ## Time the way from a clone to the first page.
	$(BIN)/python -m tests.newcomer

docs: setup ## Generate what is generated in docs/.
	$(BIN)/python -m tests.docs

format: setup ## Format the code.
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

clean: ## Remove what was built and downloaded.
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .benchmarks
