/* SPDX-License-Identifier: MIT */
/*
 * A guest's memory on the host's pages: theory of operation.
 *
 * 1. A change of the mm ([start, end), in guest pages) meets host pages wholly, which make up one run, and at most one
 *    host page at either end partly: the edges.
 *
 *      host     |---------------|---------------|---------------|---------------|
 *      change           |===============================================|
 *               |- edge --------|- run ---------|---------------|- edge --------|
 *
 *    An edge that has nothing else in it, and whose file can be mapped so, belongs to the run.
 * 2. What an edge is afterwards follows from the areas alone: `struct future` is the map as it will be, and a page's
 *    rights are the union of theirs. Only whether a page with a file in it is a copy is remembered, in guest->copies.
 * 3. Order.  Memory first; then edges, each of which can be undone (its bytes are saved); the run last, by one call of
 *    the host that is done or not.
 *
 * Invariants
 *   GM1  a host page without areas is in no range of copies.
 *   GM2  a host page outside copies is anonymous if its areas are private and anonymous; else they all map one file, at
 *        one offset, alike shared or private, and the host maps that.
 *   GM3  the host's rights of a page are the union of its areas', as far as any call has changed them.
 *   GM4  guest->file_areas has each area of a file, and no other (files.c).
 * They hold as long as nothing is lost.
 */
#ifndef GUEST_INTERNAL_H
#define GUEST_INTERNAL_H

#include <vmaple/guest_mm.h>

#include "linux_names.h"
#include "minmax.h"
#include "bytes.h"

/* Contents change in three host pages at most, as a move can need (move.c); rights in two more, where it came from. */
#define GUEST_SAVED 3
#define GUEST_EDGES (GUEST_SAVED + 2)

struct span {
	unsigned long start, end; /* guest addresses; empty unless start < end */
};

/* The map as it will be when the change is committed. */
struct future {
	struct span gone[2]; /* what is there leaves these */
	struct span added;   /* and this is there */
	vm_flags_t rights;   /* with these */
	struct span moved;   /* so is this, which MREMAP_DONTUNMAP has done already, with the same rights */
};

/* A host page that the change meets partly. */
struct edge {
	unsigned long page;
	vm_flags_t before; /* rights, as the host has them */
	bool mapped;       /* before */
	bool direct;       /* before */
	bool open;         /* it is anonymous memory now, and can be written */
	bool marked;       /* it was put into copies for this */
	unsigned char *saved;
};

/* A change under way. */
struct work {
	struct guest_mm *guest;
	const struct mm_change *change;
	struct future future;
	struct edge edges[GUEST_EDGES];
	unsigned int nr_edges, nr_saved;
};

static inline unsigned long host_page_size(const struct guest_mm *guest)
{
	return 1UL << guest->setup.host_page_shift;
}

static inline unsigned long host_page_of(const struct guest_mm *guest, unsigned long addr)
{
	return addr & ~(host_page_size(guest) - 1);
}

static inline unsigned long host_page_up(const struct guest_mm *guest, unsigned long addr)
{
	return host_page_of(guest, addr + host_page_size(guest) - 1);
}

static inline uintptr_t host_address(const struct guest_mm *guest, unsigned long addr)
{
	return guest->setup.base + addr;
}

static inline unsigned char *guest_bytes(const struct guest_mm *guest, unsigned long addr)
{
	return (unsigned char *)host_address(guest, addr);
}

/* Where in its file the byte at vma's or change's start lies. */
static inline uint64_t bytes_of(const struct guest_mm *guest, pgoff_t pgoff)
{
	return (uint64_t)pgoff << guest->mm.sys->page_shift;
}

static inline vm_flags_t rights_of(vm_flags_t flags)
{
	return flags & VM_ACCESS_FLAGS;
}

static inline bool span_is_empty(struct span span)
{
	return span.start >= span.end;
}

/* --- pages (page.c) --- */

/* What the host page at @page has, as the map is; @future not NULL: as it will be. */
vm_flags_t page_rights(struct guest_mm *guest, unsigned long page, const struct future *future, bool *mapped);
/* Is anything left there of what is there now? */
bool page_keeps(struct guest_mm *guest, unsigned long page, const struct future *future);
/* Does all that is left there map the file of @c as @c does, directly? */
bool page_maps_alike(
	struct guest_mm *guest, unsigned long page, const struct future *future, const struct mm_change *c);
bool page_is_copy(const struct guest_mm *guest, unsigned long page);
/* Has it a file's page as yet? */
bool page_is_direct(struct guest_mm *guest, unsigned long page);
/* Does something shared lie in it? */
bool page_is_shared(struct guest_mm *guest, unsigned long page, const struct future *future);
/* Is there a copy in @span, which begins and ends with host pages? */
bool copies_in(const struct guest_mm *guest, struct span span);
/* After preallocate_copies() of the same span the others cannot fail. */
int preallocate_copies(struct guest_mm *guest, struct span span) __must_check;
void forget_copies(struct guest_mm *guest, struct span span);
int mark_copies(struct guest_mm *guest, struct span span) __must_check;

/* --- edges (edge.c) --- */

/* Give it the rights that it will have. */
int edge_set_rights(struct work *work, unsigned long page) __must_check;
/* Make it anonymous memory that can be written, with its bytes; edges_close() gives it its rights. */
int edge_open(struct work *work, unsigned long page) __must_check;
int edges_close(struct work *work) __must_check;
void edges_undo(struct work *work);
/* Back to the rights that it had; if the host fails again, it is lost. */
void edge_restore(struct guest_mm *guest, unsigned long page, vm_flags_t rights);
bool edge_is_open(const struct work *work, unsigned long page);

/* --- the host's calls --- */

int host_unmap(struct guest_mm *guest, struct span span) __must_check;
int host_protect(struct guest_mm *guest, struct span span, vm_flags_t rights) __must_check;
/* Anonymous memory. */
int host_map_memory(struct guest_mm *guest, struct span span, vm_flags_t rights) __must_check;
/* The bytes that [addr, addr + len) has when @c has mapped it; the memory there can be written. */
int host_fill(struct guest_mm *guest, const struct mm_change *c, unsigned long addr,
	unsigned long len) __must_check;
/* Bytes of the guest's memory, which may be read. */
int host_load(struct guest_mm *guest, void *to, unsigned long from, size_t len) __must_check;
/* It could not be done, and not be undone. */
void host_lost(struct guest_mm *guest, struct span span);

/* --- changes --- */

/* The operation of the mm: struct mm_operations. */
int guest_host_change(struct mm_struct *mm, const struct mm_change *c);

/* The host pages that [start, end) covers wholly. */
struct span whole_pages(const struct guest_mm *guest, unsigned long start, unsigned long end);
/* Can @c's file be mapped where it is to be, as far as the host page at @page? */
bool maps_directly(const struct guest_mm *guest, const struct mm_change *c, unsigned long page);
int ask_incoherent(struct guest_mm *guest, unsigned long addr) __must_check;
int map_range(struct work *work, const struct mm_change *c) __must_check;
/* Map whole pages as @c does, by one call where that can be. Not undone by edges_undo(). */
int map_run(struct guest_mm *guest, const struct mm_change *c, struct span run) __must_check;
int unmap_range(struct work *work, struct span range) __must_check;
int move_range(struct work *work) __must_check;
int advise_range(struct work *work) __must_check;

/* Is it the translator's? */
bool area_is_reserved(const struct guest_mm *guest, const struct vm_area_struct *vma);

/* --- who maps a file (files.c) --- */

/* Operations that keep guest->file_areas, and pass on to the embedder's. */
void files_watch(struct mm_operations *ops);
/* GM4. O(n log n) */
bool files_hold(struct guest_mm *guest);

/* --- the text of /proc/PID/maps (adopt.c) --- */

/* The next line of *text, which is moved on. @return 1; 0 at its end; -EINVAL. line->name lies in @name. */
int next_maps_line(const char **text, struct maps_line *line, char *name, size_t size);

#endif /* GUEST_INTERNAL_H */
