.PHONY: test-kernel-maple
test-kernel-maple: deps-build deps-test all ## the kernel's own maple tree test, of 6.12 and 7.3, unchanged, on ours
	@meson test -C $(BUILD) --no-rebuild --verbose 'kernel_ lib_test_maple_tree.c*'

.PHONY: test-kernel-vma
test-kernel-vma: deps-build deps-test all ## the kernel's own scenarios of areas that merge, unchanged, on the engine
	@meson test -C $(BUILD) --no-rebuild --verbose 'kernel_ testing_vma*'

.PHONY: test-kernel-mm
test-kernel-mm: deps-build deps-test deps-vm all ## the kernel's own tests of its mapping calls, of 6.12 and 7.3, in the shadow of the engine
	@meson test -C $(BUILD) --no-rebuild --verbose 'kernel_ selftests_mm*'
