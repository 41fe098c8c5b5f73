/* SPDX-License-Identifier: MIT */
/* What a call's arguments are called in its manual page: read from other tools' logs, and written: constants.c. */
#ifndef TRACE_CONSTANTS_H
#define TRACE_CONSTANTS_H

#include <stdint.h>

struct constant {
	const char *name;
	/* x86-64's, whatever machine this is compiled on: recordings have these (docs/format.md). */
	uint64_t value;
};

/* Each ends with a name that is NULL. */
extern const struct constant prot_constants[], mmap_constants[], mremap_constants[], advice_constants[];

#endif
