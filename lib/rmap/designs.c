/* SPDX-License-Identifier: MIT */
/* All designs, in the order in which they came, and the memory that they have. */

#include "internal.h"
#include "pool.h"
#include "bytes.h"

const struct rmap_ops *const rmap_designs[] = { &pte_chain_rmap, &objrmap_rmap, &anon_list_rmap, &anonmm_rmap,
	&anon_vma_chain_rmap, &anon_vma_rmap, NULL };

/* What all designs together have allocated. Atomic. */
static struct {
	unsigned long bytes;
} memory;

void *rmap_alloc(size_t size)
{
	void *mem = pool_alloc_size(size);

	if (mem)
		__atomic_fetch_add(&memory.bytes, size, __ATOMIC_RELAXED);
	return mem;
}

void rmap_free(void *mem, size_t size)
{
	if (!mem)
		return;
	__atomic_fetch_sub(&memory.bytes, size, __ATOMIC_RELAXED);
	pool_free_size(mem, size);
}

void rmap_needs(struct mm_needs *needs, size_t size, unsigned long nr)
{
	switch (pool_kind_of_size(size)) {
	case POOL_SMALL:
		needs->small += nr;
		break;
	case POOL_MIDDLE:
		needs->middle += nr;
		break;
	default:
		needs->large += nr;
	}
}

unsigned long rmap_bytes(void)
{
	return __atomic_load_n(&memory.bytes, __ATOMIC_RELAXED);
}

const struct rmap_ops *rmap_design(const char *name)
{
	for (int i = 0; rmap_designs[i]; i++)
		if (strcmp(rmap_designs[i]->name, name) == 0)
			return rmap_designs[i];
	return NULL;
}
