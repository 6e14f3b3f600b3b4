# make demo   the lead desk over the sample leads
# make test   style, types, layers and all tests; .ci/run runs this
# make test-quick   the tests that start no process and no server, in about two minutes
# make test-lowest   the same tests, with the lowest versions that pyproject.toml allows
# make coverage   the branches that the tests of make test-quick take
# make test-postgresql   all tests of the board on a PostgreSQL server that they start, or on a server given by
#              URL=postgresql+psycopg://user@host/database, where each test creates its own database
# make shells   zsh and fish, in which the tests try completion as they do in bash (without them these tests are skipped)
# make thorough   the tests of properties, with many new examples instead of the few that `make test` repeats
# make lint   style, types and layers only
# make crash  the daemon, killed N times during its work (N=1000)
# make soak   two daemons in all sorts of trouble for half an hour (MINUTES=30)
# make bench  the performance benchmarks (run make bench-peers first to include other systems)
# make bench-coordination  model calls and tokens (run make bench-rivals first to install the frameworks for comparison)
# make constraints   constraints.txt, with the newest versions within the ranges of pyproject.toml (then run make test)
# make picture  docs/fading.svg, drawn by a board
# make diagram  the diagram of activation states in docs/design.md

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
N ?= 1000
MINUTES ?= 30
QUICK := --quick --hypothesis-profile=quick -m "not processes and not postgresql"
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test test-quick test-lowest coverage thorough test-postgresql shells lint crash soak bench bench-peers \
  bench-coordination bench-rivals constraints picture diagram clean
.DELETE_ON_ERROR:

demo: $(VENV)/installed
	$(BIN)/blackboard demo

# Three workers on two cores, because a third of the time of all tests is spent waiting for processes.
test: lint
	$(BIN)/pytest -n 3

test-quick: $(VENV)/installed-dev
	$(BIN)/pytest -n 3 $(QUICK)

# uv finds the lowest versions. The tests left out compare the installed packages with the pinned versions.
test-lowest:
	rm -rf .venv-lowest
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check uv
	.venv-lowest/bin/uv pip install --quiet --python .venv-lowest --resolution lowest-direct -e '.[dev,postgresql]'
	.venv-lowest/bin/pytest -n 3 $(QUICK) --ignore tests/docs/test_dependencies.py

coverage: $(VENV)/installed-dev
	$(BIN)/coverage run -m pytest $(QUICK) --timeout=0
	$(BIN)/coverage report

thorough: $(VENV)/installed-dev
	$(BIN)/pytest -n 3 -m hypothesis --hypothesis-profile=thorough --timeout=0

test-postgresql: $(VENV)/installed-dev
	$(BIN)/pytest -n 2 -m postgresql --postgresql=all --postgresql-url='$(URL)'

shells:
	if command -v apt-get; then sudo apt-get install -y zsh fish; else brew install zsh fish; fi

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

crash: $(VENV)/installed-dev
	$(BIN)/pytest tests -m processes -k crash --crash-runs=$(N) --timeout=0

soak: $(VENV)/installed-dev
	$(BIN)/python -m tests.soak --minutes $(MINUTES)

bench: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.performance --plot --peers
	$(BIN)/pytest benchmarks/performance --benchmark-only --benchmark-disable-gc

# Other systems, each in its own environment; the next `make bench` measures the installed systems.
bench-peers: $(patsubst benchmarks/performance/peer_scripts/%.txt,.venv-peers/%/installed,$(wildcard benchmarks/performance/peer_scripts/*.txt))

.venv-peers/%/installed: benchmarks/performance/peer_scripts/%.txt
	$(PYTHON) -m venv .venv-peers/$*
	.venv-peers/$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

bench-coordination: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.coordination

# Each framework in its own environment, with pinned versions; python -m benchmarks.coordination --rivals runs them.
bench-rivals: $(patsubst benchmarks/coordination/rivals/%.txt,.venv-rivals/%/installed,$(wildcard benchmarks/coordination/rivals/*.txt))

.venv-rivals/%/installed: benchmarks/coordination/rivals/%.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# The list names no place that the packages came from, and not this project.
constraints:
	rm -rf .venv-constraints
	$(PYTHON) -m venv .venv-constraints
	.venv-constraints/bin/python -m pip install --quiet --disable-pip-version-check '.[dev,dev-postgresql]'
	{ head -n 1 constraints.txt; .venv-constraints/bin/python -m pip freeze --exclude blackboard-marks; } > constraints.new
	mv constraints.new constraints.txt
	rm -rf .venv-constraints

picture: $(VENV)/installed-dev
	$(BIN)/python docs/fading.py

diagram: $(VENV)/installed-dev
	$(BIN)/python docs/activation_states.py

clean:
	rm -rf $(VENV) .venv-peers .venv-rivals .venv-constraints .venv-lowest build dist .hypothesis .benchmarks .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The build backend is pinned and installed first, so that installing the checkout downloads nothing.
$(VENV)/created: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Python 3.11 or later is needed; name one with: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) hatchling editables
	@touch $@

$(VENV)/installed: $(VENV)/created pyproject.toml
	$(PIP) --no-build-isolation -e '.[desk]'
	@touch $@

$(VENV)/installed-dev: $(VENV)/created pyproject.toml
	$(PIP) --no-build-isolation -e '.[dev]'
	$(PIP) --no-build-isolation -e '.[dev-postgresql]' || echo 'No PostgreSQL server here: its tests are skipped.' >&2
	@touch $(VENV)/installed $@
