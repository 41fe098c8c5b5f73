/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What tasks act under: it is looked at in each section of their own, while the lock is held that decides by it.  So it does not
 * matter who has changed it: the task, another task, or a process that nobody follows.
 */
#ifndef LIVE_BPF_LIMITS_H
#define LIVE_BPF_LIMITS_H

#include "spaces.bpf.h"

/*
 * By enum trace_limit: RLIMIT_AS (9), DATA (2), STACK (3), MEMLOCK (8), personality, capabilities, and
 * the hard limit of DATA. Capabilities count where they are of the first user namespace: limits of
 * memory are asked for with capable(), which a capability in a namespace of one's own never passes.
 */
static __always_inline void read_limits(u64 *limits, struct task_struct *task)
{
	limits[0] = task->signal->rlim[9].rlim_cur;
	limits[1] = task->signal->rlim[2].rlim_cur;
	limits[2] = task->signal->rlim[3].rlim_cur;
	limits[3] = task->signal->rlim[8].rlim_cur;
	limits[4] = task->personality;
	limits[5] = task->cred->user_ns->parent ? 0 : task->cred->cap_effective.val;
	limits[6] = task->signal->rlim[2].rlim_max;
}

/* Calls that have no section of their own: what they have changed is told with the call, as its data. */
static __always_inline bool changes_limits(u32 nr)
{
	return nr == NR_setrlimit || nr == NR_prlimit64 || nr == NR_personality || nr == NR_capset ||
	       nr == NR_setuid || nr == NR_setreuid || nr == NR_setresuid || nr == NR_unshare ||
	       nr == NR_setns;
}

/*
 * Tell of it, if it is not what it was in the section before. The mark is a sum over all of them, and
 * s->under that of the section before, of whichever task: 0 is no mark, so that a new space is always
 * told of. A collision would hide one change.
 */
__noinline int emit_limits(struct space *s)
{
	u64 limits[RECORD_LIMITS], mark = 1, odd = 0x9e3779b97f4a7c15ull;
	struct limits_record *r;

	if (!s)
		return 0;
	read_limits(limits, current_task());
	/* None waits for the product of the one before. */
	for (int i = 0; i < RECORD_LIMITS; i++, odd += 0x2545f4914f6cdd1eull)
		mark += (limits[i] ^ limits[i] >> 32) * odd;
	if (mark == s->under)
		return 0;
	r = reserve(sizeof(*r), s->id);
	if (!r)
		return 0;
	head_fill(&r->head, RECORD_UNDER, s->id, sequence_of(mm_by(s->mm), s->tid));
	__builtin_memcpy(r->limits, limits, sizeof(limits));
	submit(r);
	s->under = mark;
	return 0;
}

#endif
