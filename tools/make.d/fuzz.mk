FUZZ_SECONDS ?= 120
.PHONY: fuzz coverage-maple
fuzz: deps-build deps-test ## the maple tree under libFuzzer, for FUZZ_SECONDS (two minutes)
	@tools/run-tests configure asan
	@ninja -C build-asan --quiet fuzz/fuzz_maple
	@mkdir -p build-asan/fuzz/corpus
	@cd build-asan/fuzz && ./fuzz_maple -max_total_time=$(FUZZ_SECONDS) -max_len=4096 corpus

coverage-maple: deps-build deps-test deps-long ## what the fuzz target reaches of lib/trees/maple, by lcov
	@tools/coverage-maple
