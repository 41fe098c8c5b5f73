/* SPDX-License-Identifier: MIT */
/*
 * make_recording FILE: the recording that the text on standard input describes, one event a line.
 *
 *   header faults all|some|none            before the first event; so is
 *   header max_map_count N
 *   header kernel RELEASE
 *   begin [attached]                       the address space and its first map; areas follow
 *   file ID KIND MAJOR:MINOR INODE PATH    KIND as in enum trace_file_kind, opened for reading and writing
 *   call NAME A B C D E F = RESULT [file ID]
 *   write ADDRESS
 *   limit NUMBER VALUE                     NUMBER as in enum trace_limit
 *   lost WORDS
 *   fork PID MM                            process PID, with the address space MM, is forked; the first are 100 and 1
 *   process PID MM                         what follows is of that process
 *   anon START:NUMBER:ROOT ...             which areas have an anon_vma, and which
 *   jump NANOSECONDS                       the clock jumps, back where it is negative
 *   map                                    an observation of the whole map; areas follow
 *   7f0000000000-7f0000001000 rw-p 00000000 08:01 77 NAME      an area, in the form of /proc/PID/maps
 *
 * Steps count the events from 1; `begin` is two of them.  Whatever else a line says is an error: exit status 2.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recording.h"

#define AREAS_MAX 16

struct text {
	struct trace_header header;
	char kernel[32];
	const char *path;
	struct trace_writer *writer;
	struct recording rec;
	struct trace_event map; /* type 0: none is pending */
	struct trace_area areas[AREAS_MAX];
	char names[AREAS_MAX][64];
};

/* The first event opens the file: the header is complete. */
static int emit(struct text *t, struct trace_event e)
{
	if (!t->writer) {
		if (trace_writer_open(&t->writer, t->path, &t->header))
			return -1;
		t->rec.sink = trace_writer_sink(t->writer);
	}
	rec_event(&t->rec, e);
	return t->rec.error;
}

static int emit_map(struct text *t)
{
	struct trace_event e = t->map;

	t->map.type = 0;
	return e.type ? emit(t, e) : 0;
}

static void begin_of_map(struct text *t, enum trace_map_reason reason)
{
	t->map = (struct trace_event){ .type = TRACE_EVENT_MAP,
		.map = { .reason = reason, .hi = UINT64_MAX, .has_names = true, .areas = t->areas } };
}

static int add_area(struct text *t, const char *line)
{
	struct trace_area *a = &t->areas[t->map.map.count];
	char *name = t->names[t->map.map.count], access[5];
	unsigned int major, minor;

	if (!t->map.type || t->map.map.count == AREAS_MAX)
		return -1;
	*a = (struct trace_area){ .name = name };
	*name = '\0';
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %63[^\n]", &a->start,
		    &a->end, access, &a->offset, &major, &minor, &a->ino, name) < 7)
		return -1;
	a->dev = (uint64_t)major << 32 | minor;
	a->prot = (access[0] == 'r' ? PROT_READ : 0) | (access[1] == 'w' ? PROT_WRITE : 0) |
		  (access[2] == 'x' ? PROT_EXEC : 0);
	a->shared = access[3] == 's';
	t->map.map.count++;
	return 0;
}

static int add_space(struct text *t, const char *how)
{
	struct trace_event e = { .type = TRACE_EVENT_SPACE, .space = rec_space() };

	e.space.attached = strcmp(how, "attached") == 0;
	if (*how && !e.space.attached)
		return -1;
	begin_of_map(t, TRACE_MAP_BEGIN);
	t->map.map.has_vm_flags = true;
	return emit(t, e);
}

static int add_file(struct text *t, const char *rest)
{
	struct trace_event e = { .type = TRACE_EVENT_FILE, .file = { .open_flags = 2 } };
	unsigned int major, minor;
	char path[64];

	if (sscanf(rest, "%" SCNu32 " %" SCNu32 " %x:%x %" SCNu64 " %63s", &e.file.id, &e.file.kind, &major,
		    &minor, &e.file.ino, path) != 6)
		return -1;
	e.file.dev = (uint64_t)major << 32 | minor;
	e.file.path = path;
	return emit(t, e);
}

static int add_call(struct text *t, const char *rest)
{
	struct trace_event e = { .type = TRACE_EVENT_CALL };
	uint64_t *a = e.call.args;
	char name[32];
	int n = 0;

	if (sscanf(rest,
		    "%31s %" SCNi64 " %" SCNi64 " %" SCNi64 " %" SCNi64 " %" SCNi64 " %" SCNi64 " = %" SCNi64
		    "%n",
		    name, (int64_t *)&a[0], (int64_t *)&a[1], (int64_t *)&a[2], (int64_t *)&a[3],
		    (int64_t *)&a[4], (int64_t *)&a[5], &e.call.result, &n) != 8)
		return -1;
	if (rest[n] && sscanf(rest + n, " file %" SCNu32, &e.call.file) != 1)
		return -1;
	while (e.call.nr < 512 && (!trace_call_name(e.call.nr) || strcmp(trace_call_name(e.call.nr), name)))
		e.call.nr++;
	return e.call.nr < 512 ? emit(t, e) : -1;
}

static int add_fork(struct text *t, const char *rest)
{
	struct trace_event e = { .type = TRACE_EVENT_FORK };

	if (sscanf(rest, "%" SCNu32 " %" SCNu32, &e.fork.child_pid, &e.fork.child_mm) != 2)
		return -1;
	return emit(t, e);
}

static int add_anon(struct text *t, const char *rest)
{
	struct trace_anon_area areas[AREAS_MAX];
	struct trace_event e = { .type = TRACE_EVENT_ANON, .anon.areas = areas };
	int n = 0;

	for (; *rest && e.anon.count < AREAS_MAX; rest += n) {
		struct trace_anon_area *a = &areas[e.anon.count++];

		if (sscanf(rest, "%" SCNx64 ":%" SCNu32 ":%" SCNu32 " %n", &a->start, &a->anon_vma, &a->root,
			    &n) != 3)
			return -1;
	}
	return emit(t, e);
}

static int add_small(struct text *t, const char *word, const char *rest)
{
	struct trace_event e = { .type = TRACE_EVENT_LOST, .lost.what = rest };
	int64_t jump;

	if (strcmp(word, "fork") == 0)
		return add_fork(t, rest);
	if (strcmp(word, "process") == 0)
		return sscanf(rest, "%" SCNu32 " %" SCNu32, &t->rec.pid, &t->rec.mm) == 2 ? 0 : -1;
	if (strcmp(word, "jump") == 0)
		return sscanf(rest, "%" SCNi64, &jump) == 1 ? (t->rec.jumped += (uint64_t)jump, 0) : -1;
	if (strcmp(word, "lost") == 0)
		return emit(t, e);
	if (strcmp(word, "write") == 0) {
		e = (struct trace_event){ .type = TRACE_EVENT_FAULT,
			.fault = { .addr = strtoull(rest, NULL, 0), .write = true, .write_known = true } };
		return emit(t, e);
	}
	e = (struct trace_event){ .type = TRACE_EVENT_LIMIT };
	if (strcmp(word, "limit") ||
		sscanf(rest, "%" SCNu32 " %" SCNi64, &e.limit.limit, (int64_t *)&e.limit.value) != 2)
		return -1;
	return emit(t, e);
}

static int set_header(struct text *t, const char *rest)
{
	static const char *const faults[] = { "faults all", "faults some", "faults none" };

	for (uint32_t i = 0; i < 3; i++)
		if (strcmp(rest, faults[i]) == 0) {
			t->header.fault_source = i;
			return 0;
		}
	if (sscanf(rest, "kernel %31s", t->kernel) == 1) {
		t->header.kernel = t->kernel;
		return 0;
	}
	return sscanf(rest, "max_map_count %" SCNu64, &t->header.max_map_count) == 1 ? 0 : -1;
}

static int add_line(struct text *t, const char *line)
{
	char word[16] = "";
	int n = 0;

	if (strspn(line, "0123456789abcdef") >= 8)
		return add_area(t, line);
	if (sscanf(line, "%15s %n", word, &n) != 1 || emit_map(t))
		return -1;
	if (strcmp(word, "header") == 0)
		return set_header(t, line + n);
	if (strcmp(word, "begin") == 0)
		return add_space(t, line + n);
	if (strcmp(word, "file") == 0)
		return add_file(t, line + n);
	if (strcmp(word, "anon") == 0)
		return add_anon(t, line + n);
	if (strcmp(word, "call") == 0)
		return add_call(t, line + n);
	if (strcmp(word, "map") == 0) {
		begin_of_map(t, TRACE_MAP_CHECK);
		return 0;
	}
	return add_small(t, word, line + n);
}

int main(int argc, char **argv)
{
	struct text t = { .header = rec_header, .path = argv[argc - 1] };
	char line[512];
	int n = 0;

	if (argc != 2)
		return 2;
	while (fgets(line, sizeof(line), stdin)) {
		n++;
		line[strcspn(line, "\n")] = '\0';
		if (*line && add_line(&t, line)) {
			fprintf(stderr, "make_recording: line %d is not understood: %s\n", n, line);
			return 2;
		}
	}
	if (emit_map(&t) || !t.writer || trace_writer_close(t.writer)) {
		fputs("make_recording: the recording could not be written\n", stderr);
		return 2;
	}
	return 0;
}
