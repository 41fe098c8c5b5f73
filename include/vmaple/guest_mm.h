/* SPDX-License-Identifier: MIT */
/**
 * @file guest_mm.h
 * A guest's memory on a host whose pages have another size: Linux's answers from <vmaple/mm.h>, the host's pages behind
 * them.
 *
 * 1. Place.  The byte at guest address a is the host's at base + a.  The guest's calls are those of <vmaple/mm.h>, on
 *    guest_mm.mm; what they decide is done to the host's pages before it is committed, through struct guest_host.
 * 2. Kinds.  A host page holds one or more guest pages, or is a part of one. Seen as the host has it, it is
 *      none     no guest page of it is mapped: not accessible
 *      direct   the host maps what the guest maps: the same file at the same offset, shared or private
 *      copy     anonymous memory: the guest's own, or where a file cannot be mapped by host pages, what was read of it
 *    A file is mapped directly where its offset and the guest's address agree modulo the host's page, and the host
 *    page has nothing else in it that is not the same mapping.
 * 3. Rights.  A host page has the union of the rights of the guest pages in it, so that the hardware lets through more
 *    than the guest may do where they differ: guest_mm_look() tells, guest_mm_allows() decides.
 * 4. What is lost.  A copy of a shared mapping is not shared any more. It is counted, and setup.incoherent() is asked
 *    first.  Nobody may touch a host page while it is turned into a copy: threads of the guest that fault on it
 *    meanwhile are to wait for the lock of the mm.
 * 5. Failure.  When the host fails in a call, the call returns its error and the pages are as before.  Two cannot be
 *    undone: reading a file that cannot be mapped directly, in the place of something else; and MREMAP_DONTUNMAP, when
 *    its source cannot be mapped again.  Then the pages are inaccessible, and counters.lost counts them.
 *
 * Guest pages of 4 to 64 KiB (mm_system_set_page_shift()), host pages of 4 KiB to 2 MiB, either the larger. Where the
 * guest's are the larger, every host page is whole, and nothing is ever copied.
 *
 * Locks: as for the mm. Cost: that of the call, O(log n), and of the host's calls: at most three host pages are copied,
 * besides what was mapped so that it has to be.
 * docs/guest-mm.md
 */
#ifndef VMAPLE_GUEST_MM_H
#define VMAPLE_GUEST_MM_H

#include <vmaple/mm.h>
#include <vmaple/mm_operations.h>
#include <vmaple/range_map.h>
#include <vmaple/rbtree.h>

#ifdef __cplusplus
extern "C" {
#endif

struct guest_mm;

/** What the host is to map. */
struct guest_host_map {
	uintptr_t addr; /**< multiples of the host's page */
	size_t len;
	vm_flags_t rights;    /**< of VM_READ, VM_WRITE, VM_EXEC */
	struct vm_file *file; /**< NULL: anonymous memory, private, of zeros */
	uint64_t offset;      /**< bytes, a multiple of the host's page */
	bool shared;
};

/**
 * What the host does. Addresses are the host's, addresses and lengths multiples of its page; all lie within the
 * guest's window. Each returns 0, or -errno and has changed nothing.
 */
struct guest_host {
	/** Whatever was there goes. */
	int (*map)(void *ctx, const struct guest_host_map *map);
	/** Nothing is accessible there any more, and nobody else gets the place. */
	int (*unmap)(void *ctx, uintptr_t addr, size_t len);
	int (*protect)(void *ctx, uintptr_t addr, size_t len, vm_flags_t rights);
	/** What is at @p from comes to @p to, whatever was there; from is then as unmap() leaves it. */
	int (*move)(void *ctx, uintptr_t from, uintptr_t to, size_t len);
	/** Bytes of a file; those behind its end are zeros. */
	int (*read)(void *ctx, struct vm_file *file, uint64_t offset, void *to, size_t len);
	/**
	 * Copy bytes of the guest's memory, which may be read; where a mapped file has ended, zeros. NULL: memcpy(), for hosts
	 * without such ends.
	 */
	int (*load)(void *ctx, void *to, uintptr_t from, size_t len);
	/** madvise() that only hints, or is MADV_REMOVE; NULL: none is passed on. MADV_DONTNEED is a map() anew. */
	int (*advise)(void *ctx, uintptr_t addr, size_t len, int advice);
};

/** Files of guest_host_linux. */
struct guest_file {
	struct vm_file file;
	int fd; /**< open for what the guest may do with it; the caller's to close */
};
/**
 * Linux, or what has its mmap(), mprotect() and mremap(): every vm_file is a struct guest_file, but those that the engine
 * itself makes for MAP_SHARED | MAP_ANONYMOUS. VM_EXEC becomes PROT_EXEC if @p ctx is not NULL, else PROT_READ: translated
 * code is data to the host.
 */
extern VMAPLE_API const struct guest_host guest_host_linux;

/** What happened so far. */
struct guest_counters {
	unsigned long conversions;  /**< host pages that became copies, since they had to hold two things */
	unsigned long bytes_copied; /**< by hand: parts of pages, moves that no host page can make */
	unsigned long incoherent;   /**< times that a part of a shared mapping became a copy */
	unsigned long lost;         /**< host pages: part 5 */
};

struct guest_setup {
	struct mm_system *sys; /**< whose page_shift is the guest's */
	const struct guest_host *host;
	void *ctx; /**< the host's */
	uintptr_t
		base; /**< where the guest's address 0 lies: a multiple of the host's page; 0: addresses are equal */
	unsigned long
		size; /**< of the guest's space, in bytes: mm_set_task_size(); 0: what mm_init() gives it */
	unsigned int host_page_shift; /**< 12 to 21 */
	/**
	 * The embedder's own, or NULL. Its host() is asked before anything is done, and may refuse; vm_private_data
	 * remains the embedder's.
	 */
	const struct mm_operations *ops;
	/** What ops->host() has agreed to does not happen after all: the host failed. NULL: nobody wants to know. */
	void (*undo)(struct mm_struct *mm, const struct mm_change *change);
	/** Shared memory at guest address @p addr would become a copy: 0, or -errno to refuse the call. NULL: 0. */
	int (*incoherent)(struct guest_mm *guest, unsigned long addr);
};

/** The caller's memory; all members but mm, counters and setup.ctx are private. */
struct guest_mm {
	struct mm_struct mm; /**< call mm_mmap(&guest->mm, ...); its ops are ours */
	struct guest_counters counters;
	struct guest_setup setup;
	struct mm_operations ops;
	struct range_map
		copies; /* host pages, by number, that are copies and have a part of a file in them */
	struct rb_root file_areas; /* by device and inode */
	unsigned char *saved;      /* what GUEST_EDGES host pages held */
	struct vm_file reserved;   /* what the translator's ranges are mapped to */
};

/**
 * Begin. @return 0; -ENOMEM; -EINVAL: a page's size of @p setup is out of its range, base or size is no multiple of it,
 * or base + size is more than an address.
 */
VMAPLE_API int guest_mm_init(struct guest_mm *guest, const struct guest_setup *setup) __must_check;
/** End: every area goes, and the host's pages are unmapped. */
VMAPLE_API void guest_mm_exit(struct guest_mm *guest);

/**
 * [start, end) is the translator's own: no call gets it, changes it (-EPERM, as for sealed memory) or shows it. The
 * host's pages there are not touched. @return 0, -EEXIST, -EINVAL or -ENOMEM.
 */
VMAPLE_API int guest_mm_reserve(struct guest_mm *guest, unsigned long start, unsigned long end) __must_check;

/** May the guest do this with all of [addr, addr + len)? @p rights of VM_READ, VM_WRITE, VM_EXEC. O(log n + areas) */
VMAPLE_API bool guest_mm_allows(
	struct guest_mm *guest, unsigned long addr, unsigned long len, vm_flags_t rights);

enum guest_page_kind { GUEST_PAGE_NONE, GUEST_PAGE_DIRECT, GUEST_PAGE_COPY };
/** A host page, as the guest's areas need it. */
struct guest_page {
	unsigned long start, end; /**< the guest addresses in it */
	enum guest_page_kind kind;
	vm_flags_t rights;  /**< the union: what the hardware lets through */
	bool exact;         /**< each guest page in it has these rights: the hardware alone decides rightly */
	unsigned int areas; /**< that share it */
};
/** The host page around guest address @p addr. O(log n) */
VMAPLE_API void guest_mm_look(struct guest_mm *guest, unsigned long addr, struct guest_page *page);

/**
 * Visit the areas that map a file, in no order: what is to be thrown away when it is written. @p dev and @p ino as in
 * struct vm_file, where they do not change while it is mapped. visit() must not change the map. O(log n + areas visited)
 */
VMAPLE_API void guest_mm_file_areas(struct guest_mm *guest, uint64_t dev, uint64_t ino,
	void (*visit)(void *ctx, struct vm_area_struct *vma), void *ctx);

/**
 * What /proc/self/maps is to show the guest. @return its length without the final 0; if that is not less than @p size,
 * only what fits was written, up to a whole line.
 */
VMAPLE_API size_t guest_mm_maps(struct guest_mm *guest, char *buf, size_t size);

/**
 * Take over what the host has mapped in the guest's window: @p maps is the text of its /proc/PID/maps. Right after
 * guest_mm_init() and guest_mm_reserve(); ranges without rights are free to the guest, and reserved ones not adopted. @p file
 * gives the file of a line that has an inode, with a reference that the area takes over, or NULL: then its contents are taken
 * for anonymous memory.
 * @return 0; -EINVAL: a line cannot be read, or is no multiple of the guest's page; -EEXIST; -ENOMEM.
 */
VMAPLE_API int guest_mm_adopt(struct guest_mm *guest, const char *maps,
	struct vm_file *(*file)(void *ctx, const struct maps_line *line), void *ctx) __must_check;

/**
 * Does the host have what it should? @p maps as above. Compares rights, and of what is mapped directly sharing, offset, and
 * (where the vm_file has an ino) device and inode.
 * @return false and the first difference in @p difference: a sentence. O(n + lines)
 */
VMAPLE_API bool guest_mm_verify_host(struct guest_mm *guest, const char *maps, char *difference, size_t size);

/** Check the mm, and what is kept of host pages. @return false and the invariant (lib/guest/internal.h). O(n + copies) */
VMAPLE_API bool guest_mm_validate(struct guest_mm *guest, const char **reason);

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_GUEST_MM_H */
