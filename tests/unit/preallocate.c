/* SPDX-License-Identifier: MIT */
/*
 * Nothing is asked of the host under the mmap_lock: random calls of every kind, after prepopulate_vma(), on every
 * reverse map, with readers allowed beside them and without, with pages and without.  The host counts what it is asked
 * for.  Forks, and calls on hundreds of areas and far away, do so by what was counted for them.
 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <vmaple/paging.h>
#include <vmaple/rcu.h>
#include <vmaple/recycle.h>
#include <vmaple/vma_lock.h>

#include "failing_port.h"
#include "random.h"
#include "uapi.h"

#define PAGE  4096UL
#define BASE  0x7e0000000000UL
#define PAGES 500UL /* of one page table, whose first and last page stay mapped: it is there throughout */
#define TOUCH 12
#define SPAN  8UL /* a call meets that many areas at most */

struct world {
	struct mm_system sys;
	struct paging *paging; /* NULL: no pages */
	struct mm_struct mm, child;
	bool has_child;
	struct vm_file file;
	struct random r;
	unsigned long made[16], asked;
	const char *call;
};

static unsigned long at(unsigned long page)
{
	return BASE + page * PAGE;
}

static long map(
	struct world *w, unsigned long from, unsigned long len, unsigned long prot, unsigned long flags)
{
	const struct mmap_request req = { .addr = at(from),
		.len = len * PAGE,
		.prot = prot,
		.flags = flags | MAP_FIXED,
		.offset = flags & MAP_ANONYMOUS ? 0 : from * PAGE,
		.file = flags & MAP_ANONYMOUS ? NULL : &w->file };

	return (long)mm_mmap(&w->mm, &req);
}

static long move(struct world *w, unsigned long from, unsigned long len)
{
	const struct mremap_request req = { at(from), len * PAGE, len * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		at(1 + random_below(&w->r, PAGES - SPAN)) };

	return (long)mm_mremap(&w->mm, &req);
}

static long touch(struct world *w, unsigned long page)
{
	return w->paging ? paging_write(&w->mm, at(page), page) : mm_fault(&w->mm, at(page), MM_FAULT_WRITE);
}

/* One call, of a kind below 16. */
static long make(struct world *w, unsigned int kind, unsigned long from, unsigned long len)
{
	static const char *const names[] = { "mmap", "mmap of a file", "mmap of shared memory", "munmap",
		"mprotect", "mremap", "madvise", "mlock", "munlock", "PR_SET_VMA_ANON_NAME", "mbind",
		"userfaultfd", "touch", "brk", "mprotect", "mmap of a file, shared" };
	static const unsigned long prots[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };
	unsigned long prot = prots[random_below(&w->r, 3)], start = at(from), bytes = len * PAGE;

	w->call = names[kind];
	switch (kind) {
	case 0:
		return map(w, from, len, prot, MAP_PRIVATE | MAP_ANONYMOUS);
	case 1:
		return map(w, from, len, prot, MAP_PRIVATE);
	case 2:
		return map(w, from, len, prot, MAP_SHARED | MAP_ANONYMOUS);
	case 3:
		return mm_munmap(&w->mm, start, bytes);
	case 5:
		return move(w, from, len);
	case 6:
		return mm_madvise(&w->mm, start, bytes, prot ? MADV_DONTDUMP : MADV_DODUMP);
	case 7:
		return mm_mlock(&w->mm, start, bytes, 0);
	case 8:
		return mm_munlock(&w->mm, start, bytes);
	case 9:
		return mm_set_anon_name(&w->mm, start, bytes,
			prot ? "a name that is as long as names may be, or nearly so, in all" : NULL);
	case 10:
		return mm_mbind(&w->mm, start, bytes, prot ? w : NULL);
	case 11:
		return mm_userfaultfd(&w->mm, start, bytes, prot ? w : NULL, prot ? VM_UFFD_MISSING : 0);
	case TOUCH:
		return touch(w, from);
	case 13:
		return (long)mm_brk(&w->mm, w->mm.start_brk + len * PAGE);
	case 15:
		return map(w, from, len, prot, MAP_SHARED);
	default:
		return mm_mprotect(&w->mm, start, bytes, prot, -1);
	}
}

/* The rounds of counting and setting aside that it takes until they agree. */
static unsigned int provide(struct mm_struct *mm, unsigned long start, unsigned long end,
	bool (*count)(struct mm_struct *, unsigned long, unsigned long, struct mm_needs *))
{
	struct mm_needs needs = { 0 };
	unsigned int rounds = 1;

	empty_caches();
	for (; count ? !count(mm, start, end, &needs) : !mm_fork_needs(mm, &needs); rounds++)
		assert_int_equal(prepopulate_needs(mm, &needs), 0);
	failing_allocations = 0;
	return rounds;
}

static void assert_host_was_not_asked(const struct world *w, const char *call)
{
	if (failing_allocations)
		fail_msg("%s%s, %s asks the host for %ld blocks", w->sys.rmap->name,
			w->paging ? ", with pages" : "", call, failing_allocations);
}

static void fork_into(struct world *w, struct mm_struct *child, struct mm_struct *parent)
{
	(void)provide(parent, 0, 0, NULL);
	assert_int_equal(mm_fork(child, parent), 0);
	assert_host_was_not_asked(w, "fork");
}

static void fork_or_exit(struct world *w)
{
	if (w->has_child)
		mm_exit(&w->child);
	else
		fork_into(w, &w->child, &w->mm);
	w->has_child = !w->has_child;
}

static void begin(struct world *w, const struct rmap_ops *ops, bool rcu, bool pages, uint64_t seed)
{
	const struct paging_options options = { .frames = 2048, .swap_pages = 16, .swap_fd = -1 };

	memset(w, 0, sizeof(*w));
	w->r.state = seed;
	w->file = (struct vm_file){ .refs = 1, .readable = true, .writable = true, .name = "file" };
	mm_system_init(&w->sys, ops);
	w->sys.verify = MM_VERIFY_NEVER; /* it asks for memory of its own */
	mm_init(&w->mm, &w->sys);
	w->mm.start_brk = w->mm.brk = BASE - 64 * PAGE;
	if (rcu)
		mm_set_rcu(&w->mm);
	if (pages) {
		assert_int_equal(paging_new(&w->paging, &w->sys, &options), 0);
		assert_int_equal(paging_attach(&w->mm), 0);
	}
	/* The table, and all chunks of the file's cache, are there. */
	assert_false(IS_ERR_VALUE(map(w, 0, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED)));
	for (unsigned long i = 0; i < PAGES; i++)
		assert_int_equal(touch(w, i), 0);
}

static void end(struct world *w)
{
	const char *reason = "";

	if (w->paging ? !paging_validate(w->paging, &reason) : !mm_validate(&w->mm, &reason))
		fail_msg("%s", reason);
	if (w->has_child)
		mm_exit(&w->child);
	mm_exit(&w->mm);
	vm_file_put(&w->file);
	if (w->paging)
		paging_free(w->paging);
	vmaple_rcu_barrier();
}

static void run(const struct rmap_ops *ops, bool rcu, bool pages, uint64_t seed)
{
	static struct world w;
	unsigned long steps = test_operations(8000);

	begin(&w, ops, rcu, pages, seed);
	for (unsigned long i = 0; i < steps; i++) {
		unsigned int kind = (unsigned int)random_below(&w.r, 16);
		unsigned long from = 1 + random_below(&w.r, PAGES - SPAN - 1),
			      len = 1 + random_below(&w.r, SPAN - 1);

		if (i % 100 == 0)
			fork_or_exit(&w);
		if (i % 16 == 0)
			vmaple_cache_shrink(); /* so that nothing is there by chance */
		assert_int_equal(prepopulate_vma(), 0);
		failing_allocations = 0;
		w.made[kind] += !IS_ERR_VALUE(make(&w, kind, from, len));
		/* A page comes with mmap_lock held for reading. */
		if (failing_allocations && !(pages && kind == TOUCH))
			fail_msg("%s%s%s, step %lu: %s of %lu pages asks the host for %ld blocks", ops->name,
				rcu ? ", beside readers" : "", pages ? ", with pages" : "", i, w.call, len,
				failing_allocations);
	}
	for (int kind = 0; kind < 16; kind++)
		assert_true(w.made[kind] > 0);
	end(&w);
}

static uint64_t seed;

static void test_calls_ask_the_host_for_nothing(void **state)
{
	for (int i = 0; rmap_designs[i]; i++)
		for (int how = 0; how < 4; how++)
			run(rmap_designs[i], how & 1, how & 2, seed + (uint64_t)i);
}

/* From [BASE, BASE + PAGES) every second page is an area of its own, touched; others have a file. */
static void fill(struct world *w)
{
	for (unsigned long i = 1; i < PAGES - 1; i++) {
		unsigned long flags = i & 4 ? MAP_PRIVATE : MAP_PRIVATE | MAP_ANONYMOUS;

		assert_false(IS_ERR_VALUE(map(w, i, 1, i & 1 ? PROT_READ : PROT_READ | PROT_WRITE, flags)));
		if (!(i & 1))
			assert_int_equal(touch(w, i), 0);
	}
	/* A tree of more nodes than any call is given, once of inner ones too. */
	for (unsigned long i = 2; i < (w->sys.rmap == &objrmap_rmap ? 45000 : 3000); i++)
		assert_false(IS_ERR_VALUE(map(w, PAGES + 2 * i, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS)));
	if (!w->paging)
		return;
	/* And pages far apart from each other, in tables of every level. */
	for (unsigned long i = 1; i < 20; i++) {
		const struct mmap_request req = { .addr = (i << 31) + (i << 40),
			.len = 600 * PAGE,
			.prot = PROT_READ | PROT_WRITE,
			.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED };

		assert_false(IS_ERR_VALUE(mm_mmap(&w->mm, &req)));
		assert_int_equal(paging_write(&w->mm, req.addr, i), 0);
		assert_int_equal(paging_write(&w->mm, req.addr + 599 * PAGE, i), 0);
	}
	assert_int_equal(mm_madvise(&w->mm, at(100), 30 * PAGE, MADV_DONTFORK), 0);
}

/* Children of children: each generation has longer chains. */
static void check_forks(struct world *w)
{
	static struct mm_struct generation[5];
	struct mm_struct *parent = &w->mm;

	for (int i = 0; i < 5; i++) {
		fork_into(w, &generation[i], parent);
		parent = &generation[i];
		for (unsigned long page = 200; page < 240; page += 2)
			if (w->paging)
				assert_int_equal(paging_write(parent, at(page), page), 0);
	}
	for (int i = 5; i--;)
		mm_exit(&generation[i]);
}

static void check_wide_calls(struct world *w)
{
	const struct mremap_request far = { 2UL << 31 | 2UL << 40, 600 * PAGE, 600 * PAGE,
		MREMAP_MAYMOVE | MREMAP_FIXED, 0x123456789000UL };
	unsigned long start = at(1), end = at(PAGES - 1);

	(void)provide(&w->mm, start, end, mm_call_needs);
	assert_int_equal(mm_mprotect(&w->mm, start, end - start, PROT_READ | PROT_WRITE, -1), 0);
	assert_host_was_not_asked(w, "mprotect of hundreds of areas");
	(void)provide(&w->mm, start, end, mm_call_needs);
	assert_int_equal(mm_set_anon_name(&w->mm, at(8), 2 * PAGE, "name"), 0);
	assert_int_equal(mm_mlock(&w->mm, start, end - start, MLOCK_ONFAULT), 0);
	assert_host_was_not_asked(w, "mlock of hundreds of areas");
	if (w->paging) {
		(void)provide(&w->mm, far.addr, far.addr + far.old_len, mm_call_needs);
		assert_false(IS_ERR_VALUE(mm_mremap(&w->mm, &far)));
		assert_host_was_not_asked(w, "mremap into nowhere");
		(void)provide(&w->mm, far.new_addr, far.new_addr + 600 * PAGE, mm_guard_needs);
		assert_int_equal(mm_madvise(&w->mm, far.new_addr, 600 * PAGE, MADV_GUARD_INSTALL), 0);
		assert_host_was_not_asked(w, "MADV_GUARD_INSTALL");
	}
	(void)provide(&w->mm, start, end, mm_call_needs);
	assert_int_equal(mm_munmap(&w->mm, start, end - start), 0);
	assert_host_was_not_asked(w, "munmap of hundreds of areas");
}

static void test_forks_and_wide_calls_ask_the_host_for_nothing(void **state)
{
	static struct world w;

	for (int i = 0; rmap_designs[i]; i++) {
		for (int how = 0; how < 4; how++) {
			begin(&w, rmap_designs[i], how & 1, how & 2, seed);
			fill(&w);
			check_forks(&w);
			check_wide_calls(&w);
			end(&w);
		}
	}
}

/* What was set aside for a small space does not pass for a larger one; a little growth is provided for. */
static void test_a_space_that_has_grown_is_counted_again(void **state)
{
	static struct world w;
	struct mm_needs needs = { 0 };

	begin(&w, &anon_vma_rmap, true, true, seed);
	fill(&w);
	assert_int_equal(provide(&w.mm, 0, 0, NULL), 2);
	assert_false(mm_fork_needs(&w.mm, &needs));
	assert_true(mm_fork_needs(&w.mm, &needs));
	assert_false(IS_ERR_VALUE(map(&w, PAGES + 7001, 1, PROT_READ, MAP_PRIVATE)));
	assert_true(mm_fork_needs(&w.mm, &needs));
	for (unsigned long i = 4000; i < 5000; i++)
		assert_false(IS_ERR_VALUE(map(&w, PAGES + 2 * i, 1, PROT_READ, MAP_PRIVATE)));
	assert_false(mm_fork_needs(&w.mm, &needs));
	assert_true(mm_fork_needs(&w.mm, &needs));
	end(&w);
}

/* Setting aside can fail, and then nothing is lost; the fork still may. */
static void test_what_cannot_be_set_aside_is_said(void **state)
{
	static struct world w;
	struct mm_needs needs = { 0 };
	long blocks;

	begin(&w, &pte_chain_rmap, false, true, seed);
	fill(&w);
	assert_false(mm_fork_needs(&w.mm, &needs));
	empty_caches();
	blocks = live_blocks;
	for (long n = 1;; n++) {
		int err;

		fail_after(n);
		err = prepopulate_needs(&w.mm, &needs);
		fail_after(-1);
		empty_caches();
		assert_int_equal(live_blocks, blocks);
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_true(n < 10000);
	}
	end(&w);
}

/* So that the tests above can fail: without it they do ask. */
static void test_calls_that_were_not_prepared_ask(void **state)
{
	static struct world w;
	unsigned long asked = 0;

	begin(&w, &anon_vma_rmap, false, false, seed);
	for (unsigned int kind = 0; kind < 16; kind++) {
		empty_caches();
		failing_allocations = 0;
		(void)!make(&w, kind, 10 + 10 * kind, 3);
		asked += failing_allocations != 0;
	}
	assert_true(asked > 8);
	empty_caches();
	failing_allocations = 0;
	assert_int_equal(mm_fork(&w.child, &w.mm), 0);
	w.has_child = true;
	assert_true(failing_allocations);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls_ask_the_host_for_nothing),
		cmocka_unit_test(test_forks_and_wide_calls_ask_the_host_for_nothing),
		cmocka_unit_test(test_a_space_that_has_grown_is_counted_again),
		cmocka_unit_test(test_what_cannot_be_set_aside_is_said),
		cmocka_unit_test(test_calls_that_were_not_prepared_ask),
	};
	int failed;

	failing_port_install();
	vmaple_rcu_register_thread();
	seed = random_seed();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	vmaple_rcu_unregister_thread();
	return failed;
}
