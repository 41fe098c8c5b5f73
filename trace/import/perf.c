/* SPDX-License-Identifier: MIT */
/*
 * Lines of `perf trace`, as strace would have written them; those of `perf script` are perf_script.c's, those of the kernel's trace ftrace.c's.
 *
 *     0.975 ( 0.016 ms): prog/4042 mmap(len: 8192, prot: READ|WRITE, flags: PRIVATE|ANONYMOUS)      = 0x7f98d1b22000
 *     35.854 (        ): prog/4042 wait4(upid: -1)   ...
 *     35.854 (31.2 ms): prog/4042  ... [continued]: wait4())   = 4045 (prog)
 *     0.870 ( 0.000 ms): prog/4042 minfault [main+0x3b] => //anon@0x7fefa01f5000 (d.)
 *
 * perf trace leaves out arguments that are 0, and the prefixes of words: each is put back where the call has it.
 *
 * A line goes through the tools in the order trace, script, ftrace; what one of them has put into *line
 * before it gave up is cleared for the next. Calls that have no shape are ignored: they change no map
 * and open no file.
 *
 * perf trace tells of a call in one line at its exit, in two where something came in between, perf
 * script in two always. So a child's lines can stand before the line of the call that made it
 * (strace.c).
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Whoever traces faults has one among so many lines: each program begins with some. */
#define LINES_FOR_FAULTS 1000

/*
 * Arguments in their order, as the kernel's tracepoints name them, each with the prefix of its words
 * behind a slash. Sorted by nothing: O(shapes) a line. Names of arguments are those of the tracepoints'
 * format files; a slash begins the prefix that perf trace leaves out.
 */
static const struct shape {
	const char *call;
	const char *args[7];
} shapes[] = {
	{ "brk", { "brk" } },
	{ "clone", { "clone_flags/CLONE_" } },
	{ "clone3", { "uargs" } },
	{ "close", { "fd" } },
	{ "close_range", { "fd", "max_fd", "flags" } },
	{ "creat", { "pathname", "mode" } },
	{ "dup", { "fildes" } },
	{ "dup2", { "oldfd", "newfd" } },
	{ "dup3", { "oldfd", "newfd", "flags/O_" } },
	{ "execve", { "filename" } },
	{ "execveat", { "fd", "filename" } },
	{ "exit", { "error_code" } },
	{ "exit_group", { "error_code" } },
	{ "fcntl", { "fd", "cmd/F_", "arg" } },
	{ "fork", { NULL } },
	{ "madvise", { "start", "len_in", "behavior/MADV_" } },
	{ "memfd_create", { "uname", "flags/MFD_" } },
	{ "mlock", { "start", "len" } },
	{ "mlock2", { "start", "len", "flags/MLOCK_" } },
	{ "mlockall", { "flags/MCL_" } },
	{ "mmap", { "addr", "len", "prot/PROT_", "flags/MAP_", "fd", "off" } },
	{ "mprotect", { "start", "len", "prot/PROT_" } },
	{ "mremap", { "addr", "old_len", "new_len", "flags/MREMAP_", "new_addr" } },
	{ "mseal", { "start", "len", "flags" } },
	{ "munlock", { "start", "len" } },
	{ "munlockall", { NULL } },
	{ "munmap", { "addr", "len" } },
	{ "open", { "filename", "flags/O_" } },
	{ "openat", { "dfd", "filename", "flags/O_" } },
	{ "pkey_mprotect", { "start", "len", "prot/PROT_", "pkey" } },
	{ "remap_file_pages", { "start", "size", "prot/PROT_", "pgoff", "flags/MAP_" } },
	{ "shmat", { "shmid", "shmaddr", "shmflg/SHM_" } },
	{ "shmdt", { "shmaddr" } },
	{ "shmget", { "key", "size", "shmflg" } },
	{ "vfork", { NULL } },
	{ "wait4", { "upid" } },
};

/* NULL: a call that nothing here is about. */
static const struct shape *shape_of(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (strncmp(shapes[i].call, name, len) == 0 && shapes[i].call[len] == '\0')
			return &shapes[i];
	return NULL;
}

/*
 * Commas inside braces, parentheses and strings are none; one without a blank behind it is none either.
 * @at is where an argument begins, behind something.
 */
char *perf_argument_end(char *at)
{
	int depth = 0;

	for (bool quoted = false; *at; at++) {
		if (*at == '"' && at[-1] != '\\')
			quoted = !quoted;
		if (quoted)
			continue;
		if (!depth && (*at == ')' || (*at == ',' && at[1] == ' ')))
			return at;
		depth += *at == '(' || *at == '{' || *at == '[';
		depth -= *at == ')' || *at == '}' || *at == ']';
	}
	return NULL;
}

/*
 * A value of words, each with its prefix. "READ|WRITE" becomes "PROT_READ|PROT_WRITE"; numbers and
 * names of signals stay.
 */
static void put_value(struct foreign *f, const char *value, const char *end, const char *prefix)
{
	while (value < end) {
		size_t len = 0;

		while (value + len < end && value[len] != '|')
			len++;
		if (prefix && isupper((unsigned char)*value) && strncmp(value, prefix, strlen(prefix)) != 0 &&
			strncmp(value, "SIG", 3) != 0)
			foreign_put(f, prefix, strlen(prefix));
		foreign_put(f, value, len);
		value += len;
		if (value < end)
			foreign_put(f, value++, 1);
	}
}

/*
 * Where the value of the argument of this name is; false: it was left out. @args: behind the opening
 * parenthesis. O(arguments).
 */
static bool find_argument(char *args, const char *name, size_t len, char **value, char **end)
{
	for (char *at = args; at && *at && *at != ')'; at = **end == ',' ? *end + 2 : NULL) {
		*end = perf_argument_end(at);
		if (!*end)
			return false;
		if (strncmp(at, name, len) == 0 && at[len] == ':') {
			*value = skip_spaces(at + len + 1);
			return true;
		}
	}
	return false;
}

/*
 * "fd: 3, off: 0x1000)" as the call has them. What was left out is 0; a descriptor of anonymous memory
 * is -1, which perf leaves out as well.
 */
static void put_arguments(struct foreign *f, const struct shape *shape, char *args)
{
	for (int i = 0; i < 7 && shape->args[i]; i++) {
		const char *prefix = strchr(shape->args[i], '/');
		size_t len = prefix ? (size_t)(prefix - shape->args[i]) : strlen(shape->args[i]);
		char *value, *end;

		if (i)
			foreign_put(f, ", ", 2);
		if (find_argument(args, shape->args[i], len, &value, &end))
			put_value(f, value, end, prefix ? prefix + 1 : NULL);
		else if (strcmp(shape->args[i], "fd") == 0 && strstr(f->text, "MAP_ANONYMOUS"))
			foreign_put(f, "-1", 2);
		else
			foreign_put(f, "0", 1);
	}
}

/* At the parenthesis that closes the call; NULL: it is cut. */
static char *call_end(char *args)
{
	char *end = perf_argument_end(args);

	while (end && *end == ',')
		end = perf_argument_end(end + 2);
	return end;
}

/*
 * "0.373 ( 0.012 ms): ", "? (         ): "; NULL: it is none. The times are milliseconds since perf
 * began, "?" where the call had begun before. Behind the head there is a task, unless one alone is
 * traced.
 */
static char *trace_head(char *at, struct strace_line *line)
{
	char *close;

	at = skip_spaces(at);
	if (*at == '?') {
		at++;
	} else {
		char *begin = at;
		double ms = isdigit((unsigned char)*at) ? strtod(at, &at) : -1;

		if (ms < 0 || ms > 1e15 || !memchr(begin, '.', (size_t)(at - begin)))
			return NULL;
		line->time_ns = (uint64_t)(ms * 1e6);
		line->has_time = true;
	}
	/* How long it took follows in parentheses, or blanks where it has not ended. */
	if (at[0] != ' ' || at[1] != '(')
		return NULL;
	close = memchr(at, ')', strnlen(at, 32));
	if (!close || close[1] != ':' || close[2] != ' ' ||
		(close[-1] != ' ' && strncmp(close - 3, " ms", 3) != 0))
		return NULL;
	return close + 3;
}

/* Where a call's name begins: before a parenthesis, behind a space. */
static char *find_name(char *at)
{
	for (char *p = strchr(at, '('); p; p = strchr(p + 1, '(')) {
		char *name = p;

		while (name > at && (islower((unsigned char)name[-1]) || isdigit((unsigned char)name[-1]) ||
					    name[-1] == '_'))
			name--;
		if (name < p && (name == at || name[-1] == ' '))
			return name;
	}
	return NULL;
}

/* "comm/123 " before the name, or nothing. */
static void task_before(const char *at, const char *name, struct strace_line *line)
{
	const char *slash = name;

	while (slash > at && slash[-1] != '/')
		slash--;
	if (slash == at)
		return;
	line->tid = (uint32_t)strtoul(slash, NULL, 10);
	line->has_tid = line->tid != 0;
}

/*
 * "... [continued]: clone())   = 0": of the parent the end of its call, of the child its beginning. Of
 * the call's arguments nothing is repeated: STRACE_RESUMED, which is joined with the beginning.
 */
static bool continued(char *text, struct foreign *f, struct strace_line *line)
{
	char *end = strchr(text, ')'), *result;

	line->kind = STRACE_RESUMED;
	line->name = text;
	line->name_len = strcspn(text, "(");
	result = end && end[1] == ')' ? strchr(end, '=') : NULL;
	if (!result)
		return false;
	foreign_put(f, ") ", 2);
	foreign_put(f, result, strlen(result));
	line->rest = f->text;
	if (name_makes_task(line->name, line->name_len)) {
		result = skip_spaces(result + 1);
		if (!*result || *result == '0')
			line->kind = STRACE_CHILD;
	}
	return true;
}

/*
 * "minfault [main+0x3b] => //anon@0x7fefa01f5000 (d.)": of what is no file the place is the address.
 * Places of files are "libc.so.6@0x1000", which is no address: those faults are told without one.
 */
static bool trace_fault(char *at, struct strace_line *line)
{
	static const char *const kinds[] = { " minfault [", " majfault [" };
	static const char *const unnamed[] = { "//anon@", "[heap]@", "[stack]@", "/dev/zero@",
		"/anon_hugepage@", "/SYSV", "0x" };
	char *fault = strstr(at, kinds[0]), *place, *value;

	fault = fault ? fault : strstr(at, kinds[1]);
	place = fault ? strstr(fault, "] => ") : NULL;
	if (!place)
		return false;
	line->kind = STRACE_FAULT;
	task_before(at, fault + 1, line);
	place += strlen("] => ");
	for (size_t i = 0; i < sizeof(unnamed) / sizeof(unnamed[0]); i++) {
		value = strstr(place, "@0x");
		if (strncmp(place, unnamed[i], strlen(unnamed[i])) == 0)
			line->fault.addr = strtoull(value ? value + 1 : place, NULL, 16);
	}
	return true;
}

/* False: it is none of perf trace's. A beginning ends with "...". */
static bool trace_line(char *text, struct foreign *f, struct strace_line *line)
{
	char *at = trace_head(text, line), *more, *end;
	const struct shape *shape;

	if (!at)
		return false;
	if (trace_fault(at, line))
		return true;
	more = strstr(at, " ... [continued]: ");
	line->name = more ? more + 1 : find_name(at);
	if (!line->name)
		return false;
	task_before(at, line->name, line);
	if (more)
		return continued(more + strlen(" ... [continued]: "), f, line);
	line->name_len = strcspn(line->name, "(");
	shape = shape_of(line->name, line->name_len);
	end = call_end(line->name + line->name_len + 1);
	line->kind = STRACE_IGNORED;
	if (!shape || !end)
		return true;
	put_arguments(f, shape, line->name + line->name_len + 1);
	line->args = f->text;
	end = skip_spaces(end + 1);
	line->kind = strncmp(end, "...", 3) == 0 ? STRACE_UNFINISHED : STRACE_CALL;
	if (line->kind == STRACE_CALL) {
		foreign_put(f, ") ", 2);
		foreign_put(f, end, strlen(end));
	}
	return true;
}

/* "LOST 12 events!" is perf trace's word. */
bool perf_line(char *text, struct foreign *f, struct strace_line *line)
{
	*line = (struct strace_line){ .kind = STRACE_OTHER };
	f->len = 0;
	f->text[0] = '\0';
	if (trace_line(text, f, line) || perf_script_line(text, f, line))
		return true;
	*line = (struct strace_line){ .kind = STRACE_OTHER };
	if (ftrace_line(text, f, line))
		return true;
	*line = (struct strace_line){ .kind = STRACE_OTHER };
	if (strncmp(text, "LOST ", 5) == 0 && strstr(text, " events!"))
		line->kind = STRACE_LOST;
	return line->kind == STRACE_LOST;
}

/* perf trace -F all, or perf script with a software event of page faults or exceptions:*. */
bool perf_has_faults(const char *path)
{
	bool found = false;
	struct foreign f;
	struct strace_line line;
	struct lines l;
	char *text;
	size_t len;

	if (lines_open(&l, path, (size_t)64 << 10))
		return false;
	while (!found && l.number < LINES_FOR_FAULTS && (text = lines_next(&l, &len)))
		found = perf_line(text, &f, &line) && line.kind == STRACE_FAULT;
	lines_close(&l);
	return found;
}
