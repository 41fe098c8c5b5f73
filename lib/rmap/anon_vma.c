/* SPDX-License-Identifier: MIT */
/*
 * anon_vma and anon_vma_chain: which areas may map the anonymous pages of an area.
 *
 * 1. Meaning.  An anon_vma stands for "pages first written in this area".  An area owns one from its first write
 *    on (vma->anon_vma), and is linked, through one anon_vma_chain (avc) each, to every anon_vma whose pages it may
 *    map: its own, and after a fork those of its ancestors.  Two areas split from one share it.
 *
 * 2. Reuse.  fork() gives each child area an anon_vma of its own, so that a walk from a child's page does not visit
 *    the parent.  Without care, a program that forks, lets the child fork, and so on would own a chain as long as
 *    its ancestry; so an ancestor's anon_vma that no area calls its own and that has less than two children is
 *    taken instead of a new one.
 *
 * 3. Invariants (validate names the one that fails)
 *    R1  vma->anon_vma is NULL or is in the area's chain.
 *    R2  anon_vma.areas is the number of chain links to it; num_active_vmas the number of areas that own it;
 *        num_active_vmas <= areas.
 *    R3  an anon_vma with no link is not referenced by any chain: it is freed, once its children are gone.
 *
 * 4. Failure.  clone and fork allocate every link before the first is made, so a failure leaves no trace.
 *
 * Riel 2010 (chains), Konstantin Khlebnikov 2015 (reuse).
 */
#include <vmaple/rmap.h>

#include "alloc.h"
#include "list.h"

struct anon_vma {
	struct anon_vma *parent;    /* itself for a root */
	unsigned long refs;         /* chain links, and children that point here */
	unsigned long areas;        /* chain links */
	unsigned long num_children; /* anon_vmas whose parent this is; a root counts itself */
	unsigned long num_active_vmas;
};

struct anon_vma_chain {
	struct list_link same_vma; /* in vma->anon_vma_chain */
	struct anon_vma *anon_vma;
};

#define avc_of(link) list_entry(link, struct anon_vma_chain, same_vma)

static struct anon_vma *anon_vma_alloc(struct anon_vma *parent)
{
	struct anon_vma *av = port_alloc(sizeof(*av), _Alignof(struct anon_vma), GFP_KERNEL);

	if (!av)
		return NULL;
	*av = (struct anon_vma){ .parent = parent ? parent : av };
	av->parent->num_children++;
	if (parent)
		parent->refs++;
	return av;
}

static void anon_vma_put(struct anon_vma *av)
{
	while (--av->refs == 0) {
		struct anon_vma *parent = av->parent;

		port_free(av, sizeof(*av));
		if (parent == av)
			return;
		av = parent;
	}
}

/* The last area has left: the parent may be reused again. */
static void anon_vma_abandoned(struct anon_vma *av)
{
	av->parent->num_children--;
}

static void chain_link(struct vm_area_struct *vma, struct anon_vma_chain *avc, struct anon_vma *av)
{
	avc->anon_vma = av;
	av->refs++;
	av->areas++;
	list_add(&avc->same_vma, &vma->anon_vma_chain);
}

static void free_chain(struct list_link *spare)
{
	while (!list_empty(spare)) {
		struct anon_vma_chain *avc = avc_of(spare->next);

		list_del(&avc->same_vma);
		port_free(avc, sizeof(*avc));
	}
}

/* Put @nr unlinked avcs on @spare. */
static int alloc_chain(struct list_link *spare, unsigned long nr)
{
	list_init(spare);
	while (nr--) {
		struct anon_vma_chain *avc =
			port_alloc(sizeof(*avc), _Alignof(struct anon_vma_chain), GFP_KERNEL);

		if (!avc) {
			free_chain(spare);
			return -ENOMEM;
		}
		list_add(&avc->same_vma, spare);
	}
	return 0;
}

static struct anon_vma_chain *take_avc(struct list_link *spare)
{
	struct list_link *link = spare->next;

	list_del(link);
	return avc_of(link);
}

static unsigned long chain_length(const struct vm_area_struct *vma)
{
	unsigned long nr = 0;

	for (const struct list_link *l = vma->anon_vma_chain.next; l != &vma->anon_vma_chain; l = l->next)
		nr++;
	return nr;
}

static bool chain_is_singular(const struct vm_area_struct *vma)
{
	return vma->anon_vma_chain.next != &vma->anon_vma_chain &&
	       vma->anon_vma_chain.next == vma->anon_vma_chain.prev;
}

/* Neighbours that would be one but for what mprotect can change: their pages can live in one anon_vma. */
static bool areas_may_share(const struct vm_area_struct *a, const struct vm_area_struct *b)
{
	return a->vm_end == b->vm_start && a->policy == b->policy && a->vm_file == b->vm_file &&
	       !((a->vm_flags ^ b->vm_flags) & ~(VM_ACCESS_FLAGS | VM_SOFTDIRTY)) &&
	       b->vm_pgoff == a->vm_pgoff + ((a->vm_end - a->vm_start) >> a->vm_mm->sys->page_shift);
}

static struct anon_vma *anon_vma_of_neighbour(const struct vm_area_struct *vma,
	const struct vm_area_struct *prev, const struct vm_area_struct *next)
{
	if (next && next->anon_vma && chain_is_singular(next) && areas_may_share(vma, next))
		return next->anon_vma;
	if (prev && prev->anon_vma && chain_is_singular(prev) && areas_may_share(prev, vma))
		return prev->anon_vma;
	return NULL;
}

static int anon_vma_prepare(
	struct vm_area_struct *vma, struct vm_area_struct *prev, struct vm_area_struct *next)
{
	struct anon_vma *av = anon_vma_of_neighbour(vma, prev, next);
	struct list_link spare;

	if (alloc_chain(&spare, 1))
		return -ENOMEM;
	if (!av)
		av = anon_vma_alloc(NULL);
	if (!av) {
		free_chain(&spare);
		return -ENOMEM;
	}
	chain_link(vma, take_avc(&spare), av);
	vma->anon_vma = av;
	av->num_active_vmas++;
	return 0;
}

/* Link @dst to everything that @src is linked to, in the same order, with links from @spare. */
static void link_all(struct vm_area_struct *dst, const struct vm_area_struct *src, struct list_link *spare)
{
	for (struct list_link *l = src->anon_vma_chain.prev; l != &src->anon_vma_chain; l = l->prev)
		chain_link(dst, take_avc(spare), avc_of(l)->anon_vma);
}

static int anon_vma_clone(struct vm_area_struct *dst, const struct vm_area_struct *src)
{
	struct list_link spare;

	if (alloc_chain(&spare, chain_length(src)))
		return -ENOMEM;
	link_all(dst, src, &spare);
	dst->anon_vma = src->anon_vma;
	if (dst->anon_vma)
		dst->anon_vma->num_active_vmas++;
	return 0;
}

/* An ancestor's anon_vma that nobody owns: oldest of the chain first, as links are tried from its tail. */
static struct anon_vma *reusable_ancestor(const struct vm_area_struct *vma)
{
	for (struct list_link *l = vma->anon_vma_chain.prev; l != &vma->anon_vma_chain; l = l->prev) {
		struct anon_vma *av = avc_of(l)->anon_vma;

		if (av->num_children < 2 && av->num_active_vmas == 0)
			return av;
	}
	return NULL;
}

static int anon_vma_fork(struct vm_area_struct *child, const struct vm_area_struct *parent)
{
	struct list_link spare;
	struct anon_vma *own;

	if (!parent->anon_vma)
		return 0;
	own = reusable_ancestor(parent);
	if (alloc_chain(&spare, chain_length(parent) + !own))
		return -ENOMEM;
	if (!own) {
		own = anon_vma_alloc(parent->anon_vma);
		if (!own) {
			free_chain(&spare);
			return -ENOMEM;
		}
		link_all(child, parent, &spare);
		chain_link(child, take_avc(&spare), own);
	} else {
		link_all(child, parent, &spare);
	}
	child->anon_vma = own;
	own->num_active_vmas++;
	return 0;
}

static void anon_vma_unlink(struct vm_area_struct *vma)
{
	if (vma->anon_vma)
		vma->anon_vma->num_active_vmas--;
	vma->anon_vma = NULL;
	for (struct list_link *l = vma->anon_vma_chain.next; l != &vma->anon_vma_chain; l = l->next)
		if (--avc_of(l)->anon_vma->areas == 0)
			anon_vma_abandoned(avc_of(l)->anon_vma);
	while (!list_empty(&vma->anon_vma_chain)) {
		struct anon_vma_chain *avc = avc_of(vma->anon_vma_chain.next);

		list_del(&avc->same_vma);
		anon_vma_put(avc->anon_vma);
		port_free(avc, sizeof(*avc));
	}
}

/* Pages inherited by fork are found through the chain; an area that takes them over must take all of it. */
static bool may_share_pages_with_parent(const struct vm_area_struct *vma)
{
	return vma && vma->anon_vma && !chain_is_singular(vma);
}

static bool anon_vma_may_merge(
	const struct vm_area_struct *target, const struct anon_vma *src, const struct vm_area_struct *src_vma)
{
	if (!target->anon_vma && src)
		return target->vm_mm->sys->kernel->untouched_takes_touched &&
		       !may_share_pages_with_parent(src_vma);
	if (target->anon_vma && !src)
		return !may_share_pages_with_parent(target);
	return target->anon_vma == src;
}

static bool anon_vma_validate(const struct vm_area_struct *vma, const char **reason)
{
	bool owns = false;

	for (const struct list_link *l = vma->anon_vma_chain.next; l != &vma->anon_vma_chain; l = l->next) {
		const struct anon_vma *av = avc_of(l)->anon_vma;

		owns |= av == vma->anon_vma;
		if (av->areas == 0 || av->num_active_vmas > av->areas) {
			*reason = "R2: an anon_vma counts fewer areas than are linked to it";
			return false;
		}
	}
	if (vma->anon_vma && !owns) {
		*reason = "R1: an area's anon_vma is not in its chain";
		return false;
	}
	return true;
}

const struct rmap_ops anon_vma_rmap = {
	.name = "anon_vma",
	.prepare = anon_vma_prepare,
	.clone = anon_vma_clone,
	.fork = anon_vma_fork,
	.unlink = anon_vma_unlink,
	.may_merge = anon_vma_may_merge,
	.validate = anon_vma_validate,
};
