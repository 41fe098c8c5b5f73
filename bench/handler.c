/* SPDX-License-Identifier: MIT */
/*
 * `lookup-in-handler`: what an emulator asks in its SIGSEGV handler: which area holds this address.
 *
 * A page without access is touched; the handler makes all lookups of the round, gives access and returns.  So the signal
 * itself, which is the kernel's, is a hundred-thousandth of each.  Where half of the addresses are in holes, no processor can
 * foretell whether an area is found.  vmaple: vma_view() of an mm, in a read-side section;
 * vmaple-range-map: range_map_lookup() of a shared map of the same ranges; vmaple-no-handler: vma_view() outside of any.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <vmaple/range_map.h>
#include <vmaple/rcu.h>
#include <vmaple/vma_lock.h>

#include "bench.h"
#include "space.h"

#define LOOKS 100000

struct handling {
	size_t n;
	struct random random;
	bool holes; /* half of the addresses are in none */
	unsigned long addresses[LOOKS];
	struct space *space;
	struct range_map map;
	char *page; /* without access until the handler has come */
};

/* For the handler: whose lookups, what of, and their sum. */
static struct handling *handling;
static unsigned long (*looks)(struct handling *h);
static unsigned long handled;

static void die(const char *what)
{
	fprintf(stderr, "lookup-in-handler: %s\n", what);
	exit(1);
}

static unsigned long look_in_mm(struct handling *h)
{
	struct vma_view view;
	unsigned long sum = 0;

	for (size_t i = 0; i < LOOKS; i++) {
		vmaple_rcu_read_lock();
		sum += vma_view(&h->space->mm, h->addresses[i], &view) == 1 ? view.vm_start : 1;
		vmaple_rcu_read_unlock();
	}
	return sum;
}

static unsigned long look_in_map(struct handling *h)
{
	struct range_map_range range;
	unsigned long sum = 0;

	for (size_t i = 0; i < LOOKS; i++)
		sum += range_map_lookup(&h->map, h->addresses[i], &range) ? range.first : 1;
	return sum;
}

static void on_segv(int sig)
{
	(void)sig;
	handled = looks(handling);
	if (mprotect(handling->page, BENCH_PAGE, PROT_READ))
		_Exit(1);
}

static unsigned long run(struct trial *trial, void *arg)
{
	struct handling *h = arg;

	looks = strcmp(trial->contender->name, "vmaple-range-map") == 0 ? look_in_map : look_in_mm;
	if (strcmp(trial->contender->name, "vmaple-no-handler") == 0)
		return looks(h);
	if (mprotect(h->page, BENCH_PAGE, PROT_NONE))
		die("cannot take access");
	(void)*(volatile char *)h->page;
	return handled;
}

static void new_addresses(void *arg)
{
	struct handling *h = arg;

	for (size_t i = 0; i < LOOKS; i++) {
		unsigned long page =
			random_below(&h->random, h->n) * 2 + (h->holes ? random_below(&h->random, 2) : 0);

		h->addresses[i] = SPACE_FIRST + page * BENCH_PAGE + random_below(&h->random, BENCH_PAGE);
	}
}

static void begin(struct trial *trial, void *arg)
{
	trial->tree = arg;
}

static void end(struct trial *trial, void *arg)
{
	(void)trial;
	(void)arg;
}

static void make(struct handling *h)
{
	h->space = space_ops.make(h->n);
	range_map_init(&h->map, NULL, NULL);
	for (size_t i = 0; i < h->n; i++) {
		uint64_t first = SPACE_FIRST + 2 * i * BENCH_PAGE;

		if (range_map_set(&h->map, first, first + BENCH_PAGE - 1, NULL, 1))
			die("out of memory");
	}
	if (range_map_share(&h->map))
		die("out of memory");
	h->page = mmap(NULL, BENCH_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (h->page == MAP_FAILED)
		die("out of memory");
}

static void drop(struct handling *h)
{
	munmap(h->page, BENCH_PAGE);
	range_map_destroy(&h->map);
	space_ops.free(h->space);
	free(h);
}

static void compare(size_t n, bool holes)
{
	static const struct contender ways[] = { { .name = "vmaple" }, { .name = "vmaple-range-map" },
		{ .name = "vmaple-no-handler" } };

	handling = bench_alloc(1, sizeof(*handling));
	handling->n = n;
	handling->holes = holes;
	make(handling);
	bench_compare(&(struct work){
		.question = "lookup-in-handler",
		.which = holes ? "half in holes" : "in areas",
		.n = n,
		.operations = LOOKS,
		.clock = BENCH_THREAD,
		.arg = handling,
		.contenders = ways,
		.nr_contenders = 3,
		.begin = begin,
		.round = new_addresses,
		.run = run,
		.end = end,
	});
	drop(handling);
}

void question_lookup_in_handler(void)
{
	static const size_t own[] = { 100, 1000, 10000, 0 };
	struct sigaction action = { .sa_handler = on_segv }, before;

	sigaction(SIGSEGV, &action, &before);
	for (const size_t *n = bench_sizes(own); *n; n++) {
		compare(*n, false);
		compare(*n, true);
	}
	sigaction(SIGSEGV, &before, NULL);
}
