.PHONY: bench
bench: deps-build deps-bench $(BUILD)/build.ninja ## how fast, beside the kernel's trees and others (some minutes)
	@meson configure $(BUILD) >/dev/null
	@ninja -C $(BUILD) bench/vmaple-bench
	@ln -sf bench/vmaple-bench $(BUILD)/vmaple-bench
	@$(BUILD)/vmaple-bench $(BENCH)
