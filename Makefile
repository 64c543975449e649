# howdah: `make demo` and `make test` need a Rust toolchain, CPython 3.10 or newer, and a C linker; nothing else.
# Another Python: make PYTHON=python3.13 ... Another environment: make VENV=build/venv-3.13 ...

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

PYTHON ?= python3
VENV ?= .venv
# `release` or `dev`: how the extension is built.
PROFILE ?= release
CARGO ?= cargo
PYTEST_ARGS ?=

PY := $(abspath $(VENV))/bin/python
# The interpreter PyO3 builds for, the same in every target, or cargo would build it again each time.
export PYO3_PYTHON := $(PY)
export PYTHONUNBUFFERED := 1

STAMP := $(VENV)/.howdah
# Linking a test harness of what uses PyO3 needs libpython, which many interpreters lack: pytest covers these crates.
EXTENSION_CRATES := howdah-ffi howdah-adapt howdah-python
RUST_TESTED := --workspace $(addprefix --exclude ,$(EXTENSION_CRATES))
# Every feature but `gssapi`, which needs more than cargo to build: see `make test-gssapi`.
ALL_FEATURES := $(shell sed -n '/^\[features\]/,/^$$/s/^\([a-z_-]*\) = .*/howdah\/\1/p' crates/howdah/Cargo.toml)
FEATURES := --features '$(filter-out howdah/gssapi,$(ALL_FEATURES))'
# The feature `rustls` is in every other build.
WITHOUT_TLS := -p howdah --no-default-features --features tokio --test without_tls
# The example of a service is a workspace of its own, as the benchmark is.
AXUM := examples/rust-axum
PURE_CRATES := howdah-protocol howdah-types
PYTHON_SOURCES := python tests tools demo bench examples/python
GENERATORS := async_to_sync generate_sqlstates generate_oids third_party

say = @printf '\n=== %s\n' "$(1)"
existing = $(wildcard $(1))

.PHONY: help
help:
	@echo 'make demo     build howdah and walk through the page, live'
	@echo 'make test     every test, Rust and Python, unit and against real servers'
	@echo 'make bench    measure against the peers, into docs/bench/'
	@echo 'make lint     formats, clippy, ruff, mypy'
	@echo 'make docs     the manual and the API pages into build/docs/'
	@echo 'make build    only build the extension; make venv: only its environment'
	@echo 'make fmt      format Rust and Python; make clean: remove what was built'
	@echo 'make test-rust, test-python, test-generated: parts of make test'
	@echo 'make test-debian, test-axum, test-gssapi, test-pythons, check-wasm, check-platforms, check-msrv, package, wheel, deny: beside it, in .ci/run'
	@echo 'make test-differential: new values and schemas against psycopg, EXAMPLES=20 times as many, on every server'

# --- the environment and the extension ---------------------------------------------------------------------------

$(STAMP)-%: tools/requirements/%.txt $(addprefix tools/requirements/,base.txt test.txt arrow.txt) tools/make_venv.py
	$(call say,Python environment for $*)
	@$(PYTHON) tools/make_venv.py $(VENV) $<
	@touch $@

EXTENSION_SOURCES := $(shell find crates -type f -not -path '*/tests/*' 2>/dev/null) \
	$(call existing,Cargo.toml Cargo.lock pyproject.toml)
# The module lies in the source tree: without it the stamp means nothing.
EXTENSION := $(call existing,python/howdah/_howdah*.so)

$(STAMP)-built-$(PROFILE): $(STAMP)-base $(EXTENSION_SOURCES) $(if $(EXTENSION),,rebuild)
	$(call say,building the extension ($(PROFILE)); the first time takes some minutes)
	@VIRTUAL_ENV=$(abspath $(VENV)) $(PY) -m maturin develop --profile $(PROFILE) < /dev/null
	@rm -f $(STAMP)-built-*
	@touch $@

.PHONY: rebuild venv build
rebuild:
venv: $(STAMP)-base
build: $(STAMP)-built-$(PROFILE)

# --- the two commands --------------------------------------------------------------------------------------------

.PHONY: demo
demo: build
	$(call say,the page of asynchronous operations)
	@$(PY) -m demo < /dev/null

.PHONY: test test-generated test-rust test-python
test: test-generated test-rust test-python
	$(call say,every test passed)

test-generated: $(STAMP)-test
	$(call say,generated files are current)
	@for tool in $(GENERATORS); do echo "$$tool"; $(PY) tools/$$tool.py --check; done

test-rust: $(STAMP)-test
	$(call say,Rust tests)
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		$(PY) tools/with_server.py $(CARGO) nextest run $(RUST_TESTED) $(FEATURES) < /dev/null; \
	else \
		$(PY) tools/with_server.py $(CARGO) test $(RUST_TESTED) $(FEATURES) --lib --bins --tests < /dev/null; \
	fi
	$(call say,Rust tests without TLS)
	@$(PY) tools/with_server.py $(CARGO) test $(WITHOUT_TLS) < /dev/null
	$(call say,Rust documentation examples)
	@$(PY) tools/with_server.py $(CARGO) test --doc $(RUST_TESTED) $(FEATURES) < /dev/null

test-python: $(STAMP)-libraries build
	$(call say,Python tests)
	@$(PY) -m pytest tests $(PYTEST_ARGS) < /dev/null

# --- beside them -------------------------------------------------------------------------------------------------

.PHONY: bench
bench: $(STAMP)-bench build
	$(call say,benchmarks)
	@$(PY) bench/run.py $(BENCH_ARGS) < /dev/null

.PHONY: lint
lint: test-generated
	$(call say,cargo fmt)
	@$(CARGO) fmt --all --check
	@$(CARGO) fmt --check --manifest-path bench/rust/Cargo.toml
	@$(CARGO) fmt --check --manifest-path fuzz/Cargo.toml
	@$(CARGO) fmt --check --manifest-path $(AXUM)/Cargo.toml
	$(call say,cargo clippy)
	@$(CARGO) clippy --workspace --all-targets $(FEATURES) -- -D warnings
	@$(CARGO) clippy $(WITHOUT_TLS) -- -D warnings
	@$(CARGO) clippy -p howdah-net --all-targets -- -D warnings
	@$(CARGO) clippy --manifest-path bench/rust/Cargo.toml --target-dir target/bench --all-targets -- -D warnings
	@$(CARGO) clippy --manifest-path $(AXUM)/Cargo.toml --target-dir target/axum --all-targets -- -D warnings
	$(call say,dependencies have their reasons in DESIGN.md)
	@$(PY) tools/check_dependencies.py
	$(call say,what the Rust crates export has examples)
	@$(PY) tools/check_examples.py
	$(call say,walls between crates, files and modules)
	@$(PY) tools/check_layers.py
	$(call say,what is published says what it is)
	@$(PY) tools/check_packages.py
	$(call say,ruff)
	@$(PY) -m ruff check $(PYTHON_SOURCES)
	@$(PY) -m ruff format --check $(PYTHON_SOURCES)
	$(call say,mypy --strict)
	@$(PY) -m mypy --strict $(PYTHON_SOURCES)

.PHONY: fmt
fmt: $(STAMP)-test
	@$(CARGO) fmt --all
	@$(CARGO) fmt --manifest-path bench/rust/Cargo.toml
	@$(CARGO) fmt --manifest-path fuzz/Cargo.toml
	@$(CARGO) fmt --manifest-path $(AXUM)/Cargo.toml
	@$(PY) -m ruff check --fix $(PYTHON_SOURCES)
	@$(PY) -m ruff format $(PYTHON_SOURCES)

.PHONY: docs
docs: $(STAMP)-docs build
	$(call say,Rust API pages)
	@RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps $(RUST_TESTED) --exclude howdah-testkit $(FEATURES)
	$(call say,the manual and the Python API pages)
	@$(PY) tools/build_docs.py build/docs

.PHONY: check-wasm
check-wasm:
	@if rustup target list --installed 2>/dev/null | grep -qx wasm32-unknown-unknown; then \
		$(CARGO) check --target wasm32-unknown-unknown $(addprefix -p ,$(PURE_CRATES)); \
	else \
		echo 'wasm32-unknown-unknown is not installed: skipped'; \
	fi

# Nothing is linked and nothing run: what is written in C, a part of ring, is left out. Clippy also finds what nobody uses there.
PLATFORMS := x86_64-pc-windows-msvc aarch64-apple-darwin x86_64-apple-darwin x86_64-unknown-linux-musl
RELEASED_CRATES := --workspace --exclude howdah-testkit
.PHONY: check-platforms
check-platforms: export PYO3_CROSS_PYTHON_VERSION := 3.11
check-platforms: export SDKROOT := /
check-platforms:
	@for target in $(PLATFORMS); do \
		if rustup target list --installed 2>/dev/null | grep -qx $$target; then \
			echo "$$target"; \
			suffix=$${target//-/_}; \
			export CC_$$suffix=$(CURDIR)/tools/no_compiler.sh AR_$$suffix=$(CURDIR)/tools/no_compiler.sh; \
			$(CARGO) clippy --target $$target -p howdah --no-default-features -- -D warnings && \
			$(CARGO) clippy --target $$target $(RELEASED_CRATES) $(FEATURES) -- -D warnings || exit 1; \
		else \
			echo "$$target is not installed: skipped"; \
		fi; \
	done

# Cargo refuses dependencies that need a newer compiler, and clippy what is newer in the standard library.
MSRV := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
.PHONY: check-msrv
check-msrv:
	@if $(CARGO) --version | grep -q '^cargo $(MSRV)\.'; then \
		echo 'Rust $(MSRV), the oldest that is promised, is what everything has been built with'; \
	elif $(CARGO) +$(MSRV) --version > /dev/null 2>&1; then \
		$(CARGO) +$(MSRV) check --workspace $(FEATURES) --target-dir target/msrv; \
	else \
		echo 'Rust $(MSRV), the oldest that is promised, is not installed: skipped'; \
	fi

# Each package is built from what would be published, in the order in which they need each other. The profile is that of the
# workspace, so that what tests have built of others is built. Of ours cargo would take an older package of the same version,
# which it has unpacked in a folder for registries without a host.
UNPUBLISHED := howdah-adapt howdah-ffi howdah-python howdah-testkit
.PHONY: package
package:
	$(call say,the packages of the Rust crates)
	@rm -rf target/package target/debug/.fingerprint/howdah* "$${CARGO_HOME:-$$HOME/.cargo}"/registry/src/-*/howdah*
	@$(CARGO) package --workspace $(addprefix --exclude ,$(UNPUBLISHED)) --allow-dirty \
		--config 'profile.dev.debug="line-tables-only"'

# The wheel is built of the source distribution alone, without the network, and imported where there is nothing else.
.PHONY: wheel
wheel: $(STAMP)-base
	$(call say,the wheel ($(PROFILE)) of the source distribution)
	@rm -rf build/dist build/sdist build/venv-wheel && mkdir -p build/sdist
	@$(PY) -m maturin sdist --out build/dist < /dev/null 2> build/sdist.log || { cat build/sdist.log; exit 1; }
	@tar xzf build/dist/howdah-*.tar.gz -C build/sdist
	@PATH="$(dir $(PY)):$$PATH" CARGO_NET_OFFLINE=true CARGO_TARGET_DIR=$(CURDIR)/target MATURIN_PEP517_ARGS='--profile $(PROFILE)' \
		$(PY) -m pip wheel --quiet --no-index --no-deps --no-build-isolation -w build/dist build/sdist/howdah-* < /dev/null
	@$(PY) tools/check_distribution.py build/dist/*
	@$(PY) -m venv build/venv-wheel
	@build/venv-wheel/bin/python -m pip install --quiet --no-index --no-deps build/dist/*.whl < /dev/null
	@build/venv-wheel/bin/python -I -W error -c 'import howdah; print(howdah.__file__, howdah.__version__)'

# The API against that of the last release, or of a revision: make semver BASE=main~10.
BASE ?= $(shell git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null)
PUBLIC_CRATES := howdah howdah-deadpool howdah-bb8
.PHONY: semver
semver:
	@if ! $(CARGO) semver-checks --version > /dev/null 2>&1; then \
		echo 'cargo-semver-checks is not installed: skipped'; \
	elif [ -z '$(BASE)' ]; then \
		echo 'there is no release to compare with, nor BASE: skipped'; \
	else \
		$(CARGO) semver-checks --baseline-rev $(BASE) $(addprefix -p ,$(PUBLIC_CRATES)); \
	fi

# Advisories are in a database that is fetched: `cargo deny check` has them as well.
.PHONY: deny
deny:
	@if $(CARGO) deny --version > /dev/null 2>&1; then \
		$(CARGO) deny check licenses bans sources; \
	else \
		echo 'cargo-deny is not installed: skipped'; \
	fi

# What the oracle does on a second version of the server is not in question, nor what a made-up server does.
MADE_UP := $(filter-out tests/hostile/test_faults.py,$(wildcard tests/hostile/test_*.py)) \
	tests/interruption/test_cancel_requests.py
.PHONY: test-debian
test-debian: $(STAMP)-test build
	$(call say,Python tests on the server of Debian)
	@if compgen -G '/usr/lib/postgresql/*/bin/initdb' > /dev/null; then \
		HOWDAH_TESTS_FLAVOUR=debian $(PY) -m pytest tests -q -k 'not psycopg- and not psycopg]' \
			$(addprefix --ignore=,$(MADE_UP)) < /dev/null; \
	else \
		echo 'it is not installed: skipped'; \
	fi

.PHONY: test-axum
test-axum: $(STAMP)-test
	$(call say,the example of a service with axum)
	@$(PY) tools/with_server.py $(CARGO) test --manifest-path $(AXUM)/Cargo.toml --target-dir target/axum < /dev/null

# With the system's Kerberos, a KDC, and Debian's PostgreSQL; in a copy of the package, beside the extension without it.
GSSAPI_CRATES := -p howdah-net -p howdah -p howdah-python --features howdah/gssapi,howdah-python/gssapi
.PHONY: test-gssapi
test-gssapi: $(STAMP)-test build
	$(call say,authentication and encryption by GSSAPI)
	@if [ ! -e /usr/include/gssapi/gssapi_krb5.h ] || ! /sbin/ldconfig -p | grep -q libclang; then \
		echo 'the headers of Kerberos, or libclang, are not installed: skipped'; \
	else \
		$(CARGO) clippy $(GSSAPI_CRATES) --all-targets -- -D warnings && \
		$(CARGO) clippy -p howdah-net --features gssapi -- -D warnings && \
		$(PY) tools/with_kdc.py $(CARGO) test -p howdah --features gssapi --test gssapi -- --ignored < /dev/null && \
		rm -rf build/gssapi && mkdir -p build/gssapi && cp -R python/howdah build/gssapi/ && \
		$(CARGO) build -p howdah-python --lib --features gssapi && \
		cp target/debug/lib_howdah.so $$(echo build/gssapi/howdah/_howdah*.so) && \
		HOWDAH_TESTS_GSSAPI=1 PYTHONPATH=$(CURDIR)/build/gssapi $(PY) -m pytest -q \
			tests/connection/test_gssapi.py tests/connection/test_gss_encryption.py -k 'not psycopg- and not psycopg]' < /dev/null; \
	fi

# Other examples at every run. What it finds it prints as a seed, for tests/seeds/.
EXAMPLES ?= 20
.PHONY: test-differential
test-differential: $(STAMP)-test build
	$(call say,values and schemas that hypothesis invents)
	@flavours=embedded; \
	if compgen -G '/usr/lib/postgresql/*/bin/initdb' > /dev/null; then flavours='embedded debian'; fi; \
	for flavour in $$flavours; do \
		HOWDAH_TESTS_FLAVOUR=$$flavour HOWDAH_TESTS_RANDOM=1 HOWDAH_TESTS_EXAMPLES=$(EXAMPLES) \
			$(PY) -m pytest tests/differential -q \
			-k 'not psycopg- and not psycopg]' $(PYTEST_ARGS) < /dev/null; \
	done

.PHONY: test-pythons
test-pythons:
	$(call say,other CPythons)
	@$(PYTHON) tools/other_pythons.py

.PHONY: clean
clean:
	rm -rf target build $(VENV) python/howdah/_howdah*.so
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
