/* SPDX-License-Identifier: MIT */
/*
 * /tmp/perf-PID.map: what a compiler at run time says of its code, a line for each function: start and size in hexadecimal,
 * and a name.  Later lines are true where they overlap earlier ones.
 *
 * The file is another process's, or anybody's: it is believed in what it says about names, and may say nonsense.
 */
#include "symbols_internal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAP_MAX (256u << 20)

struct jit_function {
	uint64_t start, size;
	size_t line;
	const char *name;
};

struct perf_map {
	struct perf_map *next;
	uint32_t pid;
	char name[32]; /* perf-PID.map */
	char *text;
	size_t nr;
	struct jit_function *functions; /* by start, then by line */
};

static char *read_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	char *text = NULL;
	size_t n = 0;
	ssize_t got = 1;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < MAP_MAX)
		text = malloc((size_t)st.st_size + 1);
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

static void parse(struct perf_map *m)
{
	size_t lines = 0, line = 0;
	char *save = NULL;

	for (const char *c = m->text; *c; c++)
		lines += *c == '\n';
	m->functions = calloc(lines + 1, sizeof(*m->functions));
	for (char *l = strtok_r(m->text, "\n", &save); m->functions && l; l = strtok_r(NULL, "\n", &save)) {
		struct jit_function *f = &m->functions[m->nr];
		int at = 0;

		if (sscanf(l, "%" SCNx64 " %" SCNx64 " %n", &f->start, &f->size, &at) == 2 && at && l[at]) {
			f->name = l + at;
			f->line = line++;
			m->nr++;
		}
	}
	if (m->functions)
		qsort(m->functions, m->nr, sizeof(*m->functions), by_start);
}

static struct perf_map *get_map(struct symbols *s, uint32_t pid)
{
	struct perf_map *m = s->perf_maps;
	char path[64];

	while (m && m->pid != pid)
		m = m->next;
	if (m)
		return m;
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->pid = pid;
	snprintf(m->name, sizeof(m->name), "perf-%u.map", pid);
	snprintf(path, sizeof(path), "/tmp/%s", m->name);
	m->text = read_text(path);
	if (m->text)
		parse(m);
	m->next = s->perf_maps;
	return s->perf_maps = m;
}

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
	if (!lo || addr - m->functions[lo - 1].start >= m->functions[lo - 1].size)
		return false;
	symbol->function = m->functions[lo - 1].name;
	symbol->offset = addr - m->functions[lo - 1].start;
	symbol->module = m->name;
	return true;
}

void perf_maps_free(struct symbols *s)
{
	while (s->perf_maps) {
		struct perf_map *m = s->perf_maps;

		s->perf_maps = m->next;
		free(m->functions);
		free(m->text);
		free(m);
	}
}
