# Every command of the project. `make help` lists them; the work itself is in scripts/, one file a job.

DATA   ?= data
LISTEN ?= 127.0.0.1:8080
CSV    ?= $(HAZARD_SHARED)/data/fire-inspections/inspections-2017-2018.csv
PHOTOS ?= $(HAZARD_SHARED)/data/photos
SEED   ?= 1
TARGET ?= engine

# The folder of real inspections and photos that tests and replays read.
HAZARD_SHARED ?= $(abspath ../shared)

# An empty PostgreSQL database for `make replay`; without it each run has a SQLite file.
DATABASE_URL ?=
ifneq ($(DATABASE_URL),)
export DATABASE_URL
endif

export DATA LISTEN CSV PHOTOS SEED SEEDS FROM STORE DAYS TARGET HAZARD_SHARED

.PHONY: help run test bench replay wasm web sim fuzz fmt lint deny clean mutants

help: ## List the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-8s %s\n", $$1, $$2 }'

run: ## Build, and serve a demo township (DATA=data LISTEN=127.0.0.1:8080); a second run keeps the data
	@scripts/run.sh

test: ## Check everything; ends with one line "N passed, N failed"
	@scripts/test.sh

bench: ## Run the benchmarks; writes target/bench/summary.json
	@scripts/bench.sh

replay: ## Replay all inspections through simulated phones and verify them (CSV= PHOTOS= SEED= DATABASE_URL=)
	@scripts/replay.sh

wasm: ## Build web/wasm/pkg: sync-core for browsers, with its TypeScript declarations
	@scripts/wasm.sh

web: ## Build web/dist: the apps for browsers, which the server embeds
	@scripts/web.sh

sim: ## Simulate phones, server and faults, and check every invariant (SEEDS=1000 FROM=0 STORE=memory|sqlite|postgres DAYS=)
	@scripts/sim.sh

fuzz: ## Fuzz one target for a while (TARGET=decode|engine|join|headers SECONDS=60)
	@FUZZ_SECONDS=$(or $(SECONDS),60) scripts/fuzz.sh

mutants: ## Break sync-core in every small way that cargo-mutants knows, and list what no test notices (FILES= DIFF=)
	@scripts/mutants.sh

fmt: ## Format the Rust sources
	@cargo fmt --all

lint: ## Formatting and clippy, warnings refused
	@scripts/lint.sh

deny: ## Check licences, bans and sources of all dependencies
	@scripts/deny.sh

clean: ## Remove what was built; data stays
	@cargo clean
