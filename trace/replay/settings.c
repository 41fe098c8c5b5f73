/* SPDX-License-Identifier: MIT */
/* Recorded calls that set what areas and the address space are said to be: prctl(2), and the policies of memory. */
#include <errno.h>
#include <linux/mempolicy.h>
#include <string.h>

#include <vmaple/mm_plan.h>

#include "internal.h"
#include "minmax.h"
#include "uapi.h"

/*
 * Of prctl_set_mm(); fields that decide about no mapping (arguments, environment, the auxiliary vector) are
 * passed over. Called for successes only: the kernel has checked the value.
 */
static void set_mm_field(struct mm_struct *mm, unsigned long field, unsigned long value)
{
	switch (field) {
	case PR_SET_MM_START_CODE:
		mm->start_code = value;
		break;
	case PR_SET_MM_END_CODE:
		mm->end_code = value;
		break;
	case PR_SET_MM_START_DATA:
		mm->start_data = value;
		break;
	case PR_SET_MM_END_DATA:
		mm->end_data = value;
		break;
	case PR_SET_MM_START_STACK:
		mm->start_stack = value;
		break;
	case PR_SET_MM_START_BRK:
		mm->start_brk = value;
		break;
	case PR_SET_MM_BRK:
		mm->brk = value;
		break;
	default:
		break;
	}
}

/* data: struct prctl_mm_map. */
static void set_mm_map(struct mm_struct *mm, const struct trace_call *c)
{
	struct prctl_mm_map m;

	if (c->data_len != sizeof(m))
		return;
	memcpy(&m, c->data, sizeof(m));
	mm->start_code = m.start_code;
	mm->end_code = m.end_code;
	mm->start_data = m.start_data;
	mm->end_data = m.end_data;
	mm->start_brk = m.start_brk;
	mm->brk = m.brk;
	mm->start_stack = m.start_stack;
	mm->arg_start = m.arg_start;
	mm->arg_end = m.arg_end;
	mm->env_start = m.env_start;
	mm->env_end = m.env_end;
}

struct prediction call_prctl(struct space *s, const struct trace_call *c)
{
	if (c->args[0] == PR_SET_VMA && c->args[1] == PR_SET_VMA_ANON_NAME) {
		/* A kernel without names, or a name that cannot be one. */
		if (c->result == -EFAULT || c->result == -EINVAL)
			return (struct prediction){ 0 };
		return (struct prediction){ true, true,
			mm_set_anon_name(&s->mm, c->args[2], c->args[3], c->data_len ? c->data : NULL) };
	}
	/* Of the machine: the task's own area comes with it, and where it lies is in the map. */
	if (c->args[0] == PR_SET_SHADOW_STACK_STATUS)
		s->take_over |= c->result == 0;
	if (c->args[0] == PR_SET_MEMORY_MERGE && c->result == 0)
		return (struct prediction){ true, true, mm_set_memory_merge(&s->mm, c->args[1]) };
	if (c->args[0] == PR_SET_MDWE && c->result == 0) {
		s->mm.mdwe = c->args[1] & 1;
		s->mm.mdwe_no_inherit = c->args[1] & 2;
	}
	if (c->args[0] == PR_SET_MM && c->args[1] == PR_SET_MM_MAP && c->result == 0)
		set_mm_map(&s->mm, c);
	else if (c->args[0] == PR_SET_MM && c->result == 0)
		set_mm_field(&s->mm, c->args[1], c->args[2]);
	return (struct prediction){ 0 };
}

/* Equal policies are equal pointers: a number made of mode and nodes, and below it the home node, plus one. */
#define POLICY_HOME 0xffffUL

/*
 * Of an mbind: NULL for MPOL_DEFAULT. Two policies with the same mode, flags and node mask have the same
 * number (FNV-1a); that two different ones have is possible, with a probability of 2^-47.
 */
static const void *policy_of(const struct trace_call *c)
{
	uint64_t hash = c->args[2] * 0x9e3779b97f4a7c15ULL;

	for (uint32_t i = 0; i < c->data_len; i++)
		hash = (hash ^ ((const uint8_t *)c->data)[i]) * 0x100000001b3ULL;
	return c->args[2] & 0xff ? xa_mk_value((hash >> 1) & ~POLICY_HOME) : NULL;
}

/*
 * It has come so far as to fail at an area, those before which have the policy; else its arguments were
 * refused. Found by making it on a copy (mm_plan_begin()), which is dropped.
 */
static bool fails_at_area(struct space *s, const struct trace_call *c)
{
	struct mm_plan plan;
	int result;

	if (mm_plan_begin(&plan, &s->mm))
		return false;
	result = mm_mbind(&plan.mm, c->args[0], c->args[1], policy_of(c));
	mm_plan_drop(&plan);
	return result == c->result;
}

struct prediction call_mbind(struct space *s, const struct trace_call *c)
{
	/* The policies are set, and then pages could not be moved. */
	bool set = c->result == -EIO && (c->args[5] & (MPOL_MF_MOVE | MPOL_MF_MOVE_ALL));

	if (!succeeded(c) && !set && !fails_at_area(s, c))
		return (struct prediction){ 0 };
	return (struct prediction){ true, !set, mm_mbind(&s->mm, c->args[0], c->args[1], policy_of(c)) };
}

/* The policies of the range get another home; where there is none, none comes. */
struct prediction call_home_node(struct space *s, const struct trace_call *c)
{
	unsigned long start = c->args[0], end = mm_page_align(&s->mm, start + c->args[1]);
	struct vm_area_struct *vma = find_vma_intersection(&s->mm, start, end);
	int64_t result = 0;

	/* Refused at a policy of a kind that has no home: those before it have theirs. */
	if (c->result == -EOPNOTSUPP)
		s->take_over = true;
	if (!succeeded(c))
		return (struct prediction){ 0 };
	while (vma && !result) {
		unsigned long from = max(start, vma->vm_start), to = min(end, vma->vm_end);
		unsigned long policy = vma->policy ? xa_to_value(vma->policy) & ~POLICY_HOME : 0;

		if (vma->policy)
			result = mm_mbind(&s->mm, from, to - from,
				xa_mk_value(policy | ((c->args[2] + 1) & POLICY_HOME)));
		vma = find_vma_intersection(&s->mm, to, end);
	}
	return (struct prediction){ true, true, result };
}
