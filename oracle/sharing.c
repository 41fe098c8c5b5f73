/* SPDX-License-Identifier: MIT */
/*
 * Which areas have an anon_vma, and which share one, as the kernel has it: by the BPF program that reads maps of running
 * processes.  It is loaded before the map is read that all begin with; children inherit it and allocate nothing.
 */
#include <stdlib.h>
#include <unistd.h>

#include "map_reader.h"
#include "oracle.h"
#include "permitted.h"

#define ROOM 8192 /* areas of a whole map */

/*
 * NULL: sharing is not asked for. Inherited by children with its descriptors; they run the program on
 * themselves.
 */
static struct map_reader *reader;

bool sharing_open(void)
{
	char error[512];

	if (!bpf_permitted(error, sizeof(error)))
		reader = map_reader_open(ROOM, error, sizeof(error));
	if (!reader)
		fprintf(stderr, "kernel-oracle: who shares an anon_vma cannot be seen: %s\n", error);
	return reader;
}

/*
 * The program walks the whole map, while @s has the areas of the window, both in order of addresses: one
 * pass. A program that did not end well (STATUS_READ) has told part of a map: nothing is claimed then,
 * rather than half.
 */
void sharing_observe(struct seen *s)
{
	const struct map_request *answer;
	struct named_bpf_area named;
	uint32_t n = 0;

	if (!reader || map_reader_read(reader, getpid(), &answer) || answer->status != STATUS_READ)
		return;
	for (uint32_t i = 0; i < answer->count && n < s->nr; i++) {
		if (!map_reader_area(reader, i, &named))
			return;
		if (named.area.start == s->area[n].start)
			s->area[n++].anon_vma = named.area.anon_vma;
	}
	/* All or none: compare_sharing() goes by the number of an area. */
	s->sharing = n == s->nr;
}
