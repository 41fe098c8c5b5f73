/* SPDX-License-Identifier: MIT */
/*
 * An address space under a lock, for the questions about threads. space.c is compiled twice: with the library as it is,
 * and with its sources built again so that areas come from malloc (peers/malloc_areas.c).
 */
#ifndef BENCH_SPACE_H
#define BENCH_SPACE_H

#include <pthread.h>
#include <vmaple/mm.h>

struct space {
	struct mm_system sys;
	struct mm_struct mm;
	pthread_rwlock_t lock; /* its mmap_lock */
};

/* Address of the first area; all are of one page, with holes of one page. */
#define SPACE_FIRST (1UL << 32)

struct space_ops {
	struct space *(*make)(size_t n); /* of @n areas, in RCU mode */
	void (*free)(struct space *space);
	/* With the lock held: map a page at @addr with @prot, over whatever is there. */
	void (*map)(struct space *space, unsigned long addr, unsigned long prot);
	/* Map a page somewhere and unmap it, each under the lock. */
	void (*pair)(struct space *space);
};

extern const struct space_ops space_ops, malloc_space_ops;

#endif /* BENCH_SPACE_H */
