/* SPDX-License-Identifier: MIT */
/*
 * Contender `linux-maple`: Linux 7.3's lib/maple_tree.c, unchanged, over shim.h and reclaim.c; `linux-maple-6.12` that of 6.12.
 * `linux-maple-each` is the first with a call to the RCU library for each node that a write replaces.
 */
#include <linux/maple_tree.h>

#include "peers/maple.h"
#include "reclaim.h"

/* The kernel's own initialisation: makes the cache. */
void maple_tree_init(void);

static void batched(void)
{
	linux_call_rcu_each = false;
}

static void each(void)
{
	linux_call_rcu_each = true;
}

static void tree_prepare(void)
{
	static bool ready;

	if (!ready)
		maple_tree_init();
	ready = true;
}

/* All that is in use belongs to one tree: the question `memory` has one at a time. */
static size_t linux_bytes(void *tree)
{
	linux_barrier();
	return (size_t)linux_live_objects() * sizeof(struct maple_node);
}

#ifdef LINUX_6_12
#define contender_linux_maple contender_linux_maple_6_12
#define MAPLE_NAME            "linux-maple-6.12"
#else
#define MAPLE_NAME "linux-maple"
#endif

const struct contender contender_linux_maple = {
	MAPLE_OPERATIONS,
	.name = MAPLE_NAME,
	.select = batched,
	.bytes = linux_bytes,
	.read_lock = linux_read_lock,
	.read_unlock = linux_read_unlock,
	.barrier = linux_barrier,
	.thread_exit = linux_thread_exit,
};

const struct contender contender_linux_maple_each = {
	MAPLE_OPERATIONS,
	.name = "linux-maple-each",
	.same_but_for_rcu = true,
	.select = each,
	.read_lock = linux_read_lock,
	.read_unlock = linux_read_unlock,
	.barrier = linux_barrier,
	.thread_exit = linux_thread_exit,
};
