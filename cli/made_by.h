/* SPDX-License-Identifier: MIT */
/*
 * Who made a boundary, in words: the one place that says it, so that tables, pictures, comparisons and budgets agree.
 *
 * Without a call stack that is the function of the system call itself, mostly one of the C library.  With one it is the first
 * frame that is not the C library's or the loader's.
 */
#ifndef CLI_MADE_BY_H
#define CLI_MADE_BY_H

#include <vmaple/explain.h>
#include <vmaple/symbols.h>

/*
 * Where stacks of one address space are looked up: symbols that have followed its recording; NULL:
 * nowhere. mm: the recording's number of the address space, by which symbols know modules; pid: for
 * /tmp/perf-PID.map.
 */
struct code {
	struct symbols *symbols;
	uint32_t mm, pid;
};

/* "commit+0x23 (case_commit_order)": where a call came from. @return @buf. */
const char *place_text(
	const struct code *code, const struct explain_site *site, uint32_t stack, char *buf, size_t size);
/* "mprotect at commit+0x23 (case_commit_order)", "a stack that grew", "before the recording". @return @buf. */
const char *made_by_event(const struct code *code, const struct explain_event *birth, char *buf, size_t size);
const char *made_by_group(const struct code *code, const struct explain_group *g, char *buf, size_t size);
/* The same for builds of the program to be compared: without offsets in functions and versions of libraries. In place. */
void made_by_any_build(char *text);

/* Frames of a stack, 0: none. */
uint32_t frames_of(const struct code *code, uint32_t stack);
/* "commit+0x23 (case_commit_order)": the frame with this number, 0 the innermost. @return @buf. */
const char *frame_text(const struct code *code, uint32_t stack, uint32_t nr, char *buf, size_t size);
/* "a+0x1 (x) < main+0x2 < ...": from the innermost frame on; "" without a stack. @return @buf. */
const char *stack_text(const struct code *code, uint32_t stack, char *buf, size_t size);
/* Memory ran out for some of the names so far: what has none may have one.  NULL: without symbols of a recording. */
bool names_lacked_memory(const struct symbols *symbols);

#endif /* CLI_MADE_BY_H */
