/* SPDX-License-Identifier: MIT */
/*
 * The map of a running process: which source is asked, and what both have in common.
 *
 * live_map_read() gives a struct live_map that is the beginning of a struct reading, which owns the
 * areas, the names and the sentence; live_map_free() takes it back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "internal.h"

/* Those given before may have moved. */
struct live_area *reading_add(struct reading *r)
{
	struct live_area *a;

	if (r->map.nr == r->allocated) {
		uint32_t more = r->allocated ? r->allocated * 2 : 256;
		struct live_area *grown = realloc(r->map.areas, more * sizeof(*grown));

		if (!grown)
			return NULL;
		r->map.areas = grown;
		r->allocated = more;
	}
	a = &r->map.areas[r->map.nr++];
	*a = (struct live_area){ .name = "" };
	return a;
}

#define NAMES_CHUNK 65536

/* text has names one behind the other, each with its NUL. */
struct name_chunk {
	struct name_chunk *next;
	size_t used;
	char text[NAMES_CHUNK];
};

/* Chunks are never moved, so that names stay where they are while areas are added. */
const char *reading_name(struct reading *r, const char *name)
{
	size_t len = strlen(name) + 1;
	struct name_chunk *c = r->names;
	char *copy;

	if (len > NAMES_CHUNK)
		return NULL;
	if (!c || c->used + len > NAMES_CHUNK) {
		c = malloc(sizeof(*c));
		if (!c)
			return NULL;
		c->next = r->names;
		c->used = 0;
		r->names = c;
	}
	copy = memcpy(c->text + c->used, name, len);
	c->used += len;
	return copy;
}

/* 65530 is the kernel's own default, where /proc is not there. */
static uint64_t max_map_count(void)
{
	uint64_t n = 65530;
	FILE *f = fopen("/proc/sys/vm/max_map_count", "re");

	if (f) {
		if (fscanf(f, "%" SCNu64, &n) != 1)
			n = 65530;
		fclose(f);
	}
	return n;
}

/* 0: there is one. Asked first, since every source would say it in other words. */
static int no_such_process(pid_t pid, char *error, size_t size)
{
	struct stat st;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if (pid > 0 && stat(path, &st) == 0)
		return 0;
	snprintf(error, size, "there is no process %d", (int)pid);
	return -ESRCH;
}

/* -ESRCH is final; any other failure of BPF's is the reason why /proc is read, and no error. */
int live_map_read(struct live_map **map, pid_t pid, unsigned int flags, char *error, size_t size)
{
	struct reading *r = calloc(1, sizeof(*r));
	int err = no_such_process(pid, error, size);

	if (!r) {
		snprintf(error, size, "out of memory");
		return -ENOMEM;
	}
	r->map.pid = pid;
	r->map.reason = r->reason;
	r->map.max_map_count = max_map_count();
	r->names_only = (flags & LIVE_MAP_NAMES) == LIVE_MAP_NAMES;
	if (!err && flags & LIVE_MAP_NO_BPF)
		snprintf(r->reason, sizeof(r->reason), "BPF was not asked for");
	else if (!err)
		err = map_read_bpf(r, r->reason, sizeof(r->reason));
	if (err == -ESRCH && *r->reason)
		snprintf(error, size, "%s", r->reason);
	/* reason is "" when BPF has read it. */
	else if (err != -ESRCH && *r->reason)
		err = map_read_proc(r, error, size);
	if (err) {
		live_map_free(&r->map);
		return err;
	}
	*map = &r->map;
	return 0;
}

void live_map_free(struct live_map *map)
{
	struct reading *r = (struct reading *)map;

	while (r->names) {
		struct name_chunk *next = r->names->next;

		free(r->names);
		r->names = next;
	}
	free(map->areas);
	free(r);
}
