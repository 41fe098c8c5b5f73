/* SPDX-License-Identifier: MIT */
/*
 * What the oracle has asked: each call with its results, and situations that random calls may or may not come into.
 *
 * A situation is looked for in the engine's map, which is the kernel's as long as nothing differs.
 *
 * Counted over the whole run and never reset, also while a difference is shrunk. "Before" are situations of
 * the map that a call meets, "after" those that only the kernel's answer makes one. A situation that stays
 * 0 in a long run is a hole in the mixes: docs/coverage.md lists what is known not to be asked.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "oracle.h"
#include "uapi.h"

enum situation {
	LONG_LENGTH,
	MOVE_OF_SEVERAL,
	MOVE_OVER_HOLES,
	MOVE_ONTO_ITSELF,
	BRK_BESIDE_OTHERS,
	STACK_ONTO_STACK,
	FAR_HINT,
	NO_ROOM_IN_32_BITS,
	GUARDS_IN_LOCKED,
	FUTURE_ONFAULT,
	SHM_OVER_SOMETHING,
	DROPPABLE,
	DEEP_FORK,
	MERGE_IN_DEEP_FORK,
	READ_IMPLIES_EXEC_MAP,
	LIMIT_EXCEEDED,
	SEAL_MET,
	COLLAPSE,
	COLLAPSE_OF_HUGE,
	KEYED,
	EXECUTE_ONLY,
	UFFD_MISSING,
	UFFD_WP,
	UFFD_MINOR,
	UFFD_SERVED_CLOSED,
	ADVICE_FOR_PROCESS,
	HEAP_MOVED,
	MEMORY_MERGE_MAP,
	MOVED_FILE_PAGES,
	KERNELS_CUT,
	SITUATIONS
};

static const char *const names[SITUATIONS] = {
	[LONG_LENGTH] = "a length beyond the end of the space, or near it",
	[MOVE_OF_SEVERAL] = "mremap over several areas",
	[MOVE_OVER_HOLES] = "mremap over several areas, and holes",
	[MOVE_ONTO_ITSELF] = "mremap to a fixed place that overlaps",
	[BRK_BESIDE_OTHERS] = "brk that grows to within a page of something, or over it",
	[STACK_ONTO_STACK] = "a stack that grows, above a stack",
	[FAR_HINT] = "mmap with a hint beyond 47 bits",
	[NO_ROOM_IN_32_BITS] = "MAP_32BIT that finds no room",
	[GUARDS_IN_LOCKED] = "MADV_GUARD_INSTALL in locked memory",
	[FUTURE_ONFAULT] = "MCL_FUTURE with MCL_ONFAULT",
	[SHM_OVER_SOMETHING] = "SHM_REMAP over something",
	[DROPPABLE] = "MAP_DROPPABLE",
	[DEEP_FORK] = "a fork of the fifth generation, or further",
	[MERGE_IN_DEEP_FORK] = "a merge there",
	[READ_IMPLIES_EXEC_MAP] = "mmap under READ_IMPLIES_EXEC",
	[LIMIT_EXCEEDED] = "a limit set below what is there already",
	[SEAL_MET] = "a call refused by a seal",
	[COLLAPSE] = "MADV_COLLAPSE",
	[COLLAPSE_OF_HUGE] = "MADV_COLLAPSE of a huge page done",
	[KEYED] = "memory given a protection key",
	[EXECUTE_ONLY] = "memory made executable alone",
	[UFFD_MISSING] = "a userfaultfd for missing pages",
	[UFFD_WP] = "a userfaultfd for protected pages",
	[UFFD_MINOR] = "a userfaultfd for minor faults",
	[UFFD_SERVED_CLOSED] = "a userfaultfd closed that serves something",
	[ADVICE_FOR_PROCESS] = "process_madvise of two ranges done",
	[HEAP_MOVED] = "PR_SET_MM done",
	[MEMORY_MERGE_MAP] = "mmap under PR_SET_MEMORY_MERGE",
	[MOVED_FILE_PAGES] = "mremap of written pages of a file",
	[KERNELS_CUT] = "a cut of [vvar] or [vdso]",
};

#define RESULTS 134 /* success, and errno up to the last that Linux has */

/*
 * Times asked. The 7 bits of advices hold all that madvise(2) knows (up to 103); odd ones fall into the
 * same places.
 */
static unsigned long calls[CALL_KINDS][RESULTS], situations[SITUATIONS], advices[128];
static unsigned long merges_before;
/* The process that makes the call is of the fifth generation or further. */
static bool deep;

static bool is_locked(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma = find_vma_intersection(mm, start, end);

	for (; vma; vma = find_vma_intersection(mm, vma->vm_end, end))
		if (vma->vm_flags & VM_LOCKED)
			return true;
	return false;
}

/*
 * Holes in what is moved count only if the length stays the same: mremap of several areas at once (Linux
 * 6.17) cannot resize them, and is EFAULT otherwise.
 */
static void look_at_move(struct mm_struct *mm, const unsigned long *a)
{
	unsigned long end = a[0] + a[1], mapped = 0;
	struct vm_area_struct *vma = find_vma_intersection(mm, a[0], end);
	unsigned int nr = 0;

	if (!(a[3] & MREMAP_FIXED) || end < a[0])
		return;
	situations[MOVE_ONTO_ITSELF] += a[4] < end && a[0] < a[4] + a[2];
	if (a[1] != a[2])
		return;
	for (; vma; vma = find_vma_intersection(mm, vma->vm_end, end), nr++)
		mapped += (vma->vm_end < end ? vma->vm_end : end) -
			  (vma->vm_start > a[0] ? vma->vm_start : a[0]);
	situations[MOVE_OF_SEVERAL] += nr > 1;
	situations[MOVE_OVER_HOLES] += nr > 1 && mapped < a[1];
}

static void look_at_mmap(struct mm_struct *mm, const unsigned long *a)
{
	bool fixed = a[3] & (MAP_FIXED | MAP_FIXED_NOREPLACE);

	situations[FAR_HINT] += !fixed && a[0] >> 47;
	situations[DROPPABLE] += (a[3] & MAP_TYPE) == MAP_DROPPABLE;
	situations[READ_IMPLIES_EXEC_MAP] += mm->limits.read_implies_exec && (a[2] & PROT_READ);
	situations[MEMORY_MERGE_MAP] += mm->merge_any;
}

/* What was written of a private mapping of a file, or a part of the kernel's own. */
static void look_at_area(struct mm_struct *mm, const struct call *c)
{
	const struct vm_area_struct *vma = vma_lookup(mm, c->arg[0]);
	unsigned long end = c->arg[0] + c->arg[1];

	if (!vma || !vma->vm_file)
		return;
	situations[MOVED_FILE_PAGES] += c->kind == CALL_MREMAP && vma->anon_vma != NULL;
	situations[KERNELS_CUT] += vma->vm_file->kind == VM_FILE_SPECIAL &&
				   (c->arg[0] > vma->vm_start || end < vma->vm_end) && end > c->arg[0];
}

/* O(areas of the whole map), for CALL_UFFD_CLOSE alone. */
static bool serves_something(struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);

	for_each_vma (vmi, vma)
		if (vma->uffd_ctx)
			return true;
	return false;
}

static void look_at_limit(struct mm_struct *mm, const unsigned long *a)
{
	unsigned long bytes = a[1] * PAGE;

	situations[LIMIT_EXCEEDED] +=
		a[1] != NO_LIMIT && ((a[0] == LIMIT_MEMLOCK && mm->locked_vm > a[1]) ||
					    (a[0] == LIMIT_STACK && mm->stack_vm * PAGE > bytes) ||
					    ((a[0] == LIMIT_DATA || a[0] == LIMIT_AS) &&
						    mm->total_vm > background.total_vm + a[1]));
}

/* Where expand_downwards() keeps no guard gap: below another stack it may come to touch it. */
static bool grows_onto_stack(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *below, *vma = find_vma_prev(mm, addr, &below);

	return vma && vma->vm_start > addr && (vma->vm_flags & VM_GROWSDOWN) && below &&
	       (below->vm_flags & VM_GROWSDOWN) && vma->vm_start - below->vm_end < MARGIN;
}

/* brk(2) refuses what would leave no page, or no guard gap of a stack, between the heap and what is next. */
static bool is_beside_others(struct mm_struct *mm, unsigned long brk)
{
	struct vm_area_struct *next = find_vma(mm, (mm->brk + PAGE - 1) & ~(PAGE - 1));

	return brk > mm->brk && next && brk + PAGE >= next->vm_start;
}

void coverage_before(struct engine *e, const struct call *c)
{
	struct mm_struct *mm = engine_mm(e);
	const unsigned long *a = c->arg;

	merges_before = mm->counters.merges;
	deep = e->depth >= 5;
	switch (c->kind) {
	case CALL_MMAP:
		look_at_mmap(mm, a);
		break;
	case CALL_MREMAP:
		look_at_move(mm, a);
		look_at_area(mm, c);
		break;
	case CALL_MUNMAP:
	case CALL_MPROTECT:
		look_at_area(mm, c);
		break;
	case CALL_LIMIT:
		look_at_limit(mm, a);
		break;
	case CALL_UFFD_CLOSE:
		situations[UFFD_SERVED_CLOSED] += serves_something(mm);
		break;
	case CALL_MADVISE:
		advices[a[2] & 127]++;
		situations[GUARDS_IN_LOCKED] +=
			a[2] == MADV_GUARD_INSTALL && is_locked(mm, a[0], a[0] + a[1]);
		break;
	case CALL_MLOCKALL:
		situations[FUTURE_ONFAULT] +=
			(a[0] & (MCL_FUTURE | MCL_ONFAULT)) == (MCL_FUTURE | MCL_ONFAULT);
		break;
	case CALL_BRK:
		situations[BRK_BESIDE_OTHERS] += e->break_set && is_beside_others(mm, a[0]);
		break;
	case CALL_WRITE:
	case CALL_READ:
		situations[STACK_ONTO_STACK] += grows_onto_stack(mm, a[0]);
		break;
	case CALL_SHMAT:
		situations[SHM_OVER_SOMETHING] +=
			(a[1] & SHM_REMAP) && find_vma_intersection(mm, a[0], a[0] + SEGMENT_PAGES * PAGE);
		break;
	case CALL_FORK:
		situations[DEEP_FORK] += e->depth >= 4;
		break;
	default:
		break;
	}
	situations[LONG_LENGTH] +=
		(c->kind == CALL_MMAP || c->kind == CALL_MUNMAP || c->kind == CALL_MPROTECT ||
			c->kind == CALL_MREMAP || c->kind == CALL_MADVISE) &&
		a[1] >> 46;
}

/* What tells something only if it is done. */
static void count_done(const struct call *c, int64_t result)
{
	const unsigned long *a = c->arg;

	situations[COLLAPSE] += c->kind == CALL_MADVISE && a[2] == MADV_COLLAPSE;
	if (result < 0)
		return;
	situations[COLLAPSE_OF_HUGE] += c->kind == CALL_MADVISE && a[2] == MADV_COLLAPSE && a[1] >= HUGE_PAGE;
	situations[KEYED] += c->kind == CALL_PKEY && (long)a[3] > 0;
	situations[EXECUTE_ONLY] += (c->kind == CALL_MMAP || c->kind == CALL_MPROTECT) && a[2] == PROT_EXEC;
	situations[UFFD_MISSING] += c->kind == CALL_UFFD && (a[2] & 1);
	situations[UFFD_WP] += c->kind == CALL_UFFD && (a[2] & 2);
	situations[UFFD_MINOR] += c->kind == CALL_UFFD && (a[2] & 4);
	situations[ADVICE_FOR_PROCESS] += c->kind == CALL_PROCESS_MADVISE;
	situations[HEAP_MOVED] += c->kind == CALL_SET_MM;
}

void coverage_after(struct engine *e, const struct call *c, int64_t result)
{
	calls[c->kind][result < 0 && result > -RESULTS ? -result : 0]++;
	situations[NO_ROOM_IN_32_BITS] += c->kind == CALL_MMAP && (c->arg[3] & MAP_32BIT) &&
					  !(c->arg[3] & MAP_FIXED) && result == -ENOMEM;
	count_done(c, result);
	situations[SEAL_MET] +=
		(c->kind == CALL_MUNMAP || c->kind == CALL_MPROTECT || c->kind == CALL_MREMAP ||
			c->kind == CALL_MADVISE || c->kind == CALL_MMAP) &&
		result == -EPERM;
	situations[MERGE_IN_DEEP_FORK] += deep && engine_mm(e)->counters.merges > merges_before;
}

void coverage_print(FILE *f)
{
	for (int kind = 0; kind < CALL_KINDS; kind++) {
		fprintf(f, "# %-18s", call_name((enum call_kind)kind));
		for (int i = 0; i < RESULTS; i++)
			if (calls[kind][i])
				fprintf(f, " %s %lu", i ? strerrorname_np(i) : "done", calls[kind][i]);
		fprintf(f, "\n");
	}
	fprintf(f, "# advice:");
	for (int i = 0; i < 128; i++)
		if (advices[i])
			fprintf(f, " %d: %lu", i, advices[i]);
	fprintf(f, "\n");
	for (int i = 0; i < SITUATIONS; i++)
		fprintf(f, "# %8lu %s\n", situations[i], names[i]);
}
