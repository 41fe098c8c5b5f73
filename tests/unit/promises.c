/* SPDX-License-Identifier: MIT */
/*
 * What the engine promises an embedder, a test for each promise: the smallest that fails where it does not hold.  What tries
 * them at length is named in docs/embedding.md.  That lookups never block: tests/concurrency/space_readers.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <vmaple/maple_tree.h>
#include <vmaple/mm.h>
#include <vmaple/mm_operations.h>
#include <vmaple/rmap.h>

#include "failing_port.h"
#include "panic.h"

#define PAGE   4096UL
#define WINDOW 64UL /* pages */

static struct mm_system sys;
static struct mm_struct mm;

static void begin(void)
{
	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
}

static unsigned long map(unsigned long addr, unsigned long len, unsigned long flags)
{
	struct mmap_request req = { .addr = addr,
		.len = len,
		.prot = PROT_READ | PROT_WRITE,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | flags };

	return mm_mmap(&mm, &req);
}

/* --- exactness --------------------------------------------------------------------------------------------- */

static unsigned long window; /* in our own address space, between two pages that nothing joins */

enum what { MAP, UNMAP, PROTECT, REMAP };

static const struct step {
	enum what what;
	unsigned long page, pages, arg; /* PROTECT: rights; REMAP: to this page; MAP: further flags */
	unsigned long astray;           /* bytes that the address is off a page */
} steps[] = {
	{ MAP, 4, 20, 0, 0 },
	{ PROTECT, 8, 4, PROT_READ, 0 },
	{ UNMAP, 10, 1, 0, 0 },
	{ PROTECT, 6, 10, PROT_READ, 0 }, /* over a hole: what lies before it has changed */
	{ MAP, 10, 1, 0, 0 },
	{ PROTECT, 6, 4, PROT_READ | PROT_WRITE, 0 },
	{ REMAP, 12, 3, 40, 0 },
	{ REMAP, 30, 1, 50, 0 }, /* nothing is there */
	{ UNMAP, 4, 1, 0, 1 },
	{ MAP, 6, 3, MAP_FIXED_NOREPLACE, 0 },
	{ MAP, 12, 3, MAP_FIXED_NOREPLACE, 0 },
	{ PROTECT, 0, 64, PROT_NONE, 0 },
	{ UNMAP, 7, 50, 0, 0 },
	{ UNMAP, 0, 0, 0, 0 },
};

static long kernels_answer(const struct step *s)
{
	char *addr = (char *)window + s->page * PAGE + s->astray;
	void *got;

	switch (s->what) {
	case MAP:
		got = mmap(addr, s->pages * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | (int)s->arg, -1, 0);
		return got == MAP_FAILED ? -errno : (long)got;
	case UNMAP:
		return munmap(addr, s->pages * PAGE) ? -errno : 0;
	case PROTECT:
		return mprotect(addr, s->pages * PAGE, (int)s->arg) ? -errno : 0;
	default:
		got = mremap(addr, s->pages * PAGE, s->pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			window + s->arg * PAGE);
		return got == MAP_FAILED ? -errno : (long)got;
	}
}

static long engines_answer(const struct step *s)
{
	unsigned long addr = window + s->page * PAGE + s->astray;
	const struct mremap_request remap = { addr, s->pages * PAGE, s->pages * PAGE,
		MREMAP_MAYMOVE | MREMAP_FIXED, window + s->arg * PAGE };

	switch (s->what) {
	case MAP:
		return (long)map(addr, s->pages * PAGE, MAP_FIXED | s->arg);
	case UNMAP:
		return mm_munmap(&mm, addr, s->pages * PAGE);
	case PROTECT:
		return mm_mprotect(&mm, addr, s->pages * PAGE, s->arg, -1);
	default:
		return (long)mm_mremap(&mm, &remap);
	}
}

/* The kernel's areas of the window, as lines of "first page, last page, rights". */
static void kernels_areas(char *text, size_t size)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512], rights[5];
	unsigned long start, end;
	size_t used = 0;

	assert_non_null(maps);
	text[0] = '\0';
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %4s", &start, &end, rights) == 3 && start >= window &&
			end <= window + WINDOW * PAGE)
			used += (size_t)snprintf(text + used, size - used, "%lu-%lu %s\n",
				(start - window) / PAGE, (end - window) / PAGE, rights);
	fclose(maps);
}

static void engines_areas(char *text, size_t size)
{
	const struct vm_area_struct *vma;
	size_t used = 0;
	VMA_ITERATOR(vmi, &mm, window);

	text[0] = '\0';
	for_each_vma_range (vmi, vma, window + WINDOW * PAGE)
		used += (size_t)snprintf(text + used, size - used, "%lu-%lu %c%c%c%c\n",
			(vma->vm_start - window) / PAGE, (vma->vm_end - window) / PAGE,
			vma->vm_flags & VM_READ ? 'r' : '-', vma->vm_flags & VM_WRITE ? 'w' : '-',
			vma->vm_flags & VM_EXEC ? 'x' : '-', vma->vm_flags & VM_SHARED ? 's' : 'p');
}

static void test_exactness_results_errno_and_partial_effects_are_the_running_kernels(void **state)
{
	static char kernels[4096], engines[4096];
	char *fences = mmap(NULL, (WINDOW + 2) * PAGE, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(fences, MAP_FAILED);
	window = (unsigned long)fences + PAGE;
	begin();
	assert_false(IS_ERR_VALUE(map(0, PAGE, 0))); /* the engine's own memory is not to lie in the window */
	assert_int_equal(munmap((void *)window, WINDOW * PAGE), 0);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		long kernel = kernels_answer(&steps[i]), engine = engines_answer(&steps[i]);

		if (kernel != engine)
			fail_msg("step %zu: the kernel says %ld, the engine %ld", i, kernel, engine);
		kernels_areas(kernels, sizeof(kernels));
		engines_areas(engines, sizeof(engines));
		assert_string_equal(kernels, engines);
	}
	mm_exit(&mm);
	munmap((void *)window, WINDOW * PAGE);
	munmap(fences, PAGE);
	munmap(fences + (WINDOW + 1) * PAGE, PAGE);
}

/* --- nothing lost on failure ------------------------------------------------------------------------------- */

static void test_nothing_is_lost_when_memory_runs_out_at_any_allocation_of_a_call(void **state)
{
	const char *reason;
	long nth = 0;
	int err;

	(void)state;
	do {
		unsigned long at;

		begin();
		at = map(0, 12 * PAGE, 0);
		assert_false(IS_ERR_VALUE(at));
		empty_caches();
		fail_after(++nth);
		err = mm_munmap(&mm, at + 4 * PAGE, 4 * PAGE);
		fail_after(-1);
		assert_true(mm_validate(&mm, &reason));
		assert_true(err == 0 || err == -ENOMEM);
		for (unsigned long i = 0; i < 12; i++)
			assert_int_equal(vma_lookup(&mm, at + i * PAGE) != NULL, err || i < 4 || i >= 8);
		assert_int_equal(mm.total_vm, err ? 12 : 8);
		mm_exit(&mm);
	} while (err);
	assert_true(nth > 1);
}

/* --- their own data ---------------------------------------------------------------------------------------- */

static long payloads, told[5], refuse_host; /* told: split, merge, duplicate, close, host */

static int open_payload(struct vm_area_struct *vma)
{
	vma->vm_private_data = malloc(1);
	payloads++;
	return 0;
}

static int split_payload(struct vm_area_struct *part, struct vm_area_struct *vma)
{
	assert_ptr_equal(part->vm_private_data, vma->vm_private_data);
	told[0]++;
	return open_payload(part);
}

static void merge_payload(struct vm_area_struct *into, struct vm_area_struct *gone)
{
	assert_ptr_not_equal(into->vm_private_data, gone->vm_private_data);
	told[1]++;
}

static int copy_payload(struct vm_area_struct *copy, const struct vm_area_struct *vma)
{
	assert_ptr_equal(copy->vm_private_data, vma->vm_private_data);
	told[2]++;
	return open_payload(copy);
}

static void close_payload(struct vm_area_struct *vma)
{
	free(vma->vm_private_data);
	payloads--;
	told[3]++;
}

static bool may_merge = true;

static bool may_merge_payloads(const struct vm_area_struct *area, const struct vm_area_struct *other)
{
	(void)area;
	(void)other;
	return may_merge;
}

static int do_host_work(struct mm_struct *of, const struct mm_change *change)
{
	(void)of;
	assert_true(change->start < change->end);
	told[4]++;
	return refuse_host ? -EXDEV : 0;
}

static const struct mm_operations operations = { .open = open_payload,
	.split = split_payload,
	.merge = merge_payload,
	.duplicate = copy_payload,
	.close = close_payload,
	.may_merge = may_merge_payloads,
	.host = do_host_work };

static void test_their_own_data_follows_cuts_joins_and_forks_and_the_host_may_refuse(void **state)
{
	static struct mm_struct child;
	unsigned long at;

	(void)state;
	begin();
	mm.ops = &operations;
	at = map(0, 12 * PAGE, 0);
	assert_int_equal(payloads, 1);
	assert_int_equal(mm_mprotect(&mm, at + 4 * PAGE, 4 * PAGE, PROT_READ, -1), 0);
	assert_int_equal(payloads, 3);
	assert_int_equal(told[0], 2);
	assert_int_equal(mm_fork(&child, &mm), 0);
	assert_int_equal(payloads, 6);
	assert_int_equal(told[2], 3);
	mm_exit(&child);
	assert_int_equal(payloads, 3);
	may_merge = false;
	assert_int_equal(mm_mprotect(&mm, at + 4 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE, -1), 0);
	assert_int_equal(payloads, 3); /* alike, and apart: they say so */
	assert_int_equal(mm_mprotect(&mm, at + 4 * PAGE, 4 * PAGE, PROT_READ, -1), 0);
	may_merge = true;
	assert_int_equal(mm_mprotect(&mm, at + 4 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE, -1), 0);
	assert_int_equal(payloads, 1);
	assert_int_equal(told[1], 2);
	refuse_host = true;
	assert_int_equal(mm_munmap(&mm, at, 12 * PAGE), -EXDEV);
	assert_non_null(vma_lookup(&mm, at));
	assert_int_equal(map(0, PAGE, 0), (unsigned long)-EXDEV);
	refuse_host = false;
	assert_int_equal(mm_munmap(&mm, at, 12 * PAGE), 0);
	assert_int_equal(payloads, 0);
	mm_exit(&mm);
}

/* --- their own world --------------------------------------------------------------------------------------- */

static char logged[200];

static void keep_line(void *ctx, const char *line)
{
	(void)ctx;
	snprintf(logged, sizeof(logged), "%s", line);
}

static __attribute__((noreturn)) void say_and_die(void *ctx, const char *line)
{
	(void)ctx;
	dprintf(2, "ours: %s", line);
	abort();
}

static void damage_a_map(void)
{
	struct vmaple_port port = *vmaple_get_port();

	port.panic = say_and_die;
	vmaple_set_port(&port);
	begin();
	sys.verify = MM_VERIFY_ALWAYS;
	find_vma(&mm, map(0, 2 * PAGE, 0))->vm_end += PAGE;
	(void)map(0, PAGE, MAP_SHARED);
}

static void test_their_own_world_pages_limits_bits_memory_and_messages(void **state)
{
	struct vmaple_port real = *vmaple_get_port(), port = real;
	unsigned long at;

	(void)state;
	mm_system_init(&sys, &anon_vma_rmap);
	assert_int_equal(mm_system_set_page_shift(&sys, 14), 0);
	mm_init(&mm, &sys);
	assert_int_equal(mm_set_task_size(&mm, 0xffffe000UL & ~0x3fffUL), 0);
	at = map(0, 1, 0);
	assert_true(at < 1UL << 32);
	assert_int_equal(find_vma(&mm, at)->vm_end - at, 1UL << 14);
	assert_int_equal(mm_munmap(&mm, at + PAGE, PAGE), -EINVAL);
	mm.limits.as = 3UL << 14;
	assert_int_equal(map(0, 3UL << 14, 0), (unsigned long)-ENOMEM);
	assert_false(IS_ERR_VALUE(map(0, 2UL << 14, 0)));
	mm_exit(&mm);

	begin();
	fail_all(true); /* whatever is asked for is asked of the port */
	assert_int_equal(map(0, PAGE, 0), (unsigned long)-ENOMEM);
	fail_all(false);
	mm_exit(&mm);

	port.log = keep_line;
	vmaple_set_port(&port);
	DEFINE_MTREE(tree);
	mt_dump(&tree, mt_dump_hex);
	vmaple_set_port(&real);
	assert_non_null(strstr(logged, "maple tree"));
	assert_non_null(strstr(panic_of(damage_a_map), "ours: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exactness_results_errno_and_partial_effects_are_the_running_kernels),
		cmocka_unit_test(test_nothing_is_lost_when_memory_runs_out_at_any_allocation_of_a_call),
		cmocka_unit_test(test_their_own_data_follows_cuts_joins_and_forks_and_the_host_may_refuse),
		cmocka_unit_test(test_their_own_world_pages_limits_bits_memory_and_messages),
	};

	failing_port_install();
	return cmocka_run_group_tests_name("what is promised to embedders", tests, NULL, NULL);
}
