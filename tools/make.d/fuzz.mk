FUZZ_SECONDS ?= 120
TARGET       ?= maple
FUZZ_OPTIONS_maple     := -max_len=4096
FUZZ_OPTIONS_import    := -max_len=8192 -timeout=20 -rss_limit_mb=1024 -close_fd_mask=3 -dict=$(CURDIR)/fuzz/import.dict
FUZZ_OPTIONS_recording := -max_len=16384 -timeout=20 -entropic=0 -rss_limit_mb=1024 -close_fd_mask=3 \
	-dict=$(CURDIR)/fuzz/recording.dict
.PHONY: fuzz coverage-maple
fuzz: deps-build deps-test ## TARGET (fuzz/README.md names them) under libFuzzer, for FUZZ_SECONDS (two minutes)
	@tools/run-tests configure asan
	@ninja -C build-asan --quiet fuzz/fuzz_$(TARGET)
	@mkdir -p build-asan/fuzz/corpus-$(TARGET)
	@cd build-asan/fuzz && ./fuzz_$(TARGET) -max_total_time=$(FUZZ_SECONDS) $(FUZZ_OPTIONS_$(TARGET)) corpus-$(TARGET) \
		$(wildcard $(CURDIR)/fuzz/corpus/$(TARGET))

coverage-maple: deps-build deps-test deps-long ## what the fuzz target reaches of lib/trees/maple, by lcov
	@tools/coverage-maple
