/* SPDX-License-Identifier: MIT */
/**
 * @file mm_types.h
 * What an address space is made of: areas, files, limits, counters.
 *
 * Names and flag values are the Linux kernel's for x86-64, so that a flag word read from one can be given to the
 * other.  All addresses and lengths are bytes, all offsets (pgoff) and counters are pages, unless said otherwise.
 *
 * Who owns what: an mm_struct is the caller's memory; areas belong to their mm and are valid until the next call
 * that changes it; a vm_file is shared and counted.
 *
 * Locks: one call at a time on one mm, by the caller's own mmap_lock, but for lookups and faults beside it where
 * mm_set_rcu() of <vmaple/vma_lock.h> has allowed them; different mms are independent unless they
 * were forked from each other (their anon_vmas are shared) or share an mm_system: then one lock covers them.
 */
#ifndef VMAPLE_MM_TYPES_H
#define VMAPLE_MM_TYPES_H

#include <vmaple/kernel_profile.h>
#include <vmaple/mm_index.h>
#include <vmaple/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What an area allows and how it behaves. */
typedef uint64_t vm_flags_t;

#define VM_NONE         0x0ULL
#define VM_READ         0x1ULL
#define VM_WRITE        0x2ULL
#define VM_EXEC         0x4ULL
#define VM_SHARED       0x8ULL
#define VM_MAYREAD      0x10ULL /**< mprotect may set VM_READ; the MAY bits are the access bits, shifted by 4 */
#define VM_MAYWRITE     0x20ULL
#define VM_MAYEXEC      0x40ULL
#define VM_MAYSHARE     0x80ULL
#define VM_GROWSDOWN    0x100ULL /**< a fault below extends it */
#define VM_UFFD_MISSING 0x200ULL
#define VM_PFNMAP       0x400ULL
#define VM_MAYBE_GUARD  0x800ULL /**< guard pages were installed in it, or in what it was joined with */
#define VM_UFFD_WP      0x1000ULL
#define VM_LOCKED       0x2000ULL
#define VM_IO           0x4000ULL
#define VM_SEQ_READ     0x8000ULL
#define VM_RAND_READ    0x10000ULL
#define VM_DONTCOPY     0x20000ULL
#define VM_DONTEXPAND   0x40000ULL
#define VM_LOCKONFAULT  0x80000ULL
#define VM_ACCOUNT      0x100000ULL /**< its pages are charged to the commit limit */
#define VM_NORESERVE    0x200000ULL
#define VM_HUGETLB      0x400000ULL
#define VM_SYNC         0x800000ULL
#define VM_ARCH_1       0x1000000ULL
#define VM_WIPEONFORK   0x2000000ULL
#define VM_DONTDUMP     0x4000000ULL
#define VM_SOFTDIRTY    0x8000000ULL
#define VM_MIXEDMAP     0x10000000ULL
#define VM_HUGEPAGE     0x20000000ULL
#define VM_NOHUGEPAGE   0x40000000ULL
#define VM_MERGEABLE    0x80000000ULL
#define VM_PKEY_SHIFT   32
#define VM_PKEY_MASK    (0xfULL << VM_PKEY_SHIFT)
#define VM_SHADOW_STACK (1ULL << 37)
#define VM_UFFD_MINOR   (1ULL << 38)
#define VM_DROPPABLE    (1ULL << 40)
#define VM_SEALED       (1ULL << 42)
/** Branches into it land where they may: arm64, whose Linux has VM_ARCH_1 for it. */
#define VM_ARM64_BTI   (1ULL << 43)
#define VM_MTE_ALLOWED (1ULL << 44) /**< it may be tagged: arm64; no letters in VmFlags */
#define VM_MTE         (1ULL << 45) /**< it is tagged: arm64's PROT_MTE, which mprotect gives and never takes */
#define VM_NONLINEAR \
	(1ULL << 60) /**< a window of single pages of a file, in any order: Linux 2.5.46 to 3.19 */

#define VM_ACCESS_FLAGS (VM_READ | VM_WRITE | VM_EXEC)
#define VM_MAY_FLAGS    (VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)
/** With VM_GROWSDOWN: the stack of a program that exec is making; vma_is_temporary_stack(). */
#define VM_STACK_INCOMPLETE_SETUP (VM_RAND_READ | VM_SEQ_READ)
#define VM_LOCKED_MASK            (VM_LOCKED | VM_LOCKONFAULT)
/** They keep no two areas apart; since Linux 6.19 what is joined has those of either. */
#define VM_STICKY     (VM_SOFTDIRTY | VM_MAYBE_GUARD)
#define VM_UFFD_FLAGS (VM_UFFD_MISSING | VM_UFFD_WP | VM_UFFD_MINOR)
/** Areas of this kind never merge. */
#define VM_SPECIAL (VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP)

struct address_space;
struct anon_vma;
struct i_mmap_node;
struct mm_operations;
struct mm_page_ops;
struct mm_struct;
struct page_tables;
struct rmap_ops;

/** What kind of thing is mapped. */
enum vm_file_kind {
	VM_FILE_REGULAR,
	VM_FILE_SHMEM,   /**< no file system's placement rules */
	VM_FILE_HUGETLB, /**< length and place are multiples of map_align, the size of its pages */
	VM_FILE_ZERO,    /**< /dev/zero: private mappings of it are anonymous */
	VM_FILE_SECRET,  /**< memfd_secret(2): shared and locked, never executed, not reached by the kernel */
	VM_FILE_SPECIAL  /**< no file: the kernel's own pages, such as [vdso]; only its name is shown */
};

/**
 * An open file, as far as mapping it goes: the kernel's `struct file`.  Two mappings can merge only if they hold
 * the same one.  Counted: each area holds a reference, so does its creator.
 */
struct vm_file {
	unsigned long refs; /**< atomic */
	enum vm_file_kind kind;
	bool readable, writable; /**< FMODE_READ, FMODE_WRITE */
	bool noexec;             /**< on a file system mounted noexec */
	bool anonymous;          /**< shmem behind MAP_SHARED | MAP_ANONYMOUS: it can be named */
	bool no_split;           /**< its areas are not cut: -EINVAL; [vdso] and its kin */
	bool has_close;      /**< mappings have a close operation: such an area never vanishes in a merge */
	vm_flags_t vm_flags; /**< flags that mapping it adds */
	/**
	 * Flags that shared mappings of it are made without: VM_MAYWRITE of a memfd that is sealed against writing, which cannot
	 * be mapped for it either (-EPERM).  May be changed between calls.
	 */
	vm_flags_t vm_flags_off;
	/** Bytes: large mappings are placed congruent to their offset; 0: anywhere. */
	unsigned long map_align;
	unsigned long
		size; /**< bytes; no page beyond can be faulted in; of VM_FILE_SPECIAL all; 0: not known */
	unsigned long max_bytes; /**< what its file system can hold: no mapping reaches beyond; 0: 2^64 */
	uint64_t dev, ino;       /**< shown in maps */
	const char *name;        /**< shown in maps; lives as long as the file */
	struct address_space *mapping; /**< its pages and who maps them, <vmaple/rmap.h>; NULL: not known */
	void (*release)(
		struct vm_file *file); /**< called when the last reference goes; NULL: nothing to do */
};

static inline struct vm_file *vm_file_get(struct vm_file *file)
{
	if (file)
		__atomic_fetch_add(&file->refs, 1, __ATOMIC_RELAXED);
	return file;
}
/** Drop a reference; NULL is allowed. */
VMAPLE_API void vm_file_put(struct vm_file *file);

VMAPLE_C_ONLY_BEGIN
/** A counted name, as PR_SET_VMA_ANON_NAME gives it. A forked child shares those of its parent: refs is atomic. */
struct anon_vma_name {
	unsigned int refs;
	unsigned int size; /**< bytes allocated */
	char name[];
};
VMAPLE_C_ONLY_END

/**
 * A virtual memory area: one range of addresses with one set of properties.
 *
 * Under the mmap_lock all fields may be read; without it, through <vmaple/vma_lock.h>. Only the calls of <vmaple/mm.h>
 * change them, except for vm_private_data, which is the embedder's. docs/locking.md has each field with its lock.
 * What a lookup reads lies in the first cache line.
 */
struct vm_area_struct {
	unsigned long vm_start, vm_end; /**< [vm_start, vm_end), bytes */
#ifdef MM_INDEX_LINKED
	struct vm_area_struct *vm_next, *vm_prev;
	struct rb_node vm_rb;
#endif
#ifdef MM_INDEX_AUGMENTED
	unsigned long rb_subtree_gap; /**< the longest hole before an area of this subtree, bytes */
#endif
	vm_flags_t vm_flags;
	pgoff_t vm_pgoff; /**< of vm_start in the file; anonymous: vm_start in pages when it was made */
	struct mm_struct *vm_mm;
	struct vm_file *vm_file;   /**< NULL: anonymous */
	struct anon_vma *anon_vma; /**< NULL until the first write, or if none can be */
	void *vm_private_data;     /**< the embedder's */

	struct list_link anon_vma_chain; /**< every anon_vma whose pages may be mapped here */
	struct anon_vma_name *anon_name;
	const void *policy;   /**< memory policy: equal pointers are equal policies; NULL is the default */
	const void *uffd_ctx; /**< userfaultfd that it is registered with */
	struct i_mmap_node *i_mmap; /**< its place among those that map its file; NULL: none */
	unsigned int vm_lock_seq;   /**< the call that locked it for writing last */
	unsigned int vm_readers;    /**< that hold it: <vmaple/vma_lock.h> */
#ifndef MM_INDEX_LINKED
	struct vm_area_struct *vm_next,
		*vm_prev; /**< for calls that may change areas: readers ask the tree */
#endif
};

/** The machine: one per set of address spaces that compete for memory. */
struct mm_system {
	const struct rmap_ops *rmap;         /**< the reverse map of its address spaces, <vmaple/rmap.h> */
	const struct mm_page_ops *pages;     /**< who has their pages, <vmaple/mm_pages.h>; NULL: nobody */
	const struct kernel_profile *kernel; /**< whose ways its calls have */
	unsigned int page_shift;             /**< 12: pages of 4 KiB; see mm_system_set_page_shift() */
	int max_map_count;                   /**< vm.max_map_count */
	/** vm.mmap_min_addr, or CONFIG_LSM_MMAP_MIN_ADDR if that is larger: where hints and searches begin; bytes. */
	unsigned long mmap_min_addr;
	/** vm.mmap_min_addr itself, where that is less: MAP_FIXED may go so far down without CAP_SYS_RAWIO; bytes. */
	unsigned long dac_mmap_min_addr;
	unsigned long stack_guard_gap;  /**< bytes */
	unsigned int overcommit_memory; /**< vm.overcommit_memory: 0 guess, 1 always, 2 never */
	/**
	 * Pages: of RAM and swap in mode 0; in mode 2 CommitLimit, for who has no CAP_SYS_ADMIN less vm.admin_reserve_kbytes:
	 * what is charged stays below it.
	 */
	unsigned long commit_limit;
	/** vm.user_reserve_kbytes, in pages: mode 2 leaves it, or 1/32 of total_vm. */
	unsigned long user_reserve;
	/** Pages charged by all its address spaces: mm_system_committed(). */
	unsigned long committed, committed_others;
	const void *committer;  /**< the thread that counts in the first of the two, lib/mm/commit.h */
	unsigned long pmd_size; /**< bytes of a huge page; 0: no huge-page alignment */
	/**
	 * Bits above the page in which a file mapping's address agrees with its offset; 0: none. Linux sets 0x7000 on AMD
	 * family 15h, whose instruction caches two cores share, for processes with randomised addresses.
	 */
	unsigned long va_align_mask;
	/** Added to the offset, within the mask: drawn once, when the machine starts. */
	unsigned long va_align_bits;
	unsigned int thp_enabled; /**< 0 never, 1 madvise, 2 always */
	bool pkeys;               /**< the CPU has protection keys; before mm_init() */
	/** Memory that is only read gets pages of its own, as if written: Linux's mm_forbids_zeropage(). */
	bool no_zero_page;
	/** PROT_BTI (0x10) means VM_ARM64_BTI: the processor looks where branches go. */
	bool branch_targets;
	/** arm64's processor has them: anonymous and shared memory may be tagged (VM_MTE_ALLOWED), and is by PROT_MTE (0x20). */
	bool memory_tags;
	unsigned int verify;  /**< enum mm_verify; may be changed at any time */
	unsigned int machine; /**< enum mm_machine; before the first mm_init() */
};

/** Whose Linux it is, where processors differ: how large a space is, where mappings go, which bits of a call mean something. */
enum mm_machine { MM_MACHINE_X86_64, MM_MACHINE_ARM64 };

/** Pages charged by all address spaces of @p sys, exact when no call is under way. Any thread, no lock. */
static inline unsigned long mm_system_committed(const struct mm_system *sys)
{
	return __atomic_load_n(&sys->committed, __ATOMIC_RELAXED) +
	       __atomic_load_n(&sys->committed_others, __ATOMIC_RELAXED);
}

/**
 * When an address space is verified: its index of areas as it changes, and all that mm_validate() checks, the reverse
 * map's invariants among it, when the call is over.  Damage panics through the port.
 */
enum mm_verify {
	MM_VERIFY_NEVER,
	MM_VERIFY_SOMETIMES, /**< whenever there were as many changes as there are areas: O(1) a change */
	MM_VERIFY_ALWAYS,    /**< after each change, and each call: O(n) */
	/**
	 * And, after each call, each access to a page, and each reclaim, all page tables of the machine against all
	 * pages: paging_validate() of <vmaple/paging.h>. As long as one thread alone works on the machine: O(pages).
	 */
	MM_VERIFY_PAGES
};

/** A machine as Linux sets one up by default. */
VMAPLE_API void mm_system_init(struct mm_system *sys, const struct rmap_ops *rmap);
/**
 * Pages of 2^@p shift bytes, 12 to 16, and what goes with them: a stack guard gap of 256 pages, huge pages of as many
 * bytes as a page of page-table entries maps.  Before the first mm_init().  @return 0, or -EINVAL and unchanged.
 */
VMAPLE_API int mm_system_set_page_shift(struct mm_system *sys, unsigned int shift) __must_check;
#define MM_PAGE_SHIFT_MIN 12
#define MM_PAGE_SHIFT_MAX 16

#define MM_UNLIMITED (~0UL)

/** What one process may do. Bytes; MM_UNLIMITED for no limit. */
struct mm_limits {
	unsigned long as, data, stack, memlock; /**< RLIMIT_*, the soft ones */
	unsigned long data_hard; /**< to what RLIMIT_DATA may be raised: it alone counts where that is 0 */
	bool cap_ipc_lock;       /**< may lock beyond RLIMIT_MEMLOCK */
	bool cap_sys_rawio;      /**< may map below dac_mmap_min_addr */
	bool read_implies_exec;  /**< personality READ_IMPLIES_EXEC */
};

/** What happened so far. */
struct mm_counters {
	unsigned long splits;     /**< areas cut in two */
	unsigned long merges;     /**< times that a range, new or changed, became part of a neighbour */
	unsigned long new_areas;  /**< ranges mapped by mmap and brk */
	unsigned long new_merged; /**< of these, the ones that merged at once */
	unsigned long peak_areas;
};

/** A hole that a search from above has found: see lib/mm/hole.c. */
struct mm_hole {
	unsigned long start, end;           /**< bytes; equal: none */
	unsigned long length, high;         /**< no hole of this length lies between end and high */
	struct vm_area_struct *prev, *next; /**< around it; or NULL */
};

/** An address space. The caller's memory; all members but the documented ones are private. */
struct mm_struct {
#ifndef MM_INDEX_LINKED
	struct maple_tree mm_mt;      /**< areas by address */
	struct vm_area_struct *found; /**< by a call that may change areas, or stored: last; NULL: none */
#else
	struct rb_root mm_rb;              /**< areas by address */
	struct vm_area_struct *mmap;       /**< the first of their list */
	struct vm_area_struct *mmap_cache; /**< what was found last */
#endif
#ifdef MM_INDEX_AUGMENTED
	unsigned long highest_vm_end; /**< of the last area; 0: none */
#endif
#ifdef MM_INDEX_CLASSIC
	struct free_area_cache free_area;
#endif
	unsigned long unverified; /**< changes since the index was verified, while it is; 0: right before */
	int map_count;            /**< number of areas */
	unsigned long changes;    /**< of the index */
	struct mm_hole hole, hole_above;
	struct mm_system *sys;
	struct mm_limits limits;        /**< may be changed between calls */
	unsigned long task_size;        /**< first address that is not the user's */
	unsigned long mmap_window;      /**< where mappings without a far hint end: 47 bits on x86-64 */
	unsigned long mmap_base;        /**< top-down search begins below it */
	unsigned long mmap_legacy_base; /**< bottom-up search begins here */
	bool topdown;
	unsigned long start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
	unsigned long arg_start, arg_end, env_start, env_end;
	unsigned long total_vm, data_vm, exec_vm, stack_vm, locked_vm; /**< pages */
	vm_flags_t def_flags;                                          /**< for new areas: MCL_FUTURE */
	uint16_t pkeys_allocated; /**< a bit for each protection key that was given; key 0 from the start */
	signed char execute_only_pkey; /**< the key of memory that may be executed alone; -1: none yet */
	bool mdwe;                     /**< PR_MDWE_REFUSE_EXEC_GAIN: nothing writable becomes executable */
	bool mdwe_no_inherit;          /**< PR_MDWE_NO_INHERIT: a fork's child is free of it */
	bool merge_any;                /**< PR_SET_MEMORY_MERGE: new memory that can be VM_MERGEABLE is */
	struct mm_counters counters;
	const struct mm_operations *ops; /**< the embedder's, <vmaple/mm_operations.h>; NULL: none */
	struct page_tables *pgd;         /**< of the room behind sys->pages; NULL: no pages */
	void *rmap_private;              /**< the reverse map's own */
	/** NULL, or the embedder's: does this thread hold the mmap_lock? Asked by checking builds (-Dchecks=true). */
	bool (*mmap_lock_held)(const struct mm_struct *mm);
	unsigned int mm_lock_seq; /**< number of the call that changes it now; not 0 */
	unsigned int calls;       /**< that are under way, each inside the one before */
	void *owner;              /**< the embedder's */
	/**
	 * Where searches of calls with MM_IN_32BIT begin, in a space of more than 4 GiB, and below what they end.  In a space of
	 * up to 4 GiB compat_task_size is where what any call asks for ends (TASK_SIZE of Linux), and may be changed between
	 * calls, to less or more than task_size: on x86 it follows personality(2) of the task that calls (ADDR_LIMIT_3GB).
	 * Areas above it stay, and can be changed, but not unmapped.
	 */
	unsigned long mmap_compat_base, mmap_compat_legacy_base, compat_task_size;
};

/** Bytes of a page of @p mm. */
static inline unsigned long mm_page_size(const struct mm_struct *mm)
{
	return 1UL << mm->sys->page_shift;
}

/** @p len rounded up to whole pages of @p mm; wraps to 0 as the kernel's does. */
static inline unsigned long mm_page_align(const struct mm_struct *mm, unsigned long len)
{
	return (len + mm_page_size(mm) - 1) & ~(mm_page_size(mm) - 1);
}

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_MM_TYPES_H */
