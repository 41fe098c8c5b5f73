/* SPDX-License-Identifier: MIT */
/* AV1, AV2 and AV4 to AV8 of anon_vma.c. What is wrong with a whole tree or list is found at its first link. */
#include "anon_vma.h"

struct degrees {
	unsigned long areas, active, children;
};

/* Is it the first that its anon_vma's tree or list has? */
static bool is_first(const struct anon_vma_chain *avc)
{
	const struct anon_vma *av = avc->anon_vma;

	return has_list(avc->vma) ? av->list.next == &avc->same_anon_vma : av->tree.rb_leftmost == &avc->rb;
}

/* The children of @av that are met first in @vma: each is met first in one area, which is linked to @av, too (AV7). */
static unsigned long children_met(const struct anon_vma *av, const struct vm_area_struct *vma)
{
	unsigned long nr = 0;
	struct list_link *l;

	for_each_link(l, vma) nr += avc_of(l)->anon_vma->parent == av && is_first(avc_of(l));
	return nr;
}

static void count_link(struct degrees *d, const struct anon_vma_chain *avc)
{
	d->areas++;
	d->active += avc->vma->anon_vma == avc->anon_vma;
	d->children += children_met(avc->anon_vma, avc->vma);
}

static bool find_link(struct anon_vma_chain *avc, void *arg)
{
	return avc == arg;
}

/* The tree or list as a whole, when its first link is looked at: O(1) a link, and its area's, on the average. */
static bool areas_are_valid(const struct anon_vma_chain *avc, bool list, const char **reason)
{
	const struct anon_vma *av = avc->anon_vma;
	struct degrees d = { 0 };

	if (!is_first(avc))
		return true;
	if (!list && !avc_tree_validate(&av->tree, reason))
		return false;
	if (list)
		for (const struct list_link *l = av->list.next; l != &av->list; l = l->next)
			count_link(&d, avc_of_same_anon(l));
	else
		for (const struct rb_node *rb = av->tree.rb_leftmost; rb; rb = rb_next(rb))
			count_link(&d, rb_entry(rb, struct anon_vma_chain, rb));
	*reason = "AV2: an anon_vma counts other areas than are linked to it";
	if (d.areas != av->areas || d.active != av->num_active_vmas)
		return false;
	*reason = "AV7: an anon_vma counts other children than it has";
	return d.children == av->num_children;
}

static bool link_is_valid(struct anon_vma_chain *avc, const struct vm_area_struct *vma, const char **reason)
{
	bool list = has_list(vma);

	*reason = "AV5: a link names another area";
	if (avc->vma != vma)
		return false;
	*reason = "AV6: a chain leads to several families";
	if (avc->anon_vma->root != vma->anon_vma->root)
		return false;
	*reason = "AV4: an area is not where its anon_vma's tree has it";
	if (!list && (avc->start != vma_first_index(vma) || avc->last != vma_last_index(vma)))
		return false;
	*reason = "AV5: an anon_vma's tree does not have an area that is linked to it";
	if (!list && !avc_tree_walk(&avc->anon_vma->tree, avc->start, avc->last, find_link, avc))
		return false;
	return areas_are_valid(avc, list, reason);
}

static bool chain_is_valid(const struct vm_area_struct *vma, const char **reason)
{
	struct list_link *l;
	bool owns = false;

	for_each_link(l, vma)
	{
		owns |= avc_of(l)->anon_vma == vma->anon_vma;
		*reason = "AV8: the links of an area differ in how far it was moved";
		if (avc_of(l)->moved != anon_vma_moved(vma))
			return false;
		if (!link_is_valid(avc_of(l), vma, reason))
			return false;
	}
	*reason = "AV1: an area's anon_vma is not in its chain";
	return owns;
}

bool anon_vma_validate(const struct vm_area_struct *vma, const char **reason)
{
	bool valid;

	if (!i_mmap_validate(vma, reason))
		return false;
	if (!vma->anon_vma) {
		*reason = "AV1: an area without an anon_vma has a chain";
		return list_empty(&vma->anon_vma_chain);
	}
	rw_read_lock(family_lock(vma));
	valid = chain_is_valid(vma, reason);
	rw_read_unlock(family_lock(vma));
	return valid;
}
