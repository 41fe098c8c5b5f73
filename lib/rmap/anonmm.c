/* SPDX-License-Identifier: MIT */
/*
 * anonmm: anonymous pages are known by the process and the address, not by the area.
 *
 * 1. Meaning.  All address spaces forked from each other since the last exec are one family.  A page belongs to a
 *    family and has an address (page->index, in pages), and whoever of the family maps it maps it there.  A walk looks
 *    at that one address in each member.
 * 2. What it gives.  Nothing depends on areas: whatever two neighbours are, as far as their pages go they may merge; a
 *    split costs nothing; one small object per process instead of one per area and ancestor.
 * 3. What it costs.  A page that mremap moves changes its address. If others of the family have it too, it cannot
 *    be at both addresses: whoever moves gets a copy (move() says no, and fits() when it comes back from swap).
 *    And a walk looks at every member, even at those that exec'd nothing but never had the page.
 * 4. Invariants (validate names the one that fails)
 *    AM1  an area with pages has its mm's member, which counts these areas.
 *    AM2  a member is in its family's list, once.
 * 5. Locks.  The family's: for reading to walk, for writing to change the list of members or the address of a page.
 *
 * Dickins 2004, from an idea of Torvalds; never merged into Linux. Files as in Linux 2.6.7.
 */
#include "internal.h"

struct family {
	struct rw_lock lock;
	unsigned long refs; /* members and pages; atomic */
	struct list_link members;
};

/* What this design calls an anon_vma: the mm, as all its areas refer to it. */
struct member {
	struct list_link same_family;
	struct family *family;
	struct mm_struct *mm;
	unsigned long areas; /* of mm that refer to it */
};

#define member_of_link(l) list_entry(l, struct member, same_family)

static struct member *member_of(const struct vm_area_struct *vma)
{
	return (struct member *)vma->anon_vma;
}

static void family_put(struct family *family)
{
	if (__atomic_sub_fetch(&family->refs, 1, __ATOMIC_ACQ_REL) == 0)
		rmap_free(family, sizeof(*family));
}

static struct family *family_new(void)
{
	struct family *family = rmap_alloc(sizeof(*family));

	if (!family)
		return NULL;
	*family = (struct family){ .lock = RW_LOCK_INIT(LOCK_ANON) };
	list_init(&family->members);
	return family;
}

/* The newest comes last: a child behind its parent. */
static struct member *member_new(struct mm_struct *mm, struct family *family)
{
	struct member *m = rmap_alloc(sizeof(*m));

	if (!m)
		return NULL;
	*m = (struct member){ .family = family, .mm = mm };
	__atomic_fetch_add(&family->refs, 1, __ATOMIC_RELAXED);
	rw_write_lock(&family->lock);
	list_add_tail(&m->same_family, &family->members);
	rw_write_unlock(&family->lock);
	mm->rmap_private = m;
	return m;
}

static void join(struct vm_area_struct *vma, struct member *m)
{
	m->areas++;
	__atomic_store_n(&vma->anon_vma, (struct anon_vma *)m, __ATOMIC_RELEASE);
}

static int anonmm_prepare(
	struct vm_area_struct *vma, struct vm_area_struct *prev, struct vm_area_struct *next)
{
	struct member *m = vma->vm_mm->rmap_private;
	struct family *family;

	if (!m) {
		family = family_new();
		m = family ? member_new(vma->vm_mm, family) : NULL;
		if (!m) {
			rmap_free(family, sizeof(*family));
			return -ENOMEM;
		}
	}
	join(vma, m);
	return 0;
}

static int anonmm_clone(struct vm_area_struct *dst, const struct vm_area_struct *src)
{
	if (src->anon_vma)
		join(dst, member_of(src));
	return 0;
}

static int anonmm_fork(struct vm_area_struct *child, const struct vm_area_struct *parent)
{
	struct member *m = child->vm_mm->rmap_private;

	if (!parent->anon_vma)
		return 0;
	if (!m)
		m = member_new(child->vm_mm, member_of(parent)->family);
	if (!m)
		return -ENOMEM;
	join(child, m);
	return 0;
}

static void anonmm_unlink(struct vm_area_struct *vma)
{
	struct member *m = member_of(vma);

	if (!m)
		return;
	vma->anon_vma = NULL;
	if (--m->areas)
		return;
	rw_write_lock(&m->family->lock);
	list_del(&m->same_family);
	rw_write_unlock(&m->family->lock);
	m->mm->rmap_private = NULL;
	family_put(m->family);
	rmap_free(m, sizeof(*m));
}

static bool anonmm_may_merge(
	const struct vm_area_struct *target, const struct anon_vma *src, const struct vm_area_struct *src_vma)
{
	return true;
}

static void anonmm_own(struct page *page, const struct rmap_place *place, bool alone)
{
	struct family *family = member_of(place->vma)->family;

	__atomic_fetch_add(&family->refs, 1, __ATOMIC_RELAXED);
	page->index = place->addr >> page_shift(place->vma);
	__atomic_store_n(&page->mapping, (uintptr_t)family | PAGE_ANON, __ATOMIC_RELAXED);
}

static void anonmm_own_alone(struct page *page, const struct rmap_place *place)
{
}

static void anonmm_disown(struct page *page)
{
	family_put(page_owner(page));
}

static bool anonmm_fits(const struct page *page, const struct rmap_place *place)
{
	return page->index == place->addr >> page_shift(place->vma);
}

/* Pages of a file stay where they are in the file. One in the swap cache may be wanted at the old address by others. */
static bool anonmm_move(struct page *page, const struct rmap_place *from, const struct rmap_place *to)
{
	if (!page_is_anon(page))
		return true;
	if (page_mapcount(page) > 1 || __atomic_load_n(&page->swap, __ATOMIC_RELAXED))
		return false;
	page->index = to->addr >> page_shift(to->vma);
	return true;
}

static void anonmm_lock(struct vm_area_struct *vma)
{
	i_mmap_lock(vma);
	if (vma->anon_vma)
		rw_write_lock(&member_of(vma)->family->lock);
}

static void anonmm_unlock(struct vm_area_struct *vma)
{
	if (vma->anon_vma)
		rw_write_unlock(&member_of(vma)->family->lock);
	i_mmap_unlock(vma);
}

/* A walk goes to one address, and the page has changed it. */
static bool anonmm_in_order(const struct vm_area_struct *first, const struct vm_area_struct *then, bool fresh)
{
	return !first->anon_vma && i_mmap_in_order(first, then, fresh);
}

static void anonmm_walk(struct page *page, struct rmap_walk *walk)
{
	struct family *family = page_owner(page);

	rw_read_lock(&family->lock);
	for (struct list_link *l = family->members.next; l != &family->members; l = l->next) {
		struct mm_struct *mm = member_of_link(l)->mm;

		walk->areas++;
		if (walk->visit(page, mm, NULL, page->index << mm->sys->page_shift, false, walk->arg) ==
			RMAP_STOP)
			break;
	}
	rw_read_unlock(&family->lock);
}

static bool anonmm_validate(const struct vm_area_struct *vma, const char **reason)
{
	struct member *m = member_of(vma);
	unsigned long found = 0;

	if (!i_mmap_validate(vma, reason))
		return false;
	if (!m)
		return true;
	*reason = "AM1: an area refers to another process than its own";
	if (m->mm != vma->vm_mm || vma->vm_mm->rmap_private != m || !m->areas)
		return false;
	*reason = "AM2: a process is not in its family, or more than once";
	rw_read_lock(&m->family->lock);
	for (struct list_link *l = m->family->members.next; l != &m->family->members; l = l->next)
		found += member_of_link(l) == m;
	rw_read_unlock(&m->family->lock);
	return found == 1;
}

const struct rmap_ops anonmm_rmap = {
	.name = "anonmm",
	.summary = "anonmm for anonymous pages, prio_tree for files (2004, not merged)",
	.i_mmap = I_MMAP_PRIO,
	.by_address = true,
	.prepare = anonmm_prepare,
	.clone = anonmm_clone,
	.fork = anonmm_fork,
	.unlink = anonmm_unlink,
	.may_merge = anonmm_may_merge,
	.attach = i_mmap_attach,
	.detach = i_mmap_detach,
	.needs = i_mmap_needs, /* the child's member is among what any call has */
	.adjust_begin = i_mmap_adjust_begin,
	.adjust_end = i_mmap_adjust_end,
	.validate = anonmm_validate,
	.own = anonmm_own,
	.own_alone = anonmm_own_alone,
	.disown = anonmm_disown,
	.fits = anonmm_fits,
	.move = anonmm_move,
	.lock = anonmm_lock,
	.unlock = anonmm_unlock,
	.in_order = anonmm_in_order,
	.walk = anonmm_walk,
};
