/* SPDX-License-Identifier: MIT */
/*
 * Paging: theory of operation
 *
 * 1. A machine has frames (struct page), and a page is in one of these states:
 *
 *        free         no references, on the free list
 *        anonymous    mapped by PTEs; in the swap cache too once it is on its way out, or came back from there
 *        of a file    in the file's cache, mapped or not
 *        zero         the first frame: mapped for reading wherever nothing was written; it is not counted
 *
 * 2. A PTE is empty, or leads to a frame, to a swap slot, or (nonlinear areas) to an index of its file.  Each PTE that
 *    leads to a frame has a reference to the page and is in its _mapcount, each one that leads to a slot in the
 *    slot's count.  A leaf's lock guards its entries: who has it may follow them.
 *
 * 3. A fault finds the area, gets all memory that it may need, then takes the leaf's lock and looks whether the PTE
 *    is still the one that it started from; if not, it gives everything back, and the access is tried again.
 *
 * 4. Reclaim locks a page, asks the reverse map for all PTEs, makes each lead to the page's slot (or nowhere, for
 *    a file), writes the page out if it is dirty, and frees it if nobody came to it meanwhile.  As it is locked, no
 *    one takes it out of its cache, and as PTEs that allow writing are gone, what is written is what there is.
 *
 * 5. Failure.  Everything that can fail comes before the first change of a PTE; a move of pages that cannot go on moves
 *    what it has moved back.
 */

#include "internal.h"
#include "bytes.h"

static int begin_fork(struct mm_struct *child, struct mm_struct *parent)
{
	child->pgd = page_tables_new(parent->pgd->paging, child);
	return child->pgd ? 0 : -ENOMEM;
}

static void end_space(struct mm_struct *mm)
{
	page_tables_free(mm->pgd);
	mm->pgd = NULL;
}

static const struct mm_page_ops paging_ops = {
	.open = file_open,
	.begin_fork = begin_fork,
	.fork = copy_pages,
	.zap = zap_range,
	.discard = discard_range,
	.free_tables = page_tables_trim,
	.move = move_pages,
	.protect = protect_range,
	.guard = guard_range,
	.fork_needs = fork_needs,
	.move_needs = move_needs,
	.guard_needs = guard_needs,
	.preallocate = tables_preallocate,
	.exit = end_space,
	.verify = paging_verify,
};

static void init_lists(struct paging *paging)
{
	list_init(&paging->free);
	list_init(&paging->active);
	list_init(&paging->inactive);
	list_init(&paging->spaces);
	memset(paging->frames, 0, paging->nr_frames * sizeof(*paging->frames));
	/* The zero page is never given back. */
	paging->frames[0]._refcount = 1;
	for (unsigned long i = 1; i < paging->nr_frames; i++)
		list_add_tail(&paging->frames[i].lru, &paging->free);
	for (unsigned long i = 0; i < paging->nr_frames; i++)
		paging->frames[i]._mapcount = -1;
	paging->nr_free = paging->nr_frames - 1;
}

int paging_new(struct paging **result, struct mm_system *sys, const struct paging_options *options)
{
	struct paging *paging;

	if (options->frames < PAGING_MIN_FRAMES || options->frames > PAGING_MAX_FRAMES ||
		options->swap_pages > PAGING_MAX_FRAMES || options->swap_fd < -1 ||
		(options->swap_fd >= 0 && !PAGING_HAS_FILES))
		return -EINVAL;
	paging = port_alloc(sizeof(*paging), _Alignof(struct paging), GFP_KERNEL);
	if (!paging)
		return -ENOMEM;
	*paging = (struct paging){ .ops = paging_ops,
		.sys = sys,
		.rmap = sys->rmap,
		.nr_frames = options->frames,
		.lru_lock = RW_LOCK_INIT(LOCK_LRU),
		.spaces_lock = RW_LOCK_INIT(LOCK_LRU),
		.frames = port_alloc(options->frames * sizeof(struct page), 64, GFP_KERNEL) };
	if (!paging->frames || swap_init(&paging->swap, options)) {
		port_free(paging->frames, options->frames * sizeof(struct page));
		port_free(paging, sizeof(*paging));
		return -ENOMEM;
	}
	init_lists(paging);
	sys->pages = &paging->ops;
	*result = paging;
	return 0;
}

/* Pages that only the swap cache has still. */
static void empty_swap_cache(struct paging *paging)
{
	for (unsigned long i = 0; i < paging->swap.nr; i++)
		if (paging->swap.cache[i])
			swap_remove(paging, paging->swap.cache[i]);
}

void paging_free(struct paging *paging)
{
	empty_swap_cache(paging);
	swap_destroy(&paging->swap);
	port_free(paging->frames, paging->nr_frames * sizeof(struct page));
	port_free(paging, sizeof(*paging));
}

int paging_attach(struct mm_struct *mm)
{
	if (!mm->sys->pages || mm->pgd || mm->map_count ||
		(mm->task_size - 1) >> table_shift(mm, LEVELS - 1) >> TABLE_BITS)
		return -EINVAL;
	mm->pgd = page_tables_new((struct paging *)mm->sys->pages, mm);
	return mm->pgd ? 0 : -ENOMEM;
}

struct rw_lock *mmap_lock(struct mm_struct *mm)
{
	return &mm->pgd->mmap_lock;
}

struct paging_stats paging_statistics(struct paging *paging)
{
	struct paging_stats stats = paging->stats;

	stats.free_frames = paging->nr_free;
	stats.free_swap = paging->swap.nr - paging->swap.used;
	return stats;
}
