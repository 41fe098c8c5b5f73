/* SPDX-License-Identifier: MIT */
/*
 * Lines of `perf script`, as strace would have written them.
 *
 *     prog  4070 [001] 30939.570813: syscalls:sys_enter_mmap: addr: 0x00000000, len: 0x00002000, ...
 *     prog  4070 [001] 30939.570826:  syscalls:sys_exit_mmap: 0x7fbdba116000
 *     prog  4070 [001] 30939.570820: PERF_RECORD_MMAP2 4070/4070: [0x7f00(0x2000) @ 0 08:01 12 0]: r-xp /lib/x.so
 *     prog  4070 [001] 30939.570830: exceptions:page_fault_user: address=0x7f00 ip=0x55d0 error_code=0x6
 *     prog  4070 30939.570830:          1  page-faults:  7f00 [unknown] (//anon)  55d0 main+0x3b (/bin/prog)
 *
 * Fields are those that `perf script` prints by default, or with -F comm,pid,tid,cpu,time,event,trace.
 * What stands before the event is read backwards from it, because a task's name may have blanks, and
 * may look like anything.
 *
 *     syscalls:sys_enter_mmap       UNFINISHED, args "0x00000000, 0x00002000, ..."
 *     syscalls:sys_exit_mmap        RESUMED, rest ") = 0x7fbdba116000"; CHILD where it is a clone's 0
 *     PERF_RECORD_MMAP, MMAP2       MAPPED
 *     PERF_RECORD_FORK              FORKED
 *     PERF_RECORD_COMM exec         EXEC
 *     PERF_RECORD_EXIT              EXITED
 *     PERF_RECORD_LOST              LOST
 *     exceptions:page_fault_user    FAULT, a write or not
 *     page-faults, minor-faults     FAULT, which may have been either
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* The word before at, which blanks end. */
static const char *word_before(const char *text, const char *at)
{
	while (at > text && at[-1] == ' ')
		at--;
	while (at > text && at[-1] != ' ')
		at--;
	return at;
}

/*
 * What stands before an event, backwards: how often it occurred, its time, the processor, the task. A
 * count ("1") stands between time and event for events without arguments. "4070/4071" is process and
 * task, with -F pid,tid. What is missing leaves has_time or has_tid false.
 */
static void script_head(const char *text, const char *event, struct strace_line *line)
{
	const char *at = word_before(text, event), *slash;
	uint64_t seconds;
	char *end;

	if (at[strspn(at, "0123456789")] == ' ')
		at = word_before(text, at);
	seconds = strtoull(at, &end, 10);
	if (*end == '.') {
		double fraction = strtod(end, &end);

		line->has_time = *end == ':' && seconds < UINT64_MAX / 1000000001;
		line->time_ns = line->has_time ? seconds * 1000000000 + (uint64_t)(fraction * 1e9) : 0;
	}
	at = word_before(text, at);
	if (*at == '[')
		at = word_before(text, at);
	slash = at + strcspn(at, "/ ");
	line->tid = (uint32_t)strtoul(*slash == '/' ? slash + 1 : at, &end, 10);
	line->has_tid = line->tid && *end == ' ';
}

/*
 * `addr: 0x00000000, len: 0x00002000` becomes "0x00000000, 0x00002000"; `filename: 0x7f00 "lib.so"`, as
 * newer kernels have it, the text alone. Values are in hexadecimal, as the tracepoint has them.
 */
void perf_put_values(struct foreign *f, char *at)
{
	while (*at) {
		char *end = perf_argument_end(at), *colon = strchr(at, ':'), *quote;

		end = end ? end : at + strlen(at);
		if (colon && colon < end) {
			at = skip_spaces(colon + 1);
			quote = memchr(at, '"', (size_t)(end - at));
			at = quote ? quote : at;
		}
		if (f->len)
			foreign_put(f, ", ", 2);
		foreign_put(f, at, (size_t)(end - at));
		at = *end == ',' ? end + 2 : end + strlen(end);
	}
}

/* `-F +addr` puts an address behind every line, far behind. */
static void cut_address(struct foreign *f)
{
	size_t digits = f->len, blanks;

	while (digits && isxdigit((unsigned char)f->text[digits - 1]))
		digits--;
	for (blanks = digits; blanks && f->text[blanks - 1] == ' ';)
		blanks--;
	if (digits < f->len && digits - blanks >= 3) {
		f->len = blanks;
		f->text[blanks] = '\0';
	}
}

/* False: "sys_" is of no enter or exit. */
static bool syscall_line(char *at, struct foreign *f, struct strace_line *line)
{
	bool enter = strncmp(at, "enter_", 6) == 0;
	char *rest;

	line->name = at + (enter ? 6 : 5);
	rest = strchr(line->name, ':');
	if ((!enter && strncmp(at, "exit_", 5) != 0) || !rest)
		return false;
	line->name_len = (size_t)(rest - line->name);
	rest = skip_spaces(rest + 1);
	if (enter) {
		line->kind = STRACE_UNFINISHED;
		perf_put_values(f, rest);
		cut_address(f);
		line->args = f->text;
		return true;
	}
	foreign_put(f, ") = ", 4);
	foreign_put(f, rest, strlen(rest));
	cut_address(f);
	line->rest = f->text;
	line->kind = STRACE_RESUMED;
	/* In the child, the end of the call that made it. */
	if (name_makes_task(line->name, line->name_len) && strtoull(rest, NULL, 0) == 0)
		line->kind = STRACE_CHILD;
	return true;
}

/*
 * "MMAP2 4070/4070: [0x7f00(0x2000) @ 0x1000 08:01 12 0]: r-xp /lib/x.so", "MMAP 1/1: [0x7f00(0x2000) @
 * 0]: x /lib/x.so". MMAP2 has access and sharing, MMAP (of older kernels) an 'x' alone, which then is
 * readable, too. A task of -1 is the kernel, whose modules are told of alike.
 */
static bool mapped(char *at, struct strace_line *line)
{
	char *open = strchr(at, '['), *close = open ? strstr(open, "]: ") : NULL, *end;
	struct mapped *m = &line->mapped;

	at = strchr(at, ' ');
	if (!open || !close || !at)
		return false;
	line->tid = (uint32_t)strtoul(strchr(at, '/') ? strchr(at, '/') + 1 : at, NULL, 10);
	line->has_tid = line->tid && at[1] != '-';
	m->start = strtoull(open + 1, &end, 16);
	if (*end != '(')
		return false;
	m->len = strtoull(end + 1, &end, 16);
	end = strstr(end, " @ ");
	if (!end || end > close)
		return false;
	m->offset = strtoull(end + 3, NULL, 16);
	at = close + 3;
	end = strchr(at, ' ');
	if (!end)
		return false;
	m->prot = (at[0] == 'r' ? 1u : 0) | (at[1] == 'w' ? 2u : 0) | (at[2] == 'x' || at[0] == 'x' ? 4u : 0);
	if (end - at == 1)
		m->prot |= 1;
	m->shared = end - at == 4 && at[3] == 's';
	m->path = end + 1;
	line->kind = line->has_tid ? STRACE_MAPPED : STRACE_IGNORED;
	return true;
}

/* "FORK(101:102):(100:100)": process and task of the child, then of its parent. */
static bool forked(const char *at, struct strace_line *line)
{
	unsigned int pid, tid, parent_pid, parent;

	if (sscanf(at, "FORK(%u:%u):(%u:%u)", &pid, &tid, &parent_pid, &parent) != 4)
		return false;
	line->kind = STRACE_FORKED;
	line->other = tid;
	/* A thread has its parent's process. */
	line->threads = pid == parent_pid ? 1 : 0;
	line->tid = parent;
	line->has_tid = true;
	return tid && parent;
}

/*
 * PERF_RECORD_COMM with exec is what an exec tells of itself; "PERF_RECORD_COMM: prog:4070" alone is a
 * change of name.
 */
static bool record_line(char *at, struct strace_line *line)
{
	if (strncmp(at, "MMAP", 4) == 0)
		return mapped(at, line);
	if (strncmp(at, "FORK(", 5) == 0)
		return forked(at, line);
	line->kind = STRACE_IGNORED;
	if (strncmp(at, "COMM exec: ", 11) == 0)
		line->kind = STRACE_EXEC;
	else if (strncmp(at, "LOST ", 5) == 0)
		line->kind = STRACE_LOST;
	else if (strncmp(at, "EXIT(", 5) == 0 && strchr(at, ':')) {
		line->kind = STRACE_EXITED;
		line->tid = (uint32_t)strtoul(strchr(at, ':') + 1, NULL, 10);
		line->has_tid = line->tid;
	}
	return true;
}

/*
 * "address=0x7f00 ip=0x55d0 error_code=0x6": of x86, whose second bit is that of a write. error_code of
 * x86's page faults: 1 the page was there, 2 a write, 4 of user mode.
 */
static bool exception_line(char *at, struct strace_line *line)
{
	char *address = strstr(at, "address="), *code = strstr(at, "error_code=");

	if (!address || !code)
		return false;
	line->kind = STRACE_FAULT;
	line->fault.addr = strtoull(address + strlen("address="), NULL, 16);
	line->fault.write = strtoull(code + strlen("error_code="), NULL, 0) & 2;
	line->fault.write_known = true;
	line->fault.kernel = strncmp(at, "kernel", 6) == 0;
	return true;
}

/*
 * "7f00 [unknown] 55d0 main+0x3b (/bin/prog)" with `-F +addr`; one number alone is the instruction's.
 * Without -F +addr the first number is the instruction's, and the address is not known: addr 0, a
 * doubt.
 */
static bool sampled_fault(const char *at, struct strace_line *line)
{
	const char *next;
	char *end;

	line->kind = STRACE_FAULT;
	line->fault.addr = strtoull(at, &end, 16);
	for (next = end; *next; next += strcspn(next, " ")) {
		next += strspn(next, " ");
		if (*next != '(' && strspn(next, "0123456789abcdef") >= 4 &&
			next[strspn(next, "0123456789abcdef")] == ' ')
			return true;
	}
	line->fault.addr = 0;
	return true;
}

/* *behind: what follows the event's name and its modifiers. */
static char *find_page_faults(char *text, char **behind)
{
	static const char *const names[] = { " page-faults", " minor-faults", " major-faults", " faults" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *at = strstr(text, names[i]), *colon = at ? strchr(at, ':') : NULL;

		/* With modifiers, as page-faults:u */
		while (colon && strchr(colon + 1, ':') == colon + 1 + strcspn(colon + 1, ": "))
			colon = strchr(colon + 1, ':');
		if (colon) {
			*behind = colon + 1;
			return at;
		}
	}
	return NULL;
}

static bool fault_line(char *text, struct strace_line *line)
{
	char *event = strstr(text, " exceptions:page_fault_"), *behind;

	if (event) {
		script_head(text, event, line);
		return exception_line(event + strlen(" exceptions:page_fault_"), line);
	}
	event = find_page_faults(text, &behind);
	if (!event)
		return false;
	script_head(text, event, line);
	return (line->has_time || line->has_tid) && sampled_fault(behind, line);
}

/* False: it is none. @text is read only, but for what is put into *f. */
bool perf_script_line(char *text, struct foreign *f, struct strace_line *line)
{
	char *at = strstr(text, " syscalls:sys_"), *event = at;

	if (!at)
		event = strstr(text, " PERF_RECORD_");
	if (!event)
		return fault_line(text, line);
	script_head(text, event, line);
	if (at)
		return syscall_line(at + strlen(" syscalls:sys_"), f, line);
	return record_line(event + strlen(" PERF_RECORD_"), line);
}
