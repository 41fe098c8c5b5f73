/* SPDX-License-Identifier: MIT */
/**
 * @file symbols.h
 * Addresses as text: "function+0x12 (libfoo.so.1)", and the line of source where debug information is there.
 *
 * Two ways in.  With a recording that has stacks, give each event to symbols_event() and ask for frames by symbols_stack()
 * and symbols_frame().  Without, make a module of any area that a file is mapped in and ask symbol_find().
 *
 * Functions are found in the files themselves, by path, where their build-id is the recorded one; else, and for separate
 * debug information, by build-id in /usr/lib/debug and, where DEBUGINFOD_URLS is set, from a debuginfod server.  Code without a
 * file is looked up in the recording, if it has names for it, or in /tmp/perf-PID.map, as compilers at run time write it.
 * Files are opened once and kept.
 *
 * One thread at a time.
 */
#ifndef VMAPLE_SYMBOLS_H
#define VMAPLE_SYMBOLS_H

#include <vmaple/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

struct symbols;

/** What is known of an address. Strings live as long as the struct symbols that gave them. */
struct symbol {
	const char *function; /**< C++ names as sources have them, where libstdc++ is; NULL: not known */
	uint64_t offset;    /**< of the address in the function; without one, in the file as an ELF address */
	const char *module; /**< last part of the file's path, "[vdso]", "perf-PID.map"; NULL: in no file */
	const char *file;   /**< source; NULL: not known */
	int line;           /**< 0: not known */
};

/** NULL, or one sentence: what this build of the library cannot do, and why. */
VMAPLE_API const char *symbols_missing(void);

/** @return NULL: out of memory. */
VMAPLE_API struct symbols *symbols_new(void);
VMAPLE_API void symbols_free(struct symbols *symbols);

/**
 * What is at @p addr.
 * @param module the file that is mapped there; NULL: none
 * @param pid whose perf-PID.map is asked where there is no file; 0: none
 * @return whether a function is known; the other members are set all the same.
 */
VMAPLE_API bool symbol_find(struct symbols *symbols, const struct trace_module *module, uint32_t pid,
	uint64_t addr, struct symbol *symbol);

/** "function+0x12 (libfoo.so.1)", "libfoo.so.1+0x4711" or "0x7f..."; cut to @p size. @return @p buf. */
VMAPLE_API const char *symbol_text(const struct symbol *symbol, uint64_t addr, char *buf, size_t size);

/** An area that a file is mapped in, as a module; valid as long as @p area's name. */
static inline struct trace_module symbol_module_of_area(const struct trace_area *area)
{
	struct trace_module module;

	module.start = area->start;
	module.end = area->end;
	module.offset = area->offset;
	module.bias = 0;
	module.has_bias = false;
	module.build_id = NULL;
	module.build_id_len = 0;
	module.path = area->name;
	return module;
}

/** @name A recording's stacks
 * @{ */

/**
 * The events are of the recording at @p path: it is read again, to its end, if a name of code without a file is asked for.
 * @return 0 or -ENOMEM.
 */
VMAPLE_API int symbols_recording(struct symbols *symbols, const char *path) __must_check;

/**
 * Follow a recording: its modules, forks and exits, and its stacks.
 * @return 0 or -ENOMEM.
 */
VMAPLE_API int symbols_event(struct symbols *symbols, const struct trace_event *event) __must_check;

/**
 * The frames of a stack that has been told.
 * @return NULL: there is none with that number.  It lives until the next symbols_event().
 */
VMAPLE_API const struct trace_stack *symbols_stack(const struct symbols *symbols, uint32_t id);

/** What task @p tid was called at @p step of the recording; NULL: not known. It lives as long as @p symbols. */
VMAPLE_API const char *symbols_task(const struct symbols *symbols, uint32_t tid, uint64_t step);

/** symbol_find() for a frame of a stack: in the code that address space @p mm has there now. */
VMAPLE_API bool symbols_frame(
	struct symbols *symbols, uint32_t mm, uint32_t pid, uint64_t frame, struct symbol *symbol);
/** @} */

/**
 * What could not be looked up, and why: "libfoo.so.1: the file is not the one that was recorded (build-id ...)".
 * @return the sentence with this number, from 0; NULL: there are no more.
 */
VMAPLE_API const char *symbols_note(const struct symbols *symbols, unsigned int nr);

/** Whether memory ran out where something was looked up: a name that was not found may be there. */
VMAPLE_API bool symbols_lacked_memory(const struct symbols *symbols);

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_SYMBOLS_H */
