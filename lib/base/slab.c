/* SPDX-License-Identifier: MIT */
/*
 * Slabs: the host's memory cut into equal objects (pool.h, 1).
 *
 *      | struct slab | object | object | ... | object |  rest  |      16 KiB, aligned to its size
 *
 * 1. An object's slab is found by its address.  Free objects are a stack of numbers in the slab's header: what is
 *    free is not touched.
 * 2. The slabs of a kind are in one of two lists: those with a free object, and the full.  One that has no used
 *    object goes back to the host, except for one.
 * 3. Marks (pool.h, 4).  A bit for each retired object that no magazine holds; a slab with marks is also in one
 *    list of all kinds. It cannot go back to the host meanwhile, since the object counts as used.
 */

#include "alloc.h"
#include "list.h"
#include "minmax.h"
#include "reclaim.h"
#include "text.h"
#include "bytes.h"

#if !defined(VMAPLE_CHECKS)
/* Only the checks say when an object changes hands. */
#elif defined(__SANITIZE_ADDRESS__)
#define SLAB_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLAB_ASAN 1
#endif
#endif

#ifdef SLAB_ASAN
void __asan_poison_memory_region(void const volatile *addr, size_t size);
void __asan_unpoison_memory_region(void const volatile *addr, size_t size);
#define hide(mem, size)   __asan_poison_memory_region(mem, size)
#define unhide(mem, size) __asan_unpoison_memory_region(mem, size)
#else
#define hide(mem, size)   ((void)0)
#define unhide(mem, size) ((void)0)
#endif

#define SLAB_BYTES 16384UL
#define MOST       256 /* objects of a slab */

#ifdef VMAPLE_CHECKS
#define RED_ZONE 64UL
enum object_state { OBJECT_FREE, OBJECT_USED, OBJECT_RETIRED };
#else
#define RED_ZONE 0UL
#endif

struct slab {
	struct list_link link;
	enum pool_kind kind;
	unsigned int nr_free;
	unsigned char free[MOST];
	struct slab *next_marked;
	uint64_t marked[MOST / 64]; /* retired now */
	uint64_t taken[MOST / 64];  /* retired before the grace period that is waited for */
	bool is_marked;             /* in the list, or taken from it */
#ifdef VMAPLE_CHECKS
	unsigned char state[MOST];
#endif
};

struct slab_cache {
	spinlock_t lock;
	struct list_link partial, full;
	unsigned int nr_slabs, nr_empty;
};

static const struct {
	const char *name;
	size_t size;
} kinds[POOL_KINDS] = {
	{ "maple leaf", POOL_LEAF_SIZE },
	{ "maple inner node", POOL_INNER_SIZE },
	{ "area", POOL_AREA_SIZE },
	{ "area with links", POOL_LINKED_AREA_SIZE },
	{ "small object", POOL_SMALL_SIZE },
	{ "middle object", POOL_MIDDLE_SIZE },
	{ "large object", POOL_LARGE_SIZE },
	{ "piece of a range map", POOL_PIECE_SIZE },
};

#define HEADER ((sizeof(struct slab) + 63) & ~63UL)
#define LISTS(kind)                                                                    \
	{                                                                              \
		.partial = { &caches[kind].partial, &caches[kind].partial }, .full = { \
			&caches[kind].full,                                            \
			&caches[kind].full                                             \
		}                                                                      \
	}

static struct slab_cache caches[POOL_KINDS] = { LISTS(0), LISTS(1), LISTS(2), LISTS(3), LISTS(4), LISTS(5),
	LISTS(6), LISTS(7) };
static struct slab *marked; /* under marks_lock, which is taken inside a cache's */
static spinlock_t marks_lock;

size_t pool_object_size(enum pool_kind kind)
{
	return kinds[kind].size;
}

static size_t stride(enum pool_kind kind)
{
	return kinds[kind].size + RED_ZONE;
}

static unsigned int capacity(enum pool_kind kind)
{
	size_t nr = (SLAB_BYTES - HEADER) / stride(kind);

	return nr < MOST ? (unsigned int)nr : MOST;
}

static struct slab *slab_of(const void *object)
{
	return (struct slab *)((uintptr_t)object & ~(uintptr_t)(SLAB_BYTES - 1));
}

static unsigned int number_of(const struct slab *slab, const void *object)
{
	return (unsigned int)(((size_t)((const char *)object - (const char *)slab) - HEADER) /
			      stride(slab->kind));
}

static void *object_at(struct slab *slab, unsigned int number)
{
	return (char *)slab + HEADER + number * stride(slab->kind);
}

#ifdef VMAPLE_CHECKS
#define FREE_BYTE 0x6b
#define NEW_BYTE  0x5a
#define RED_BYTE  0xbb

static _Noreturn void damaged(enum pool_kind kind, const char *what)
{
	static char line[100];

	text_format(line, sizeof(line), "object cache: %s%s", kinds[kind].name, what);
	port_panic(line);
}

static void change_state(void *object, enum object_state from, enum object_state to, const char *what)
{
	struct slab *slab = slab_of(object);
	unsigned char *state = &slab->state[number_of(slab, object)], old = (unsigned char)from;

	if (!__atomic_compare_exchange_n(
		    state, &old, (unsigned char)to, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		damaged(slab->kind, what);
}

static bool all_are(const unsigned char *mem, size_t size, unsigned char byte)
{
	return mem[0] == byte && memcmp(mem, mem + 1, size - 1) == 0;
}

static void fill_free(enum pool_kind kind, void *object)
{
	unhide(object, stride(kind));
	memset(object, FREE_BYTE, kinds[kind].size);
	memset((char *)object + kinds[kind].size, RED_BYTE, RED_ZONE);
	hide(object, stride(kind));
}

static void check_red_zone(enum pool_kind kind, void *object)
{
	unsigned char *zone = (unsigned char *)object + kinds[kind].size;

	unhide(zone, RED_ZONE);
	if (!all_are(zone, RED_ZONE, RED_BYTE))
		damaged(kind, ": written beyond its end");
	hide(zone, RED_ZONE);
}

void slab_check_alloc(enum pool_kind kind, void *object)
{
	change_state(object, OBJECT_FREE, OBJECT_USED, ": handed out twice");
	unhide(object, kinds[kind].size);
	if (!all_are(object, kinds[kind].size, FREE_BYTE))
		damaged(kind, ": written after it was freed");
	memset(object, NEW_BYTE, kinds[kind].size);
	check_red_zone(kind, object);
}

void slab_check_free(enum pool_kind kind, void *object)
{
	change_state(object, OBJECT_USED, OBJECT_FREE, ": freed, and not in use");
	check_red_zone(kind, object);
	fill_free(kind, object);
}

void slab_check_retire(enum pool_kind kind, void *object)
{
	change_state(object, OBJECT_USED, OBJECT_RETIRED, ": retired, and not in use");
	check_red_zone(kind, object);
}

void slab_check_period(enum pool_kind kind, void *object)
{
	change_state(object, OBJECT_RETIRED, OBJECT_FREE, ": its grace period has passed twice");
	fill_free(kind, object);
}
#else
static void fill_free(enum pool_kind kind, void *object)
{
}
#endif

/* A slab of free objects, in no list. */
static struct slab *slab_make(enum pool_kind kind, gfp_t gfp)
{
	struct slab *slab = port_alloc(SLAB_BYTES, SLAB_BYTES, gfp);

	if (!slab)
		return NULL;
	memset(slab, 0, sizeof(*slab));
	slab->kind = kind;
	slab->nr_free = capacity(kind);
	for (unsigned int i = 0; i < slab->nr_free; i++) {
		slab->free[i] = (unsigned char)(slab->nr_free - 1 - i);
		fill_free(kind, object_at(slab, i));
	}
	return slab;
}

static void move_to(struct slab *slab, struct list_link *list)
{
	list_del(&slab->link);
	list_add(&slab->link, list);
}

static void slab_release(struct slab *slab)
{
	unhide(slab, SLAB_BYTES);
	port_free(slab, SLAB_BYTES);
}

/* Take what there is. The cache's lock is held. */
static unsigned int take(struct slab_cache *cache, void **object, unsigned int nr)
{
	unsigned int got = 0;

	while (got < nr && !list_empty(&cache->partial)) {
		struct slab *slab = list_entry(cache->partial.next, struct slab, link);

		if (slab->nr_free == capacity(slab->kind))
			cache->nr_empty--;
		while (got < nr && slab->nr_free)
			object[got++] = object_at(slab, slab->free[--slab->nr_free]);
		if (!slab->nr_free)
			move_to(slab, &cache->full);
	}
	return got;
}

unsigned int slab_fill(enum pool_kind kind, void **object, unsigned int nr, gfp_t gfp)
{
	struct slab_cache *cache = &caches[kind];
	unsigned int got;

	spin_lock(&cache->lock);
	got = take(cache, object, nr);
	spin_unlock(&cache->lock);
	if (!got) {
		struct slab *slab = slab_make(kind, gfp);

		if (!slab)
			return 0;
		spin_lock(&cache->lock);
		list_add(&slab->link, &cache->partial);
		cache->nr_slabs++;
		cache->nr_empty++;
		got = take(cache, object, nr);
		spin_unlock(&cache->lock);
	}
	return got;
}

/* @slab gets a free object more. The slab that is to go back to the host, out of all lists, or NULL. */
static struct slab *put(struct slab_cache *cache, struct slab *slab, unsigned int number)
{
	if (!slab->nr_free)
		move_to(slab, &cache->partial);
	slab->free[slab->nr_free++] = (unsigned char)number;
	if (slab->nr_free < capacity(slab->kind))
		return NULL;
	if (!cache->nr_empty) {
		cache->nr_empty = 1;
		return NULL;
	}
	list_del(&slab->link);
	cache->nr_slabs--;
	return slab;
}

void slab_drain(enum pool_kind kind, void *const *object, unsigned int nr)
{
	struct slab_cache *cache = &caches[kind];
	struct slab *empty[MAGAZINE_SIZE];
	unsigned int nr_empty = 0;

	spin_lock(&cache->lock);
	for (unsigned int i = 0; i < nr; i++) {
		struct slab *slab = slab_of(object[i]);

		empty[nr_empty] = put(cache, slab, number_of(slab, object[i]));
		nr_empty += empty[nr_empty] != NULL;
	}
	spin_unlock(&cache->lock);
	while (nr_empty)
		slab_release(empty[--nr_empty]);
}

/* The lock of the marks is held. */
static void list_marked(struct slab *slab)
{
	slab->is_marked = true;
	slab->next_marked = marked;
	__atomic_store_n(&marked, slab, __ATOMIC_RELAXED);
}

void slab_retire(enum pool_kind kind, void *object)
{
	struct slab_cache *cache = &caches[kind];
	struct slab *slab = slab_of(object);
	unsigned int number = number_of(slab, object);

	spin_lock(&cache->lock);
	spin_lock(&marks_lock);
	slab->marked[number / 64] |= 1UL << number % 64;
	if (!slab->is_marked)
		list_marked(slab);
	spin_unlock(&marks_lock);
	spin_unlock(&cache->lock);
}

bool slab_has_retired(void)
{
	return __atomic_load_n(&marked, __ATOMIC_RELAXED);
}

struct slab *slab_take_retired(void)
{
	struct slab *slabs;

	spin_lock(&marks_lock);
	slabs = marked;
	__atomic_store_n(&marked, NULL, __ATOMIC_RELAXED);
	for (struct slab *slab = slabs; slab; slab = slab->next_marked) {
		memcpy(slab->taken, slab->marked, sizeof(slab->taken));
		memset(slab->marked, 0, sizeof(slab->marked));
	}
	spin_unlock(&marks_lock);
	return slabs;
}

static bool has_marks(const struct slab *slab)
{
	uint64_t any = 0;

	for (unsigned int i = 0; i < MOST / 64; i++)
		any |= slab->marked[i];
	return any;
}

/* What was taken of @slab is free; marks that came meanwhile wait for the next period. */
static void free_retired(struct slab *slab)
{
	struct slab_cache *cache = &caches[slab->kind];
	enum pool_kind kind = slab->kind;
	void *object[MOST];
	unsigned int nr = 0;

	for (unsigned int i = 0; i < MOST; i++)
		if (slab->taken[i / 64] >> i % 64 & 1)
			object[nr++] = object_at(slab, i);
	for (unsigned int i = 0; i < nr; i++)
		slab_check_period(kind, object[i]);
	depot_count_reclaimed(kind, nr);
	spin_lock(&cache->lock);
	spin_lock(&marks_lock);
	if (has_marks(slab))
		list_marked(slab);
	else
		slab->is_marked = false;
	spin_unlock(&marks_lock);
	spin_unlock(&cache->lock);
	for (unsigned int i = 0; i < nr; i += MAGAZINE_SIZE)
		slab_drain(kind, object + i, min(nr - i, MAGAZINE_SIZE));
}

void slab_free_retired(struct slab *slabs)
{
	while (slabs) {
		struct slab *next = slabs->next_marked;

		free_retired(slabs);
		slabs = next;
	}
}

void slab_mark_again(struct slab *slabs)
{
	spin_lock(&marks_lock);
	while (slabs) {
		struct slab *next = slabs->next_marked;

		for (unsigned int i = 0; i < MOST / 64; i++)
			slabs->marked[i] |= slabs->taken[i];
		list_marked(slabs);
		slabs = next;
	}
	spin_unlock(&marks_lock);
}

void slab_shrink(void)
{
	for (int kind = 0; kind < POOL_KINDS; kind++) {
		struct slab_cache *cache = &caches[kind];
		struct slab *empty = NULL;

		spin_lock(&cache->lock);
		for (struct list_link *l = cache->partial.next; l != &cache->partial; l = l->next) {
			struct slab *slab = list_entry(l, struct slab, link);

			if (slab->nr_free == capacity((enum pool_kind)kind))
				empty = slab; /* there is one at most */
		}
		if (empty) {
			list_del(&empty->link);
			cache->nr_slabs--;
			cache->nr_empty--;
		}
		spin_unlock(&cache->lock);
		if (empty)
			slab_release(empty);
	}
}

void slab_stats(enum pool_kind kind, struct vmaple_cache_stats *stats)
{
	spin_lock(&caches[kind].lock);
	stats->name = kinds[kind].name;
	stats->object_size = kinds[kind].size;
	stats->slabs = caches[kind].nr_slabs;
	stats->objects = stats->slabs * capacity(kind);
	spin_unlock(&caches[kind].lock);
}

void slab_lock_all(void)
{
	for (int kind = 0; kind < POOL_KINDS; kind++)
		spin_lock(&caches[kind].lock);
	spin_lock(&marks_lock);
}

void slab_unlock_all(void)
{
	spin_unlock(&marks_lock);
	for (int kind = 0; kind < POOL_KINDS; kind++)
		spin_unlock(&caches[kind].lock);
}
