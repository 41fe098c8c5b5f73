.PHONY: bench
bench: deps-build deps-bench ## how fast, beside the kernel's trees and others: a page; BENCH=--all for all of it
	@tools/kernel-source 7.3 >/dev/null || true
	@tools/configure $(BUILD)
	@ninja -C $(BUILD) bench/vmaple-bench
	@ln -sf bench/vmaple-bench $(BUILD)/vmaple-bench
	@$(BUILD)/vmaple-bench $(BENCH)
ifneq ($(filter --all,$(BENCH)),)
	@tools/bench-instructions $(BUILD)/vmaple-bench
endif

.PHONY: bench-instructions
bench-instructions: deps-build deps-bench ## instructions per operation, by callgrind
	@tools/configure $(BUILD)
	@ninja -C $(BUILD) bench/vmaple-bench
	@tools/bench-instructions $(BUILD)/bench/vmaple-bench $(BENCH)
