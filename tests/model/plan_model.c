/* SPDX-License-Identifier: MIT */
/*
 * Plans against the calls that they foretell: each of many random calls of every kind is rehearsed, and then made.
 *
 *   after the rehearsal   the mm is as it was: areas with all that they have, counters, charges, references to files
 *   after the call        result, areas and counters are those of the rehearsal, and the host, where there is one, was told
 *                         the same
 *   in between            one in four plans is dropped, one in four is committed where there is a function for it
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <vmaple/mm_plan.h>
#include <vmaple/rmap.h>

#include "failing_port.h"
#include "mm_calls.h"

#define ROUND 300UL
#define AREAS 400
#define TOLD  600

struct area {
	unsigned long start, end;
	vm_flags_t flags;
	pgoff_t pgoff;
	const void *file, *policy, *context, *name;
	bool written;
};

struct state {
	unsigned int nr;
	struct area areas[AREAS];
	unsigned long total, data, exec, stack, locked, brk, committed, refs[FILES];
	struct mm_counters counters;
};

static struct world w;
static struct mm_change told[TOLD];
static size_t nr_told;
static unsigned long agreed[KINDS], committed;
static struct mm_plan plan;
static struct state before, foretold, now;

static int write_down(struct mm_struct *mm, const struct mm_change *change)
{
	assert_true(mm == &w.mm && nr_told < TOLD);
	told[nr_told++] = *change;
	return 0;
}

static const struct mm_operations ops = { .host = write_down };

/* Files of shared anonymous memory, of which the rehearsal has its own, are one to it. @refs: references count, too. */
static void read_state(struct mm_struct *mm, struct state *s, bool refs)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);

	memset(s, 0, sizeof(*s));
	for_each_vma (vmi, vma) {
		struct area *a = &s->areas[s->nr++];

		assert_true(s->nr < AREAS);
		*a = (struct area){ vma->vm_start, vma->vm_end, vma->vm_flags, vma->vm_pgoff, NULL,
			vma->policy, vma->uffd_ctx, vma->anon_name ? vma : NULL, vma->anon_vma != NULL };
		a->name = vma->anon_name ? "named" : NULL;
		a->file = !vma->vm_file             ? NULL
			  : vma->vm_file->anonymous ? (const void *)"shared"
						    : vma->vm_file;
	}
	s->total = mm->total_vm;
	s->data = mm->data_vm;
	s->exec = mm->exec_vm;
	s->stack = mm->stack_vm;
	s->locked = mm->locked_vm;
	s->brk = mm->brk;
	/* What a shared file gives back with its last mapping it does not in a rehearsal: the real one maps it still. */
	s->committed = refs ? mm_system_committed(mm->sys) : 0;
	s->counters = mm->counters;
	for (int i = 0; refs && i < FILES; i++)
		s->refs[i] = w.file[i].refs;
}

static void check_same(const struct state *a, const struct state *b, const struct call *c, const char *when)
{
	if (a->nr != b->nr)
		fail_msg("%s: call %d: %u areas, %u", when, c->kind, a->nr, b->nr);
	for (unsigned int i = 0; i < a->nr; i++)
		if (memcmp(&a->areas[i], &b->areas[i], offsetof(struct area, written) + 1) != 0)
			fail_msg("%s: call %d [%lu, %lu) to %lu: area %u, %lx-%lx and %lx-%lx", when, c->kind,
				c->from, c->from + c->len, c->to, i, a->areas[i].start, a->areas[i].end,
				b->areas[i].start, b->areas[i].end);
	if (memcmp((const char *)a + offsetof(struct state, total),
		    (const char *)b + offsetof(struct state, total),
		    sizeof(*a) - offsetof(struct state, total)) != 0)
		fail_msg("%s: call %d: counters", when, c->kind);
}

static void check_told(const struct call *c)
{
	if (plan.nr_changes != nr_told)
		fail_msg("call %d: %zu changes foretold, %zu made", c->kind, plan.nr_changes, nr_told);
	for (size_t i = 0; i < nr_told; i++) {
		struct mm_change a = plan.changes[i], b = told[i];

		if (a.kind != b.kind || a.start != b.start || a.end != b.end || a.flags != b.flags ||
			a.pgoff != b.pgoff || a.from != b.from || a.from_end != b.from_end ||
			a.replaces != b.replaces || a.keeps_source != b.keeps_source ||
			a.advice != b.advice || !a.file != !b.file)
			fail_msg("call %d: change %zu is another one", c->kind, i);
	}
}

/* By the functions that can commit. */
static bool plan_by_name(const struct call *c, long *result)
{
	unsigned long addr = at(c->from), len = c->len * PAGE;
	int err;

	if (c->kind == MUNMAP)
		err = mm_plan_munmap(&plan, addr, len);
	else if (c->kind == MPROTECT)
		err = mm_plan_mprotect(&plan, addr, len, c->prot, -1);
	else if (c->kind == MADVISE)
		err = mm_plan_madvise(&plan, addr, len, c->advice);
	else
		return false;
	assert_int_equal(err, 0);
	*result = (long)plan.result;
	return true;
}

static void rehearse(const struct call *c, bool by_name, long *result)
{
	assert_int_equal(mm_plan_begin(&plan, &w.mm), 0);
	read_state(&plan.mm, &now, false);
	for (int i = 0; i < FILES; i++)
		before.refs[i] = 0;
	before.committed = 0;
	check_same(&before, &now, c, "the copy");
	if (!by_name || !plan_by_name(c, result)) {
		w.on = &plan.mm;
		*result = make(&w, c);
		w.on = NULL;
	}
	read_state(&plan.mm, &foretold, false);
	assert_int_equal(nr_told, 0);
}

static void step(struct random *r, const struct call *c)
{
	bool by_name = random_below(r, 2) && (c->kind == MUNMAP || c->kind == MPROTECT || c->kind == MADVISE);
	unsigned long lost = w.lost;
	long should, is;

	if (c->kind == FORK)
		return;
	nr_told = 0;
	read_state(&w.mm, &before, true);
	now = before;
	rehearse(c, by_name, &should);
	w.lost = lost;
	if (random_below(r, 4) == 0) {
		struct state kept = now;

		mm_plan_drop(&plan);
		read_state(&w.mm, &before, true);
		kept = before;
		rehearse(c, by_name, &should);
		w.lost = lost;
		mm_plan_drop(&plan);
		read_state(&w.mm, &now, true);
		check_same(&kept, &now, c, "a plan that was dropped");
		return;
	}
	assert_true(mm_plan_holds(&plan));
	if (by_name)
		is = (long)mm_plan_commit(&plan);
	else
		is = make(&w, c);
	committed += by_name;
	if (is != should)
		fail_msg("call %d: %ld foretold, %ld is", c->kind, should, is);
	read_state(&w.mm, &now, false);
	check_same(&foretold, &now, c, "the call");
	if (w.mm.ops)
		check_told(c);
	agreed[c->kind] += is == 0;
	mm_plan_drop(&plan);
}

static void run_round(struct random *r, const struct rmap_ops *design, unsigned long calls)
{
	const char *reason;

	world_begin(&w, design, random_below(r, 2));
	/* Without, it may go other ways than its rehearsal, which always has a host. */
	w.mm.ops = random_below(r, 2) ? &ops : NULL;
	for (unsigned long i = 0; i < calls; i++) {
		struct call c = random_call(r);

		step(r, &c);
		if (!mm_validate(&w.mm, &reason))
			fail_msg("%s", reason);
	}
	mm_exit(&w.mm);
	for (int i = 0; i < FILES; i++)
		assert_int_equal(w.file[i].refs, 1);
	assert_int_equal(mm_system_committed(&w.sys), w.lost);
}

static void test_a_plan_foretells_the_call_and_dropped_changes_nothing(void **state)
{
	struct random r = { random_seed() };
	uint64_t calls = test_operations(12000);

	for (uint64_t i = 0; i < calls; i += ROUND)
		run_round(&r, rmap_designs[i / ROUND % 3], ROUND);
	for (int kind = 0; kind < KINDS; kind++)
		if (kind != FORK && kind != REMAP_PAGES && calls >= 12000 && !agreed[kind])
			fail_msg("no call %d has succeeded", kind);
	assert_true(committed > 0);
}

static void test_mmap_mremap_and_brk_are_planned_and_committed(void **state)
{
	struct mmap_request map = {
		.len = 4 * PAGE, .prot = PROT_READ | PROT_WRITE, .flags = MAP_PRIVATE | MAP_ANONYMOUS
	};
	struct mremap_request move = { .old_len = 4 * PAGE, .new_len = 8 * PAGE, .flags = MREMAP_MAYMOVE };
	unsigned long addr;

	world_begin(&w, &anon_vma_rmap, false);
	assert_int_equal(mm_plan_begin(&plan, &w.mm), 0);
	assert_int_equal(mm_plan_commit(&plan), (unsigned long)-EINVAL);
	assert_int_equal(mm_plan_mmap(&plan, &map), 0);
	addr = plan.result;
	assert_int_equal(plan.nr_changes, 1);
	assert_true(plan.changes[0].kind == MM_CHANGE_MAP && plan.changes[0].start == addr);
	assert_null(find_vma(&w.mm, 0));
	assert_int_equal(mm_plan_commit(&plan), addr);
	assert_int_equal(mm_plan_commit(&plan), (unsigned long)-EAGAIN); /* it is not as it was */
	mm_plan_drop(&plan);
	mm_plan_drop(&plan);

	move.addr = addr;
	assert_int_equal(mm_plan_begin(&plan, &w.mm), 0);
	assert_int_equal(mm_plan_mremap(&plan, &move), 0);
	assert_int_equal(find_vma(&w.mm, addr)->vm_end, addr + 4 * PAGE);
	assert_int_equal(mm_plan_commit(&plan), plan.result);
	assert_non_null(vma_lookup(&w.mm, plan.result + 7 * PAGE));
	mm_plan_drop(&plan);

	assert_int_equal(mm_plan_begin(&plan, &w.mm), 0);
	assert_int_equal(mm_plan_brk(&plan, at(HEAP + 3)), 0);
	assert_int_equal(plan.result, at(HEAP + 3));
	assert_int_equal(w.mm.brk, at(HEAP));
	assert_int_equal(mm_plan_commit(&plan), at(HEAP + 3));
	assert_int_equal(w.mm.brk, at(HEAP + 3));
	mm_plan_drop(&plan);
	mm_exit(&w.mm);
}

static void test_each_allocation_of_a_plan_may_fail(void **state)
{
	struct random r = { 7 };
	long failures = 0;
	int err;

	world_begin(&w, &anon_vma_rmap, false);
	for (int i = 0; i < 300; i++) {
		struct call c = random_call(&r);

		if (c.kind != MSEAL)
			make(&w, &c);
	}
	read_state(&w.mm, &before, true);
	for (long n = 1;; n++) {
		fail_after(n);
		err = mm_plan_begin(&plan, &w.mm);
		if (!err)
			err = mm_plan_munmap(&plan, BASE, PAGES * PAGE);
		fail_after(-1);
		mm_plan_drop(&plan);
		read_state(&w.mm, &now, true);
		check_same(&before, &now, &(struct call){ .kind = MUNMAP }, "a plan without memory");
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		failures++;
	}
	assert_true(failures > 3);
	mm_exit(&w.mm);
	vmaple_rcu_barrier();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mmap_mremap_and_brk_are_planned_and_committed),
		cmocka_unit_test(test_a_plan_foretells_the_call_and_dropped_changes_nothing),
		cmocka_unit_test(test_each_allocation_of_a_plan_may_fail),
	};

	failing_port_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
