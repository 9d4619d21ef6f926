# What this project can do: `make help`. Every target sets up .venv by itself, once.

PYTHON = python3
HOST = 127.0.0.1
PORT = 8000
WORKERS = 1
RUN = .venv/bin/python
BROWSERS = chromium chromium-browser google-chrome
PARALLEL = auto --maxprocesses 8

export PYTHON CHROMIUM
unexport PYTHONDONTWRITEBYTECODE  # every command of manage.py would compile all its modules anew

.NOTPARALLEL:
.PHONY: help demo serve test test-browser check bench bench-api bench-distributed bench-what-if load chaos openapi lock clean base-env test-env bench-env

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '  make %-14s %s\n' "$$name" "$$text"; done

demo: base-env ## 120 sources in, the probabilities of 64 futures out: the whole platform once, in the terminal
	@$(RUN) manage.py demo

serve: base-env ## the web UI and its workers at http://127.0.0.1:8000 (HOST=, PORT=, WORKERS=)
	@$(RUN) manage.py serve --host "$(HOST)" --port "$(PORT)" --workers "$(WORKERS)"

test: test-env ## all tests but those in a browser: on PostgreSQL, some on SQLite too
	@echo "Tests on PostgreSQL and Redis"
	@$(RUN) -m pytest -q -n $(PARALLEL) -m "not browser" $(ARGS)
	@echo "Tests on the embedded SQLite"
	@$(RUN) -m pytest -q -n $(PARALLEL) -m "sqlite and not browser" --sqlite $(ARGS)

test-browser: test-env ## the tests in a real browser: pages, phone width, accessibility
	@for name in $${CHROMIUM:-$(BROWSERS)}; do command -v "$$name" > /dev/null 2>&1 && exit 0; done; \
		echo "make test-browser: no Chromium found; install it (Debian: apt-get install chromium) or set CHROMIUM=/path" >&2; \
		exit 1
	@$(RUN) -m pytest -q -m browser -n 2 --dist loadfile $(ARGS)

check: export DATA_DIR = var/check
check: test-env ## style, types, import rules, migrations, Django's own checks
	@echo "ruff" && $(RUN) -m ruff check && $(RUN) -m ruff format --check --quiet
	@echo "import rules" && $(RUN) -c 'from importlinter.cli import lint_imports; raise SystemExit(lint_imports())'
	@echo "mypy" && $(RUN) -m mypy && $(RUN) -m mypy --config-file deploy/client/pyproject.toml
	@echo "migrations" && $(RUN) manage.py makemigrations --check --dry-run
	@echo "Django" && $(RUN) manage.py check --fail-level WARNING
	@echo "Django, as a server would run it" && DATABASE_URL=postgres://db/aifutures ENABLE_HTTPS=true \
		SECRET_KEY="$$($(RUN) -c 'import secrets; print(secrets.token_urlsafe(64))')" \
		JWT_SIGNING_KEY="$$($(RUN) -c 'import secrets; print(secrets.token_urlsafe(64))')" \
		ALLOWED_HOSTS=example.org $(RUN) manage.py check --deploy --fail-level WARNING

bench: bench-env ## the engine's speed, beside NumPy and JAX
	@$(RUN) -m bench

bench-api: bench-env ## the API's speed, and GET /scenarios beside the same in FastAPI
	@$(RUN) -m bench.api

bench-distributed: base-env ## worker processes of a Dask cluster against threads, and what many machines would take
	@$(RUN) -m bench.distributed

bench-what-if: base-env ## what-if questions through the queue, from asking to the answer, beside a long run
	@$(RUN) -m bench.what_if

load: test-env ## how many sockets follow one run on this machine, and what they cost (SOCKETS=1000)
	@$(RUN) -m deploy.load $(SOCKETS)

chaos: test-env ## what becomes of runs while workers, servers and databases are killed (SCENARIOS=, --short)
	@$(RUN) -m deploy.chaos $(SCENARIOS)

openapi: base-env ## renew tests/contract/openapi.yaml after a change of the API
	@$(RUN) manage.py spectacular --validate --fail-on-warn --file tests/contract/openapi.yaml

lock: test-env ## pin the newest versions of requirements/*.in (network)
	@$(RUN) -m pip install --quiet --disable-pip-version-check uv
	@for name in base production test bench; do \
		$(RUN) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header \
			$$([ $$name = base ] || echo "--constraint requirements/base.txt") \
			requirements/$$name.in --output-file requirements/$$name.txt; done

clean: ## remove .venv and caches; what is in var/ stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

base-env:
	@sh requirements/install.sh base

test-env:
	@sh requirements/install.sh test

bench-env:
	@sh requirements/install.sh bench
