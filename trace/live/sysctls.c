/* SPDX-License-Identifier: MIT */
/*
 * Numbers of the whole machine that change while a program runs: vm.max_map_count, vm.overcommit_memory.
 *
 * Looking at them costs as much as a small system call, so it is done where they can have decided: when a call has failed,
 * and when one has succeeded that the numbers known last may forbid.  How many areas there are at most is known without
 * looking: no call makes more than three.  Where that comes to the limit they are counted, but not again before many more calls
 * have been made: a count takes as long as there are areas.
 */

#include "internal.h"
#include "system_calls.h"

/*
 * A call that cuts twice and maps one: mremap asks for as much (map_count >= sysctl_max_map_count - 3). From LARGE on the
 * second argument, mostly a length, may come to what overcommit refuses.
 */
#define AREAS_OF_A_CALL 3
#define LARGE           (1ull << 30)

static bool may_be_too_many(const struct live *l, const struct live_mm *mm)
{
	return mm->most_areas + AREAS_OF_A_CALL >= l->max_map_count;
}

/* True costs a look, or an exit that is waited for; false has to be right. */
bool sysctls_may_forbid(const struct live *l, const struct task *t)
{
	return may_be_too_many(l, t->mm) || t->call.args[1] >= LARGE;
}

/* So near to the limit that the next few calls lead there it is not counted again at each. */
static void count_areas(struct live *l, struct live_mm *mm)
{
	uint64_t now;

	if (!may_be_too_many(l, mm) || mm->uncounted_calls < l->max_map_count / AREAS_OF_A_CALL / 4)
		return;
	now = observe_count(l, mm);
	mm->most_areas = now ? now : mm->most_areas;
	mm->uncounted_calls = 0;
}

/* brk has no error: what it returns is another end than the one asked for. */
static bool has_failed(const struct task *t, int64_t result)
{
	return t->call.nr == NR_brk ? (uint64_t)result != t->call.args[0] : result < 0 && result >= -4095;
}

/*
 * A LIMIT event of this task's address space, though it is the machine's: whoever reads it applies it to
 * all.
 */
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

/* Before the call's own event: what it tells was so when the call was made, or may have been. */
void sysctls_follow(struct live *l, struct task *t, int64_t result)
{
	bool may_decide;

	t->mm->most_areas += AREAS_OF_A_CALL;
	t->mm->uncounted_calls++;
	may_decide = has_failed(t, result) || sysctls_may_forbid(l, t);
	count_areas(l, t->mm);
	if (!may_decide)
		return;
	follow(l, t, TRACE_LIMIT_MAX_MAP_COUNT, &l->max_map_count, "/proc/sys/vm/max_map_count");
	follow(l, t, TRACE_LIMIT_OVERCOMMIT_MEMORY, &l->overcommit_memory, "/proc/sys/vm/overcommit_memory");
}
