.PHONY: deps-vm
deps-vm:
	@tools/install-deps vm

.PHONY: test-kernels
test-kernels: deps-build deps-test deps-vm ## the oracle on each kernel from 5.10 to 7.3 that Debian has, under QEMU (some 20 minutes)
	@tools/run-tests named 'oracle_ Linux *'
