/* SPDX-License-Identifier: MIT */
/*
 * Magazines: each thread's own objects (pool.h, 1 and 2).
 *
 * The lock of the list of threads is a leaf: nothing is taken inside it, but by fork.
 */
#include "reclaim.h"

#include "alloc.h"
#include "linux_names.h"
#include "list.h"
#include "bytes.h"
#include "thread_local.h"

#define REFILL       31 /* objects that a thread takes from slabs at a time */
#define REFILL_LARGE 4  /* of those beyond 1 KiB, which a program may need few of */

/* The counters are written by the owner alone and read by anybody. */
struct kind_counters {
	unsigned long allocated, missed, freed, retired;
};

struct thread_cache {
	struct magazine *loaded[POOL_KINDS];       /* to take from and put into; NULL: none yet */
	struct magazine *retiring[POOL_KINDS];     /* readers may be in these objects */
	struct magazine *preallocated[POOL_KINDS]; /* full, for a call that is to come: pool_preallocate() */
	struct magazine *spare;                    /* empty ones */
	unsigned int nr_spare;                     /* how many there are */
	unsigned int keep_spare;                   /* with that many, or one, more go to the depot */
	struct kind_counters counters[POOL_KINDS];
	struct list_link link; /* among all threads */
	bool listed;
};

static THREAD_LOCAL struct thread_cache my_cache THREAD_LOCAL_STATIC;

static struct {
	spinlock_t lock;
	struct list_link list;
	struct kind_counters gone[POOL_KINDS]; /* of threads that have ended */
} threads = { .list = { &threads.list, &threads.list } };

/* Who has objects of its own in each thread: written once each, under the lock of the list of threads. */
static void (*at_exit[8])(void);

bool pool_refuses(enum pool_kind kind)
{
	return port_refuses(pool_object_size(kind));
}

static void count(unsigned long *counter, unsigned long nr)
{
	__atomic_store_n(counter, *counter + nr, __ATOMIC_RELAXED);
}

static void appear(struct thread_cache *tc)
{
	if (tc->listed)
		return;
	reclaim_watch_thread();
	tc->listed = true;
	spin_lock(&threads.lock);
	list_add(&tc->link, &threads.list);
	spin_unlock(&threads.lock);
}

bool pool_at_thread_exit(void (*give_back)(void))
{
	bool listed = false;

	appear(&my_cache);
	spin_lock(&threads.lock);
	for (size_t i = 0; i < sizeof(at_exit) / sizeof(at_exit[0]) && !listed; i++) {
		if (!at_exit[i])
			__atomic_store_n(&at_exit[i], give_back, __ATOMIC_RELAXED);
		listed = at_exit[i] == give_back;
	}
	spin_unlock(&threads.lock);
	return listed;
}

/* NULL when there is no memory. */
static struct magazine *get_empty(struct thread_cache *tc, enum pool_kind kind, gfp_t gfp)
{
	struct magazine *magazine = tc->spare;

	appear(tc);
	if (magazine) {
		tc->spare = magazine->next;
		tc->nr_spare--;
	} else {
		magazine = depot_take_empty(gfp);
	}
	if (magazine)
		magazine->kind = kind;
	return magazine;
}

static void put_empty(struct thread_cache *tc, struct magazine *magazine)
{
	if (tc->nr_spare && tc->nr_spare >= tc->keep_spare) {
		depot_give_empty(magazine);
		return;
	}
	magazine->next = tc->spare;
	tc->spare = magazine;
	tc->nr_spare++;
}

/* Of those that were set aside. */
static struct magazine *take_preallocated(struct thread_cache *tc, enum pool_kind kind)
{
	struct magazine *magazine = tc->preallocated[kind];

	if (magazine)
		tc->preallocated[kind] = magazine->next;
	return magazine;
}

/* The thread has no object of @kind: get it some. NULL when there is no memory. */
static struct magazine *load(struct thread_cache *tc, enum pool_kind kind, gfp_t gfp)
{
	struct magazine *empty = tc->loaded[kind], *full = take_preallocated(tc, kind);

	appear(tc);
	if (!full)
		full = depot_take(kind);
	if (full) {
		if (empty)
			put_empty(tc, empty);
		tc->loaded[kind] = full;
		return full;
	}
	if (!empty) {
		empty = get_empty(tc, kind, gfp);
		tc->loaded[kind] = empty;
	}
	if (empty)
		empty->nr = slab_fill(
			kind, empty->object, pool_object_size(kind) > 1024 ? REFILL_LARGE : REFILL, gfp);
	return empty && empty->nr ? empty : NULL;
}

/* The thread has no object left of its own. */
static void *alloc_slowly(struct thread_cache *tc, enum pool_kind kind, gfp_t gfp)
{
	struct magazine *magazine = load(tc, kind, gfp);

	count(&tc->counters[kind].missed, 1);
	return magazine ? magazine->object[--magazine->nr] : NULL;
}

void *pool_alloc(enum pool_kind kind, gfp_t gfp)
{
	struct thread_cache *tc = &my_cache;
	struct magazine *magazine = tc->loaded[kind];
	void *object;

	if (pool_refuses(kind))
		return NULL;
	if (magazine && magazine->nr)
		object = magazine->object[--magazine->nr];
	else
		object = alloc_slowly(tc, kind, gfp);
	if (!object)
		return NULL;
	count(&tc->counters[kind].allocated, 1);
	slab_check_alloc(kind, object);
	return object;
}

/* The thread's magazine is full, or there is none: another with room, or NULL when there is no memory. */
static struct magazine *make_room(struct thread_cache *tc, enum pool_kind kind)
{
	struct magazine *full = tc->loaded[kind], *empty = get_empty(tc, kind, GFP_NOWAIT);

	if (!empty)
		return NULL;
	if (full)
		depot_give(full);
	tc->loaded[kind] = empty;
	return empty;
}

void pool_free(enum pool_kind kind, void *object)
{
	struct thread_cache *tc = &my_cache;
	struct magazine *magazine = tc->loaded[kind];

	slab_check_free(kind, object);
	count(&tc->counters[kind].freed, 1);
	if (!magazine || magazine->nr == MAGAZINE_SIZE)
		magazine = make_room(tc, kind);
	if (magazine)
		magazine->object[magazine->nr++] = object;
	else
		slab_drain(kind, &object, 1);
}

enum pool_kind pool_kind_of_size(size_t size)
{
	if (size <= POOL_SMALL_SIZE)
		return POOL_SMALL;
	if (size <= POOL_MIDDLE_SIZE)
		return POOL_MIDDLE;
	return size <= POOL_LARGE_SIZE ? POOL_LARGE : POOL_KINDS;
}

void *pool_alloc_size(size_t size)
{
	enum pool_kind kind = pool_kind_of_size(size);

	return kind < POOL_KINDS ? pool_alloc(kind, GFP_KERNEL) : port_alloc(size, 64, GFP_KERNEL);
}

void pool_free_size(void *object, size_t size)
{
	enum pool_kind kind = pool_kind_of_size(size);

	if (object && kind < POOL_KINDS)
		pool_free(kind, object);
	else
		port_free(object, size);
}

#ifndef VMAPLE_RCU_NONE
void pool_retire(enum pool_kind kind, void *object)
{
	struct thread_cache *tc = &my_cache;
	struct magazine *magazine = tc->retiring[kind];

	slab_check_retire(kind, object);
	count(&tc->counters[kind].retired, 1);
	if (!magazine) {
		magazine = get_empty(tc, kind, GFP_NOWAIT);
		if (!magazine) {
			slab_retire(kind, object);
			reclaim_marked();
			return;
		}
		tc->retiring[kind] = magazine;
	}
	magazine->object[magazine->nr++] = object;
	if (magazine->nr == MAGAZINE_SIZE) {
		tc->retiring[kind] = NULL;
		reclaim_submit(magazine);
	}
}

void magazine_give_after_period(struct magazine *magazine)
{
	for (unsigned int i = 0; i < magazine->nr; i++)
		slab_check_period(magazine->kind, magazine->object[i]);
	depot_count_reclaimed(magazine->kind, magazine->nr);
	depot_give(magazine);
}

void magazines_submit(void)
{
	struct thread_cache *tc = &my_cache;

	for (int kind = 0; kind < POOL_KINDS; kind++) {
		struct magazine *magazine = tc->retiring[kind];

		tc->retiring[kind] = NULL;
		if (magazine && magazine->nr)
			reclaim_submit(magazine);
		else if (magazine)
			depot_give_empty(magazine);
	}
}
#else
void pool_retire(enum pool_kind kind, void *object)
{
	pool_free(kind, object);
}

void magazines_submit(void)
{
}
#endif

/* Room for @nr that are retired, when readers may be beside: else there is none to be had without the host. */
static int prepare_to_retire(struct thread_cache *tc, enum pool_kind kind, unsigned int nr)
{
#ifndef VMAPLE_RCU_NONE
	struct magazine *magazine = tc->retiring[kind];

	if (magazine && magazine->nr + nr > MAGAZINE_SIZE) {
		reclaim_submit(magazine);
		magazine = NULL;
	}
	if (!magazine)
		magazine = get_empty(tc, kind, GFP_KERNEL);
	tc->retiring[kind] = magazine;
	return magazine ? 0 : -ENOMEM;
#else
	return 0;
#endif
}

/* At least @nr to take, and room for as many that come back. */
static int balance(struct magazine *magazine, enum pool_kind kind, unsigned int nr)
{
	unsigned int most = MAGAZINE_SIZE - nr, got = 1;

	/* A slab gives what it has left. */
	while (magazine->nr < nr && got) {
		got = slab_fill(kind, magazine->object + magazine->nr, nr - magazine->nr, GFP_KERNEL);
		magazine->nr += got;
	}
	if (magazine->nr > most) {
		slab_drain(kind, magazine->object + most, magazine->nr - most);
		magazine->nr = most;
	}
	return magazine->nr < nr ? -ENOMEM : 0;
}

/* @nr empty ones. */
static int spares(struct thread_cache *tc, unsigned int nr)
{
	appear(tc);
	tc->keep_spare = nr;
	while (tc->nr_spare < nr) {
		struct magazine *magazine = depot_take_empty(GFP_KERNEL);

		if (!magazine)
			return -ENOMEM;
		put_empty(tc, magazine);
	}
	return 0;
}

int pool_prefill(enum pool_kind kind, unsigned int nr)
{
	struct thread_cache *tc = &my_cache;
	struct magazine *magazine = tc->loaded[kind];

	if (pool_refuses(kind))
		return -ENOMEM;
	if (!magazine || !magazine->nr)
		magazine = load(tc, kind, GFP_KERNEL);
	if (!magazine || balance(magazine, kind, nr) ||
		(kind < POOL_SMALL && prepare_to_retire(tc, kind, nr)))
		return -ENOMEM;
	return spares(tc, 1);
}

/* As many as there is memory for. */
static void fill(struct magazine *magazine)
{
	unsigned int got = 1;

	while (magazine->nr < MAGAZINE_SIZE && got) {
		got = slab_fill(magazine->kind, magazine->object + magazine->nr, MAGAZINE_SIZE - magazine->nr,
			GFP_KERNEL);
		magazine->nr += got;
	}
}

int pool_preallocate(enum pool_kind kind, unsigned long nr)
{
	struct thread_cache *tc = &my_cache;
	unsigned long have = 0;

	if (pool_refuses(kind))
		return -ENOMEM;
	for (struct magazine *magazine = tc->preallocated[kind]; magazine; magazine = magazine->next)
		have += magazine->nr;
	while (have < nr) {
		struct magazine *magazine = get_empty(tc, kind, GFP_KERNEL);

		if (!magazine)
			return -ENOMEM;
		fill(magazine);
		if (magazine->nr < MAGAZINE_SIZE) {
			slab_drain(kind, magazine->object, magazine->nr);
			magazine->nr = 0;
			depot_give_empty(magazine);
			return -ENOMEM;
		}
		magazine->next = tc->preallocated[kind];
		tc->preallocated[kind] = magazine;
		have += magazine->nr;
	}
	return 0;
}

int pool_preallocate_room(unsigned long nr)
{
	/* Of each kind one is begun. */
	return spares(&my_cache, (unsigned int)(nr / MAGAZINE_SIZE) + POOL_KINDS);
}

static void add_counters(struct kind_counters *sum, const struct kind_counters *c)
{
	sum->allocated += __atomic_load_n(&c->allocated, __ATOMIC_RELAXED);
	sum->missed += __atomic_load_n(&c->missed, __ATOMIC_RELAXED);
	sum->freed += __atomic_load_n(&c->freed, __ATOMIC_RELAXED);
	sum->retired += __atomic_load_n(&c->retired, __ATOMIC_RELAXED);
}

/* The lock of the list is held. */
static void disappear(struct thread_cache *tc)
{
	for (int kind = 0; kind < POOL_KINDS; kind++) {
		add_counters(&threads.gone[kind], &tc->counters[kind]);
		tc->counters[kind] = (struct kind_counters){ 0 };
	}
	list_del(&tc->link);
	tc->listed = false;
}

void pool_thread_exit(void)
{
	struct thread_cache *tc = &my_cache;

	for (size_t i = 0; i < sizeof(at_exit) / sizeof(at_exit[0]); i++) {
		void (*give_back)(void) = __atomic_load_n(&at_exit[i], __ATOMIC_RELAXED);

		if (give_back)
			give_back();
	}
	magazines_submit();
	for (int kind = 0; kind < POOL_KINDS; kind++) {
		struct magazine *magazine = tc->loaded[kind];

		tc->loaded[kind] = NULL;
		if (magazine && magazine->nr)
			depot_give(magazine);
		else if (magazine)
			depot_give_empty(magazine);
		while ((magazine = take_preallocated(tc, (enum pool_kind)kind)))
			depot_give(magazine);
	}
	while (tc->spare) {
		struct magazine *magazine = tc->spare;

		tc->spare = magazine->next;
		depot_give_empty(magazine);
	}
	tc->nr_spare = tc->keep_spare = 0;
	spin_lock(&threads.lock);
	if (tc->listed)
		disappear(tc);
	spin_unlock(&threads.lock);
}

void vmaple_cache_shrink(void)
{
	pool_thread_exit();
	depot_empty();
	slab_shrink();
}

bool vmaple_cache_stats(unsigned int kind, struct vmaple_cache_stats *stats)
{
	struct kind_counters sum = { 0 };

	if (kind >= POOL_KINDS)
		return false;
	slab_stats((enum pool_kind)kind, stats);
	spin_lock(&threads.lock);
	add_counters(&sum, &threads.gone[kind]);
	for (struct list_link *l = threads.list.next; l != &threads.list; l = l->next)
		add_counters(&sum, &list_entry(l, struct thread_cache, link)->counters[kind]);
	spin_unlock(&threads.lock);
	stats->retired = sum.retired - depot_reclaimed((enum pool_kind)kind);
	stats->allocated = sum.allocated;
	stats->missed = sum.missed;
	stats->used = sum.allocated - sum.freed - sum.retired;
	return true;
}

void magazines_lock(void)
{
	spin_lock(&threads.lock);
	depot_lock();
}

void magazines_unlock(bool child)
{
	struct thread_cache *tc = &my_cache;

	depot_unlock();
	/* What the other threads had set aside stays with them, out of use: they may have been anywhere in it. */
	for (struct list_link *l = threads.list.next, *next; child && l != &threads.list; l = next) {
		struct thread_cache *other = list_entry(l, struct thread_cache, link);

		next = l->next;
		if (other != tc)
			disappear(other);
	}
	spin_unlock(&threads.lock);
}
