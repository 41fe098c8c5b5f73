/* SPDX-License-Identifier: MIT */
/*
 * anon_vma as it came, in Linux 2.6.7: a list of areas.
 *
 * 1. Meaning.  An anon_vma stands for all areas that may map pages first written in one of them: those split from it,
 *    moved, and inherited by fork.  An area is on the list of one, or of none.
 * 2. A walk looks at every area of the list, and passes over those whose range does not have the page's index.  A
 *    server with 1,000 children has at least 1,001 areas on each list: each page of one child costs a look at all of
 *    them, though only one can have it.  That is why Linux 2.6.34 got anon_vma_chain.
 * 3. Invariants (validate names the one that fails)
 *    AL1  an area with an anon_vma is on its list, once; one without is on none.
 *    AL2  anon_vma.areas is the length of the list.
 * 4. Locks.  The anon_vma's own: for reading to walk, for writing to change the list or the bounds of an area on it.
 *
 * Arcangeli 2004; in files by prio_tree, Venkatasubramanian 2004.
 */
#include "internal.h"

/* What this design calls an anon_vma. */
struct anon_list {
	struct rw_lock lock;
	unsigned long refs; /* areas and pages; atomic */
	unsigned long areas;
	struct list_link list; /* of vm_area_struct.anon_vma_chain */
};

#define area_of(link) list_entry(link, struct vm_area_struct, anon_vma_chain)

static struct anon_list *list_of(const struct vm_area_struct *vma)
{
	return (struct anon_list *)vma->anon_vma;
}

static void anon_list_put(struct anon_list *al)
{
	if (__atomic_sub_fetch(&al->refs, 1, __ATOMIC_ACQ_REL) == 0)
		rmap_free(al, sizeof(*al));
}

/* The newest comes last. */
static void join(struct vm_area_struct *vma, struct anon_list *al)
{
	rw_write_lock(&al->lock);
	__atomic_fetch_add(&al->refs, 1, __ATOMIC_RELAXED);
	al->areas++;
	list_add_tail(&vma->anon_vma_chain, &al->list);
	__atomic_store_n(&vma->anon_vma, (struct anon_vma *)al, __ATOMIC_RELEASE);
	rw_write_unlock(&al->lock);
}

static bool may_share(const struct vm_area_struct *a, const struct vm_area_struct *b)
{
	return a->vm_end == b->vm_start && a->policy == b->policy && a->vm_file == b->vm_file &&
	       !((a->vm_flags ^ b->vm_flags) & ~(VM_ACCESS_FLAGS | VM_STICKY)) &&
	       b->vm_pgoff == linear_page_index(a, a->vm_end);
}

static const struct vm_area_struct *anon_list_lender(const struct vm_area_struct *vma,
	const struct vm_area_struct *prev, const struct vm_area_struct *next)
{
	if (next && next->anon_vma && may_share(vma, next))
		return next;
	return prev && prev->anon_vma && may_share(prev, vma) ? prev : NULL;
}

static int anon_list_prepare(
	struct vm_area_struct *vma, struct vm_area_struct *prev, struct vm_area_struct *next)
{
	const struct vm_area_struct *lender = anon_list_lender(vma, prev, next);
	struct anon_list *al = lender ? list_of(lender) : NULL;

	if (!al) {
		al = rmap_alloc(sizeof(*al));
		if (!al)
			return -ENOMEM;
		*al = (struct anon_list){ .lock = RW_LOCK_INIT(LOCK_ANON) };
		list_init(&al->list);
	}
	join(vma, al);
	return 0;
}

/* Of fork too: the child is on the same list. */
static int anon_list_clone(struct vm_area_struct *dst, const struct vm_area_struct *src)
{
	if (src->anon_vma)
		join(dst, list_of(src));
	return 0;
}

static void anon_list_unlink(struct vm_area_struct *vma)
{
	struct anon_list *al = list_of(vma);

	if (!al)
		return;
	rw_write_lock(&al->lock);
	list_del(&vma->anon_vma_chain);
	list_init(&vma->anon_vma_chain);
	al->areas--;
	vma->anon_vma = NULL;
	rw_write_unlock(&al->lock);
	anon_list_put(al);
}

static bool anon_list_may_merge(
	const struct vm_area_struct *target, const struct anon_vma *src, const struct vm_area_struct *src_vma)
{
	return !target->anon_vma || !src || target->anon_vma == src;
}

static struct anon_list *list_of_either(const struct vm_area_struct *a, const struct vm_area_struct *b)
{
	return a->anon_vma || !b ? list_of(a) : list_of(b);
}

static void anon_list_adjust_begin(struct vm_area_struct *a, struct vm_area_struct *b)
{
	struct anon_list *al = list_of_either(a, b);

	i_mmap_adjust_begin(a, b);
	if (al)
		rw_write_lock(&al->lock);
}

static void anon_list_adjust_end(struct vm_area_struct *a, struct vm_area_struct *b)
{
	struct anon_list *al = list_of_either(a, b);

	if (al)
		rw_write_unlock(&al->lock);
	i_mmap_adjust_end(a, b);
}

static void anon_list_own(struct page *page, const struct rmap_place *place, bool alone)
{
	struct anon_list *al = list_of(place->vma);

	__atomic_fetch_add(&al->refs, 1, __ATOMIC_RELAXED);
	page->index = linear_page_index(place->vma, place->addr);
	__atomic_store_n(&page->mapping, (uintptr_t)al | PAGE_ANON, __ATOMIC_RELAXED);
}

static void anon_list_own_alone(struct page *page, const struct rmap_place *place)
{
}

static void anon_list_disown(struct page *page)
{
	anon_list_put(page_owner(page));
}

static void anon_list_lock(struct vm_area_struct *vma)
{
	i_mmap_lock(vma);
	if (vma->anon_vma)
		rw_write_lock(&list_of(vma)->lock);
}

static void anon_list_unlock(struct vm_area_struct *vma)
{
	if (vma->anon_vma)
		rw_write_unlock(&list_of(vma)->lock);
	i_mmap_unlock(vma);
}

static bool anon_list_in_order(
	const struct vm_area_struct *first, const struct vm_area_struct *then, bool fresh)
{
	return i_mmap_in_order(first, then, fresh) && (fresh || !first->anon_vma);
}

static void anon_list_walk(struct page *page, struct rmap_walk *walk)
{
	struct anon_list *al = page_owner(page);

	rw_read_lock(&al->lock);
	for (struct list_link *l = al->list.next; l != &al->list; l = l->next) {
		struct vm_area_struct *vma = area_of(l);

		walk->areas++;
		if (page->index < vma_first_index(vma) || page->index > vma_last_index(vma))
			continue;
		if (walk->visit(page, vma->vm_mm, vma, vma_address(vma, page->index), false, walk->arg) ==
			RMAP_STOP)
			break;
	}
	rw_read_unlock(&al->lock);
}

static bool list_is_valid(const struct anon_list *al, const struct vm_area_struct *vma, const char **reason)
{
	unsigned long nr = 0, found = 0;

	/* The whole, when its first area is looked at. */
	if (al->list.next != &vma->anon_vma_chain)
		return true;
	for (const struct list_link *l = al->list.next; l != &al->list; l = l->next) {
		nr++;
		found += area_of(l)->anon_vma == (const struct anon_vma *)al;
	}
	*reason = found < nr ? "AL1: an area is on the list of another anon_vma"
			     : "AL2: an anon_vma counts other areas than are on its list";
	return found == nr && nr == al->areas;
}

static bool anon_list_validate(const struct vm_area_struct *vma, const char **reason)
{
	const struct anon_list *al = list_of(vma);
	bool valid;

	if (!i_mmap_validate(vma, reason))
		return false;
	*reason = "AL1: an area is on a list, and has no anon_vma, or the other way round";
	if (!al)
		return list_empty(&vma->anon_vma_chain);
	if (list_empty(&vma->anon_vma_chain))
		return false;
	rw_read_lock((struct rw_lock *)&al->lock);
	valid = list_is_valid(al, vma, reason);
	rw_read_unlock((struct rw_lock *)&al->lock);
	return valid;
}

const struct rmap_ops anon_list_rmap = {
	.name = "anon_list",
	.summary = "anon_vma on lists, prio_tree (Linux 2.6.7)",
	.i_mmap = I_MMAP_PRIO,
	.prepare = anon_list_prepare,
	.lender = anon_list_lender,
	.clone = anon_list_clone,
	.fork = anon_list_clone,
	.unlink = anon_list_unlink,
	.may_merge = anon_list_may_merge,
	.attach = i_mmap_attach,
	.detach = i_mmap_detach,
	.needs = i_mmap_needs,
	.adjust_begin = anon_list_adjust_begin,
	.adjust_end = anon_list_adjust_end,
	.validate = anon_list_validate,
	.own = anon_list_own,
	.own_alone = anon_list_own_alone,
	.disown = anon_list_disown,
	.lock = anon_list_lock,
	.unlock = anon_list_unlock,
	.in_order = anon_list_in_order,
	.walk = anon_list_walk,
};
