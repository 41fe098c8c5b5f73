/* SPDX-License-Identifier: MIT */
/*
 * Areas by /proc/PID/smaps, and names for those that BPF has read.
 *
 * The text comes page by page, each under a hold of the lock of its own: a map that changes meanwhile can be seen half before
 * and half after.
 *
 * What the text does not have: which open file an area is of (inodes stand for them), which anon_vmas
 * are shared (each area with pages of its own is given one), policies, userfaultfds, and the flags
 * where only maps is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../maps_line.h"
#include "internal.h"

/* "e": O_CLOEXEC. */
static FILE *open_text(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return fopen(path, "re");
}

static vm_flags_t flags_of_letters(const struct trace_area *a)
{
	return (a->prot & PROT_READ ? VM_READ : 0) | (a->prot & PROT_WRITE ? VM_WRITE : 0) |
	       (a->prot & PROT_EXEC ? VM_EXEC : 0) | (a->shared ? VM_SHARED | VM_MAYSHARE : 0);
}

/* pgoff of anonymous memory is that of its address, as it is where nothing was moved. */
static int add_line(struct reading *r, const struct trace_area *t, struct numbers *inodes)
{
	struct live_area *a;
	const char *name = reading_name(r, t->name);

	if (!name || !(a = reading_add(r)))
		return -ENOMEM;
	a->start = t->start;
	a->end = t->end;
	a->vm_flags = flags_of_letters(t);
	a->pgoff = (trace_area_has_file(t) ? t->offset : t->start) / (uint64_t)sysconf(_SC_PAGESIZE);
	a->dev = t->dev;
	a->ino = t->ino;
	a->name = name;
	a->file = trace_area_has_file(t) ? number_of(inodes, t->dev << 32 ^ t->ino) : 0;
	return 0;
}

/*
 * What smaps adds to the area of its last line of addresses. Lines as "VmFlags: rd wr mr mw me ac sd"
 * and "Anonymous:    12 kB". The number of the area serves as that of an anon_vma, since nothing tells
 * which are shared. Swapped pages count as well.
 */
static void add_detail(struct reading *r, const char *line)
{
	struct live_area *a = &r->map.areas[r->map.nr - 1];
	bool pages = strncmp(line, "Anonymous:", 10) == 0 || strncmp(line, "Swap:", 5) == 0;

	if (strncmp(line, "VmFlags:", 8) == 0)
		a->vm_flags = vm_flags_parse(line + 8);
	else if (pages && strtoull(strchr(line, ':') + 1, NULL, 10))
		a->anon_vma = a->anon_root = r->map.nr;
}

/* "[anon:NAME]" */
static void name_of_anonymous(struct reading *r, struct live_area *a)
{
	char name[128];
	size_t len = strlen(a->name);

	if (strncmp(a->name, "[anon:", 6) != 0 || len < 8 || len - 6 > sizeof(name))
		return;
	memcpy(name, a->name + 6, len - 7);
	name[len - 7] = '\0';
	a->anon_name = reading_name(r, name);
}

/* Lines that are no area's belong to the area before them; without one before, to nothing. */
static int read_lines(struct reading *r, FILE *f, struct numbers *inodes)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int err = 0;

	while (!err && (n = getline(&line, &size, f)) > 0) {
		struct trace_area t;

		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (!maps_line_parse(line, &t)) {
			if (r->map.nr)
				add_detail(r, line);
			continue;
		}
		/* The gate page comes last; it is the kernel's, and in no process's map. */
		if (strcmp(t.name, "[vsyscall]") == 0)
			break;
		err = add_line(r, &t, inodes);
	}
	free(line);
	return err;
}

/* Where heap and stack are, for the names that the engine makes. */
static void note_places(struct live_map *map)
{
	for (uint32_t i = 0; i < map->nr; i++) {
		const struct live_area *a = &map->areas[i];

		if (strcmp(a->name, "[heap]") == 0) {
			map->start_brk = map->start_brk ? map->start_brk : a->start;
			map->brk = a->end;
		} else if (strcmp(a->name, "[stack]") == 0) {
			map->start_stack = a->end - 8;
		}
	}
}

/* -EACCES without the right to ptrace the process; -ESRCH where there is nothing to read. */
int map_read_proc(struct reading *r, char *error, size_t size)
{
	FILE *f = open_text(r->map.pid, r->names_only ? "maps" : "smaps");
	struct numbers inodes;
	int err;

	r->map.source = LIVE_MAP_PROC;
	r->map.nr = 0;
	if (!f) {
		err = -errno;
		snprintf(error, size,
			"the map of process %d may not be read (%s): it takes the right to ptrace it, "
			"by its user or CAP_SYS_PTRACE",
			(int)r->map.pid, strerror(errno));
		return err;
	}
	numbers_init(&inodes);
	err = read_lines(r, f, &inodes);
	numbers_destroy(&inodes);
	fclose(f);
	if (!err && !r->map.nr) {
		snprintf(error, size, "process %d has no map: it is a kernel thread, or has ended",
			(int)r->map.pid);
		return -ESRCH;
	}
	for (uint32_t i = 0; i < r->map.nr; i++)
		name_of_anonymous(r, &r->map.areas[i]);
	note_places(&r->map);
	if (err)
		snprintf(error, size, "out of memory");
	return err;
}

/*
 * Both are ascending. @at: where to look on from. An area that has other bounds by now, or is of a file
 * where it was none, keeps what BPF has read of it.
 */
static void name_area(struct reading *r, const struct trace_area *t, uint32_t *at)
{
	struct live_area *a;

	while (*at < r->map.nr && r->map.areas[*at].start < t->start)
		++*at;
	if (*at == r->map.nr || r->map.areas[*at].start != t->start)
		return;
	a = &r->map.areas[*at];
	if (a->end != t->end || trace_area_has_file(t) != (a->ino || a->dev))
		return;
	a->dev = t->dev;
	a->ino = t->ino;
	if (*t->name) {
		const char *name = reading_name(r, t->name);

		a->name = name ? name : "";
	}
}

/* Without permission to read maps names stay as they are: "". */
void map_name_areas(struct reading *r)
{
	FILE *f = open_text(r->map.pid, "maps");
	struct trace_area t;
	char *line = NULL;
	size_t size = 0;
	uint32_t at = 0;
	ssize_t n;

	if (!f)
		return;
	while ((n = getline(&line, &size, f)) > 0) {
		line[n - 1] = '\0';
		if (maps_line_parse(line, &t))
			name_area(r, &t, &at);
	}
	free(line);
	fclose(f);
}
