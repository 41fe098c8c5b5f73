# The front door. Everything a newcomer needs: make run, make test. `make help` lists the rest.
SHELL   := /bin/bash
PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   ?= build
JOBS    ?= $(shell nproc)

.PHONY: all
all: deps-build ## build the library and the command, at build/vmaple
	@tools/configure $(BUILD)
	@ninja -C $(BUILD) product

.PHONY: deps-build deps-test deps-bench deps-long
deps-build deps-test deps-bench deps-long: deps-%:
	@tools/install-deps $*

.PHONY: run
run: all ## the main job: record a real program, mirror it, check the mirror against the kernel
	@tools/run-demo $(BUILD)/vmaple

.PHONY: test
test: deps-build deps-test ## build with gcc and run the tests (a few minutes)
	@tools/run-tests quick

.PHONY: test-long
test-long: deps-build deps-test deps-bench deps-long ## clang with its sanitizers, long fuzzing and torture, mutants, heavy programs
	@tools/run-tests long

.PHONY: test-ports
test-ports: deps-build deps-test deps-bench deps-long deps-vm ## other kernels and machines, emulated; other builds and packages; linters
	@tools/run-tests ports

.PHONY: install
install: deps-docs all ## install below DESTDIR/PREFIX
	@meson configure $(BUILD) --prefix=$(PREFIX)
	@ninja -C $(BUILD) product
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild --quiet

.PHONY: uninstall
uninstall: all ## remove what `make install` with the same DESTDIR and PREFIX put there
	@meson configure $(BUILD) --prefix=$(PREFIX)
	@tools/uninstall $(BUILD)

.PHONY: clean
clean: ## remove every build folder
	@rm -rf build build-*

.PHONY: help
help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

-include tools/make.d/*.mk
