.PHONY: test-kernel-maple
test-kernel-maple: deps-build deps-test ## the kernel's own maple tree test, of 6.12 and 7.3, unchanged, on ours
	@tools/run-tests named 'kernel_ lib_test_maple_tree.c*'

.PHONY: test-kernel-vma
test-kernel-vma: deps-build deps-test ## the kernel's own scenarios of areas that merge, unchanged, on the engine
	@tools/run-tests named 'kernel_ testing_vma*'

.PHONY: test-kernel-mm
test-kernel-mm: deps-build deps-test deps-vm ## the kernel's own tests of its mapping calls, of 6.12 and 7.3, in the shadow of the engine
	@tools/run-tests named 'kernel_ selftests_mm*'
