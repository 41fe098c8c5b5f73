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
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static char *skip_spaces(char *at)
{
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

/* Nanoseconds of "12:34:56.789012", "1700000000.123456", "0.000123"; NULL: it is none. Seconds alone are a task. */
static char *time_text(char *at, uint64_t *ns)
{
	uint64_t seconds = 0, fraction = 0, scale = 1000000000;
	char *p = at;
	int colons = 0;

	for (;;) {
		uint64_t field = 0;
		char *digits = p;

		while (isdigit((unsigned char)*p) && p - digits < 12)
			field = field * 10 + (uint64_t)(*p++ - '0');
		if (p == digits)
			return NULL;
		seconds = seconds * 60 + field;
		if (*p != ':' || ++colons > 2)
			break;
		p++;
	}
	if (*p == '.') {
		for (p++; isdigit((unsigned char)*p); p++) {
			scale /= 10;
			fraction += (uint64_t)(*p - '0') * scale;
		}
	} else if (colons != 2) {
		return NULL;
	}
	if (*p != ' ' && *p != ')')
		return NULL;
	*ns = seconds * 1000000000 + fraction;
	return p;
}

/* "1234", "1234<comm>" */
static char *task_text(char *at, uint32_t *tid)
{
	char *p = at;
	uint64_t n = 0;

	while (isdigit((unsigned char)*p) && p - at < 10)
		n = n * 10 + (uint64_t)(*p++ - '0');
	if (p == at || n > UINT32_MAX)
		return NULL;
	if (*p == '<') {
		p = strstr(p, "> ") ? strstr(p, "> ") + 1 : strstr(p, ">]");
		if (!p)
			return NULL;
		if (*p == '>')
			p++;
	}
	*tid = (uint32_t)n;
	return p;
}

/* "[pid 12] ", "[00007f0123456789] ", "[   9] " */
static char *bracket(char *at, struct strace_line *line)
{
	char *close, *p;

	if (starts(at, "[pid ")) {
		p = task_text(skip_spaces(at + 5), &line->tid);
		close = p ? strchr(p, ']') : NULL;
		if (!close || close[1] != ' ')
			return NULL;
		line->has_tid = true;
		return skip_spaces(close + 1);
	}
	close = strchr(at, ']');
	if (!close || close - at > 24 || close[1] != ' ')
		return NULL;
	for (p = skip_spaces(at + 1); p < close; p++)
		if (!isxdigit((unsigned char)*p) && *p != '?')
			return NULL;
	if (close - at >= 9 && at[1] != ' ')
		line->ip = strtoull(at + 1, NULL, 16);
	return skip_spaces(close + 1);
}

/* Everything before what the line says. NULL: it cannot be the leader of a line of strace. */
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

static bool call_text(char *at, struct strace_line *line)
{
	char *p = at;

	while (islower((unsigned char)*p) || isdigit((unsigned char)*p) || *p == '_')
		p++;
	if (p == at || p - at > 30 || *p != '(' || isdigit((unsigned char)*at))
		return false;
	line->kind = STRACE_CALL;
	line->name = at;
	line->name_len = (size_t)(p - at);
	line->args = p + 1;
	return true;
}

static bool resumed_text(char *at, struct strace_line *line)
{
	char *name = at + 5, *end = strchr(name, ' ');

	if (!end || !starts(end, " resumed>"))
		return false;
	line->kind = STRACE_RESUMED;
	line->name = name;
	line->name_len = (size_t)(end - name);
	line->rest = end + strlen(" resumed>");
	return true;
}

static bool plus_text(char *at, struct strace_line *line)
{
	char *p;

	if (starts(at, "+++ exited with ")) {
		line->kind = STRACE_EXITED;
		line->status = (int)strtol(at + 16, NULL, 10) << 8;
	} else if (starts(at, "+++ killed by ")) {
		p = at + 14;
		line->kind = STRACE_EXITED;
		line->status = word_signal(p, strcspn(p, " "));
		line->status |= strstr(p, "(core dumped)") ? 0x80 : 0;
	} else if (starts(at, "+++ superseded by execve in pid ")) {
		line->kind = STRACE_SUPERSEDED;
		line->other = (uint32_t)strtoul(at + 32, NULL, 10);
	} else {
		return false;
	}
	return true;
}

/* "Process 1234 attached": 1234; else 0. */
static uint32_t attached(const char *at)
{
	char *end;
	unsigned long tid;

	if (!starts(at, "Process "))
		return 0;
	tid = strtoul(at + strlen("Process "), &end, 10);
	return starts(end, " attached") ? (uint32_t)tid : 0;
}

static bool content(char *at, struct strace_line *line)
{
	switch (*at) {
	case '<':
		return starts(at, "<... ") && resumed_text(at, line);
	case '+':
		return plus_text(at, line);
	case '-':
		line->kind = STRACE_IGNORED;
		return starts(at, "--- ") && strstr(at + 4, " ---");
	case '>':
		line->kind = STRACE_IGNORED;
		return starts(at, "> ") && (strchr(at, '(') || strchr(at, '['));
	case 's':
		line->kind = STRACE_IGNORED;
		if (starts(at, "strace: Process ")) {
			line->other = attached(at + strlen("strace: "));
			return true;
		}
		if (starts(at, "strace: "))
			return true;
		break;
	case 'P':
		/* strace 4 */
		line->kind = STRACE_IGNORED;
		line->other = attached(at);
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

static void cut_unfinished(struct strace_line *line)
{
	char *cut = strstr(line->args, "<unfinished ...>"), *child = strstr(line->args, "strace: Process ");

	/* strace's word of a new child, in the middle of the line with the call that makes it. */
	if (child && (!cut || child < cut)) {
		line->other = attached(child + strlen("strace: "));
		cut = line->other ? child : cut;
	}
	if (!cut || strstr(cut, ") = ")) {
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
static bool line_behind(char *at, struct strace_line *line)
{
	return line_from(at, line) && (line->kind != STRACE_CALL || strstr(line->args, ") = ") ||
					      strstr(line->args, ") =") || strstr(line->args, "<unfinished"));
}

static bool find_line(char *text, size_t *prefix, struct strace_line *line)
{
	char *at = strstr(text, "[pid ");

	if (line_from(text, line) ||
		(*prefix && *prefix <= strlen(text) && line_behind(text + *prefix, line)))
		return true;
	/* Behind output of the program that did not end its line. */
	if (at && line_behind(at, line))
		return true;
	for (at = strchr(text, ' '); at; at = strchr(at, ' ')) {
		at = skip_spaces(at);
		if (!line_behind(at, line))
			continue;
		*prefix = (size_t)(at - text);
		return true;
	}
	return false;
}

void strace_line(char *text, size_t *prefix, struct strace_line *line)
{
	if (!find_line(text, prefix, line))
		*line = (struct strace_line){ .kind = STRACE_OTHER };
	else if (line->kind == STRACE_CALL)
		cut_unfinished(line);
}
