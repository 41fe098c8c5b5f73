/* SPDX-License-Identifier: MIT */
/*
 * Numbers of the machine that change while something runs: vm.max_map_count, vm.overcommit_memory.
 *
 * A program for the writes of everybody, at the root of the cgroups, tells of them in the order of the records: each item has
 * those that were true when it came.  Where there is no such place, or the kernel has no such programs, they are believed to stay.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "source.h"
#include "source.skel.h" /* after the records that it has */

/*
 * -1: there is no cgroup2 mounted. A mount in a container may be of a lower cgroup: then writes by
 * others are not seen.
 */
static int open_root(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	const struct mntent *m;
	int fd = -1;

	while (fd < 0 && mounts && (m = getmntent(mounts)) != NULL)
		if (strcmp(m->mnt_type, "cgroup2") == 0)
			fd = open(m->mnt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mounts)
		endmntent(mounts);
	return fd;
}

/* A program that is not loaded automatically has no descriptor (machine_begin()). */
void machine_prepare(struct live_bpf *s)
{
	s->root_fd = open_root();
	if (s->root_fd < 0 || libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_CGROUP_SYSCTL, NULL) != 1)
		bpf_program__set_autoload(s->skel->progs.number_written, false);
}

/*
 * The numbers were read before the programs were attached (machine_header()): a write in between is
 * missed.
 */
void machine_begin(struct live_bpf *s)
{
	if (bpf_program__fd(s->skel->progs.number_written) >= 0)
		s->skel->links.number_written =
			bpf_program__attach_cgroup(s->skel->progs.number_written, s->root_fd);
	s->numbers[NUMBER_MAX_MAP_COUNT] = s->header.max_map_count;
	s->numbers[NUMBER_OVERCOMMIT_MEMORY] = s->header.overcommit_memory;
	memcpy(s->told_numbers, s->numbers, sizeof(s->numbers));
}

/*
 * Taken as the kernel takes it, by base prefix and up to a blank; what it would refuse changes nothing.
 * most: max_map_count is an int, overcommit_memory 0 to 2.
 */
void machine_note(struct live_bpf *s, const struct number_record *r)
{
	static const uint64_t most[MACHINE_NUMBERS] = { INT_MAX, 2 };
	char *end;
	uint64_t value = strtoull(r->text, &end, 0);

	/* What is no such number the kernel refuses. */
	if (r->which < MACHINE_NUMBERS && end != r->text && (!*end || strchr(" \t\n", *end)) &&
		value <= most[r->which])
		s->numbers[r->which] = value;
}

/* told_numbers are those of the recording, whichever space was the last to tell: they are the machine's. */
void machine_emit(struct live_bpf *s, const struct followed *f, const struct item *it)
{
	static const uint32_t limits[MACHINE_NUMBERS] = { TRACE_LIMIT_MAX_MAP_COUNT,
		TRACE_LIMIT_OVERCOMMIT_MEMORY };

	for (uint32_t i = 0; i < MACHINE_NUMBERS; i++) {
		struct trace_event e = { .type = TRACE_EVENT_LIMIT, .limit = { limits[i], it->numbers[i] } };

		if (it->numbers[i] == s->told_numbers[i])
			continue;
		s->told_numbers[i] = it->numbers[i];
		emit_event(s, &e, it->pid, it->tid, f->mm, it->time_ns);
	}
}
