# Everything lives in .venv; a fresh machine needs python >= 3.11 and this file.
PYTHON ?= python3
BIN := .venv/bin
JOBS ?= auto
# Tests and benchmarks start Python a thousand times: where it may keep no bytecode, it compiles every module each time.
export PYTHONDONTWRITEBYTECODE :=
# Folders that are one bundle each: the packs run together, an example alone.
BUNDLES = policies/starter $(sort $(dir $(wildcard policies/examples/*/*.pol)))

.PHONY: help install demo serve test check bench bench-full nightly fuzz fix generate wheel clean

help: ## Show this list.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.venv/.pip: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

# What pip compiles beside its source, where there is a C compiler.
COMPILED := $(shell sed -n 's|^    "\(engine/.*\.py\)",$$|\1|p' pyproject.toml) \
	$(shell sed -n 's|^    "\(pol_client/.*\.py\)",$$|clients/python/\1|p' clients/python/pyproject.toml)

.venv/.installed: .venv/.pip hatch_build.py clients/python/hatch_build.py clients/python/pyproject.toml $(COMPILED)
	$(BIN)/python -m pip install --quiet --editable . --editable clients/python
	@touch $@

.venv/.developer: .venv/.installed
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

.venv/.bench: .venv/.developer .venv/.peers
	$(BIN)/python -m pip install --quiet --group bench
	@touch $@

# Peers of the load benches, as far as registries have them: Cerbos' server (npm), OPA as a library (PyPI; of a newer Python, but
# it is C that is loaded), and what an empty grpc-go server is built with (Debian). What is missing is left out and named.
.venv/.peers: .venv/.pip
	@mkdir -p .venv/peers
	@command -v npm >/dev/null && npm install --silent --no-save --prefix .venv/peers cerbos@0.51.0 || \
		echo "no npm, or no cerbos: it is not measured"
	@$(BIN)/python -m pip download --quiet --no-deps --python-version 3.14 --only-binary=:all: --dest .venv/peers \
		opa-golib-python-bindings==0.4.4 2>/dev/null || echo "no OPA library: its deciding alone is not measured"
	@{ command -v h2load && command -v go && test -d /usr/share/gocode/src/google.golang.org/grpc; } >/dev/null || \
		[ "$$(id -u)" != 0 ] || (apt-get update -qq && apt-get install -qq -y --no-install-recommends \
		nghttp2-client golang-go golang-google-grpc-dev) >/dev/null 2>&1 || echo "no Go: an empty grpc-go server is not measured"
	@touch $@

install: .venv/.installed ## Install the engine and its Python client into .venv.

demo: install ## Start the daemon on the starter packs and send it real requests of every stage.
	$(BIN)/python -m bench.demo

serve: install ## Serve the starter packs on 127.0.0.1:50051.
	$(BIN)/engine serve policies/starter

# Other people's clients of the gRPC door: nghttp, h2load, curl. Without one its tests are skipped.
.venv/.callers: .venv/.pip
	@(command -v nghttp && command -v h2load && command -v curl) >/dev/null || [ "$$(id -u)" != 0 ] || \
		(apt-get install -qq -y nghttp2-client curl || (apt-get update -qq && apt-get install -qq -y nghttp2-client curl)) \
		>/dev/null 2>&1 || echo "no nghttp2-client or curl: their tests are skipped"
	@touch $@

# Tests of a state in Valkey start a server of their own; without one they are skipped, and say so.
.venv/.server: .venv/.pip
	@command -v valkey-server redis-server >/dev/null || [ "$$(id -u)" != 0 ] || \
		(apt-get install -qq -y redis-server || (apt-get update -qq && apt-get install -qq -y redis-server)) \
		>/dev/null 2>&1 || echo "no redis-server: its tests are skipped"
	@touch $@

# Likewise for reviews in PostgreSQL: Debian's package, whose own server is not started for it.
.venv/.postgres: .venv/.pip
	@ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || command -v postgres >/dev/null || \
		[ "$$(id -u)" != 0 ] || (mkdir -p /etc/postgresql-common && \
		{ test -e /etc/postgresql-common/createcluster.conf || \
		echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf; } && \
		(apt-get install -qq -y postgresql || (apt-get update -qq && apt-get install -qq -y postgresql))) \
		>/dev/null 2>&1 || echo "no postgresql: its tests are skipped"
	@touch $@

# Likewise for the sink of NATS.
.venv/.nats: .venv/.pip
	@command -v nats-server >/dev/null || [ "$$(id -u)" != 0 ] || \
		(apt-get install -qq -y nats-server || (apt-get update -qq && apt-get install -qq -y nats-server)) \
		>/dev/null 2>&1 || echo "no nats-server: its tests are skipped"
	@touch $@

# Twice: from sources, where coverage sees them, and as it is installed, compiled.
test: .venv/.developer .venv/.callers .venv/.server .venv/.postgres .venv/.nats ## Run all tests, with the coverage gates.
	ENGINE_PURE=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal --cov --cov-report= --durations 15 tests
	$(BIN)/python tests/gates.py
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal --durations 15 tests

# The TypeScript client, where there is node >= 18; its tests run with the others and say so when there is none.
clients/typescript/node_modules/.package-lock.json: clients/typescript/package-lock.json
	@command -v npm >/dev/null && cd clients/typescript && npm ci --ignore-scripts --silent && touch node_modules/.package-lock.json

clients/typescript/dist/index.js: clients/typescript/node_modules/.package-lock.json $(wildcard clients/typescript/src/*.ts)
	@npm run --silent --prefix clients/typescript build && touch $@

check: .venv/.developer ## Lint, types, floors, generated files, documentation, packs.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python grammar/generate.py --check
	@if command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)'; \
		then $(MAKE) --no-print-directory clients/typescript/node_modules/.package-lock.json && \
			echo "tsc --noEmit" && npm run --silent --prefix clients/typescript check; \
		else echo "no node >= 18 with npm: the types of the TypeScript client are not checked"; fi
	$(BIN)/engine fmt --check policies
	@for bundle in $(BUNDLES); do \
		echo "engine check and test $$bundle"; \
		$(BIN)/engine check $$bundle && \
		$(BIN)/engine test --coverage --fail-under 100 $$bundle || exit 1; \
	done

nightly: .venv/.developer ## Long searches: agreement, fuzzing, laws.
	$(BIN)/python -m pytest -n $(JOBS) -m nightly tests

fuzz: .venv/.developer ## Coverage-guided fuzzing of HTTP/2 connections, for a minute.
	$(BIN)/python -m pip install --quiet --group fuzz
	ENGINE_PURE=1 $(BIN)/python -m tests.doors.http2.fuzz_connection --seconds 60

# What is measured beside its peers, and in stores that are servers of their own.
BENCHED = .venv/.bench .venv/.server .venv/.postgres .venv/.nats \
	$(shell command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' && \
	echo clients/typescript/dist/index.js)

bench: $(BENCHED) ## Quick benchmarks: ratios against peers in the same run.
	$(BIN)/python -m bench.report --quick

bench-full: $(BENCHED) ## All benchmarks; writes bench/REPORT.md.
	$(BIN)/python -m bench.report

fix: .venv/.developer ## Mend what machines can mend.
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format --quiet .
	$(BIN)/engine fmt policies

generate: .venv/.developer ## Write the generated files anew.
	$(BIN)/python grammar/generate.py

wheel: .venv/.developer ## Build the wheel into dist/.
	$(BIN)/python -m build --wheel --outdir dist .

clean: ## Remove what was built.
	find engine clients/python -name '*.so' -delete && rm -f *__mypyc.*.so clients/python/*__mypyc.*.so
	rm -rf .venv dist build .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
