/* SPDX-License-Identifier: MIT */
/**
 * @file kernel_profile.h
 * Which Linux an address space behaves like.
 *
 * Mapping calls differ a little between kernels.  What differs, and was found by asking them, is a member of the
 * profile; all else is the same in every one.  docs/kernel-versions.md says of each member where it comes from.
 */
#ifndef VMAPLE_KERNEL_PROFILE_H
#define VMAPLE_KERNEL_PROFILE_H

#include <vmaple/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One kernel's ways. Constant; an embedder may make one of its own. */
struct kernel_profile {
	/** The series, "6.12"; of releases before it took over a fix, the first that is so: "6.12.86". */
	const char *name;
	int major, minor;  /**< of the series */
	int patch;         /**< the first release of the series that has these ways: 6.12.86's is 86 */
	const char *asked; /**< the kernel that kernel-oracle asked; NULL: none, so it is read off sources */

	/** An untouched area takes in a touched one, if that has never been inherited. */
	bool untouched_takes_touched;
	/** mremap: a move without a change of size may span several areas. */
	bool mremap_several;
	/** mremap looks whether the new address is one, and the map has room for it, before it looks for the area. */
	bool mremap_aligns_first;
	/** mremap judges the whole request, then the area, then unmaps the target; else the target goes first. */
	bool mremap_checks_first;
	/**
	 * MREMAP_DONTUNMAP leaves an area of its own: cut out if it is locked, with the offset of its place, and not
	 * joined with its own copy.
	 */
	bool dontunmap_cuts;
	/** MREMAP_DONTUNMAP takes VM_ACCOUNT off the area that it leaves behind or is a part of; its charge stays. */
	bool dontunmap_unaccounts;
	/** The lock of what MREMAP_DONTUNMAP moves is not counted anew; what is left keeps its anon_vma. */
	bool dontunmap_uncounted, dontunmap_keeps_anon;
	/** MREMAP_DONTUNMAP of a middle part sets VM_ACCOUNT on the area behind the whole, whatever that is. */
	bool dontunmap_marks_next;
	/** A copy beside what MREMAP_DONTUNMAP left may join the area on its other side. */
	bool dontunmap_joins_other;
	/** mmap unmaps what is in the way when all else is sure; else before the charge, and even where that fails. */
	bool mmap_gathers;
	/** mmap joins with the area before, and with both; else with the one after first. */
	bool mmap_joins_before;
	/** An area with a close operation may take in what lies above it, and below it; else it never merges. */
	bool close_may_merge, close_takes_below;
	/** Private memory that was not written and becomes unwritable is not charged any more. */
	bool uncharges_untouched;
	/** There is MAP_ABOVE4G; before, nobody looked at it but MAP_SHARED_VALIDATE, which refuses what is not known. */
	bool above4g;
	/** MAP_STACK means VM_NOHUGEPAGE. */
	bool stack_not_huge;
	/** Anonymous memory of whole huge pages is placed on a huge page's border; private /dev/zero likewise. */
	bool anon_huge_aligned, zero_huge_aligned;
	/** MADV_POPULATE_READ and _WRITE end at a hole; else they go on beyond it, like other advice. */
	bool populate_ends_at_hole;
	/** A sealed private mapping of /dev/zero that cannot be written keeps its pages. */
	bool zero_sealed;
	/** What a userfaultfd comes to serve, or serves no more, joins what follows also where it begins inside an area. */
	bool served_part_joins;
	/** Huge page files are placed as others are, by a hint rounded up; else it is rounded down, and MAP_32BIT ignored. */
	bool huge_as_files;
	/** MAP_DROPPABLE memory cannot be registered with a userfaultfd. */
	bool droppable_not_served;
	/** Nor is it locked by mlockall()'s MCL_FUTURE. */
	bool droppable_unlocked;
	/** What mremap moves joins nothing where a userfaultfd serves it. */
	bool served_moves_alone;
	/** Private mappings of a file join only where the pages that they have of their own adjoin, too. */
	bool own_pages_adjoin;
	/** MADV_DOFORK is refused for all of VM_SPECIAL; else for VM_IO. */
	bool special_stays_unforked;
	/** What a userfaultfd protects against writing is not registered anew without that: -EBUSY. */
	bool wp_stays;
	/** mmap of memory that may only be executed takes its protection key before its place is looked for, and keeps it. */
	bool key_before_place;
	/** mmap asks a memfd's seals before anything is unmapped. */
	bool seals_first;
	/** MADV_UNMERGEABLE of what can be merged takes all flags above VM_MERGEABLE with it: seals, protection keys. */
	bool unmergeable_clears_high;
	/** mseal: behind a part that joined a sealed area, the next is not joined with the two. */
	bool seals_piecewise;
	bool memory_merge; /**< PR_SET_MEMORY_MERGE is there */
	/** Memory that it makes VM_MERGEABLE is so before it is looked what it joins; else once it stands alone. */
	bool mergeable_joins;
	bool mseal;           /**< the call is there */
	bool droppable;       /**< MAP_DROPPABLE is */
	bool populates;       /**< MADV_POPULATE_READ and MADV_POPULATE_WRITE are */
	bool dontneed_locked; /**< MADV_DONTNEED_LOCKED is, and MADV_DONTNEED of huge page files */
	bool collapses;       /**< MADV_COLLAPSE is */
	/** A userfaultfd can serve minor faults; and protect memory of files against writing. */
	bool uffd_minor, uffd_protects_files;
	/** mremap asks of max_map_count room for the cuts that it may make; else a little more, and only if it moves. */
	bool mremap_counts_cuts;
	/** madvise that may not cut because of max_map_count: -EAGAIN; else -ENOMEM. */
	bool full_map_is_eagain;
	/** mremap looks for an area even where it has nothing to do but to unmap a tail. */
	bool mremap_looks;
	/** MREMAP_DONTUNMAP of files and shared memory. */
	bool dontunmap_files;
	/** The kernel's own areas, such as [vdso], are not cut. */
	bool special_whole;
	/** brk shrinks only where something is mapped, and extends only what is of the heap. */
	bool brk_minds_heap;
	/** mlock2 with MLOCK_ONFAULT does not ask whether the memory could be faulted in. */
	bool onfault_unasked;
	/** An area that mremap grows in place joins what it then touches. */
	bool growth_joins;
	bool guard_regions; /**< MADV_GUARD_INSTALL and MADV_GUARD_REMOVE are */
	/**
	 * An area in which guard pages are installed is marked, and so is what it is joined with: VM_STICKY.  Else it gets an
	 * anon_vma, whatever it is of, and that it has them is known by that.
	 */
	bool marks_guards;
	bool shows_onfault; /**< VmFlags of smaps tell VM_LOCKONFAULT */
	/** /proc/PID/maps calls an area [heap] that lies across the heap; else one that meets it at an end, too. */
	bool heap_overlaps;
};

/** The kernel that a new mm_system behaves like: the newest that is known. */
extern VMAPLE_API const struct kernel_profile *const kernel_profile_default;
/** All of them, oldest first. @return how many there are; @p index beyond: NULL in *profile. */
VMAPLE_API const struct kernel_profile *kernel_profile_at(unsigned int index);
/**
 * The profile for a kernel release ("6.12.117+deb12", or just "6.12"): of its own series, as that was at this release; else of
 * the newest series before it, as that began, else the oldest there is. A release that does not say its patch level ("6.12",
 * "6.1.0-57-cloud-amd64") is taken for the newest of its series, and one newer than all for the newest of all. NULL when
 * @p release does not begin with two numbers.
 */
VMAPLE_API const struct kernel_profile *kernel_profile_for(const char *release);

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_KERNEL_PROFILE_H */
