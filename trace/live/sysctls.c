/* SPDX-License-Identifier: MIT */
/*
 * Numbers of the whole machine that change while a program runs: vm.max_map_count, vm.overcommit_memory.
 *
 * Looking at them costs as much as a small system call, so it is done where they can have decided: when a call has failed,
 * and when one has succeeded that the numbers known last may forbid.  How many areas there are at most is known without
 * looking: no call makes more than three.
 */

#include "internal.h"
#include "system_calls.h"

#define AREAS_OF_A_PROGRAM 1000 /* and more than exec brings */
#define AREAS_OF_A_CALL    3
#define LARGE              (1ull << 30)

static bool may_be_forbidden(const struct live *l, const struct task *t)
{
	uint64_t areas = AREAS_OF_A_PROGRAM + AREAS_OF_A_CALL * t->mm->calls_in_all;

	return areas >= l->max_map_count || t->call.args[1] >= LARGE;
}

static bool has_failed(const struct task *t, int64_t result)
{
	return t->call.nr == NR_brk ? (uint64_t)result != t->call.args[0] : result < 0 && result >= -4095;
}

static void follow(struct live *l, struct task *t, enum trace_limit limit, uint64_t *known, const char *path)
{
	struct trace_event e = { .type = TRACE_EVENT_LIMIT };
	uint64_t value = read_number(path, *known);

	if (value == *known)
		return;
	*known = value;
	e.limit.limit = limit;
	e.limit.value = value;
	emit(l, t, &e);
}

void sysctls_follow(struct live *l, struct task *t, int64_t result)
{
	t->mm->calls_in_all++;
	if (!has_failed(t, result) && !may_be_forbidden(l, t))
		return;
	follow(l, t, TRACE_LIMIT_MAX_MAP_COUNT, &l->max_map_count, "/proc/sys/vm/max_map_count");
	follow(l, t, TRACE_LIMIT_OVERCOMMIT_MEMORY, &l->overcommit_memory, "/proc/sys/vm/overcommit_memory");
}
