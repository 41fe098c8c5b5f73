/* SPDX-License-Identifier: MIT */
/*
 * Every allocation of every mapping call fails in turn.
 *
 * Random calls are made on the engine and on an array of pages. Each call is first tried with its first allocation
 * failing, then its second, and so on until it makes none that fails: each time the address space must be valid, and,
 * for the calls that promise it, unchanged page by page. At the end nothing may be left allocated.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <vmaple/mm.h>
#include <vmaple/rcu.h>
#include <vmaple/rmap.h>

#include "failing_port.h"
#include "random.h"

#define PAGE  4096UL
#define BASE  0x7e0000000000UL
#define PAGES 96UL

struct model_page {
	bool mapped;
	unsigned char prot;
	bool file;
};

struct world {
	struct mm_system sys;
	struct mm_struct mm;
	struct vm_file file;
	struct model_page pages[PAGES];
	struct random r;
	unsigned long failures;
};

struct call {
	int kind;
	unsigned long from, len, to, prot;
	bool file;
};

enum { MMAP, MUNMAP, MPROTECT, MREMAP, MADVISE, MLOCK, NAME, TOUCH, FORK, KINDS };

static unsigned long at(unsigned long page)
{
	return BASE + page * PAGE;
}

static struct call random_call(struct world *w)
{
	static const unsigned char prots[] = { PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ,
		PROT_NONE };
	struct call c = { .kind = (int)random_below(&w->r, KINDS),
		.from = random_below(&w->r, PAGES - 16),
		.len = 1 + random_below(&w->r, 12),
		.prot = prots[random_below(&w->r, 4)],
		.file = random_below(&w->r, 4) == 0 };

	c.to = random_below(&w->r, PAGES - 16);
	return c;
}

static long do_mmap(struct world *w, const struct call *c)
{
	struct mmap_request req = { .addr = at(c->from),
		.len = c->len * PAGE,
		.prot = c->prot,
		.flags = MAP_PRIVATE | MAP_FIXED | (c->file ? 0 : MAP_ANONYMOUS),
		.offset = c->file ? c->from * PAGE : 0,
		.file = c->file ? &w->file : NULL };
	unsigned long res = mm_mmap(&w->mm, &req);

	return IS_ERR_VALUE(res) ? (long)res : 0;
}

static long do_mremap(struct world *w, const struct call *c)
{
	struct mremap_request req = { .addr = at(c->from),
		.old_len = c->len * PAGE,
		.new_len = c->len * PAGE,
		.flags = MREMAP_MAYMOVE | MREMAP_FIXED,
		.new_addr = at(c->to) };
	unsigned long res = mm_mremap(&w->mm, &req);

	return IS_ERR_VALUE(res) ? (long)res : 0;
}

static long do_fork(struct world *w)
{
	struct mm_struct child;
	const char *reason;
	int err = mm_fork(&child, &w->mm);

	if (!mm_validate(&child, &reason))
		fail_msg("child: %s", reason);
	mm_exit(&child);
	return err;
}

static long make(struct world *w, const struct call *c)
{
	struct mm_struct *mm = &w->mm;

	switch (c->kind) {
	case MMAP:
		return do_mmap(w, c);
	case MUNMAP:
		return mm_munmap(mm, at(c->from), c->len * PAGE);
	case MPROTECT:
		return mm_mprotect(mm, at(c->from), c->len * PAGE, c->prot, -1);
	case MREMAP:
		return do_mremap(w, c);
	case MADVISE:
		return mm_madvise(mm, at(c->from), c->len * PAGE, c->prot ? MADV_DONTDUMP : MADV_DODUMP);
	case MLOCK:
		return c->prot ? mm_mlock(mm, at(c->from), c->len * PAGE, MLOCK_ONFAULT)
			       : mm_munlock(mm, at(c->from), c->len * PAGE);
	case NAME:
		return mm_set_anon_name(mm, at(c->from), c->len * PAGE, c->prot ? "name" : NULL);
	case TOUCH:
		return mm_fault(mm, at(c->from), MM_FAULT_WRITE);
	default:
		return do_fork(w);
	}
}

static struct model_page page_of(struct world *w, unsigned long page)
{
	struct vm_area_struct *vma = vma_lookup(&w->mm, at(page));

	if (!vma)
		return (struct model_page){ .mapped = false };
	return (struct model_page){ true, (unsigned char)(vma->vm_flags & 7), vma->vm_file != NULL };
}

static void read_pages(struct world *w, struct model_page *pages)
{
	for (unsigned long i = 0; i < PAGES; i++)
		pages[i] = page_of(w, i);
}

static bool same_page(const struct model_page *a, const struct model_page *b)
{
	return a->mapped == b->mapped && (!a->mapped || (a->prot == b->prot && a->file == b->file));
}

static void compare(struct world *w, const struct model_page *want, const char *when, const struct call *c)
{
	for (unsigned long i = 0; i < PAGES; i++) {
		struct model_page got = page_of(w, i);

		if (!same_page(&got, &want[i]))
			fail_msg("%s: call %d [%lu, %lu) to %lu: page %lu is not as expected", when, c->kind,
				c->from, c->from + c->len, c->to, i);
	}
}

static void check_valid(struct world *w, const struct call *c, const char *when)
{
	const char *reason;

	if (!mm_validate(&w->mm, &reason))
		fail_msg("%s: call %d [%lu, %lu) to %lu prot %lu: %s", when, c->kind, c->from,
			c->from + c->len, c->to, c->prot, reason);
}

/* What a call that succeeded has made of the pages. */
static void model(struct world *w, const struct call *c)
{
	struct model_page copy[PAGES];

	memcpy(copy, w->pages, sizeof(copy));
	for (unsigned long i = 0; i < c->len; i++) {
		struct model_page *p = &w->pages[c->from + i];

		if (c->kind == MMAP)
			*p = (struct model_page){ true, (unsigned char)c->prot, c->file };
		else if (c->kind == MUNMAP)
			p->mapped = false;
		else if (c->kind == MPROTECT)
			p->prot = (unsigned char)c->prot;
	}
	if (c->kind != MREMAP)
		return;
	for (unsigned long i = 0; i < c->len; i++)
		w->pages[c->from + i].mapped = false;
	/* What lies under holes of the source stays at the destination; of the rest the source wins. */
	for (unsigned long i = 0; i < c->len; i++)
		if (copy[c->from + i].mapped)
			w->pages[c->to + i] = copy[c->from + i];
}

/* Calls that change nothing when they run out of memory. mremap and mprotect work area by area. */
static bool all_or_nothing(int kind)
{
	return kind != MPROTECT && kind != MREMAP;
}

/* A move that cannot cut its source leaves it mapped, as Linux does: the only call that hides a failure. */
static void try_with_failures(struct world *w, const struct call *c)
{
	long res;

	for (long n = 1;; n++) {
		fail_after(n);
		res = make(w, c);
		failing_left = -1;
		check_valid(w, c, "after a call");
		if (!failing_hit)
			break;
		w->failures++;
		if (res == 0 && c->kind != MREMAP)
			fail_msg("call %d did not notice that it had no memory", c->kind);
		if (res && all_or_nothing(c->kind))
			compare(w, w->pages, "after a failure", c);
		else if (res)
			read_pages(w, w->pages);
		else
			break;
	}
	if (res == 0 && !failing_hit)
		model(w, c);
	else
		read_pages(w, w->pages);
	compare(w, w->pages, "after the call", c);
}

static void begin(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	mm_system_init(&w->sys, &anon_vma_rmap);
	mm_init(&w->mm, &w->sys);
	w->file = (struct vm_file){ .refs = 1, .readable = true, .writable = true, .name = "file" };
	w->r.state = seed;
}

static void test_each_allocation_of_each_call_may_fail(void **state)
{
	static struct world w;
	unsigned long rounds = test_operations(4000);

	begin(&w, random_seed());
	for (unsigned long i = 0; i < rounds; i++) {
		struct call c = random_call(&w);

		try_with_failures(&w, &c);
	}
	mm_exit(&w.mm);
	assert_true(w.failures > rounds / 4);
	assert_int_equal(w.file.refs, 1);
	assert_int_equal(w.sys.committed, 0);
	empty_caches();
	assert_int_equal(live_blocks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_allocation_of_each_call_may_fail) };
	int failed;

	failing_port_install();
	vmaple_rcu_register_thread();
	failed = cmocka_run_group_tests_name("allocation failures in lib/mm", tests, NULL, NULL);
	vmaple_rcu_unregister_thread();
	return failed;
}
