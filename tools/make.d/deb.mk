.PHONY: deb
deb: deps-build deps-docs deps-deb ## Debian packages: build-deb/*.deb, which lintian has no word against
	@tools/deb build-deb

.PHONY: deps-deb
deps-deb:
	@tools/install-deps deb
