/* SPDX-License-Identifier: MIT */
/*
 * Every allocation of every mapping call fails in turn; the calls are those of mm_calls.h.
 *
 * Two worlds get the same random calls.  In one of them each call is first tried with its first allocation failing,
 * then its second, and so on until it makes none that fails; the other one always has memory.
 *
 *   after each failure   the address space is valid; what its pages are is as the call's kind says (enum promise)
 *   after the call       both worlds answer the same and have the same pages: what failed on the way has left nothing
 *   at the end           nothing is left allocated, charged or referred to
 *
 * Pages are compared one by one, so that cuts, which Linux leaves too, are no difference.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <vmaple/rcu.h>
#include <vmaple/rmap.h>
#include <vmaple/vma_lock.h>

#include "failing_port.h"
#include "mm_calls.h"

#define ROUND 400UL /* calls on one address space, at most: what is sealed is there until its end */

/* What a failed call has done to the pages. */
enum promise {
	NOTHING, /* they are as they were */
	PREFIX,  /* it goes area by area: those below some address are as after the whole call */
	EITHER,  /* each page is as before, or as after */
	CLEARS,  /* what was at the target may be gone, as it is before Linux finds out */
	MOVES    /* as CLEARS; and each page of the source is where it was, or has moved */
};

static const struct {
	enum promise promise;
	bool hides; /* it may say that all is well, as Linux does */
} ways[KINDS] = {
	[MMAP_SHARED] = { CLEARS, false },
	[MMAP_LOCKED] = { NOTHING, true }, /* what it cannot fault in it passes over */
	[MPROTECT] = { PREFIX, true },     /* locked memory that may be written now: as MMAP_LOCKED */
	[PKEY] = { PREFIX, true },
	[MOVE] = { MOVES, true }, /* a source that cannot be unmapped stays */
	[MOVE_LONGER] = { MOVES, true },
	[GROW] = { MOVES, true },
	[LEAVE] = { MOVES, false },
	[VIEW] = { CLEARS, false },
	[MADVISE] = { PREFIX, false },
	[MLOCK] = { PREFIX, false },
	[MUNLOCK] = { PREFIX, false },
	[MLOCKALL] = { EITHER, true },
	[MUNLOCKALL] = { EITHER, true },
	[MSEAL] = { PREFIX, false },
	[NAME] = { PREFIX, false },
	[MBIND] = { PREFIX, false },
	[REGISTER] = { PREFIX, false },
	[UNREGISTER] = { PREFIX, false },
	[SHMDT] = { EITHER, true }, /* of whole areas, for which an index may need no memory */
	[BRK_LOCKED] = { NOTHING, true },
	[REMAP_PAGES] = { NOTHING, true }, /* populates, as MMAP_LOCKED does */
};

struct page_state {
	vm_flags_t flags;
	pgoff_t pgoff;
	const struct vm_file *file;
	const void *policy;
	bool mapped, served, named;
};

static struct world failing, lucky;
static struct random r;
static unsigned long failures[KINDS];

/* --- pages --------------------------------------------------------------------------------------------------- */

static struct page_state page_of(struct world *w, unsigned long page)
{
	const struct vm_area_struct *vma = vma_lookup(&w->mm, at(page));
	struct page_state p = { .mapped = vma != NULL };

	if (!vma)
		return p;
	p.flags = vma->vm_flags;
	p.pgoff = vma->vm_pgoff + (at(page) - vma->vm_start) / PAGE;
	/* Of shared anonymous memory each world has files of its own. */
	for (int i = 0; i < FILES; i++)
		if (vma->vm_file == &w->file[i])
			p.file = &failing.file[i];
	p.policy = vma->policy;
	p.served = vma->uffd_ctx != NULL;
	p.named = vma->anon_name != NULL;
	return p;
}

static void read_pages(struct world *w, struct page_state *pages)
{
	for (unsigned long i = 0; i < PAGES; i++)
		pages[i] = page_of(w, i);
}

static bool same(const struct page_state *a, const struct page_state *b)
{
	return a->flags == b->flags && a->pgoff == b->pgoff && a->file == b->file && a->policy == b->policy &&
	       a->mapped == b->mapped && a->served == b->served && a->named == b->named;
}

/* As after the call, or with the sticky flags from before: they come from whom it was joined with, which may have failed. */
static bool done_in(
	const struct page_state *now, const struct page_state *before, const struct page_state *whole)
{
	struct page_state apart = *whole;

	apart.flags = (whole->flags & ~VM_STICKY) | (before->flags & VM_STICKY);
	return same(now, whole) || same(now, &apart);
}

static bool within(unsigned long page, unsigned long from, unsigned long len)
{
	return page >= from && page - from < len;
}

/* Page @i, which has changed from before, as one that moved may have. */
static bool may_have_moved(
	const struct call *c, const struct page_state *before, const struct page_state *now, unsigned long i)
{
	const struct page_state *to;

	if (c->kind != GROW && within(i, c->to, c->kind == MOVE_LONGER ? c->new_len : c->len))
		return !now[i].mapped || within(c->from + i - c->to, c->from, c->len);
	/* What is left behind is not locked any more, nor is the rest of its area. */
	if (c->kind == LEAVE)
		return now[i].mapped && !((now[i].flags ^ before[i].flags) & ~VM_LOCKED_MASK);
	if (!within(i, c->from, c->len) || now[i].mapped)
		return false;
	to = &now[c->to + (i - c->from)];
	/* Without MREMAP_FIXED it may be anywhere. */
	return c->kind == GROW || !before[i].mapped ||
	       (to->mapped && to->file == before[i].file &&
		       ((to->flags ^ before[i].flags) & VM_ACCESS_FLAGS) == 0);
}

/* @whole: the pages after the whole call; or NULL. */
static bool as_promised(const struct call *c, const struct page_state *before, const struct page_state *now,
	const struct page_state *whole)
{
	bool done = true; /* those so far are as after the call */

	for (unsigned long i = 0; i < PAGES; i++) {
		bool old = same(&now[i], &before[i]), new = whole &&done_in(&now[i], &before[i], &whole[i]);
		bool cleared = !now[i].mapped && within(i, c->kind == MMAP_SHARED ? c->from : c->to, 16);

		done &= new;
		switch (ways[c->kind].promise) {
		case NOTHING:
			if (!old)
				return false;
			break;
		case PREFIX:
			if (!old && !done)
				return false;
			break;
		case EITHER:
			if (!old && !new)
				return false;
			break;
		case CLEARS:
			if (!old && !cleared)
				return false;
			break;
		case MOVES:
			if (!old && !may_have_moved(c, before, now, i))
				return false;
			break;
		}
	}
	return true;
}

/* --- the test ------------------------------------------------------------------------------------------------ */

static void check_valid(struct world *w, const struct call *c, const char *when)
{
	const char *reason;

	if (!mm_validate(&w->mm, &reason))
		fail_msg("%s call %d [%lu, %lu) to %lu prot %lu advice %d: %s", when, c->kind, c->from,
			c->from + c->len, c->to, c->prot, c->advice, reason);
}

static void finish(struct world *w)
{
	fail_after(1);
	mm_exit(&w->mm);
	failing_left = -1;
	assert_false(failing_hit); /* the end needs no memory */
	for (int i = 0; i < FILES; i++)
		assert_int_equal(w->file[i].refs, 1);
	assert_int_equal(w->sys.committed, w->lost);
}

/* Page by page, as far as they are not sealed. */
static void unmap(struct world *w, unsigned long from)
{
	for (unsigned long i = from; i < from + 16; i++) {
		int err = mm_munmap(&w->mm, at(i), PAGE);

		assert_true(err == 0 || err == -EPERM);
	}
}

/*
 * What moved, or did not, goes in both worlds; so does what lies outside the pages that are compared.  Where a failure
 * was passed over, pages were not written that are in the other world.
 */
static void make_alike(struct world *w, const struct call *c, bool hidden)
{
	if (hidden && ways[c->kind].promise == EITHER)
		(void)make(w, c);
	for (unsigned long i = 0; hidden && i < PAGES; i++)
		if (vma_lookup(&w->mm, at(i)))
			(void)touch(w, at(i));

	if (ways[c->kind].promise == MOVES) {
		unmap(w, c->from);
		unmap(w, c->to);
	}
	assert_int_equal(mm_munmap(&w->mm, w->mm.mmap_base - (1UL << 30), 1UL << 30), 0);
}

/* @return it has passed over a failure. */
static bool try_with_failures(const struct call *c)
{
	static struct page_state before[PAGES], after[256][PAGES], whole[PAGES];
	unsigned int nr = 0;
	long res, want;

	read_pages(&failing, before);
	for (long n = 1;; n++) {
		fail_after(n);
		res = make(&failing, c);
		failing_left = -1;
		check_valid(&failing, c, "after");
		if (!failing_hit)
			break;
		failures[c->kind]++;
		if (res == 0 && !ways[c->kind].hides)
			fail_msg("call %d did not notice that it had no memory", c->kind);
		assert_true(nr < 256);
		if (res || ways[c->kind].promise == EITHER)
			read_pages(&failing, after[nr++]);
		if (res == 0)
			break;
	}
	want = make(&lucky, c);
	read_pages(&lucky, whole);
	for (unsigned int i = 0; i < nr; i++)
		if (!as_promised(c, before, after[i], whole))
			fail_msg("call %d [%lu, %lu) to %lu prot %lu advice %d: failure %u has done what it "
				 "must not",
				c->kind, c->from, c->from + c->len, c->to, c->prot, c->advice, i + 1);
	if (res != want && ways[c->kind].promise != MOVES)
		fail_msg("call %d [%lu, %lu) to %lu prot %lu advice %d: %ld, and %ld where nothing failed",
			c->kind, c->from, c->from + c->len, c->to, c->prot, c->advice, res, want);
	/* An mprotect() that fails may have passed over a failure before. */
	return failing_hit || (nr && failing.mm.locked_vm && (c->kind == MPROTECT || c->kind == PKEY));
}

/*
 * Joins may differ, since a call that is repeated meets what it has done before.  From then on so does what was
 * written, which is known area by area, and what follows from it.
 */
static bool same_areas(void)
{
	struct vm_area_struct *a, *b;
	VMA_ITERATOR(one, &failing.mm, 0);
	VMA_ITERATOR(other, &lucky.mm, 0);

	do {
		a = vma_next(&one);
		b = vma_next(&other);
		if (!a != !b || (a && (a->vm_start != b->vm_start || a->vm_end != b->vm_end ||
					      !a->anon_vma != !b->anon_vma)))
			return false;
	} while (a);
	return true;
}

static void compare_worlds(const struct call *c)
{
	if (failing.sys.committed != lucky.sys.committed)
		fail_msg("call %d [%lu, %lu) to %lu prot %lu: %lu pages are charged, and %lu where nothing "
			 "failed",
			c->kind, c->from, c->from + c->len, c->to, c->prot, failing.sys.committed,
			lucky.sys.committed);
	for (unsigned long i = 0; i < PAGES; i++) {
		struct page_state a = page_of(&failing, i), b = page_of(&lucky, i);

		/* Sticky ones come from whom an area was joined with, on the way. */
		a.flags &= ~VM_STICKY;
		b.flags &= ~VM_STICKY;
		if (!same(&a, &b))
			fail_msg("call %d [%lu, %lu) to %lu prot %lu advice %d: page %lu has flags %lx, and "
				 "%lx where nothing failed",
				c->kind, c->from, c->from + c->len, c->to, c->prot, c->advice, i,
				(unsigned long)a.flags, (unsigned long)b.flags);
	}
}

/* Some calls on two new worlds. @return how many. */
static unsigned long play(bool readers)
{
	unsigned long nr = 0;

	world_begin(&failing, &anon_vma_rmap, readers);
	world_begin(&lucky, &anon_vma_rmap, readers);
	do {
		struct call c = random_call(&r);
		bool hidden = try_with_failures(&c);

		make_alike(&failing, &c, hidden);
		make_alike(&lucky, &c, hidden);
		compare_worlds(&c);
	} while (++nr < ROUND && same_areas());
	finish(&failing);
	finish(&lucky);
	return nr;
}

/* A kind of call that was never refused memory; KINDS: none.  For whole areas an index may need none. */
static int never_refused(void)
{
	int i = 0;

	while (i < KINDS && (failures[i] || i == SHMDT))
		i++;
	return i;
}

/* Some kinds take memory seldom: with a few seeds it takes longer until each was refused. */
static void test_each_allocation_of_each_call_may_fail(void **state)
{
	unsigned long operations = test_operations(24000), rounds = 0;

	r.state = random_seed();
	for (unsigned long nr = 0; nr < operations || (never_refused() < KINDS && nr < 10 * operations);
		rounds++)
		nr += play(rounds & 1);
	if (never_refused() < KINDS)
		fail_msg("call %d was never refused memory", never_refused());
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
