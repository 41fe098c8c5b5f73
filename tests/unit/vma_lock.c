/* SPDX-License-Identifier: MIT */
/*
 * The per-VMA lock and views, step by step: what one side has, the other cannot have. Beside each other they are in
 * tests/concurrency/mm_torture.c.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <vmaple/mm.h>
#include <vmaple/port.h>
#include <vmaple/rcu.h>
#include <vmaple/rmap.h>
#include <vmaple/vma_lock.h>

#include "panic.h"

#define PAGE 4096UL
#define AT   (1UL << 32)

static struct mm_system sys;
static struct mm_struct mm;

static void map_file(unsigned long addr, unsigned long pages, unsigned long prot, struct vm_file *file)
{
	struct mmap_request req = { .addr = addr,
		.len = pages * PAGE,
		.prot = prot,
		.flags = MAP_FIXED | MAP_PRIVATE | (file ? 0 : MAP_ANONYMOUS),
		.file = file };

	assert_int_equal(mm_mmap(&mm, &req), addr);
}

static void map(unsigned long addr, unsigned long pages, unsigned long prot)
{
	map_file(addr, pages, prot, NULL);
}

static int begin(void **state)
{
	(void)state;
	vmaple_rcu_register_thread();
	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	map(AT, 4, PROT_READ); /* before, so that it was born outside RCU mode */
	mm_set_rcu(&mm);
	return 0;
}

static int end(void **state)
{
	(void)state;
	mm_exit(&mm);
	vmaple_rcu_barrier();
	return 0;
}

static int view_at(unsigned long addr, struct vma_view *view)
{
	int found;

	vmaple_rcu_read_lock();
	found = vma_view(&mm, addr, view);
	vmaple_rcu_read_unlock();
	return found;
}

static void test_a_view_is_what_the_area_is(void **state)
{
	struct vma_view view;

	(void)state;
	assert_int_equal(view_at(AT + 2 * PAGE + 5, &view), 1);
	assert_int_equal(view.vm_start, AT);
	assert_int_equal(view.vm_end, AT + 4 * PAGE);
	assert_int_equal(view.vm_pgoff, AT / PAGE);
	assert_int_equal(view.vm_flags & VM_ACCESS_FLAGS, VM_READ);
	assert_null(view.vm_file);
	assert_int_equal(mm_mprotect(&mm, AT + PAGE, PAGE, PROT_READ | PROT_WRITE, -1), 0);
	assert_int_equal(view_at(AT + PAGE, &view), 1);
	assert_int_equal(view.vm_start, AT + PAGE);
	assert_int_equal(view.vm_end, AT + 2 * PAGE);
	assert_int_equal(view.vm_flags & VM_ACCESS_FLAGS, VM_READ | VM_WRITE);
	assert_int_equal(view_at(AT + 4 * PAGE, &view), 0);
	assert_int_equal(view_at(AT - 1, &view), 0);
}

static void test_an_area_that_has_gone_has_no_view(void **state)
{
	struct vm_area_struct *vma;
	struct vma_view view;

	(void)state;
	vmaple_rcu_read_lock();
	vma = vma_lookup(&mm, AT);
	assert_int_equal(vma_view_of(vma, &view), 1);
	assert_int_equal(mm_munmap(&mm, AT, 4 * PAGE), 0);
	assert_int_equal(vma_view_of(vma, &view), -EAGAIN);
	vmaple_rcu_read_unlock();
	assert_null(lock_vma_under_rcu(&mm, AT));
}

/* Called when the last area that maps it goes, in the middle of a call. */
static void look_meanwhile(struct vm_file *file)
{
	struct vma_view view;

	(void)file;
	assert_int_equal(view_at(AT + PAGE, &view), -EAGAIN);
	assert_null(lock_vma_under_rcu(&mm, AT + PAGE));
	assert_int_equal(view_at(AT, &view), 1);
	assert_int_equal(view.vm_end, AT + PAGE);
}

static void test_what_a_call_has_made_is_seen_when_it_is_over(void **state)
{
	struct vm_file file = { .refs = 0, .readable = true, .release = look_meanwhile };
	struct vm_area_struct *vma;
	struct vma_view view;

	(void)state;
	map_file(AT + PAGE, 2, PROT_READ, &file);
	assert_int_equal(file.refs, 1);
	map(AT + PAGE, 2, PROT_NONE); /* the file goes when the new area is in its place */
	assert_int_equal(file.refs, 0);
	assert_int_equal(view_at(AT + PAGE, &view), 1);
	assert_int_equal(view.vm_flags & VM_ACCESS_FLAGS, 0);
	vma = lock_vma_under_rcu(&mm, AT + PAGE);
	assert_non_null(vma);
	vma_end_read(vma);
}

static void test_a_child_can_be_locked_at_once(void **state)
{
	struct mm_struct child;
	struct vm_area_struct *vma;

	(void)state;
	assert_int_equal(mm_fork(&child, &mm), 0);
	vma = lock_vma_under_rcu(&child, AT);
	assert_non_null(vma);
	assert_ptr_equal(vma->vm_mm, &child);
	vma_end_read(vma);
	mm_exit(&child);
}

static void test_faults_that_need_the_lock_say_so(void **state)
{
	struct vm_area_struct *vma;

	(void)state;
	map(AT, 1, PROT_READ | PROT_WRITE);
	vma = lock_vma_under_rcu(&mm, AT);
	assert_int_equal(vma_fault(vma, AT, MM_FAULT_SMALL), 0);
	assert_int_equal(vma_fault(vma, AT, MM_FAULT_WRITE), -EAGAIN);
	vma_end_read(vma);
	assert_int_equal(mm_fault(&mm, AT, MM_FAULT_WRITE), 0);
	vma = lock_vma_under_rcu(&mm, AT);
	assert_int_equal(vma_fault(vma, AT, MM_FAULT_WRITE), 0);
	vma_end_read(vma);
	vma = lock_vma_under_rcu(&mm, AT + PAGE);
	assert_int_equal(vma_fault(vma, AT + PAGE, MM_FAULT_WRITE), -EFAULT);
	vma_end_read(vma);
	assert_null(lock_vma_under_rcu(&mm, AT + 4 * PAGE));
}

/* Every four thousand million calls. */
static void test_numbers_come_round(void **state)
{
	struct vm_area_struct *vma;

	(void)state;
	mm.mm_lock_seq = ~0U - 2;
	for (unsigned long i = 0; i < 6; i++) {
		map(AT + (10 + i) * PAGE, 1, i % 2 ? PROT_READ : PROT_NONE);
		for (unsigned long at = 0; at <= i; at++) {
			vma = lock_vma_under_rcu(&mm, AT + (10 + at) * PAGE);
			assert_non_null(vma);
			vma_end_read(vma);
		}
		assert_int_not_equal(mm.mm_lock_seq, 0);
	}
	assert_in_range(mm.mm_lock_seq, 1, 6);
}

static bool writer_is_done;

static int writer_result; /* an assertion would jump out of the other thread's frames */

static void *unmap_second_page(void *arg)
{
	(void)arg;
	vmaple_rcu_register_thread();
	writer_result = mm_munmap(&mm, AT + PAGE, PAGE);
	__atomic_store_n(&writer_is_done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void test_a_writer_waits_for_who_holds_the_area(void **state)
{
	struct vm_area_struct *vma, *other;
	pthread_t thread;

	(void)state;
	map(AT + 2 * PAGE, 2, PROT_NONE);
	vma = lock_vma_under_rcu(&mm, AT);
	other = lock_vma_under_rcu(&mm, AT + 2 * PAGE);
	assert_non_null(vma);
	assert_non_null(other);
	writer_is_done = false;
	assert_int_equal(pthread_create(&thread, NULL, unmap_second_page, NULL), 0);
	usleep(30000);
	assert_false(__atomic_load_n(&writer_is_done, __ATOMIC_ACQUIRE));
	assert_int_equal(vma->vm_end, AT + 2 * PAGE);
	vma_end_read(vma);
	pthread_join(thread, NULL); /* though the other area is still held */
	assert_int_equal(writer_result, 0);
	assert_int_equal(vma->vm_end, AT + PAGE);
	vma_end_read(other);
}

#ifdef VMAPLE_CHECKS
static bool lock_is_held;

static bool held(const struct mm_struct *which)
{
	return which == &mm && lock_is_held;
}

static void look_outside(void)
{
	(void)!find_vma(&mm, AT);
}

static void view_outside(void)
{
	struct vma_view view;

	(void)!vma_view(&mm, AT, &view);
}

static void look_for_prev_outside(void)
{
	struct vm_area_struct *prev;

	(void)!find_vma_prev(&mm, AT, &prev);
}

static void intersect_outside(void)
{
	(void)!find_vma_intersection(&mm, AT, AT + PAGE);
}

static void look_up_outside(void)
{
	(void)!vma_lookup(&mm, AT);
}

static void iterate_outside(void)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, &mm, 0);

	for_each_vma (vmi, vma)
		;
}

/* What was begun in a section goes on behind its end. */
static void iterate_on_outside(void)
{
	VMA_ITERATOR(vmi, &mm, 0);

	vmaple_rcu_read_lock();
	(void)!vma_next(&vmi);
	vmaple_rcu_read_unlock();
	(void)!vma_next_until(&vmi, ~0UL);
}

static void view_of_outside(void)
{
	struct vma_view view;
	struct vm_area_struct *vma;

	vmaple_rcu_read_lock();
	vma = vma_lookup(&mm, AT);
	vmaple_rcu_read_unlock();
	(void)!vma_view_of(vma, &view);
}

static void gaps_outside(void)
{
	struct mm_gap gap;

	(void)!mm_largest_gaps(&mm, &gap, 1);
}

static void validate_outside(void)
{
	const char *reason;

	(void)!mm_validate(&mm, &reason);
}

static void change_without_lock(void)
{
	vmaple_rcu_read_lock();
	(void)!mm_munmap(&mm, AT, PAGE);
}

static void test_misuse_panics(void **state)
{
	static void (*const misuse[])(void) = { look_outside, look_for_prev_outside, intersect_outside,
		look_up_outside, iterate_outside, iterate_on_outside, view_outside, view_of_outside,
		gaps_outside, validate_outside, change_without_lock };

	(void)state;
	mm.mmap_lock_held = held;
	for (size_t i = 0; i < 2 * sizeof(misuse) / sizeof(misuse[0]); i++) {
		lock_is_held = i % 2;
		assert_int_equal(panic_of(misuse[i / 2])[0] == 0, lock_is_held);
	}
	mm.mmap_lock_held = NULL;
}

static void end_twice(void)
{
	struct vm_area_struct *vma = lock_vma_under_rcu(&mm, AT);

	vma_end_read(vma);
	vma_end_read(vma);
}

static void fault_without_holding(void)
{
	struct vm_area_struct *vma = lock_vma_under_rcu(&mm, AT);

	vma_end_read(vma);
	(void)!vma_fault(vma, AT, 0);
}

static void fault_and_end(void)
{
	struct vm_area_struct *vma = lock_vma_under_rcu(&mm, AT);

	(void)!vma_fault(vma, AT, 0);
	vma_end_read(vma);
}

static void test_an_area_that_nobody_holds_panics(void **state)
{
	(void)state;
	assert_string_not_equal(panic_of(end_twice), "");
	assert_string_not_equal(panic_of(fault_without_holding), "");
	assert_string_equal(panic_of(fault_and_end), "");
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_view_is_what_the_area_is, begin, end),
		cmocka_unit_test_setup_teardown(test_an_area_that_has_gone_has_no_view, begin, end),
		cmocka_unit_test_setup_teardown(
			test_what_a_call_has_made_is_seen_when_it_is_over, begin, end),
		cmocka_unit_test_setup_teardown(test_a_child_can_be_locked_at_once, begin, end),
		cmocka_unit_test_setup_teardown(test_faults_that_need_the_lock_say_so, begin, end),
		cmocka_unit_test_setup_teardown(test_numbers_come_round, begin, end),
		cmocka_unit_test_setup_teardown(test_a_writer_waits_for_who_holds_the_area, begin, end),
#ifdef VMAPLE_CHECKS
		cmocka_unit_test_setup_teardown(test_misuse_panics, begin, end),
		cmocka_unit_test_setup_teardown(test_an_area_that_nobody_holds_panics, begin, end),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
