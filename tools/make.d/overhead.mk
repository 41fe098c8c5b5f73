.PHONY: bench-overhead
bench-overhead: all deps-bench ## what recording costs, beside strace
	@tools/bench-overhead $(BUILD)/vmaple
