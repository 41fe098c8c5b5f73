/* SPDX-License-Identifier: MIT */
/* What the two halves of a log of strace share: strace.c has events, strace_begin.c what an address space begins with. */
#ifndef EXPORT_STRACE_LOG_H
#define EXPORT_STRACE_LOG_H

#include <stdio.h>

#include <vmaple/maple_tree.h>

#include "export.h"

/* An open file that may be mapped. */
struct file {
	uint32_t kind, open_flags;
	uint64_t dev, ino;
	bool anonymous;
	struct file *next;
	char path[];
};

struct export_strace {
	FILE *out;
	uint64_t start_s, now_ns, left_out;
	struct maple_tree files;   /* struct file by number; from the last FILE event with it */
	struct maple_tree open;    /* number of a file, as a value, by process << 32 | descriptor */
	struct maple_tree numbers; /* a descriptor of it, as a value, by process << 32 | number of a file */
	struct maple_tree tasks;   /* the process of each that lives, as a value, by task */
	struct file *all;
	/* Of the space that has begun last, until its map comes. */
	uint64_t start_brk, brk, start_stack, task_size, limits[TRACE_LIMIT_COUNT];
	uint32_t execed,
		execed_by; /* the process whose address space exec has taken, until it has another; its task */
	bool no_memory;
};

/* The task and the time of a line. */
void strace_line_begin(struct export_strace *s, const struct trace_event *e);
/* A string as strace writes it, with its quotes. */
void strace_put_string(FILE *out, const char *text, size_t len);
/* @note: what stands behind its last argument as a comment; NULL: nothing. */
void strace_put_mmap(
	struct export_strace *s, const struct trace_event *e, const struct trace_call *c, const char *note);
void strace_put_limit(struct export_strace *s, const struct trace_event *e, uint32_t limit, uint64_t value);
void strace_note_file(struct export_strace *s, const struct trace_file *f);

/* strace_begin.c: an address space as it was found, as the calls that make it. */
void strace_put_map(struct export_strace *s, const struct trace_event *e);

#endif /* EXPORT_STRACE_LOG_H */
