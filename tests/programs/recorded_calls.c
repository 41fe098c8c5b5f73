/* SPDX-License-Identifier: MIT */
/*
 * What a recording says of the addresses from AT on (told.h).
 *
 *   recorded_calls FILE            its calls, in the form of told.h
 *   recorded_calls --writes FILE   its first writes: the address, and "ambiguous" or "known" for its order
 */
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

#include <vmaple/trace.h>

#include "told.h"

/* @heap: where it ended before the calls that are told of. */
static void tell_recorded(const struct trace_call *c, uint64_t *heap)
{
	static bool behind_sealed;

	behind_sealed |= c->args[0] == AT + SEALED * PAGE;
	if (c->nr == SYS_brk) {
		if (!behind_sealed) {
			*heap = (uint64_t)c->result;
			return;
		}
		tell(SYS_brk, c->args[0] ? c->args[0] - *heap : 0, 0, (int64_t)((uint64_t)c->result - *heap));
	} else if (c->args[0] >= AT && c->args[0] < AT_END) {
		tell((long)c->nr, c->args[0], c->args[1], c->result);
	}
}

static void print_write(const struct trace_fault *f)
{
	if (f->addr >= AT && f->addr < AT_END)
		printf("%#" PRIx64 " %s\n", f->addr, f->ambiguous ? "ambiguous" : "known");
}

static int print_recorded(const char *path, bool writes)
{
	struct trace_reader *reader;
	struct trace_event e;
	uint64_t heap = 0;
	char error[512];

	if (trace_reader_open(&reader, path, error, sizeof(error))) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	while (trace_reader_next(reader, &e) > 0) {
		if (e.type == TRACE_EVENT_SPACE)
			heap = e.space.brk;
		if (e.type == TRACE_EVENT_FAULT && writes)
			print_write(&e.fault);
		if (e.type == TRACE_EVENT_CALL && !writes && told_len < sizeof(told) - 256)
			tell_recorded(&e.call, &heap);
	}
	trace_reader_close(reader);
	return print_told();
}

int main(int argc, char **argv)
{
	if (argc == 2)
		return print_recorded(argv[1], false);
	if (argc == 3 && strcmp(argv[1], "--writes") == 0)
		return print_recorded(argv[2], true);
	fprintf(stderr, "usage: recorded_calls [--writes] FILE\n");
	return 2;
}
