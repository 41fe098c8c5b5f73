/* SPDX-License-Identifier: MIT */
/*
 * Call stacks, in a build without libdw: there are none, and the caller can say why.
 *
 * The recorder asks stacks_missing() when it starts, so that nothing else here is called with the
 * option on.
 */
#include "internal.h"

const char *stacks_missing(void)
{
	return "this vmaple was built without libdw (elfutils), which call stacks need";
}

bool stacks_open(struct live *l)
{
	return false;
}

void stacks_close(struct live *l)
{
}

uint32_t stacks_of_call(struct live *l, struct task *t)
{
	return 0;
}

uint32_t stacks_of_copy(
	struct live *l, struct task *t, const struct registers *regs, const void *stack, size_t size)
{
	return 0;
}

void stacks_forget(struct live_mm *mm, uint64_t start, uint64_t end)
{
}

void stacks_follow_call(struct task *t, int64_t result)
{
}

void stacks_copy(const struct live_mm *from, struct live_mm *to)
{
}

void stacks_before_end(struct live *l, struct task *t)
{
}

void stacks_leave(struct live_mm *mm)
{
}
