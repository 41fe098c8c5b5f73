/* SPDX-License-Identifier: MIT */
/*
 * Every allocation of every mapping call fails in turn: every call of <vmaple/mm.h> that changes an address space is an
 * enum kind, in each form that takes other memory.
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
#include <vmaple/mm.h>
#include <vmaple/rcu.h>
#include <vmaple/rmap.h>
#include <vmaple/vma_lock.h>

#include "failing_port.h"
#include "random.h"

#define PAGE      4096UL
#define BASE      0x7e0000000000UL
#define PAGES     128UL
#define HEAP      112UL /* the heap's first page */
#define FILES     2     /* one that is mapped as it is, and a System V segment */
#define DONTUNMAP 4
#define ROUND     400UL /* calls on one address space, at most: what is sealed is there until its end */

enum kind {
	MMAP,
	MMAP_FILE,
	MMAP_SHARED,
	MMAP_LOCKED,
	MMAP_STACK,
	PLACED,
	INSERT,
	MUNMAP,
	MPROTECT,
	PKEY,
	MOVE,
	MOVE_LONGER,
	GROW,
	SHRINK,
	LEAVE,
	VIEW,
	MADVISE,
	MLOCK,
	MUNLOCK,
	MLOCKALL,
	MUNLOCKALL,
	MSEAL,
	NAME,
	MBIND,
	REGISTER,
	UNREGISTER,
	SHMAT,
	SHMDT,
	REMAP_PAGES,
	BRK,
	BRK_LOCKED, /* under MCL_FUTURE */
	TOUCH,
	FORK,
	KINDS
};

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

struct world {
	struct mm_system sys;
	struct mm_struct mm;
	struct vm_file file[FILES];
	unsigned long lost; /* pages whose charge Linux never gives back */
};

static struct world failing, lucky;
static struct random r;
static unsigned long failures[KINDS];

struct call {
	enum kind kind;
	unsigned long from, len, to, new_len, prot;
	int advice;
};

static unsigned long at(unsigned long page)
{
	return BASE + page * PAGE;
}

/* What is done to everything is done seldom, and sealed what will not be needed soon. */
static enum kind some_kind(void)
{
	enum kind kind = (enum kind)random_below(&r, KINDS);
	bool rare = kind == MLOCKALL || kind == MUNLOCKALL || kind == MSEAL;

	return rare && random_below(&r, 3) ? MMAP : kind;
}

static struct call random_call(void)
{
	static const unsigned char prots[] = { PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ,
		PROT_NONE };
	static const unsigned char advices[] = { 0, 1, 2, 4, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
		21, 22, 23, 24, 102, 103 };
	struct call c = { .kind = some_kind(),
		.from = random_below(&r, PAGES - 16),
		.len = 1 + random_below(&r, 12),
		.to = random_below(&r, PAGES - 16),
		.prot = prots[random_below(&r, 4)],
		.advice = advices[random_below(&r, sizeof(advices))] };

	if (c.kind == SHMAT || c.kind == SHMDT)
		c.from &= ~15UL;
	c.new_len = c.kind == SHRINK ? 1 + random_below(&r, c.len) : c.len + 1 + random_below(&r, 4);
	return c;
}

static long map(struct world *w, const struct call *c, unsigned long flags, struct vm_file *file)
{
	struct mmap_request req = { .addr = flags & MAP_FIXED ? at(c->from) : 0,
		.len = c->len * PAGE,
		.prot = c->prot,
		.flags = flags | (file ? 0 : MAP_ANONYMOUS),
		.offset = c->kind == MMAP_FILE ? c->from * PAGE : 0,
		.file = file };
	unsigned long res = mm_mmap(&w->mm, &req);

	return IS_ERR_VALUE(res) ? (long)res : 0;
}

static long remap(struct world *w, const struct call *c, unsigned long new_len, unsigned long flags)
{
	struct mremap_request req = { .addr = at(c->from),
		.old_len = c->kind == VIEW ? 0 : c->len * PAGE,
		.new_len = new_len * PAGE,
		.flags = flags,
		.new_addr = at(c->to) };
	unsigned long res = mm_mremap(&w->mm, &req);

	return IS_ERR_VALUE(res) ? (long)res : 0;
}

static long insert(struct world *w, const struct call *c)
{
	return mm_insert_area(&w->mm, &(struct area_spec){ .start = at(c->from),
					      .end = at(c->from + c->len),
					      .vm_flags = VM_READ | VM_WRITE | VM_MAY_FLAGS | VM_ACCOUNT,
					      .touched = c->len & 1,
					      .anon_name = c->len & 2 ? "inserted" : NULL });
}

static long fork_and_exit(struct world *w)
{
	static struct mm_struct child;
	const char *reason;
	int err = mm_fork(&child, &w->mm);

	if (!mm_validate(&child, &reason))
		fail_msg("child: %s", reason);
	mm_exit(&child);
	return err;
}

/*
 * What a stack grows by is charged, and given back with the area if that is accounted: one that can
 * only be read is not.
 */
static long touch(struct world *w, unsigned long addr)
{
	struct vm_area_struct *vma = find_vma(&w->mm, addr);
	bool lost = vma && !(vma->vm_flags & VM_ACCOUNT);
	unsigned long total_vm = w->mm.total_vm;
	int err = mm_fault(&w->mm, addr, MM_FAULT_WRITE);

	if (lost)
		w->lost += w->mm.total_vm - total_vm;
	return err;
}

static long break_to(struct world *w, const struct call *c)
{
	unsigned long brk = at(HEAP + c->len) + c->to, res;

	w->mm.def_flags = c->kind == BRK_LOCKED ? VM_LOCKED : 0;
	res = mm_brk(&w->mm, brk);
	w->mm.def_flags = 0;
	return res == brk ? 0 : -ENOMEM;
}

static long make_mapping(struct world *w, const struct call *c)
{
	switch (c->kind) {
	case MMAP:
		return map(w, c, MAP_PRIVATE | MAP_FIXED, NULL);
	case MMAP_FILE:
		return map(w, c, MAP_PRIVATE | MAP_FIXED, &w->file[0]);
	case MMAP_SHARED:
		return map(w, c, MAP_SHARED | MAP_FIXED, NULL);
	case MMAP_LOCKED:
		return map(w, c, MAP_PRIVATE | MAP_FIXED | MAP_LOCKED, NULL);
	case MMAP_STACK:
		return map(w, c, MAP_PRIVATE | MAP_FIXED | MAP_GROWSDOWN, NULL);
	case PLACED:
		return map(w, c, MAP_PRIVATE, NULL);
	case SHMAT:
		return map(w, c, MAP_SHARED | MAP_FIXED, &w->file[1]);
	case MOVE:
		return remap(w, c, c->len, MREMAP_MAYMOVE | MREMAP_FIXED);
	case MOVE_LONGER:
		return remap(w, c, c->new_len, MREMAP_MAYMOVE | MREMAP_FIXED);
	case LEAVE:
		return remap(w, c, c->len, MREMAP_MAYMOVE | DONTUNMAP | (c->new_len & 1 ? MREMAP_FIXED : 0));
	case VIEW:
		return remap(w, c, c->new_len, MREMAP_MAYMOVE | MREMAP_FIXED);
	case GROW:
		return remap(w, c, c->new_len, c->to & 1 ? MREMAP_MAYMOVE : 0);
	default: /* SHRINK */
		return remap(w, c, c->new_len, 0);
	}
}

static long make_lock(struct world *w, const struct call *c)
{
	switch (c->kind) {
	case MLOCK:
		return mm_mlock(&w->mm, at(c->from), c->len * PAGE, c->to & 1 ? MLOCK_ONFAULT : 0);
	case MUNLOCK:
		return mm_munlock(&w->mm, at(c->from), c->len * PAGE);
	case MLOCKALL:
		return mm_mlockall(&w->mm, c->to & 1 ? MCL_CURRENT : MCL_CURRENT | MCL_ONFAULT);
	default:
		return mm_munlockall(&w->mm);
	}
}

static long make(struct world *w, const struct call *c)
{
	static const char policy, context;
	struct mm_struct *mm = &w->mm;
	unsigned long addr = at(c->from), len = c->len * PAGE;

	switch (c->kind) {
	case INSERT:
		return insert(w, c);
	case MUNMAP:
		return mm_munmap(mm, addr, len);
	case MPROTECT:
		return mm_mprotect(mm, addr, len, c->prot, -1);
	case PKEY:
		return mm_mprotect(mm, addr, len, c->prot, (int)(c->to & 1));
	case MADVISE:
		return mm_madvise(mm, addr, len, c->advice);
	case MLOCK:
	case MUNLOCK:
	case MLOCKALL:
	case MUNLOCKALL:
		return make_lock(w, c);
	case MSEAL:
		return mm_mseal(mm, addr, len, 0);
	case NAME:
		return mm_set_anon_name(mm, addr, len, c->prot ? "name" : NULL);
	case MBIND:
		return mm_mbind(mm, addr, len, c->prot ? &policy : NULL);
	case REGISTER:
		return mm_userfaultfd(mm, addr, len, &context, VM_UFFD_WP);
	case UNREGISTER:
		return mm_userfaultfd(mm, addr, len, NULL, 0);
	case SHMDT:
		return mm_shmdt(mm, addr);
	case REMAP_PAGES:
		return mm_remap_file_pages(mm, addr, len, 0, c->to, 0);
	case BRK:
	case BRK_LOCKED:
		return break_to(w, c);
	case TOUCH:
		return touch(w, addr);
	case FORK:
		return fork_and_exit(w);
	default:
		return make_mapping(w, c);
	}
}

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
		bool old = same(&now[i], &before[i]), new = whole &&same(&now[i], &whole[i]);
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

/* @readers: they may be beside the calls, so that a store is a copy. */
static void begin(struct world *w, bool readers)
{
	mm_system_init(&w->sys, &anon_vma_rmap);
	mm_init(&w->mm, &w->sys);
#ifndef MM_INDEX_LINKED
	if (readers)
		mm_set_rcu(&w->mm);
#endif
	w->lost = 0;
	w->mm.start_brk = w->mm.brk = at(HEAP);
	w->mm.start_data = w->mm.end_data = BASE;
	for (int i = 0; i < FILES; i++)
		w->file[i] = (struct vm_file){ .refs = 1,
			.kind = i ? VM_FILE_SHMEM : VM_FILE_REGULAR,
			.has_close = i,
			.readable = true,
			.writable = true,
			.name = "file" };
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

		if (!same(&a, &b))
			fail_msg("call %d [%lu, %lu) to %lu prot %lu advice %d: page %lu is not what it is "
				 "where "
				 "nothing failed",
				c->kind, c->from, c->from + c->len, c->to, c->prot, c->advice, i);
	}
}

/* Some calls on two new worlds. @return how many. */
static unsigned long play(bool readers)
{
	unsigned long nr = 0;

	begin(&failing, readers);
	begin(&lucky, readers);
	do {
		struct call c = random_call();
		bool hidden = try_with_failures(&c);

		make_alike(&failing, &c, hidden);
		make_alike(&lucky, &c, hidden);
		compare_worlds(&c);
	} while (++nr < ROUND && same_areas());
	finish(&failing);
	finish(&lucky);
	return nr;
}

static void test_each_allocation_of_each_call_may_fail(void **state)
{
	unsigned long operations = test_operations(24000), rounds = 0;

	r.state = random_seed();
	for (unsigned long nr = 0; nr < operations; rounds++)
		nr += play(rounds & 1);
	for (int i = 0; i < KINDS; i++)
		if (!failures[i] && i != SHMDT)
			fail_msg("call %d was never refused memory", i);
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
