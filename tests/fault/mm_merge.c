/* SPDX-License-Identifier: MIT */
/*
 * A join that fails is undone whole.
 *
 * The area that is to grow over pages must know their anon_vma, and gets the links before all that can fail has
 * happened.  What it has been given in vain would show only later, in joins that Linux makes and we do not.  So three
 * neighbours, each written to or not, are joined by every call that joins, with each allocation failing in turn and
 * with a host that refuses; afterwards every area has the bounds, the flags and the anon_vma that it had.  And once
 * the join succeeds, all that was written is in an area with an anon_vma.
 *
 *      |-- P --|-- N --|-- X --|        N is given the others' protection, is mapped anew, or moves in
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
#include <vmaple/mm_operations.h>
#include <vmaple/rcu.h>
#include <vmaple/rmap.h>
#include <vmaple/vma_lock.h>

#include "failing_port.h"

#define PAGE 4096UL
#define PART (4 * PAGE)
#define P    0x7e0000000000UL
#define N    (P + PART)
#define X    (N + PART)
#define AWAY (P + (1UL << 30)) /* where N is until it moves in */
#define RW   (PROT_READ | PROT_WRITE)
#define RWX  (PROT_READ | PROT_WRITE | PROT_EXEC)

enum way { CHANGE, CHANGE_FIRST, CHANGE_LAST, MAP, MOVE, WAYS };

struct shape {
	enum way way;
	bool p, n, x;              /* what has been written to */
	bool without_p, without_x; /* not there at all */
	bool readers;              /* a store is a copy, and so needs memory */
};

struct seen {
	unsigned long start, end;
	vm_flags_t flags;
	pgoff_t pgoff;
	const struct anon_vma *anon_vma;
};

#define MOST_AREAS 8

static struct mm_system sys;
static struct mm_struct mm;
static bool host_refuses;
static unsigned long undone[WAYS]; /* failed joins that had given an area the links of another */

static int refuse(struct mm_struct *of, const struct mm_change *change)
{
	return host_refuses ? -EBUSY : 0;
}

static void map(unsigned long at, unsigned long prot)
{
	struct mmap_request req = {
		.addr = at, .len = PART, .prot = prot, .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
	};

	assert_int_equal(mm_mmap(&mm, &req), at);
}

static long move(unsigned long from, unsigned long to)
{
	struct mremap_request req = { .addr = from,
		.old_len = PART,
		.new_len = PART,
		.flags = MREMAP_MAYMOVE | MREMAP_FIXED,
		.new_addr = to };
	unsigned long res = mm_mremap(&mm, &req);

	return IS_ERR_VALUE(res) ? (long)res : 0;
}

static void write_to(unsigned long at, bool wanted)
{
	if (wanted)
		assert_int_equal(mm_fault(&mm, at, MM_FAULT_WRITE), 0);
}

/* Everything up to the call that joins. */
static void build(const struct shape *s)
{
	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
#ifndef MM_INDEX_LINKED
	if (s->readers)
		mm_set_rcu(&mm);
#endif
	map(P, RWX);
	map(N, RW);
	map(X, RWX);
	write_to(P, s->p);
	write_to(N, s->n);
	write_to(X, s->x);
	if (s->way == MAP)
		assert_int_equal(mm_munmap(&mm, N, PART), 0);
	if (s->way == MOVE) {
		assert_int_equal(move(N, AWAY), 0);
		assert_int_equal(mm_mprotect(&mm, AWAY, PART, RWX, -1), 0);
	}
	if (s->without_p)
		assert_int_equal(mm_munmap(&mm, P, PART), 0);
	if (s->without_x)
		assert_int_equal(mm_munmap(&mm, X, PART), 0);
}

static long join(enum way way)
{
	struct mmap_request req = {
		.addr = N, .len = PART, .prot = RWX, .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
	};
	unsigned long res;

	switch (way) {
	case CHANGE:
		return mm_mprotect(&mm, N, PART, RWX, -1);
	case CHANGE_FIRST:
		return mm_mprotect(&mm, N, PART / 2, RWX, -1);
	case CHANGE_LAST:
		return mm_mprotect(&mm, N + PART / 2, PART / 2, RWX, -1);
	case MAP:
		res = mm_mmap(&mm, &req);
		return IS_ERR_VALUE(res) ? (long)res : 0;
	default:
		return move(AWAY, N);
	}
}

static unsigned int look(struct seen seen[MOST_AREAS])
{
	struct vm_area_struct *vma;
	unsigned int nr = 0;
	VMA_ITERATOR(vmi, &mm, 0);

	for_each_vma (vmi, vma) {
		assert_true(nr < MOST_AREAS);
		seen[nr++] = (struct seen){ vma->vm_start, vma->vm_end, vma->vm_flags, vma->vm_pgoff,
			vma->anon_vma };
	}
	return nr;
}

static void expect_as_before(
	const struct shape *s, const struct seen *before, unsigned int nr, const char *why)
{
	struct seen now[MOST_AREAS];
	const char *reason;

	assert_int_equal(look(now), nr);
	for (unsigned int i = 0; i < nr; i++)
		if (memcmp(&now[i], &before[i], sizeof(now[i])) != 0)
			fail_msg("%s, way %d, written %d%d%d: area %u is not as it was%s", why, s->way, s->p,
				s->n, s->x, i,
				now[i].anon_vma != before[i].anon_vma ? ", by its anon_vma" : "");
	if (!mm_validate(&mm, &reason))
		fail_msg("%s, way %d: %s", why, s->way, reason);
}

/* Of what was there before, has any been given an anon_vma? */
static bool gave_links(const struct seen *before, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		const struct vm_area_struct *vma = vma_lookup(&mm, before[i].start);

		if (before[i].start != N && vma && vma->anon_vma && !before[i].anon_vma)
			return true;
	}
	return false;
}

/* Who has grown over written pages must know them. */
static void expect_pages_known(const struct shape *s)
{
	const struct {
		unsigned long at;
		bool written;
	} parts[] = { { P, s->p && !s->without_p }, { N, s->n && s->way != MAP },
		{ N + PART - PAGE, s->n && s->way != MAP }, { X, s->x && !s->without_x } };

	for (int i = 0; i < 4; i++)
		if (parts[i].written && !vma_lookup(&mm, parts[i].at)->anon_vma)
			fail_msg("way %d, written %d%d%d: part %d has lost its anon_vma", s->way, s->p, s->n,
				s->x, i);
}

static void try(const struct shape *s)
{
	static const struct mm_operations host = { .host = refuse };
	struct seen before[MOST_AREAS];
	unsigned long failures = 0;
	unsigned int nr;
	long res;

	build(s);
	nr = look(before);
	mm.ops = &host;
	host_refuses = true;
	assert_int_equal(join(s->way), -EBUSY);
	host_refuses = false;
	mm.ops = NULL;
	expect_as_before(s, before, nr, "refused");
	for (long i = 1;; i++) {
		fail_after(i);
		res = join(s->way);
		failing_left = -1;
		if (res == 0)
			break;
		assert_true(failing_hit);
		assert_int_equal(res, -ENOMEM);
		expect_as_before(s, before, nr, "without memory");
		failures++;
	}
	expect_pages_known(s);
	if (gave_links(before, nr))
		undone[s->way] += 1 + failures;
	mm_exit(&mm);
}

static void test_failed_join_leaves_nothing(void **state)
{
	for (unsigned int bits = 0; bits < 1 << 6; bits++)
		for (enum way way = 0; way < WAYS; way++) {
			struct shape s = { way, bits & 1, bits & 2, bits & 4, bits & 8, bits & 16,
				bits & 32 };

			/* A part with neither neighbour is cut out, and cuts stay; half of it has only one side. */
			if ((s.without_p && (s.without_x || way == CHANGE_FIRST)) ||
				(s.without_x && way == CHANGE_LAST))
				continue;
			try(&s);
		}
	for (enum way way = 0; way < WAYS; way++)
		assert_true(undone[way] > 0);
	empty_caches();
	assert_int_equal(live_blocks, 0);
}

static int refuse_split(struct vm_area_struct *part, struct vm_area_struct *vma)
{
	return -EBUSY;
}

/* Neither a cut nor the memory that was set aside for it. */
static void test_refused_cut_leaves_nothing(void **state)
{
	static const struct mm_operations host = { .split = refuse_split };

	for (unsigned int bits = 0; bits < 4; bits++) {
		struct shape s = { .way = CHANGE, .n = bits & 1, .readers = bits & 2 };
		struct seen before[MOST_AREAS];
		unsigned int nr;

		build(&s);
		nr = look(before);
		mm.ops = &host;
		assert_int_equal(mm_mprotect(&mm, N + PAGE, PAGE, PROT_READ, -1), -EBUSY);
		assert_int_equal(mm_munmap(&mm, N + PAGE, PAGE), -EBUSY);
		mm.ops = NULL;
		expect_as_before(&s, before, nr, "refused");
		mm_exit(&mm);
		empty_caches();
		assert_int_equal(live_blocks, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_failed_join_leaves_nothing),
		cmocka_unit_test(test_refused_cut_leaves_nothing) };
	int failed;

	failing_port_install();
	vmaple_rcu_register_thread();
	failed = cmocka_run_group_tests_name("failed joins", tests, NULL, NULL);
	vmaple_rcu_unregister_thread();
	return failed;
}
