/* SPDX-License-Identifier: MIT */
/* All designs, in the order in which they came. */
#include <string.h>

#include "internal.h"

const struct rmap_ops *const rmap_designs[] = { &pte_chain_rmap, &objrmap_rmap, &anon_list_rmap, &anonmm_rmap,
	&anon_vma_chain_rmap, &anon_vma_rmap, NULL };

const struct rmap_ops *rmap_design(const char *name)
{
	for (int i = 0; rmap_designs[i]; i++)
		if (strcmp(rmap_designs[i]->name, name) == 0)
			return rmap_designs[i];
	return NULL;
}
