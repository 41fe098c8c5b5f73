/* SPDX-License-Identifier: MIT */
/* The ledger of what few areas have, a name, a memory policy, a userfaultfd: which call gave it, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>

#include <cmocka.h>
#include <vmaple/explain.h>

#include "one_ledger.h"
#include "uapi.h"

#define MANY 60000 /* events: what no area refers to is forgotten several times */

static struct vm_area_struct *area_at(uint64_t page)
{
	return vma_lookup(replay_space(explain_replay(ledger), 1), rec_at(page));
}

static const struct explain_life *life_at(uint64_t page)
{
	const struct vm_area_struct *vma = area_at(page);

	assert_non_null(vma);
	return explain_life(vma);
}

/* Each of them returns its step. */

static uint64_t map(uint64_t page, uint64_t nr, uint32_t prot)
{
	rec_call(&r, SYS_mmap, rec_at(page), nr * REC_PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		(int64_t)rec_at(page));
	assert_int_equal(r.error, 0);
	return r.step;
}

static uint64_t bind(uint64_t page, uint64_t nr, uint64_t mode)
{
	rec_call(&r, SYS_mbind, rec_at(page), nr * REC_PAGE, mode, 0, 0);
	assert_int_equal(r.error, 0);
	return r.step;
}

static uint64_t watch(uint64_t page, uint64_t nr, uint64_t descriptor, uint32_t request)
{
	const uint64_t range[] = { rec_at(page), nr * REC_PAGE, UFFDIO_REGISTER_MODE_MISSING };
	struct trace_event e = { .type = TRACE_EVENT_CALL,
		.call = { .nr = SYS_ioctl,
			.args = { descriptor, request },
			.data = range,
			.data_len = request == UFFDIO_REGISTER ? 24 : 16 } };

	rec_event(&r, e);
	assert_int_equal(r.error, 0);
	return r.step;
}

static uint64_t name(uint64_t page, uint64_t nr, const char *text)
{
	struct trace_event e = { .type = TRACE_EVENT_CALL,
		.call = { .nr = SYS_prctl,
			.args = { PR_SET_VMA, PR_SET_VMA_ANON_NAME, rec_at(page), nr * REC_PAGE, 0x5000 },
			.data = text,
			.data_len = (uint32_t)strlen(text) + 1 } };

	rec_event(&r, e);
	assert_int_equal(r.error, 0);
	return r.step;
}

static void assert_step(const struct explain_event *e, uint64_t step)
{
	assert_non_null(e);
	assert_int_equal(e->step, step);
}

static void test_what_no_call_gave_has_no_event(void **state)
{
	map(0, 1, PROT_READ);
	bind(4, 0, MPOL_INTERLEAVE);
	assert_null(life_at(0)->named);
	assert_null(life_at(0)->policy);
	assert_null(life_at(0)->uffd);
	/* Nor has another area's. */
	map(2, 1, PROT_READ);
	bind(2, 1, MPOL_INTERLEAVE);
	assert_null(life_at(0)->policy);
	assert_null(life_at(2)->uffd);
	assert_null(life_at(2)->named);
}

static void test_each_is_of_the_call_that_changed_it(void **state)
{
	uint64_t bound, watched, named;

	map(0, 1, PROT_READ | PROT_WRITE);
	bound = bind(0, 1, MPOL_INTERLEAVE);
	assert_step(life_at(0)->policy, bound);
	assert_null(life_at(0)->uffd);
	watched = watch(0, 1, 5, UFFDIO_REGISTER);
	assert_step(life_at(0)->policy, bound);
	assert_step(life_at(0)->uffd, watched);
	assert_step(life_at(0)->low_changed, watched);
	assert_step(life_at(0)->high_changed, watched);
	named = name(0, 1, "attic");
	assert_step(life_at(0)->policy, bound);
	assert_step(life_at(0)->uffd, watched);
	assert_step(life_at(0)->named, named);
	/* The same policy again changes nothing; another one does, and so does none. */
	bind(0, 1, MPOL_INTERLEAVE);
	assert_step(life_at(0)->policy, bound);
	bound = bind(0, 1, MPOL_LOCAL);
	assert_step(life_at(0)->policy, bound);
	assert_step(life_at(0)->high_changed, bound);
	bound = bind(0, 1, MPOL_DEFAULT);
	assert_step(life_at(0)->policy, bound);
	watched = watch(0, 1, 5, UFFDIO_UNREGISTER);
	assert_step(life_at(0)->uffd, watched);
	assert_step(life_at(0)->policy, bound);
	assert_step(life_at(0)->named, named);
}

static void test_parts_have_what_the_whole_had(void **state)
{
	uint64_t bound, watched, named;

	map(0, 3, PROT_READ | PROT_WRITE);
	bound = bind(0, 3, MPOL_INTERLEAVE);
	watched = watch(0, 3, 5, UFFDIO_REGISTER);
	named = name(0, 3, "attic");
	rec_call(&r, SYS_mprotect, rec_at(1), REC_PAGE, PROT_READ, 0, 0);
	assert_ptr_not_equal(area_at(0), area_at(1));
	assert_ptr_not_equal(area_at(1), area_at(2));
	for (uint64_t page = 0; page < 3; page++) {
		assert_step(life_at(page)->policy, bound);
		assert_step(life_at(page)->uffd, watched);
		assert_step(life_at(page)->named, named);
	}
	/* What one of them is given later, the others have not. */
	named = name(2, 1, "cellar");
	assert_step(life_at(2)->named, named);
	assert_step(life_at(0)->named, named - 2);
}

/* Areas of [0, 2) that one call makes alike: the part that it changed says so at its end, the other one does not. */
static void check_joined(uint64_t changed_page, uint64_t step, const uint64_t *made)
{
	assert_ptr_equal(area_at(0), area_at(1));
	assert_step(life_at(0)->low_changed, changed_page == 0 ? step : made[0]);
	assert_step(life_at(0)->high_changed, changed_page == 1 ? step : made[1]);
	assert_step(life_at(0)->made, made[0] < made[1] ? made[0] : made[1]);
	assert_step(life_at(0)->grown, step);
}

static void test_a_policy_that_joins_is_noted_at_the_end_that_it_changed(void **state)
{
	for (uint64_t page = 0; page < 2; page++) {
		uint64_t made[2], other;

		made[0] = map(0, 1, PROT_READ | PROT_WRITE);
		made[1] = map(1, 1, PROT_READ | PROT_WRITE);
		other = bind(!page, 1, MPOL_INTERLEAVE);
		assert_ptr_not_equal(area_at(0), area_at(1));
		made[!page] = other;
		bind(page, 1, MPOL_INTERLEAVE);
		assert_ptr_equal(area_at(0), area_at(1));
		assert_step(page ? life_at(0)->high_changed : life_at(0)->low_changed, r.step);
		assert_step(page ? life_at(0)->low_changed : life_at(0)->high_changed, made[!page]);
		rec_call(&r, SYS_munmap, rec_at(0), 2 * REC_PAGE, 0, 0, 0);
	}
}

static void test_a_userfaultfd_that_joins_is_noted_at_the_end_that_it_changed(void **state)
{
	for (uint64_t page = 0; page < 2; page++) {
		uint64_t other;

		map(0, 2, PROT_READ | PROT_WRITE);
		other = watch(!page, 1, 5, UFFDIO_REGISTER);
		assert_ptr_not_equal(area_at(0), area_at(1));
		watch(page, 1, 5, UFFDIO_REGISTER);
		assert_ptr_equal(area_at(0), area_at(1));
		assert_step(page ? life_at(0)->high_changed : life_at(0)->low_changed, r.step);
		assert_step(page ? life_at(0)->low_changed : life_at(0)->high_changed, other);
		rec_call(&r, SYS_munmap, rec_at(0), 2 * REC_PAGE, 0, 0, 0);
	}
}

static void test_access_that_joins_is_noted_at_the_end_that_it_changed(void **state)
{
	uint64_t made[2];

	made[0] = map(0, 1, PROT_READ | PROT_WRITE);
	made[1] = map(1, 1, PROT_READ);
	rec_call(&r, SYS_mprotect, rec_at(1), REC_PAGE, PROT_READ | PROT_WRITE, 0, 0);
	check_joined(1, r.step, made);
	rec_call(&r, SYS_munmap, rec_at(0), 2 * REC_PAGE, 0, 0, 0);
	made[1] = map(1, 1, PROT_READ | PROT_WRITE);
	made[0] = map(0, 1, PROT_READ);
	rec_call(&r, SYS_mprotect, rec_at(0), REC_PAGE, PROT_READ | PROT_WRITE, 0, 0);
	check_joined(0, r.step, made);
}

static void test_they_are_known_however_many_others_were_forgotten(void **state)
{
	uint64_t bound, watched, named;

	map(0, 1, PROT_READ | PROT_WRITE);
	bound = bind(0, 1, MPOL_INTERLEAVE);
	watched = watch(0, 1, 5, UFFDIO_REGISTER);
	named = name(0, 1, "attic");
	/* So that no other property has the same event. */
	rec_call(&r, SYS_mprotect, rec_at(0), REC_PAGE, PROT_READ, 0, 0);
	for (unsigned int i = 0; i < MANY; i++)
		map(4 + i % 7, 1 + i % 3, i % 2 ? PROT_READ : PROT_NONE);
	assert_step(life_at(0)->policy, bound);
	assert_step(life_at(0)->uffd, watched);
	assert_step(life_at(0)->named, named);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_no_call_gave_has_no_event, begin, end),
		cmocka_unit_test_setup_teardown(test_each_is_of_the_call_that_changed_it, begin, end),
		cmocka_unit_test_setup_teardown(test_parts_have_what_the_whole_had, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_policy_that_joins_is_noted_at_the_end_that_it_changed, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_userfaultfd_that_joins_is_noted_at_the_end_that_it_changed, begin, end),
		cmocka_unit_test_setup_teardown(
			test_access_that_joins_is_noted_at_the_end_that_it_changed, begin, end),
		cmocka_unit_test_setup_teardown(
			test_they_are_known_however_many_others_were_forgotten, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
