# The two that matter: `make demo` and `make test`; each is enough on its own on a fresh machine.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
# Where no screen is at hand, a virtual one; the viewer's canvas needs 24 bits and room.
SCREEN := $(if $(DISPLAY),,xvfb-run -a -s "-screen 0 1600x1200x24")
PYTEST_OPTIONS ?=

.PHONY: help demo test bench check samples schemas lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: ## analyse the bundled samples into demo-report; the last line is the report's path
	@./setup base
	@$(BIN)/guidance demo --out demo-report

test: ## the whole test suite
	@./setup dev
	$(SCREEN) $(BIN)/python -m pytest $(PYTEST_OPTIONS)

bench: ## the benchmarks, which report speeds and never fail for one
	@./setup dev
	$(BIN)/python -m pytest tests/benchmarks --benchmark-enable --benchmark-only $(PYTEST_OPTIONS)

check: ## lint, formatting, types, spelling, metadata, requirements, DICOM files
	@./setup dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/typos
	$(BIN)/validate-pyproject pyproject.toml
	$(BIN)/python tools/check_requirements.py
	git ls-files -z | xargs -0 $(BIN)/python tools/check_file_sizes.py
	git ls-files -z | xargs -0 $(BIN)/python tools/check_dicom_files.py

samples: ## write sample_dicoms again from its seed
	@./setup base
	$(BIN)/python -m guidance.simulation.samples --out sample_dicoms

schemas: ## write docs/schemas again from the records
	@./setup base
	$(BIN)/guidance schema > docs/schemas/analysis-1.schema.json
	$(BIN)/python -c "import sys; from guidance.simulation import make_truth_schema as make; \
	  sys.stdout.buffer.write(make())" > docs/schemas/truth-2.schema.json

# The command is written into the files instead of uv's own, which would name paths.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url \
  --generate-hashes --custom-compile-command "make lock"

lock: ## pin the requirements again, with hashes and without host names (needs uv)
	$(COMPILE) pyproject.toml requirements/build.in --output-file requirements/base.txt
	$(COMPILE) pyproject.toml requirements/build.in --extra dev \
	  --constraints requirements/base.txt --output-file requirements/dev.txt

clean: ## remove what was made here: .venv, caches, reports
	rm -rf .venv demo-report build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find guidance viewers tests tools -name __pycache__ -prune -exec rm -rf {} +
