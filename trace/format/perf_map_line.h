/* SPDX-License-Identifier: MIT */
/*
 * A line of /tmp/perf-PID.map, by which compilers at run time name their code: start and size in hexadecimal, and a name.  It is
 * another program's, and may say nonsense.
 */
#ifndef TRACE_PERF_MAP_LINE_H
#define TRACE_PERF_MAP_LINE_H

#include <inttypes.h>
#include <stdio.h>

/* The name, and the function's [start, end), which ends within the address space; NULL: it is no such line. */
static inline const char *perf_map_line(const char *line, uint64_t *start, uint64_t *end)
{
	/*
	 * User addresses with five levels of page tables, as in check.c: what lies beyond would make the
	 * recording one that no reader takes.
	 */
	const uint64_t addresses = 1ull << 56;
	uint64_t size;
	int at = 0;

	if (sscanf(line, "%" SCNx64 " %" SCNx64 " %n", start, &size, &at) != 2 || !at || !line[at] || !size ||
		size > addresses || *start > addresses - size)
		return NULL;
	*end = *start + size;
	return line + at;
}

#endif /* TRACE_PERF_MAP_LINE_H */
