.PHONY: coverage
coverage: deps-build deps-test deps-long ## what the tests reach of lib/mm and lib/rmap, by lcov
	@tools/coverage

.PHONY: coverage-live
coverage-live: deps-build deps-test deps-long ## what the recorder on a scripted kernel reaches of trace/live, by lcov
	@tools/coverage-live
