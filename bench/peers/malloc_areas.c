/* SPDX-License-Identifier: MIT */
/*
 * Areas from malloc, as an embedder without an object cache would have them: lib/mm is built once more with these in
 * the place of the pool's. What readers may still be looking at is freed by call_rcu().
 */
#include <stdlib.h>

#include "pool.h"
#include "rcu.h"

void *malloc_pool_alloc(enum pool_kind kind, gfp_t gfp);
void malloc_pool_free(enum pool_kind kind, void *object);
void malloc_pool_retire(enum pool_kind kind, void *object);

/* The last bytes are for call_rcu(). */
struct object {
	char area[POOL_LINKED_AREA_SIZE];
#ifndef VMAPLE_RCU_NONE
	struct rcu_head head;
#endif
};

void *malloc_pool_alloc(enum pool_kind kind, gfp_t gfp)
{
	return aligned_alloc(64, (sizeof(struct object) + 63) & ~63UL);
}

void malloc_pool_free(enum pool_kind kind, void *object)
{
	free(object);
}

#ifdef VMAPLE_RCU_NONE
void malloc_pool_retire(enum pool_kind kind, void *object)
{
	free(object);
}
#else
static void free_object(struct rcu_head *head)
{
	free((char *)head - offsetof(struct object, head));
}

void malloc_pool_retire(enum pool_kind kind, void *object)
{
	PORT_RCU(call_rcu)(&((struct object *)object)->head, free_object);
}
#endif
