/* SPDX-License-Identifier: MIT */
/*
 * Address spaces of one machine, each in a thread of its own with nothing but its own mmap_lock: what they share (the
 * count of charged pages, names and reverse maps that a fork has inherited) is whole when they have ended.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <vmaple/mm.h>
#include <vmaple/rmap.h>

#define PAGE   4096UL
#define AT     (1UL << 32)
#define PAGES  16UL
#define ROUNDS 100000

enum { SPACES = 3 };

static struct mm_system sys;
static struct mm_struct space[SPACES];
static pthread_barrier_t together;

static unsigned long map(struct mm_struct *mm, unsigned long addr, unsigned long pages, unsigned long flags)
{
	return mm_mmap(mm,
		&(struct mmap_request){
			.addr = addr, .len = pages * PAGE, .prot = PROT_READ | PROT_WRITE, .flags = flags });
}

/* Map, cut and join, unmap: charges go up and down, each cut takes a reference to the inherited name. */
static void *live(void *arg)
{
	struct mm_struct *mm = arg;
	unsigned long wrong = 0;

	pthread_barrier_wait(&together);
	for (unsigned long i = 0; i < ROUNDS; i++) {
		unsigned long cut = AT + i % PAGES * PAGE;
		unsigned long addr = map(mm, 0, 2, MAP_ANONYMOUS | (i % 4 ? MAP_PRIVATE : MAP_SHARED));

		wrong += mm_mprotect(mm, cut, PAGE, PROT_READ, -1) != 0;
		wrong += mm_mprotect(mm, cut, PAGE, PROT_READ | PROT_WRITE, -1) != 0;
		wrong += mm_munmap(mm, addr, 2 * PAGE) != 0;
	}
	return (void *)wrong;
}

static void test_spaces_of_one_machine_need_only_their_own_locks(void **state)
{
	pthread_t thread[SPACES];
	const char *reason = "";

	(void)state;
	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&space[0], &sys);
	assert_int_equal(map(&space[0], AT, PAGES, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), AT);
	assert_int_equal(mm_set_anon_name(&space[0], AT, PAGES * PAGE, "shared by all"), 0);
	assert_int_equal(mm_fault(&space[0], AT, MM_FAULT_WRITE), 0);
	for (int i = 1; i < SPACES; i++)
		assert_int_equal(mm_fork(&space[i], &space[0]), 0);
	assert_int_equal(mm_system_committed(&sys), SPACES * PAGES);

	pthread_barrier_init(&together, NULL, SPACES);
	for (int i = 0; i < SPACES; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, live, &space[i]), 0);
	for (int i = 0; i < SPACES; i++) {
		void *wrong;

		pthread_join(thread[i], &wrong);
		assert_null(wrong);
	}
	pthread_barrier_destroy(&together);

	assert_int_equal(mm_system_committed(&sys), SPACES * PAGES);
	for (int i = 0; i < SPACES; i++) {
		struct vm_area_struct *vma = vma_lookup(&space[i], AT);

		assert_true(mm_validate(&space[i], &reason));
		assert_int_equal(space[i].map_count, 1);
		assert_int_equal(vma->anon_name->refs, SPACES);
	}
	for (int i = 0; i < SPACES; i++)
		mm_exit(&space[i]);
	assert_int_equal(mm_system_committed(&sys), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(
		test_spaces_of_one_machine_need_only_their_own_locks) };

	return cmocka_run_group_tests_name("spaces of one machine", tests, NULL, NULL);
}
