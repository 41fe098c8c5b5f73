/* SPDX-License-Identifier: MIT */
/*
 * What a kit has printed.  It may come over a serial line, be cut short, or be something else altogether: every line is
 * either understood or refused by its number.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conform.h"

struct input {
	const struct conform_set *set;
	struct conform_run *run;
	int current; /* sequence; -1: none yet */
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 2, 3))) static int refuse(struct input *in, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(in->why, in->why_size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static bool take(char *to, size_t size, const char *word)
{
	if (!word || strlen(word) >= size)
		return false;
	strcpy(to, word);
	return true;
}

/* A word of a letter for each page. */
static bool take_pages(char *to, const char *word)
{
	return word && strlen(word) == CONFORM_PAGES && take(to, CONFORM_PAGES + 1, word);
}

/* --- lines --------------------------------------------------------------------------------------------------- */

static int take_first(struct input *in, char **word)
{
	if (strcmp(word[0], "vmaple-conform:") == 0)
		return refuse(in,
			"is of a system that lacks what the kit cannot do without: its first line says what");
	if (!word[1] || !word[2] || strcmp(word[0], "vmaple-conform") != 0)
		return refuse(in, "is no output of the kit: its first line begins with `vmaple-conform`");
	if (atoi(word[1]) != CONFORM_VERSION || strcmp(word[2], in->set->mark) != 0)
		return refuse(in,
			"is of a kit with other sequences than these: build the kit that this vmaple emits");
	return 0;
}

static int take_machine(struct input *in, char **word, unsigned int line)
{
	struct conform_run *run = in->run;
	const struct {
		const char *name;
		char *to;
		size_t size;
	} words[] = { { "system", run->system, sizeof(run->system) },
		{ "release", run->release, sizeof(run->release) },
		{ "machine", run->machine, sizeof(run->machine) },
		{ "searches", run->searches, sizeof(run->searches) },
		{ "memlock", run->memlock, sizeof(run->memlock) },
		{ "pages", run->pages, sizeof(run->pages) } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word[0], words[i].name) == 0)
			return take(words[i].to, words[i].size, word[1])
				       ? 0
				       : refuse(in, "line %u: no such %s", line, word[0]);
	if (strcmp(word[0], "page") == 0 && word[1])
		run->page = strtoul(word[1], NULL, 10);
	else if (strcmp(word[0], "maps") == 0 && word[1])
		run->maps = strcmp(word[1], "yes") == 0;
	else if (strcmp(word[0], "fork") == 0 && word[1])
		run->fork = strcmp(word[1], "yes") == 0;
	else if (strcmp(word[0], "zero") == 0 && word[1])
		run->zero_page = strcmp(word[1], "shared") == 0;
	else
		return refuse(in, "line %u is none of the kit's", line);
	return 0;
}

static int take_sequence(struct input *in, char **word, unsigned int line)
{
	char *end;
	unsigned long number = word[1] ? strtoul(word[1], &end, 10) : 0;

	if (!word[1] || *end || number != (unsigned long)(in->current + 1) || number >= in->set->nr ||
		!word[2] || strcmp(word[2], in->set->sequence[number].name) != 0)
		return refuse(in, "line %u: sequence %d was to come", line, in->current + 1);
	in->current = (int)number;
	in->run->sequence[number].state = CONFORM_RAN;
	return 0;
}

static int take_call(struct input *in, char **word, unsigned int line)
{
	struct conform_answers *answers = &in->run->sequence[in->current].answers;
	char *end;
	unsigned long number = word[1] ? strtoul(word[1], &end, 10) : 0;
	struct conform_seen *seen;

	if (!word[1] || *end || number >= in->set->sequence[in->current].nr)
		return refuse(in, "line %u: the sequence has no such call", line);
	seen = &answers->call[number];
	if (!take(seen->result, sizeof(seen->result), word[2]) || !take_pages(seen->pages, word[3]) ||
		!take_pages(seen->bounds, word[4]) || !take_pages(seen->locks, word[5]) ||
		!take(seen->areas, sizeof(seen->areas), word[6]))
		return refuse(in, "line %u is no whole answer to a call", line);
	seen->there = true;
	return 0;
}

static int take_line(struct input *in, char **word, unsigned int line)
{
	if (line == 1)
		return take_first(in, word);
	if (in->run->done)
		return refuse(in, "line %u comes after the end", line);
	if (strcmp(word[0], "sequence") == 0)
		return take_sequence(in, word, line);
	if (strcmp(word[0], "done") == 0) {
		in->run->done = in->current + 1 == (int)in->set->nr;
		return in->run->done ? 0 : refuse(in, "line %u: the end comes too early", line);
	}
	if (in->current < 0)
		return take_machine(in, word, line);
	if (strcmp(word[0], "call") == 0)
		return take_call(in, word, line);
	if (strcmp(word[0], "end") == 0)
		return take_pages(in->run->sequence[in->current].answers.rights, word[1])
			       ? 0
			       : refuse(in, "line %u: one letter for each page was to come", line);
	if (strcmp(word[0], "skipped") == 0)
		in->run->sequence[in->current].state = CONFORM_SKIPPED;
	else if (strcmp(word[0], "died") == 0)
		in->run->sequence[in->current].state = CONFORM_DIED;
	else
		return refuse(in, "line %u is none of the kit's", line);
	return 0;
}

static unsigned int split(char *text, char **word, unsigned int most)
{
	unsigned int nr = 0;
	char *save = NULL;

	for (char *w = strtok_r(text, " \r\n", &save); w && nr < most; w = strtok_r(NULL, " \r\n", &save))
		word[nr++] = w;
	return nr;
}

int conform_run_read(struct conform_run *run, const struct conform_set *set, FILE *in, char *why, size_t size)
{
	struct input input = { .set = set, .run = run, .current = -1, .why = why, .why_size = size };
	char text[1024];
	unsigned int line = 0;
	int err = 0;

	*run = (struct conform_run){ 0 };
	run->sequence = calloc(set->nr, sizeof(*run->sequence));
	if (!run->sequence)
		return -ENOMEM;
	while (!err && fgets(text, sizeof(text), in)) {
		char *word[8] = { NULL };
		bool whole = strchr(text, '\n') != NULL;

		/* What was cut off in the middle of a line has an end that is said elsewhere. */
		if (!whole && feof(in) && line)
			break;
		line++;
		if (split(text, word, 7))
			err = take_line(&input, word, line);
		else if (line == 1)
			err = refuse(&input, "is no output of the kit: its first line is empty");
	}
	if (!err && ferror(in)) {
		snprintf(why, size, "cannot be read: %s", strerror(errno));
		return -EIO;
	}
	return err || line ? err : refuse(&input, "is empty");
}

void conform_run_free(struct conform_run *run)
{
	free(run->sequence);
	run->sequence = NULL;
}
