.PHONY: docs
docs: deps-docs ## the reference of the headers: build-docs/html/index.html, man pages in build-docs/man
	@tools/docs build-docs

.PHONY: deps-docs
deps-docs:
	@tools/install-deps docs
