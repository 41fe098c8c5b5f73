/* SPDX-License-Identifier: MIT */
/*
 * What the subcommands share.  Each is one file with one function that takes its own argc and argv (argv[0] is the
 * subcommand) and returns the exit status.
 *
 * Order. main() closes stdout behind every command, and there it is found out whether all of it arrived: a
 * command that prints returns 0 for what it has put into the buffer. What reads a recording limits its
 * memory before (main.c), what starts a program only when that runs (run.c), for a child inherits the
 * limit.
 *
 * Ownership. Text that a function returns is the caller's buffer, or static. json_t that is put into
 * something belongs to that, whether it could be put in or not.
 */
#ifndef CLI_H
#define CLI_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>
#include <vmaple/import.h>
#include <vmaple/replay.h>

/* Exit statuses, documented in vmaple(1). */
enum {
	STATUS_DIFFERENCES = 1, /* the mirror and the kernel disagree */
	STATUS_USAGE = 2,
	STATUS_DAMAGED = 3, /* a recording could not be read to its end */
	STATUS_OVER_BUDGET = 123,
	STATUS_FAILED = 125, /* vmaple itself failed */
	/* A program cannot be started, as a shell has it. */
	STATUS_NOT_STARTED = 126,
	STATUS_NOT_FOUND = 127
};

int cmd_run(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_maps(int argc, char **argv);
int cmd_why(int argc, char **argv);
int cmd_attach(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_metrics(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_whatif(int argc, char **argv);
int cmd_lab(int argc, char **argv);
int cmd_conform(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_sql(int argc, char **argv);

/*
 * Import one file into a recording. 0, or an exit status after one sentence on stderr. What cannot be
 * told by such a file is not said here: a command that asks for a recording has another question.
 */
int import_file(const char *command, const char *path, const char *out);

/* Options of run and record that mean the same: when the whole map is read beside the calls. */
struct check_option {
	int mode; /* enum live_check */
	/* Of LIVE_CHECK_NTH: how many calls of one address space lie between two looks; else 0. */
	uint64_t nth;
};
/* "every", "end" or a number; false: neither. */
bool parse_check(const char *text, struct check_option *check);
/* Decimal, or hexadecimal behind 0x, and nothing beside it. */
bool parse_number(const char *text, uint64_t *number);
/* From 1 to @most. */
bool parse_up_to(const char *text, uint64_t most, uint64_t *number);
bool parse_pid(const char *text, uint64_t *pid);
/*
 * "1.5", up to 1e15, so that it can be turned into an integer; @text goes on behind it. No sign, no
 * exponent, no "inf".
 */
bool parse_decimal(const char **text, double *number);
/*
 * "500M", in bytes: K, M or G are powers of 1024. False: no number, another unit, or beyond 64 bits. 0 is a
 * size.
 */
bool parse_size(const char *text, uint64_t *bytes);
/* Hexadecimal, with 0x or without, as maps shows it. */
bool parse_hex(const char *text, uint64_t *address);

/* Text of recorded programs: control characters and what is no UTF-8 as \ooo. */
void print_quoted(FILE *out, const char *text, size_t size);
/*
 * The same into @buf of @size bytes, as many whole characters as have room; never half an escape. @return
 * @buf.
 */
char *quoted_text(const char *text, char *buf, size_t size);
/* The same as print_quoted(), but for the newline at its end. */
void print_quoted_line(FILE *out, const char *line);
/* Lines of which only the first has `-` before them, those of only the second `+`, and the equal ones beside these. */
void print_marked(FILE *out, const char *first, const char *second);

/*
 * One sentence on stderr, as "vmaple run: ...": a line, or on a terminal lines of its width. Quoted as a
 * whole, so names need no care; without a newline at its end. Not for signal handlers.
 */
__attribute__((format(printf, 2, 3))) void complain(const char *command, const char *fmt, ...);
/*
 * A misused option: one sentence and where the help is. @arg NULL: it names no word. Returns STATUS_USAGE,
 * so that it can be returned.
 */
int usage_error(const char *command, const char *what, const char *arg);
/* Of the @nr arguments behind the options one is wanted, a recording: usage_error(), of the second where there are more. */
int recordings_error(const char *command, int nr, char *const *arguments);
/* Where it was written, behind a summary. */
void print_recording(const char *path);
/* Where a recording is to be written, which cannot be stdout. 0 or usage_error(). */
int take_recording_name(const char *command, const char **name, const char *arg);

/* Disagreements and losses as they come: the first of each kind in full, the others counted. */
#define LOST_KINDS 16
/*
 * Disagreements and losses as they come: the first of each kind in full, the others counted. Begins as
 * zeros but for the first three; one for a reading.
 */
struct difference_log {
	FILE *out;
	const char *recording; /* how to repeat it; NULL: no recording was written */
	bool all;              /* every one in full */
	unsigned int shown;    /* of which verdict, a bit each */
	unsigned int nr_lost;  /* phrases that were shown, by their hashes */
	uint64_t lost[LOST_KINDS];
};
void log_difference(void *ctx, const struct replay_difference *d);
void log_lost(void *ctx, const struct trace_event *e);

/* A wait status as a shell shows it: that of exit, or 128 and the signal. */
int shell_status(int wait_status);
void print_summary(
	FILE *out, const struct replay_stats *s, const struct trace_header *h, double wall_seconds);
/*
 * The same as an object of the caller's; more may be added to it. @wall_seconds below 0: left out of both.
 * NULL: out of memory, which print_json() says for a NULL.
 */
json_t *summary_json(const struct replay_stats *s, const struct trace_header *h, double wall_seconds);

/* JSON, see json.c. A string that the bytes of @text can be read back from. NULL: out of memory. */
json_t *json_text(const char *text);
/* Memory ran out for a text or a member. */
bool json_is_incomplete(void);
/* Like jansson's, but what could not be added is remembered for print_json(). */
void json_put(json_t *object, const char *key, json_t *value);
void json_push(json_t *array, json_t *value);
/*
 * One line on stdout. 0, or STATUS_FAILED: memory ran out, and nothing was printed. Ends with a newline,
 * and is flushed: a program that reads line by line has it at once. @object is released in any case, and
 * may be NULL, which is no memory.
 */
int print_json(json_t *object);
/* The same into @out; or it could not be written. */
int write_json(FILE *out, json_t *object);
/*
 * Its text, to be freed; NULL: no memory, now or when it was put together. @object may be NULL and is
 * released in any case. @flags: of json_dumps().
 */
char *json_whole(json_t *object, size_t flags) __must_check;

/*
 * Recordings, see recording.c; what can be imported as one is one, too. 0, or the status of what was said on stderr.
 */
int open_recording(const char *command, const char *path, struct trace_reader **reader);
/*
 * @got: what trace_reader_next() answered last, 0 at the end or -errno. 0, STATUS_DAMAGED, or STATUS_FAILED
 * for -ENOMEM; the sentence is the reader's.
 */
int recording_ended(const char *command, const struct trace_reader *reader, int got);
/* At that step (0: at none). STATUS_FAILED. */
int out_of_memory(const char *command, uint64_t step);
/*
 * From here on, beyond what the process has now; 0: half of the machine's. Can only be lowered again: the
 * soft RLIMIT_DATA.
 */
void limit_memory(uint64_t bytes);

/* CLOCK_MONOTONIC, nanoseconds. */
uint64_t clock_ns(void);
/* Which first writes a recording can have, in words, from the header's fault_source. Static. */
const char *fault_source_text(uint32_t source);
struct kernel_profile;
/* What is known of a release ("6.12.90", "6.12"); NULL: its series is none that is known. */
const struct kernel_profile *known_kernel(const char *release);
/* The value of --kernel, of a known series; NULL: it is none, and that was said. */
const struct kernel_profile *parse_known_kernel(const char *command, const char *text);
/* The value of --kernel where files name the kernel. 0 or the exit status, when the sentence was said. */
int check_release(const char *command, const char *text);
/* "12.3 GiB"; below 1 KiB whole bytes. @return @buf; 16 characters do. */
const char *size_text(uint64_t bytes, char *buf, size_t size);

/*
 * A line that is overwritten in place, only on a terminal. Between progress_begin() and progress_end()
 * nobody else prints a line on stderr. on: stderr is a terminal; false makes all functions do nothing.
 * shown: the line is there, so it has to be erased. Both times are clock_ns()'s.
 */
struct progress {
	bool on, shown;
	uint64_t begun_ns, last_ns;
};
void progress_begin(struct progress *p);
void progress_show(struct progress *p, const char *what, uint64_t done, uint64_t total, uint64_t events);
/* Where nobody knows how much is left. */
void progress_seconds(struct progress *p, const char *what);
/* The line goes; what is shown after that is a new one. */
void progress_end(struct progress *p);

#endif /* CLI_H */
