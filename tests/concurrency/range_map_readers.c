/* SPDX-License-Identifier: MIT */
/*
 * Lookups in a SIGSEGV handler of four threads, beside threads that change the map:
 * the promise that lookups never block.
 *
 * Stable ranges are there all the time, though they are written anew, cut off from what lies beside them and moved
 * between pieces: each lookup has to find its own. Between them everything changes. A stretch of ranges is changed by
 * one call each time: a batch of lookups that the generation validates sees one state of it.  Memory and mutexes asked
 * for inside a handler are counted, and there may be none.  Two of the threads have registered for RCU.
 */
#define _GNU_SOURCE 1
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmaple/range_map.h>
#include <vmaple/rcu.h>

#include "random.h"

#define STABLE  1000UL /* number k is [STRIDE * k, STRIDE * k + 3] */
#define STRIDE  32UL
#define STRETCH 40UL /* ranges that one call changes, behind the stable ones */
#define BATCH   5
#define READERS 4
#define WRITERS 2
#define AT_ONCE 500 /* lookups of a handler */
#define STATE   0xffffffUL

static struct range_map map;
static pthread_mutex_t map_lock = PTHREAD_MUTEX_INITIALIZER;
static bool stop;
static unsigned long batches, validated, wrong, asked_for, faults, changes;
static __thread bool in_handler __attribute__((tls_model("initial-exec")));
static __thread struct random mine __attribute__((tls_model("initial-exec")));
static __thread char *trap __attribute__((tls_model("initial-exec")));

void *__real_malloc(size_t size);
int __real_pthread_mutex_lock(pthread_mutex_t *lock);
void *__wrap_malloc(size_t size);
int __wrap_pthread_mutex_lock(pthread_mutex_t *lock);

static void count_if_inside(void)
{
	if (in_handler)
		__atomic_add_fetch(&asked_for, 1, __ATOMIC_RELAXED);
}

void *__wrap_malloc(size_t size)
{
	count_if_inside();
	return __real_malloc(size);
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *lock)
{
	count_if_inside();
	return __real_pthread_mutex_lock(lock);
}

static bool equal(void *ctx, const struct range_map_range *left, const struct range_map_range *right)
{
	(void)ctx;
	return left->bits == right->bits && left->value == right->value;
}

static const struct range_map_ops ops = { .may_merge = equal };

static void *value_of(unsigned long k)
{
	return (void *)(0x10000 + k);
}

static bool stable_is_right(void)
{
	unsigned long k = random_below(&mine, STABLE);
	struct range_map_range range;

	return range_map_lookup(&map, STRIDE * k + random_below(&mine, 4), &range) &&
	       range.first == STRIDE * k && range.last == STRIDE * k + 3 && range.value == value_of(k);
}

static bool batch_is_right(void)
{
	uint64_t generation = range_map_generation(&map), state[BATCH];
	struct range_map_range range;
	bool same = true;

	for (unsigned int i = 0; i < BATCH; i++) {
		if (!range_map_lookup(&map, STRIDE * STABLE + 2 * random_below(&mine, STRETCH), &range))
			return false;
		state[i] = range.bits & STATE;
		same = same && state[i] == state[0];
	}
	__atomic_add_fetch(&batches, 1, __ATOMIC_RELAXED);
	if (!range_map_unchanged(&map, generation))
		return true;
	__atomic_add_fetch(&validated, 1, __ATOMIC_RELAXED);
	return same;
}

static void on_segv(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	in_handler = true;
	for (unsigned int i = 0; i < AT_ONCE; i++) {
		if (!stable_is_right() || (i % 16 == 0 && !batch_is_right()))
			__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
	}
	in_handler = false;
	if ((char *)info->si_addr != trap || mprotect(trap, 4096, PROT_READ | PROT_WRITE))
		_exit(3);
}

static void *reader(void *arg)
{
	unsigned long nr = (unsigned long)arg, all = test_operations(2000000) / READERS / AT_ONCE;

	mine.state = nr + 1;
	if (nr % 2)
		vmaple_rcu_register_thread();
	trap = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (trap == MAP_FAILED)
		exit(2);
	for (unsigned long i = 0; i < all; i++) {
		*(volatile char *)trap = 1;
		__atomic_add_fetch(&faults, 1, __ATOMIC_RELAXED);
		if (mprotect(trap, 4096, PROT_NONE))
			exit(2);
	}
	munmap(trap, 4096);
	if (nr % 2)
		vmaple_rcu_unregister_thread();
	return NULL;
}

static int change(struct random *random, uint64_t state)
{
	unsigned long k = random_below(random, STABLE), first = STRIDE * k + 4 + random_below(random, 28);
	unsigned long last = first + random_below(random, STRIDE * (k + 1) - first);

	switch (random_below(random, 8)) {
	case 0 ... 2:
		return range_map_set(&map, first, last, NULL, random_below(random, 3));
	case 3:
		return range_map_erase(&map, first, last);
	case 4:
		return range_map_update(&map, first, last, 4, 3);
	case 5: /* the stable range itself, which is never gone */
		return range_map_set(&map, STRIDE * k, STRIDE * k + 3, value_of(k), 8);
	case 6:
		return range_map_update(&map, STRIDE * k, STRIDE * k + 3, 16, 0);
	default:
		return range_map_update(
			&map, STRIDE * STABLE, STRIDE * STABLE + 2 * STRETCH, state & STATE, STATE);
	}
}

static void *writer(void *arg)
{
	struct random random = { (unsigned long)arg + 77 };

	vmaple_rcu_register_thread();
	for (uint64_t state = 1; !__atomic_load_n(&stop, __ATOMIC_RELAXED); state++) {
		pthread_mutex_lock(&map_lock);
		if (change(&random, state))
			exit(2);
		changes++;
		pthread_mutex_unlock(&map_lock);
	}
	vmaple_rcu_unregister_thread();
	return NULL;
}

static void fill(void)
{
	for (unsigned long k = 0; k < STABLE; k++)
		if (range_map_set(&map, STRIDE * k, STRIDE * k + 3, value_of(k), 8))
			exit(2);
	for (unsigned long i = 0; i < STRETCH; i++)
		if (range_map_set(&map, STRIDE * STABLE + 2 * i, STRIDE * STABLE + 2 * i, NULL, 0))
			exit(2);
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO };
	pthread_t threads[READERS + WRITERS];
	const char *reason;
	bool valid;

	range_map_init(&map, &ops, NULL);
	fill();
	if (range_map_share(&map) || sigaction(SIGSEGV, &action, NULL))
		return 2;
	for (unsigned long i = 0; i < READERS + WRITERS; i++)
		if (pthread_create(&threads[i], NULL, i < READERS ? reader : writer, (void *)i))
			return 2;
	for (unsigned int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned int i = READERS; i < READERS + WRITERS; i++)
		pthread_join(threads[i], NULL);
	valid = range_map_validate(&map, &reason);
	printf("%lu lookups in %lu handlers beside %lu changes: %lu wrong; memory or a lock %lu times; %lu "
	       "of %lu batches "
	       "at one time; %s\n",
		faults * AT_ONCE, faults, changes, wrong, asked_for, validated, batches,
		valid ? "valid" : reason);
	range_map_destroy(&map);
	return wrong || asked_for || !validated || !changes || !faults || !valid;
}
