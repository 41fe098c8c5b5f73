.PHONY: deps-vm
deps-vm:
	@tools/install-deps vm

.PHONY: test-kernel-vm
test-kernel-vm: deps-build deps-test deps-vm all ## the oracle on Debian's 6.1 and 6.12, under QEMU (some minutes)
	@meson test -C $(BUILD) --no-rebuild --verbose 'oracle_ Linux 6.1' 'oracle_ Linux 6.12'
