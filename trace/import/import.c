/* SPDX-License-Identifier: MIT */
/*
 * The interface of the importers: which form a file has, what the recording says of itself, what is in doubt.
 *
 * Order of calls: trace_import_open() (form, header), trace_import_set_page_size() if somebody knows
 * better, trace_import_header(), then trace_import_run() once, and behind it counts, doubts and the
 * error. Nothing is emitted before trace_import_run().
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmaple/kernel_profile.h>

#include "internal.h"

/* Lines that are looked at before a file is said to be of no form: crash reports have their maps behind all threads' stacks. */
#define LINES_LOOKED_AT  10000
#define LINES_FOR_LTRACE 40

static const char *const doubt_text[DOUBT_KINDS] = {
	[DOUBT_START_MAP] =
		"the map that an address space began with is not known (--start-maps gives the first one)",
	[DOUBT_FIRST_WRITES] = "first writes are not logged: areas that joined may be apart",
	[DOUBT_ORDER] = "calls of threads overlapped, and are taken in the order in which they returned",
	[DOUBT_ORDER_DERIVED] =
		"a munmap that returned later was taken first, since its place was given to another",
	[DOUBT_BACKWARD] =
		"a task's calls are not in the order of their times: the tool wrote them as they came",
	[DOUBT_IMPOSSIBLE] =
		("a line maps where an earlier one did, and nothing unmaps between: lines are missing, or "
		 "their order cannot be"),
	[DOUBT_SAME_TIME] = ("calls of threads have the same time in different logs, and are taken in an "
			     "order that can be"),
	[DOUBT_FILE_UNKNOWN] = "the file behind a descriptor is not known (strace -y names it)",
	[DOUBT_SAME_FILE] =
		"whether two mappings are of one open file is not known: its opening was not logged",
	[DOUBT_TASK_UNKNOWN] = "a task whose beginning was not logged is taken to be a process of its own",
	[DOUBT_CLONE_FLAGS] = "the flags of a clone were not logged: it is taken to have made a thread",
	[DOUBT_NO_TASK] =
		("lines do not say whose they are, and one makes another task: all are taken to be of one "
		 "task"),
	[DOUBT_NOT_READ] = ("a call that can map or cut areas is not read from logs (mbind, io_setup, "
			    "map_shadow_stack, UFFDIO_REGISTER)"),
	[DOUBT_LOST] = "the tool lost events",
	[DOUBT_MMAP_EVENTS] =
		"perf's mmap events tell of areas, not of what is unmapped, nor of who shares a file",
	[DOUBT_SOME_WRITES] =
		"first writes by the kernel itself are not logged: areas that joined may be apart",
	[DOUBT_FAULT_WRITE] = ("a page fault that may have been a read is taken to be a write "
			       "(exceptions:page_fault_user tells)"),
	[DOUBT_FAULT_PLACE] = ("a page fault is told by its place in a file, or by none (perf script -F "
			       "+addr), and is left out"),
	[DOUBT_COLUMN] =
		"the format has no {flags} or {result}: private, where the line says, and carried out",
	[DOUBT_SAVED_MEMORY] =
		"the dump has no maps: what it saved is taken to be areas, each readable and writable",
	[DOUBT_HEAP_BEGIN] = "the begin of the heap is derived from what brk returned",
	[DOUBT_RESULT_UNKNOWN] = "whether a call was carried out is not known: its result was not logged",
	[DOUBT_BAD_LINE] =
		"a mapping call could not be read: its line is cut or has a word that is not known",
	[DOUBT_LONG_LINE] = "a line was longer than 1 MiB, and is read up to there",
	[DOUBT_NO_TIME] =
		"the logs have no times of day: one after the other, but where one has to wait for another",
	[DOUBT_KERNEL] = "the kernel is not known, and taken to be the newest (--kernel names it)",
	[DOUBT_SEGMENT_SIZE] = "a System V segment was attached that no shmget had told the size of",
	[DOUBT_NAME] = "the name of an anonymous area was not logged",
	[DOUBT_BETWEEN_SNAPSHOTS] =
		"what happened between two snapshots is not known: the second is taken as it is",
	[DOUBT_SENSELESS] = "a line says what no kernel says, and is left out",
	[DOUBT_FLAGS] = "the flags of an area contradict its letters, and are left out",
	[DOUBT_PAGE_SIZE] =
		"how large pages are is not told, and derived from where areas lie (--page-size says)",
	[DOUBT_FILE_NAME] = "what a mapped file is called is not in the images beside",
	[DOUBT_NO_SEGMENT] =
		"an area of a file has no segment in the core: it is taken to be readable, and nothing else",
	[DOUBT_SHARING] =
		"which areas were shared is not in a core: those that need not be are taken to be private",
};

/* @path and @line are of the first time only; a later one raises the count. */
void import_count(struct counted *c, const char *path, uint64_t line)
{
	if (!c->count++)
		snprintf(c->place, sizeof(c->place), "%s:%llu", path, (unsigned long long)line);
}

/* Without a file under way (dumps, and what is doubted as a whole) it has no place. */
void import_doubt(struct trace_import *im, enum doubt kind)
{
	if (im->reading)
		import_count(&im->doubts[kind], im->reading->path, im->reading->number);
	else
		im->doubts[kind].count++;
}

/*
 * @file and @line: what the line that is being read contradicts; told with the first doubt of the kind
 * alone.
 */
void import_doubt_pair(struct trace_import *im, enum doubt kind, size_t file, uint64_t line)
{
	size_t len;

	import_doubt(im, kind);
	if (im->doubts[kind].count > 1)
		return;
	len = strlen(im->doubts[kind].place);
	snprintf(im->doubts[kind].place + len, sizeof(im->doubts[kind].place) - len, " after %s:%llu",
		im->paths[file], (unsigned long long)line);
}

/* A later sentence replaces an earlier one: the outermost function says it last, or not at all. */
int import_failed(struct trace_import *im, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(im->error, sizeof(im->error), fmt, ap);
	va_end(ap);
	return err;
}

void import_progress(struct trace_import *im, const struct lines *l)
{
	if (im->options.progress && (++im->progress_line & 4095) == 0)
		im->options.progress(im->options.ctx, l->done, l->total, im->progress_line);
}

/* ---- forms ---- */

/* Any core, of any machine: what core.c cannot read it says itself. */
static bool is_core(const char *path)
{
	Elf64_Ehdr h;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool core = fd >= 0 && read(fd, &h, sizeof(h)) == sizeof(h) &&
		    memcmp(h.e_ident, ELFMAG, SELFMAG) == 0 && h.e_type == ET_CORE;

	if (fd >= 0)
		close(fd);
	return core;
}

/*
 * A call needs " = " somewhere, since a C program's source has lines that begin as calls do. Lines that
 * are strace's own ("+++ exited with 0 +++") and have no program's look are enough by themselves.
 */
static enum trace_import_form form_of_call(char *text)
{
	struct strace_line line;
	size_t prefix = 0;

	strace_line(text, &prefix, &line);
	if ((line.kind == STRACE_CALL && strstr(line.args, " = ")) || line.kind == STRACE_RESUMED ||
		line.kind == STRACE_UNFINISHED || line.kind == STRACE_EXITED ||
		line.kind == STRACE_SUPERSEDED)
		return line.system ? TRACE_IMPORT_LTRACE : TRACE_IMPORT_STRACE;
	return TRACE_IMPORT_NONE;
}

/*
 * maps before perf before strace: none of the first two takes another's line, while strace_line()
 * searches for a call anywhere in it.
 */
static enum trace_import_form form_of_line(char *text, struct snapshot *scratch, int *err)
{
	struct strace_line line;
	struct foreign f;

	if (snapshot_line(scratch, text, err))
		return TRACE_IMPORT_MAPS;
	if (perf_line(text, &f, &line))
		return TRACE_IMPORT_PERF;
	return form_of_call(text);
}

/*
 * By a file's first bytes, then by its first line that is of any form; TRACE_IMPORT_NONE with errno
 * ENOMEM, or 0. A line with a NUL in it (strlen() is not len) ends the search: that is no text.
 */
enum trace_import_form trace_import_recognise(const char *path)
{
	enum trace_import_form form = TRACE_IMPORT_NONE;
	struct snapshot scratch = { 0 };
	struct lines l;
	char *text;
	size_t len;
	int err;

	if (is_core(path))
		return TRACE_IMPORT_CORE;
	if (is_minidump(path))
		return TRACE_IMPORT_MINIDUMP;
	if (is_criu_image(path))
		return TRACE_IMPORT_CRIU;
	err = lines_open(&l, path, (size_t)64 << 10);
	errno = err == -ENOMEM ? ENOMEM : 0;
	if (err)
		return TRACE_IMPORT_NONE;
	/* ltrace's own lines look like strace's until one of a system call comes. */
	while ((!form || form == TRACE_IMPORT_STRACE) && !err &&
		l.number < (form ? LINES_FOR_LTRACE : LINES_LOOKED_AT) && (text = lines_next(&l, &len))) {
		enum trace_import_form found;

		if (strlen(text) != len)
			break;
		found = form_of_line(text, &scratch, &err);
		form = form && found != TRACE_IMPORT_LTRACE ? form : found;
	}
	err = err == -ENOMEM || l.error == -ENOMEM ? ENOMEM : 0;
	snapshot_free(&scratch);
	lines_close(&l);
	errno = err;
	return err ? TRACE_IMPORT_NONE : form;
}

/* For messages: "the log of perf or ftrace FILE". */
const char *trace_import_form_name(enum trace_import_form form)
{
	switch (form) {
	case TRACE_IMPORT_STRACE:
		return "strace log";
	case TRACE_IMPORT_PERF:
		return "log of perf or ftrace";
	case TRACE_IMPORT_LTRACE:
		return "log of ltrace";
	case TRACE_IMPORT_COLUMNS:
		return "lines of a format";
	case TRACE_IMPORT_MAPS:
		return "snapshots of maps";
	case TRACE_IMPORT_MINIDUMP:
		return "minidump";
	case TRACE_IMPORT_CRIU:
		return "image of CRIU";
	case TRACE_IMPORT_CORE:
		return "core";
	default:
		return "unknown";
	}
}

/* ---- the interface ---- */

/* Of the machines that are known arm64's alone have others than pages of 4 KiB. */
static void set_page_size(struct trace_import *im, uint32_t bytes)
{
	im->header.page_size = bytes;
	im->header.machine = bytes == TRACE_PAGE_SIZE_MIN ? "x86_64" : "aarch64";
}

/*
 * What no log tells, as a machine has it without being configured: 65530 areas, 64 KiB at the bottom, a
 * gap of 256 pages below stacks. Overcommit is 1, so that the replay never refuses for want of memory
 * what the kernel gave.
 */
static void set_header(struct trace_import *im)
{
	const struct trace_import_options *o = &im->options;
	uint32_t told;

	im->header = (struct trace_header){ .version = TRACE_FORMAT_VERSION,
		.fault_source = TRACE_FAULTS_NONE,
		.page_size = TRACE_PAGE_SIZE_MIN,
		.max_map_count = 65530,
		.mmap_min_addr = 65536,
		.overcommit_memory = 1,
		.overcommit_ratio = 50,
		.stack_guard_gap = 256,
		.thp_enabled = 1,
		.kernel = o->kernel ? o->kernel : "",
		.command = im->paths[0] };
	told = told_page_size(im, &im->page_size_guessed);
	set_page_size(im, told ? told : TRACE_PAGE_SIZE_MIN);
	/* Which of a program's first writes are known decides what the replay holds against the map. */
	if (im->form == TRACE_IMPORT_PERF && perf_has_faults(im->paths[0]))
		im->header.fault_source = TRACE_FAULTS_SOME;
}

/*
 * @paths and what @options points to are borrowed until trace_import_free(). 0; -ENOMEM; -EINVAL and a
 * sentence: nothing that can be imported, or options that contradict each other.
 */
int trace_import_open(struct trace_import **out, const char *const *paths, size_t nr,
	const struct trace_import_options *options, char *error, size_t error_size)
{
	struct trace_import *im = calloc(1, sizeof(*im));

	if (!im) {
		snprintf(error, error_size, "out of memory");
		return -ENOMEM;
	}
	im->paths = paths;
	im->nr_paths = nr;
	im->options = *options;
	if (options->nr_line_formats)
		im->form = TRACE_IMPORT_COLUMNS;
	else
		im->form = options->form ? options->form : trace_import_recognise(paths[0]);
	/* errno is set only by trace_import_recognise(), which form NONE can come of alone. */
	if (im->form == TRACE_IMPORT_NONE && errno == ENOMEM) {
		snprintf(error, error_size, "out of memory");
		free(im);
		return -ENOMEM;
	}
	set_header(im);
	if (im->form == TRACE_IMPORT_NONE && trace_import_advice(paths[0]))
		snprintf(error, error_size, "%s cannot be imported: %s", paths[0],
			trace_import_advice(paths[0]));
	else if (im->form == TRACE_IMPORT_NONE)
		snprintf(error, error_size,
			"%s is neither a recording nor a log, snapshot or core that can be imported",
			paths[0]);
	else if (options->kernel && !kernel_profile_for(options->kernel))
		snprintf(error, error_size, "a kernel's release begins with two numbers, as 6.12, not \"%s\"",
			options->kernel);
	else if (nr > 1 && (im->form == TRACE_IMPORT_CORE || im->form == TRACE_IMPORT_MINIDUMP ||
				   im->form == TRACE_IMPORT_CRIU))
		snprintf(error, error_size, "one dump at a time, not %s too", paths[1]);
	else {
		*out = im;
		return 0;
	}
	free(im);
	return -EINVAL;
}

/* Before trace_import_run(). -EINVAL: none that a recording can have. */
int trace_import_set_page_size(struct trace_import *im, uint32_t bytes)
{
	if (!valid_page_size(bytes))
		return -EINVAL;
	im->page_size_guessed = false;
	set_page_size(im, bytes);
	return 0;
}

const struct trace_header *trace_import_header(const struct trace_import *im)
{
	return &im->header;
}

/*
 * 0, or -errno: of the sink, or with the sentence of trace_import_error(). Every event has been given
 * to the sink when it returns.
 */
int trace_import_run(struct trace_import *im, struct trace_sink *sink)
{
	im->sink = sink;
	im->check.page_size = im->header.page_size;
	/* Doubts about all of it, before the first event: of no line (im->reading is NULL). */
	import_doubt(
		im, im->header.fault_source == TRACE_FAULTS_NONE ? DOUBT_FIRST_WRITES : DOUBT_SOME_WRITES);
	if (!im->options.kernel)
		import_doubt(im, DOUBT_KERNEL);
	if (im->page_size_guessed)
		import_doubt(im, DOUBT_PAGE_SIZE);
	switch (im->form) {
	case TRACE_IMPORT_STRACE:
	case TRACE_IMPORT_PERF:
	case TRACE_IMPORT_LTRACE:
	case TRACE_IMPORT_COLUMNS:
		return import_strace(im);
	case TRACE_IMPORT_MAPS:
		return import_snapshots(im);
	case TRACE_IMPORT_MINIDUMP:
		return import_minidump(im);
	case TRACE_IMPORT_CRIU:
		return import_criu(im);
	default:
		return import_core(im);
	}
}

const char *trace_import_error(const struct trace_import *im)
{
	return im->error;
}

/* @events were emitted; @skipped lines or pieces were of no form. */
void trace_import_counts(const struct trace_import *im, uint64_t *events, uint64_t *skipped)
{
	*events = im->events;
	*skipped = im->skipped;
}

static int more_often(const void *a, const void *b)
{
	const struct trace_import_doubt *x = a, *y = b;

	return x->count < y->count ? 1 : x->count > y->count ? -1 : strcmp(x->what, y->what);
}

/*
 * Most frequent first, equals in the order of their phrases. *doubts is valid until the next call or
 * the end of @im.
 */
size_t trace_import_doubts(const struct trace_import *import, const struct trace_import_doubt **doubts)
{
	struct trace_import *im = (struct trace_import *)import;
	size_t n = 0;

	for (int i = 0; i < DOUBT_KINDS; i++)
		if (im->doubts[i].count)
			im->told[n++] = (struct trace_import_doubt){ doubt_text[i], im->doubts[i].count,
				im->doubts[i].place };
	qsort(im->told, n, sizeof(im->told[0]), more_often);
	*doubts = im->told;
	return n;
}

/* @what is told while trace_import_run() goes on; its areas are valid until @told returns. */
void trace_import_tell_inferred(
	struct trace_import *im, void (*told)(void *ctx, const struct trace_inferred *what), void *ctx)
{
	im->on_inferred = told;
	im->inferred_ctx = ctx;
}

size_t trace_import_inferred(const struct trace_import *import, const struct trace_import_doubt **inferred)
{
	struct trace_import *im = (struct trace_import *)import;
	size_t n = 0;

	for (int i = 0; i < TRACE_INFERRED_KINDS; i++)
		if (im->inferred[i].count)
			im->told_inferred[n++] = (struct trace_import_doubt){ inferred_phrase(i),
				im->inferred[i].count, im->inferred[i].place };
	*inferred = im->told_inferred;
	return n;
}

/* NULL is permitted. */
void trace_import_free(struct trace_import *im)
{
	if (im)
		check_free(&im->check);
	free(im);
}
