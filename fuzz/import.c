/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: what another tool has written, from its bytes to the mirror of the recording that it becomes.
 *
 * The first byte says which form the rest has (enum trace_import_form; 0: by its content).
 *
 *  FI1  what an importer emits is a good recording: it is written, and read back to its end.
 *  FI2  the mirror of it does not fail (mirror.h).
 *  FI3  an import that stops says why in one sentence.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmaple/import.h>

#include "mirror.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NR_FORMS (TRACE_IMPORT_CRIU + 1)

static const char *const formats[] = {
	"{time} {pid}/{tid} {call} {1:x} {2:x} {3:x} {4:x} {5:x} {6:x} = {result:x}",
	"{}({addr}, {len}, {prot}, {flags}, {fd}, {offset:x}, {path}) = {result}",
	"{tid} {call} {addr:x} {end:x}"
};

/* A file of its own, and its path. */
static int file_of(const uint8_t *data, size_t size, char path[40])
{
	int fd = memfd_create("fuzz", 0);

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size, "no file");
	snprintf(path, 40, "/proc/self/fd/%d", fd);
	return fd;
}

static void mirror(const char *path)
{
	struct trace_reader *reader;
	char error[512];

	must(!trace_reader_open(&reader, path, error, sizeof(error)), "FI1: the recording cannot be opened");
	must(!mirror_events(reader), trace_reader_error(reader));
	trace_reader_close(reader);
}

static void import(enum trace_import_form form, const char *path, const char *recording)
{
	const struct trace_import_options options = { .form = form,
		.line_formats = formats,
		.nr_line_formats = form == TRACE_IMPORT_COLUMNS ? sizeof(formats) / sizeof(formats[0]) : 0 };
	struct trace_writer *writer;
	struct trace_import *im;
	char error[512] = "";

	if (trace_import_open(&im, &path, 1, &options, error, sizeof(error))) {
		must(error[0] != '\0', "FI3: not opened, without a word");
		return;
	}
	must(!trace_writer_open(&writer, recording, trace_import_header(im)), "no recording");
	if (trace_import_run(im, trace_writer_sink(writer)))
		must(trace_import_error(im)[0] != '\0', "FI3: stopped, without a word");
	must(!trace_writer_close(writer), "FI1: not written");
	trace_import_free(im);
	mirror(recording);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[40], recording[40];
	enum trace_import_form form;
	int log, out;

	if (!size)
		return 0;
	form = (enum trace_import_form)(data[0] % NR_FORMS);
	log = file_of(data + 1, size - 1, path);
	out = file_of(data, 0, recording);
	if (form == TRACE_IMPORT_NONE)
		form = trace_import_recognise(path);
	if (form != TRACE_IMPORT_NONE)
		import(form, path, recording);
	close(out);
	close(log);
	return 0;
}
