/* SPDX-License-Identifier: MIT */
/*
 * Memory and grace periods for the kernel's maple tree in user space.
 *
 * 1. A cache is a free list of the calling thread, refilled 64 objects at a time; nothing goes back to the host.
 * 2. call_rcu() gathers 62 callbacks and pays one grace period for them.
 *    With linux_call_rcu_each set, each callback pays its own.
 * 3. A sheaf of objects that are sure to be had is a list of the thread's, and stays so for the next that asks for one.
 * 4. What is freed after a grace period goes to a list that all threads share; a thread whose own list is empty
 *    takes the whole of it.
 */
#include "reclaim.h"

#include <stdint.h>
#include <stdlib.h>
#include <urcu/urcu-memb.h>
#include <urcu/call-rcu.h>

#define BATCH  62
#define REFILL 64

/* What maple_tree.c sees, as shim.h declares it; liburcu has an rcu_head of its own. */
struct kmem_cache {
	unsigned int size, align;
};
struct kernel_rcu_head {
	struct kernel_rcu_head *next;
	void (*func)(struct kernel_rcu_head *head);
};
struct kmem_cache *linux_cache(unsigned int size, unsigned int align);
void *kmem_cache_alloc(struct kmem_cache *cache, unsigned int gfp);
int kmem_cache_alloc_bulk(struct kmem_cache *cache, unsigned int gfp, size_t nr, void **objects);
void kmem_cache_free(struct kmem_cache *cache, void *object);
void kmem_cache_free_bulk(struct kmem_cache *cache, size_t nr, void **objects);
void call_rcu(struct kernel_rcu_head *head, void (*func)(struct kernel_rcu_head *head));

struct object {
	struct object *next;
};
struct batch {
	struct rcu_head head; /* liburcu's */
	unsigned int nr;
	struct kernel_rcu_head *callback[BATCH];
};

bool linux_call_rcu_each;

/* The maple tree has one cache; so has this file. */
static struct kmem_cache the_cache;
static __thread struct object *my_free;
static __thread bool in_callback;
static __thread struct batch *my_batch;
static struct object *shared;
static long taken, given_back; /* objects; the second by callbacks, in another thread */

struct kmem_cache *linux_cache(unsigned int size, unsigned int align)
{
	the_cache = (struct kmem_cache){ .size = size, .align = align };
	return &the_cache;
}

static bool refill(const struct kmem_cache *cache)
{
	char *memory;

	my_free = __atomic_exchange_n(&shared, NULL, __ATOMIC_ACQUIRE);
	if (my_free)
		return true;
	memory = aligned_alloc(cache->align, (size_t)REFILL * cache->size);
	for (unsigned int i = 0; memory && i < REFILL; i++) {
		struct object *o = (struct object *)(memory + (size_t)i * cache->size);

		o->next = my_free;
		my_free = o;
	}
	return memory;
}

static struct object *take(const struct kmem_cache *cache)
{
	struct object *o;

	if (!my_free && !refill(cache))
		return NULL;
	o = my_free;
	my_free = o->next;
	return o;
}

void *kmem_cache_alloc(struct kmem_cache *cache, unsigned int gfp)
{
	struct object *o = take(cache);

	taken += o != NULL;
	return o;
}

int kmem_cache_alloc_bulk(struct kmem_cache *cache, unsigned int gfp, size_t nr, void **objects)
{
	for (size_t i = 0; i < nr; i++) {
		objects[i] = kmem_cache_alloc(cache, gfp);
		if (!objects[i]) {
			kmem_cache_free_bulk(cache, i, objects);
			return 0;
		}
	}
	return (int)nr;
}

/* One thread writes to one tree at a time, so one sheaf is enough. */
struct slab_sheaf {
	struct object *first;
	unsigned int nr;
};
static __thread struct slab_sheaf my_sheaf;
struct slab_sheaf *kmem_cache_prefill_sheaf(struct kmem_cache *cache, unsigned int gfp, unsigned int nr);
int kmem_cache_refill_sheaf(
	struct kmem_cache *cache, unsigned int gfp, struct slab_sheaf **sheaf, unsigned int nr);
void *kmem_cache_alloc_from_sheaf(struct kmem_cache *cache, unsigned int gfp, struct slab_sheaf *sheaf);
unsigned int kmem_cache_sheaf_size(struct slab_sheaf *sheaf);
void kmem_cache_return_sheaf(struct kmem_cache *cache, unsigned int gfp, struct slab_sheaf *sheaf);

int kmem_cache_refill_sheaf(
	struct kmem_cache *cache, unsigned int gfp, struct slab_sheaf **sheaf, unsigned int nr)
{
	for (struct slab_sheaf *s = *sheaf; s->nr < nr; s->nr++) {
		struct object *o = take(cache);

		if (!o)
			return -1;
		o->next = s->first;
		s->first = o;
	}
	return 0;
}

struct slab_sheaf *kmem_cache_prefill_sheaf(struct kmem_cache *cache, unsigned int gfp, unsigned int nr)
{
	struct slab_sheaf *sheaf = &my_sheaf;

	return kmem_cache_refill_sheaf(cache, gfp, &sheaf, nr) ? NULL : sheaf;
}

void *kmem_cache_alloc_from_sheaf(struct kmem_cache *cache, unsigned int gfp, struct slab_sheaf *sheaf)
{
	struct object *o = sheaf->first;

	if (!o)
		return NULL;
	sheaf->first = o->next;
	sheaf->nr--;
	taken++;
	return o;
}

unsigned int kmem_cache_sheaf_size(struct slab_sheaf *sheaf)
{
	return sheaf->nr;
}

void kmem_cache_return_sheaf(struct kmem_cache *cache, unsigned int gfp, struct slab_sheaf *sheaf)
{
}

static void share(struct object *o)
{
	o->next = __atomic_load_n(&shared, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&shared, &o->next, o, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	struct object *o = object;

	if (!in_callback) {
		taken--;
		o->next = my_free;
		my_free = o;
		return;
	}
	__atomic_fetch_add(&given_back, 1, __ATOMIC_RELAXED);
	share(o);
}

void kmem_cache_free_bulk(struct kmem_cache *cache, size_t nr, void **objects)
{
	while (nr)
		kmem_cache_free(cache, objects[--nr]);
}

/* kfree_rcu()'s functions are offsets. */
static void run(struct kernel_rcu_head *head)
{
	if ((uintptr_t)head->func < 4096)
		kmem_cache_free(&the_cache, (char *)head - (uintptr_t)head->func);
	else
		head->func(head);
}

static void run_batch(struct rcu_head *head)
{
	struct batch *batch = (struct batch *)head;

	in_callback = true;
	for (unsigned int i = 0; i < batch->nr; i++)
		run(batch->callback[i]);
	in_callback = false;
	free(batch);
}

void call_rcu(struct kernel_rcu_head *head, void (*func)(struct kernel_rcu_head *head))
{
	struct batch *batch = my_batch;

	if (!batch) {
		batch = malloc(sizeof(*batch));
		if (!batch)
			abort();
		batch->nr = 0;
	}
	head->func = func;
	batch->callback[batch->nr++] = head;
	my_batch = batch;
	if (batch->nr == BATCH || linux_call_rcu_each) {
		my_batch = NULL;
		urcu_memb_call_rcu(&batch->head, run_batch);
	}
}

/* Our own library is not liburcu's: it waits for readers that it has been told of. */
static __thread bool registered;

void linux_read_lock(void)
{
	if (!registered)
		urcu_memb_register_thread();
	registered = true;
	urcu_memb_read_lock();
}

void linux_read_unlock(void)
{
	urcu_memb_read_unlock();
}

long linux_live_objects(void)
{
	return taken - __atomic_load_n(&given_back, __ATOMIC_RELAXED);
}

static void submit(void)
{
	if (my_batch)
		urcu_memb_call_rcu(&my_batch->head, run_batch);
	my_batch = NULL;
}

void linux_barrier(void)
{
	submit();
	urcu_memb_barrier();
}

void linux_thread_exit(void)
{
	submit();
	if (registered)
		urcu_memb_unregister_thread();
	registered = false;
	while (my_free) {
		struct object *o = my_free;

		my_free = o->next;
		share(o);
	}
}
