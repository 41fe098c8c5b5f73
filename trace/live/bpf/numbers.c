/* SPDX-License-Identifier: MIT */
/* Pointers of the kernel become small numbers: they tell equal from different, and nothing of where things lie. */
#include "internal.h"

void numbers_init(struct numbers *n)
{
	mt_init_flags(&n->tree, 0);
	n->last = 0;
}

/* 0 without memory is 0 as for NULL: two areas then seem to have none, rather than the same one. */
uint32_t number_of(struct numbers *n, uint64_t pointer)
{
	void *known = pointer ? mtree_load(&n->tree, pointer) : NULL;

	if (!pointer || known)
		return known ? (uint32_t)xa_to_value(known) : 0;
	if (mtree_store(&n->tree, pointer, xa_mk_value(n->last + 1), GFP_KERNEL))
		return 0;
	return ++n->last;
}

void numbers_destroy(struct numbers *n)
{
	mtree_destroy(&n->tree);
}
