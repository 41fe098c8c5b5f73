/* SPDX-License-Identifier: MIT */
/*
 * Which addresses the call of a task is about, and which limits.
 *
 * The table of calls is trace/format's (trace_named_pages()), which knows nothing of tasks; here are its
 * answers for the call that a task stands in, with this machine's pages and the heap of its address
 * space.
 */
#include "internal.h"
#include "uapi.h"

/* 0 to 2. mm->brk is the heap's end as it was before the call, until follow_break() at its end. */
unsigned int named_ranges(const struct task *t, struct range r[2])
{
	const struct trace_heap heap = { t->mm->start_brk, t->mm->brk };
	struct trace_range named[2];
	unsigned int n = trace_named_pages(&t->call, &heap, kernel->page_size(), named);

	for (unsigned int i = 0; i < n; i++)
		r[i] = (struct range){ named[i].start, named[i].end };
	return n;
}

/* @c has no result of its own yet. */
bool placed_range(const struct trace_call *c, int64_t result, struct range *r)
{
	struct trace_call done = *c;
	struct trace_range placed;

	done.result = result;
	if (!trace_placed_pages(&done, kernel->page_size(), &placed))
		return false;
	*r = (struct range){ placed.start, placed.end };
	return true;
}

/*
 * shmdt says where, but not how long the segment is; io_setup and the shadow stack's calls map where the
 * kernel likes.
 */
bool is_about_whole_map(const struct trace_call *c)
{
	return c->nr == NR_mlockall || c->nr == NR_munlockall || c->nr == NR_shmdt || c->nr == NR_io_setup ||
	       c->nr == NR_io_destroy || c->nr == NR_arch_prctl ||
	       (c->nr == NR_prctl && c->args[0] == PR_SET_SHADOW_STACK_STATUS);
}

/*
 * setuid and its like change effective capabilities; unshare and setns may enter a user namespace, where
 * none counts.
 */
enum limit_change limit_changed_by(uint32_t nr)
{
	switch (nr) {
	case NR_personality:
		return LIMIT_PERSONALITY;
	case NR_capset:
	case NR_setuid:
	case NR_setreuid:
	case NR_setresuid:
	case NR_unshare:
	case NR_setns:
		return LIMIT_CAPABILITIES;
	case NR_setrlimit:
	case NR_prlimit64:
		return LIMIT_NAMED;
	default:
		return LIMIT_NONE;
	}
}
