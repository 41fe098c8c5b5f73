/* SPDX-License-Identifier: MIT */
/*
 * Lines of the kernel's own trace, as strace would have written them: /sys/kernel/tracing/trace, and trace-cmd report.
 *
 *     prog-4070  [001] .....  1343.951230: sys_mmap(addr: 0, len: 0x2000, prot: 3, flags: 0x22, fd: 0xffffffffffffffff, off: 0)
 *     prog-4070  (   4070) [001] .....  1343.951278: sys_mmap -> 0x7fbdba116000
 *     prog-4070  [001]  1343.951230: sys_enter_mmap:       addr: 0x00000000, len: 0x00002000, ...
 *     prog-4070  [001]  1343.951278: sys_exit_mmap:        0x7fbdba116000
 *
 * The two forms are of two ways to trace: the events of the class syscalls as the trace file prints
 * them ("sys_mmap(...)", "sys_mmap -> ..."), and as trace-cmd and perf's scripts do ("sys_enter_mmap:",
 * "sys_exit_mmap:"). Values are in the call's order, and in hexadecimal. The time is that of the
 * trace's clock, in seconds since the machine began as a rule.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Back over blanks and a word, which begins where it says. */
static const char *word_before(const char *text, const char *at)
{
	while (at > text && isspace((unsigned char)at[-1]))
		at--;
	while (at > text && !isspace((unsigned char)at[-1]))
		at--;
	return at;
}

/* "  1343.951230", which ends at the colon. *begin: where the time begins. False: no time ends there. */
static bool time_before(const char *text, const char *colon, const char **begin, struct strace_line *line)
{
	const char *at = word_before(text, colon);
	char *end;
	uint64_t seconds = strtoull(at, &end, 10);
	double fraction;

	if (!isdigit((unsigned char)*at) || *end != '.' || seconds > UINT64_MAX / 1000000001)
		return false;
	fraction = strtod(end, &end);
	if (end != colon)
		return false;
	line->time_ns = seconds * 1000000000 + (uint64_t)(fraction * 1e9);
	line->has_time = true;
	*begin = at;
	return true;
}

/*
 * "prog-4070  (   4070) [001] ....." before the time: a name may have blanks and hyphens. The
 * processor's number is in brackets; between it and the task some have the process in parentheses.
 * False also for task 0, the idle one.
 */
static bool task_before(const char *text, const char *time, struct strace_line *line)
{
	const char *at = time, *digits;

	while (at > text && *at != '[')
		at--;
	if (*at != '[' || at == text || strspn(at + 1, "0123456789") != strcspn(at + 1, "]"))
		return false;
	while (at > text && isspace((unsigned char)at[-1]))
		at--;
	if (at > text && at[-1] == ')') {
		while (at > text && *at != '(')
			at--;
		while (at > text && isspace((unsigned char)at[-1]))
			at--;
	}
	for (digits = at; digits > text && isdigit((unsigned char)digits[-1]);)
		digits--;
	if (digits == at || digits == text || digits[-1] != '-')
		return false;
	line->tid = (uint32_t)strtoul(digits, NULL, 10);
	line->has_tid = line->tid != 0;
	return line->has_tid;
}

/* @args is "addr: 0, len: 0x2000)" or the same without a parenthesis. */
static bool begun(struct foreign *f, char *args, struct strace_line *line)
{
	line->kind = STRACE_UNFINISHED;
	perf_put_values(f, args);
	line->args = f->text;
	return true;
}

/* In hexadecimal, as a negative error is, too (0xfffffffffffffff4): read as a signed one. */
static bool ended(struct foreign *f, const char *result, struct strace_line *line)
{
	foreign_put(f, ") = ", 4);
	foreign_put(f, result, strlen(result));
	line->rest = f->text;
	line->kind = STRACE_RESUMED;
	/* In the child, the end of the call that made it. */
	if (name_makes_task(line->name, line->name_len) && strtoull(result, NULL, 0) == 0)
		line->kind = STRACE_CHILD;
	return true;
}

/* @at is behind "sys_". */
static bool call_event(char *at, struct foreign *f, struct strace_line *line)
{
	bool enter = strncmp(at, "enter_", 6) == 0, exit = strncmp(at, "exit_", 5) == 0;
	char *end;

	line->name = at + (enter ? 6 : exit ? 5 : 0);
	line->name_len = strspn(line->name, "abcdefghijklmnopqrstuvwxyz_0123456789");
	end = line->name + line->name_len;
	if (!line->name_len)
		return false;
	if ((enter || exit) && *end == ':')
		return enter ? begun(f, skip_spaces(end + 1), line) : ended(f, skip_spaces(end + 1), line);
	if (*end == '(')
		return begun(f, end + 1, line);
	return strncmp(end, " -> ", 4) == 0 && ended(f, skip_spaces(end + 4), line);
}

/* False: it is none; *line may have been changed. */
bool ftrace_line(char *text, struct foreign *f, struct strace_line *line)
{
	char *colon = strstr(text, ": sys_");
	const char *time;

	return colon && time_before(text, colon, &time, line) && task_before(text, time, line) &&
	       call_event(colon + strlen(": sys_"), f, line);
}
