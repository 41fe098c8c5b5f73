/* SPDX-License-Identifier: MIT */
/* Pages of an anon_vma: whose they are, and the walk over the areas that may map one. Theory: anon_vma.c. */
#include "anon_vma.h"

void anon_vma_own(struct page *page, const struct rmap_place *place, bool alone)
{
	struct anon_vma *av = place->vma->anon_vma;

	/* What others inherit is known by the oldest: all of them are linked to it. */
	if (!alone)
		av = av->root;
	__atomic_fetch_add(&av->refs, 1, __ATOMIC_RELAXED);
	page->index = linear_page_index(place->vma, place->addr);
	__atomic_store_n(&page->mapping, (uintptr_t)av | PAGE_ANON, __ATOMIC_RELAXED);
}

void anon_vma_disown(struct page *page)
{
	anon_vma_put(page_owner(page));
}

/* Walks do not have to visit those from whom it was inherited any more. */
void anon_vma_own_alone(struct page *page, const struct rmap_place *place)
{
	struct anon_vma *before = page_owner(page);

	if (before == place->vma->anon_vma)
		return;
	anon_vma_own(page, place, true);
	anon_vma_put(before);
}

void anon_vma_lock(struct vm_area_struct *vma)
{
	i_mmap_lock(vma);
	if (vma->anon_vma)
		rw_write_lock(family_lock(vma));
}

void anon_vma_unlock(struct vm_area_struct *vma)
{
	if (vma->anon_vma)
		rw_write_unlock(family_lock(vma));
	i_mmap_unlock(vma);
}

/*
 * Hits come by ascending start, and equal ones in the order of their insertion. A list is in the order of
 * insertion alone.
 */
bool anon_vma_in_order(const struct vm_area_struct *first, const struct vm_area_struct *then, bool fresh)
{
	if (!i_mmap_in_order(first, then, fresh))
		return false;
	if (!first->anon_vma)
		return true;
	if (has_list(first))
		return fresh;
	return first->vm_pgoff < then->vm_pgoff || (fresh && first->vm_pgoff == then->vm_pgoff);
}

struct anon_walk {
	struct page *page;
	struct rmap_walk *walk;
};

/* True: enough. */
static bool visit_link(struct anon_vma_chain *avc, void *arg)
{
	struct anon_walk *aw = arg;
	struct vm_area_struct *vma = avc->vma;

	aw->walk->areas++;
	return aw->walk->visit(aw->page, vma->vm_mm, vma, vma_address(vma, aw->page->index), false,
		       aw->walk->arg) == RMAP_STOP;
}

void anon_vma_walk(struct page *page, struct rmap_walk *walk)
{
	struct anon_vma *av = page_owner(page);
	struct anon_walk aw = { page, walk };

	rw_read_lock(&av->root->lock);
	(void)avc_tree_walk(&av->tree, page->index, page->index, visit_link, &aw);
	rw_read_unlock(&av->root->lock);
}

void anon_vma_walk_list(struct page *page, struct rmap_walk *walk)
{
	struct anon_vma *av = page_owner(page);
	struct anon_walk aw = { page, walk };

	rw_read_lock(&av->root->lock);
	for (struct list_link *l = av->list.next; l != &av->list; l = l->next) {
		struct anon_vma_chain *avc = avc_of_same_anon(l);

		if (page->index < vma_first_index(avc->vma) || page->index > vma_last_index(avc->vma))
			walk->areas++;
		else if (visit_link(avc, &aw))
			break;
	}
	rw_read_unlock(&av->root->lock);
}
