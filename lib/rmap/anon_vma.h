/* SPDX-License-Identifier: MIT */
/* What the files of one design share: anon_vma.c has the theory, anon_vma_pages.c walks, anon_vma_validate.c checks. */
#ifndef RMAP_ANON_VMA_H
#define RMAP_ANON_VMA_H

#include "internal.h"

struct anon_vma {
	struct anon_vma *root, *parent; /* itself for a root */
	struct rw_lock lock;            /* of a root: guards all that follows, in the whole family */
	unsigned long refs;             /* chain links, pages, and children that point here; atomic */
	unsigned long areas;            /* chain links */
	unsigned long num_children;     /* anon_vmas whose parent this is; a root counts itself */
	unsigned long num_active_vmas;
	union {
		struct rb_root_cached tree;
		struct list_link list;
	};
};

struct anon_vma_chain {
	struct list_link same_vma; /* in vma->anon_vma_chain */
	struct vm_area_struct *vma;
	struct anon_vma *anon_vma;
	pgoff_t moved; /* struct rmap_ops; the same in all links of an area */
	union {
		struct list_link same_anon_vma;
		struct {
			struct rb_node rb;
			pgoff_t start, last, subtree_last;
		};
	};
};

#define AVC_START(avc) ((avc)->start)
#define AVC_LAST(avc)  ((avc)->last)
INTERVAL_TREE_DEFINE(
	struct anon_vma_chain, rb, pgoff_t, subtree_last, AVC_START, AVC_LAST, static inline, avc_tree)

#define avc_of(link)           list_entry(link, struct anon_vma_chain, same_vma)
#define avc_of_same_anon(link) list_entry(link, struct anon_vma_chain, same_anon_vma)
#define for_each_link(l, vma)  for (l = (vma)->anon_vma_chain.next; l != &(vma)->anon_vma_chain; l = l->next)

static inline bool has_list(const struct vm_area_struct *vma)
{
	return vma->vm_mm->sys->rmap->area_list;
}

/* The family's lock; NULL: @vma has none. */
static inline struct rw_lock *family_lock(const struct vm_area_struct *vma)
{
	return vma->anon_vma ? &vma->anon_vma->root->lock : NULL;
}

void anon_vma_put(struct anon_vma *av);
/* Of struct rmap_ops. */
pgoff_t anon_vma_moved(const struct vm_area_struct *vma);

/* --- anon_vma_pages.c: functions of struct rmap_ops ---------------------------------------------------------- */

void anon_vma_own(struct page *page, const struct rmap_place *place, bool alone);
void anon_vma_own_alone(struct page *page, const struct rmap_place *place);
void anon_vma_disown(struct page *page);
void anon_vma_lock(struct vm_area_struct *vma);
void anon_vma_unlock(struct vm_area_struct *vma);
bool anon_vma_in_order(const struct vm_area_struct *first, const struct vm_area_struct *then, bool fresh);
void anon_vma_walk(struct page *page, struct rmap_walk *walk);
void anon_vma_walk_list(struct page *page, struct rmap_walk *walk);

/* --- anon_vma_validate.c -------------------------------------------------------------------------------------- */

bool anon_vma_validate(const struct vm_area_struct *vma, const char **reason);

#endif /* RMAP_ANON_VMA_H */
