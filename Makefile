# The two commands: `make up` deploys the shop to the local AWS and prints its
# address, `make test` runs all tests. Both install what is missing.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup dev up down destroy check test soak lint bench fuzz fmt generate cli e2e

GROCERY := bin/grocery

help: ## show this list
	@grep -hE '^[a-z0-9]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 12

cli:
	@go build -trimpath -o $(GROCERY) ./cmd/grocery

up: cli ## deploy the whole system to the local AWS and print the shop's address
	@$(GROCERY) up

down: cli ## stop the local AWS; its state stays
	@$(GROCERY) down

destroy: cli ## remove the deployment and the local AWS without a trace
	@$(GROCERY) destroy

dev: cli ## run the shop alone, and follow each change of its sources
	@$(GROCERY) dev

setup: cli ## install what is missing for up and test
	@$(GROCERY) setup --tests

test: setup ## all tests: check, then one deployment that the end-to-end tests share
	@$(MAKE) --no-print-directory check e2e

check: frontend/node_modules ## unit, module, contract and fuzz tests, the page's budgets (at most 10 minutes)
	go vet ./...
	go test ./...
	cd frontend && npm test --silent
	cd frontend && npm run --silent build && npm run --silent lighthouse && npm run --silent e2e:outage
	@$(MAKE) --no-print-directory fuzz

frontend/node_modules: frontend/package-lock.json
	cd frontend && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

e2e: cli ## the end-to-end tests on a deployment of their own
	go test -tags e2e -count=1 -timeout 35m -v ./test/e2e

soak: setup ## the long rest: crashes during apply and restore, five minutes of each fuzz target
	@$(MAKE) --no-print-directory fuzz FUZZTIME=5m
	go test -tags 'e2e soak' -count=1 -timeout 3h -v ./test/e2e

lint: frontend/node_modules ## what a reader should not have to say
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo 'run make fmt'; exit 1; }
	go vet ./...
	go vet -tags 'e2e soak' ./test/...
	go build -C tools/lint -o ../../bin/staticcheck honnef.co/go/tools/cmd/staticcheck
	bin/staticcheck -tags 'e2e soak' ./...
	go build -C tools/lint -o ../../bin/actionlint github.com/rhysd/actionlint/cmd/actionlint
	bin/actionlint
	terraform fmt -check -recursive aws_infra
	cd frontend && npm run --silent lint && npm run --silent typecheck

bench: ## benchmarks, as ratios against a named peer or limit (3 min)
	go test -run '^$$' -bench . -benchtime 1s $$(git grep -l '^func Benchmark' -- '*_test.go' | xargs -n1 dirname | sort -u | sed 's|^|./|')

FUZZTIME ?= 10s
fuzz: ## give every fuzz target FUZZTIME (10s)
	@FUZZTIME=$(FUZZTIME) tools/fuzz.sh

fmt: ## format all sources
	gofmt -w $$(git ls-files '*.go')
	terraform fmt -recursive aws_infra

generate: ## rewrite the generated API shapes
	go generate ./localaws/wire/api/...
