# `make demo` and `make test` are the two to know. Both do their own set-up.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build

CACHE    := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/django-sidecar
VERSION  ?= $(or $(shell git describe --tags --always --dirty 2>/dev/null),dev)
COMMIT   ?= $(or $(shell git rev-parse --short=12 HEAD 2>/dev/null),unknown)
FUZZTIME ?= 5s

# go test, which says once more at its end what has failed and what was skipped, and why: docs/decisions/0004-test-dependencies.md.
# Its argument is what to show on the way.
gotest = go run gotest.tools/gotestsum@v1.13.0 --no-color --format $(1) --post-run-command $(CURDIR)/tools/tally.sh -- -count=1 -p 2

# How many sessions the oracle makes for each deployment; empty: as many as its test thinks right.
export ORACLE_COUNT

# The packages that have tests against real servers. What takes longest begins first, so that no core waits for it at the end.
LIVE = ./e2e $(filter-out ./e2e $(SLOW_IN_RACE), $(shell grep -rl --include='*_test.go' '^//go:build live' . | \
	grep -v -e '^./$(CONFORMANCE)/' -e '^./$(PGX)/' -e '^./$(RELEASE)/' | xargs -rn1 dirname | sort -u))

# Hashing of passwords: the race detector makes it take four times as long, and has nothing to find in it.
SLOW_IN_RACE = ./djangosite/hashers

# A module of its own, which knows what Envoy and gRPC make of our bytes, and Kubernetes and Helm of what deploys us.
CONFORMANCE = internal/extauthz/conformance

# Beside it, the one that has the linter of Grafana's dashboards.
DASHBOARD = $(CONFORMANCE)/dashboard

# Another one, which knows a driver that a program may bring in place of ours.
PGX = internal/pgxtest

# And one that is a program beside ours, with routers and gRPC.
EXAMPLE = examples/service

# Another one, which has the makers of packages, and the linter of workflows.
RELEASE = tools/release

# What a step announces itself with.
step = @printf '\n== %s\n' '$(1)'

# In the order that is written here, whatever -j says.
.NOTPARALLEL:
.PHONY: build demo test setup lint test-unit test-servers test-live test-gateways test-browser test-clock fuzz bench bench-curves bench-go bench-upload vectors docs image release

build: ## a static binary in bin/, which is told its version here
	CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags '-s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)' \
		-o bin/django-sidecar ./cmd/django-sidecar

demo: ## a Django deployment made on the spot, to try; needs Go alone
	@go run -buildvcs=false ./cmd/django-sidecar demo

test: lint test-unit fuzz test-servers test-browser ## everything that there is to prove

test-servers: setup # the tests of gateways wait much of their time, so that they run beside the other live ones
	@tools/setup-applications.sh $(DJANGO_SIDECAR_APPLICATIONS)
	@tools/setup-gateways.sh
	@tools/beside.sh '$(MAKE) --no-print-directory test-gateways' '$(MAKE) --no-print-directory test-live'

setup: ## installs what the tests need; quiet when all is there
	$(call step,set-up)
	@tools/setup.sh

lint: setup
	$(call step,lint)
	@$(CACHE)/bin/golangci-lint run --build-tags live,gateways,browser,bench,clock ./...
	@cd $(CONFORMANCE) && $(CACHE)/bin/golangci-lint run -c $(CURDIR)/.golangci.yml ./...
	@cd $(DASHBOARD) && $(CACHE)/bin/golangci-lint run -c $(CURDIR)/.golangci.yml ./...
	@cd $(PGX) && $(CACHE)/bin/golangci-lint run -c $(CURDIR)/.golangci.yml --build-tags live ./...
	@cd $(RELEASE) && $(CACHE)/bin/golangci-lint run -c $(CURDIR)/.golangci.yml ./...
	@# The names in pages and comments: files, settings, targets, tests, links.
	@go test -count=1 -run TestNames ./internal/pages

test-unit: ## needs Go and a C compiler alone
	$(call step,unit tests with the race detector)
	@$(call gotest,pkgname) -race ./...
	@cd $(CONFORMANCE) && $(call gotest,pkgname) -race .
	@cd $(DASHBOARD) && $(call gotest,pkgname) ./...
	@cd $(EXAMPLE) && $(call gotest,pkgname) -race ./...
	@# Nothing of ours runs side by side in these, and lint has compiled Kubernetes and Helm as they are here.
	@cd $(CONFORMANCE) && $(call gotest,pkgname) ./charts ./manifests
	@# The race detector makes pools forget, so that allocations are counted without it.
	@$(call gotest,pkgname) ./signing ./djangosession

test-live: setup ## against PostgreSQL, pgbouncer, every Django and real applications; ORACLE_SEED=0 for questions that nobody has put yet
	@tools/setup-applications.sh $(DJANGO_SIDECAR_APPLICATIONS)
	$(call step,live tests with the race detector: real servers and real Djangos)
	@source $(CACHE)/env; $(call gotest,standard-verbose) -race -tags live -timeout 120m $(LIVE)
	@source $(CACHE)/env; $(call gotest,standard-verbose) -tags live $(SLOW_IN_RACE)
	$(call step,a release of the last commit, made twice and installed)
	@cd $(RELEASE) && $(call gotest,standard-verbose) -tags live -timeout 15m .
	@source $(CACHE)/env; cd $(PGX) && $(call gotest,standard-verbose) -race -tags live -timeout 10m ./...

test-gateways: setup ## deploy/ in nginx, HAProxy, Envoy, Caddy and Traefik, attacked; installs these, which takes minutes
	@tools/setup-gateways.sh
	$(call step,gateways with the race detector)
	@source $(CACHE)/env; $(call gotest,standard-verbose) -race -tags live,gateways -timeout 90m -run TestGateways ./e2e ./internal/pages
	@source $(CACHE)/env; cd $(CONFORMANCE) && $(call gotest,standard-verbose) -tags live,gateways -timeout 10m -run TestGateways ./charts

test-browser: setup ## the demo's page and pages of other origins in Chromium; installs it, and wants Node for its driver
	@tools/setup-browser.sh
	$(call step,the demo and pages of other origins in a browser)
	@source $(CACHE)/env; $(call gotest,standard-verbose) -race -tags live,browser -timeout 10m -run "TestDemoPage|TestPagesOfOtherOrigins" ./e2e

test-clock: setup ## the wall clock set under load, in user-mode Linux; each night, and not in `make test`, where a machine in a machine is slow
	$(call step,the clock of a machine of its own)
	@source $(CACHE)/env; $(call gotest,standard-verbose) -tags live,clock -timeout 20m -run '^TestClockJumps$$' ./e2e

fuzz: ## every fuzz target for FUZZTIME
	$(call step,fuzzing each target for $(FUZZTIME))
	@tools/fuzz.sh $(FUZZTIME)

bench: setup ## a session check beside an Echo no-op, the obvious version, the database alone and Django; BENCH='-rounds=1 -seconds=3' for a quick look
	@tools/setup-bench.sh
	$(call step,side by side: each alone on one core with its database; minutes)
	@mkdir -p bin; source $(CACHE)/env; go test -count=1 -tags bench -timeout 60m -v -run '^TestSideBySide$$' ./internal/sidebyside -args -markdown=$(CURDIR)/bin/bench.md $(BENCH)

bench-curves: setup ## requests a second against connections, sessions, hit rate and sidecars, memory against entries, into docs/scaling; CURVES='-curve=many -pointseconds=10', CURVES=-draw to draw again
	@tools/setup-bench.sh
	$(call step,curves: servers and database on one core, the load on another; minutes)
	@source $(CACHE)/env; go test -count=1 -tags bench -timeout 60m -v -run '^TestCurves$$' ./internal/sidebyside -args $(CURVES)

bench-go: ## the benchmarks of the packages: time and allocations
	@go test -run '^$$' -bench . -benchmem ./...

bench-upload: setup ## 1 GiB to the sidecar, to a plain io.Copy and to gunicorn with Django: by multipart and by tus: GB/s and CPU seconds; takes minutes
	@go test -count=1 -tags live,bench -timeout 20m -v -run '^TestUploadSpeed$$' ./e2e

vectors: ## writes testdata/vectors again, by real Djangos
	@testdata/generate/all.sh $(CACHE)/venv

docs: ## writes the pages that are made of tables in the code
	@go generate ./...
	@cd $(CONFORMANCE) && go generate ./...

image: ## builds the Dockerfile without a Docker engine, and runs what came out
	@tools/image.sh

release: ## the files of a release of the commit and tag that are checked out, in dist/; VERSION=v1.2.3. Publishes nothing
	@tools/release.sh $(VERSION)
