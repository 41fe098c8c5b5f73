/* SPDX-License-Identifier: MIT */
/*
 * With which call is a reason undone that keeps two neighbours apart?
 *
 * 1. What is undone is the upper area's, for of an area between two with which it may join, but not with both, Linux takes
 *    the lower one.  Where the lower area has to change (a lock, a policy, a userfaultfd that no call can copy), u->lower says so.
 * 2. What an area is (its file and offset, shared or private, a stack, pages that were written, moved or inherited) no call
 *    changes: the upper area is mapped anew as the lower one is; and where that cannot help, as the lower one's pages are a
 *    parent's, too, or were moved, both.
 * 3. One call may undo more than it was chosen for (mprotect changes what is charged) or let something else differ: u->undone
 *    has all of the first kind, u->arises of the second.
 */
#include <string.h>
#include <sys/mman.h>

#include "undo.h"

/*
 * All calls here but mmap and those of kinds without it have address and length first: @a and @b are the
 * next two arguments, and 0 where the kind has fewer.
 */
static void add_call(struct undoing *u, enum call_kind kind, const struct vm_area_struct *vma,
	unsigned long a, unsigned long b)
{
	u->call[u->nr++] = (struct call){ kind, { vma->vm_start, vma->vm_end - vma->vm_start, a, b } };
}

static unsigned long prot_of(const struct vm_area_struct *vma)
{
	return (unsigned long)((vma->vm_flags & VM_READ ? PROT_READ : 0) |
			       (vma->vm_flags & VM_WRITE ? PROT_WRITE : 0) |
			       (vma->vm_flags & VM_EXEC ? PROT_EXEC : 0));
}

static bool is_anonymous(const struct vm_area_struct *vma)
{
	return !vma->vm_file || vma->vm_file->kind == VM_FILE_ZERO;
}

/* Is its memory charged after an mprotect? What may be written is; what never was, and may not be any more, no longer is. */
static bool charged_after(const struct vm_area_struct *vma, unsigned long prot)
{
	vm_flags_t never = VM_WRITE | VM_HUGETLB | VM_SHARED | VM_NORESERVE;

	if (vma->vm_flags & VM_ACCOUNT)
		return prot & PROT_WRITE || !background.kernel->uncharges_untouched || !is_anonymous(vma) ||
		       vma->anon_vma;
	return prot & PROT_WRITE && !(vma->vm_flags & never);
}

static bool is_charged(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_ACCOUNT;
}

/*
 * mprotect to the lower one's access; with keys pkey_mprotect, to the lower one's key too, as mprotect
 * keeps the key that an area has (arch_override_mprotect_pkey()).
 */
static bool undo_access(const struct pair *p, struct undoing *u)
{
	unsigned long prot = prot_of(p->left);

	/* Memory that is only executed gets a key of the kernel's own. */
	if (background.pkeys && (prot == PROT_EXEC || prot_of(p->right) == PROT_EXEC))
		return false;
	u->undone = p->reasons & (EXPLAIN_PROT | EXPLAIN_PKEY);
	if (charged_after(p->right, prot) == is_charged(p->left))
		u->undone |= p->reasons & EXPLAIN_CHARGED;
	else
		u->arises = EXPLAIN_CHARGED;
	if (p->reasons & EXPLAIN_PKEY)
		add_call(u, CALL_PKEY, p->right, prot, (p->left->vm_flags & VM_PKEY_MASK) >> VM_PKEY_SHIFT);
	else
		add_call(u, CALL_MPROTECT, p->right, prot, 0);
	return true;
}

/* By an mprotect and one that takes it back: charged memory that was never written becomes free, other memory charged. */
static bool toggle_charge(const struct vm_area_struct *vma, struct undoing *u)
{
	unsigned long prot = prot_of(vma), other = is_charged(vma) ? prot ^ PROT_READ : prot | PROT_WRITE;
	bool charged = charged_after(vma, other);

	if (prot & PROT_WRITE || charged == is_charged(vma))
		return false;
	/* What it is taken back to must not take that back. */
	if (charged && background.kernel->uncharges_untouched && is_anonymous(vma) && !vma->anon_vma)
		return false;
	add_call(u, CALL_MPROTECT, vma, other, 0);
	add_call(u, CALL_MPROTECT, vma, prot, 0);
	return true;
}

/*
 * The upper area if that can be, else the lower one; u->undone stands even where it returns false, for
 * undo_choose() begins with a new *u then.
 */
static bool undo_charged(const struct pair *p, struct undoing *u)
{
	if (background.pkeys && (prot_of(p->left) | prot_of(p->right)) & PROT_EXEC)
		return false;
	u->undone = EXPLAIN_CHARGED;
	if (toggle_charge(p->right, u))
		return true;
	u->lower = true;
	return toggle_charge(p->left, u);
}

/* The upper area is advised as the lower one is: @with if that has @flag, else @without. */
static bool advise(const struct pair *p, struct undoing *u, uint32_t reason, vm_flags_t flag,
	unsigned long with, unsigned long without)
{
	u->undone = reason;
	add_call(u, CALL_MADVISE, p->right, p->left->vm_flags & flag ? with : without, 0);
	return true;
}

static bool undo_dontfork(const struct pair *p, struct undoing *u)
{
	return advise(p, u, EXPLAIN_DONTFORK, VM_DONTCOPY, MADV_DONTFORK, MADV_DOFORK);
}

static bool undo_wipeonfork(const struct pair *p, struct undoing *u)
{
	return advise(p, u, EXPLAIN_WIPEONFORK, VM_WIPEONFORK, MADV_WIPEONFORK, MADV_KEEPONFORK);
}

static bool undo_dontdump(const struct pair *p, struct undoing *u)
{
	return advise(p, u, EXPLAIN_DONTDUMP, VM_DONTDUMP, MADV_DONTDUMP, MADV_DODUMP);
}

static bool undo_mergeable(const struct pair *p, struct undoing *u)
{
	return advise(p, u, EXPLAIN_MERGEABLE, VM_MERGEABLE, MADV_MERGEABLE, MADV_UNMERGEABLE);
}

/* One of three: VM_SEQ_READ and VM_RAND_READ exclude each other, and MADV_NORMAL clears both. */
static bool undo_readahead(const struct pair *p, struct undoing *u)
{
	return advise(p, u, EXPLAIN_READAHEAD, VM_SEQ_READ, MADV_SEQUENTIAL,
		p->left->vm_flags & VM_RAND_READ ? MADV_RANDOM : MADV_NORMAL);
}

/* No advice takes this one back: both get it. */
static bool undo_hugepage(const struct pair *p, struct undoing *u)
{
	vm_flags_t left = p->left->vm_flags & (VM_HUGEPAGE | VM_NOHUGEPAGE);

	if (left)
		return advise(p, u, EXPLAIN_HUGEPAGE, VM_HUGEPAGE, MADV_HUGEPAGE, MADV_NOHUGEPAGE);
	u->undone = EXPLAIN_HUGEPAGE;
	u->lower = true;
	add_call(u, CALL_MADVISE, p->left, p->right->vm_flags & VM_HUGEPAGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE,
		0);
	return true;
}

static bool undo_locked(const struct pair *p, struct undoing *u)
{
	u->lower = p->left->vm_flags & VM_LOCKED_MASK;
	/* Both are locked, and not in the same way: the upper one comes next. */
	u->undone = u->lower && p->right->vm_flags & VM_LOCKED_MASK ? 0 : EXPLAIN_LOCKED;
	add_call(u, CALL_MUNLOCK, u->lower ? p->left : p->right, 0, 0);
	return true;
}

static bool undo_policy(const struct pair *p, struct undoing *u)
{
	/* What a policy was made of cannot be asked: there is the way to none. */
	u->lower = p->left->policy != NULL;
	u->undone = u->lower && p->right->policy ? 0 : EXPLAIN_POLICY;
	add_call(u, CALL_MBIND, u->lower ? p->left : p->right, 0, 0);
	return true;
}

static bool undo_name(const struct pair *p, struct undoing *u)
{
	unsigned long number = 0;

	/* It ends: names come from CALL_NAME only, and so are one of name_of_number()'s. */
	while (p->left->anon_name && strcmp(p->left->anon_name->name, name_of_number(number + 1)) != 0)
		number++;
	u->undone = EXPLAIN_NAME;
	u->lower = p->right->vm_file;
	/* Only anonymous memory has one. */
	if (u->lower)
		add_call(u, CALL_NAME, p->left, 0, 0);
	else
		add_call(u, CALL_NAME, p->right, p->left->anon_name ? number + 1 : 0, 0);
	return true;
}

/*
 * Mode 0 unregisters; of two that are registered the lower one comes first.
 */
static bool undo_uffd(const struct pair *p, struct undoing *u)
{
	u->lower = p->left->uffd_ctx != NULL;
	u->undone = u->lower && p->right->uffd_ctx ? 0 : EXPLAIN_UFFD;
	add_call(u, CALL_UFFD, u->lower ? p->left : p->right, 0, 0);
	return true;
}

/* What a mapping that begins today has; all else came by a later call, or the kernel gave it. */
#define FRESH_FLAGS \
	(VM_ACCESS_FLAGS | VM_SHARED | VM_MAYSHARE | VM_MAY_FLAGS | VM_NORESERVE | VM_ACCOUNT | VM_STICKY)
#define LATER_FLAGS                                                                                 \
	(VM_DONTCOPY | VM_WIPEONFORK | VM_DONTDUMP | VM_LOCKED_MASK | VM_HUGEPAGE | VM_NOHUGEPAGE | \
		VM_MERGEABLE | VM_SEQ_READ | VM_RAND_READ | VM_GROWSDOWN | VM_UFFD_FLAGS)
#define WHAT_IT_IS                                                                                    \
	(EXPLAIN_SHARED | EXPLAIN_FILE | EXPLAIN_OPENED_TWICE | EXPLAIN_OFFSET | EXPLAIN_MOVED |      \
		EXPLAIN_WRITTEN | EXPLAIN_INHERITED | EXPLAIN_STACK | EXPLAIN_RESERVE | EXPLAIN_MAY | \
		EXPLAIN_OTHER_FLAGS | EXPLAIN_SPECIAL | EXPLAIN_CLOSE)

/* The file's number in calls; FILE_INDICES: it cannot be mapped again. */
static unsigned int file_of(const struct pair *p, const struct vm_area_struct *vma)
{
	unsigned int i;

	if (!vma->vm_file)
		return vma->vm_flags & VM_MAYSHARE ? FILE_INDICES : FILE_NONE;
	for (i = FILE_RW; i < FILE_INDICES; i++)
		if (i != FILE_SECRET && vma->vm_file == &p->engine->file[i])
			break;
	return i;
}

/*
 * False where the lower area has what no mmap gives and no call adds, and where what is there may not be
 * unmapped: sealed, or [vvar], which the child needs.
 */
static bool can_be_mapped_anew(const struct pair *p)
{
	vm_flags_t both = p->left->vm_flags | p->right->vm_flags;

	if (p->left->vm_flags & ~(FRESH_FLAGS | LATER_FLAGS) || both & VM_SEALED)
		return false;
	if (p->right->vm_file && p->right->vm_file->kind == VM_FILE_SPECIAL)
		return false;
	/* Memory that is only executed gets a key of the kernel's own. */
	if (background.pkeys && prot_of(p->left) == PROT_EXEC)
		return false;
	return file_of(p, p->left) != FILE_INDICES;
}

/* The place of @vma, as the lower area would go on there. */
static void map_as_lower(struct undoing *u, const struct pair *p, const struct vm_area_struct *vma)
{
	const struct vm_area_struct *like = p->left;
	unsigned int file = file_of(p, like);
	unsigned long flags = MAP_FIXED | (like->vm_flags & VM_MAYSHARE ? MAP_SHARED : MAP_PRIVATE) |
			      (file ? 0 : MAP_ANONYMOUS) |
			      (like->vm_flags & VM_NORESERVE ? MAP_NORESERVE : 0);
	unsigned long offset = file ? like->vm_pgoff * PAGE + (vma->vm_start - like->vm_start) : 0;

	u->call[u->nr++] = (struct call){ CALL_MMAP,
		{ vma->vm_start, vma->vm_end - vma->vm_start, prot_of(like), flags, file, offset } };
}

/* Does the lower area differ from a mapping that is made as it was, in something that calls undo? */
static bool has_more_than_a_new_one(const struct vm_area_struct *left)
{
	vm_flags_t fresh = left->vm_mm->def_flags & VM_LOCKED_MASK;
	bool charged = (left->vm_flags & (VM_WRITE | VM_MAYSHARE | VM_NORESERVE)) == VM_WRITE;

	return ((left->vm_flags ^ fresh) & LATER_FLAGS) || left->policy || left->uffd_ctx ||
	       left->anon_name || charged != is_charged(left);
}

static bool undo_what_it_is(const struct pair *p, struct undoing *u)
{
	const struct vm_area_struct *left = p->left;
	bool anonymous = !left->vm_file, both;

	if (!can_be_mapped_anew(p))
		return false;
	/*
	 * map_as_lower() makes no stack; in a fork's child the lower one's anon_vma_chain may have its
	 * parent's link too, and then no other area joins it (is_mergeable_anon_vma() wants a single link);
	 * anonymous memory that was moved keeps the page offset of where it was.
	 */
	both = left->vm_flags & VM_GROWSDOWN || (left->anon_vma && p->engine->depth) ||
	       (anonymous && left->vm_pgoff != left->vm_start / PAGE);
	if (both)
		map_as_lower(u, p, left);
	map_as_lower(u, p, p->right);
	u->undone = p->reasons;
	if (!both && has_more_than_a_new_one(left)) {
		u->undone &= WHAT_IT_IS;
		u->arises = EXPLAIN_OTHER_FLAGS;
	}
	return true;
}

/* The one that is not sealed yet is sealed. */
static bool undo_sealed(const struct pair *p, struct undoing *u)
{
	u->lower = !(p->left->vm_flags & VM_SEALED);
	u->undone = EXPLAIN_SEALED;
	add_call(u, CALL_MSEAL, u->lower ? p->left : p->right, 0, 0);
	return true;
}

/*
 * Any call that changes the upper area, and one that changes it back: Linux looks for neighbours of what a
 * call changes, and at no others, so two that became equal otherwise stay two until then.
 */
static bool undo_nothing(const struct pair *p, struct undoing *u)
{
	bool is = p->right->vm_flags & VM_DONTCOPY;

	u->undone = EXPLAIN_NOTHING;
	add_call(u, CALL_MADVISE, p->right, is ? MADV_DOFORK : MADV_DONTFORK, 0);
	add_call(u, CALL_MADVISE, p->right, is ? MADV_DONTFORK : MADV_DOFORK, 0);
	return true;
}

/* In this order: a seal cannot be taken back, and what is sealed cannot be changed. */
static const struct {
	uint32_t reason;
	bool (*undo)(const struct pair *p, struct undoing *u);
} undos[] = {
	{ EXPLAIN_NOTHING, undo_nothing },
	{ EXPLAIN_UFFD, undo_uffd },
	{ EXPLAIN_LOCKED, undo_locked },
	{ EXPLAIN_POLICY, undo_policy },
	{ EXPLAIN_NAME, undo_name },
	{ EXPLAIN_PROT | EXPLAIN_PKEY, undo_access },
	{ EXPLAIN_CHARGED, undo_charged },
	{ EXPLAIN_DONTFORK, undo_dontfork },
	{ EXPLAIN_WIPEONFORK, undo_wipeonfork },
	{ EXPLAIN_DONTDUMP, undo_dontdump },
	{ EXPLAIN_MERGEABLE, undo_mergeable },
	{ EXPLAIN_READAHEAD, undo_readahead },
	{ EXPLAIN_HUGEPAGE, undo_hugepage },
	{ WHAT_IT_IS, undo_what_it_is },
	{ EXPLAIN_SEALED, undo_sealed },
};
#define UNDOS (sizeof(undos) / sizeof(undos[0]))

/* The first of the table that can be, not the best: take_up() comes back for the others. */
bool undo_choose(const struct pair *p, uint32_t tried, struct undoing *u)
{
	for (size_t i = 0; i < UNDOS; i++) {
		*u = (struct undoing){ .nr = 0 };
		if (p->reasons & undos[i].reason & ~tried && undos[i].undo(p, u))
			return true;
	}
	return false;
}
