/* SPDX-License-Identifier: MIT */
/**
 * @file import.h
 * What other tools have written, as recordings: logs of strace(1), perf(1) and ltrace(1), the kernel's own trace,
 * snapshots of /proc/PID/maps, cores.
 *
 * An importer reads one or more files and emits the same events as the live source.  Such files do not hold all that a
 * recording does: whatever they cannot tell is derived where other lines give it, else counted as a doubt of some
 * kind with the place where it occurred first; nothing is guessed silently.  docs/import.md says for each form how
 * to make the file and what will be in doubt.
 *
 * A file is read once, from its beginning to its end, in memory that depends on the tasks, areas and descriptors that
 * live at one time, not on its length.  One thread at a time inside an import; several imports need nothing of each other.
 */
#ifndef VMAPLE_IMPORT_H
#define VMAPLE_IMPORT_H

#include <vmaple/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The forms of files that can be imported. */
enum trace_import_form {
	TRACE_IMPORT_NONE,     /**< none of these */
	TRACE_IMPORT_STRACE,   /**< a log of strace(1) */
	TRACE_IMPORT_MAPS,     /**< /proc/PID/maps or smaps, once or one after the other */
	TRACE_IMPORT_CORE,     /**< an ELF core */
	TRACE_IMPORT_PERF,     /**< text of perf trace, perf script of syscalls and mmap events, or ftrace */
	TRACE_IMPORT_LTRACE,   /**< a log of ltrace -S */
	TRACE_IMPORT_MINIDUMP, /**< a minidump of breakpad, crashpad or Windows */
	TRACE_IMPORT_COLUMNS,  /**< lines of any tool, by trace_import_options.line_formats */
	TRACE_IMPORT_CRIU      /**< mm-PID.img of CRIU, with files.img and memfd.img beside it */
};

/**
 * What the content of a file looks like; a recording, an unreadable or an empty file is TRACE_IMPORT_NONE.  Then errno is
 * ENOMEM where that is why nothing was recognised, else 0.
 */
VMAPLE_API enum trace_import_form trace_import_recognise(const char *path);
/**
 * Of a file that is TRACE_IMPORT_NONE, where it is known what it is: that, and what to do, as a clause ("it is compressed by
 * gzip: ..."); else NULL.
 */
VMAPLE_API const char *trace_import_advice(const char *path);
/** "strace log", "snapshots of maps" ... */
VMAPLE_API const char *trace_import_form_name(enum trace_import_form form);

/** Something that the files do not say, and how often. */
struct trace_import_doubt {
	const char *what;  /**< one phrase for a person */
	uint64_t count;    /**< how often */
	const char *place; /**< "FILE:LINE" of the first; "" where it is of the whole */
};

/** What must have happened between two snapshots of maps: the least that leads from the one to the other. */
enum trace_inferred_kind {
	TRACE_INFERRED_BIRTH, /**< memory of [start, end) is in the second alone, a part of one area [now] */
	TRACE_INFERRED_DEATH, /**< ... in the first alone [before] */
	TRACE_INFERRED_CUT, /**< an area of the first has become two at least, of which one begins at start [both] */
	TRACE_INFERRED_JOIN,   /**< two areas of the first are one, of which one began at start [both] */
	TRACE_INFERRED_CHANGE, /**< access, flags or the name of the memory of [start, end) are others [both] */
	TRACE_INFERRED_KINDS
};

/** One such thing.  Its pointers are valid while it is told. */
struct trace_inferred {
	uint32_t kind;       /**< enum trace_inferred_kind */
	uint64_t time_ns;    /**< of the second snapshot, since the first */
	const char *path;    /**< where the second snapshot begins */
	uint64_t line;       /**< in it, from 1 */
	uint64_t start, end; /**< of a cut and a join equal */
	const struct trace_area *before,
		*now; /**< areas of the first and of the second snapshot; NULL: none */
};

struct trace_import_options {
	enum trace_import_form form; /**< TRACE_IMPORT_NONE: by content */
	const char *kernel;     /**< release of the kernel that it comes from ("6.12"); NULL: not known */
	const char *start_maps; /**< /proc/PID/maps as it was where a log begins; NULL: not known */
	/**
	 * How lines are to be read that are of no form that is known: text and fields in braces, as "{tid} {call} {addr:x}";
	 * the first format that fits a line says what is what.  docs/import.md has the fields.  0 formats: by content.
	 */
	const char *const *line_formats;
	size_t nr_line_formats;
	/** May be NULL. Called now and then: bytes read and in all, lines. */
	void (*progress)(void *ctx, uint64_t done, uint64_t total, uint64_t lines);
	void *ctx;
};

struct trace_import;
/**
 * Prepare to import @p nr files as one recording: one log, the logs of one `strace -ff`, or snapshots in their order.
 * @return 0, or -errno and one sentence in @p error.
 */
VMAPLE_API int trace_import_open(struct trace_import **import, const char *const *paths, size_t nr,
	const struct trace_import_options *options, char *error, size_t error_size) __must_check;
/**
 * Pages of the machine have @p bytes: 4 KiB, 16 KiB or 64 KiB.  Otherwise as the first file tells, by the vector that exec has
 * given the program (AT_PAGESZ), by smaps or by where areas lie, which is counted as in doubt; else 4 KiB. Before the header is
 * asked for and it runs.
 * @return 0; -EINVAL, and nothing changes: no power of two, or none from 4 to 64 KiB.
 */
VMAPLE_API int trace_import_set_page_size(struct trace_import *import, uint32_t bytes) __must_check;
/** What is true of the recording to be made; lives as long as the import. */
VMAPLE_API const struct trace_header *trace_import_header(const struct trace_import *import);
/**
 * Read everything; events go to @p sink.
 * @return 0, or -errno: the sink's, or one sentence in trace_import_error().  What was good until then has been emitted.
 */
VMAPLE_API int trace_import_run(struct trace_import *import, struct trace_sink *sink) __must_check;
/** One sentence, or "". */
VMAPLE_API const char *trace_import_error(const struct trace_import *import);
/** Events emitted, and lines (of cores: notes) that meant nothing. */
VMAPLE_API void trace_import_counts(const struct trace_import *import, uint64_t *events, uint64_t *skipped);
/** What was in doubt, most frequent first. @return how many kinds. */
VMAPLE_API size_t trace_import_doubts(
	const struct trace_import *import, const struct trace_import_doubt **doubts);
/** While it runs, @p told gets each thing that must have happened between two snapshots. */
VMAPLE_API void trace_import_tell_inferred(
	struct trace_import *import, void (*told)(void *ctx, const struct trace_inferred *what), void *ctx);
/** How often each kind of it was, and where first: in what follows. @return how many kinds. */
VMAPLE_API size_t trace_import_inferred(
	const struct trace_import *import, const struct trace_import_doubt **inferred);
VMAPLE_API void trace_import_free(struct trace_import *import);

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_IMPORT_H */
