# What must hold, by named steps. `make verify` runs them all; so does .ci/run, after installing what they need.
# One step by itself: make clippy

export CARGO_TERM_COLOR ?= never
export RUST_BACKTRACE ?= 0

STEPS := fmt clippy deny rust-version api doc quickstart test zone-data features web oracle package fuzz

# Tests of the binary `it` that see something else, or nothing without it, with the features.
IT_WITH_FEATURES := conformance:: saboteurs:: canary:: sqlite:: examples::
# Tests of the binary `staged` that see the same with the features, and have run without.
STAGED_ALIKE := postgres_oracle:: corpus_templates:: template_peers:: shared_cases::
# Packages beside the library, each with a lock file of its own.
TOOLS := $(patsubst %/Cargo.toml,%,$(wildcard */Cargo.toml benches/*/Cargo.toml examples/*/Cargo.toml))
# For how long each fuzz target runs.
FUZZ_SECONDS ?= 60

CARGO_TEST := cargo test --locked --all-features
XTASK := cargo run --locked --quiet --manifest-path xtask/Cargo.toml --target-dir target --

.PHONY: verify steps $(STEPS) api-renew fix
.NOTPARALLEL:

verify: $(STEPS)

# For .ci/run, which says how long each step took.
steps:
	@echo $(STEPS)

fmt:
	cargo fmt --all -- --check
	for tool in $(TOOLS); do cargo fmt --manifest-path $$tool/Cargo.toml -- --check || exit; done

# With `rust-version` in Cargo.toml, clippy also refuses what the oldest promised Rust does not have.
clippy:
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --features conformance -- -D warnings
	cargo clippy --locked --features sqlite -- -D warnings
	cargo clippy --locked --features postgres -- -D warnings
	cargo clippy --locked --all-targets --all-features -- -D warnings
	cargo clippy --locked --manifest-path xtask/Cargo.toml --target-dir target --all-targets -- -D warnings

# The advisories need a database from outside. Where it cannot be had, the step says so and goes on, unless
# DASHSHARE_REQUIRE_ADVISORIES is set.
deny:
	cargo deny --locked check licenses bans sources
	for tool in $(TOOLS); do \
		cargo deny --locked --manifest-path $$tool/Cargo.toml --config deny.toml check sources || exit; done
	@if cargo deny --locked fetch db; then cargo deny --locked check advisories; \
	else echo "advisories: NOT CHECKED, their database cannot be had here"; \
	test -z "$$DASHSHARE_REQUIRE_ADVISORIES"; fi

# What the dependencies ask of the compiler, for each set of features.
rust-version:
	$(XTASK) rust-version

# The public face against xtask/public-api.txt.
api:
	$(XTASK) api

api-renew:
	$(XTASK) api --renew

# Without features, and as the host of the documentation builds it.
doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps
	RUSTDOC="$(CURDIR)/xtask/rustdoc" RUSTDOCFLAGS="-D warnings --cfg docsrs" cargo doc --locked --no-deps --all-features

# The README's first command.
quickstart:
	cargo run --locked --quiet --example quickstart

# The README's second command.
test:
	cargo test --locked

# The bundled zone data must be younger than a year.
zone-data:
	DASHSHARE_REQUIRE_FRESH_ZONES=1 cargo test --locked --test it -- --nocapture --exact \
		locks::age::the_zone_data_is_younger_than_a_year | tee /dev/stderr | grep -q '^test result: ok. 1 passed'

# The long histories have run without features; here is what the features add. An example that a test runs has the
# features only when it is built with them.
features:
	cargo build --profile test --locked --all-features --examples
	$(CARGO_TEST) --lib --example own_store
	$(CARGO_TEST) --test it -- $(IT_WITH_FEATURES)
	DASHSHARE_REQUIRE_POWER_CUTS=1 $(CARGO_TEST) --test staged -- $(STAGED_ALIKE:%=--skip %)
	$(CARGO_TEST) --doc
	cargo run --profile test --locked --quiet --all-features --example own_store

# The library behind a web framework.
web:
	cargo test --locked --manifest-path examples/web/Cargo.toml

# Policies against Cedar.
oracle:
	cargo run --locked --profile oracle --quiet --manifest-path benches/peers/Cargo.toml --no-default-features -- oracle

# The package builds by itself, without what stands beside it here.
package:
	cargo package --locked --allow-dirty

fuzz:
	fuzz/run $(FUZZ_SECONDS)

# Repairs what can be repaired without thought.
fix:
	cargo fmt --all
	cargo clippy --fix --allow-dirty --allow-staged --all-targets --all-features
