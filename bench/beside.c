/* SPDX-License-Identifier: MIT */
/*
 * One thread reads while another writes: see beside.h.
 *
 * The one that is timed does a fixed number of operations, the other goes on until that is done. The writer walks
 * through a fixed list of steps forwards and then, undoing them, backwards, so that it never comes to an end; a step
 * is two writes, erase and insert. The list and the addresses are the same for all contenders.
 */
#include "beside.h"

#include <stdlib.h>
#include <string.h>
#include <vmaple/rcu.h>

#include "cores.h"

#define STEPS  20000
#define LOADS  100000
#define WRITES 100000

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void rwlock_read(void)
{
	pthread_rwlock_rdlock(&rwlock);
}
static void rwlock_write(void)
{
	pthread_rwlock_wrlock(&rwlock);
}
static void rwlock_unlock(void)
{
	pthread_rwlock_unlock(&rwlock);
}
static void mutex_lock(void)
{
	pthread_mutex_lock(&mutex);
}
static void mutex_unlock(void)
{
	pthread_mutex_unlock(&mutex);
}

struct beside {
	struct mix mix;
	unsigned long index[LOADS];
	enum pace pace;
	bool time_writer;
	size_t nr;
	/* The fastest loads just before those beside the writer; nanoseconds for all. */
	double alone[BENCH_CONTENDERS];
};

/* One contender's index and where its writer is. */
struct place {
	struct beside *beside;
	const struct contender *contender;
	double *alone; /* in beside */
	void *tree;
	bool running, stop;
	double ns;
	unsigned long sum;
	char apart[128]; /* the writer's progress lies on no line that the reader reads */
	size_t step;     /* of 2 * STEPS: forwards, then backwards */
	char from_others[128];
};

static void write_step(struct place *place)
{
	const struct contender *c = place->contender;
	size_t at = place->step < STEPS ? place->step : 2 * STEPS - 1 - place->step;
	struct step step = place->beside->mix.steps[at];

	if (place->step >= STEPS)
		step = (struct step){ .out = step.in, .in = step.out };
	if (c->write_lock)
		c->write_lock();
	c->mix(place->tree, &step, 1);
	if (c->write_unlock)
		c->write_unlock();
	place->step = (place->step + 1) % (2 * STEPS);
}

static unsigned long read_once(const struct place *place, size_t i)
{
	const struct contender *c = place->contender;
	unsigned long sum;

	if (c->read_lock)
		c->read_lock();
	sum = c->load(place->tree, &place->beside->index[i], 1);
	if (c->read_unlock)
		c->read_unlock();
	return sum;
}

static void leave(const struct place *place)
{
	if (place->contender->thread_exit)
		place->contender->thread_exit();
	vmaple_rcu_unregister_thread();
}

static void *write_until_stopped(void *arg)
{
	struct place *place = arg;
	double due = bench_seconds(BENCH_WALL);

	vmaple_rcu_register_thread();
	__atomic_store_n(&place->running, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&place->stop, __ATOMIC_RELAXED)) {
		if (place->beside->pace == PACED && bench_seconds(BENCH_WALL) < due)
			continue;
		write_step(place);
		due += 2.0 / PACE;
	}
	leave(place);
	return NULL;
}

static void *read_until_stopped(void *arg)
{
	struct place *place = arg;
	unsigned long sum = 0;

	vmaple_rcu_register_thread();
	__atomic_store_n(&place->running, true, __ATOMIC_RELEASE);
	for (size_t i = 0; !__atomic_load_n(&place->stop, __ATOMIC_RELAXED); i = (i + 1) % LOADS)
		sum += read_once(place, i);
	place->sum = sum;
	leave(place);
	return NULL;
}

/* The thread that is timed is our own: it has its memory from round to round. */
static void time_loads(struct place *place)
{
	double start = bench_seconds(BENCH_WALL);
	unsigned long sum = 0;

	for (size_t i = 0; i < LOADS; i++)
		sum += read_once(place, i);
	place->ns = (bench_seconds(BENCH_WALL) - start) * 1e9;
	place->sum = sum;
}

static void time_writes(struct place *place)
{
	double start = bench_seconds(BENCH_WALL);

	for (size_t i = 0; i < WRITES / 2; i++)
		write_step(place);
	place->ns = (bench_seconds(BENCH_WALL) - start) * 1e9;
}

/* So that the two are compared in the same moment of the machine. */
static void time_loads_alone(struct place *place)
{
	time_loads(place);
	if (!*place->alone || place->ns < *place->alone)
		*place->alone = place->ns;
}

static unsigned long run(struct trial *trial, void *arg)
{
	const struct beside *beside = arg;
	struct place *place = trial->tree;
	bool alone = !beside->time_writer && beside->pace == NOT_AT_ALL;
	pthread_t other;

	if (!alone && !beside->time_writer)
		time_loads_alone(place);
	place->running = place->stop = false;
	if (!alone) {
		if (cores_start(
			    &other, 1, beside->time_writer ? read_until_stopped : write_until_stopped, place))
			abort();
		while (!__atomic_load_n(&place->running, __ATOMIC_ACQUIRE))
			;
	}
	if (beside->time_writer)
		time_writes(place);
	else
		time_loads(place);
	__atomic_store_n(&place->stop, true, __ATOMIC_RELAXED);
	if (!alone)
		pthread_join(other, NULL);
	return 0;
}

static double took(struct trial *trial, void *arg)
{
	return ((struct place *)trial->tree)->ns;
}

static void settle(struct trial *trial, void *arg)
{
	if (trial->contender->barrier)
		trial->contender->barrier();
}

static void begin(struct trial *trial, void *arg)
{
	struct beside *beside = arg;
	struct place *place = bench_alloc(1, sizeof(*place));

	place->beside = beside;
	place->contender = trial->contender;
	place->alone = &beside->alone[beside->nr++];
	*place->alone = 0;
	place->tree = bench_fill(trial->contender, &beside->mix.there, trial->contender->rcu);
	trial->tree = place;
}

static void end(struct trial *trial, void *arg)
{
	struct place *place = trial->tree;

	place->contender->destroy(place->tree);
	free(place);
}

/* Which peers there are to be locked, the build finds out. */
__attribute__((unused)) static struct contender under_rwlock(const struct contender *c, const char *name)
{
	struct contender locked = *c;

	locked.name = name;
	locked.read_lock = rwlock_read;
	locked.write_lock = rwlock_write;
	locked.read_unlock = locked.write_unlock = rwlock_unlock;
	return locked;
}

__attribute__((unused)) static struct contender under_mutex(const struct contender *c, const char *name)
{
	struct contender locked = *c;

	locked.name = name;
	locked.read_lock = locked.write_lock = mutex_lock;
	locked.read_unlock = locked.write_unlock = mutex_unlock;
	return locked;
}

static size_t contend(struct contender *list)
{
	size_t nr = 0;

	list[nr++] = contender_vmaple;
	list[nr++] = contender_vmaple_scalar;
#ifdef HAVE_LINUX
	list[nr++] = contender_linux_maple;
	list[nr++] = contender_linux_maple_each;
	list[nr++] = under_rwlock(&contender_linux_rbtree, "linux-rbtree-rwlock");
#endif
#ifdef HAVE_ABSL
	list[nr++] = under_rwlock(&contender_absl_btree, "absl-btree-rwlock");
	list[nr++] = under_mutex(&contender_absl_btree, "absl-btree-mutex");
#endif
#ifdef HAVE_CPP
	list[nr++] = under_mutex(&contender_std_map, "std-map-mutex");
#endif
	return nr;
}

/* How much of its speed alone each reader keeps. */
static void print_kept(const struct beside *beside, const struct contender *list, const double *best)
{
	if (bench_json() || beside->time_writer || beside->pace == NOT_AT_ALL)
		return;
	printf("  %-20s %10s\n", "of its speed alone", "keeps, %");
	for (size_t i = 0; i < beside->nr; i++)
		printf("  %-20s %10.1f\n", list[i].name, 100 * beside->alone[i] / LOADS / best[i]);
}

void beside_compare(const char *question, const char *which, enum pace pace, bool time_writer)
{
	static const size_t own[] = { 1000, 0 };
	struct beside *beside = bench_alloc(1, sizeof(*beside));
	struct contender list[BENCH_CONTENDERS];
	double best[BENCH_CONTENDERS];
	size_t nr = contend(list);

	beside->pace = pace;
	beside->time_writer = time_writer;
	for (const size_t *n = bench_sizes(own); *n; n++) {
		beside->nr = 0;
		mix_begin(&beside->mix, *n, STEPS);
		mix_continue(&beside->mix);
		for (size_t i = 0; i < LOADS; i++)
			beside->index[i] = area_address(
				&beside->mix.places.sorted[random_below(&beside->mix.random, 2 * *n)],
				&beside->mix.random);
		if (bench_compare(&(struct work){
			    .question = question,
			    .which = which,
			    .n = *n,
			    .operations = time_writer ? WRITES : LOADS,
			    .clock = BENCH_WALL,
			    .threads = pace == NOT_AT_ALL ? 1 : 2,
			    .arg = beside,
			    .contenders = list,
			    .nr_contenders = nr,
			    .begin = begin,
			    .after = settle,
			    .run = run,
			    .took = took,
			    .end = end,
			    .best = best,
		    }))
			print_kept(beside, list, best);
		mix_end(&beside->mix);
	}
	free(beside);
}
