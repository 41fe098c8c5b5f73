/* SPDX-License-Identifier: MIT */
/* What a comparison has shown: see result.h. */
#include "result.h"

#include <stdlib.h>
#include <string.h>

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct figure figure_of(double *rounds)
{
	qsort(rounds, BENCH_ROUNDS, sizeof(*rounds), compare_doubles);
	return (struct figure){ .min = rounds[0],
		.median = (rounds[BENCH_ROUNDS / 2 - 1] + rounds[BENCH_ROUNDS / 2]) / 2,
		.low = rounds[1],
		.high = rounds[BENCH_ROUNDS - 2] };
}

void result_fill(struct result *result, const struct trial *trials, size_t nr)
{
	result->nr = nr;
	for (size_t i = 0; i < nr; i++) {
		struct result_line *line = &result->lines[i];
		double ns[BENCH_ROUNDS], ratios[BENCH_ROUNDS];

		for (int round = 0; round < BENCH_ROUNDS; round++) {
			ns[round] = trials[i].ns[round];
			ratios[round] = trials[i].ns[round] / trials[0].ns[round];
		}
		line->name = trials[i].contender->name;
		line->bytes = trials[i].bytes;
		line->ns = figure_of(ns);
		line->ratio = figure_of(ratios);
		line->ratio.min = line->ns.min / result->lines[0].ns.min;
		/* Where nothing is timed, bytes are what is compared. */
		if (trials[0].bytes > 0)
			line->ratio.min = line->ratio.low = line->ratio.high = line->bytes / trials[0].bytes;
	}
}

bool result_counts(const struct result *result)
{
	return result->threads <= 1 || result->disturbed <= BENCH_ROUNDS / 2;
}

static void print_no_cores(const struct result *result)
{
	printf("its %u threads had no cores of their own in %u of %u rounds: no figures", result->threads,
		result->disturbed + result->repeated, BENCH_ROUNDS + result->repeated);
}

static void print_line(const struct result_line *line)
{
	const struct figure *ns = &line->ns, *ratio = &line->ratio;

	if (line->bytes > 0)
		printf("  %-20s %10s %10s %22s %10.1f %8.2f\n", line->name, "", "", "", line->bytes,
			ratio->min);
	else
		printf("  %-20s %10.2f %10.2f %10.2f - %9.2f %10s %8.2f  %.2f - %.2f\n", line->name, ns->min,
			ns->median, ns->low, ns->high, "", ratio->min, ratio->low, ratio->high);
}

void result_print(const struct result *result)
{
	bool timed = result->lines[0].bytes == 0;

	printf("\n%s%s%s, n = %zu\n", result->question, result->which[0] ? ": " : "", result->which,
		result->n);
	if (!result_counts(result)) {
		printf("  ");
		print_no_cores(result);
		printf("\n");
		return;
	}
	printf("  %-20s %10s %10s %22s %10s %8s\n", "", "ns, min", "median", "median between", "bytes/n",
		"ratio");
	for (size_t i = 0; i < result->nr; i++)
		print_line(&result->lines[i]);
	if (timed)
		printf("  %-20s %10.2f %43s %8.2f\n", "vmaple, once more",
			result->drift * result->lines[0].ns.min, "", result->drift);
	if (result->repeated || result->disturbed)
		printf("  disturbed rounds: %u taken again, %u counted\n", result->repeated,
			result->disturbed);
}

static void print_json_begin(const struct result *result)
{
	printf("{\"question\":\"%s\",", result->question);
	if (result->which[0])
		printf("\"which\":\"%s\",", result->which);
	printf("\"n\":%zu,", result->n);
}

void result_print_json(const struct result *result)
{
	if (!result_counts(result)) {
		print_json_begin(result);
		printf("\"threads\":%u,\"disturbed\":%u}\n", result->threads, result->disturbed);
		return;
	}
	for (size_t i = 0; i < result->nr; i++) {
		const struct result_line *line = &result->lines[i];
		const struct figure *ns = &line->ns, *ratio = &line->ratio;

		print_json_begin(result);
		printf("\"contender\":\"%s\",", line->name);
		if (line->bytes > 0)
			printf("\"bytes\":%.1f,", line->bytes);
		else
			printf("\"ns\":%.2f,\"median\":%.2f,\"low\":%.2f,\"high\":%.2f,\"ratio_low\":%.2f,"
			       "\"ratio_high\":%.2f,"
			       "\"disturbed\":%u,",
				ns->min, ns->median, ns->low, ns->high, ratio->low, ratio->high,
				result->disturbed);
		printf("\"ratio\":%.2f}\n", ratio->min);
	}
}

void result_print_page_head(void)
{
	printf("%-38s %8s %9s   %-44s  %s\n", "", "n", "vmaple", "the kernel's, or the first peer: ratio",
		"the best other");
}

/* Not ours in another form. */
static bool is_peer(const struct result_line *line)
{
	return strncmp(line->name, "vmaple", 6) != 0;
}

static const struct result_line *first_peer(const struct result *result)
{
	for (size_t i = 1; i < result->nr; i++)
		if (is_peer(&result->lines[i]))
			return &result->lines[i];
	return result->nr > 1 ? &result->lines[1] : NULL;
}

static const struct result_line *best_but(const struct result *result, const struct result_line *but)
{
	const struct result_line *best = NULL;

	for (size_t i = 1; i < result->nr; i++) {
		const struct result_line *line = &result->lines[i];

		if (line != but && is_peer(line) && (!best || line->ratio.min < best->ratio.min))
			best = line;
	}
	return best;
}

void result_print_page(const struct result *result)
{
	const struct result_line *ours = &result->lines[0], *peer = first_peer(result), *best;
	char name[128], figure[64];

	snprintf(name, sizeof(name), "%s%s%s", result->question, result->which[0] ? ", " : "", result->which);
	printf("%-38s %8zu ", name, result->n);
	if (!result_counts(result)) {
		print_no_cores(result);
		printf("\n");
		return;
	}
	snprintf(figure, sizeof(figure), ours->bytes > 0 ? "%.1f B" : "%.1f",
		ours->bytes > 0 ? ours->bytes : ours->ns.min);
	printf("%9s", figure);
	if (peer) {
		snprintf(figure, sizeof(figure), "%s %.1f:", peer->name,
			peer->bytes > 0 ? peer->bytes : peer->ns.min);
		printf("   %-26s %6.2f", figure, peer->ratio.min);
		snprintf(figure, sizeof(figure), "(%.2f - %.2f)", peer->ratio.low, peer->ratio.high);
		printf(" %-15s", figure);
		best = best_but(result, peer);
		if (best)
			printf(" %s %.2f", best->name, best->ratio.min);
	}
	if (result->disturbed)
		printf("  (disturbed: %u rounds)", result->disturbed);
	printf("\n");
}
