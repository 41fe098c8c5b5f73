/* SPDX-License-Identifier: MIT */
/* vmaple-bench: how fast our index is, beside others. See bench.h for how it measures, docs/bench.md for results. */
#include "bench.h"
#include "cores.h"
#include "count.h"
#include "html.h"
#include "machine.h"
#include "page.h"
#include "quiet.h"
#include "result.h"

#include <stdlib.h>
#include <string.h>
#include <vmaple/rcu.h>

static const struct contender *const contenders[] = {
	&contender_vmaple, /* ours: the first, that the others are divided by */
	&contender_vmaple_avx2,
	&contender_vmaple_sse,
	&contender_vmaple_scalar,
#ifdef HAVE_LINUX
	&contender_linux_maple,
	&contender_linux_maple_each,
	&contender_linux_rbtree,
#endif
#ifdef HAVE_LINUX_6_12
	&contender_linux_maple_6_12,
#endif
#ifdef HAVE_ABSL
	&contender_absl_btree,
#endif
#ifdef HAVE_CPP
	&contender_std_map,
#endif
#ifdef HAVE_JUDY
	&contender_judy,
#endif
};
#define NR_CONTENDERS (sizeof(contenders) / sizeof(contenders[0]))
_Static_assert(NR_CONTENDERS <= BENCH_CONTENDERS, "every contender has a trial");

static const char *const missing[] = {
#ifndef HAVE_LINUX
	"linux-maple, linux-rbtree, linux-interval-tree (sources of Linux 7.3: tools/kernel-source)",
#endif
#ifndef HAVE_LINUX_6_12
	"linux-maple-6.12 (package linux-source-6.12)",
#endif
#ifndef HAVE_ABSL
	"absl-btree (package libabsl-dev)",
#endif
#ifndef HAVE_ICL
	"boost-icl (package libboost-dev)",
#endif
#ifndef HAVE_CPP
	"std-map (package g++)",
#endif
#ifndef HAVE_JUDY
	"judy (package libjudy-dev)",
#endif
	NULL,
};

static const struct {
	const char *name;
	void (*ask)(void);
} questions[] = {
	{ "lookup", question_lookup },
	{ "lookup-dependent", question_lookup_dependent },
	{ "lookup-batch", question_lookup_batch },
	{ "lookup-again", question_lookup_again },
	{ "lookup-cold", question_lookup_cold },
	{ "lookup-in-handler", question_lookup_in_handler },
	{ "mix-rcu", question_mix_rcu },
	{ "overwrite", question_overwrite },
	{ "gap-lowest", question_gap_lowest },
	{ "gap-highest", question_gap_highest },
	{ "gap-window", question_gap_window },
	{ "iterate", question_iterate },
	{ "build", question_build },
	{ "duplicate", question_duplicate },
	{ "memory", question_memory },
	{ "reader-beside-writer", question_reader_beside_writer },
	{ "writer-beside-reader", question_writer_beside_reader },
	{ "mmap-pair", question_mmap_pair },
	{ "mprotect-pair", question_mprotect_pair },
	{ "brk-pair", question_brk_pair },
	{ "fork-exit", question_fork_exit },
	{ "threads-lookup", question_threads_lookup },
	{ "threads-fault", question_threads_fault },
	{ "threads-mmap", question_threads_mmap },
	{ "vma-recycling", question_vma_recycling },
	{ "mmap-hold", question_mmap_hold },
	{ "rbtree-search", question_rbtree_search },
	{ "rbtree-insert", question_rbtree_insert },
	{ "rbtree-erase", question_rbtree_erase },
	{ "rbtree-replace", question_rbtree_replace },
	{ "rbtree-next", question_rbtree_next },
	{ "rbtree-prev", question_rbtree_prev },
	{ "rbtree-postorder", question_rbtree_postorder },
	{ "interval-stab", question_interval_stab },
	{ "interval-insert", question_interval_insert },
	{ "interval-erase", question_interval_erase },
	{ "interval-update", question_interval_update },
	{ "range-map", question_range_map },
	{ "range-map-recorded", question_range_map_recorded },
};
#define NR_QUESTIONS (sizeof(questions) / sizeof(questions[0]))

#define EXTRA_ROUNDS (BENCH_ROUNDS / 2) /* of each comparison, where rounds are disturbed */
#define MOST_SIZES   16

static bool json;
static bool counting; /* instructions, in one round */
static bool page;     /* nothing is named: thirty comparisons, a line each */
static bool all;
static bool quiet; /* nothing has disturbed the round so far */
static size_t given_sizes[2];
static const char *given_calls, *given_html;
static struct html *html;
static const char *asking; /* the question */

bool bench_json(void)
{
	return json || counting || page;
}

/* For a curve: 100, 300, 1,000 ... up to the largest of its own, where it has several. */
static const size_t *curve_sizes(const size_t *own)
{
	static size_t sizes[MOST_SIZES];
	size_t last = 0, nr = 0;

	for (size_t i = 0; own[i]; i++)
		last = own[i];
	for (size_t n = 100; n < last && nr + 2 < MOST_SIZES; n *= 10) {
		sizes[nr++] = n;
		if (3 * n < last)
			sizes[nr++] = 3 * n;
	}
	sizes[nr++] = last;
	sizes[nr] = 0;
	return own[1] ? sizes : own;
}

const size_t *bench_sizes(const size_t *own)
{
	static size_t sizes[MOST_SIZES];

	if (given_sizes[0])
		return given_sizes;
	if (given_html)
		return curve_sizes(own);
	if (!page)
		return own;
	page_sizes(asking, sizes, MOST_SIZES);
	return sizes;
}

const char *bench_calls(void)
{
	return given_calls;
}

double bench_seconds(enum bench_clock clock)
{
	struct timespec now;

	clock_gettime((clockid_t)clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void bench_select(const struct contender *contender)
{
	if (contender->select)
		contender->select();
}

unsigned long bench_holds(struct trial *trial, void *arg)
{
	return trial->contender->iterate(trial->tree);
}

/* One round of one contender. @return its sum. */
static unsigned long run_once(const struct work *work, struct trial *trial, double *ns)
{
	double start, seconds, wall, cpu;
	unsigned long sum;

	bench_select(trial->contender);
	if (work->before)
		work->before(trial, work->arg);
	if (counting)
		count_begin();
	wall = bench_seconds(BENCH_WALL);
	cpu = bench_seconds(BENCH_THREAD);
	start = bench_seconds(work->clock);
	sum = work->run(trial, work->arg);
	seconds = bench_seconds(work->clock) - start;
	cpu = bench_seconds(BENCH_THREAD) - cpu;
	wall = bench_seconds(BENCH_WALL) - wall;
	if (counting)
		count_end(work, trial->contender);
	if ((work->clock == BENCH_THREAD || work->threads == 1) && wall > 1e-4 && cpu < PROBE_SHARE * wall)
		quiet = false;
	*ns = (work->took ? work->took(trial, work->arg) : seconds * 1e9) / (double)work->operations;
	if (work->check)
		sum += work->check(trial, work->arg);
	if (work->after)
		work->after(trial, work->arg);
	return sum;
}

/* Was the machine ours for as long as @work's threads wanted it? */
static bool is_quiet(const struct work *work)
{
	if (work->threads > 1)
		return probe_cores(work->threads);
	return probe_quiet(work->clock == BENCH_WALL ? BENCH_WALL : BENCH_THREAD);
}

/*
 * Who begins changes from round to round: the first finds other things in the caches than the others.  So of two each
 * is, every other time, the one that ran last before; the number of rounds is even, for both to have that as often.
 */
static void run_round(const struct work *work, struct trial *trials, size_t nr, int round, bool counts)
{
	unsigned long sums[BENCH_CONTENDERS];
	double ns;

	if (work->round)
		work->round(work->arg);
	for (size_t k = 0; k < nr; k++) {
		size_t i = (k + (size_t)(round + 1)) % nr;

		sums[i] = run_once(work, &trials[i], &ns);
		if (counts)
			trials[i].ns[round] = ns;
		if (counts && !is_quiet(work))
			quiet = false;
	}
	for (size_t i = 1; i < nr; i++) {
		if (sums[i] == sums[0])
			continue;
		fprintf(stderr, "%s: %s and %s give different answers\n", work->question,
			trials[0].contender->name, trials[i].contender->name);
		exit(1);
	}
}

static size_t choose(const struct work *work, struct trial *trials)
{
	size_t nr = 0;

	for (size_t i = 0; i < work->nr_contenders; i++)
		trials[nr++].contender = &work->contenders[i];
	for (size_t i = 0; i < NR_CONTENDERS && !work->contenders; i++)
		if (work->can(contenders[i]))
			trials[nr++].contender = contenders[i];
	return nr;
}

static void begin_all(const struct work *work, struct trial *trials, size_t nr, bool backwards)
{
	for (size_t k = 0; k < nr; k++) {
		struct trial *trial = &trials[backwards ? nr - 1 - k : k];

		bench_select(trial->contender);
		work->begin(trial, work->arg);
	}
}

static void end_all(const struct work *work, struct trial *trials, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		bench_select(trials[i].contender);
		work->end(&trials[i], work->arg);
	}
}

/*
 * A round that was disturbed is taken again, as long as there are EXTRA_ROUNDS left for that; then it counts.
 */
static void take_round(
	const struct work *work, struct trial *trials, size_t nr, int round, struct result *result)
{
	for (;;) {
		quiet = is_quiet(work);
		run_round(work, trials, nr, round, true);
		if (quiet)
			return;
		if (result->repeated == EXTRA_ROUNDS) {
			result->disturbed++;
			return;
		}
		result->repeated++;
	}
}

static void print(const struct result *result)
{
	if (json)
		result_print_json(result);
	else if (page)
		result_print_page(result);
	else
		result_print(result);
	fflush(stdout);
	if (html && html_add(html, result)) {
		fprintf(stderr, "vmaple-bench: %s cannot be written\n", given_html);
		exit(1);
	}
}

static bool time_all(const struct work *work, struct trial *trials, size_t nr)
{
	struct result result = { .question = work->question, .n = work->n, .threads = work->threads };
	double again;

	snprintf(result.which, sizeof(result.which), "%s", work->which);
	for (int round = 0; round < BENCH_ROUNDS; round++) {
		if (work->anew && round == BENCH_ROUNDS / 2) {
			end_all(work, trials, nr);
			begin_all(work, trials, nr, true);
			run_round(work, trials, nr, round - 1, false);
		}
		take_round(work, trials, nr, round, &result);
	}
	if (work->round)
		work->round(work->arg);
	run_once(work, &trials[0], &again);
	result_fill(&result, trials, nr);
	if (trials[0].bytes > 0) /* and nothing was timed */
		result.repeated = result.disturbed = 0;
	result.drift = again / result.lines[0].ns.min;
	for (size_t i = 0; i < nr && work->best; i++)
		work->best[i] = result.lines[i].ns.min;
	print(&result);
	return result_counts(&result);
}

bool bench_compare(const struct work *work)
{
	struct trial trials[BENCH_CONTENDERS] = { 0 };
	size_t nr = choose(work, trials);
	bool counts = false;

	if (page && !page_has(work->question, work->which, work->n))
		return false;
	begin_all(work, trials, nr, false);
	if (work->threads > 1)
		cores_begin();
	run_round(work, trials, nr, -1, false);
	if (!counting)
		counts = time_all(work, trials, nr);
	if (work->threads > 1)
		cores_end();
	end_all(work, trials, nr);
	return counts;
}

static void usage(FILE *to)
{
	fprintf(to, "usage: vmaple-bench [QUESTION... | --all] [--n N] [--calls FILE] [--json | --count] "
		    "[--html FILE]\n"
		    "Without a question, --all, --n or --html: thirty comparisons, a line each.\nquestions:");
	for (size_t i = 0; i < NR_QUESTIONS; i++)
		fprintf(to, " %s", questions[i].name);
	fprintf(to, "\n");
}

static bool is_question(const char *name)
{
	for (size_t i = 0; i < NR_QUESTIONS; i++)
		if (strcmp(questions[i].name, name) == 0)
			return true;
	return false;
}

/* Options go away, questions stay. @return how many of them, -1: wrong. */
static int parse(int argc, char **argv)
{
	int asked = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "--count") == 0)
			counting = true;
		else if (strcmp(argv[i], "--all") == 0)
			all = true;
		else if (strcmp(argv[i], "--html") == 0 && i + 1 < argc)
			given_html = argv[++i];
		else if (strcmp(argv[i], "--n") == 0 && i + 1 < argc)
			given_sizes[0] = strtoull(argv[++i], NULL, 0);
		else if (strcmp(argv[i], "--calls") == 0 && i + 1 < argc)
			given_calls = argv[++i];
		else if (is_question(argv[i]))
			argv[asked++] = argv[i];
		else
			return -1;
	}
	return asked;
}

static bool is_asked(const char *name, char *const *asked, int nr)
{
	for (int i = 0; i < nr; i++)
		if (strcmp(asked[i], name) == 0)
			return true;
	return nr == 0;
}

/* Of all that is asked, or of each contender that is missing, before the first figure. */
static void begin_report(void)
{
	char machine[512];

	machine_describe(machine, sizeof(machine));
	fprintf(json ? stderr : stdout, "%s\n", machine);
	for (size_t i = 0; missing[i]; i++)
		fprintf(json ? stderr : stdout, "missing: %s\n", missing[i]);
	if (page && !json)
		result_print_page_head();
	if (!given_html)
		return;
	html = html_begin(given_html, machine);
	if (!html) {
		fprintf(stderr, "vmaple-bench: %s cannot be written\n", given_html);
		exit(1);
	}
}

static void ask_all(char *const *asked, int nr)
{
	for (size_t i = 0; i < NR_QUESTIONS; i++) {
		size_t sizes[MOST_SIZES];

		asking = questions[i].name;
		if (!is_asked(asking, asked, nr) || (page && !page_sizes(asking, sizes, MOST_SIZES)))
			continue;
		/* Not the search of the last contender of the question before. */
		contender_vmaple.select();
		questions[i].ask();
	}
}

int main(int argc, char **argv)
{
	int asked;

	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return 0;
	}
	asked = parse(argc, argv);
	if (asked < 0 || (asked && all)) {
		usage(stderr);
		return 2;
	}
	if (counting && !count_can()) {
		fprintf(stderr, "vmaple-bench: --count is for tools/bench-instructions, which runs it under "
				"valgrind\n");
		return 2;
	}
	page = !asked && !all && !given_sizes[0] && !given_html;
	begin_report();
	vmaple_rcu_register_thread();
	ask_all(argv, asked);
	vmaple_rcu_unregister_thread();
	if (html && html_end(html)) {
		fprintf(stderr, "vmaple-bench: %s cannot be written\n", given_html);
		return 1;
	}
	return 0;
}
