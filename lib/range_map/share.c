/* SPDX-License-Identifier: MIT */
/*
 * Readers beside a change.
 *
 * 1. Two sets of tables.  firsts[] and pieces[] are the writer's; readers have a view, which says the same between two
 *    calls. A piece that readers may see is never written to: the first time that a call wants to, it makes a copy,
 *    and puts that into its own table.
 * 2. Publishing, at the end of the call.  If one piece was changed, and none has come or gone, its two words in the
 *    are stored: a reader that meets them in either order finds what was there before or what is there afterwards,
 *    since an index between the old firsts[p] and the new one is in no range either before or after. Otherwise a new
 *    view is made and published by one store.
 * 3. The generation is odd while that is done, so that a batch of lookups knows whether something came between.
 * 4. What was replaced is retired (pool.h): reused when every section has ended that was open. Views beyond the objects
 *    of the cache are kept until there are OLD_VIEWS, and freed after a grace period that the writer waits for.
 * 5. Failure.  Pieces and a view are set aside before a call changes anything: pieces_reserve().
 */
#include "piece.h"

#include "alloc.h"
#include "bytes.h"
#include "pool.h"
#include "rcu.h"

#define OLD_VIEWS  8
#define SPARE_KEPT 8

struct range_map_view {
	struct range_map_view *next; /* among the old ones */
	unsigned int nr, capacity;
	struct range_map_piece **pieces; /* behind firsts */
	uint64_t firsts[];
};

/* Readers load them while one is stored: as one where a word of 64 bits takes one access, which wants it aligned. */
_Static_assert(offsetof(struct range_map_view, firsts) % sizeof(uint64_t) == 0, "firsts are aligned");

static size_t view_size(unsigned int capacity)
{
	return sizeof(struct range_map_view) +
	       capacity * (sizeof(uint64_t) + sizeof(struct range_map_piece *));
}

/* POOL_KINDS: the host's memory. */
static enum pool_kind view_kind(unsigned int capacity)
{
	if (view_size(capacity) <= POOL_LARGE_SIZE)
		return POOL_LARGE;
	return view_size(capacity) <= POOL_PIECE_SIZE ? POOL_PIECE : POOL_KINDS;
}

static struct range_map_view *view_alloc(unsigned int nr)
{
	unsigned int small = (POOL_LARGE_SIZE - sizeof(struct range_map_view)) / 16;
	unsigned int middle = (POOL_PIECE_SIZE - sizeof(struct range_map_view)) / 16;
	unsigned int capacity = nr <= small ? small : nr <= middle ? middle : nr + nr / 4;
	enum pool_kind kind = view_kind(capacity);
	struct range_map_view *view = kind < POOL_KINDS ? pool_alloc(kind, GFP_KERNEL)
							: port_alloc(view_size(capacity), 64, GFP_KERNEL);

	if (!view)
		return NULL;
	view->next = NULL;
	view->nr = 0;
	view->capacity = capacity;
	view->pieces = (void *)(view->firsts + capacity);
	return view;
}

/* No reader can see it. */
static void view_drop(struct range_map_view *view)
{
	enum pool_kind kind = view_kind(view->capacity);

	if (kind < POOL_KINDS)
		pool_free(kind, view);
	else
		port_free(view, view_size(view->capacity));
}

static void drop_old_views(struct range_map *map)
{
	while (map->old_views) {
		struct range_map_view *view = map->old_views;

		map->old_views = view->next;
		view_drop(view);
	}
	map->nr_old_views = 0;
}

static void view_retire(struct range_map *map, struct range_map_view *view)
{
	enum pool_kind kind = view_kind(view->capacity);

	if (kind < POOL_KINDS) {
		pool_retire(kind, view);
		return;
	}
	view->next = map->old_views;
	map->old_views = view;
	if (++map->nr_old_views < OLD_VIEWS)
		return;
	port_synchronize_rcu();
	drop_old_views(map);
}

int view_reserve(struct range_map *map, unsigned int nr)
{
	struct range_map_view *view = map->spare_view;

	if (view && view->capacity >= nr)
		return 0;
	view = view_alloc(nr);
	if (!view)
		return -ENOMEM;
	if (map->spare_view)
		view_drop(map->spare_view);
	map->spare_view = view;
	return 0;
}

static void view_fill(const struct range_map *map, struct range_map_view *view)
{
	view->nr = map->nr_pieces;
	if (view->nr == 0)
		return;
	memcpy(view->firsts, map->firsts, view->nr * sizeof(uint64_t));
	memcpy(view->pieces, map->pieces, view->nr * sizeof(struct range_map_piece *));
}

struct range_map_piece *piece_copy(struct range_map *map, unsigned int p)
{
	struct range_map_piece *piece = map->pieces[p], *copy;

	if (piece->change == map->change)
		return piece;
	copy = piece_take(map);
	copy->nr = piece->nr;
	memcpy(copy->heads, piece->heads, sizeof(copy->heads));
	memcpy(copy->slots, piece->slots, piece->nr * sizeof(piece->slots[0]));
	for (unsigned int i = piece->nr; i < PIECE; i++) {
		copy->slots[i].first = UINT64_MAX;
		copy->slots[i].last = 0;
	}
	map->pieces[p] = copy;
	map->recent = range_map_nowhere;
	piece->next = map->replaced;
	map->replaced = piece;
	map->changed = p;
	map->nr_changed++;
	return copy;
}

static void publish_all(struct range_map *map)
{
	struct range_map_view *old = map->view, *view = map->spare_view;

	map->spare_view = NULL;
	view_fill(map, view);
	__atomic_store_n(
		&map->view, view, __ATOMIC_RELEASE); /* pairs with the acquire in range_map_lookup() */
	view_retire(map, old);
}

static void publish_one(struct range_map *map, unsigned int p)
{
	__atomic_store_n(&map->view->firsts[p], map->firsts[p], __ATOMIC_RELAXED);
	/* The piece is whole: pairs with the acquire in range_map_lookup(). */
	__atomic_store_n(&map->view->pieces[p], map->pieces[p], __ATOMIC_RELEASE);
}

void view_publish(struct range_map *map)
{
	uint64_t generation = map->generation;

	if (!map->nr_changed && !map->reshaped)
		return;
	__atomic_store_n(&map->generation, generation + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(
		__ATOMIC_RELEASE); /* who sees what follows sees this: the fence of range_map_unchanged() */
	if (map->reshaped || map->nr_changed > 1)
		publish_all(map);
	else
		publish_one(map, map->changed);
	__atomic_store_n(&map->generation, generation + 2, __ATOMIC_RELEASE);
	while (map->replaced) {
		struct range_map_piece *piece = map->replaced;

		map->replaced = piece->next;
		pool_retire(POOL_PIECE, piece);
	}
	while (map->nr_spare > SPARE_KEPT)
		pool_free(POOL_PIECE, piece_take(map));
	map->change++;
	map->nr_changed = 0;
	map->reshaped = false;
}

int range_map_share(struct range_map *map)
{
	struct range_map_view *view;

	if (map->view)
		return 0;
	view = view_alloc(map->nr_pieces);
	if (!view)
		return -ENOMEM;
	view_fill(map, view);
	map->reshaped = false;
	map->nr_changed = 0;
	map->change++;
	__atomic_store_n(&map->view, view, __ATOMIC_RELEASE);
	see_direct(map);
	return 0;
}

void view_free(struct range_map *map)
{
	drop_old_views(map);
	if (map->spare_view)
		view_drop(map->spare_view);
	if (map->view)
		view_drop(map->view);
	map->view = map->spare_view = NULL;
}

bool view_holds(const struct range_map *map)
{
	const struct range_map_view *view = map->view;

	return !view ||
	       (view->nr == map->nr_pieces &&
		       (view->nr == 0 ||
			       (memcmp(view->firsts, map->firsts, view->nr * sizeof(uint64_t)) == 0 &&
				       memcmp(view->pieces, map->pieces,
					       view->nr * sizeof(struct range_map_piece *)) == 0)));
}

/* The piece that @at belongs into. The words may change meanwhile, each once at most in a way that matters. */
static const struct range_map_piece *piece_in_view(const struct range_map_view *view, uint64_t at)
{
	unsigned int below = count_up_to(view->firsts, view->nr, at, true);

	return __atomic_load_n(&view->pieces[below - !!below], __ATOMIC_ACQUIRE);
}

bool range_map_lookup(const struct range_map *map, uint64_t at, struct range_map_range *range)
{
	const struct range_map_view *view;
	bool found = false;

	port_rcu_read_lock();
	view = __atomic_load_n(&map->view, __ATOMIC_ACQUIRE);
	if (view && view->nr)
		found = piece_find(piece_in_view(view, at), at, range);
	else if (!view) /* nobody said that there would be changes beside it */
		found = range_map_find(map, at, range);
	port_rcu_read_unlock();
	return found;
}

uint64_t range_map_generation(const struct range_map *map)
{
	return __atomic_load_n(&map->generation, __ATOMIC_ACQUIRE);
}

bool range_map_unchanged(const struct range_map *map, uint64_t generation)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return !(generation & 1) && __atomic_load_n(&map->generation, __ATOMIC_RELAXED) == generation;
}
