.PHONY: deps-vm
deps-vm:
	@tools/install-deps vm

.PHONY: test-kernels
test-kernels: deps-build deps-test deps-vm all ## the oracle on each kernel from 5.10 to 7.3 that Debian has, under QEMU (hours)
	@meson test -C $(BUILD) --no-rebuild --verbose 'oracle_ Linux *'
