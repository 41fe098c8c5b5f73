/* SPDX-License-Identifier: MIT */
/*
 * A recording in the mirror, for the targets that make one.
 *
 *  The mirror of events that the reader delivers fails for nothing but want of memory, which there is; every address space is
 *  valid after every event.
 */
#ifndef FUZZ_MIRROR_H
#define FUZZ_MIRROR_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <vmaple/mm.h>
#include <vmaple/replay.h>

static inline void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "fuzz: %s\n", what);
	fflush(stderr);
	abort();
}

/* All of @reader's events. @return 0, or what stopped the reader. */
static inline int mirror_events(struct trace_reader *reader)
{
	const struct replay_options options = { .unchecked = false };
	struct replay *replay = replay_new(trace_reader_header(reader), &options);
	struct trace_event e;
	int got;

	must(replay != NULL, "no memory");
	while ((got = trace_reader_next(reader, &e)) > 0) {
		const char *reason = NULL;
		struct mm_struct *mm;

		must(!replay_sink(replay)->event(replay_sink(replay), &e), "the mirror fails");
		mm = replay_find(replay, e.pid);
		must(!mm || mm_validate(mm, &reason), reason);
	}
	replay_free(replay);
	return got;
}

#endif /* FUZZ_MIRROR_H */
