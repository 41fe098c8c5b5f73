/* SPDX-License-Identifier: MIT */
/*
 * vmaple maps --pid PID, without a recording: the address space of a running process.
 *
 * The map is one of a moment if BPF has read it; from /proc it may be of several, as the process goes on
 * between two reads of a large file, and live_map_build() finds out. Nothing is stopped, and nothing of
 * the process is changed.
 *
 * stdout has the map, stderr where it came from: the map can be compared with /proc/PID/maps line by
 * line.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "live_map.h"

/*
 * Numbers of files, anon_vmas, userfaultfds and policies only tell equal from different within one map;
 * from /proc there are none, and their keys are left out. NULL: no memory.
 */
static json_t *area_json(const struct live_map *map, const struct live_area *a)
{
	json_t *o = json_pack("{s:I, s:I, s:o, s:b, s:b, s:b, s:b, s:I, s:I}", "start", (json_int_t)a->start,
		"end", (json_int_t)a->end, "name", json_text(a->name), "read", !!(a->vm_flags & VM_READ),
		"write", !!(a->vm_flags & VM_WRITE), "exec", !!(a->vm_flags & VM_EXEC), "shared",
		!!(a->vm_flags & VM_MAYSHARE), "pgoff", (json_int_t)a->pgoff, "vm_flags",
		(json_int_t)a->vm_flags);

	if (!o)
		return NULL;
	json_put(o, "anon_vma", json_boolean(a->anon_vma));
	if (map->source == LIVE_MAP_PROC)
		return o;
	if (json_object_update_new(
		    o, json_pack("{s:i, s:i, s:i, s:b, s:i, s:i, s:b}", "file_id", (int)a->file,
			       "anon_vma_id", (int)a->anon_vma, "anon_vma_root", (int)a->anon_root,
			       "inherited", a->inherited, "userfaultfd_id", (int)a->uffd, "policy_id",
			       (int)a->policy, "has_close", a->has_close))) {
		json_decref(o);
		return NULL;
	}
	return o;
}

/*
 * AnonVma is smaps' own knowledge: pages were written, or are of a parent. The line "Kernel" has what
 * /proc does not tell.
 */
static void print_details(const struct live_map *map, const struct live_area *a)
{
	char flags[128];

	printf("Size:           %8" PRIu64 " kB\nAnonVma:             %s\nVmFlags: %s\n",
		(a->end - a->start) / 1024, a->anon_vma ? "yes" : " no",
		vm_flags_format(a->vm_flags, flags, sizeof(flags)));
	if (map->source == LIVE_MAP_PROC)
		return;
	printf("Kernel:  file %u, anon_vma %u of root %u%s, userfaultfd %u, policy %u%s\n", a->file,
		a->anon_vma, a->anon_root, a->inherited ? ", inherited" : "", a->uffd, a->policy,
		a->has_close ? ", close operation" : "");
}

/*
 * The line is the library's (maps_line_format()), so that recorded, live and real maps look the same;
 * quoted, for a name is the process's.
 */
void print_live_area(const struct live_area *a)
{
	char line[4400];
	struct maps_line l = { .start = a->start,
		.end = a->end,
		.vm_flags = a->vm_flags,
		/* show_map_vma() prints 0 for what has no file, whose pgoff is its address. */
		.offset = a->ino || a->dev ? a->pgoff * (uint64_t)sysconf(_SC_PAGESIZE) : 0,
		.dev = a->dev,
		.ino = a->ino,
		.name = a->name };

	maps_line_format(&l, line, sizeof(line));
	print_quoted_line(stdout, line);
}

/*
 * To be freed by live_map_free(). The sentence is the library's: no such process, not permitted, no
 * memory.
 */
struct live_map *open_live_map(const char *command, pid_t pid, bool no_bpf)
{
	struct live_map *map;
	char error[512];

	if (live_map_read(&map, pid, no_bpf ? LIVE_MAP_NO_BPF : 0, error, sizeof(error))) {
		complain(command, "%s", error);
		return NULL;
	}
	return map;
}

/*
 * On stderr, behind the map: how long the process was kept from changing its map, or why it was not read at one
 * moment.
 */
void tell_live_source(const char *command, const struct live_map *map)
{
	if (map->source == LIVE_MAP_PROC)
		fprintf(stderr, "vmaple %s: read from /proc: %s\n", command, map->reason);
	else
		fprintf(stderr,
			"vmaple %s: %u areas, read by BPF; the process' mmap lock was held for %.0f "
			"microseconds\n",
			command, map->nr, (double)map->held_ns / 1e3);
}

/*
 * The map is read before anything is printed. Where the source is told stands behind the map, and behind
 * an error of JSON too.
 */
int live_maps(const struct live_maps_options *options)
{
	struct live_map *map = open_live_map("maps", options->pid, options->no_bpf);
	json_t *list = options->json ? json_array() : NULL;
	int status = 0;

	if (!map)
		return STATUS_FAILED;
	for (uint32_t i = 0; i < map->nr; i++) {
		if (options->json) {
			json_push(list, area_json(map, &map->areas[i]));
			continue;
		}
		print_live_area(&map->areas[i]);
		if (options->details)
			print_details(map, &map->areas[i]);
	}
	if (options->json)
		status = print_json(list);
	tell_live_source("maps", map);
	live_map_free(map);
	return status;
}
