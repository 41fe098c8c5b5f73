/* SPDX-License-Identifier: MIT */
/* Without BPF, or with another index than the library's, nobody tells who shares an anon_vma. */
#include "oracle.h"

bool sharing_open(void)
{
	fprintf(stderr, "kernel-oracle: --anon-vmas takes BPF, which this one was built without\n");
	return false;
}

void sharing_observe(struct seen *s)
{
}
