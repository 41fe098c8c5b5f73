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
 * 3. Walk.  The areas of an anon_vma are in an interval tree, by the indexes that they map (Lespinasse 2012), or on
 *    a list (Linux 2.6.34 to 3.6), of which a walk has to look at every one: an area cut into n by mprotect costs
 *    O(log n) or O(n) for each of its pages.
 *
 * 4. Invariants (validate names the one that fails)
 *    AV1  vma->anon_vma is NULL or is in the area's chain.
 *    AV2  anon_vma.areas is the number of chain links to it; num_active_vmas the number of areas that own it.
 *    AV3  an anon_vma with no link is in no chain; it is freed once no child and no page refers to it.
 *    AV4  the interval in a link is that of its area.
 *    AV5  a link is in the tree or list of its anon_vma, once, and names its area.
 *    AV6  all anon_vmas of a chain have the same root.
 *    AV7  who is linked to an anon_vma is linked to its parent, and num_children is how many anon_vmas with links have
 *        this one as their parent; a root counts itself.
 *    AV8  the links of an area agree in how far mremap has moved it since it was written.
 *
 * 5. Locks.  One for a whole family, that of its root: for reading to walk, for writing to change links, counts, or
 *    the bounds of an area.  References are atomic. vma->anon_vma is set once, with release, by who has the mm's
 *    prepare lock, and read with acquire by faults.
 *
 * 6. Failure.  clone and fork allocate every link before the first is made, so a failure leaves no trace.
 *
 * Unlike Linux, where a page's anon_vma may be gone and RCU with a slab that keeps its type makes looking at it safe,
 * each page holds a reference to the anon_vma that it is known by.
 *
 * Arcangeli 2004 (anon_vma), Riel 2010 (chains), Lespinasse 2012 (interval trees), Khlebnikov 2015 (reuse).
 */
#include "anon_vma.h"

static size_t avc_size(bool list)
{
	return list ? offsetof(struct anon_vma_chain, same_anon_vma) + sizeof(struct list_link)
		    : sizeof(struct anon_vma_chain);
}

/* A child of @parent, or a root. With a parent under the family's lock. */
static struct anon_vma *anon_vma_alloc(struct anon_vma *parent, bool list)
{
	struct anon_vma *av = rmap_alloc(sizeof(*av));

	if (!av)
		return NULL;
	*av = (struct anon_vma){ .root = parent ? parent->root : av,
		.parent = parent ? parent : av,
		.lock = RW_LOCK_INIT(LOCK_ANON) };
	if (list)
		list_init(&av->list);
	av->parent->num_children++;
	if (parent)
		__atomic_fetch_add(&parent->refs, 1, __ATOMIC_RELAXED);
	return av;
}

void anon_vma_put(struct anon_vma *av)
{
	while (__atomic_sub_fetch(&av->refs, 1, __ATOMIC_ACQ_REL) == 0) {
		struct anon_vma *parent = av->parent;

		rmap_free(av, sizeof(*av));
		if (parent == av)
			return;
		av = parent;
	}
}

/* The newest comes last: a child behind its parent, a moved area behind what it was. */
static void avc_insert(struct anon_vma_chain *avc, bool list)
{
	if (list) {
		list_add_tail(&avc->same_anon_vma, &avc->anon_vma->list);
		return;
	}
	avc->start = vma_first_index(avc->vma);
	avc->last = vma_last_index(avc->vma);
	avc_tree_insert(avc, &avc->anon_vma->tree);
}

static void avc_take_out(struct anon_vma_chain *avc, bool list)
{
	if (list)
		list_del(&avc->same_anon_vma);
	else
		avc_tree_remove(avc, &avc->anon_vma->tree);
}

static void chain_link(
	struct vm_area_struct *vma, struct anon_vma_chain *avc, struct anon_vma *av, pgoff_t moved)
{
	avc->anon_vma = av;
	avc->vma = vma;
	avc->moved = moved;
	__atomic_fetch_add(&av->refs, 1, __ATOMIC_RELAXED);
	av->areas++;
	list_add(&avc->same_vma, &vma->anon_vma_chain);
	avc_insert(avc, has_list(vma));
}

static void free_chain(struct list_link *spare, bool list)
{
	while (!list_empty(spare)) {
		struct anon_vma_chain *avc = avc_of(spare->next);

		list_del(&avc->same_vma);
		rmap_free(avc, avc_size(list));
	}
}

/* Put @nr unlinked avcs on @spare. */
static int alloc_chain(struct list_link *spare, unsigned long nr, bool list)
{
	list_init(spare);
	while (nr--) {
		struct anon_vma_chain *avc = rmap_alloc(avc_size(list));

		if (!avc) {
			free_chain(spare, list);
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
	const struct list_link *l;
	unsigned long nr = 0;

	for_each_link(l, vma) nr++;
	return nr;
}

static bool chain_is_singular(const struct vm_area_struct *vma)
{
	return vma->anon_vma_chain.next != &vma->anon_vma_chain &&
	       vma->anon_vma_chain.next == vma->anon_vma_chain.prev;
}

pgoff_t anon_vma_moved(const struct vm_area_struct *vma)
{
	return list_empty(&vma->anon_vma_chain) ? 0 : avc_of(vma->anon_vma_chain.next)->moved;
}

/* The own pages of @vma, if it has any, are where they were written, or that is not asked. */
static bool own_pages_adjoin(const struct vm_area_struct *vma)
{
	const struct mm_system *sys = vma->vm_mm->sys;

	return !vma->vm_file || !sys->kernel->own_pages_adjoin || !sys->rmap->moved(vma);
}

bool anon_vma_compatible(const struct vm_area_struct *a, const struct vm_area_struct *b)
{
	return a->vm_end == b->vm_start && a->policy == b->policy && a->vm_file == b->vm_file &&
	       !((a->vm_flags ^ b->vm_flags) & ~(VM_ACCESS_FLAGS | VM_STICKY)) &&
	       b->vm_pgoff == a->vm_pgoff + ((a->vm_end - a->vm_start) >> page_shift(a));
}

static const struct vm_area_struct *anon_vma_lender(const struct vm_area_struct *vma,
	const struct vm_area_struct *prev, const struct vm_area_struct *next)
{
	if (next && next->anon_vma && chain_is_singular(next) && anon_vma_compatible(vma, next) &&
		own_pages_adjoin(next))
		return next;
	if (prev && prev->anon_vma && chain_is_singular(prev) && anon_vma_compatible(prev, vma) &&
		own_pages_adjoin(prev))
		return prev;
	return NULL;
}

static void become_owner(struct vm_area_struct *vma, struct anon_vma *av)
{
	av->num_active_vmas++;
	__atomic_store_n(&vma->anon_vma, av, __ATOMIC_RELEASE);
}

static int anon_vma_prepare(
	struct vm_area_struct *vma, struct vm_area_struct *prev, struct vm_area_struct *next)
{
	const struct vm_area_struct *lender = anon_vma_lender(vma, prev, next);
	struct anon_vma *av = lender ? lender->anon_vma : NULL;
	struct list_link spare;
	struct rw_lock *lock;

	if (alloc_chain(&spare, 1, has_list(vma)))
		return -ENOMEM;
	if (!av)
		av = anon_vma_alloc(NULL, has_list(vma));
	if (!av) {
		free_chain(&spare, has_list(vma));
		return -ENOMEM;
	}
	lock = &av->root->lock;
	rw_write_lock(lock);
	chain_link(vma, take_avc(&spare), av, 0);
	become_owner(vma, av);
	rw_write_unlock(lock);
	return 0;
}

/* Link @dst to everything that @src is linked to, in the same order, with links from @spare. */
static void link_all(struct vm_area_struct *dst, const struct vm_area_struct *src, struct list_link *spare)
{
	pgoff_t moved = rmap_moved_on(anon_vma_moved(src), src, dst->vm_start, dst->vm_pgoff);

	for (struct list_link *l = src->anon_vma_chain.prev; l != &src->anon_vma_chain; l = l->prev)
		chain_link(dst, take_avc(spare), avc_of(l)->anon_vma, moved);
}

static int anon_vma_clone(struct vm_area_struct *dst, const struct vm_area_struct *src)
{
	struct rw_lock *lock = family_lock(src);
	struct list_link spare;

	if (!lock)
		return 0;
	if (alloc_chain(&spare, chain_length(src), has_list(src)))
		return -ENOMEM;
	rw_write_lock(lock);
	link_all(dst, src, &spare);
	become_owner(dst, src->anon_vma);
	rw_write_unlock(lock);
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
	struct rw_lock *lock = family_lock(parent);
	struct list_link spare;
	struct anon_vma *own;

	if (!lock)
		return 0;
	if (alloc_chain(&spare, chain_length(parent) + 1, has_list(parent)))
		return -ENOMEM;
	rw_write_lock(lock);
	own = reusable_ancestor(parent);
	if (!own) {
		own = anon_vma_alloc(parent->anon_vma, has_list(parent));
		if (!own) {
			rw_write_unlock(lock);
			free_chain(&spare, has_list(parent));
			return -ENOMEM;
		}
		link_all(child, parent, &spare);
		chain_link(child, take_avc(&spare), own, anon_vma_moved(child));
	} else {
		link_all(child, parent, &spare);
	}
	become_owner(child, own);
	rw_write_unlock(lock);
	free_chain(&spare, has_list(parent));
	return 0;
}

/* One link and one anon_vma more than it has: for a child. */
static void anon_vma_needs(const struct vm_area_struct *vma, struct mm_needs *needs)
{
	i_mmap_needs(vma, needs);
	if (!vma->anon_vma)
		return;
	rmap_needs(needs, avc_size(has_list(vma)), chain_length(vma) + 1);
	rmap_needs(needs, sizeof(struct anon_vma), 1);
}

/* The last area that leaves lets the parent be reused again. */
static void anon_vma_unlink(struct vm_area_struct *vma)
{
	struct rw_lock *lock = family_lock(vma);
	struct list_link *l;

	if (!lock)
		return;
	rw_write_lock(lock);
	vma->anon_vma->num_active_vmas--;
	vma->anon_vma = NULL;
	for_each_link(l, vma)
	{
		struct anon_vma_chain *avc = avc_of(l);

		avc_take_out(avc, has_list(vma));
		if (--avc->anon_vma->areas == 0)
			avc->anon_vma->parent->num_children--;
	}
	rw_write_unlock(lock);
	/* The lock may go with the last of them. */
	while (!list_empty(&vma->anon_vma_chain)) {
		struct anon_vma_chain *avc = avc_of(vma->anon_vma_chain.next);

		list_del(&avc->same_vma);
		anon_vma_put(avc->anon_vma);
		rmap_free(avc, avc_size(has_list(vma)));
	}
}

static struct rw_lock *lock_of_either(const struct vm_area_struct *a, const struct vm_area_struct *b)
{
	struct rw_lock *lock = family_lock(a);

	return lock || !b ? lock : family_lock(b);
}

static void take_out_all(struct vm_area_struct *vma)
{
	struct list_link *l;

	for_each_link(l, vma) avc_take_out(avc_of(l), has_list(vma));
}

static void insert_all(struct vm_area_struct *vma)
{
	struct list_link *l;

	for_each_link(l, vma) avc_insert(avc_of(l), has_list(vma));
}

/*
 * Both areas, though only one may have an anon_vma: an mprotect that shifts the boundary between two changes the
 * interval of whichever has one. A list needs the lock too: who walks computes addresses from the bounds.
 */
static void anon_vma_adjust_begin(struct vm_area_struct *a, struct vm_area_struct *b)
{
	struct rw_lock *lock = lock_of_either(a, b);

	i_mmap_adjust_begin(a, b);
	if (!lock)
		return;
	rw_write_lock(lock);
	take_out_all(a);
	if (b)
		take_out_all(b);
}

static void anon_vma_adjust_end(struct vm_area_struct *a, struct vm_area_struct *b)
{
	struct rw_lock *lock = lock_of_either(a, b);

	if (lock) {
		insert_all(a);
		if (b)
			insert_all(b);
		rw_write_unlock(lock);
	}
	i_mmap_adjust_end(a, b);
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

#define ANON_VMA_OPS                                                                                        \
	.prepare = anon_vma_prepare, .lender = anon_vma_lender, .clone = anon_vma_clone,                    \
	.fork = anon_vma_fork, .unlink = anon_vma_unlink, .may_merge = anon_vma_may_merge,                  \
	.moved = anon_vma_moved, .attach = i_mmap_attach, .detach = i_mmap_detach, .needs = anon_vma_needs, \
	.adjust_begin = anon_vma_adjust_begin, .adjust_end = anon_vma_adjust_end,                           \
	.validate = anon_vma_validate, .own = anon_vma_own, .own_alone = anon_vma_own_alone,                \
	.disown = anon_vma_disown, .lock = anon_vma_lock, .unlock = anon_vma_unlock,                        \
	.in_order = anon_vma_in_order

const struct rmap_ops anon_vma_rmap = {
	.name = "anon_vma",
	.summary = "anon_vma with chains, interval trees (Linux 3.7)",
	.i_mmap = I_MMAP_INTERVAL,
	.walk = anon_vma_walk,
	ANON_VMA_OPS,
};

const struct rmap_ops anon_vma_chain_rmap = {
	.name = "chains",
	.summary = "anon_vma with chains on lists, prio_tree (Linux 2.6.34)",
	.i_mmap = I_MMAP_PRIO,
	.area_list = true,
	.walk = anon_vma_walk_list,
	ANON_VMA_OPS,
};
