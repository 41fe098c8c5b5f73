.PHONY: test-kernel-maple
test-kernel-maple: deps-build deps-test all ## the kernel's own maple tree test, unchanged, on ours
	@meson test -C $(BUILD) --no-rebuild --verbose 'kernel_ lib_test_maple_tree.c'

.PHONY: test-kernel-mm
test-kernel-mm: deps-build deps-test all ## the kernel's own tests of its mapping calls, in the shadow of the engine
	@meson test -C $(BUILD) --no-rebuild --verbose 'kernel_ selftests_mm'
