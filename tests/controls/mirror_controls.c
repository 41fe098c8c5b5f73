/* SPDX-License-Identifier: MIT */
/*
 * The controls of controls.txt on the mirror itself, without a command in between: what is wrong in a recording is said, at
 * its step, and counted once, and the right one agrees.  What the command makes of it: controls.py.
 *
 * usage: mirror_controls controls.txt
 *
 * Prints TAP.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text_recording.h"

#define LINES_MAX 64
#define SAYS_MAX  16

static const char *const verdicts[] = { "difference", "uncertain", "foreign", "outside" };

struct control {
	char verdict[16], title[200];
	int status;
	unsigned int step, pid;
	char *right[LINES_MAX], *wrong[LINES_MAX], *says[SAYS_MAX], *counts[SAYS_MAX];
	int nr_right, nr_wrong, nr_says, nr_counts;
};

/* What the mirror said of one recording. */
struct heard {
	struct replay *replay;
	int nr;
	enum replay_verdict verdict;
	uint64_t step;
	uint32_t pid;
	char what[256],
		lines[8192]; /* with - what was expected, with + what was found; a space between words */
};

/* Words with one space between them, behind a mark. */
static void add_lines(struct heard *h, char mark, const char *text)
{
	size_t n = strlen(h->lines);
	bool begins = true, space = false;

	for (; *text && n + 4 < sizeof(h->lines); text++) {
		if (begins) {
			h->lines[n++] = mark;
			h->lines[n++] = ' ';
		}
		begins = *text == '\n';
		if (*text == ' ' || (begins && space))
			space = *text == ' ';
		else if (space && !begins)
			h->lines[n++] = ' ', space = false;
		if (*text != ' ')
			h->lines[n++] = *text;
	}
	h->lines[n] = '\0';
}

static void hear(void *ctx, const struct replay_difference *d)
{
	struct heard *h = ctx;

	if (h->nr++)
		return;
	h->verdict = d->verdict;
	h->step = d->step;
	h->pid = d->pid;
	snprintf(h->what, sizeof(h->what), "%s", d->what);
	snprintf(h->lines, sizeof(h->lines), "after step %llu: %s\n", (unsigned long long)d->call_step,
		d->call);
	add_lines(h, '-', d->expected);
	add_lines(h, '+', d->found);
}

static struct trace_sink *open_mirror(void *ctx, const struct trace_header *header)
{
	struct heard *h = ctx;
	struct replay_options options = { .difference = hear, .ctx = h };

	h->replay = replay_new(header, &options);
	return h->replay ? replay_sink(h->replay) : NULL;
}

/* Ends the test program where the table cannot be read. */
static void mirror(struct heard *h, char **lines, int n, struct replay_stats *stats)
{
	struct text_recording t = { .header = rec_header, .open = open_mirror, .ctx = h };
	int err = 0;

	*h = (struct heard){ .nr = 0 };
	for (int i = 0; i < n && !err; i++) {
		err = text_recording_line(&t, lines[i]);
		if (err)
			printf("Bail out! not understood: %s\n", lines[i]);
	}
	if (err || text_recording_end(&t) || !h->replay)
		exit(1);
	replay_statistics(h->replay, stats);
	replay_free(h->replay);
}

/* --- what is asked --------------------------------------------------------------------------------------------- */

static bool complain(const char *what, const char *more)
{
	printf("# %s%s\n", what, more);
	return false;
}

static bool has_line(const struct heard *h, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = h->lines; (at = strstr(at, line)) != NULL; at++)
		if ((at == h->lines || at[-1] == '\n') && (at[len] == '\n' || at[len] == '\0'))
			return true;
	return false;
}

static const struct {
	const char *name;
	size_t offset;
} numbers[] = { { "processes", offsetof(struct replay_stats, processes) },
	{ "threads", offsetof(struct replay_stats, threads) },
	{ "calls", offsetof(struct replay_stats, calls) },
	{ "failed_calls", offsetof(struct replay_stats, failed_calls) },
	{ "faults", offsetof(struct replay_stats, faults) },
	{ "first_writes", offsetof(struct replay_stats, first_writes) },
	{ "checks", offsetof(struct replay_stats, checks) }, { "lost", offsetof(struct replay_stats, lost) },
	{ "lost_events", offsetof(struct replay_stats, lost_events) },
	{ "lost_unknown", offsetof(struct replay_stats, lost_unknown) },
	{ "consequences", offsetof(struct replay_stats, consequences) },
	{ "vmas_peak", offsetof(struct replay_stats, vmas_peak) },
	{ "vmas_final", offsetof(struct replay_stats, vmas_final) },
	{ "splits", offsetof(struct replay_stats, splits) },
	{ "merges", offsetof(struct replay_stats, merges) } };

/* "NAME VALUE", as the summary counts it. */
static bool is_counted(const struct replay_stats *stats, const char *line)
{
	unsigned long long value;
	char name[32];

	if (sscanf(line, "%31s %llu", name, &value) != 2)
		return false;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(name, numbers[i].name) == 0)
			return *(const uint64_t *)((const char *)stats + numbers[i].offset) == value;
	return false;
}

static bool right_agrees(const struct control *c)
{
	struct replay_stats stats;
	struct heard h;
	bool good = true;

	mirror(&h, (char **)c->right, c->nr_right, &stats);
	if (h.nr || stats.differences || stats.uncertain || stats.foreign || stats.outside)
		good = complain("the right one: ", h.what);
	for (int i = 0; i < c->nr_counts; i++)
		good = is_counted(&stats, c->counts[i]) ? good : complain("not counted: ", c->counts[i]);
	return good;
}

static bool wrong_is_told(const struct control *c)
{
	struct replay_stats stats;
	struct heard h;
	bool good = true;

	mirror(&h, (char **)c->wrong, c->nr_wrong, &stats);
	if (h.nr != 1 || stats.differences + stats.uncertain + stats.foreign + stats.outside != 1)
		return complain("told of nothing, or of more than one thing: ", h.what);
	if (strcmp(verdicts[h.verdict], c->verdict))
		good = complain("the verdict is ", verdicts[h.verdict]);
	if ((&stats.differences)[h.verdict] != 1)
		good = complain("counted as something else than ", verdicts[h.verdict]);
	if (h.step != c->step || h.pid != c->pid)
		good = complain("at another step, or of another process: ", h.what);
	if (c->nr_says == 0 || strncmp(h.what, c->says[0], strlen(c->says[0])))
		good = complain("says: ", h.what);
	for (int i = 1; i < c->nr_says; i++)
		good = has_line(&h, c->says[i]) ? good : complain("not said: ", c->says[i]);
	return good;
}

/* --- the table ------------------------------------------------------------------------------------------------- */

static void keep(char **list, int *n, int max, const char *line)
{
	if (*n == max || !(list[*n] = strdup(line))) {
		printf("Bail out! no room for: %s\n", line);
		exit(1);
	}
	++*n;
}

static void add_line(struct control *c, const char *line)
{
	if (strncmp(line, "right: ", 7) == 0) {
		keep(c->right, &c->nr_right, LINES_MAX, line + 7);
	} else if (strncmp(line, "wrong: ", 7) == 0) {
		keep(c->wrong, &c->nr_wrong, LINES_MAX, line + 7);
	} else if (strncmp(line, "says: ", 6) == 0) {
		keep(c->says, &c->nr_says, SAYS_MAX, line + 6);
	} else if (strncmp(line, "counts: ", 8) == 0) {
		keep(c->counts, &c->nr_counts, SAYS_MAX, line + 8);
	} else if (*line) {
		keep(c->right, &c->nr_right, LINES_MAX, line);
		keep(c->wrong, &c->nr_wrong, LINES_MAX, line);
	}
}

/* "VERDICT STATUS STEP[@PROCESS] TITLE" */
static void begin_control(struct control *c, const char *line)
{
	char *at;
	int n = 0;

	*c = (struct control){ .pid = 100 };
	if (sscanf(line, "%15s %d %u%n", c->verdict, &c->status, &c->step, &n) != 3) {
		printf("Bail out! not understood: %s\n", line);
		exit(1);
	}
	at = (char *)line + n;
	if (*at == '@')
		c->pid = (unsigned int)strtoul(at + 1, &at, 10);
	snprintf(c->title, sizeof(c->title), "%s", at + 1);
}

static void free_control(struct control *c)
{
	for (int i = 0; i < LINES_MAX; i++) {
		free(c->right[i]);
		free(c->wrong[i]);
	}
	for (int i = 0; i < SAYS_MAX; i++) {
		free(c->says[i]);
		free(c->counts[i]);
	}
}

static int judge(struct control *c, int n)
{
	bool right = right_agrees(c), wrong = wrong_is_told(c);

	printf("%sok %d - %s\n", right && wrong ? "" : "not ", n, c->title);
	free_control(c);
	return right && wrong ? 0 : 1;
}

int main(int argc, char **argv)
{
	FILE *f = argc == 2 ? fopen(argv[1], "re") : NULL;
	struct control c;
	int n = 0, failed = 0;
	char line[512];

	setlinebuf(stdout);
	if (!f) {
		printf("Bail out! the table of controls cannot be read\n");
		return 1;
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "### ", 4) == 0) {
			failed += n ? judge(&c, n) : 0;
			begin_control(&c, line + 4);
			n++;
		} else if (n) {
			add_line(&c, line);
		}
	}
	fclose(f);
	failed += n ? judge(&c, n) : 0;
	printf("1..%d\n", n);
	return failed || !n;
}
