/* SPDX-License-Identifier: MIT */
/*
 * The stacks of a recording, for the tests of what they have to be.
 *
 * usage: recorded_stacks FILE.VMT    a line for each call: pid, number, first argument and length in hexadecimal, how its stack
 * ends, and its frames, the innermost first, as functions or addresses
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <vmaple/symbols.h>

static void print_frames(struct symbols *s, const struct trace_event *e, const struct trace_stack *k)
{
	static const char *const ends[] = { "whole", "deep", "lost" };

	printf(" %s", ends[k->end]);
	for (uint32_t i = 0; i < k->count; i++) {
		struct symbol y;
		char text[512];

		if (symbols_frame(s, e->mm, e->pid, k->frames[i], &y))
			printf(" %s", y.function);
		else
			printf(" %s", symbol_text(&y, k->frames[i], text, sizeof(text)));
		if (y.file)
			printf("@%s:%d", strrchr(y.file, '/') ? strrchr(y.file, '/') + 1 : y.file, y.line);
	}
}

int main(int argc, char **argv)
{
	struct symbols *s = symbols_new();
	struct trace_reader *r;
	struct trace_event e;
	char error[512];
	const char *note;
	int got;

	if (!s || argc < 2 || symbols_recording(s, argv[1]) ||
		trace_reader_open(&r, argv[1], error, sizeof(error)))
		return 1;
	while ((got = trace_reader_next(r, &e)) > 0) {
		const struct trace_stack *k;

		if (symbols_event(s, &e))
			return 1;
		if (e.type != TRACE_EVENT_CALL)
			continue;
		k = symbols_stack(s, e.call.stack);
		printf("%u %u %" PRIx64 " %" PRIx64, e.pid, e.call.nr, e.call.args[0], e.call.args[1]);
		if (k)
			print_frames(s, &e, k);
		printf("\n");
	}
	for (unsigned int i = 0; (note = symbols_note(s, i)) != NULL; i++)
		fprintf(stderr, "%s\n", note);
	if (got)
		fprintf(stderr, "%s\n", trace_reader_error(r));
	trace_reader_close(r);
	symbols_free(s);
	return got != 0;
}
