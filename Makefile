# Every target works from a clean clone, twice in a row, and from a path with a space in it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.PHONY: help setup demo test fuzz lint bench faults clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

setup: ## install what demo and test need: Debian's packages (as root), uv, the locked environment, the engine
	@scripts/setup.sh

demo: setup ## run the whole pipeline on simulated data of every family, down to results/report.html
	@./nextflow run main.nf -profile demo -resume
	@echo "The report is $$(pwd)/results/report.html"

test: setup ## run every test, on up to four cores; GXTOOL_REQUIRE=all lets none be skipped
	@OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n logical --maxprocesses 4 --dist loadfile $(PYTEST_ARGS)

fuzz: setup ## damage files and read them for MINUTES (5), from SEED on; inputs that fail are kept in .fuzz
	@OMP_NUM_THREADS=1 .venv/bin/python tests/fuzz/campaign.py --minutes $(or $(MINUTES),5) $(if $(SEED),--seed $(SEED))

lint: setup ## check the Python and the Nextflow code
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .
	@GXTOOL_ENGINE=25.04.4 ./nextflow lint main.nf modules conf nextflow.config

bench: setup ## measure speed and memory beside the published ways (benchmarks/README.md)
	@.venv/bin/python -m benchmarks

faults: setup ## kill commands, tasks and head processes at random moments (docs/reliability.md); hours, as root
	@.venv/bin/python -m benchmarks.faults

clean: ## remove what runs leave behind; the environment and the engine stay
	@rm -rf work results .nextflow .nextflow.log* .gxtool .pytest_cache .ruff_cache .hypothesis .fuzz
