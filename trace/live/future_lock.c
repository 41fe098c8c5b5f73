/* SPDX-License-Identifier: MIT */
/*
 * What mlockall(MCL_FUTURE) had asked for before the program was attached to.
 *
 * Nothing in /proc says it of the address space.  The first area that the program maps has it, which smaps shows, and it is
 * told before the call that has mapped that area: no call before depends on it.
 *
 * It matters for that one area only: VM_LOCKED of mm->def_flags goes into each new area, and keeps it from
 * joining one without.
 */
#include <errno.h>
#include <sys/mman.h>

#include <vmaple/mm.h>

#include "internal.h"
#include "uapi.h"

/*
 * Known from now on, also where the answer is no: then nothing is told, as 0 is what a mirror begins
 * with.
 */
static void emit_future_lock(struct live *l, struct task *t, uint64_t value)
{
	struct trace_event e = { .type = TRACE_EVENT_LIMIT, .limit = { TRACE_LIMIT_FUTURE_LOCK, value } };

	t->mm->future_lock_unknown = false;
	if (value)
		emit(l, t, &e);
}

/*
 * What @addr lies in, by smaps. NULL: nothing, or it cannot be read. It lives in l->areas until the next
 * look.
 */
static const struct trace_area *area_in_smaps(struct live *l, struct task *t, uint64_t addr)
{
	observe_smaps(l, t);
	for (uint32_t i = 0; i < l->nr_areas; i++)
		if (l->areas[i].start <= addr && addr < l->areas[i].end)
			return &l->areas[i];
	return NULL;
}

/* An area that is never locked shows nothing. */
static void learn_from(struct live *l, struct task *t, uint64_t addr)
{
	const struct trace_area *a = area_in_smaps(l, t, addr);

	if (!a)
		return;
	if (a->vm_flags & VM_LOCKED)
		emit_future_lock(l, t, MCL_FUTURE | (a->vm_flags & VM_LOCKONFAULT ? MCL_ONFAULT : 0));
	else
		t->mm->future_lock_unknown =
			a->vm_flags & (VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_HUGETLB | VM_DROPPABLE);
}

/* Nothing once it is known: one comparison for each call. */
void future_lock_before_call(struct live *l, struct task *t, int64_t result)
{
	const struct trace_call *c = &t->call;

	if (!t->mm->future_lock_unknown)
		return;
	switch (c->nr) {
	case NR_mmap:
		if (c->args[3] & MAP_LOCKED)
			return;
		/* mlock_future_ok() refused it, which it asks of a mapping that is to be locked only. */
		if (result == -EAGAIN)
			emit_future_lock(l, t, MCL_FUTURE);
		else if (!IS_ERR_VALUE(result))
			learn_from(l, t, (uint64_t)result);
		return;
	case NR_shmat:
		if (!IS_ERR_VALUE(result))
			learn_from(l, t, (uint64_t)result);
		return;
	case NR_brk:
		if ((uint64_t)result > t->mm->brk && (uint64_t)result == c->args[0])
			learn_from(l, t, (uint64_t)result - 1);
		return;
	case NR_mlockall:
	case NR_munlockall:
		/* From here on the calls themselves say it. */
		t->mm->future_lock_unknown = result != 0;
		return;
	default:
		return;
	}
}
