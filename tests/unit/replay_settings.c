/* SPDX-License-Identifier: MIT */
/* What a recording says of an address space beside its areas, and of the machine, arrives in the mirror. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "recording.h"
#include "uapi.h"

static struct recording rec;
static struct replay *mirror;

static void begin(const struct trace_header *header)
{
	struct replay_options options = { .unchecked = true };

	mirror = replay_new(header, &options);
	assert_non_null(mirror);
	rec = (struct recording){ .sink = replay_sink(mirror) };
}

static int end(void **state)
{
	(void)state;
	replay_free(mirror);
	return 0;
}

static void tell(struct trace_event e)
{
	rec_event(&rec, e);
	assert_int_equal(rec.error, 0);
}

static void map(uint64_t page, uint32_t prot)
{
	rec_call(&rec, SYS_mmap, rec_at(page), REC_PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		(int64_t)rec_at(page));
	assert_int_equal(rec.error, 0);
}

static void prctl_call(uint64_t option, uint64_t a, uint64_t b, int64_t result)
{
	rec_call(&rec, SYS_prctl, option, a, b, 0, result);
	assert_int_equal(rec.error, 0);
}

static const struct vm_area_struct *area_of(uint32_t mm, uint64_t page)
{
	return vma_lookup(replay_space(mirror, mm), rec_at(page));
}

/* Of a child with a copy, too. */
static void test_an_address_space_begins_as_it_was_told(void **state)
{
	struct trace_space s = rec_space();

	(void)state;
	begin(&rec_header);
	s.start_code = 0x401000;
	s.end_code = 0x402000;
	s.start_data = 0x403000;
	s.end_data = 0x404000;
	s.start_brk = 0x405000;
	s.brk = 0x406000;
	s.start_stack = 0x7ffffffdd000;
	s.arg_start = 0x7ffffffdd100;
	s.arg_end = 0x7ffffffdd200;
	s.env_start = 0x7ffffffdd300;
	s.env_end = 0x7ffffffdd400;
	tell((struct trace_event){ .type = TRACE_EVENT_SPACE, .space = s });
	tell((struct trace_event){
		.type = TRACE_EVENT_MAP, .map = { .reason = TRACE_MAP_BEGIN, .hi = UINT64_MAX } });
	tell((struct trace_event){ .type = TRACE_EVENT_FORK, .fork = { .child_pid = 101, .child_mm = 2 } });
	for (uint32_t pid = 100; pid <= 101; pid++) {
		const struct mm_struct *mm = replay_find(mirror, pid);

		assert_int_equal(mm->start_code, s.start_code);
		assert_int_equal(mm->end_code, s.end_code);
		assert_int_equal(mm->start_data, s.start_data);
		assert_int_equal(mm->end_data, s.end_data);
		assert_int_equal(mm->start_brk, s.start_brk);
		assert_int_equal(mm->brk, s.brk);
		assert_int_equal(mm->start_stack, s.start_stack);
		assert_int_equal(mm->arg_start, s.arg_start);
		assert_int_equal(mm->arg_end, s.arg_end);
		assert_int_equal(mm->env_start, s.env_start);
		assert_int_equal(mm->env_end, s.env_end);
		assert_int_equal(mm->task_size, s.task_size);
		assert_int_equal(mm->mmap_base, s.mmap_base);
		assert_true(mm->topdown);
	}
}

static void test_the_machine_is_as_the_header_says(void **state)
{
	struct trace_header h = rec_header;
	const struct mm_system *sys;

	(void)state;
	h.max_map_count = 1234;
	h.mmap_min_addr = 0x11000;
	h.dac_mmap_min_addr = 0x12000;
	h.stack_guard_gap = 77;
	h.thp_enabled = 2;
	begin(&h);
	rec_begin(&rec);
	assert_int_equal(rec.error, 0);
	sys = replay_space(mirror, 1)->sys;
	assert_int_equal(sys->max_map_count, 1234);
	assert_int_equal(sys->mmap_min_addr, 0x11000);
	assert_int_equal(sys->dac_mmap_min_addr, 0x12000);
	assert_int_equal(sys->stack_guard_gap, 77 * REC_PAGE);
	assert_int_equal(sys->thp_enabled, 2);
}

/* prctl(2), PR_SET_MEMORY_MERGE: of what is there, and of what comes, until it is taken back. */
static void test_memory_is_merged_from_then_on(void **state)
{
	(void)state;
	begin(&rec_header);
	rec_begin(&rec);
	map(0, PROT_READ | PROT_WRITE);
	assert_false(area_of(1, 0)->vm_flags & VM_MERGEABLE);
	prctl_call(PR_SET_MEMORY_MERGE, 1, 0, -1);
	assert_false(area_of(1, 0)->vm_flags & VM_MERGEABLE);
	/* Another option with this number as its argument. */
	prctl_call(PR_SET_PDEATHSIG, PR_SET_MEMORY_MERGE, 0, 0);
	assert_false(area_of(1, 0)->vm_flags & VM_MERGEABLE);
	prctl_call(PR_SET_MEMORY_MERGE, 1, 0, 0);
	map(2, PROT_READ);
	assert_true(area_of(1, 0)->vm_flags & VM_MERGEABLE);
	assert_true(area_of(1, 2)->vm_flags & VM_MERGEABLE);
	prctl_call(PR_SET_MEMORY_MERGE, 0, 0, 0);
	map(4, PROT_READ);
	for (uint64_t page = 0; page <= 4; page += 2)
		assert_false(area_of(1, page)->vm_flags & VM_MERGEABLE);
}

/* PR_SET_MDWE: its first bit refuses, its second is that children are free of it. */
static void test_what_may_be_executed_is_refused_from_then_on(void **state)
{
	const struct mm_struct *mm;

	(void)state;
	begin(&rec_header);
	rec_begin(&rec);
	mm = replay_space(mirror, 1);
	assert_false(mm->mdwe);
	prctl_call(PR_SET_MDWE, 1, 0, -1);
	assert_false(mm->mdwe);
	prctl_call(PR_SET_MDWE, 1, 0, 0);
	assert_true(mm->mdwe);
	assert_false(mm->mdwe_no_inherit);
	tell((struct trace_event){ .type = TRACE_EVENT_FORK, .fork = { .child_pid = 101, .child_mm = 2 } });
	assert_true(replay_find(mirror, 101)->mdwe);
	prctl_call(PR_SET_MDWE, 3, 0, 0);
	assert_true(mm->mdwe);
	assert_true(mm->mdwe_no_inherit);
	tell((struct trace_event){ .type = TRACE_EVENT_FORK, .fork = { .child_pid = 102, .child_mm = 3 } });
	assert_false(replay_find(mirror, 102)->mdwe);
}

/* The name is of the pages that the call names, and of none when it is refused. */
static void test_a_name_is_of_the_pages_that_it_was_given_to(void **state)
{
	struct trace_event e = { .type = TRACE_EVENT_CALL,
		.call = { .nr = SYS_prctl,
			.args = { PR_SET_VMA, PR_SET_VMA_ANON_NAME, rec_at(1), REC_PAGE, 0x5000 },
			.data = "attic",
			.data_len = 6,
			.result = -EINVAL } };

	(void)state;
	begin(&rec_header);
	rec_begin(&rec);
	for (uint64_t page = 0; page < 3; page++)
		map(page, PROT_READ);
	tell(e);
	assert_null(area_of(1, 1)->anon_name);
	e.call.result = 0;
	tell(e);
	assert_null(area_of(1, 0)->anon_name);
	assert_non_null(area_of(1, 1)->anon_name);
	assert_null(area_of(1, 2)->anon_name);
	assert_int_equal(area_of(1, 1)->vm_end - area_of(1, 1)->vm_start, REC_PAGE);
	e.call.data_len = 0;
	tell(e);
	assert_null(area_of(1, 1)->anon_name);
	assert_ptr_equal(area_of(1, 0), area_of(1, 2));
}

/* A process that shares the address space is a task of it, and so is each thread of that. */
static void test_an_address_space_ends_with_its_last_task(void **state)
{
	(void)state;
	begin(&rec_header);
	rec_begin(&rec);
	map(0, PROT_READ);
	rec.pid = 101;
	tell((struct trace_event){ .type = TRACE_EVENT_TASK, .task = { .parent_tid = 100 } });
	tell((struct trace_event){ .type = TRACE_EVENT_EXIT });
	assert_non_null(replay_space(mirror, 1));
	rec.pid = 100;
	tell((struct trace_event){ .type = TRACE_EVENT_EXIT, .exit = { .last = true } });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_an_address_space_begins_as_it_was_told, end),
		cmocka_unit_test_teardown(test_the_machine_is_as_the_header_says, end),
		cmocka_unit_test_teardown(test_memory_is_merged_from_then_on, end),
		cmocka_unit_test_teardown(test_what_may_be_executed_is_refused_from_then_on, end),
		cmocka_unit_test_teardown(test_a_name_is_of_the_pages_that_it_was_given_to, end),
		cmocka_unit_test_teardown(test_an_address_space_ends_with_its_last_task, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
