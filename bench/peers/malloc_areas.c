/* SPDX-License-Identifier: MIT */
/*
 * Areas from malloc, as an embedder without an object cache would have them: lib/mm is built once more with these in
 * the place of the pool's. What readers may still be looking at is freed after a grace period.
 */
#include <stdlib.h>

#include "pool.h"
#include "rcu.h"

void *malloc_pool_alloc(enum pool_kind kind, gfp_t gfp);
void malloc_pool_free(enum pool_kind kind, void *object);
void malloc_pool_retire(enum pool_kind kind, void *object);

struct object {
	char area[POOL_LINKED_AREA_SIZE];
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
/* So many at a time: a grace period takes longer than what it is for. */
void malloc_pool_retire(enum pool_kind kind, void *object)
{
	static _Thread_local void *retired[256];
	static _Thread_local unsigned int nr;

	retired[nr++] = object;
	if (nr < sizeof(retired) / sizeof(retired[0]))
		return;
	port_synchronize_rcu();
	while (nr)
		free(retired[--nr]);
}
#endif
