# One door for every day. `make help` lists what there is; everything is installed into .venv, nothing elsewhere
# (only `make test` also installs system packages, its peers, and says so).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# The environment comes last: what it may add is cmake, where the system has none.
export PATH := $(HOME)/.cargo/bin:$(PATH):$(CURDIR)/.venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_CONSTRAINT := constraints.txt
# Bytecode is kept, for commands start often in the tests, but beside the environment and not in the tree.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/bytecode

PY := .venv/bin/python
PYTEST := $(PY) -m pytest -p no:cacheprovider
# Whole files go to a few processes; most tests with real programs wait for audio to pass, so there is one more than cores.
SIDE_BY_SIDE := -n $(or $(WORKERS),3) --dist loadfile --no-loadscope-reorder
# In a session of its own, as the last one: the kernel shares processors between sessions before it looks at niceness. Where
# sessions are shared so and cannot be last, it waits until the others are done.
LAST_IN_LINE = setsid bash -c 'if [ -e /proc/self/autogroup ] && ! { echo 19 >/proc/self/autogroup; } 2>/dev/null; \
	then until [ -e .venv/noise.turn ]; do sleep 1; done; fi; exec "$$@"' last-in-line
CODE := src tests bench examples
RUST := $(shell find crates -path '*/target' -prune -o \( -name '*.rs' -o -name 'Cargo.toml' \) -print 2>/dev/null)

.PHONY: help run demo test unit check bench fuzz noise wheel clean peers interop-client-sdk

help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

run: .venv/.core ## start a platform on this machine with a demo to call (installs everything the first time)
	@exec .venv/bin/ringline dev

demo: .venv/.core ## start a platform, call its demo, show the call live, leave the caller's audio in var/demo/
	@.venv/bin/ringline trial --record var/demo/caller.wav

# The peers are fetched while the core is built, and what waits for audio to pass leaves time for noise.
test: ## everything, with SIPp, baresip, linphonec, Kamailio, Chromium and PostgreSQL as real peers, and a minute of noise for every fuzz target
	@$(MAKE) --no-print-directory peers & peers=$$!; trap 'wait $$peers' EXIT; \
	$(MAKE) --no-print-directory .venv/.core .venv/.dev; cargo test --quiet --workspace --no-run; trap - EXIT; wait $$peers
	@rm -f .venv/noise.enough .venv/noise.turn; \
	$(LAST_IN_LINE) $(MAKE) --no-print-directory noise ENOUGH=.venv/noise.enough >.venv/noise.log 2>&1 & noise=$$!; trap 'kill -- -$$noise' EXIT; \
	cargo test --quiet --workspace -- --skip for_a_while; \
	$(PYTEST) $(SIDE_BY_SIDE); \
	trap - EXIT; touch .venv/noise.turn; { echo 0 >/proc/$$noise/autogroup; } 2>/dev/null || true; { sleep 120; touch .venv/noise.enough; } >/dev/null 2>&1 & \
	wait $$noise || { cat .venv/noise.log; echo "the noise of the fuzz targets has found something" >&2; exit 1; }; kill $$! 2>/dev/null || true; \
	grep -E "inputs in|rounds from" .venv/noise.log

unit: .venv/.core .venv/.dev ## unit and scenario tests, no network, some minutes
	@cargo test --quiet --workspace
	@$(PYTEST) $(SIDE_BY_SIDE) -m "not interop"

interop-client-sdk: .venv/.core .venv/.dev ## the official browser library in Chromium (installed from npm into a folder that is thrown away)
	@command -v chromium >/dev/null || { echo "Chromium is needed: on Debian and Ubuntu, apt install chromium" >&2; exit 1; }
	@$(PY) -m tests.interop.client_sdk $(CHECKS)

check: .venv/.core .venv/.dev ## format, lint, types, import directions, the media core's face
	@.venv/bin/ruff format --check $(CODE)
	@.venv/bin/ruff check $(CODE)
	@.venv/bin/mypy --strict --explicit-package-bases $(CODE)
	@.venv/bin/lint-imports
	@cargo fmt --check
	@cargo clippy --quiet --workspace --all-targets -- -D warnings
	@$(PYTEST) --quiet tests/media -k "stub"

bench: .venv/.core .venv/.dev ## legs per core, milliseconds per call, beside the kernel's floor
	@$(PY) -m bench

# Only what nobody else wants of the processors: a minute for each target, all at the same time, whatever the clock says;
# it ends early where somebody waits and has a file say so (ENOUGH).
noise: .venv/.dev
	@idly=(nice -n 19); if chrt --idle 0 true 2>/dev/null; then idly+=(chrt --idle 0); fi; pids=(); trap 'kill "$${pids[@]}"' EXIT; \
	for target in a_stream a_web_socket a_clients_wire; do \
		"$${idly[@]}" $(PY) -m tests.io_sip.fuzz --seconds $(or $(SECONDS_EACH),60) $(if $(ENOUGH),--enough $(ENOUGH)) $$target & pids+=($$!); \
	done; \
	RINGLINE_FUZZ_SECONDS=$(or $(SECONDS_EACH),60) $(if $(ENOUGH),RINGLINE_FUZZ_ENOUGH=$(CURDIR)/$(ENOUGH)) \
		"$${idly[@]}" cargo test --quiet --workspace --tests -- for_a_while --nocapture --test-threads=16; \
	for pid in "$${pids[@]}"; do wait $$pid; done; trap - EXIT

fuzz: .venv/.dev ## random and mutated packets, files and SIP streams for a minute each (SECONDS_EACH=60)
	@cargo run --quiet --release -p ringline-fuzz -- --seconds $(or $(SECONDS_EACH),60)
	@$(PY) -m tests.io_sip.fuzz --seconds $(or $(SECONDS_EACH),60)

wheel: .venv/.dev ## build the wheel into dist/
	@.venv/bin/maturin build --release --out dist

clean: ## remove what was built and installed; var/ with its recordings stays
	rm -rf .venv target dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -f src/ringline/*.so
	find src tests bench examples -name __pycache__ -type d -prune -exec rm -rf {} +

# ── the environment ──────────────────────────────────────────────────────────────────────────────────────────────────

# What is missing is said in one sentence, with what to do about it.
.venv/bin/python:
	@for each in $(PYTHON) python3.14 python3.13 python3.12 python3.11 python3; do \
		if "$$each" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "creating .venv with $$each"; exec "$$each" -m venv .venv; \
		fi; \
	done; \
	echo "Python 3.11 or newer with its venv module is needed: on Debian and Ubuntu, apt install python3-venv" >&2; exit 1

.venv/.run: constraints.txt pyproject.toml | .venv/bin/python
	@echo "installing Ringline's dependencies, the offline voice (espeak-ng, which is GPLv3 and runs in processes of its own) and the offline recogniser (pocketsphinx)"
	@$(PY) -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; e = p["optional-dependencies"]; print(*p["dependencies"], *e["espeak"], *e["pocketsphinx"], *[d for d in e["dev"] if d.startswith("maturin")], sep="\n")' > .venv/run.txt
	@$(PY) -m pip install --quiet -r .venv/run.txt
	@touch $@

.venv/.dev: .venv/.run
	@echo "installing the tools for tests and checks"
	@$(PY) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["dev"], sep="\n")' > .venv/dev.txt
	@$(PY) -m pip install --quiet -r .venv/dev.txt
	@touch $@

# The core is built again only when Rust sources or the project file changed; Python sources are used where they are.
.venv/.core: .venv/.run pyproject.toml Cargo.toml Cargo.lock $(RUST)
	@command -v cc >/dev/null || { echo "A C compiler is needed: on Debian and Ubuntu, apt install build-essential" >&2; exit 1; }
	@command -v cmake >/dev/null || $(PY) -m pip install --quiet cmake # libopus is built with it
	@command -v cargo >/dev/null || { echo "Rust 1.85 or newer is needed: install it with rustup (https://rustup.rs)" >&2; exit 1; }
	@$(PY) -c 'import re, subprocess, sys; v = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout; n = tuple(map(int, re.findall(r"\d+", v)[:2])); sys.exit(None if n >= (1, 85) else f"Rust 1.85 or newer is needed, this is {v.strip() or chr(63)}: run rustup update stable")'
	@echo "building the media core (a minute or two the first time)"
	@PIP_QUIET=1 VIRTUAL_ENV="$(CURDIR)/.venv" .venv/bin/maturin develop --release --quiet
	@touch $@

# Real phones, Node and the database server for the tests come from the system's packages. The tests start a server of their own.
peers:
	@missing=(); command -v sipp >/dev/null || missing+=(sip-tester); command -v baresip >/dev/null || missing+=(baresip); \
	[ -x /usr/sbin/kamailio ] || missing+=(kamailio); ls /usr/lib/*/kamailio/modules/tls.so >/dev/null 2>&1 || missing+=(kamailio-tls-modules); \
	command -v tc >/dev/null || [ -x /sbin/tc ] || missing+=(iproute2); command -v linphonec >/dev/null || missing+=(linphone-cli); \
	{ command -v node && command -v npm; } >/dev/null || missing+=(nodejs npm); \
	command -v chromium >/dev/null || missing+=(chromium); \
	command -v pg_ctl >/dev/null || ls /usr/lib/postgresql/*/bin/pg_ctl >/dev/null 2>&1 || missing+=(postgresql); \
	if [ $${#missing[@]} -gt 0 ]; then \
		command -v apt-get >/dev/null || { echo "The tests need SIPp, baresip, Kamailio, linphonec, Chromium, PostgreSQL and Node with npm: install them with your system's packages" >&2; exit 1; }; \
		sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
		echo "installing the system packages $${missing[*]}, the peers of the tests ($${sudo:+with sudo: }apt-get install)"; \
		$$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends "$${missing[@]}" >/dev/null; \
	fi
