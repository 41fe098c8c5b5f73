/* SPDX-License-Identifier: MIT */
/*
 * What the subcommands share: messages, options, progress.
 *
 * 1. Messages are one sentence on stderr, behind `vmaple COMMAND: `. All of it is quoted (quote.c): names of files and
 *    words of the command line are in it, and a control character in one must not reach the terminal. What was printed
 *    before is flushed first, so that both are in order where stdout and stderr are one.
 * 2. Values are read whole. strtoull(3) and strtod(3) pass over blanks and a sign before a number and stop at what is
 *    none; here each of these is an error, and so is a number that is too large.
 * 3. Progress is for a terminal alone, ten times a second at most. It has the last line of stderr until progress_end(),
 *    which comes before anything else is printed.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vmaple/kernel_profile.h>
#include <vmaple/live.h>

#include "cli.h"
#include "text.h"

/*
 * One line for what reads it; on a terminal as many as it takes. A command whose name is so long that no
 * room is left for text gets one line, too. column is below 0 where stderr cannot be written: then
 * nothing is wrapped, and nothing more can be said.
 */
static void say_sentence(const char *command, const char *fmt, va_list ap)
{
	int column = fprintf(stderr, "vmaple %s: ", command);
	char *text;

	if (vasprintf(&text, fmt, ap) < 0) {
		fputs("out of memory\n", stderr);
		return;
	}
	if (isatty(STDERR_FILENO) && column > 0 && column < TEXT_WIDTH / 2) {
		print_wrapped_behind(stderr, (size_t)column, text);
	} else {
		print_quoted(stderr, text, strlen(text));
		fputc('\n', stderr);
	}
	free(text);
}

/* The flush comes first: a sentence about what was printed must not appear before it. */
void complain(const char *command, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	va_start(ap, fmt);
	say_sentence(command, fmt, ap);
	va_end(ap);
}

/*
 * As complain(), for sentences that are put together of a format and of words of the command line.
 * Nothing was printed yet, so there is nothing to flush.
 */
__attribute__((format(printf, 2, 3))) static void misused(const char *command, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_sentence(command, fmt, ap);
	va_end(ap);
}

void print_recording(const char *path)
{
	fputs("  recording   ", stderr);
	print_quoted(stderr, path, strlen(path));
	fputc('\n', stderr);
}

/*
 * @arg is kept, not copied: it is a word of argv. `-` is refused because a recording on a pipe could not
 * be read twice, which most commands do, and what a program prints would be among it.
 */
int take_recording_name(const char *command, const char **name, const char *arg)
{
	*name = arg;
	return strcmp(arg, "-")
		       ? 0
		       : usage_error(command, "-o takes the name of a file for the recording, not", arg);
}

/* "vmaple COMMAND: WHAT `ARG`; see `vmaple COMMAND --help`", on stderr. */
int usage_error(const char *command, const char *what, const char *arg)
{
	const char *tick = arg ? "`" : "";

	misused(command, "%s%s%s%s%s; see `vmaple %s --help`", what, arg ? " " : "", tick, arg ? arg : "",
		tick, command);
	return STATUS_USAGE;
}

/* Called where the number is wrong, so @nr is 0 or above 1. */
int recordings_error(const char *command, int nr, char *const *arguments)
{
	return nr ? usage_error(command, "one recording only, not", arguments[1])
		  : usage_error(command, "a recording is missing", NULL);
}

/*
 * All of @text: strtoull() takes blanks and a sign before it, too.
 *
 * *@number is set in any case; ERANGE of strtoull() is in errno. Of base 16 the function itself takes a
 * "0x" in front, which isxdigit() of the 0 lets pass.
 */
static bool parse_whole(const char *text, int base, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, base);
	return isxdigit((unsigned char)*text) && !*end && !errno;
}

/* No octal: a 0 in front means nothing, as nobody expects of a count that it does. */
bool parse_number(const char *text, uint64_t *number)
{
	return parse_whole(text, strncmp(text, "0x", 2) == 0 ? 16 : 10, number);
}

bool parse_hex(const char *text, uint64_t *address)
{
	return parse_whole(text, 16, address);
}

/* 0 is refused: what is counted from 1 has no other word for "none". */
bool parse_up_to(const char *text, uint64_t most, uint64_t *number)
{
	return parse_number(text, number) && *number && *number <= most;
}

/* 0 is no process, and what does not fit a pid_t none that can be. */
bool parse_pid(const char *text, uint64_t *pid)
{
	return parse_up_to(text, INT32_MAX, pid);
}

/* LC_NUMERIC is never set before options are read, so the point is a point. */
bool parse_decimal(const char **text, double *number)
{
	const char *from = *text;
	/* strtod() alone would take "inf", "0x1p3" and "1e9" too: it must end where the digits do. */
	size_t digits = strspn(from, "0123456789.");
	char *end;

	*number = strtod(from, &end);
	*text = from + digits;
	return digits && end == *text && *number <= 1e15;
}

/* A number makes LIVE_CHECK_NTH of it, even behind false; who gets false drops the whole. */
bool parse_check(const char *text, struct check_option *check)
{
	*check = (struct check_option){ LIVE_CHECK_EVERY, 0 };
	if (strcmp(text, "every") == 0)
		return true;
	if (strcmp(text, "end") == 0) {
		check->mode = LIVE_CHECK_END;
		return true;
	}
	check->mode = LIVE_CHECK_NTH;
	return parse_number(text, &check->nth) && check->nth > 0;
}

/* Of what waitpid() has as ended; of a stopped process it would make no sense, and none is asked for. */
int shell_status(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/* What is not a source that is known is the worst of them: nothing is promised of a newer recording. */
const char *fault_source_text(uint32_t source)
{
	switch (source) {
	case TRACE_FAULTS_ALL:
	case TRACE_FAULTS_EACH:
		return "all that calls depend on";
	case TRACE_FAULTS_SOME:
		return "some can be missing (/proc/PID/pagemap without PAGEMAP_SCAN, or a log)";
	default:
		return "none could be observed (/proc/PID/pagemap cannot be read, or a log has none)";
	}
}

/* Beyond PiB the number only gets longer. */
const char *size_text(uint64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double v = (double)bytes;
	int unit = 0;

	while (v >= 1024 && unit < 5) {
		v /= 1024;
		unit++;
	}
	snprintf(buf, size, unit ? "%.1f %s" : "%.0f %s", v, units[unit]);
	return buf;
}

/*
 * It does not go back, and stands still while the machine is suspended; no time of a day is made of it.
 */
uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/*
 * Only a terminal has a line that can be written again: into a file or a pipe the same would be thousands
 * of lines.
 */
void progress_begin(struct progress *p)
{
	*p = (struct progress){ .on = isatty(STDERR_FILENO), .begun_ns = clock_ns() };
	p->last_ns = p->begun_ns;
}

/*
 * Ten times a second at most; true counts as shown. Where it is off the clock is not asked: it is called
 * for every thousandth event.
 */
static bool is_due(struct progress *p)
{
	uint64_t now = p->on ? clock_ns() : 0;

	if (!p->on || now - p->last_ns < 100000000u)
		return false;
	p->last_ns = now;
	p->shown = true;
	return true;
}

/* @done, @total: bytes of the file; a total of 0 (a pipe) is shown as 0 %. */
void progress_show(struct progress *p, const char *what, uint64_t done, uint64_t total, uint64_t events)
{
	if (!is_due(p))
		return;
	fprintf(stderr, "\r%s %3.0f%%, %" PRIu64 " events ", what,
		total ? 100.0 * (double)done / (double)total : 0.0, events);
}

/* Since progress_begin(). */
void progress_seconds(struct progress *p, const char *what)
{
	if (is_due(p))
		fprintf(stderr, "\r%s, %" PRIu64 " s ", what, (p->last_ns - p->begun_ns) / 1000000000u);
}

/* May be called when nothing was shown, and again. */
void progress_end(struct progress *p)
{
	if (p->shown)
		/* Return, and erase to the end of the line (ECMA-48 EL). */
		fprintf(stderr, "\r\033[K");
	p->shown = false;
}

/*
 * kernel_profile_for() answers with the nearest one for any release: this one only if it is of that very
 * series.
 */
const struct kernel_profile *known_kernel(const char *release)
{
	const struct kernel_profile *known = kernel_profile_for(release);
	int major = 0, minor = 0;

	if (!known || sscanf(release, "%d.%d", &major, &minor) != 2)
		return NULL;
	return known->major == major && known->minor == minor ? known : NULL;
}

/*
 * "6.12", "6.12.90", "6.1.0-54-amd64", "6.12-rc1": numbers, and behind a sign what a distribution has
 * added. kernel_profile_for() asks for the numbers alone; whether the series is known is the callers'
 * question.
 */
static bool is_release(const char *text)
{
	size_t numbers = strspn(text, "0123456789.");

	return kernel_profile_for(text) && (!text[numbers] || strchr("-+_~", text[numbers]));
}

/* "5.10, 5.15, 6.1": of each series that is known. */
static void write_series(char *text, size_t size)
{
	const struct kernel_profile *p, *last = NULL;
	size_t n = 0;

	for (unsigned int i = 0; (p = kernel_profile_at(i)) != NULL; last = p, i++)
		/* A series may have more than one profile, one after the other; it is named once. */
		if ((!last || last->major != p->major || last->minor != p->minor) && n < size)
			n += (size_t)snprintf(
				text + n, size - n, "%s%d.%d", last ? ", " : "", p->major, p->minor);
}

/*
 * STATUS_USAGE is the caller's to return: the sentence has been said as one of usage. wanted is as long
 * as the list of series, which is cut where it would not fit.
 */
const struct kernel_profile *parse_known_kernel(const char *command, const char *text)
{
	const struct kernel_profile *known = is_release(text) ? known_kernel(text) : NULL;
	char series[256], wanted[512];

	if (known)
		return known;
	write_series(series, sizeof(series));
	snprintf(wanted, sizeof(wanted),
		"--kernel takes a release whose series is known (%s), as 6.12 or 6.12.90, not", series);
	usage_error(command, wanted, text);
	return NULL;
}

/*
 * From the series of the oldest to that of the newest; between two of them the kernel is like the older.
 *
 * Not only a series that is known: a recording of 6.5 exists, and is replayed as the one below it.
 */
int check_release(const char *command, const char *text)
{
	const struct kernel_profile *oldest = kernel_profile_at(0), *newest = kernel_profile_default;
	int major = 0, minor = 0;
	char wanted[256];

	if (is_release(text) && sscanf(text, "%d.%d", &major, &minor) == 2 &&
		(major > oldest->major || (major == oldest->major && minor >= oldest->minor)) &&
		(major < newest->major || (major == newest->major && minor <= newest->minor)))
		return 0;
	snprintf(wanted, sizeof(wanted),
		"--kernel takes a release from %d.%d to %d.%d, as 6.12 or 6.12.90, not", oldest->major,
		oldest->minor, newest->major, newest->minor);
	return usage_error(command, wanted, text);
}

/*
 * A bit each of the verdicts: the first difference does not hide the first "uncertain". That a kind is
 * not shown again is no loss, for the summary has its number. `to repeat` names the recording as it was
 * given, so that the line can be pasted.
 */
void log_difference(void *ctx, const struct replay_difference *d)
{
	struct difference_log *log = ctx;
	static const char *const names[] = { "difference", "uncertain", "foreign", "outside" };
	unsigned int bit = 1u << d->verdict;

	if ((log->shown & bit) && !log->all)
		return;
	log->shown |= bit;
	fprintf(log->out, "\n%s at step %" PRIu64 ", process %u: %s\n", names[d->verdict], d->step, d->pid,
		d->what);
	if (*d->call)
		fprintf(log->out, "  after step %" PRIu64 ": %s\n", d->call_step, d->call);
	fprintf(log->out, "  - expected, + found:\n");
	print_marked(log->out, d->expected, d->found);
	if (log->recording)
		fprintf(log->out, "  to repeat: vmaple verify %s\n", log->recording);
	else
		fprintf(log->out, "  to repeat it from a recording: add `-o FILE.vmt`, then `vmaple verify "
				  "FILE.vmt`\n");
}

/*
 * By what was lost and not by whom: a machine that is too slow loses the same thing in a thousand
 * processes. Equal hashes of two phrases would hide the second, which the summary still counts.
 */
void log_lost(void *ctx, const struct trace_event *e)
{
	struct difference_log *log = ctx;
	size_t len = strlen(e->lost.what);
	/* FNV-1a, 64 bits: the phrases are told from each other without being kept. */
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)e->lost.what[i]) * 1099511628211u;
	for (unsigned int i = 0; i < log->nr_lost && !log->all; i++)
		if (log->lost[i] == hash)
			return;
	/* A recording may be hostile: so many kinds are printed, and no more. */
	if (log->nr_lost == LOST_KINDS && !log->all)
		return;
	if (log->nr_lost < LOST_KINDS)
		log->lost[log->nr_lost++] = hash;
	fprintf(log->out, "\nlost at step %" PRIu64, e->step);
	if (e->pid)
		fprintf(log->out, ", process %u", e->pid);
	fputs(": ", log->out);
	print_quoted(log->out, e->lost.what, len);
	if (e->lost.count)
		fprintf(log->out, " (%" PRIu64 " event%s)", e->lost.count, e->lost.count == 1 ? "" : "s");
	fputc('\n', log->out);
}
