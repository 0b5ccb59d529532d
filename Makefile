# The command runner; every target installs what it needs and says so.
.DEFAULT_GOAL := help
bin := .venv/bin
.PHONY: help all bench clean contracts demo format guest-kernel lint run setup test types

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

all: lint types contracts test ## format check, lint, types, contracts, tests

bench: setup ## measure against ip -batch, pyroute2 and mininet (see docs/performance.md)
	@dev/packages mn=mininet iperf3=iperf3
	@for program in bench/*.py; do $(bin)/python $$program $(ARGS) || exit 1; done

clean: ## delete what the tools left in the checkout, .venv too
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

contracts: setup ## which module may import which
	@$(bin)/lint-imports

demo: run ## three hosts, two VLANs, five machines, on this machine: what Trunkline does
	@$(bin)/trunkline demo

format: setup ## format the code
	@$(bin)/ruff format
	@$(bin)/ruff check --fix

guest-kernel: run ## build the complete guest kernel, once: about 15 minutes of CPU time
	@dev/packages /usr/src/linux-source-6.12.tar.xz=linux-source-6.12 gcc=gcc strip=binutils \
		/usr/include/stdio.h=libc6-dev flex=flex bison=bison bc=bc xz=xz-utils
	@$(bin)/python -m trunkline.guest.build

lint: setup ## format check and lint
	@$(bin)/ruff format --check
	@$(bin)/ruff check

run:
	@dev/setup

setup: ## the virtual environment .venv with Trunkline and the developers' tools
	@dev/setup --dev

test: setup ## all tests, in the guest kernel what the running one cannot (ARGS="-k name")
	@$(bin)/python -m dev.run_tests $(ARGS)

types: setup ## mypy --strict
	@$(bin)/mypy
