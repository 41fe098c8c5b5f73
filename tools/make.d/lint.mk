.PHONY: lint
lint: deps-build deps-long ## clang-format, clang-tidy, cppcheck, gcc -fanalyzer
	@tools/lint
