/* SPDX-License-Identifier: MIT */
/*
 * One line of strace(1), taken apart.
 *
 *     [pid 1234<comm>] 12:34:56.789012 [00007f...] [   9] mmap(NULL, 8192, ...) = 0x7f... <0.000012>
 *     ^ leader: task, time, instruction pointer, number of the call, in any order and each or none of them
 *
 * Logs that went through journald or a build server have their own words before each line: these are skipped, as many
 * bytes as in the line before where that fits, else up to the first place from which a line of strace follows.  A
 * line that begins as a call and does not end as one was cut: its kind is STRACE_OTHER, with the call's name.
 *
 * What is a call is decided late: a name and a parenthesis are not enough, since programs print such
 * lines, too. A line that has others' words before it counts only with a result (" = ") behind the
 * call.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define MAX_PID   (1 << 22) /* PID_MAX_LIMIT: a number beyond it is a time */
#define MAX_COMM  72        /* a task's name with its escapes */
#define MAX_STACK 4096      /* as far as a line is looked at to tell a stack from a quotation */

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

char *skip_spaces(char *at)
{
	return at + strspn(at, " \t");
}

bool is_call(const struct strace_line *line, const char *name)
{
	return line->name_len == strlen(name) && strncmp(line->name, name, line->name_len) == 0;
}

bool name_makes_task(const char *name, size_t len)
{
	static const char *const makers[] = { "clone", "clone3", "fork", "vfork" };

	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
		if (strlen(makers[i]) == len && strncmp(makers[i], name, len) == 0)
			return true;
	return false;
}

/*
 * Nanoseconds of "12:34:56.789012", "1700000000", "0.000123"; NULL: it is none. A number that can be a
 * task's is one. -t has seconds, -tt and -ttt fractions of them; -r counts from the line before.
 * "12:34" is a time of day of nobody's, and "1234" alone a task.
 */
static char *time_text(char *at, uint64_t *ns)
{
	uint64_t seconds = 0, fraction = 0, scale = 1000000000;
	char *p = at;
	int colons = 0;

	for (;;) {
		uint64_t field = 0;
		char *digits = p;

		/*
		 * Twelve digits hold a time of microseconds since 1970 for long; more are no time, and
		 * do not overflow.
		 */
		while (isdigit((unsigned char)*p) && p - digits < 12)
			field = field * 10 + (uint64_t)(*p++ - '0');
		if (p == digits)
			return NULL;
		seconds = seconds * 60 + field;
		if (*p != ':' || ++colons > 2)
			break;
		p++;
	}
	if (colons == 1 || colons > 2)
		return NULL;
	if (*p == '.') {
		for (p++; isdigit((unsigned char)*p); p++) {
			scale /= 10;
			fraction += (uint64_t)(*p - '0') * scale;
		}
	} else if (!colons && seconds <= MAX_PID) {
		return NULL;
	}
	if (*p != ' ' && *p != ')')
		return NULL;
	/* More than a number holds is no time: import_time() says so. */
	*ns = seconds < INT64_MAX / 1000000000 ? seconds * 1000000000 + fraction : UINT64_MAX;
	return p;
}

/*
 * "1234", "1234<comm>". "<comm>" is of -Y; a name may have any character, '>' too: it ends before a
 * blank or a bracket.
 */
static char *task_text(char *at, uint32_t *tid)
{
	char *p = at;
	uint64_t n = 0;

	while (isdigit((unsigned char)*p) && p - at < 10)
		n = n * 10 + (uint64_t)(*p++ - '0');
	if (p == at || n > UINT32_MAX)
		return NULL;
	if (*p == '<') {
		size_t left = strnlen(p, MAX_COMM);
		char *end = memmem(p, left, "> ", 2);

		end = end ? end : memmem(p, left, ">]", 2);
		if (!end)
			return NULL;
		p = end + 1;
	}
	*tid = (uint32_t)n;
	return p;
}

/*
 * "[pid 12] ", "[00007f0123456789] ", "[   9] ". Up to 25 characters, of -i (an address, or question
 * marks) and -n (the number of the call, in decimal with blanks).
 */
static char *bracket(char *at, struct strace_line *line)
{
	char *close, *p;

	if (starts(at, "[pid ")) {
		p = task_text(skip_spaces(at + 5), &line->tid);
		if (!p || p[0] != ']' || p[1] != ' ')
			return NULL;
		line->has_tid = true;
		return skip_spaces(p + 1);
	}
	close = memchr(at, ']', strnlen(at, 25));
	if (!close || close[1] != ' ')
		return NULL;
	for (p = skip_spaces(at + 1); p < close; p++)
		if (!isxdigit((unsigned char)*p) && *p != '?')
			return NULL;
	/* An address has eight digits or sixteen, and no blank before it; a call's number has blanks. */
	if (close - at >= 9 && at[1] != ' ')
		line->ip = strtoull(at + 1, NULL, 16);
	return skip_spaces(close + 1);
}

/*
 * Everything before what the line says. NULL: it cannot be the leader of a line of strace. "(+
 * 0.000123)" is what -r has behind a time of -tt: skipped. A time of less than 100,000,000 seconds
 * without colons is none since 1970: relative.
 */
static char *leader(char *at, struct strace_line *line)
{
	char *p;

	for (;;) {
		uint64_t ns;

		at = skip_spaces(at);
		if (*at == '[') {
			at = bracket(at, line);
			if (!at)
				return NULL;
		} else if (at[0] == '(' && at[1] == '+') {
			p = time_text(skip_spaces(at + 2), &ns);
			if (!p || *p != ')')
				return NULL;
			at = p + 1;
		} else if ((p = time_text(at, &ns))) {
			line->relative = ns < 100000000ull * 1000000000 && !memchr(at, ':', (size_t)(p - at));
			line->time_ns = ns;
			line->has_time = true;
			at = p;
		} else if (isdigit((unsigned char)*at) && !line->has_tid) {
			at = task_text(at, &line->tid);
			if (!at || *at != ' ')
				return NULL;
			line->has_tid = true;
		} else {
			return at;
		}
	}
}

/* Names of calls have small letters, digits and '_', none more than 30 of them. ltrace has "SYS_mmap(". */
static bool call_text(char *at, struct strace_line *line)
{
	char *p;

	line->system = starts(at, "SYS_");
	at += line->system ? 4 : 0;
	p = at;
	while (islower((unsigned char)*p) || isdigit((unsigned char)*p) || *p == '_')
		p++;
	/* A digit first is a number of a call, which only ltrace has ("SYS_435("). */
	if (p == at || p - at > 30 || *p != '(' || (isdigit((unsigned char)*at) && !line->system))
		return false;
	line->kind = STRACE_CALL;
	line->name = at;
	line->name_len = (size_t)(p - at);
	line->args = p + 1;
	return true;
}

/* "<... mmap resumed>) = 0x7f0000000000" */
static bool resumed_text(char *at, struct strace_line *line)
{
	char *name = at + 5, *end = strchr(name, ' ');

	if (!end || !starts(end, " resumed>"))
		return false;
	line->kind = STRACE_RESUMED;
	line->system = starts(name, "SYS_");
	name += line->system ? 4 : 0;
	line->name = name;
	line->name_len = (size_t)(end - name);
	line->rest = end + strlen(" resumed>");
	return true;
}

/* status as wait(2) has it: an exit's number from bit 8 on, a signal's below, 0x80 with a core. */
static bool plus_text(char *at, struct strace_line *line)
{
	char *p;

	if (starts(at, "+++ exited with ")) {
		line->kind = STRACE_EXITED;
		line->status = (int)strtol(at + 16, NULL, 10) << 8;
	} else if (starts(at, "+++ exited (status ")) {
		line->kind = STRACE_EXITED;
		line->status = (int)strtol(at + 19, NULL, 10) << 8;
	} else if (starts(at, "+++ killed by ")) {
		p = at + 14;
		line->kind = STRACE_EXITED;
		line->status = word_signal(p, strcspn(p, " "));
		/* WCOREDUMP()'s bit. */
		line->status |= strstr(p, "(core dumped)") ? 0x80 : 0;
	} else if (starts(at, "+++ begins with ")) {
		line->kind = STRACE_BEGINS;
	} else if (starts(at, "+++ superseded by execve in pid ")) {
		line->kind = STRACE_SUPERSEDED;
		line->other = (uint32_t)strtoul(at + 32, NULL, 10);
	} else {
		return false;
	}
	return true;
}

/* "Process 1234 attached with 3 threads": 1234, and 3; else 0. */
static uint32_t attached(const char *at, uint32_t *threads)
{
	char *end;
	unsigned long tid;

	if (!starts(at, "Process "))
		return 0;
	tid = strtoul(at + strlen("Process "), &end, 10);
	if (!starts(end, " attached"))
		return 0;
	end += strlen(" attached");
	*threads = starts(end, " with ") ? (uint32_t)strtoul(end + strlen(" with "), NULL, 10) : 1;
	return (uint32_t)tid;
}

/* The last place where a call's result is: ")", blanks up to a column, "=". */
static const char *last_equals(const char *text)
{
	const char *last = NULL;

	for (const char *at = strchr(text, ')'); at; at = strchr(at + 1, ')'))
		if (at[1] == ' ' && at[1 + strspn(at + 1, " ")] == '=')
			last = at;
	return last;
}

/* ... or what stands for it; NULL: no call can have ended in this line. */
static const char *last_result(const char *text)
{
	static const char *const unfinished[] = { "<unfinished", "<pid changed to " };
	const char *last = last_equals(text);

	for (size_t i = 0; i < 2; i++)
		for (const char *at = strstr(text, unfinished[i]); at; at = strstr(at + 1, unfinished[i]))
			last = at > last ? at : last;
	return last;
}

/* " > /lib/libc.so.6(mmap+0x23) [0x1019b3]" of -k, and not a line of strace in a mail that quotes it. */
static bool stack_text(const char *at)
{
	size_t len = strnlen(at, MAX_STACK);

	return starts(at, "> ") && (memchr(at, '(', len) || memchr(at, '[', len)) && !last_equals(at) &&
	       !memmem(at, len, "<... ", 5) && !memmem(at, len, "<unfinished", 11);
}

static const char *last_result(const char *text);
static bool content(char *at, struct strace_line *line);

/* "strace: 4070 mmap(...) = 0": not its own word, but of its output, with the name before it that Android's log and syslog add. */
static bool tagged(char *at, struct strace_line *line)
{
	struct strace_line behind = { .kind = STRACE_OTHER };
	const char *result = last_result(at);

	at = leader(at, &behind);
	if (!at || *at == 's' || !content(at, &behind) || behind.kind == STRACE_IGNORED)
		return false;
	if (behind.kind == STRACE_CALL && (!result || behind.args > result))
		return false;
	*line = behind;
	return true;
}

/* @at is behind the leader. False: it is none of strace's; *line may have been changed. */
static bool content(char *at, struct strace_line *line)
{
	switch (*at) {
	case '<':
		return starts(at, "<... ") && resumed_text(at, line);
	case '+':
		return plus_text(at, line);
	case '-':
		line->kind = starts(at, "--- Called exec() ---") ? STRACE_EXEC : STRACE_IGNORED;
		return starts(at, "--- ") && strstr(at + 4, " ---");
	case '>':
		line->kind = STRACE_IGNORED;
		return stack_text(at);
	case 's':
		line->kind = STRACE_IGNORED;
		if (starts(at, "strace: Process ")) {
			line->other = attached(at + strlen("strace: "), &line->threads);
			return true;
		}
		if (starts(at, "strace: ")) {
			(void)tagged(at + strlen("strace: "), line);
			return true;
		}
		break;
	case 'P':
		/* strace 4 */
		line->kind = STRACE_IGNORED;
		line->other = attached(at, &line->threads);
		return line->other;
	default:
		break;
	}
	return call_text(at, line);
}

static bool line_from(char *at, struct strace_line *line)
{
	*line = (struct strace_line){ .kind = STRACE_OTHER };
	at = leader(at, line);
	return at && content(at, line);
}

/* " = " behind the last ')': what every call that has ended has. */
static bool looks_ended(const char *args)
{
	const char *p = args + strlen(args);

	while (p > args && *p != ')')
		p--;
	return strstr(args, " = ") || *p == ')';
}

/*
 * What stands behind the beginning of a call is cut off the line, in place; the kind becomes
 * UNFINISHED, or OTHER where the line was cut by something else.
 */
static void cut_unfinished(struct strace_line *line)
{
	char *cut = strstr(line->args, "<unfinished ...>"), *child = strstr(line->args, "strace: Process ");

	/* ltrace's word for exit, and for an exec until it says that it was carried out. */
	if (!cut)
		cut = strstr(line->args, "<no return ...>");
	/* Of -ff: an exec of a thread, which goes on in the file of its process. */
	if (!cut)
		cut = strstr(line->args, "<pid changed to ");
	/* strace's word of a new child, in the middle of the line with the call that makes it. */
	if (child && (!cut || child < cut)) {
		line->other = attached(child + strlen("strace: "), &line->threads);
		cut = line->other ? child : cut;
	}
	if (!cut || last_equals(cut)) {
		if (!looks_ended(line->args))
			line->kind = STRACE_OTHER;
		return;
	}
	/* exit_group(0) <unfinished ...> has ended as it will ever. */
	*cut = '\0';
	while (cut > line->args && cut[-1] == ' ')
		*--cut = '\0';
	line->kind = STRACE_UNFINISHED;
}

/* Behind another's words; a call there has to have a result, or it is a sentence of the program. */
static bool line_behind(char *at, const char *result, struct strace_line *line)
{
	return line_from(at, line) && (line->kind != STRACE_CALL || (result && line->args <= result));
}

/* A line of strace may begin at, behind another's words. */
static bool may_begin(const char *text, const char *at)
{
	char before = at > text ? at[-1] : ' ';

	return !isalnum((unsigned char)before) && !strchr("_.-+/%", before);
}

/*
 * From the left, so that the task and the time before a call are its.  Behind a colon stands no
 * fraction of a second: that is the rest of a time of another's. O(length * words): only lines that are
 * none from their beginning come here.
 */
static bool find_behind(char *text, const char *result, size_t *prefix, struct strace_line *line)
{
	for (char *at = text + (*text != '\0'); *at; at++) {
		if (*at == ' ' || !may_begin(text, at) || !line_behind(at, result, line))
			continue;
		if (at[-1] == ':' && line->has_time && line->relative)
			continue;
		*prefix = (size_t)(at - text);
		return true;
	}
	return false;
}

/* "Loading...munmap(0x7f0000000000, 4096) = 0": only calls that matter are looked for so far inside. */
static bool find_glued(char *text, const char *result, struct strace_line *line)
{
	for (char *at = result ? strchr(text, '(') : NULL; at && at < result; at = strchr(at + 1, '(')) {
		char *name = at;

		while (name > text && (islower((unsigned char)name[-1]) || isdigit((unsigned char)name[-1]) ||
					      name[-1] == '_'))
			name--;
		/* A number before it is of the output that it is glued to ("42munmap("). */
		while (name < at && isdigit((unsigned char)*name))
			name++;
		if (handler_of(name, (size_t)(at - name)) &&
			!(name > text && isalnum((unsigned char)name[-1])))
			return line_behind(name, result, line);
	}
	return false;
}

/* Cheapest first: from the beginning; at the place where the line before had it; at "[pid "; anywhere. */
static bool find_line(char *text, size_t *prefix, struct strace_line *line)
{
	char *pid = strstr(text, "[pid ");
	const char *result;

	if (line_from(text, line))
		return true;
	result = last_result(text);
	if (*prefix && *prefix <= strlen(text) && may_begin(text, text + *prefix) &&
		line_behind(text + *prefix, result, line))
		return true;
	/* Behind output of the program that did not end its line. */
	if (pid && line_behind(pid, result, line))
		return true;
	return find_behind(text, result, prefix, line) || find_glued(text, result, line);
}

/*
 * Without what colours it in a terminal, ESC [ numbers letter, or is a word to it, as Buildkite's
 * times: ESC _ word BEL. In place.
 */
static void strip_colours(char *text)
{
	char *to = strchr(text, '\033');

	for (char *from = to; from && *from;) {
		if (from[0] == '\033' && from[1] == '[') {
			from += 2 + strspn(from + 2, "0123456789;?");
			from += *from != '\0';
		} else if (from[0] == '\033' && (from[1] == '_' || from[1] == ']') && strchr(from, '\a')) {
			from = strchr(from, '\a') + 1;
		} else {
			*to++ = *from++;
		}
		*to = '\0';
	}
}

/* @text is changed. *prefix is kept over the lines of one file, and begins as 0. */
void strace_line(char *text, size_t *prefix, struct strace_line *line)
{
	strip_colours(text);
	if (!find_line(text, prefix, line))
		*line = (struct strace_line){ .kind = STRACE_OTHER };
	else if (line->kind == STRACE_CALL)
		cut_unfinished(line);
}
