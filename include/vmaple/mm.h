/* SPDX-License-Identifier: MIT */
/**
 * @file mm.h
 * An address space that behaves call by call like Linux's.
 *
 * Each call has the order of checks, the result, the errno and the partial effects of the system call it is named
 * after; man 2 pages say what they are for, docs/semantics.md what they do exactly.  Flags and errors are Linux's numbers
 * on x86-64, whatever the host: <vmaple/linux_abi.h>.  Errors are -errno; addresses carry them in the last page
 * (IS_ERR_VALUE).  A call that runs out of the library's own memory returns -ENOMEM
 * and leaves the address space as Linux would: valid, with at most the cuts that the call had begun with.
 *
 * Locks: see <vmaple/mm_types.h>. Cost: O(log n) in the number of areas, plus O(areas the call covers).
 */
#ifndef VMAPLE_MM_H
#define VMAPLE_MM_H

#include <vmaple/mm_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name Life
 * @{ */
/** Begin an empty 47-bit x86-64 address space with unlimited resources. Then set what differs. Cannot fail. */
VMAPLE_API void mm_init(struct mm_struct *mm, struct mm_system *sys);
/**
 * An address space of another size: 3 or 4 GiB for a 32-bit guest, or any other multiple of the page size but 0, up to
 * all pages but the last, whose addresses are errors; where mappings go follows.  Right after mm_init().  Up to 4 GiB,
 * MAP_32BIT and MAP_ABOVE4G mean nothing, as on Linux.  @return 0; -EINVAL, unchanged: no such size, or there are areas.
 */
VMAPLE_API int mm_set_task_size(struct mm_struct *mm, unsigned long task_size) __must_check;
/**
 * Where exec() would let searches begin: below a gap for a stack of @p stack_limit bytes (RLIMIT_STACK), between 128
 * MiB and five sixths of the space; and @p random_pages away, by as much as the caller drew (vm.mmap_rnd_bits, 28, of
 * them on x86-64).  @p randomised: the stack's own place is random, too, and is left room for.
 * mm_init() does it for 8 MiB and nothing random.
 * @return 0; -EINVAL, unchanged: @p random_pages are more than a sixth of the space.
 */
VMAPLE_API int mm_set_mmap_base(struct mm_struct *mm, unsigned long stack_limit, bool randomised,
	unsigned long random_pages) __must_check;
/**
 * Likewise for the calls of a 64-bit program that come through a table of 32-bit calls (MM_IN_32BIT), whose space ends at
 * @p task_size: 4 GiB less two pages on x86-64, 3 GiB for who asked for that (ADDR_LIMIT_3GB).  @p random_pages are drawn
 * apart (vm.mmap_rnd_compat_bits, 8).  mm_init() does it for 8 MiB and nothing random.
 * @return 0; -EINVAL, unchanged: no such size, or @p random_pages are more than a sixth of it.
 */
VMAPLE_API int mm_set_mmap_compat_base(struct mm_struct *mm, unsigned long task_size,
	unsigned long stack_limit, bool randomised, unsigned long random_pages) __must_check;
/** End it: every area goes, files are put, charges given back. The struct is the caller's again. */
VMAPLE_API void mm_exit(struct mm_struct *mm);
/**
 * Make the uninitialised @p child a copy as fork(2) does: without VM_DONTCOPY areas, without locks, with
 * VM_WIPEONFORK areas untouched.  @return 0 or -ENOMEM, then @p child is empty (mm_exit() it or forget it).
 */
VMAPLE_API int mm_fork(struct mm_struct *child, struct mm_struct *parent) __must_check;

/** @name exec: the stack of a new program
 * While its arguments are being written it lies at the top of the space; then it moves to where it is to be.
 * @{ */
/**
 * Begin it in @p mm, which has nothing there: one page below mm->task_size, and more as it is written (mm_fault(),
 * paging_write()). Linux's __bprm_mm_init(). @return 0, -EEXIST or -ENOMEM.
 */
VMAPLE_API int mm_begin_stack(struct mm_struct *mm) __must_check;
/** What the program's header says of its stack. */
enum exec_stack { EXSTACK_DEFAULT, EXSTACK_DISABLE_X, EXSTACK_ENABLE_X };
/**
 * Move it down, with its pages, so that it ends at @p top, which the caller has drawn; give it its flags, and 128 KiB
 * more below, as far as RLIMIT_STACK allows. mm->start_stack moves with it. Linux's setup_arg_pages() and
 * shift_arg_pages().  Until it is done, vma_is_temporary_stack().  Not for an mm with operations of an embedder.
 *
 * @return 0; -EINVAL: there is none, @p top lies above it, or no such @p executable; -ENOMEM; -EFAULT: something is in the way. After a
 * failure the stack may reach over more than it has to, and a program that is to begin cannot: its pages are all there.
 */
VMAPLE_API int mm_setup_stack(
	struct mm_struct *mm, unsigned long top, enum exec_stack executable) __must_check;
/**
 * Does exec still have to move it?  Page tables move without the locks of the reverse map then: a walk may miss
 * pages, and who must not miss any leaves them alone.
 */
static inline bool vma_is_temporary_stack(const struct vm_area_struct *vma)
{
	vm_flags_t flags = __atomic_load_n(&vma->vm_flags, __ATOMIC_RELAXED);

	return (flags & VM_GROWSDOWN) && (flags & VM_STACK_INCOMPLETE_SETUP) == VM_STACK_INCOMPLETE_SETUP;
}
/** @} */

/** An area that is there without a call having made it: exec's segments, stack and vdso; attach. */
struct area_spec {
	unsigned long start, end;
	pgoff_t pgoff;
	bool has_pgoff; /**< pgoff is meant for an anonymous area, too; otherwise it is start in pages there */
	vm_flags_t vm_flags;
	struct vm_file *file; /**< a reference of its own is taken; NULL: anonymous */
	bool touched;         /**< a page of it was written: it has an anon_vma */
	/** touched: an area of this mm whose anon_vma, and chain, it shares; NULL: it has one of its own. */
	const struct vm_area_struct *anon_like;
	bool inherited;                /**< touched: it came by fork, pages of a parent may be mapped in it */
	const char *anon_name;         /**< NULL: none */
	const void *policy, *uffd_ctx; /**< as in struct vm_area_struct */
};
/**
 * Insert an area exactly as given, without any merge.
 * @return 0; -EINVAL: its bounds are no pages below task_size, or end before they begin; -EEXIST; -ENOMEM.
 */
VMAPLE_API int mm_insert_area(struct mm_struct *mm, const struct area_spec *spec) __must_check;
/** @} */

/** @name Mapping calls
 * @{ */
/**
 * In the flags of a request, behind those that the call itself has: it comes through a table of 32-bit calls (on x86-64
 * int 0x80 and x32), which decides where it is placed: below mmap_compat_base.  In a space of up to 4 GiB it says nothing
 * new.  Linux's in_32bit_syscall().
 */
#define MM_IN_32BIT (1UL << 32)
struct mmap_request {
	unsigned long addr, len, prot, flags; /**< as for mmap(2) */
	unsigned long offset;                 /**< bytes */
	/** What is mapped; NULL: MAP_ANONYMOUS. The area takes a reference of its own. */
	struct vm_file *file;
	struct vm_file *shmem; /**< for MAP_SHARED | MAP_ANONYMOUS: the memory's file; NULL: one is made */
};
/** mmap(2). @return the address, or -errno. */
VMAPLE_API unsigned long mm_mmap(struct mm_struct *mm, const struct mmap_request *req);
/** munmap(2). @return 0, -EINVAL, -EPERM where an area is sealed, or -ENOMEM. */
VMAPLE_API int mm_munmap(struct mm_struct *mm, unsigned long addr, unsigned long len);
/** mprotect(2), pkey_mprotect(2); @p pkey -1: keep the areas' own. Any other has to be allocated: -EINVAL. */
VMAPLE_API int mm_mprotect(
	struct mm_struct *mm, unsigned long addr, unsigned long len, unsigned long prot, int pkey);
/** pkey_alloc(2). @return the key, 1 to 15; -ENOSPC: all are taken; the CPU has none: -EINVAL, and then -ENOSPC. */
VMAPLE_API int mm_pkey_alloc(struct mm_struct *mm);
/** pkey_free(2); areas that have it keep it. @return 0 or -EINVAL. */
VMAPLE_API int mm_pkey_free(struct mm_struct *mm, int pkey);
struct mremap_request {
	unsigned long addr, old_len, new_len, flags, new_addr; /**< as for mremap(2) */
};
/** mremap(2). @return the new address, or -errno. */
VMAPLE_API unsigned long mm_mremap(struct mm_struct *mm, const struct mremap_request *req);
/** brk(2), as the kernel answers it: @return the break after the call; unchanged when it failed. */
VMAPLE_API unsigned long mm_brk(struct mm_struct *mm, unsigned long brk);
/** madvise(2). Over a hole: what lies on both sides of it is done, and then it is -ENOMEM. */
VMAPLE_API int mm_madvise(struct mm_struct *mm, unsigned long addr, unsigned long len, int advice);
/** mlock(2), mlock2(2). */
VMAPLE_API int mm_mlock(struct mm_struct *mm, unsigned long addr, unsigned long len, int flags);
/** munlock(2); an area that does not lie wholly in the range is cut. */
VMAPLE_API int mm_munlock(struct mm_struct *mm, unsigned long addr, unsigned long len);
/** mlockall(2): MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT. O(areas). */
VMAPLE_API int mm_mlockall(struct mm_struct *mm, int flags);
/** munlockall(2), which forgets MCL_FUTURE, too. O(areas). */
VMAPLE_API int mm_munlockall(struct mm_struct *mm);
/**
 * mseal(2), since Linux 6.10 (before: -ENOSYS): @p flags 0. With a hole in the range -ENOMEM, and
 * nothing is sealed.
 */
VMAPLE_API int mm_mseal(struct mm_struct *mm, unsigned long addr, unsigned long len, unsigned long flags);
/**
 * prctl(2) PR_SET_VMA_ANON_NAME; @p name NULL takes the name away. -EINVAL: longer than 79 bytes, or with one that does
 * not print, or that Linux forbids there: \ ` $ [ ].
 */
VMAPLE_API int mm_set_anon_name(
	struct mm_struct *mm, unsigned long addr, unsigned long len, const char *name);
/**
 * prctl(2) PR_SET_MEMORY_MERGE: while it is on, private memory that can be merged with equal pages is VM_MERGEABLE; a
 * fork's child has it on, too.  No area is joined or cut.  -EINVAL: Linux before 6.4 (mm->sys->kernel).  O(areas).
 */
VMAPLE_API int mm_set_memory_merge(struct mm_struct *mm, bool enable) __must_check;
/** The effect of mbind(2) with an accepted policy; @p policy NULL is the default policy. */
VMAPLE_API int mm_mbind(struct mm_struct *mm, unsigned long addr, unsigned long len, const void *policy);
/** In the mode of mm_userfaultfd(): @p ctx has UFFD_FEATURE_WP_ASYNC, which watches memory of any kind for writes. */
#define MM_UFFD_WP_ASYNC (1ULL << 63)
/**
 * UFFDIO_REGISTER, or with @p ctx NULL UFFDIO_UNREGISTER; @p mode of VM_UFFD_FLAGS and MM_UFFD_WP_ASYNC: others are -EINVAL.
 */
VMAPLE_API int mm_userfaultfd(
	struct mm_struct *mm, unsigned long addr, unsigned long len, const void *ctx, vm_flags_t mode);
/** remap_file_pages(2) as it is today: a mapping of another part of the same file. @p pgoff and @p flags as there. */
VMAPLE_API int mm_remap_file_pages(struct mm_struct *mm, unsigned long start, unsigned long size,
	unsigned long prot, unsigned long pgoff, unsigned long flags);
/** shmdt(2): unmap the areas of the segment attached at @p addr. */
VMAPLE_API int mm_shmdt(struct mm_struct *mm, unsigned long addr);
/** @} */

/** @name Faults
 * @{ */
enum {
	MM_FAULT_WRITE = 1,
	MM_FAULT_SMALL = 2, /**< a read that did not map a huge page, where one would fit */
	MM_FAULT_FILL =
		4, /**< no access: userfaultfd(2) puts a page there, whatever access the area allows */
	MM_FAULT_FLAGS = MM_FAULT_WRITE | MM_FAULT_SMALL | MM_FAULT_FILL
};
/**
 * A page fault at @p addr: grows a stack, gives an area its anon_vma. A read does that too where Linux maps a huge
 * page; whether it can depends on page tables, which an mm does not have: MM_FAULT_SMALL says that it did not.
 * @return 0, -EFAULT where the access is a SIGSEGV, -ENOMEM; -EINVAL: other @p flags than these.
 */
VMAPLE_API int mm_fault(struct mm_struct *mm, unsigned long addr, unsigned int flags);
/** @} */

/** @name Lookup
 * @{ */
/** The area that contains @p addr or the first above it; NULL when there is none. */
VMAPLE_API struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long addr);
/** As find_vma(); *prev becomes the area before it. */
VMAPLE_API struct vm_area_struct *find_vma_prev(
	struct mm_struct *mm, unsigned long addr, struct vm_area_struct **prev);
/** The first area that has a byte in [start, end). */
VMAPLE_API struct vm_area_struct *find_vma_intersection(
	struct mm_struct *mm, unsigned long start, unsigned long end);
/** The area that contains @p addr, or NULL. */
VMAPLE_API struct vm_area_struct *vma_lookup(struct mm_struct *mm, unsigned long addr);

/** An iteration over areas; ends before the next call that changes the mm. */
#ifndef MM_INDEX_LINKED
struct vma_iterator {
	struct ma_state mas;
};
#define VMA_ITERATOR(name, mm, addr) struct vma_iterator name = { mas_at(&(mm)->mm_mt, (addr), (addr)) }
#ifdef VMAPLE_CHECKS
/** Panics when the iterator is used without the mmap_lock and outside a section: <vmaple/vma_lock.h>. */
VMAPLE_API void vma_iterator_check(const struct vma_iterator *vmi);
#else
static inline void vma_iterator_check(const struct vma_iterator *vmi)
{
	(void)vmi;
}
#endif
/** The next area that begins below or at @p last, or contains it. */
static inline struct vm_area_struct *vma_next_until(struct vma_iterator *vmi, unsigned long last)
{
	vma_iterator_check(vmi);
	return (struct vm_area_struct *)mas_find_step(&vmi->mas, last);
}
#else
struct vma_iterator {
	struct mm_struct *mm;
	unsigned long addr;
	struct vm_area_struct *next;
	bool begun; /* next is known */
};
#define VMA_ITERATOR(name, mm_, addr_) struct vma_iterator name = { .mm = (mm_), .addr = (addr_) }
static inline struct vm_area_struct *vma_next_until(struct vma_iterator *vmi, unsigned long last)
{
	struct vm_area_struct *vma = vmi->begun ? vmi->next : find_vma(vmi->mm, vmi->addr);

	vmi->begun = true;
	vmi->next = vma;
	if (!vma || vma->vm_start > last)
		return NULL;
	vmi->next = vma->vm_next;
	return vma;
}
#endif
static inline struct vm_area_struct *vma_next(struct vma_iterator *vmi)
{
	return vma_next_until(vmi, ~0UL);
}
/** Visit the areas from the iterator's address upwards. */
#define for_each_vma(vmi, vma) while (((vma) = vma_next(&(vmi))) != NULL)
/** The same, up to the areas that begin below @p end. */
#define for_each_vma_range(vmi, vma, end) while (((vma) = vma_next_until(&(vmi), (end)-1)) != NULL)
/** @} */

/** @name Free address space
 * @{ */
/** Where mmap() would put a mapping. @p flags are mmap's. @return the address, or -errno. */
VMAPLE_API unsigned long mm_get_unmapped_area(struct mm_struct *mm, const struct vm_file *file,
	unsigned long addr, unsigned long len, pgoff_t pgoff, unsigned long flags);
struct mm_gap {
	unsigned long start, end;
};
/** The largest free ranges below task_size, largest first, at most @p nr. @return how many. O(n). */
VMAPLE_API int mm_largest_gaps(struct mm_struct *mm, struct mm_gap *gaps, int nr);
/** @} */

/** @name Inspection
 * @{ */
/**
 * Check every invariant: those of the index and of the counters.
 * @return false and the first that is broken, with the area and the field, in @p reason: valid until this thread's
 * next check. O(n).
 */
VMAPLE_API bool mm_validate(struct mm_struct *mm, const char **reason);
/** The name that /proc/PID/maps shows for @p vma, "" for none. @p buf is used when one has to be composed. */
VMAPLE_API const char *vma_name(const struct vm_area_struct *vma, char *buf, size_t size);
/** What a line of /proc/PID/maps says. */
struct maps_line {
	unsigned long start, end;
	vm_flags_t vm_flags;  /**< VM_READ, VM_WRITE, VM_EXEC, VM_MAYSHARE are shown */
	unsigned long offset; /**< into the file, bytes */
	unsigned long dev;    /**< major << 32 | minor */
	unsigned long ino;
	const char *name; /**< "": none */
};
/**
 * Read the line of /proc/PID/maps at @p text. line->name is where its name begins in @p text: it ends with the line.
 * @return what is behind the line and its newline; NULL: it is no such line.
 */
VMAPLE_API const char *maps_line_read(const char *text, struct maps_line *line) __must_check;
/** The line, with its newline. @return its length, as snprintf(3) does. */
VMAPLE_API int maps_line_format(const struct maps_line *line, char *buf, size_t size);
/** The line of @p vma. @return its length, as snprintf(3) does. */
VMAPLE_API int vma_format(const struct vm_area_struct *vma, char *buf, size_t size);
/** Flags as the letters of VmFlags in smaps: "rd wr mr mw me ac". @return @p buf; 128 bytes hold all of them. */
VMAPLE_API const char *vm_flags_format(vm_flags_t flags, char *buf, size_t size);
/** The flags that such letters stand for; unknown ones are passed over. */
VMAPLE_API vm_flags_t vm_flags_parse(const char *text);
/**
 * What a line of maps says of flags, where there is no VmFlags: its letters are @p shared and @p prot, of which PROT_READ,
 * PROT_WRITE and PROT_EXEC are VM_READ, VM_WRITE and VM_EXEC.
 */
static inline vm_flags_t vm_flags_of_letters(uint32_t prot, bool shared)
{
	vm_flags_t flags = (prot & VM_ACCESS_FLAGS) | VM_MAY_FLAGS;

	if (shared)
		return flags | VM_SHARED | VM_MAYSHARE;
	return prot & VM_WRITE ? flags | VM_ACCOUNT : flags;
}
/** @} */

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_MM_H */
