/* SPDX-License-Identifier: MIT */
/*
 * Snapshots: /proc/PID/maps or smaps, once or one after the other.
 *
 * The first is what the address space begins with; each later one is what it goes on from (TRACE_MAP_RESYNC), since what
 * happened between two is not in them.  In one file a snapshot ends where addresses begin anew.  Where whole files are given,
 * each is one, and the time between two is that between their last changes; in a series the time may stand before each, as
 * `date +%s.%N` writes it.
 *
 * Who uses this: import_snapshots() for files of text, import_one_snapshot() for dumps and images,
 * whose areas come by snapshot_add(), and read_start_maps() for what a log's first space begins with.
 *
 * A series in one file, as a loop of `date +%s.%N; cat /proc/PID/maps` writes it:
 *
 *     1700000000.250000000
 *     555555554000-555555556000 r--p 00000000 08:01 1234   /usr/bin/cat
 *     1700000001.250000000
 *     555555554000-555555556000 r--p 00000000 08:01 1234   /usr/bin/cat
 *
 * The second has a time of one second: the first time is the recording's 0.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <vmaple/mm.h>

#include "../live/maps_line.h"
#include "internal.h"
#include "minmax.h"

/* The memory stays for the next one. */
void snapshot_clear(struct snapshot *s)
{
	s->count = 0;
	s->names_len = 0;
	s->has_vm_flags = s->flags_derived = false;
}

/* It can be used again, as an empty one. */
void snapshot_free(struct snapshot *s)
{
	free(s->areas);
	free(s->names);
	*s = (struct snapshot){ 0 };
}

/* Names are kept by offset while the buffer grows. *at: where. False: no memory. */
static bool add_name(struct snapshot *s, const char *name, size_t *at)
{
	size_t len = strlen(name) + 1, size = s->names_size ? s->names_size : 4096;
	char *grown;

	while (size - s->names_len < len)
		size *= 2;
	if (size != s->names_size) {
		grown = realloc(s->names, size);
		if (!grown)
			return false;
		s->names = grown;
		s->names_size = size;
	}
	*at = s->names_len;
	memcpy(s->names + *at, name, len);
	s->names_len += len;
	return true;
}

bool snapshot_add(struct snapshot *s, const struct trace_area *area, const char *name)
{
	uint32_t size = s->allocated ? s->allocated * 2 : 256;
	struct trace_area *grown;
	size_t at;

	if (s->count == s->allocated) {
		grown = realloc(s->areas, size * sizeof(*grown));
		if (!grown)
			return false;
		s->areas = grown;
		s->allocated = size;
	}
	if (!add_name(s, name, &at))
		return false;
	s->areas[s->count] = *area;
	s->areas[s->count++].name = (const char *)(uintptr_t)at;
	return true;
}

/* A number that ends at @end; *at is behind that then, else as it was. */
static bool hex(const char **at, char end, uint64_t *value)
{
	char *behind;

	*value = strtoull(*at, &behind, 16);
	if (behind == *at || *behind != end)
		return false;
	*at = behind + 1;
	return true;
}

/*
 * Names have their newlines as \012, as the kernel escapes them. seq_path() escapes newlines, and
 * nothing else, in the names of maps.
 */
static void unescape_newlines(char *name)
{
	char *from = name, *to = name;

	while (*from) {
		if (strncmp(from, "\\012", 4) == 0) {
			*to++ = '\n';
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

/*
 * "0x555555554000 0x555555556000 0x2000 0x0 r--p /usr/bin/cat" of gdb's `info proc mappings`.  Of files
 * it has the names: their numbers are made of these. Columns are start, end, size, offset, access and
 * the name. Older ones of gdb show no access, and are refused (refused.c). False: it is none.
 */
static bool gdb_line(char *text, struct trace_area *a)
{
	uint64_t number[4];
	char *at = text, access[5];
	int end = 0;

	for (int i = 0; i < 4; i++) {
		at = skip_spaces(at);
		/* maps has none before its numbers, so that its lines are never taken for gdb's. */
		if (strncmp(at, "0x", 2) != 0)
			return false;
		number[i] = strtoull(at, &at, 16);
	}
	if (sscanf(at, " %4[rwxps-] %n", access, &end) != 1 || strlen(access) != 4 ||
		number[1] - number[0] != number[2])
		return false;
	a->start = number[0];
	a->end = number[1];
	a->name = at + end;
	a->prot = (access[0] == 'r') | (access[1] == 'w') << 1 | (access[2] == 'x') << 2;
	a->shared = access[3] == 's';
	if (a->name[0] == '/') {
		a->offset = number[3];
		/*
		 * The same name has the same number, and two names the same one hardly ever: nothing
		 * depends on it but whether areas can join.
		 */
		for (const char *c = a->name; *c; c++)
			a->ino = (a->ino * 31 + (unsigned char)*c) % 2147483647;
	}
	return true;
}

/* True as well for an area that is no part of a program's map. @text is cut in place. */
bool snapshot_line(struct snapshot *s, char *text, int *err)
{
	struct trace_area a = { 0 };
	char *name;

	if (!maps_line_parse(text, &a) && !gdb_line(text, &a))
		return false;
	/* The sum of all areas is none. */
	if (strcmp(a.name, "[rollup]") == 0)
		return false;
	if (a.start >= a.end || (a.start | a.end | a.offset) & IMPORT_IN_PAGE || a.end > IMPORT_TASK_SIZE)
		return a.start >= IMPORT_TASK_SIZE; /* [vsyscall] is no area */
	name = (char *)a.name;
	unescape_newlines(name);
	if (!snapshot_add(s, &a, name))
		*err = -ENOMEM;
	return true;
}

/* While names are offsets: before snapshot_map(). */
static const char *name_of(const struct snapshot *s, uint32_t i)
{
	return s->names + (uintptr_t)s->areas[i].name;
}

/*
 * Heap: from the first [heap] to the end of the last, as brk(2) has one even where it is cut into
 * areas. The stack's start is anywhere in it; its last byte is taken.
 */
void snapshot_space(const struct snapshot *s, struct trace_space *space)
{
	for (uint32_t i = 0; i < s->count; i++) {
		const char *name = name_of(s, i);

		if (strcmp(name, "[heap]") == 0) {
			space->start_brk = space->start_brk ? space->start_brk : s->areas[i].start;
			space->brk = s->areas[i].end;
		} else if (strcmp(name, "[stack]") == 0) {
			space->start_stack = s->areas[i].end - 1;
		}
	}
}

struct trace_map snapshot_map(struct snapshot *s, uint32_t reason)
{
	for (uint32_t i = 0; i < s->count; i++)
		s->areas[i].name = name_of(s, i);
	return (struct trace_map){ .reason = reason,
		.hi = UINT64_MAX,
		.has_vm_flags = s->has_vm_flags,
		.has_names = true,
		.count = s->count,
		.areas = s->areas };
}

/*
 * What the letters stand for, where smaps does not say more, or was cut. vm_flags 0 stands for "not
 * told": an area without any flag does not occur, since VM_MAYREAD and its kin are set.
 */
static void derive_flags(struct snapshot *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (!s->areas[i].vm_flags) {
			s->areas[i].vm_flags = vm_flags_of_letters(s->areas[i].prot, s->areas[i].shared);
			s->flags_derived = true;
		}
	s->has_vm_flags = true;
}

/*
 * The letters and the flags of one area: two that contradict each other are of two. A line of smaps may
 * be missing from a log that was cut: then the flags would be another area's.
 */
static void take_flags(struct trace_import *im, struct trace_area *a, const char *text)
{
	vm_flags_t flags = vm_flags_parse(text);

	if ((flags & VM_ACCESS_FLAGS) == a->prot && !(flags & VM_MAYSHARE) == !a->shared)
		a->vm_flags = flags;
	else
		import_doubt(im, DOUBT_FLAGS);
}

/*
 * smaps: "VmFlags: rd ex mr mw me sd" and "Anonymous:      8 kB" of the area whose line came last. A
 * page of its own means that it has an anon_vma; none means nothing, for pages may be in swap.
 */
static void detail_line(struct trace_import *im, struct snapshot *s, const char *text)
{
	struct trace_area *last = s->count ? &s->areas[s->count - 1] : NULL;

	if (!last)
		return;
	if (strncmp(text, "VmFlags:", 8) == 0) {
		take_flags(im, last, text + 8);
	} else if (strncmp(text, "Anonymous:", 10) == 0) {
		last->touched = strtoul(text + 10, NULL, 10) > 0;
	}
}

/* ---- series ---- */

/*
 * now is being read; before is the one emitted last, with pointers for names. They change places
 * (end_snapshot()), so that neither is copied.
 */
struct series {
	struct trace_import *im;
	struct snapshot now, before; /* before: of an event that was emitted */
	bool begun;
	const char *path; /* where now begins */
	uint64_t line;
	bool has_time; /* of the first snapshot, where it is told in the file */
	uint64_t first_ns;
};

/* Infinite limits, as for logs: a snapshot says nothing of them. One process, 1, in one space, 1. */
static int emit_first_space(struct series *s)
{
	struct trace_event e = { .type = TRACE_EVENT_SPACE };

	e.space = (struct trace_space){
		.attached = true, .topdown = true, .task_size = IMPORT_TASK_SIZE, .path = s->im->paths[0]
	};
	for (int i = 0; i <= TRACE_LIMIT_MEMLOCK; i++)
		e.space.limits[i] = UINT64_MAX;
	snapshot_space(&s->now, &e.space);
	return import_emit(s->im, &e, 1, 1, 1);
}

/* Nothing for an empty one: text before the first area, or a series with two times in a row. */
static int emit_snapshot(struct series *s)
{
	struct trace_event e = { .type = TRACE_EVENT_MAP };
	int err = 0;

	if (!s->now.count)
		return 0;
	derive_flags(&s->now);
	if (s->begun)
		import_doubt(s->im, DOUBT_BETWEEN_SNAPSHOTS);
	else
		err = emit_first_space(s);
	e.map = snapshot_map(&s->now, s->begun ? TRACE_MAP_RESYNC : TRACE_MAP_BEGIN);
	return err ? err : import_emit(s->im, &e, 1, 1, 1);
}

/* The map of what was emitted, with the flags that it came with. */
static struct trace_map emitted_map(const struct snapshot *s)
{
	return (struct trace_map){ .has_vm_flags = !s->flags_derived, .count = s->count, .areas = s->areas };
}

/* The snapshot is whole. What is inferred between two is told behind the event of the second. */
static int end_snapshot(struct series *s)
{
	struct snapshot old = s->before;
	int err = emit_snapshot(s);

	if (err || !s->now.count)
		return err;
	if (s->begun) {
		struct trace_map before = emitted_map(&s->before), now = emitted_map(&s->now);

		infer_between(s->im, &before, &now, s->path, s->line);
	}
	s->begun = true;
	s->before = s->now;
	s->now = old;
	snapshot_clear(&s->now);
	return 0;
}

/* @s is its owner's to free in any case. */
int import_one_snapshot(struct trace_import *im, struct snapshot *s)
{
	struct series one = { .im = im, .now = *s };
	int err = emit_snapshot(&one);

	*s = one.now;
	return err;
}

/* Areas of one snapshot ascend: one that begins below the last one's end is of the next. */
static bool begins_anew(const struct snapshot *s, const char *text)
{
	uint64_t start;

	return s->count && hex(&text, '-', &start) && start < s->areas[s->count - 1].end;
}

/*
 * Seconds since 1970, in nanoseconds. False: it is no time. Nine or ten digits: from 1973 to 2286.
 * Places behind the ninth are cut.
 */
static bool time_line(const char *text, uint64_t *ns)
{
	size_t digits = strspn(text, "0123456789"), places;
	char fraction[10] = "000000000";

	if (digits < 9 || digits > 10 || (text[digits] && text[digits] != '.'))
		return false;
	*ns = strtoull(text, NULL, 10) * 1000000000;
	if (!text[digits])
		return true;
	text += digits + 1;
	places = strspn(text, "0123456789");
	if (!places || text[places])
		return false;
	memcpy(fraction, text, min(places, (size_t)9));
	*ns += strtoull(fraction, NULL, 10);
	return true;
}

/* The time of the snapshot that follows: the one before it is whole. */
static int take_time(struct series *s, uint64_t ns)
{
	int err = end_snapshot(s);

	if (!s->has_time)
		s->first_ns = ns;
	s->has_time = true;
	if (ns > s->first_ns)
		import_time(s->im, ns - s->first_ns);
	return err;
}

/* @len 0: an empty line, which is not counted as skipped. */
static int read_line(struct series *s, struct lines *l, char *text, size_t len)
{
	bool empty = !s->now.count;
	uint64_t ns;
	int err = 0;

	if (snapshot_line(&s->now, text, &err)) {
		/* Where inferred differences are said to be: the first line of the later snapshot. */
		if (empty && s->now.count) {
			s->path = l->path;
			s->line = l->number;
		}
	} else if (time_line(text, &ns)) {
		return take_time(s, ns);
	} else if (strchr(text, ':') && s->now.count) {
		detail_line(s->im, &s->now, text);
	} else {
		s->im->skipped += len != 0;
	}
	return err;
}

static int read_series(struct series *s, struct lines *l)
{
	char *text;
	size_t len;
	int err = 0;

	while (!err && (text = lines_next(l, &len))) {
		import_progress(s->im, l);
		if (begins_anew(&s->now, text))
			err = end_snapshot(s);
		if (!err)
			err = read_line(s, l, text, len);
	}
	return err ? err : l->error;
}

/* Seconds between the files' last changes; without them snapshots are a second apart. */
static void set_time(struct trace_import *im, const char *path, time_t *first)
{
	struct stat st;

	/* A pipe has no time of its own. */
	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return;
	if (!*first)
		*first = st.st_mtime;
	if (st.st_mtime > *first)
		import_time(im, (uint64_t)(st.st_mtime - *first) * 1000000000);
}

/*
 * Each file ends a snapshot, so that files of one process, or of several states of it, are a series in
 * the order in which they were given.
 */
int import_snapshots(struct trace_import *im)
{
	struct series s = { .im = im };
	time_t first = 0;
	int err = 0;

	for (size_t i = 0; i < im->nr_paths && !err; i++) {
		struct lines l;

		err = lines_open(&l, im->paths[i], (size_t)64 << 10);
		if (err) {
			import_failed(im, err, "cannot read %s: %s", im->paths[i], strerror(-err));
			break;
		}
		im->reading = &l;
		set_time(im, im->paths[i], &first);
		err = read_series(&s, &l);
		if (!err)
			err = end_snapshot(&s);
		im->reading = NULL;
		lines_close(&l);
	}
	snapshot_free(&s.now);
	snapshot_free(&s.before);
	return err;
}

int read_start_maps(struct trace_import *im, struct snapshot *s)
{
	const char *path = im->options.start_maps;
	struct lines l;
	char *text;
	size_t len;
	int err = lines_open(&l, path, (size_t)64 << 10);

	if (err)
		return import_failed(im, err, "cannot read %s: %s", path, strerror(-err));
	while (!err && (text = lines_next(&l, &len)))
		if (!snapshot_line(s, text, &err))
			detail_line(im, s, text);
	err = err ? err : l.error;
	lines_close(&l);
	derive_flags(s);
	if (!err && !s->count)
		err = import_failed(im, -EINVAL, "%s has no line of /proc/PID/maps", path);
	return err;
}
