/* SPDX-License-Identifier: MIT */
/*
 * Calls that can only succeed.
 *
 * 1. Why.  Where the map is compared after each call, its end need not be waited for if the map alone tells all of it: what
 *    there is, and the result (deferred.c).  A call that failed leaves no trace of its error; so only those are let go on that have
 *    none to return.  If the kernel refuses one all the same, for want of its own memory or against what is written here, the
 *    map shows that it has, and the mirror, which knows no reason either, differs at that call.
 *
 * 2. Which.  Brk says where the heap ends, and nothing else: it has no errors.  Munmap and mprotect of whole pages within one private
 *    area without a file return
 *      EINVAL  for what is not aligned, is empty, or is no access: not here;
 *      ENOMEM  for a hole: there is none.  For one area too many: counted (sysctls.c).  For RLIMIT_DATA, or memory that is not
 *              to be promised, where mprotect makes what can be written of what could not: not without a limit, nor in
 *              mode 2 of vm.overcommit_memory, nor of more than the machine has;
 *      EACCES  for what a mapping of a file was not given: it has none.  For what must not become executable (PR_SET_MDWE, security
 *              modules): that is not asked for;
 *      EPERM   for what is sealed, and EINVAL, EACCES or EPERM for what is the kernel's own: those are remembered in mm->special.
 *
 * 3. Special are the areas that exec has brought without a file and under a name of the kernel's ([vdso]), what was sealed by then, and
 *    what is sealed by a call.  They stay where they are: one that is moved, or made later, ends it for this address
 *    space (mm->special_lost).
 */
#include <string.h>
#include <sys/mman.h>

#include <vmaple/mm.h>

#include "internal.h"
#include "uapi.h"

#define MODE_NEVER 2 /* of vm.overcommit_memory: no more than there is */

static void add(struct live_mm *mm, uint64_t start, uint64_t end)
{
	mm->special_lost |= !remember(&mm->special, start, end);
}

/* [heap] and what PR_SET_VMA_ANON_NAME has named are the program's own; [stack] counts as special. */
static bool is_special(const struct trace_area *a)
{
	bool named = *a->name == '[' && strcmp(a->name, "[heap]") != 0 && strncmp(a->name, "[anon:", 6) != 0;

	return (a->vm_flags & VM_SEALED) || (named && !trace_area_has_file(a));
}

void certain_begin(const struct live *l, struct live_mm *mm)
{
	for (uint32_t i = 0; i < l->nr_areas; i++)
		if (is_special(&l->areas[i]))
			add(mm, l->areas[i].start, l->areas[i].end);
}

/* What is sealed stays so in a copy. */
void certain_copy(const struct live_mm *from, struct live_mm *to)
{
	struct range run;

	to->special_lost = from->special_lost;
	for (uint64_t at = 0; next_remembered(&from->special, at, &run); at = run.end)
		add(to, run.start, run.end);
}

/* O(log n). */
static bool has_special(const struct live_mm *mm, const struct range *r)
{
	struct range run;

	return next_remembered(&mm->special, r->start, &run) && run.start < r->end;
}

/* Too much is harmless: then the exit is waited for. */
void certain_follow_call(struct task *t)
{
	struct live_mm *mm = t->mm;
	struct range r[2];
	unsigned int n = named_ranges(t, r);

	switch (t->call.nr) {
	case NR_mseal:
		if (n)
			add(mm, r[0].start, r[0].end);
		break;
	case NR_mremap:
		mm->special_lost |= n && has_special(mm, &r[0]);
		break;
	case NR_arch_prctl:
	case NR_map_shadow_stack:
		mm->special_lost = true;
		break;
	case NR_prctl:
		mm->special_lost |= is_about_whole_map(&t->call);
		break;
	default:
		break;
	}
}

/* One that only ever had PROT_NONE, or is read only, may come to be counted when it can be written. */
static bool is_never_refused_memory(const struct live *l, const struct task *t)
{
	return t->limits[TRACE_LIMIT_DATA] == UINT64_MAX && t->limits[TRACE_LIMIT_AS] == UINT64_MAX &&
	       l->overcommit_memory != MODE_NEVER && t->call.args[1] <= l->header.total_ram;
}

/* False is no statement about the call: it is waited for. */
bool certain_to_succeed(struct live *l, const struct task *t, const struct range *at)
{
	const struct live_mm *mm = t->mm;
	struct trace_area a;

	if (t->call.nr == NR_brk)
		return true;
	if (t->call.nr == NR_mprotect && ((t->call.args[2] & PROT_EXEC) || !is_never_refused_memory(l, t)))
		return false;
	if ((t->call.nr != NR_mprotect && t->call.nr != NR_munmap) || mm->special_lost ||
		has_special(mm, at) || sysctls_may_forbid(l, t))
		return false;
	/* What is shared has a file. */
	return observe_area(l, mm, at->start, &a) && a.end >= at->end && !trace_area_has_file(&a);
}
