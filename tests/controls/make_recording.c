/* SPDX-License-Identifier: MIT */
/* make_recording FILE: the recording that the text on standard input describes (text_recording.h). */
#include <stdio.h>
#include <string.h>

#include "text_recording.h"

struct target {
	const char *path;
	struct trace_writer *writer;
};

static struct trace_sink *open_file(void *ctx, const struct trace_header *header)
{
	struct target *target = ctx;

	return trace_writer_open(&target->writer, target->path, header) ? NULL
									: trace_writer_sink(target->writer);
}

int main(int argc, char **argv)
{
	struct target target = { .path = argv[argc - 1] };
	struct text_recording t = { .header = rec_header, .open = open_file, .ctx = &target };
	char line[512];
	int n = 0;

	if (argc != 2)
		return 2;
	while (fgets(line, sizeof(line), stdin)) {
		n++;
		line[strcspn(line, "\n")] = '\0';
		if (*line && text_recording_line(&t, line)) {
			fprintf(stderr, "make_recording: line %d is not understood: %s\n", n, line);
			return 2;
		}
	}
	if (text_recording_end(&t) || !target.writer || trace_writer_close(target.writer)) {
		fputs("make_recording: the recording could not be written\n", stderr);
		return 2;
	}
	return 0;
}
