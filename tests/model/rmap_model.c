/* SPDX-License-Identifier: MIT */
/*
 * Paging and every reverse map against a model: an array of pages for each process, which knows what was last written
 * where and nothing of areas, page tables, frames or swap.
 *
 * Random processes map, unmap, protect, lock, move, discard, guard and remap ranges, truncate files, fork and exit,
 * write and read, on a machine with far less memory than they use, so that pages are swapped all the time.  Every read
 * is compared with the model; every few steps paging_validate() compares what the reverse map finds with brute force
 * over all page tables.  Allocations fail now and then: what was written must still be there.
 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdio.h>

#include "rmap_world.h"

#ifdef VMAPLE_CHECKS
#define VALIDATE_EVERY 1
#else
#define VALIDATE_EVERY 16
#endif

static void run(const struct rmap_ops *ops, unsigned int verify, int swap_fd, uint64_t steps, uint64_t seed)
{
	struct world *w = world_new(ops, verify, swap_fd, seed);

	for (uint64_t i = 0; i < steps; i++) {
		step(w);
		if (i % VALIDATE_EVERY == 0)
			validate(w);
	}
	world_end(w);
}

static uint64_t seed;

static void test_each_design_finds_what_maps_a_page_and_loses_nothing(void **state)
{
	for (int i = 0; rmap_designs[i]; i++)
		run(rmap_designs[i], 0, -1, test_operations(8000), seed);
}

/* A shorter run in which the library compares everything itself, after each call and each access. */
static void test_the_library_verifies_itself_after_each_step(void **state)
{
	for (int i = 0; rmap_designs[i]; i++)
		run(rmap_designs[i], MM_VERIFY_PAGES, -1, test_operations(8000) / 40, seed + 1);
}

static void test_swap_to_a_file(void **state)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	run(&anon_vma_rmap, 0, fileno(file), 4000, seed);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_design_finds_what_maps_a_page_and_loses_nothing),
		cmocka_unit_test(test_the_library_verifies_itself_after_each_step),
		cmocka_unit_test(test_swap_to_a_file),
	};

	seed = random_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
