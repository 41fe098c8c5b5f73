/* SPDX-License-Identifier: MIT */
/* What the files of vmaple metrics share. */
#ifndef CLI_METRICS_H
#define CLI_METRICS_H

#include <stdio.h>
#include <sys/socket.h>

#include "watch.h"

/* Written by parse(), constant while two threads read it. */
struct metrics_options {
	const char *textfile, *listen;   /* one of them */
	struct sockaddr_storage address; /* of listen */
	uint64_t threshold;              /* processes with fewer areas are left out */
	uint64_t interval;               /* seconds */
	uint64_t processes; /* at most so many series of each kind, those with most areas first */
	bool once;
};

/* Everything as text. @return 0 or -errno. */
int metrics_write(FILE *out, const struct watch *w, const struct metrics_options *o);

#endif /* CLI_METRICS_H */
