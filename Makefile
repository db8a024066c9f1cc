# Everything a person needs: `make demo` shows what it does, `make test` proves it, `make check` guards main.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JS := js/node_modules/.installed

.PHONY: demo test test-kernels test-capture soak-kernels power-off fuzz check lint types wheel docs shown bench js plotly clean

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,dev]'
	touch $@

demo: $(STAMP)
	$(BIN)/oomforensics demo --output demo

test: $(STAMP)
	$(BIN)/python -m pytest

# What the browser tests need beside Chromium: axe-core, and what builds plotly.js. Without npm they are skipped.
$(JS): js/package.json js/package-lock.json
	cd js && npm ci
	touch $@

js: $(JS)

# Builds the partial plotly.js in the reports' pages anew, after a change in js/.
plotly: $(JS)
	cd js && npm run --silent bundle

# Boots Debian's kernels in QEMU and makes them run out of memory: tests/kernels/README.md says what it needs.
test-kernels: $(STAMP)
	$(BIN)/python -m pytest tests/kernels/guests.py; status=$$?; cat build/kernels/agreement.md; exit $$status

# The recorder itself in such guests: 56 kills, and power failures.
test-capture: $(STAMP)
	$(BIN)/python -m pytest tests/kernels/recorder.py; status=$$?; cat build/kernels/recorder.md; exit $$status

# N kills of random populations: make soak-kernels N=500 KERNELS="bookworm sid"
N ?= 100
soak-kernels: $(STAMP)
	$(BIN)/python -m tests.kernels.soak --kills $(N) $(KERNELS)

# The power goes N times while the recorder writes: make power-off N=30 KERNELS="bookworm sid"
power-off: N = 30
power-off: $(STAMP)
	$(BIN)/python -m tests.kernels.power --cuts $(N) $(KERNELS)

# Hostile input: make fuzz N=1000000 TARGETS="archives journal"
fuzz: N = 20000
fuzz: $(STAMP)
	$(BIN)/python -m tests.fuzz --executions $(N) $(TARGETS)

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

wheel: $(STAMP)
	$(BIN)/python tests/check_wheel.py

# Into build/site. What the pages show of commands and code is run by the tests; `make shown` writes it anew.
docs: $(STAMP)
	$(BIN)/python tests/check_docs.py

shown: $(STAMP)
	for page in api command era executed finding query table; do $(BIN)/python -m tests.support.$${page}_docs || exit 1; done
	$(BIN)/python -m tests.support.json_schemas

check: lint types test wheel docs

# Beside atop (apt-get install atop) and procpath.
bench: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.capture
	$(BIN)/python -m benchmarks.pages

clean:
	rm -rf $(VENV) js/node_modules demo dist build
