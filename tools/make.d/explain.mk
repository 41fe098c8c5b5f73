.PHONY: bench-explain
bench-explain: all deps-bench ## what the boundary ledger costs a replay, and how long `why` takes
	@tools/bench-explain $(BUILD)/vmaple
