.PHONY: coverage
coverage: deps-build deps-test deps-long ## what the tests reach of lib/mm and lib/rmap, by lcov
	@tools/coverage
