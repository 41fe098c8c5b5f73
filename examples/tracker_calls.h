/* SPDX-License-Identifier: MIT */
/* Calls of a tracker of mappings as tools/tracker-calls writes them: what a recorded program would have asked of one. */
#ifndef TRACKER_CALLS_H
#define TRACKER_CALLS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum tracker_call_kind { TRACKER_SET, TRACKER_PROTECT, TRACKER_ERASE, TRACKER_FIND };

/* In pages, both ends included. */
struct tracker_call {
	enum tracker_call_kind kind;
	unsigned long first, last;
	unsigned long bits;             /* TRACKER_SET, TRACKER_PROTECT: not 0 */
	unsigned long resource, offset; /* TRACKER_SET: 0 is memory */
};

struct tracker_calls {
	struct tracker_call *calls;
	size_t nr;
	unsigned long pages;     /* no page is as high */
	unsigned long resources; /* no resource is */
};

static inline int tracker_call_read(const char *line, struct tracker_call *call)
{
	char kind[8];
	int nr;

	memset(call, 0, sizeof(*call));
	nr = sscanf(line, "%7s %lu %lu %lu %lu %lu", kind, &call->first, &call->last, &call->bits,
		&call->resource, &call->offset);
	if (nr == 6 && strcmp(kind, "set") == 0)
		call->kind = TRACKER_SET;
	else if (nr == 4 && strcmp(kind, "protect") == 0)
		call->kind = TRACKER_PROTECT;
	else if (nr == 3 && strcmp(kind, "erase") == 0)
		call->kind = TRACKER_ERASE;
	else if (nr == 2 && strcmp(kind, "find") == 0)
		call->kind = TRACKER_FIND;
	else
		return -1;
	if (call->kind == TRACKER_FIND)
		call->last = call->first;
	return call->first <= call->last ? 0 : -1;
}

/* The calls of a file, the caller's to free. -1, and a sentence on stderr: it cannot be read. */
static inline int tracker_calls_read(struct tracker_calls *all, const char *path)
{
	FILE *file = fopen(path, "r");
	size_t room = 0;
	char line[128];
	int err = file ? 0 : -1;

	memset(all, 0, sizeof(*all));
	while (!err && fgets(line, sizeof(line), file)) {
		struct tracker_call *call;

		if (all->nr == room) {
			room = room ? room * 2 : 1024;
			call = realloc(all->calls, room * sizeof(*call));
			if (!call) {
				err = -1;
				break;
			}
			all->calls = call;
		}
		call = &all->calls[all->nr++];
		err = tracker_call_read(line, call);
		if (call->last >= all->pages)
			all->pages = call->last + 1;
		if (call->resource >= all->resources)
			all->resources = call->resource + 1;
	}
	if (file)
		fclose(file);
	if (err)
		fprintf(stderr, "%s: no calls as tools/tracker-calls writes them\n", path);
	return err;
}

#endif /* TRACKER_CALLS_H */
