/* SPDX-License-Identifier: MIT */
/*
 * Logs with mutated lines: no crash, no hang, and what is good is kept.
 *
 * usage: import_mutations FRAGMENTS LINES SEED
 *
 * Takes lines of the fragments, damages each in one of the ways in which logs are damaged (bytes changed, cut, doubled, lines
 * joined or swapped), and imports them some hundred at a time; those of strace also as two files, merged.  The last line of each log
 * is a good mapping in a place of its own, whose CALL event has to come.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmaple/import.h>

#include "random.h"

#define LINES_A_LOG 200

/* The good line, as each tool writes it. */
static const struct tool {
	enum trace_import_form form;
	const char *last;
} tools[] = {
	{ TRACE_IMPORT_STRACE,
		"4242 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x123456789000\n" },
	{ TRACE_IMPORT_PERF,
		"  9999.000 ( 0.016 ms): p/4242 mmap(len: 4096, prot: READ, flags: PRIVATE|ANONYMOUS)"
		"        = 0x123456789000\n" },
	{ TRACE_IMPORT_COLUMNS, "9.5 4242/4242 mmap 0 1000 1 22 ffffffff 0 = 123456789000\n" },
	{ TRACE_IMPORT_LTRACE, "4242 SYS_mmap(0, 4096, 1, 34) = 0x123456789000\n" },
};

static const char *const formats[] = {
	"{time} {pid}/{tid} {call} {1:x} {2:x} {3:x} {4:x} {5:x} {6:x} = {result:x}",
	"{}({1}, {2}, {3}, {path}) = {result}"
};

struct count {
	struct trace_sink sink;
	uint64_t step, time_ns, last;
};

/* Steps and times as a recording wants them. */
static int on_event(struct trace_sink *sink, const struct trace_event *e)
{
	struct count *c = (struct count *)sink;

	if (e->step != c->step + 1 || e->time_ns < c->time_ns) {
		fprintf(stderr, "step %llu after %llu\n", (unsigned long long)e->step,
			(unsigned long long)c->step);
		exit(1);
	}
	c->step = e->step;
	c->time_ns = e->time_ns;
	c->last += e->type == TRACE_EVENT_CALL && e->call.nr == SYS_mmap && e->call.result == 0x123456789000;
	return 0;
}

static char **read_lines(const char *path, size_t *n)
{
	FILE *f = fopen(path, "re");
	char **lines = NULL, *line = NULL;
	size_t size = 0;
	ssize_t len;

	*n = 0;
	while (f && (len = getline(&line, &size, f)) > 0) {
		if (line[0] == '#' || line[0] == '=' || line[0] == '\n')
			continue;
		lines = realloc(lines, (*n + 1) * sizeof(*lines));
		if (!lines)
			exit(1);
		lines[(*n)++] = strdup(line);
	}
	free(line);
	if (f)
		fclose(f);
	return lines;
}

static void damage(struct random *rnd, char *line, size_t size)
{
	size_t len = strlen(line), at = random_below(rnd, len);

	switch (random_below(rnd, 6)) {
	case 0:
		line[at] = (char)random_below(rnd, 256);
		break;
	case 1:
		line[at] = '\0';
		break;
	case 2:
		memmove(line, line + at, len - at + 1);
		break;
	case 3:
		if (len * 2 < size)
			memmove(line + len - at, line, len + 1);
		break;
	case 4:
		line[at] = "<>()[]{}\",/*|="[random_below(rnd, 15)];
		break;
	default:
		break;
	}
}

/* The log, for the report. */
static void print(int fd)
{
	char buf[4096];
	ssize_t n;

	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (write(2, buf, (size_t)n) != n)
			return;
}

static void import(struct random *rnd, char **lines, size_t n)
{
	const struct tool *tool = &tools[random_below(rnd, sizeof(tools) / sizeof(tools[0]))];
	const struct trace_import_options options = { .form = tool->form,
		.line_formats = formats,
		.nr_line_formats = tool->form == TRACE_IMPORT_COLUMNS ? 2 : 0 };
	struct count count = { .sink = { .event = on_event } };
	size_t nr = tool->form == TRACE_IMPORT_STRACE ? 1 + random_below(rnd, 2) : 1;
	int fds[2] = { memfd_create("log", 0), memfd_create("log", 0) };
	FILE *files[2] = { fdopen(dup(fds[0]), "w"), fdopen(dup(fds[1]), "w") };
	char names[2][40], error[512], line[65536];
	const char *const paths[] = { names[0], names[1] };
	struct trace_import *im;

	for (int i = 0; i < LINES_A_LOG; i++) {
		snprintf(line, sizeof(line), "%s", lines[random_below(rnd, n)]);
		for (uint64_t times = random_below(rnd, 3); times; times--)
			damage(rnd, line, sizeof(line));
		fputs(line, files[random_below(rnd, nr)]);
	}
	fprintf(files[0], "\n%s", tool->last);
	for (int i = 0; i < 2; i++) {
		fclose(files[i]);
		snprintf(names[i], sizeof(names[i]), "/proc/self/fd/%d", fds[i]);
	}
	if (trace_import_open(&im, paths, nr, &options, error, sizeof(error))) {
		fprintf(stderr, "not opened: %s\n", error);
		exit(1);
	}
	if (trace_import_run(im, &count.sink) || count.last != 1) {
		fprintf(stderr, "the good line was lost: %s\n", trace_import_error(im));
		print(fds[0]);
		print(fds[1]);
		exit(1);
	}
	trace_import_free(im);
	close(fds[0]);
	close(fds[1]);
}

int main(int argc, char **argv)
{
	struct random rnd;
	uint64_t total, done;
	char **lines;
	size_t n;

	if (argc != 4)
		return 2;
	lines = read_lines(argv[1], &n);
	total = strtoull(argv[2], NULL, 10);
	printf("seed %s\n", argv[3]);
	fflush(stdout);
	rnd.state = strtoull(argv[3], NULL, 10);
	if (!n)
		return 1;
	for (done = 0; done < total; done += LINES_A_LOG)
		import(&rnd, lines, n);
	printf("%llu lines\n", (unsigned long long)done);
	while (n)
		free(lines[--n]);
	free(lines);
	return 0;
}
