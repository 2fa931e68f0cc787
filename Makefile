# Everything works from a fresh clone on Debian 12 with Go; the first run as
# root installs what is missing.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO ?= go
# Each package's tests start PostgreSQL servers of their own.
TEST_PARALLEL ?= 2
TEST_TIMEOUT ?= 40m
FUZZ_TIME ?= 20s
# A program built with -race sleeps a second before it exits, and the tests run
# landlord a thousand times.
export GORACE ?= atexit_sleep_ms=20

.PHONY: help
help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/landlord
	$(GO) build -trimpath -o bin/landlord ./cmd/landlord

.PHONY: demo
demo: ## Run landlord's demo on a private PostgreSQL server
	@scripts/install-deps.sh demo
	@$(MAKE) --no-print-directory build
	@bin/landlord demo $(DEMO_FLAGS)

.PHONY: test
test: deps lint ## Run all checks and all tests, on every major version
	$(GO) test -race -timeout $(TEST_TIMEOUT) -p $(TEST_PARALLEL) ./...

.PHONY: deps
deps: ## Install what the tests need
	@scripts/install-deps.sh test

.PHONY: lint
lint: ## Check format and code without running it
	@unformatted=$$(gofmt -l .); \
	if [[ -n $$unformatted ]]; then echo "gofmt -w these:" $$unformatted >&2; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

.PHONY: bench
bench: deps ## Measure against the limits in docs/performance.md
	$(GO) run ./internal/bench

.PHONY: fuzz
fuzz: ## Fuzz every parser and quoting function for a while
	scripts/fuzz.sh $(FUZZ_TIME)

.PHONY: docs
docs: ## Write the reference pages anew
	$(GO) run ./internal/docgen

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin
