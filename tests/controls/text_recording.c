/* SPDX-License-Identifier: MIT */
/* See text_recording.h. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text_recording.h"

/* The first event opens the sink: the header is complete. */
static int emit(struct text_recording *t, struct trace_event e)
{
	if (!t->rec.sink)
		t->rec.sink = t->open(t->ctx, &t->header);
	if (!t->rec.sink)
		return -1;
	rec_event(&t->rec, e);
	return t->rec.error;
}

static int emit_map(struct text_recording *t)
{
	struct trace_event e = t->map;

	t->map.type = 0;
	return e.type ? emit(t, e) : 0;
}

static void begin_of_map(struct text_recording *t, enum trace_map_reason reason)
{
	t->map = (struct trace_event){ .type = TRACE_EVENT_MAP,
		.map = { .reason = reason, .hi = UINT64_MAX, .has_names = true, .areas = t->areas } };
}

/* Those of the first map show all of their flags. */
static int add_area(struct text_recording *t, const char *line)
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
	if (t->map.map.has_vm_flags)
		a->vm_flags = vm_flags_of_letters(a->prot, a->shared) |
			      (strncmp(name, "[stack", 6) ? 0 : VM_GROWSDOWN);
	t->map.map.count++;
	return 0;
}

static int add_anon(struct text_recording *t, const char *rest)
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

static int add_space(struct text_recording *t, const char *how)
{
	struct trace_event e = { .type = TRACE_EVENT_SPACE, .space = rec_space() };
	bool part = strcmp(how, "part") == 0;
	const char *anon = strstr(how, " anon "), *brk = strstr(how, " brk ");

	e.space.task_size = (1UL << 47) - t->header.page_size;
	e.space.attached = strncmp(how, "attached", 8) == 0;
	e.space.brk = brk ? strtoull(brk + 5, NULL, 0) : e.space.brk;
	if ((*how && !e.space.attached && !part) || emit(t, e) || (anon && add_anon(t, anon + 6)))
		return -1;
	begin_of_map(t, TRACE_MAP_BEGIN);
	t->map.map.hi = part ? 0 : UINT64_MAX;
	t->map.map.has_vm_flags = true;
	return 0;
}

static int add_file(struct text_recording *t, const char *rest)
{
	struct trace_event e = { .type = TRACE_EVENT_FILE, .file = { .open_flags = 2 } };
	unsigned int major, minor;
	char path[64];
	char word[8];
	uint64_t value;
	int n = 0;

	if (sscanf(rest, "%" SCNu32 " %" SCNu32 " %x:%x %" SCNu64 " %63s %n", &e.file.id, &e.file.kind,
		    &major, &minor, &e.file.ino, path, &n) != 6)
		return -1;
	for (rest += n; *rest; rest += n) {
		if (sscanf(rest, "%7s %" SCNi64 " %n", word, (int64_t *)&value, &n) != 2)
			return -1;
		if (strcmp(word, "off") == 0)
			e.file.vm_flags_off = value;
		else if (strcmp(word, "close") == 0)
			e.file.has_close = value;
		else
			return -1;
	}
	e.file.dev = (uint64_t)major << 32 | minor;
	e.file.path = path;
	return emit(t, e);
}

/* What hexadecimal digits say: 0, or -1 where they are none, or too many. */
static int bytes_of(const char *hex, uint8_t *data, size_t size, uint32_t *len)
{
	unsigned int byte;

	for (*len = 0; *hex && *len < size; hex += 2, ++*len) {
		if (sscanf(hex, "%2x", &byte) != 1)
			return -1;
		data[*len] = (uint8_t)byte;
	}
	return *hex ? -1 : 0;
}

/* What the call's argument points to. */
static int add_data(struct trace_call *c, const char *hex, uint8_t *data, size_t size)
{
	c->data = data;
	return bytes_of(hex, data, size, &c->data_len);
}

static int add_module(struct text_recording *t, const char *rest)
{
	struct trace_event e = { .type = TRACE_EVENT_MODULE };
	char path[64], hex[64] = "";
	uint8_t id[32];

	if (sscanf(rest, "%" SCNx64 "-%" SCNx64 " %63s %63s", &e.module.start, &e.module.end, path, hex) <
			3 ||
		bytes_of(hex, id, sizeof(id), &e.module.build_id_len))
		return -1;
	e.module.path = path;
	e.module.build_id = id;
	return emit(t, e);
}

static int add_call(struct text_recording *t, const char *rest)
{
	uint8_t data[128];
	const char *hex;
	struct trace_event e = { .type = TRACE_EVENT_CALL };
	uint64_t *a = e.call.args;
	char name[32];
	int n = 0, at = 0;

	if (sscanf(rest,
		    "%31s %" SCNi64 " %" SCNi64 " %" SCNi64 " %" SCNi64 " %" SCNi64 " %" SCNi64 " = %" SCNi64
		    "%n",
		    name, (int64_t *)&a[0], (int64_t *)&a[1], (int64_t *)&a[2], (int64_t *)&a[3],
		    (int64_t *)&a[4], (int64_t *)&a[5], &e.call.result, &n) != 8)
		return -1;
	e.call.unordered = strcmp(rest + n, " unordered") == 0;
	n += e.call.unordered ? (int)strlen(rest + n) : 0;
	if (sscanf(rest + n, " at %" SCNi64 "%n", (int64_t *)&e.call.ip, &at) == 1)
		n += at;
	hex = strstr(rest + n, " data ");
	if (hex && add_data(&e.call, hex + 6, data, sizeof(data)))
		return -1;
	if (rest[n] && rest + n != hex && sscanf(rest + n, " file %" SCNu32, &e.call.file) != 1)
		return -1;
	while (e.call.nr < 512 && (!trace_call_name(e.call.nr) || strcmp(trace_call_name(e.call.nr), name)))
		e.call.nr++;
	return e.call.nr < 512 ? emit(t, e) : -1;
}

static int add_fork(struct text_recording *t, const char *rest)
{
	struct trace_event e = { .type = TRACE_EVENT_FORK };

	if (sscanf(rest, "%" SCNu32 " %" SCNu32, &e.fork.child_pid, &e.fork.child_mm) != 2)
		return -1;
	return emit(t, e);
}

static int add_task(struct text_recording *t, const char *rest, bool thread)
{
	struct trace_event e = { .type = TRACE_EVENT_TASK, .task = { .parent_tid = 100, .thread = thread } };
	uint32_t before = t->rec.pid;
	int err;

	if (!thread && sscanf(rest, "%" SCNu32, &t->rec.pid) != 1)
		return -1;
	err = emit(t, e);
	t->rec.pid = before;
	return err;
}

static int add_fault(struct text_recording *t, const char *rest, bool write)
{
	struct trace_event e = { .type = TRACE_EVENT_FAULT,
		.fault = { .addr = strtoull(rest, NULL, 0),
			.write = write,
			.write_known = strstr(rest, "unknown") == NULL,
			.ambiguous = strstr(rest, "ambiguous") != NULL,
			.apart = strstr(rest, "apart") != NULL } };

	return emit(t, e);
}

static int add_limit(struct text_recording *t, const char *rest)
{
	struct trace_event e = { .type = TRACE_EVENT_LIMIT };

	if (sscanf(rest, "%" SCNu32 " %" SCNi64, &e.limit.limit, (int64_t *)&e.limit.value) != 2)
		return -1;
	return emit(t, e);
}

static int add_closed(struct text_recording *t, const char *rest)
{
	struct trace_event e = { .type = TRACE_EVENT_CHANGE, .change.what = TRACE_CHANGE_UFFD_CLOSED };

	if (sscanf(rest, "%" SCNi64 " %" SCNi64, (int64_t *)&e.change.start, (int64_t *)&e.change.end) != 2)
		return -1;
	return emit(t, e);
}

static int add_lost(struct text_recording *t, const char *rest)
{
	bool counted = strncmp(rest, "count ", 6) == 0;
	struct trace_event e = { .type = TRACE_EVENT_LOST,
		.lost = { .what = rest + (counted ? 6 : 0), .count = counted } };
	int err;

	t->rec.of_nobody = strncmp(e.lost.what, "nobody ", 7) == 0;
	t->rec.of_no_space = strncmp(e.lost.what, "process ", 8) == 0;
	err = emit(t, e);
	t->rec.of_nobody = t->rec.of_no_space = false;
	return err;
}

static int add_exit(struct text_recording *t, const char *rest)
{
	return emit(
		t, (struct trace_event){ .type = TRACE_EVENT_EXIT, .exit.last = strcmp(rest, "last") == 0 });
}

/* What is said of the recording rather than in it. */
static int set_place(struct text_recording *t, const char *word, const char *rest)
{
	int64_t jump;

	if (strcmp(word, "process") == 0)
		return sscanf(rest, "%" SCNu32 " %" SCNu32, &t->rec.pid, &t->rec.mm) == 2 ? 0 : -1;
	if (strcmp(word, "jump") || sscanf(rest, "%" SCNi64, &jump) != 1)
		return -1;
	t->rec.jumped += (uint64_t)jump;
	return 0;
}

static int add_small(struct text_recording *t, const char *word, const char *rest)
{
	if (strcmp(word, "fork") == 0)
		return add_fork(t, rest);
	if (strcmp(word, "thread") == 0 || strcmp(word, "vfork") == 0)
		return add_task(t, rest, *word == 't');
	if (strcmp(word, "exit") == 0)
		return add_exit(t, rest);
	if (strcmp(word, "lost") == 0)
		return add_lost(t, rest);
	if (strcmp(word, "write") == 0 || strcmp(word, "grow") == 0)
		return add_fault(t, rest, *word == 'w');
	if (strcmp(word, "limit") == 0)
		return add_limit(t, rest);
	if (strcmp(word, "closed") == 0)
		return add_closed(t, rest);
	if (strcmp(word, "module") == 0)
		return add_module(t, rest);
	return set_place(t, word, rest);
}

static const struct {
	const char *name;
	size_t offset;
	char size;
} header_numbers[] = { { "max_map_count", offsetof(struct trace_header, max_map_count), 8 },
	{ "mmap_min_addr", offsetof(struct trace_header, mmap_min_addr), 8 },
	{ "stack_guard_gap", offsetof(struct trace_header, stack_guard_gap), 4 },
	{ "page_size", offsetof(struct trace_header, page_size), 4 },
	{ "pkeys", offsetof(struct trace_header, pkeys), 1 } };

/* Little-endian: the value's first bytes are the number of that size. */
static int set_number(struct text_recording *t, const char *rest)
{
	char name[32];
	uint64_t value;

	if (sscanf(rest, "%31s %" SCNu64, name, &value) != 2)
		return -1;
	for (size_t i = 0; i < sizeof(header_numbers) / sizeof(header_numbers[0]); i++)
		if (strcmp(name, header_numbers[i].name) == 0) {
			memcpy((char *)&t->header + header_numbers[i].offset, &value,
				(size_t)header_numbers[i].size);
			return 0;
		}
	return -1;
}

static int set_header(struct text_recording *t, const char *rest)
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
	if (strcmp(rest, "machine aarch64") == 0) {
		t->header.machine = "aarch64";
		return 0;
	}
	return set_number(t, rest);
}

static int begin_look(struct text_recording *t, enum trace_map_reason reason, const char *rest)
{
	struct trace_map *map = &t->map.map;

	begin_of_map(t, reason);
	map->has_names = !strstr(rest, "unnamed");
	return !*rest || sscanf(rest, "%" SCNx64 "-%" SCNx64, &map->lo, &map->hi) == 2 ? 0 : -1;
}

int text_recording_line(struct text_recording *t, const char *line)
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
	if (strcmp(word, "map") == 0)
		return begin_look(t, TRACE_MAP_CHECK, line + n);
	if (strcmp(word, "resync") == 0)
		return begin_look(t, TRACE_MAP_RESYNC, line + n);
	return add_small(t, word, line + n);
}

int text_recording_end(struct text_recording *t)
{
	return emit_map(t);
}
