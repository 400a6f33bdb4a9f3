# All that has to pass is `make test`; the rest are longer or rarer. What is downloaded or made lies in .cache.

SHELL    := /bin/bash
.SHELLFLAGS := -euo pipefail -c
ROOT     := $(CURDIR)
CACHE    := $(ROOT)/.cache
export MEZZO_CORPUS ?= $(ROOT)/../shared/media

# Modules of go.work, as folders; the tools stand alone, so that their dependencies are nobody else's.
MODULES  := $(shell go list -m -f '{{.Dir}}' 2>/dev/null)
TARGETS  := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
FUZZTIME ?= 5m
COUNT    ?= 10

.PHONY: test check format lint cross deps media race e2e golden bench fuzz proof clean

## test: everything that has to pass
test: deps check media race e2e

## check: format, vet, staticcheck, and a build and vet for every platform; needs only Go
check: format lint cross

format:
	@echo "== gofmt"
	@bad=$$(git ls-files -co --exclude-standard '*.go' | xargs -r gofmt -l); if [ -n "$$bad" ]; then echo "not formatted:"; echo "$$bad"; exit 1; fi

lint: $(CACHE)/bin/staticcheck
	@echo "== vet and staticcheck"
	@for m in $(MODULES); do (cd $$m && go vet ./... && $(CACHE)/bin/staticcheck ./...); done

cross:
	@for t in $(TARGETS); do echo "== build and vet for $$t"; export GOOS=$${t%/*} GOARCH=$${t#*/} CGO_ENABLED=0; \
	  for m in $(MODULES); do (cd $$m && go build ./... && go vet ./...); done; done

$(CACHE)/bin/staticcheck $(CACHE)/bin/benchstat: internal/tools/go.mod internal/tools/go.sum
	@echo "== tools"
	@mkdir -p $(CACHE)/bin && cd internal/tools && GOWORK=off go build -o $(CACHE)/bin/ \
	  honnef.co/go/tools/cmd/staticcheck golang.org/x/perf/cmd/benchstat && touch $(CACHE)/bin/*

# Programs and players that the end-to-end tests drive.
deps:
	@echo "== programs and players"
	@internal/e2e/install.sh

# Generated test media, once for each version of the script.
media:
	@echo "== test media"
	@internal/e2e/testmedia/generate.sh --cached

race:
	@echo "== go test -race"
	@for m in $(filter-out %/internal/e2e,$(MODULES)); do (cd $$m && go test -race -timeout 4m ./...); done

# In suites, of which none takes two minutes on two cores.
SUITE1 := ^TestTruthTable$$
SUITE2 := ^Test(DecryptCMAF|HeadersAsFFmpeg|NoCounterRepeats|NoSecretLeaks|EncryptedInput|CorpusMaps)$$
SUITE3 := ^Test(Protected|Rotation|ClearLead)$$
e2e:
	@echo "== end to end"
	@cd internal/e2e && go test -race -timeout 6m -skip '$(SUITE1)|$(SUITE2)' . && go test -race -timeout 6m -run '$(SUITE1)' . && \
	  go test -timeout 6m -run '$(SUITE2)' . && go test -timeout 6m -skip '$(SUITE3)' ./players && go test -timeout 6m -run '$(SUITE3)' ./players

## golden: writes every golden file and generated page anew; review the diff
golden: deps media
	@for m in $(MODULES); do (cd $$m && for p in $$(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{end}}' ./...); do \
	  if grep -lqsE 'flag\.Bool\("update"|harness\.Update' $$p/*_test.go; then (cd $$p && go test -count 1 -p 1 . -update); fi; done); done

## bench: all benchmarks, COUNT times, as a table
bench: $(CACHE)/bin/benchstat
	@mkdir -p $(CACHE)/bench
	@for m in $(MODULES); do (cd $$m && go test -run '^$$' -bench . -benchmem -count $(COUNT) -timeout 60m ./...); done | tee $(CACHE)/bench/new.txt
	@$(CACHE)/bin/benchstat $(CACHE)/bench/new.txt

## fuzz: every fuzz target that there is, FUZZTIME each on two cores, so that the default is ten minutes of CPU time;
## crashers stay as seeds in testdata/fuzz, and docs/proof/fuzz.md has the figures
fuzz:
	@mkdir -p docs/proof; record=$(ROOT)/docs/proof/fuzz.md; \
	{ echo "# Fuzz targets"; echo; echo '- command: `make fuzz`'; echo "- date: $$(date -u '+%Y-%m-%d %H:%M UTC')"; \
	  echo "- machine: $$(uname -sm), $$(nproc) CPUs, $$(go version | cut -d' ' -f3)"; echo; \
	  echo "Time is of the processors, minutes, user and system, the build of the test included."; echo; \
	  echo "| package | target | CPU min | executions | commit | result |"; echo "|---|---|---|---|---|---|"; } >$$record; \
	failed=0; for m in $(MODULES); do internal/e2e/fuzz.sh $$m $(FUZZTIME) $$record || failed=1; done; exit $$failed

## proof: the long forms of the tests; each leaves its figures in docs/proof
proof: deps media
	@cd internal/e2e && PROOF=1 go test -p 1 -count 1 -timeout 120m -v -run '^TestProof' ./...

clean:
	rm -rf $(CACHE)
