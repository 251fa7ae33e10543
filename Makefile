# Viblog: every command a contributor or a CI needs. `make help` lists them.
#
# Everything goes into .venv and git-ignored folders. A stamp is written last, so a step that
# failed is done again and a step that succeeded is not: no network is needed the second time.

# The oldest Python that fits, and where to look for one when `python3` is older.
OLDEST := 3.11.2
NEWER := python3.15 python3.14 python3.13 python3.12 python3.11
PYTHON ?=
ARGS ?=
SECONDS ?= 60
# Tests wait as much as they compute: three at a time on two cores. More of them disturb each other.
JOBS ?= $(shell expr 3 '*' $$(getconf _NPROCESSORS_ONLN) / 2)

# Python reads the path of this folder from a file of .venv as the locale has it: in ASCII, an umlaut
# in that path would stop every Python here.
ifneq ($(filter C POSIX,$(LC_ALL)),)
export LC_ALL := C.UTF-8
endif

# The tests start hundreds of Pythons; each would compile every module of the project anew.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
HTMX := static/vendor/htmx.org
# Which packages of npm are there, by their integrity; the files in one are dated 1985.
VENDORED := static/vendor/.integrity
PINS := sed -n '/npm-vendor.packages/,/^integrity/s/^integrity = //p' pyproject.toml
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
# No option of this machine's pip configuration may end up in a committed file.
PIP_COMPILE := CUSTOM_COMPILE_COMMAND="make deps" $(BIN)/pip-compile --quiet \
	--generate-hashes --strip-extras --build-deps-for=editable --no-emit-options \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	--find-links=.cache/wheels --unsafe-package=flask-presence
# The library comes of this repository, so it is resolved and not pinned ("unsafe" to pip-compile).
WHEEL := HATCH_NPM_VENDOR_SKIP=1 $(BIN)/python -m pip --disable-pip-version-check --quiet wheel \
	--no-deps --no-build-isolation --no-index --wheel-dir

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install run dev test test-unit test-all test-rest test-deploy lint format words soak fuzz \
	bench bench-pages bench-scale tools deps wheel clean FORCE

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: .venv/.installed ## Install what the blog needs to run, and nothing else

run: .venv/.installed ## Start the blog: gunicorn, gevent workers, embedded Valkey (PORT, WEB_CONCURRENCY, BLOG_*)
	@$(BIN)/python -m blog.config && exec $(BIN)/gunicorn app:app

dev: .venv/.installed ## Start the blog for writing: open pages follow what is saved, posts and code
	@WEB_CONCURRENCY=1 BLOG_DEV=1 exec $(BIN)/gunicorn app:app

# Each file's tests stay together, since they share servers; files and tests come in random order,
# and the seed that repeats it is printed first.
PYTEST := $(BIN)/python -m pytest --numprocesses=$(JOBS) --dist=loadfile --no-loadscope-reorder

# Of two runs, one may have nothing that ARGS="-k word" chooses: pytest says so by 5.
MAY_CHOOSE_NONE := $(if $(ARGS),|| [ $$? -eq 5 ])

test: .venv/.installed-dev ## Lint, then tell whether the blog works, in a real browser too (ARGS="-k presence -x")
	@$(BIN)/python tests/setup/tools.py test
	@$(MAKE) --no-print-directory lint
	$(PYTEST) -m "not full" $(ARGS)

test-unit: .venv/.installed-dev ## The tests that start no server and no browser, for the moment after a save
	@$(PYTEST) -m "not full and not system" $(ARGS)

test-all: test test-rest test-deploy ## Every test there is: `make test`, then what takes long or needs more than Chromium

test-rest: tools ## What `make test-all` has beside `make test` and `make test-deploy`
	$(PYTEST) -m "full and not alone" $(ARGS) $(MAY_CHOOSE_NONE)
	$(BIN)/python -m pytest -m "full and alone" $(ARGS) $(MAY_CHOOSE_NONE)

test-deploy: .venv/.installed-dev ## Run docs/deploy.md on a fresh Debian, behind nginx and Caddy; as root (ARGS="-k caddy -x")
	@$(BIN)/python tests/setup/tools.py deploy
	$(BIN)/python -m pytest -p no:randomly tests/deploy $(ARGS)

lint: .venv/.installed-dev ## Check style and types: ruff, mypy strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/.installed-dev ## Rewrite the code in the project's style
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

words: .venv/.installed-dev ## Put what is marked for translation into the message catalogues: blog/translations/
	@$(BIN)/python tests/setup/words.py

soak: .venv/.installed-dev ## Hurt the presence at random for SECONDS (60), then real blogs by pairs of faults, and say how it healed
	@$(BIN)/python -m tests.tracking.soak $(SECONDS)
	@$(BIN)/python -m tests.server.pairs $(SECONDS)

fuzz: .venv/.installed-dev ## Try front matter, Markdown and events with what Hypothesis thinks of, SECONDS (60) for each
	@FUZZ_SECONDS=$(SECONDS) $(BIN)/python -m pytest -q -o faulthandler_timeout=0 tests/fuzz $(ARGS)

bench: .venv/.installed-bench ## Measure the blog beside its peers; docs/benchmarks.md (ARGS="--quick", --check, --help)
	@$(BIN)/python -m bench $(ARGS)

bench-pages: .venv/.installed-bench ## Measure what a page costs beside an empty Flask view; docs/pages.md (ARGS="--quick", --check)
	@$(BIN)/python -m bench.pages $(ARGS)

bench-scale: .venv/.installed-bench ## Measure what one worker, one host and one Redis carry; docs/scale.md (ARGS=--quick)
	@$(BIN)/python -m bench.scale $(ARGS)

tools: .venv/.installed-dev .venv/.installed-bench ## Install what all tests need beside Python: Chromium, Java, Redis, PostgreSQL, nginx, Caddy, libfaketime, Node, Nu Html Checker, axe, Lighthouse
	@$(BIN)/python tests/setup/tools.py all

deps: .venv/.installed-dev ## Pin the dependencies again (ARGS=--upgrade for the newest)
	@$(WHEEL) .cache/wheels ./flask_presence
	$(PIP_COMPILE) $(ARGS) --output-file=requirements.txt pyproject.toml
	$(PIP_COMPILE) $(ARGS) --output-file=requirements-dev.txt --extra=dev \
		--constraint=requirements.txt pyproject.toml
	$(PIP_COMPILE) $(ARGS) --output-file=requirements-bench.txt --extra=bench \
		--constraint=requirements.txt pyproject.toml
	@sed -i.whole '/^$$/,$$d' requirements*.txt && rm requirements*.txt.whole # a warning of the library

wheel: .venv/.installed ## Build both packages: dist/flask_presence-….whl, and dist/viblog-….whl, which needs it
	@$(WHEEL) dist ./flask_presence .
	@ls dist/flask_presence-*.whl dist/viblog-*.whl

clean: ## Remove everything that make made
	rm -rf .venv .cache static/vendor static/fonts instance dist build *.egg-info
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.created:
	@fits='import sys; sys.exit(sys.version_info < tuple(map(int, "$(OLDEST)".split("."))))'; \
	for python in $(if $(PYTHON),"$(PYTHON)",python3 $(NEWER)); do \
		! "$$python" -c "$$fits" 2>/dev/null || break; python=; \
	done; \
	if [ -z "$$python" ]; then echo >&2 "No Python of at least $(OLDEST): tried" \
		"$(or $(PYTHON),python3 $(NEWER)). Install one, or name it: make PYTHON=/path/to/python $(MAKECMDGOALS)"; exit 1; fi; \
	echo "Making .venv (once) of $$python, $$("$$python" --version)"; \
	rm -rf .venv; \
	"$$python" -m venv .venv || { rm -rf .venv; echo >&2 \
		"Python's venv module did not work; on Debian: apt-get install python3-venv"; exit 1; }
	@touch $@

.venv/.installed: pyproject.toml flask_presence/pyproject.toml requirements.txt .venv/.created $(if $(wildcard $(HTMX)/dist),,FORCE) $(if $(wildcard $(VENDORED)),,FORCE)
	@echo "Installing requirements.txt, htmx, icons and the font (once)"
	@$(PIP) --require-hashes -r requirements.txt
	@if [ -d $(HTMX)/dist ] && $(PINS) | cmp -s - $(VENDORED); then \
		export HATCH_NPM_VENDOR_SKIP=1; fi; \
		$(PIP) --no-deps --no-build-isolation --no-index -e ./flask_presence -e .
	@$(PINS) > $(VENDORED)
	@touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	@echo "Installing requirements-dev.txt (once)"
	@$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@

.venv/.installed-bench: requirements-bench.txt .venv/.installed
	@echo "Installing requirements-bench.txt (once)"
	@$(PIP) --require-hashes -r requirements-bench.txt
	@touch $@
