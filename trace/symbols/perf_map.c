/* SPDX-License-Identifier: MIT */
/*
 * Code without a file: what its compiler has said of it in /tmp/perf-PID.map.  Of a process whose functions are in the
 * recording these are believed, wherever it is read; of others the file here, if there is one.  Later lines are true where they
 * overlap earlier ones.
 *
 * In a recording such functions come behind the stacks that they are wanted for: it is read once for them, to its end, when
 * the first is asked for.
 */
#include "perf_map_line.h"
#include "regular_file.h"
#include "symbols_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAP_MAX (256u << 20)

/* line: where it stood, of its map's functions; the later one is true. */
struct jit_function {
	uint64_t start, end;
	size_t line;
	const char *name;
};

/*
 * One for each process that was asked for, with nothing in it where there is no file: it is looked for
 * once. allocated is 0 for one that was read from a file.
 */
struct perf_map {
	struct perf_map *next;
	uint32_t pid;
	char name[32]; /* perf-PID.map */
	char *text;    /* NULL: names are of the recording, each with memory of its own */
	size_t nr, allocated;
	struct jit_function *functions; /* by start, then by line */
};

/*
 * With a NUL behind it; to be freed. A file that has become shorter meanwhile is read as far as it
 * goes. NULL: none, too large, or no memory.
 */
static char *read_text(struct symbols *s, const char *path)
{
	struct stat st;
	int fd = open_regular(open_path, path, 0, &st);
	char *text = NULL;
	size_t n = 0;
	ssize_t got = 1;

	if (fd < 0)
		return NULL;
	if (st.st_size < MAP_MAX) {
		text = malloc((size_t)st.st_size + 1);
		symbols_note_memory(s, text);
	}
	while (text && n < (size_t)st.st_size && (got = read(fd, text + n, (size_t)st.st_size - n)) > 0)
		n += (size_t)got;
	if (text)
		text[n] = '\0';
	close(fd);
	return text;
}

static int by_start(const void *a, const void *b)
{
	const struct jit_function *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

/* m->text is cut in place: names point into it. */
static void parse(struct symbols *s, struct perf_map *m)
{
	size_t lines = 0;
	char *save = NULL;

	for (const char *c = m->text; *c; c++)
		lines += *c == '\n';
	m->functions = calloc(lines + 1, sizeof(*m->functions));
	symbols_note_memory(s, m->functions);
	for (char *l = strtok_r(m->text, "\n", &save); m->functions && l; l = strtok_r(NULL, "\n", &save)) {
		struct jit_function *f = &m->functions[m->nr];

		f->name = perf_map_line(l, &f->start, &f->end);
		f->line = m->nr;
		m->nr += f->name != NULL;
	}
	if (m->functions)
		qsort(m->functions, m->nr, sizeof(*m->functions), by_start);
}

static struct perf_map *find_map(const struct symbols *s, uint32_t pid)
{
	struct perf_map *m = s->perf_maps;

	while (m && m->pid != pid)
		m = m->next;
	return m;
}

/* Owned by @s from here on. */
static struct perf_map *new_map(struct symbols *s, uint32_t pid)
{
	struct perf_map *m = calloc(1, sizeof(*m));

	symbols_note_memory(s, m);
	if (!m)
		return NULL;
	m->pid = pid;
	snprintf(m->name, sizeof(m->name), "perf-%u.map", pid);
	m->next = s->perf_maps;
	s->perf_maps = m;
	return m;
}

/* --- of a recording ------------------------------------------------------------------------------------------- */

/* Without memory a function has no name. */
static void add_function(struct symbols *s, uint32_t pid, const struct trace_code *code)
{
	struct perf_map *m = find_map(s, pid);
	struct jit_function *f;
	size_t want;
	void *grown;

	if (!m && !(m = new_map(s, pid)))
		return;
	if (m->nr == m->allocated) {
		want = m->nr ? 2 * m->nr : 64;
		grown = realloc(m->functions, want * sizeof(*m->functions));
		symbols_note_memory(s, grown);
		if (!grown)
			return;
		m->functions = grown;
		m->allocated = want;
	}
	f = &m->functions[m->nr];
	*f = (struct jit_function){ code->start, code->end, m->nr, NULL };
	f->name = strdup(code->name);
	symbols_note_memory(s, f->name);
	m->nr += f->name != NULL;
}

/*
 * What is damaged is said by who reads the recording for itself. Once: s->recording is NULL afterwards.
 * It opens a reader of its own beside the one that is under way.
 */
static void read_recording(struct symbols *s)
{
	struct trace_reader *r;
	struct trace_event e;
	char error[512];
	int got;

	if (!s->recording)
		return;
	got = trace_reader_open(&r, s->recording, error, sizeof(error));
	if (!got) {
		while ((got = trace_reader_next(r, &e)) > 0)
			if (e.type == TRACE_EVENT_CODE)
				add_function(s, e.pid, &e.code);
		trace_reader_close(r);
	}
	s->lacked_memory |= got == -ENOMEM;
	free(s->recording);
	s->recording = NULL;
	for (struct perf_map *m = s->perf_maps; m; m = m->next)
		if (m->allocated)
			qsort(m->functions, m->nr, sizeof(*m->functions), by_start);
}

/* 0 or -ENOMEM. The path is copied. */
int symbols_recording(struct symbols *s, const char *path)
{
	free(s->recording);
	s->recording = strdup(path);
	return s->recording ? 0 : -ENOMEM;
}

/* ---------------------------------------------------------------------------------------------------------------- */

/*
 * What the recording has comes before the file: a process whose number is another's by now has another
 * one's file.
 */
static struct perf_map *get_map(struct symbols *s, uint32_t pid)
{
	struct perf_map *m;
	char path[64];

	read_recording(s);
	m = find_map(s, pid);
	if (m || !(m = new_map(s, pid)))
		return m;
	snprintf(path, sizeof(path), "/tmp/%s", m->name);
	m->text = read_text(s, path);
	if (m->text)
		parse(s, m);
	return m;
}

/*
 * The last of those that begin at or below @addr is asked alone: where functions overlap, one that
 * begins lower and reaches farther is not found behind the end of the later one.
 */
bool perf_map_find(struct symbols *s, uint32_t pid, uint64_t addr, struct symbol *symbol)
{
	const struct perf_map *m = pid ? get_map(s, pid) : NULL;
	size_t lo = 0, hi = m ? m->nr : 0;

	/* The last one that begins at or below it. */
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (m->functions[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || addr >= m->functions[lo - 1].end)
		return false;
	symbol->function = m->functions[lo - 1].name;
	symbol->offset = addr - m->functions[lo - 1].start;
	symbol->module = m->name;
	return true;
}

/* Names are owned one by one where they are of the recording; of a file they lie in its text. */
void perf_maps_free(struct symbols *s)
{
	while (s->perf_maps) {
		struct perf_map *m = s->perf_maps;

		s->perf_maps = m->next;
		for (size_t i = 0; i < m->nr && !m->text; i++)
			free((char *)m->functions[i].name);
		free(m->functions);
		free(m->text);
		free(m);
	}
	free(s->recording);
}
