/* SPDX-License-Identifier: MIT */
/*
 * What the files of lib/mm share.
 *
 * A mapping call has three parts: it gathers (everything that can fail: checks, cuts, memory), passes the point of
 * no return, and completes.  The files are one per call or family; what several of them need is here:
 *
 *   area.c           making, copying, cutting and freeing areas
 *   bite.c           mmap over a part of an area
 *   merge.c          may areas join, and joining them
 *   account.h        limits, commit charge, counters
 *   unmapped_area.c  where a mapping goes
 *   operations.c     the embedder's seam
 */
#ifndef MM_INTERNAL_H
#define MM_INTERNAL_H

#include <vmaple/merge.h>
#include <vmaple/mm.h>
#include <vmaple/mm_operations.h>
#include <vmaple/mm_pages.h>
#include <vmaple/rmap.h>

#include "account.h"
#include "index.h"
#include "minmax.h"
#include "pages.h"
#include "vma_lock.h"

static inline unsigned long vma_pages(const struct vm_area_struct *vma)
{
	return to_pages(vma->vm_mm, vma->vm_end - vma->vm_start);
}

static inline pgoff_t vma_pgoff_at(const struct vm_area_struct *vma, unsigned long addr)
{
	return vma->vm_pgoff + to_pages(vma->vm_mm, addr - vma->vm_start);
}

/* Private memory of its own: no file, or a private mapping of /dev/zero. */
static inline bool vma_is_anonymous(const struct vm_area_struct *vma)
{
	return !vma->vm_file || vma->vm_file->kind == VM_FILE_ZERO;
}

/* What is mapped, if it is a file: not for the kernel's own pages. */
static inline struct vm_file *vma_file(const struct vm_area_struct *vma)
{
	return vma->vm_file && vma->vm_file->kind != VM_FILE_SPECIAL ? vma->vm_file : NULL;
}

static inline bool vma_is_sealed(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_SEALED;
}

static inline bool vma_has_close(const struct vm_area_struct *vma)
{
	return vma->vm_file && vma->vm_file->has_close;
}

/* Addresses within @vma, and lengths, are multiples of this plus 1. */
static inline unsigned long vma_page_mask(const struct vm_area_struct *vma)
{
	const struct vm_file *file = vma->vm_file;

	return (file && file->kind == VM_FILE_HUGETLB ? file->map_align : mm_page_size(vma->vm_mm)) - 1;
}

static inline bool vma_is_secret(const struct vm_area_struct *vma)
{
	return vma->vm_file && vma->vm_file->kind == VM_FILE_SECRET;
}

/* System V shared memory, of small pages or huge ones: nothing else of these kinds is said to have a close operation. */
static inline bool vma_is_segment(const struct vm_area_struct *vma)
{
	const struct vm_file *file = vma->vm_file;

	return file && (file->kind == VM_FILE_SHMEM || file->kind == VM_FILE_HUGETLB) && file->has_close;
}

/* The lowest address that may be free below @vma: a stack keeps its guard gap. */
static inline unsigned long vm_start_gap(const struct vm_area_struct *vma)
{
	unsigned long gap = vma->vm_flags & VM_GROWSDOWN ? vma->vm_mm->sys->stack_guard_gap : 0;

	return vma->vm_start > gap ? vma->vm_start - gap : 0;
}

struct vma_merge;

/* --- area.c: areas by themselves ------------------------------------------------------------------------- */

/* A zeroed area of @mm in no index, or NULL. */
struct vm_area_struct *vma_alloc(struct mm_struct *mm);
/* A copy in no index, with references to the same things and no anon_vma links, or NULL. */
struct vm_area_struct *vma_copy(const struct vm_area_struct *vma, struct mm_struct *mm);
/* Drop what it refers to, and itself. Not in an index any more, and closed if it was opened. */
void vma_free(struct vm_area_struct *vma);
/*
 * Attach and store a new area in the hole that it describes: a copy of @from, or new (NULL).  @vmg says what work that
 * is for the host; NULL: none.  0 or -errno: still the caller's, and not open.
 */
int vma_link(struct mm_struct *mm, struct vm_area_struct *vma, const struct vm_area_struct *from,
	const struct vma_merge *vmg) __must_check;
/*
 * The same for a fork's copy of @from, which @f has found. 0 or -errno, as above.
 */
int vma_link_inherited(
	struct index_fork *f, struct vm_area_struct *vma, const struct vm_area_struct *from) __must_check;
/*
 * Cut @vma at @addr, strictly inside. @new_below: the copy is the lower part. 0, -ENOMEM for want of memory or
 * of map_count, or what the embedder says: nothing changed.
 */
int vma_split(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long addr, bool new_below);
/* The same without a look at max_map_count; the copy becomes *part. */
int vma_split_unlimited(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long addr, bool new_below,
	struct vm_area_struct **part) __must_check;
/*
 * @vma loses [start, end), one of its ends, where nobody is to be told: as if cut, and the part unmapped, which has no pages. 0,
 * -ENOMEM or -EINVAL: nothing changed.
 */
int vma_shorten(struct vm_area_struct *vma, unsigned long start, unsigned long end) __must_check;
/*
 * The same where a new area takes that end: it is linked, as by vma_link(). 0 or -ENOMEM: nothing changed.
 */
int vma_link_over(struct vm_area_struct *new, struct vm_area_struct *vma) __must_check;
/* Is nobody to be told of cuts of @vma, and no page to be found, so that a part that goes at once need not be an area? */
static inline bool vma_cuts_unseen(const struct vm_area_struct *vma)
{
	return !vma->vm_mm->ops && !vma->vm_mm->pgd && !vma_is_sealed(vma);
}
/* Let the file of @vma, whose bounds are final, know of it. 0 or -ENOMEM. */
int vma_attach(struct vm_area_struct *vma) __must_check;
/* Bounds of areas change between the two, one of them NULL or all linked; not those of others. */
void vma_adjust_begin(struct vm_area_struct *a, struct vm_area_struct *b);
void vma_adjust_end(struct vm_area_struct *a, struct vm_area_struct *b);
/* Pages of [start, end) go. */
void vma_zap(struct vm_area_struct *vma, unsigned long start, unsigned long end);
struct anon_vma_name *anon_vma_name_get(struct anon_vma_name *name);
void anon_vma_name_put(struct anon_vma_name *name);
struct anon_vma_name *anon_vma_name_alloc(const char *text);

/* --- merge.c ------------------------------------------------------------------------------------------- */

/*
 * A range that is to be mapped with given properties, and its surroundings.  For a new range, middle is NULL; for
 * an existing one, [start, end) lies in middle and the properties are what that part is to have.
 */
struct vma_merge {
	struct mm_struct *mm;
	/* prev->vm_end <= start, next->vm_start >= end; each may be NULL. */
	struct vm_area_struct *prev, *middle, *next;
	unsigned long start, end;
	pgoff_t pgoff;
	vm_flags_t flags;
	struct vm_file *file;
	struct anon_vma *anon_vma;
	const struct vm_area_struct *copied_from; /* mremap: the range gets this area's pages */
	const struct vm_area_struct *origin; /* the area that changes, moves or grows; NULL: a new mapping */
	const struct anon_vma_name *name;
	const void *policy, *uffd_ctx;
	bool just_expand; /* only prev may grow */
	bool after_first; /* Linux before 6.12, mmap: with next, and only if their pages agree, with prev */
	int err;          /* result: it could have merged */

	/* What this is for the embedder's host. */
	enum mm_change_kind work;
	bool replaces, keeps_source;
	unsigned long from, from_end;
};

/*
 * The part [start, end) of @vma, which is to change: the caller says in what.  What stands on both sides is there, where
 * the part reaches it.
 */
struct vma_merge vma_merge_change(struct vm_area_struct *vma, unsigned long start, unsigned long end);
/* A new range with the properties of @vma: what stands beside it is for the caller to say. */
struct vma_merge vma_merge_like(
	const struct vm_area_struct *vma, unsigned long start, unsigned long end, pgoff_t pgoff);
/* Join a new range (a hole in the index) with its neighbours: the area that now covers it, or NULL: see vmg->err. */
struct vm_area_struct *vma_merge_new_range(struct vma_merge *vmg);
/* Could the range of @vmg, whose place is not looked at, be a part of @vma that is not known as one? */
bool vma_may_have(const struct vm_area_struct *vma, const struct vma_merge *vmg);
/*
 * A new range that joins nothing: an area of its own, linked; @over, unless NULL, loses it, one of its ends
 * (vma_link_over()). NULL: vmg->err says why.
 */
struct vm_area_struct *vma_make_range(struct vma_merge *vmg, struct vm_area_struct *over);
/*
 * Make [start, end) of vmg->middle an area of its own that can be given the properties in @vmg: joined with a
 * neighbour that has them, or cut out. The area, or ERR_PTR(): cuts may have been made.
 */
struct vm_area_struct *vma_modify(struct vma_merge *vmg);

/*
 * Give the part [start, end) of @vma the flags @flags: joins or cuts. The area that has them now, or
 * ERR_PTR().
 */
struct vm_area_struct *vma_modify_flags(
	struct vm_area_struct *vma, unsigned long start, unsigned long end, vm_flags_t flags);

/* --- operations.c: what the embedder is told and asked; each does nothing for an mm without operations ------ */

int ops_open(struct vm_area_struct *vma, const struct vm_area_struct *from);
int ops_may_split(struct vm_area_struct *vma, unsigned long addr);
int ops_split(struct vm_area_struct *part, struct vm_area_struct *vma);
bool ops_may_merge(const struct vm_area_struct *area, const struct vm_area_struct *other);
void ops_adjust(
	struct vm_area_struct *vma, struct vm_area_struct *from, unsigned long start, unsigned long end);
void ops_merge(struct vm_area_struct *into, struct vm_area_struct *gone);
void ops_close(struct vm_area_struct *vma);
void ops_changed(struct vm_area_struct *vma, vm_flags_t old_flags);
void ops_written(struct vm_area_struct *vma);
/* All else that changes with them has changed. */
static inline void vma_set_flags(struct vm_area_struct *vma, vm_flags_t flags)
{
	vm_flags_t old_flags = vma->vm_flags;

	set_field(vma, vm_flags, flags);
	ops_changed(vma, old_flags);
}
/* An operation will ask for what the embedder keeps of @vma: the processor fetches it while the engine works. */
static inline void ops_prefetch(const struct vm_area_struct *vma)
{
	if (vma->vm_mm->ops)
		__builtin_prefetch(vma->vm_private_data, 1);
}
/* The host's work for a range that is mapped or changes, as @vmg describes it. */
bool ops_has_host(const struct mm_struct *mm);
int ops_host(const struct vma_merge *vmg);
int ops_host_unmap(struct mm_struct *mm, unsigned long start, unsigned long end);
int ops_host_advise(struct vm_area_struct *vma, unsigned long start, unsigned long end, int advice);

/* --- mmap.c --------------------------------------------------------------------------------------------- */

/* mmap() from page @pgoff of the file on: @req's offset is not looked at. */
unsigned long do_mmap(struct mm_struct *mm, const struct mmap_request *req, pgoff_t pgoff);

/* --- munmap.c ------------------------------------------------------------------------------------------- */

/* A range whose areas are to go, cut out at both ends and still mapped. */
struct unmap {
	struct mm_struct *mm;
	unsigned long start, end;
	int count;                            /* areas */
	unsigned long nr_pages, nr_accounted; /* pages mapped there, and charged */
	struct vm_area_struct *prev, *next;   /* around the range; or NULL */
	struct vm_area_struct *first;         /* the areas, @count of them on the list; NULL: none */
	struct vm_area_struct *bitten;        /* loses one end to what is mapped there; then first is NULL */
	bool stays;                           /* or, if what is mapped is as it is, loses nothing (bite.c) */
};
/* Gather [start, end): cuts areas at its ends. 0, -ENOMEM or -EPERM; cuts stay, as on Linux. */
int unmap_gather(struct unmap *um, struct mm_struct *mm, unsigned long start, unsigned long end);
/*
 * bite.c: @vma is the first that is in the way. Where a part of it is all, and what is mapped joins nothing else, it becomes
 * um->bitten, and no area is made of that part. 0; or -ENOMEM.
 */
int unmap_bite(struct unmap *um, struct vm_area_struct *vma, const struct vm_file *file, pgoff_t pgoff,
	vm_flags_t flags) __must_check;
/* Before what may still fail: is what is mapped like um->bitten, that stays? If not, it is cut. 0; or -ENOMEM. */
int unmap_bite_stays(struct unmap *um, const struct vm_file *file, vm_flags_t flags) __must_check;
/* It does: what would have been cut and joined is counted. */
void unmap_count_stayed(const struct unmap *um);
/* They are about to leave the map: wait for those that hold them. */
void unmap_lock_areas(const struct unmap *um);
/* Neither index nor map_count hold the gathered areas any more: account for them and free them. */
void unmap_complete(struct unmap *um);
/* Unmap the gathered areas. 0, -ENOMEM, or what the host says if it is told: they stay. */
int unmap_gathered(struct unmap *um, bool tell_host) __must_check;
/* Unmap [start, end), aligned, not empty. 0, or as unmap_gather(), or what the host says. */
int do_munmap(struct mm_struct *mm, unsigned long start, unsigned long end);

/* --- unmapped_area.c ------------------------------------------------------------------------------------ */

/* In all of which there is nothing but what a 32-bit program can have. */
static inline bool is_small(const struct mm_struct *mm)
{
	return mm->task_size <= 1UL << 32;
}

/* Where what calls ask for ends: TASK_SIZE of Linux.  Areas may lie above it, from when it was another. */
static inline unsigned long end_for_calls(const struct mm_struct *mm)
{
	return is_small(mm) ? mm->compat_task_size : mm->task_size;
}

/* A place that is known to be free, and the areas around it; or NULL. */
struct hole {
	bool known;
	struct vm_area_struct *prev, *next;
};
/* hole.c: a hole that is remembered and answers a search for the highest place, or NULL. */
const struct mm_hole *hole_for(
	const struct mm_struct *mm, unsigned long low, unsigned long high, unsigned long length);
/* A search below @high has found it, at once. */
void hole_found(struct mm_struct *mm, unsigned long high, unsigned long length, const struct hole *found);
bool hole_validate(struct mm_struct *mm, const char **reason);

/* mm_get_unmapped_area(). @hole: becomes known, when the place was searched for. */
unsigned long get_unmapped_area(struct mm_struct *mm, const struct vm_file *file, unsigned long addr,
	unsigned long len, pgoff_t pgoff, unsigned long flags, struct hole *hole);

/* --- mprotect.c ----------------------------------------------------------------------------------------- */

/*
 * The protection key that makes PROT_EXEC alone unreadable: allocated when it is first asked for.  0 for any other @prot,
 * or where there is none to be had.
 */
int execute_only_pkey(struct mm_struct *mm, unsigned long prot);

/* PR_SET_MDWE: is an area with @old flags forbidden to get @new ones? */
static inline bool map_deny_write_exec(const struct mm_struct *mm, vm_flags_t old, vm_flags_t new)
{
	if (!mm->mdwe || !(new &VM_EXEC))
		return false;
	return (new &VM_WRITE) || !(old & VM_EXEC);
}

/* --- ksm.c ---------------------------------------------------------------------------------------------- */

/* Areas that same-page merging passes over. */
#define VM_KSM_EXCLUDED (VM_SHARED | VM_MAYSHARE | VM_SPECIAL | VM_HUGETLB | VM_DROPPABLE)

/* What the flags of a new area become where PR_SET_MEMORY_MERGE is on. */
static inline vm_flags_t mergeable_flags(const struct mm_struct *mm, vm_flags_t flags)
{
	return mm->merge_any && !(flags & VM_KSM_EXCLUDED) ? flags | VM_MERGEABLE : flags;
}

/* --- fault.c -------------------------------------------------------------------------------------------- */

/* Grow the stack area @vma down to @addr's page. 0 or -ENOMEM, -EPERM. */
int expand_downwards(struct vm_area_struct *vma, unsigned long addr);
/* Do the flags of @vma allow the access? */
bool vma_may_fault(const struct vm_area_struct *vma, unsigned int flags);
/* Does a fault at @addr give it an anon_vma? */
/* Where the next huge page after that of @addr begins; the end of @vma: not in it. */
unsigned long vma_next_huge_page(const struct vm_area_struct *vma, unsigned long addr);
bool vma_fault_prepares(const struct vm_area_struct *vma, unsigned long addr, unsigned int flags);
/* Give @vma an anon_vma if a write would. 0 or -ENOMEM. */
int anon_vma_prepare(struct vm_area_struct *vma);
/* Does the part of @vma below @end reach beyond the end of its file, where no page can be had? */
bool vma_reaches_beyond_file(const struct vm_area_struct *vma, unsigned long end);
/*
 * Fault in [start, end): MAP_POPULATE passes over what cannot be (@ignore_errors), mlock() stops there with
 * -ENOMEM, for want of memory with -EAGAIN.
 */
int mm_populate(struct mm_struct *mm, unsigned long start, unsigned long end, bool ignore_errors);

#endif /* MM_INTERNAL_H */
