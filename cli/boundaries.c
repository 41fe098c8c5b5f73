/* SPDX-License-Identifier: MIT */
/*
 * The boundaries of a running process.  The engine decides about the kernel's own areas.  Where the map came from /proc,
 * some of what decides is not known: what depends on it is kept apart, as what may be.
 *
 * The question of one pair is the engine's own (vma_merge_blockers()), so the map is built once more as
 * an address space of the engine, without one call being made in it: O(areas) time and memory for each
 * reading. That space is private to each_boundary() and gone when it returns; what a callback is given
 * are the map's areas, which stay.
 */
#include <string.h>
#include <unistd.h>

#include <vmaple/rmap.h>

#include "boundaries.h"

/*
 * What /proc leaves open about two areas: whether a close operation or a policy differs is never to be seen
 * there; anon_vmas and open files only where both have one, for then they may be two; which userfaultfd
 * serves an area where flags say that one does.
 */
static unsigned int open_questions(const struct boundary *b, unsigned int certain)
{
	unsigned int open = VMA_BLOCK_CLOSE | VMA_BLOCK_POLICY;

	if (b->left->anon_vma && b->right->anon_vma)
		open |= VMA_BLOCK_ANON_VMA;
	if (b->left->file && b->right->file)
		open |= VMA_BLOCK_FILE;
	if ((b->left->vm_flags | b->right->vm_flags) & VM_UFFD_FLAGS)
		open |= VMA_BLOCK_UFFD;
	return open & ~certain;
}

/* The engine's areas carry the map's (vm_private_data, set by live_map_build()). */
static struct boundary decide(
	const struct live_map *map, const struct vm_area_struct *left, const struct vm_area_struct *right)
{
	struct boundary b = { .left = left->vm_private_data, .right = right->vm_private_data };

	b.certain = vma_merge_blockers(left, right);
	/* To the engine a special area has a file; in the kernel neither has. */
	if (!b.left->file && !b.right->file)
		b.certain &= ~(unsigned int)VMA_BLOCK_FILE;
	if (map->source == LIVE_MAP_PROC) {
		/*
		 * map_proc.c gives each area that was written an anon_vma of its own: /proc does not tell
		 * which are shared.
		 */
		b.certain &= ~(unsigned int)VMA_BLOCK_ANON_VMA;
		b.perhaps = open_questions(&b, b.certain);
	}
	return b;
}

/*
 * What may keep two apart counts only where nothing certainly does: with a reason that is known it changes
 * nothing.
 */
static void count_boundary(struct boundary_tally *t, const struct boundary *b)
{
	if (b->certain & VMA_BLOCK_GAP) {
		t->gaps++;
		return;
	}
	t->boundaries++;
	t->joinable += !b->certain && !b->perhaps;
	for (unsigned int i = 0; i < BOUNDARY_REASONS; i++) {
		if (b->certain == 1u << i)
			t->reasons[i].alone++;
		else if (b->certain & 1u << i)
			t->reasons[i].together++;
		if (!b->certain && b->perhaps & 1u << i)
			t->reasons[i].uncertain++;
	}
}

/*
 * In ascending order, each neighbour of the one before; of one area alone there is no pair. Soft-dirty
 * and the like do not matter here: the engine leaves out of its comparison what the kernel's does.
 */
static void walk(const struct live_map *map, struct mm_struct *mm, struct boundary_tally *tally,
	void (*each)(void *ctx, const struct boundary *b), void *ctx)
{
	struct vm_area_struct *vma, *prev = NULL;
	VMA_ITERATOR(vmi, mm, 0);

	for_each_vma (vmi, vma) {
		if (prev) {
			struct boundary b = decide(map, prev, vma);

			count_boundary(tally, &b);
			if (each)
				each(ctx, &b);
		}
		prev = vma;
	}
}

/*
 * The tally is zero behind an error, and no callback was made: the map is built as a whole before the
 * first pair is looked at. The page size is this machine's, for the map is one of its processes.
 */
int each_boundary(const struct live_map *map, struct boundary_tally *tally,
	void (*each)(void *ctx, const struct boundary *b), void *ctx)
{
	struct mm_system sys;
	struct mm_struct mm;
	int err;

	*tally = (struct boundary_tally){ .boundaries = 0 };
	mm_system_init(&sys, &anon_vma_rmap);
	/* It cannot be refused: any page size that Linux runs with is one that the engine has. */
	(void)!mm_system_set_page_shift(&sys, (unsigned int)ffsl(sysconf(_SC_PAGESIZE)) - 1);
	mm_init(&mm, &sys);
	/*
	 * As large as can be: the process may be of a machine's wider space, and [vsyscall] lies at the end
	 * of all.
	 */
	mm.task_size = -mm_page_size(&mm);
	err = live_map_build(map, &mm);
	if (!err)
		walk(map, &mm, tally, each, ctx);
	mm_exit(&mm);
	return err;
}
