/* SPDX-License-Identifier: MIT */
/*
 * Pools of equal objects with deferred reuse: see pool.h for the theory.
 *
 * Invariants
 *  P1  an object is in exactly one place: in use, in one thread's free list, in one batch, or in the shared list.
 *  P2  what lies in a free list or the shared list is seen by no reader.
 */
#include "pool.h"

#include <vmaple/rcu.h>

#include "alloc.h"
#include "rcu.h"

#define BATCH 62

struct free_object {
	struct free_object *next;
};

struct retire_batch {
	struct rcu_head head;
	unsigned int count;
	unsigned char kind[BATCH];
	void *object[BATCH];
};

struct thread_pool {
	struct free_object *free[POOL_KINDS];
	unsigned int count[POOL_KINDS];
	struct retire_batch *batch;
};

static __thread struct thread_pool my_pool;
/* Objects whose grace period has passed. Pushed and taken whole, so that no ABA problem can arise. */
static struct free_object *shared[POOL_KINDS];

static const size_t object_size[POOL_KINDS] = { POOL_LEAF_SIZE, POOL_INNER_SIZE, POOL_AREA_SIZE,
	POOL_LINKED_AREA_SIZE };

#ifdef PORT_TSAN
char port_tsan_grace;
#endif

void pool_free(enum pool_kind kind, void *object)
{
	struct thread_pool *pool = &my_pool;
	struct free_object *f = object;

	if (pool->count[kind] >= POOL_KEEP) {
		port_free(object, object_size[kind]);
		return;
	}
	f->next = pool->free[kind];
	pool->free[kind] = f;
	pool->count[kind]++;
}

/* Take everything that other threads' grace periods have freed. The acquire pairs with share()'s release. */
static void take_shared(enum pool_kind kind)
{
	struct free_object *f;

	if (!__atomic_load_n(&shared[kind], __ATOMIC_RELAXED))
		return;
	f = __atomic_exchange_n(&shared[kind], NULL, __ATOMIC_ACQUIRE);
	while (f) {
		struct free_object *next = f->next;

		pool_free(kind, f);
		f = next;
	}
}

void *pool_alloc(enum pool_kind kind, gfp_t gfp)
{
	struct thread_pool *pool = &my_pool;
	struct free_object *f;

	if (!pool->free[kind])
		take_shared(kind);
	f = pool->free[kind];
	if (!f)
		return port_alloc(object_size[kind], 64, gfp);
	pool->free[kind] = f->next;
	pool->count[kind]--;
	return f;
}

static void share(enum pool_kind kind, void *object)
{
	struct free_object *f = object;

	f->next = __atomic_load_n(&shared[kind], __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(
		&shared[kind], &f->next, f, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

/* Runs after a grace period, in a thread of the RCU library. */
static void reclaim_batch(struct rcu_head *head)
{
	struct retire_batch *batch = (struct retire_batch *)head;

#ifndef VMAPLE_RCU_NONE
	port_takes_over(head);
	port_period_passed();
#endif
	for (unsigned int i = 0; i < batch->count; i++)
		share((enum pool_kind)batch->kind[i], batch->object[i]);
	port_free(batch, sizeof(*batch));
}

static void submit_batch(struct thread_pool *pool)
{
	if (pool->batch)
		port_call_rcu(&pool->batch->head, reclaim_batch);
	pool->batch = NULL;
}

void pool_retire(enum pool_kind kind, void *object)
{
	struct thread_pool *pool = &my_pool;
	struct retire_batch *batch = pool->batch;

	if (!batch) {
		batch = port_alloc(sizeof(*batch), _Alignof(struct retire_batch), GFP_KERNEL);
		if (!batch) {
#ifndef VMAPLE_RCU_NONE
			PORT_RCU(synchronize_rcu)();
			port_period_passed();
#endif
			pool_free(kind, object);
			return;
		}
		batch->count = 0;
		pool->batch = batch;
	}
	batch->kind[batch->count] = (unsigned char)kind;
	batch->object[batch->count++] = object;
	if (batch->count == BATCH)
		submit_batch(pool);
}

void pool_thread_exit(void)
{
	struct thread_pool *pool = &my_pool;

	submit_batch(pool);
	for (int kind = 0; kind < POOL_KINDS; kind++) {
		while (pool->free[kind]) {
			struct free_object *f = pool->free[kind];

			pool->free[kind] = f->next;
			port_free(f, object_size[kind]);
		}
		pool->count[kind] = 0;
	}
}

void vmaple_rcu_register_thread(void)
{
#ifndef VMAPLE_RCU_NONE
	PORT_RCU(register_thread)();
#endif
}

void vmaple_rcu_unregister_thread(void)
{
	pool_thread_exit();
#ifndef VMAPLE_RCU_NONE
	PORT_RCU(unregister_thread)();
#endif
}

void vmaple_rcu_read_lock(void)
{
	port_rcu_read_lock();
}

void vmaple_rcu_read_unlock(void)
{
	port_rcu_read_unlock();
}

void vmaple_rcu_barrier(void)
{
	submit_batch(&my_pool);
	port_rcu_barrier();
	for (int kind = 0; kind < POOL_KINDS; kind++)
		take_shared((enum pool_kind)kind);
}
