/* SPDX-License-Identifier: MIT */
/*
 * Plans: rehearsals of calls on an address space of their own (<vmaple/mm_plan.h>).
 *
 * 1. The copy is made as a fork makes one, but that nothing is left out or charged: areas equal their originals, flags,
 *    names, files and policies, and the counters, limits and caches of the mm come along.
 * 2. Its machine is a copy, too, so that what is charged is not charged to the real one; it has no pages.
 * 3. Its reverse map asks the real design who lends an anon_vma and whether areas may merge, and does nothing else.
 *    The design looks at anon_vma and whether the chain has one link: both are copied, pointers as they are, which
 *    nobody follows. An area that is written in the rehearsal and is lent none gets one that no other area has: its own
 *    address.
 *    How far its pages were moved is told by i_mmap, which has no other meaning here.
 * 4. Its operations write down what the host would be told, and pass on what only asks.
 */
#include <vmaple/mm_plan.h>

#include "alloc.h"
#include "bytes.h"
#include "internal.h"
#include "list.h"

#define FIRST_ROOM 8

static struct mm_plan *plan_of(struct mm_struct *mm)
{
	return (struct mm_plan *)((char *)mm - offsetof(struct mm_plan, mm));
}

/* --- the reverse map ----------------------------------------------------------------------------------------- */

static int rehearse_prepare(
	struct vm_area_struct *vma, struct vm_area_struct *prev, struct vm_area_struct *next)
{
	const struct rmap_ops *design = vma->vm_mm->sys->rmap;
	const struct vm_area_struct *lender;

	if (vma->anon_vma || design->no_anon_vma)
		return 0;
	lender = design->lender ? design->lender(vma, prev, next) : NULL;
	vma->anon_vma = lender ? lender->anon_vma : (struct anon_vma *)vma;
	vma->anon_vma_chain.next = vma->anon_vma_chain.prev = &plan_of(vma->vm_mm)->one;
	return 0;
}

static void take_links(struct vm_area_struct *to, const struct vm_area_struct *from)
{
	bool none = from->anon_vma_chain.next == &from->anon_vma_chain;

	to->anon_vma = from->anon_vma;
	if (none)
		list_init(&to->anon_vma_chain);
	else
		to->anon_vma_chain = from->anon_vma_chain;
}

static pgoff_t rehearse_moved(const struct vm_area_struct *vma)
{
	return (uintptr_t)vma->i_mmap;
}

static void set_moved(struct vm_area_struct *vma, pgoff_t moved)
{
	vma->i_mmap = (struct i_mmap_node *)(uintptr_t)moved;
}

static int rehearse_clone(struct vm_area_struct *to, const struct vm_area_struct *from)
{
	if (!from->anon_vma)
		return 0;
	take_links(to, from);
	set_moved(to, rmap_moved_on(rehearse_moved(from), from, to->vm_start, to->vm_pgoff));
	return 0;
}

static void rehearse_unlink(struct vm_area_struct *vma)
{
	vma->anon_vma = NULL;
	set_moved(vma, 0);
	list_init(&vma->anon_vma_chain);
}

static int rehearse_attach(struct vm_area_struct *vma)
{
	return 0;
}

static void rehearse_detach(struct vm_area_struct *vma)
{
}

static void rehearse_adjust(struct vm_area_struct *a, struct vm_area_struct *b)
{
}

/* --- what the host would be told ----------------------------------------------------------------------------- */

static int write_down(struct mm_struct *mm, const struct mm_change *change)
{
	struct mm_plan *plan = plan_of(mm);

	if (plan->nr_changes == plan->room) {
		size_t room = plan->room ? plan->room * 2 : FIRST_ROOM;
		struct mm_change *more = port_alloc(room * sizeof(*more), 64, GFP_KERNEL);

		if (!more)
			return -ENOMEM;
		if (plan->room) {
			memcpy(more, plan->told, plan->nr_changes * sizeof(*more));
			port_free(plan->told, plan->room * sizeof(*more));
		}
		plan->told = more;
		plan->changes = more;
		plan->room = room;
	}
	plan->told[plan->nr_changes++] = *change;
	return 0;
}

/* --- the copy ------------------------------------------------------------------------------------------------ */

static void begin_machine(struct mm_plan *plan, const struct mm_struct *of)
{
	plan->sys = *of->sys;
	plan->rmap = *of->sys->rmap;
	plan->rmap.prepare = rehearse_prepare;
	plan->rmap.clone = plan->rmap.fork = rehearse_clone;
	plan->rmap.unlink = rehearse_unlink;
	plan->rmap.moved = of->sys->rmap->moved ? rehearse_moved : NULL;
	plan->rmap.attach = rehearse_attach;
	plan->rmap.detach = rehearse_detach;
	plan->rmap.adjust_begin = plan->rmap.adjust_end = rehearse_adjust;
	plan->sys.rmap = &plan->rmap;
	plan->sys.pages = NULL;
	plan->sys.verify = MM_VERIFY_NEVER;
	plan->ops = (struct mm_operations){ .host = write_down };
	if (of->ops) {
		plan->ops.may_split = of->ops->may_split;
		plan->ops.may_merge = of->ops->may_merge;
	}
}

static int copy_areas(struct mm_plan *plan, struct mm_struct *of)
{
	struct vm_area_struct *vma;
	struct index_fork f;
	int err = index_fork_begin(&f, &plan->mm, of);

	while (!err && (vma = index_fork_next(&f)) != NULL) {
		struct vm_area_struct *copy = vma_copy(vma, &plan->mm);

		if (!copy)
			return -ENOMEM;
		take_links(copy, vma);
		if (plan->rmap.moved)
			set_moved(copy, of->sys->rmap->moved(vma));
		err = vma_link_inherited(&f, copy, vma);
		if (err)
			vma_free(copy);
	}
	return err;
}

static uint64_t mix(uint64_t sum, uint64_t number)
{
	sum = (sum ^ number) * 0x9e3779b97f4a7c15ULL;
	return sum ^ (sum >> 29);
}

/* All that an answer depends on: areas, limits, counters. */
static uint64_t fingerprint(struct mm_struct *mm)
{
	uint64_t sum = mix(mm->changes, mm->def_flags);
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);

	sum = mix(mix(mix(sum, mm->limits.as), mm->limits.data), mm->limits.memlock);
	sum = mix(mix(mix(sum, mm->brk), mm->locked_vm), mm_system_committed(mm->sys));
	for_each_vma (vmi, vma) {
		sum = mix(mix(mix(sum, vma->vm_start), vma->vm_end), vma->vm_flags);
		sum = mix(mix(mix(sum, vma->vm_pgoff), (uintptr_t)vma->vm_file), (uintptr_t)vma->anon_vma);
		sum = mix(mix(sum, (uintptr_t)vma->policy), (uintptr_t)vma->uffd_ctx);
		sum = mix(sum, (uintptr_t)vma->anon_name);
	}
	return sum;
}

int mm_plan_begin(struct mm_plan *plan, struct mm_struct *mm)
{
	int err;

	memset(plan, 0, sizeof(*plan));
	plan->of = mm;
	plan->fingerprint = fingerprint(mm);
	begin_machine(plan, mm);
	plan->mm = *mm;
	plan->mm.sys = &plan->sys;
	plan->mm.ops = &plan->ops;
	plan->mm.pgd = NULL;
	plan->mm.calls = 0;
	plan->mm.mmap_lock_held = NULL;
	plan->mm.map_count = 0;
	index_init(&plan->mm);
	err = copy_areas(plan, mm);
	if (err) {
		mm_plan_drop(plan);
		return err;
	}
	plan->mm.counters = mm->counters;
	return 0;
}

void mm_plan_drop(struct mm_plan *plan)
{
	if (!plan->of)
		return;
	mm_exit(&plan->mm);
	if (plan->room)
		port_free(plan->told, plan->room * sizeof(plan->told[0]));
	plan->told = NULL;
	plan->changes = NULL;
	plan->nr_changes = plan->room = 0;
	plan->of = NULL;
}

/* --- calls --------------------------------------------------------------------------------------------------- */

static unsigned long make_call(struct mm_struct *mm, const struct mm_plan *plan)
{
	unsigned long addr = plan->arg.range.addr, len = plan->arg.range.len;

	switch (plan->call) {
	case MM_PLAN_MMAP:
		return mm_mmap(mm, &plan->arg.mmap);
	case MM_PLAN_MUNMAP:
		return (unsigned long)mm_munmap(mm, addr, len);
	case MM_PLAN_MPROTECT:
		return (unsigned long)mm_mprotect(
			mm, addr, len, plan->arg.range.prot, plan->arg.range.number);
	case MM_PLAN_MREMAP:
		return mm_mremap(mm, &plan->arg.mremap);
	case MM_PLAN_BRK:
		return mm_brk(mm, addr);
	case MM_PLAN_MADVISE:
		return (unsigned long)mm_madvise(mm, addr, len, plan->arg.range.number);
	default:
		return (unsigned long)-EINVAL;
	}
}

/* An allocation that fails is none of the call's own answers. */
static int rehearse(struct mm_plan *plan, enum mm_plan_call call)
{
	unsigned long failures = port_failures();

	plan->call = call;
	plan->result = make_call(&plan->mm, plan);
	return port_failures() == failures ? 0 : -ENOMEM;
}

static int rehearse_range(struct mm_plan *plan, enum mm_plan_call call, unsigned long addr, unsigned long len,
	unsigned long prot, int number)
{
	plan->arg.range.addr = addr;
	plan->arg.range.len = len;
	plan->arg.range.prot = prot;
	plan->arg.range.number = number;
	return rehearse(plan, call);
}

int mm_plan_mmap(struct mm_plan *plan, const struct mmap_request *req)
{
	plan->arg.mmap = *req;
	return rehearse(plan, MM_PLAN_MMAP);
}

int mm_plan_munmap(struct mm_plan *plan, unsigned long addr, unsigned long len)
{
	return rehearse_range(plan, MM_PLAN_MUNMAP, addr, len, 0, 0);
}

int mm_plan_mprotect(
	struct mm_plan *plan, unsigned long addr, unsigned long len, unsigned long prot, int pkey)
{
	return rehearse_range(plan, MM_PLAN_MPROTECT, addr, len, prot, pkey);
}

int mm_plan_mremap(struct mm_plan *plan, const struct mremap_request *req)
{
	plan->arg.mremap = *req;
	return rehearse(plan, MM_PLAN_MREMAP);
}

int mm_plan_brk(struct mm_plan *plan, unsigned long brk)
{
	return rehearse_range(plan, MM_PLAN_BRK, brk, 0, 0, 0);
}

int mm_plan_madvise(struct mm_plan *plan, unsigned long addr, unsigned long len, int advice)
{
	return rehearse_range(plan, MM_PLAN_MADVISE, addr, len, 0, advice);
}

bool mm_plan_holds(const struct mm_plan *plan)
{
	return plan->of && fingerprint(plan->of) == plan->fingerprint;
}

unsigned long mm_plan_commit(struct mm_plan *plan)
{
	if (plan->call == MM_PLAN_NOTHING)
		return (unsigned long)-EINVAL;
	if (!mm_plan_holds(plan))
		return (unsigned long)-EAGAIN;
	return make_call(plan->of, plan);
}
