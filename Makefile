# siyu. `make demo` shows it, `make test` proves it; both need Python >= 3.11, make and git only.

.DEFAULT_GOAL := help
.PHONY: help setup demo test check audit soak bench format client lock fresh clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv and build the web apps (cached)
	@sh tools/python.sh tools/setup.py

demo: setup ## Start everything with a demo brand on http://localhost:8000 (SIYU_PORT, SIYU_HOME)
	@exec .venv/bin/siyu demo

test: setup ## All that must hold, with the minutes of each stage
	@exec .venv/bin/python tools/run_tests.py

check: setup ## The quick part: lint, types, architecture, known flaws of what is locked
	@exec .venv/bin/python tools/run_tests.py lint types architecture advisories

audit: setup ## Known flaws of what is locked; fails also where they cannot be asked about
	@exec .venv/bin/python tools/advisories.py --strict

soak: setup ## The long runs
	@exec .venv/bin/python -m pytest -m soak

bench: setup ## Speed of orders, catalogue, events and tracking on this machine
	@for what in orders catalogue events tracking; do .venv/bin/siyu bench $$what || exit; done

format: setup ## Format and repair the Python code
	@.venv/bin/ruff format . && .venv/bin/ruff check --fix .

client: setup ## Write web/client from the code: the API's document and its TypeScript types
	@.venv/bin/python tools/client.py

lock: setup ## Resolve the dependencies anew
	@.venv/bin/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-header --quiet -o requirements.lock

fresh: ## Prove the last commit on a clean clone
	@sh tools/fresh.sh

clean: ## Remove what was built (not the data in .siyu)
	rm -rf .venv .cache web/*/node_modules web/*/dist
