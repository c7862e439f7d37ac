# make run              listen and publish
# make test             check and test everything
# make test-daemon      all tests that need no TensorFlow
# make bench            compare serd with the alternatives, about 25 minutes (ARGS="--quick": 2)
# make train            build the model again (DATA=folder of the corpora); hours
# make install-service  install or upgrade serd as a service of this machine (sudo)
#
# Each target first installs what it needs.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test test-daemon check schema lock sbom deb arm64 container release demo bench count train install-service clean

DATA ?= ../shared/data
RAVDESS ?= $(DATA)/ravdess
CREMA_D ?= $(DATA)/crema-d
BIN := .venv/bin

help: ## show the targets
	@grep -E '^[a-z0-9-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 20

run: ## listen and publish (ARGS="--source FILE --json ...")
	@scripts/setup.sh run
	@exec $(BIN)/serd run $(if $(findstring --source,$(ARGS)),,--source auto) $(ARGS)

# The tests of the daemon mostly wait, and those of training compute and need memory.
DAEMON_TESTS := -n $$(( 2 * $$(nproc) )) --dist loadfile -m "not tensorflow"
TRAINING_TESTS := -n auto --dist loadfile -m tensorflow tests/train

test: check ## check and test everything
	$(BIN)/python -m pytest $(DAEMON_TESTS)
	$(BIN)/python -m pytest $(TRAINING_TESTS)

test-daemon: ## all tests that need no TensorFlow, without the checks
	@scripts/setup.sh test-daemon
	$(BIN)/python -m pytest $(DAEMON_TESTS)

check: ## formatting, lint, types and layers, without the tests
	@scripts/setup.sh test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

schema: ## write the JSON Schemas in docs from the code
	@scripts/setup.sh run
	$(BIN)/python scripts/make_schema.py

lock: ## resolve the packages of the service again (ARGS=--upgrade: their latest versions)
	@scripts/setup.sh test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[lock]"
	$(BIN)/python scripts/make_lock.py $(ARGS)
	$(BIN)/python scripts/check_wheels.py

sbom: ## write the bill of materials of the service to build/serd.cdx.json
	@scripts/setup.sh test
	$(BIN)/python scripts/make_sbom.py

deb: ## build the Debian packages into dist/ (ARGS="--arch arm64 --release bookworm")
	@scripts/setup.sh test
	$(BIN)/python scripts/make_deb.py $(ARGS)

# Needs root. The transcript is build/systems/deb-bookworm-arm64.txt.
arm64: ## prove the package on an emulated arm64 Debian: install, hear, upgrade, remove (sudo)
	@scripts/setup.sh arm64
	$(BIN)/python scripts/make_deb.py --arch arm64 --release bookworm
	scripts/check-deb.sh bookworm arm64

container: ## build the container image with Docker or Podman (ENGINE=podman, ARGS="--build-arg ...")
	@scripts/setup.sh test
	@rm -f dist/serd-*.whl
	$(BIN)/python -m hatchling build -t wheel -d dist >/dev/null
	$(or $(ENGINE),docker) build $(ARGS) -t serd:$$($(BIN)/python -c 'import serd; print(serd.__version__)') \
		-f packaging/container/Dockerfile .

release: ## make wheel, source archive, Debian packages, bill of materials and checksums in dist/
	@scripts/setup.sh test
	$(BIN)/python scripts/make_release.py $(ARGS)

demo: ## join the bundled recording again from CREMA-D (CREMA_D=folder)
	@scripts/setup.sh run
	$(BIN)/python scripts/make_demo.py "$(CREMA_D)"

bench: ## compare serd with the alternatives (ARGS="--quick ...")
	@scripts/setup.sh bench
	@$(BIN)/python -m bench $(ARGS)

count: ## count instructions, calls and memory against the baseline (ARGS=--renew)
	@scripts/setup.sh test
	@$(BIN)/python -m bench.counting $(ARGS)

# The recipe of the model that comes with serd, as its card has it; a test compares them.
RECIPE := --also $(DATA)/nemo --also $(CREMA_D) --also $(DATA)/emotiontts-ko \
	--noise $(DATA)/esc10 --noise $(DATA)/sounds --rooms $(DATA)/rooms --ordinary $(DATA)/orders \
	--protocol all5 --seed 0

train: ## build the model again (DATA=folder of the corpora, ARGS="--jobs 2 ...")
	@scripts/setup.sh test
	$(BIN)/python -m train fit $(RAVDESS) $(RECIPE) $(ARGS)

install-service: ## install or upgrade the service of this machine, with the packages of the lock (sudo)
	@scripts/install-service.sh

clean: ## remove everything that can be built again
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist runs
