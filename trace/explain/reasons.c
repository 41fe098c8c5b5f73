/* SPDX-License-Identifier: MIT */
/*
 * Why two neighbours are two: vma_merge_blockers(), with what the flags differ in told apart.
 *
 * 1. All reasons are the engine's.  Here they get finer names, none is added and none is left out: the set is empty
 *    exactly when the engine would join the two, and EXPLAIN_NOTHING says that.
 * 2. Main reasons are those that are left when what follows from another one is taken away: memory that is writable
 *    is charged, parts of two files have no offsets that could adjoin.
 * 3. Needless is a boundary whose main reasons are all the kernel's own: no call asked for a difference.
 */
#include <vmaple/merge.h>

#include "internal.h"

/* Reasons that no program asked for. */
#define NOT_ASKED (EXPLAIN_MOVED | EXPLAIN_WRITTEN | EXPLAIN_INHERITED | EXPLAIN_CHARGED | EXPLAIN_NOTHING)

static const struct {
	vm_flags_t flags;
	uint32_t reason;
	/*
 * In this order, each bit once: what one line names, those below do not see. What no line names is
 * EXPLAIN_OTHER_FLAGS, so that a bit of a future kernel is never left without a reason.
 */
} of_flags[] = {
	{ VM_ACCESS_FLAGS, EXPLAIN_PROT },
	{ VM_SHARED | VM_MAYSHARE, EXPLAIN_SHARED },
	{ VM_DONTCOPY, EXPLAIN_DONTFORK },
	{ VM_WIPEONFORK, EXPLAIN_WIPEONFORK },
	{ VM_DONTDUMP, EXPLAIN_DONTDUMP },
	{ VM_LOCKED_MASK, EXPLAIN_LOCKED },
	{ VM_HUGEPAGE | VM_NOHUGEPAGE, EXPLAIN_HUGEPAGE },
	{ VM_MERGEABLE, EXPLAIN_MERGEABLE },
	{ VM_SEQ_READ | VM_RAND_READ, EXPLAIN_READAHEAD },
	{ VM_PKEY_MASK, EXPLAIN_PKEY },
	{ VM_SEALED, EXPLAIN_SEALED },
	{ VM_GROWSDOWN, EXPLAIN_STACK },
	{ VM_NORESERVE, EXPLAIN_RESERVE },
	{ VM_ACCOUNT, EXPLAIN_CHARGED },
	{ VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC, EXPLAIN_MAY },
	{ VM_UFFD_FLAGS, EXPLAIN_UFFD },
};

static uint32_t flag_reasons(vm_flags_t differ)
{
	uint32_t reasons = 0;

	for (size_t i = 0; i < sizeof(of_flags) / sizeof(of_flags[0]); i++) {
		if (differ & of_flags[i].flags)
			reasons |= of_flags[i].reason;
		differ &= ~of_flags[i].flags;
	}
	return differ ? reasons | EXPLAIN_OTHER_FLAGS : reasons;
}

/*
 * Inode 0: not known, and then two files are two. The kernel compares the struct file, one for each
 * open(2); so do the engine's files.
 */
static bool same_inode(const struct vm_file *a, const struct vm_file *b)
{
	return a && b && a->ino && a->ino == b->ino && a->dev == b->dev;
}

/*
 * Also asked by callers without a ledger, whose areas have another payload, or none: the table of
 * operations tells.
 */
static bool was_inherited(const struct vm_area_struct *vma)
{
	return vma->vm_mm->ops && vma->vm_mm->ops->open == life_operations.open && life_of(vma)->inherited;
}

uint32_t explain_reasons(const struct vm_area_struct *left, const struct vm_area_struct *right)
{
	unsigned int why = vma_merge_blockers(left, right);
	uint32_t reasons = 0;

	/* Of areas that do not touch no other difference matters: none of them could take the gap away. */
	if (why & VMA_BLOCK_GAP)
		return EXPLAIN_GAP;
	if (why & VMA_BLOCK_FLAGS)
		reasons |= flag_reasons((left->vm_flags ^ right->vm_flags) & ~VM_STICKY);
	if (why & VMA_BLOCK_FILE)
		reasons |= same_inode(left->vm_file, right->vm_file) ? EXPLAIN_OPENED_TWICE : EXPLAIN_FILE;
	if (why & VMA_BLOCK_OFFSET)
		reasons |= left->vm_file || right->vm_file ? EXPLAIN_OFFSET : EXPLAIN_MOVED;
	if (why & VMA_BLOCK_ANON_VMA)
		reasons |= was_inherited(left) || was_inherited(right) ? EXPLAIN_INHERITED : EXPLAIN_WRITTEN;
	reasons |= why & VMA_BLOCK_MOVED ? EXPLAIN_MOVED : 0;
	reasons |= why & VMA_BLOCK_UFFD ? EXPLAIN_UFFD : 0;
	reasons |= why & VMA_BLOCK_POLICY ? EXPLAIN_POLICY : 0;
	reasons |= why & VMA_BLOCK_NAME ? EXPLAIN_NAME : 0;
	reasons |= why & VMA_BLOCK_SPECIAL ? EXPLAIN_SPECIAL : 0;
	reasons |= why & VMA_BLOCK_CLOSE ? EXPLAIN_CLOSE : 0;
	reasons |= why & VMA_BLOCK_OPS ? EXPLAIN_EMBEDDER : 0;
	return reasons ? reasons : EXPLAIN_NOTHING;
}

/* Never empty when @reasons is not: each that is taken away is so for another that stays. */
uint32_t explain_main_reasons(uint32_t reasons)
{
	uint32_t follow = 0;

	if (reasons & (EXPLAIN_PROT | EXPLAIN_SHARED | EXPLAIN_FILE | EXPLAIN_OPENED_TWICE | EXPLAIN_RESERVE))
		follow |= EXPLAIN_CHARGED;
	if (reasons & (EXPLAIN_SHARED | EXPLAIN_FILE | EXPLAIN_OPENED_TWICE))
		/*
		 * do_mmap() takes VM_MAYWRITE from a shared mapping whose file is not open for writing:
		 * with the kind of mapping, what mprotect may allow differs of itself.
		 */
		follow |= EXPLAIN_MAY | EXPLAIN_OTHER_FLAGS | EXPLAIN_RESERVE;
	if (reasons & (EXPLAIN_FILE | EXPLAIN_OPENED_TWICE))
		follow |=
			EXPLAIN_OFFSET | EXPLAIN_MOVED | EXPLAIN_WRITTEN | EXPLAIN_INHERITED | EXPLAIN_CLOSE;
	/* What was moved to another place had been written: it is the offset that the move left. */
	if (reasons & EXPLAIN_MOVED)
		follow |= EXPLAIN_WRITTEN | EXPLAIN_INHERITED;
	return reasons & ~follow;
}

/* The later one: it made the neighbours neighbours, or put the border where it is. */
static const struct explain_event *birth_of(
	const struct vm_area_struct *left, const struct vm_area_struct *right)
{
	const struct kept *k = &ledger_of(right)->kept;
	event_id high = life_of(left)->high, low = life_of(right)->low;

	if (!high || high == low)
		return event_of(k, low);
	if (!low)
		return event_of(k, high);
	return event_of(k, event_of(k, high)->step > event_of(k, low)->step ? high : low);
}

void boundary_between(
	const struct vm_area_struct *left, const struct vm_area_struct *right, struct explain_boundary *b)
{
	*b = (struct explain_boundary){ .left = left, .right = right };
	b->reasons = left ? explain_reasons(left, right) : EXPLAIN_GAP;
	b->main_reasons = explain_main_reasons(b->reasons);
	b->needless = !(b->main_reasons & ~(uint32_t)NOT_ASKED);
	if (b->reasons == EXPLAIN_GAP)
		b->birth = event_of(&ledger_of(right)->kept, life_of(right)->low);
	else
		b->birth = birth_of(left, right);
}

void explain_boundary(const struct vm_area_struct *right, struct explain_boundary *b)
{
	struct vm_area_struct *left = NULL;

	(void)find_vma_prev(right->vm_mm, right->vm_start, &left);
	boundary_between(left, right, b);
}
