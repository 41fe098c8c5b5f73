.PHONY: bench-overhead
bench-overhead: all deps-bench ## what recording costs, beside strace
	@tools/bench-overhead $(BUILD)/vmaple
.PHONY: bench-live
bench-live: all deps-bench ## what watching costs by ptrace and by BPF, beside strace and perf trace
	@tools/bench-live $(BUILD)/vmaple
.PHONY: bench-import
bench-import: all ## what importing a gigabyte of strace takes
	@tools/bench-import $(BUILD)/vmaple
