/* SPDX-License-Identifier: MIT */
/*
 * Every allocation of everything that paging and the reverse maps do fails in turn, on every design.
 *
 * For each operation: two processes are set up, one forked from the other, with pages that were written, shared, moved,
 * mapped from files, and swapped out.  The operation is made with its first allocation failing, then, in a new world,
 * with its second, and so on until none fails.  Each time it says so, everything is valid, and every page of both
 * processes holds what was last written; then it is made once more, with memory, and succeeds.
 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <vmaple/paging.h>
#include <vmaple/rcu.h>

#include "failing_port.h"

#define PAGE   4096UL
#define BASE   (0x7e0000000000UL - 8 * PAGE) /* anonymous memory, over two leaves */
#define PAGES  16UL
#define FILES  0x7d0000000000UL /* a private mapping, and a shared one behind it */
#define MAPPED 4UL
#define AWAY   (0x7c0000000000UL - 4 * PAGE) /* where nothing is, nor a page table: two leaves, too */
#define FRAMES 128

struct world {
	struct mm_system sys;
	struct paging *paging;
	struct mm_struct mm, child, grandchild;
	bool has_grandchild;
	struct vm_file file;
	uint64_t wanted[PAGES], child_wanted[PAGES]; /* of the anonymous pages */
	unsigned long moved, moved_to;               /* pages of this range may be at another place */
	bool gone[PAGES];                            /* may have been unmapped, or discarded */
};

static void write_all(
	struct mm_struct *mm, uint64_t *wanted, unsigned long from, unsigned long to, uint64_t base)
{
	for (unsigned long i = from; i < to; i++) {
		wanted[i] = base + i;
		assert_int_equal(paging_write(mm, BASE + i * PAGE, wanted[i]), 0);
	}
}

static void map(struct world *w, unsigned long addr, unsigned long pages, unsigned long flags)
{
	struct mmap_request req = { .addr = addr,
		.len = pages * PAGE,
		.prot = PROT_READ | PROT_WRITE,
		.flags = MAP_FIXED | flags,
		.file = flags & MAP_ANONYMOUS ? NULL : &w->file };

	assert_true(mm_mmap(&w->mm, &req) == addr);
}

/*
 * Pages 0 to 11 were written by the parent, 2 and 3 then by the child.  12 to 15 were never touched.
 */
static void begin(struct world *w, const struct rmap_ops *ops)
{
	const struct paging_options options = { .frames = FRAMES, .swap_pages = 256, .swap_fd = -1 };

	memset(w, 0, sizeof(*w));
	w->file = (struct vm_file){ .refs = 1,
		.kind = VM_FILE_REGULAR,
		.readable = true,
		.writable = true,
		.ino = 7,
		.size = 64 * PAGE,
		.name = "file" };
	mm_system_init(&w->sys, ops);
	mm_init(&w->mm, &w->sys);
	assert_int_equal(paging_new(&w->paging, &w->sys, &options), 0);
	assert_int_equal(paging_attach(&w->mm), 0);
	map(w, BASE, PAGES, MAP_PRIVATE | MAP_ANONYMOUS);
	map(w, FILES, MAPPED, MAP_PRIVATE);
	map(w, FILES + MAPPED * PAGE, MAPPED, MAP_SHARED);
	write_all(&w->mm, w->wanted, 0, 12, 100);
	assert_int_equal(mm_fork(&w->child, &w->mm), 0);
	memcpy(w->child_wanted, w->wanted, sizeof(w->wanted));
	write_all(&w->child, w->child_wanted, 2, 4, 200);
}

static void end(struct world *w)
{
	if (w->has_grandchild)
		mm_exit(&w->grandchild);
	mm_exit(&w->child);
	mm_exit(&w->mm);
	assert_int_equal(w->file.refs, 1);
	vm_file_put(&w->file);
	paging_free(w->paging);
}

static void check_pages(struct world *w, struct mm_struct *mm, const uint64_t *wanted, const char *what)
{
	for (unsigned long i = 0; i < PAGES; i++) {
		unsigned long addr = BASE + i * PAGE;
		uint64_t stamp;
		int err;

		if (mm == &w->mm && w->gone[i])
			continue;
		/* A place that could not be cut off stays mapped without its pages. */
		if (mm == &w->mm && i < w->moved && vma_lookup(mm, w->moved_to + i * PAGE))
			addr = w->moved_to + i * PAGE;
		err = paging_read(mm, addr, &stamp);
		if (err || stamp != wanted[i])
			fail_msg("%s, %s: page %lu of the %s holds %lu and not %lu (%d)", w->sys.rmap->name,
				what, i, mm == &w->mm ? "parent" : "child", (unsigned long)stamp,
				(unsigned long)wanted[i], err);
	}
}

static void check(struct world *w, const char *what)
{
	const char *reason;

	if (!paging_validate(w->paging, &reason))
		fail_msg("%s, %s: %s", w->sys.rmap->name, what, reason);
	check_pages(w, &w->mm, w->wanted, what);
	check_pages(w, &w->child, w->child_wanted, what);
	if (!paging_validate(w->paging, &reason))
		fail_msg("%s, %s, then read: %s", w->sys.rmap->name, what, reason);
}

/* --- operations: what is done before, and what is tried; 0 or -errno ------------------------------------------ */

static int first_write(struct world *w)
{
	int err = paging_write(&w->mm, BASE + 13 * PAGE, 42);

	w->wanted[13] = err ? 0 : 42;
	return err;
}

static int first_read(struct world *w)
{
	uint64_t stamp;

	return paging_read(&w->mm, BASE + 14 * PAGE, &stamp);
}

/* The pages of a file, too, are mapped for the first time. */
static int file_read(struct world *w)
{
	uint64_t stamp;

	return paging_read(&w->mm, FILES, &stamp);
}

static int file_private_write(struct world *w)
{
	return paging_write(&w->mm, FILES + PAGE, 43);
}

static int file_shared_write(struct world *w)
{
	return paging_write(&w->mm, FILES + MAPPED * PAGE, 44);
}

static int copy_on_write(struct world *w)
{
	int err = paging_write(&w->child, BASE + 5 * PAGE, 45);

	w->child_wanted[5] = err ? w->child_wanted[5] : 45;
	return err;
}

static int fork_again(struct world *w)
{
	int err = mm_fork(&w->grandchild, &w->child);

	if (err)
		mm_exit(&w->grandchild);
	w->has_grandchild = !err;
	return err;
}

static int split(struct world *w)
{
	return mm_mprotect(&w->mm, BASE + 4 * PAGE, 2 * PAGE, PROT_READ, -1);
}

static void cut(struct world *w)
{
	assert_int_equal(mm_mprotect(&w->mm, BASE + 4 * PAGE, 2 * PAGE, PROT_READ, -1), 0);
}

static int merge(struct world *w)
{
	return mm_mprotect(&w->mm, BASE + 4 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE, -1);
}

static int move_to(struct world *w, unsigned long to, unsigned long pages)
{
	const struct mremap_request req = { BASE, pages * PAGE, pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		to };
	unsigned long res = mm_mremap(&w->mm, &req);

	w->moved = pages;
	w->moved_to = to;
	return IS_ERR_VALUE(res) ? (int)(long)res : 0;
}

/* All of it, and a part, which has to be cut out. Some of the pages are shared with the child: anonmm copies them. */
static int move_all(struct world *w)
{
	return move_to(w, AWAY, PAGES);
}

static int move_part(struct world *w)
{
	return move_to(w, AWAY + 5 * PAGE, 10);
}

static int unmap_middle(struct world *w)
{
	int err = mm_munmap(&w->mm, BASE + 6 * PAGE, 2 * PAGE);

	w->gone[6] = w->gone[7] = !err;
	return err;
}

static int discard(struct world *w)
{
	int err = mm_madvise(&w->mm, BASE + 6 * PAGE, 2 * PAGE, MADV_DONTNEED);

	w->wanted[6] = w->wanted[7] = err ? w->wanted[6] : 0;
	return err;
}

static void swap_out(struct world *w)
{
	for (int i = 0; i < 4; i++)
		(void)paging_reclaim(w->paging, FRAMES);
	assert_true(paging_statistics(w->paging).swapped_out > 0);
}

static int reclaim(struct world *w)
{
	swap_out(w);
	return 0;
}

static int swap_in(struct world *w)
{
	uint64_t stamp;

	return paging_read(&w->mm, BASE + 8 * PAGE, &stamp);
}

static int swap_in_to_write(struct world *w)
{
	int err = paging_write(&w->mm, BASE + 8 * PAGE, 46);

	w->wanted[8] = err ? w->wanted[8] : 46;
	return err;
}

static int remap_as_window(struct world *w)
{
	return paging_remap_file_pages(&w->mm, FILES + (MAPPED + 1) * PAGE, PAGE, 9, true);
}

static int remap_as_area(struct world *w)
{
	return paging_remap_file_pages(&w->mm, FILES + (MAPPED + 1) * PAGE, PAGE, 9, false);
}

static int lock_some(struct world *w)
{
	return mm_mlock(&w->mm, BASE + 2 * PAGE, 4 * PAGE, 0);
}

static int map_over(struct world *w)
{
	const struct mmap_request req = { .addr = BASE + 6 * PAGE,
		.len = 2 * PAGE,
		.prot = PROT_READ,
		.flags = MAP_FIXED | MAP_SHARED,
		.file = &w->file };
	unsigned long res = mm_mmap(&w->mm, &req);

	w->gone[6] = w->gone[7] = !IS_ERR_VALUE(res);
	return IS_ERR_VALUE(res) ? (int)(long)res : 0;
}

static int guard(struct world *w)
{
	int err = mm_madvise(&w->mm, FILES + 2 * PAGE, PAGE, 102 /* MADV_GUARD_INSTALL */);
	uint64_t stamp;

	if (err)
		return err;
	failing_left = -1;
	assert_int_equal(paging_read(&w->mm, FILES + 2 * PAGE, &stamp), -EFAULT);
	return 0;
}

static const struct operation {
	const char *name;
	void (*before)(struct world *w);
	int (*make)(struct world *w);
	bool allocates; /* on some design at least */
	bool may_hide;  /* succeeds all the same: a source that cannot be cut stays mapped */
} operations[] = {
	{ "first write", NULL, first_write, true, false },
	{ "first read", NULL, first_read, true, false },
	{ "read of a file", NULL, file_read, true, false },
	{ "write to a private mapping", NULL, file_private_write, true, false },
	{ "write to a shared mapping", NULL, file_shared_write, true, false },
	{ "copy on write", NULL, copy_on_write, true, false },
	{ "fork", NULL, fork_again, true, false },
	{ "fork of what is swapped out", swap_out, fork_again, true, false },
	{ "split", NULL, split, true, false },
	{ "merge", cut, merge, false, false },
	{ "move", NULL, move_all, true, true },
	{ "move of a part", NULL, move_part, true, true },
	{ "move of what is swapped out", swap_out, move_part, true, true },
	{ "guard", NULL, guard, true, false },
	{ "munmap", NULL, unmap_middle, true, false },
	{ "MADV_DONTNEED", NULL, discard, false, false },
	{ "reclaim", NULL, reclaim, false, false },
	{ "swap in", swap_out, swap_in, true, false },
	{ "swap in to write", swap_out, swap_in_to_write, true, false },
	{ "remap_file_pages, a window", NULL, remap_as_window, true, false },
	{ "remap_file_pages, an area", NULL, remap_as_area, true, false },
	{ "mlock", NULL, lock_some, true, false },
	{ "map over", NULL, map_over, true, false },
};
#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* With the @n th allocation failing. False: there were less. */
static bool try_one(const struct rmap_ops *ops, const struct operation *op, long n)
{
	static struct world w;
	bool hit;
	int err;

	begin(&w, ops);
	if (op->before)
		op->before(&w);
	fail_after(n);
	err = op->make(&w);
	failing_left = -1;
	hit = failing_hit;
	if (hit ? err != -ENOMEM && !(op->may_hide && !err) : err)
		fail_msg("%s, %s, allocation %ld: %d", ops->name, op->name, n, err);
	check(&w, op->name);
	if (err && op->make(&w))
		fail_msg("%s, %s, allocation %ld: fails with memory", ops->name, op->name, n);
	check(&w, "made again");
	end(&w);
	return hit;
}

static void test_each_allocation_of_each_operation_may_fail(void **state)
{
	unsigned long failures[OPERATIONS] = { 0 };
	long blocks;

	vmaple_cache_shrink();
	blocks = live_blocks;
	for (int i = 0; rmap_designs[i]; i++)
		for (size_t k = 0; k < OPERATIONS; k++)
			for (long n = 1; try_one(rmap_designs[i], &operations[k], n); n++)
				failures[k]++;
	for (size_t k = 0; k < OPERATIONS; k++)
		if (operations[k].allocates != (failures[k] != 0))
			fail_msg("%s: %lu allocations have failed", operations[k].name, failures[k]);
	empty_caches();
	assert_int_equal(live_blocks, blocks);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(
		test_each_allocation_of_each_operation_may_fail) };
	int failed;

	failing_port_install();
	vmaple_rcu_register_thread();
	failed = cmocka_run_group_tests_name(
		"allocation failures in lib/paging and lib/rmap", tests, NULL, NULL);
	vmaple_rcu_unregister_thread();
	return failed;
}
