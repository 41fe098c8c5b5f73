/* SPDX-License-Identifier: MIT */
/*
 * Code without a file: what its compiler says of it in /tmp/perf-PID.map, for those functions that stacks have gone through.
 * It is read when the address space ends, as compilers write it late, some at their own end.  The file is the program's: its
 * /tmp, and its number as it knows it.
 *
 * A line is "START SIZE NAME", numbers in hexadecimal without 0x; perf_map_line() reads it. The file
 * can be anything, of any size up to MAP_MAX, and is read line by line without keeping more than one.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "perf_map_line.h"
#include "regular_file.h"
#include "stacks.h"

#define MAP_MAX (256u << 20)

static int by_address(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/*
 * All frames of all stacks, ascending; NULL: none, or no memory. Of all address spaces: a frame of
 * another one that lies in a function here has it told without need, no more. To be freed.
 */
static uint64_t *all_frames(const struct stacks *s, size_t *nr)
{
	uint64_t *frames;
	size_t n = 0;

	for (size_t i = 0; i < s->told_size; i++)
		n += s->told[i].count;
	frames = malloc((n + !n) * sizeof(*frames));
	*nr = 0;
	for (size_t i = 0; frames && i < s->told_size; i++)
		for (uint32_t k = 0; k < s->told[i].count; k++)
			frames[(*nr)++] = s->told[i].frames[k];
	if (frames)
		qsort(frames, *nr, sizeof(*frames), by_address);
	return frames;
}

/*
 * Does a frame, which lies behind its instruction, belong to [start, end)? frames are ascending; O(log
 * n). The address behind the last instruction of a function counts as in it, since a frame is the
 * address behind its call.
 */
static bool is_met(const uint64_t *frames, size_t nr, uint64_t start, uint64_t end)
{
	size_t lo = 0, hi = nr;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (frames[mid] > start)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo < nr && frames[lo] <= end;
}

/*
 * In its own namespace of processes, which is the innermost: the last of a line of numbers.
 * "NStgid:\t4711\t12" has the numbers from the outermost namespace that the reader sees to the
 * innermost. Kernels without namespaces have no such line.
 */
static pid_t own_number(const struct task *t)
{
	static const char field[] = "\nNStgid:";
	/* 32 levels of namespaces at most (MAX_PID_NS_LEVEL), of up to 11 bytes. */
	char numbers[512], *last;

	if (!status_field(t->tid, field, numbers, sizeof(numbers)))
		return t->tgid;
	last = strrchr(numbers, '\t');
	return last ? (pid_t)strtol(last, NULL, 10) : t->tgid;
}

/*
 * O_NOFOLLOW: the last part of the path is the program's to choose, and a link in it could lead to any
 * file that this process may read. NULL: there is none, or it is too large.
 */
static FILE *open_map(const struct task *t)
{
	char path[96];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/root/tmp/perf-%d.map", (int)t->tid, (int)own_number(t));
	fd = open_regular(kernel->open, path, O_NOFOLLOW, &st);
	if (fd >= 0 && st.st_size < MAP_MAX)
		return fdopen(fd, "r");
	if (fd >= 0)
		kernel->close(fd);
	return NULL;
}

/* Told for the task; functions that no stack has met are left out, of which there can be 100,000. */
static void emit_code(struct live *l, struct task *t, FILE *map, const uint64_t *frames, size_t nr)
{
	char line[1024];
	bool within = false;

	while (fgets(line, sizeof(line), map)) {
		struct trace_event e = { .type = TRACE_EVENT_CODE };
		size_t len = strcspn(line, "\n");
		bool begins = !within;

		/* Of a longer line the rest is left out. */
		within = line[len] != '\n';
		line[len] = '\0';
		e.code.name = begins ? perf_map_line(line, &e.code.start, &e.code.end) : NULL;
		if (e.code.name && is_met(frames, nr, e.code.start, e.code.end))
			emit(l, t, &e);
	}
}

/*
 * ran_code: some frame was in code that has no file, or no ELF file. Called while the task's /proc is
 * still there.
 */
void stacks_before_end(struct live *l, struct task *t)
{
	FILE *map;
	uint64_t *frames;
	size_t nr;

	if (!l->stacks || !t->mm->ran_code)
		return;
	map = open_map(t);
	frames = map ? all_frames(l->stacks, &nr) : NULL;
	if (frames)
		emit_code(l, t, map, frames, nr);
	free(frames);
	if (map)
		fclose(map);
}
