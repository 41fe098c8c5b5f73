/* SPDX-License-Identifier: MIT */
/*
 * Lines of any tool, read by a format that says which column is what, as strace would have written them.
 *
 *     {time} {tid} {call}({addr}, {len}, {prot}, {flags}, {fd}, {offset}) = {result}
 *
 * {call=openat} stands for no text, and says what the lines of this format are of; without a call they are of mmap.
 * A blank in the format stands for any number of blanks, other text for itself; a field ends where what follows it in the
 * format begins.  Fields that a format does not have are what a call most often has, and counted.
 *
 * 1. A format is a list of pieces (parse_format()), made once. Of several formats the first that fits a
 *    line is taken.
 * 2. Matching goes from the left, without going back but for one thing: a {} (IGNORED) that ended too
 *    early is made longer (match()). So a format without {} takes O(length), one with it at most
 *    MAX_TRIES times that.
 * 3. What was found is written as a call of strace's (put_mmap(), put_call()) into struct foreign, and
 *    read as such: there is one reader of calls.
 *
 * A worked line. The format is
 *
 *     {time} {tid} {call}({addr:x}, {len}) = {result:x}
 *
 * and the line
 *
 *     12.5 4070 munmap(7f0000000000, 8192) = 0
 *
 * then *f has "0x7f0000000000, 0x2000, 0, 0, 0, 0) = 0", which strace_call() reads; the arguments that
 * munmap has not are passed over by its handler.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/*
 * TEXT and FIXED are of formats; those from TIME to END have one number or word each; ARG_1 to ARG_6
 * are arguments by their place, whatever the call.
 */
enum field {
	TEXT,
	FIXED,
	IGNORED,
	TIME,
	PID,
	TID,
	CALL,
	RESULT,
	PATH,
	END,
	ARG_1,
	ARG_2,
	ARG_3,
	ARG_4,
	ARG_5,
	ARG_6,
	FIELDS
};

static const struct field_name {
	const char *name;
	enum field field;
} names[] = { { "", IGNORED }, { "time", TIME }, { "pid", PID }, { "tid", TID }, { "call", CALL },
	{ "result", RESULT }, { "path", PATH }, { "end", END }, { "1", ARG_1 }, { "2", ARG_2 },
	{ "3", ARG_3 }, { "4", ARG_4 }, { "5", ARG_5 }, { "6", ARG_6 }, { "addr", ARG_1 }, { "len", ARG_2 },
	{ "prot", ARG_3 }, { "flags", ARG_4 }, { "fd", ARG_5 }, { "offset", ARG_6 } };

#define MAX_PIECES 64
#define MAX_TRIES  16

/* text: of TEXT and FIXED; borrowed of the options. */
struct piece {
	enum field field;
	bool hex; /* without 0x */
	const char *text;
	size_t len;
};
struct line_format {
	size_t count;
	struct piece pieces[MAX_PIECES];
};
struct columns {
	size_t nr;
	struct line_format formats[];
};
/*
 * Of one line: where each field stands, NULL where the format has none. Pointers into the line, or into
 * the format (FIXED).
 */
struct found {
	const char *at[FIELDS];
	size_t len[FIELDS];
	bool hex[FIELDS];
};

/* ---- formats ---- */

/* "{tid}", "{addr:x}", "{call=openat}"; @at is behind the brace. False: nobody knows it. */
static bool name_piece(struct piece *p, const char *at, size_t len)
{
	const char *colon = memchr(at, ':', len);

	if (len > 5 && strncmp(at, "call=", 5) == 0) {
		*p = (struct piece){ .field = FIXED, .text = at + 5, .len = len - 5 };
		return handler_of(p->text, p->len) != NULL;
	}

	/* ":x" alone may follow the name: of numbers that are written without 0x, as maps and perf do. */
	p->hex = colon && strncmp(colon, ":x", 2) == 0 && colon + 2 == at + len;
	if (colon && !p->hex)
		return false;
	len = colon ? (size_t)(colon - at) : len;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i].name) == len && strncmp(names[i].name, at, len) == 0) {
			p->field = names[i].field;
			return true;
		}
	}
	return false;
}

/* 0, or an error that was said. */
static int parse_format(struct trace_import *im, struct line_format *f, const char *text)
{
	bool result = false;

	for (const char *at = text; *at;) {
		struct piece *p = &f->pieces[f->count];
		const char *close = *at == '{' ? strchr(at, '}') : NULL;

		if (f->count == MAX_PIECES)
			return import_failed(
				im, -EINVAL, "the format \"%s\" has more than %d parts", text, MAX_PIECES);
		f->count++;
		if (!close) {
			*p = (struct piece){ .field = TEXT, .text = at, .len = 1 + strcspn(at + 1, "{") };
			at += p->len;
			continue;
		}
		if (!name_piece(p, at + 1, (size_t)(close - at - 1)))
			return import_failed(im, -EINVAL,
				"the format \"%s\" has a field %.*s, which is none of {} {time} {pid} {tid} "
				"{call} {call=NAME} {result} {path} "
				"{end} {1} to {6} {addr} {len} {prot} {flags} {fd} {offset}",
				text, (int)(close - at + 1), at);
		if (f->count > 1 && p[-1].field != TEXT && p[-1].field != FIXED && p->field != FIXED)
			return import_failed(
				im, -EINVAL, "nothing stands between two fields of the format \"%s\"", text);
		/* One of both is needed for an mmap to lie anywhere. */
		result |= p->field == RESULT || p->field == ARG_1;
		at = close + 1;
	}
	if (!result)
		return import_failed(im, -EINVAL, "the format \"%s\" has neither {result} nor {addr}", text);
	return 0;
}

int columns_new(struct trace_import *im, struct columns **columns)
{
	size_t nr = im->options.nr_line_formats;
	struct columns *c = calloc(1, sizeof(*c) + nr * sizeof(c->formats[0]));
	int err = 0;

	*columns = c;
	if (!c)
		return import_failed(im, -ENOMEM, "out of memory");
	for (; c->nr < nr && !err; c->nr++)
		err = parse_format(im, &c->formats[c->nr], im->options.line_formats[c->nr]);
	return err;
}

/* ---- lines ---- */

/* Behind the text, where it stands at the line's place; NULL: it does not. */
static const char *match_text(const char *at, const struct piece *p)
{
	for (size_t i = 0; i < p->len; i++) {
		if (p->text[i] == ' ') {
			at += strspn(at, " \t");
			continue;
		}
		if (*at++ != p->text[i])
			return NULL;
	}
	return at;
}

/*
 * Where a field ends: at the first place where what follows it in the format stands; a blank ends it at
 * a blank only. @next: the text behind the field; NULL: it is the last one, and goes to the end of the
 * line but for a blank there. NULL: what has to follow does not come.
 */
static const char *field_end(const char *line, const char *at, const struct piece *next)
{
	if (!next)
		return at + strlen(at) - (size_t)(*at && isspace((unsigned char)at[strlen(at) - 1]));
	/* An empty one, whose blank before it was the one behind it, too. */
	if (strspn(next->text, " ") < next->len && at > line && at[-1] == ' ' && match_text(at, next))
		return at;
	while (*at) {
		/* A field is not ended in the midst of blanks, all of which the format's one stands for. */
		size_t blanks = next->text[0] == ' ' ? strspn(at, " \t") : 0;

		if ((next->text[0] != ' ' || blanks) && match_text(at, next))
			return at;
		at += blanks ? blanks : 1;
	}
	/* Blanks at the end of the format need not be there in the line. */
	return next->len == strspn(next->text, " ") ? at : NULL;
}

/* A heading is no line of a table: times, tasks and results are numbers. */
static bool fits(const struct piece *p, const char *at)
{
	if (p->field < TIME || p->field > END || p->field == CALL || p->field == PATH)
		return true;
	return isdigit((unsigned char)*at) || *at == '-' || (p->hex && isxdigit((unsigned char)*at));
}

/* One piece at *at, which moves behind it.  again: a {} that ended there goes on to the next place where it can end. */
static bool match_piece(const struct line_format *f, size_t i, const char *line, const char **at,
	struct found *found, const char *again)
{
	const struct piece *p = &f->pieces[i];
	const char *end;

	if (p->field == FIXED) {
		found->at[CALL] = p->text;
		found->len[CALL] = p->len;
		return true;
	}
	if (p->field == TEXT) {
		*at = match_text(*at, p);
		return *at;
	}
	end = field_end(line, again ? again + 1 : *at, i + 1 < f->count && p[1].field == TEXT ? p + 1 : NULL);
	if (!end || (end == *at && p->field != IGNORED && p->field != PATH) || !fits(p, *at))
		return false;
	found->at[p->field] = *at;
	found->len[p->field] = (size_t)(end - *at);
	found->hex[p->field] = p->hex;
	*at = end;
	return true;
}

/* A task's name may have blanks: where what follows a {} does not fit, the {} is made longer, some times. */
static bool match(const struct line_format *f, const char *line, struct found *found)
{
	const char *at = line + strspn(line, " \t"), *begin = NULL, *end = NULL;
	size_t skipped = 0;

	memset(found, 0, sizeof(*found));
	for (size_t i = 0, tries = 0; i < f->count; i++) {
		const char *before = at;

		if (match_piece(f, i, line, &at, found, NULL)) {
			if (f->pieces[i].field == IGNORED) {
				skipped = i;
				begin = before;
				end = at;
			}
			continue;
		}
		if (!end || *end == '\0' || ++tries > MAX_TRIES)
			return false;
		i = skipped;
		at = begin;
		if (!match_piece(f, i, line, &at, found, end))
			return false;
		end = at;
	}
	return true;
}

/*
 * 0 where the format has no such field. A '-' makes it a decimal one, ":x" one of base 16, else its
 * prefix decides.
 */
static uint64_t number(const struct found *found, enum field field)
{
	const char *at = found->at[field];

	if (!at)
		return 0;
	return *at == '-' ? (uint64_t)strtoll(at, NULL, 10) : strtoull(at, NULL, found->hex[field] ? 16 : 0);
}

/* "r-xp": what maps shows. */
static bool letters(const struct found *found, uint64_t *prot, bool *shared)
{
	const char *at = found->at[ARG_3];
	size_t len = found->len[ARG_3];

	if (!at || len < 3 || len > 4 || !strchr("r-", at[0]) || !strchr("w-", at[1]) || !strchr("x-", at[2]))
		return false;
	*prot = (at[0] == 'r' ? 1 : 0) | (at[1] == 'w' ? 2 : 0) | (at[2] == 'x' ? 4 : 0);
	*shared = len == 4 && at[3] == 's';
	return true;
}

static void put_number(struct foreign *f, uint64_t value)
{
	char text[32];

	foreign_put(f, text, (size_t)snprintf(text, sizeof(text), "%#llx", (unsigned long long)value));
}

/* Words as they are, numbers as numbers. */
static void put_field(struct foreign *f, const struct found *found, enum field field)
{
	const char *at = found->at[field];

	if (at && !found->hex[field] && found->len[field] && !isdigit((unsigned char)*at))
		foreign_put(f, at, found->len[field]);
	else
		put_number(f, number(found, field));
}

/* How many bytes: given, or up to the end. */
static uint64_t length(const struct found *found)
{
	return found->at[END] ? number(found, END) - number(found, ARG_1) : number(found, ARG_2);
}

/*
 * The six arguments. Where the format has no {flags} they are made: private or shared by the letters,
 * MAP_FIXED (0x10), and MAP_ANONYMOUS (0x20) for what has no file; a descriptor of 3 stands for a file
 * by its path alone.
 */
static void put_mmap(struct trace_import *im, struct foreign *f, const struct found *found)
{
	bool shared = false, named = found->len[PATH] && found->at[PATH][0] == '/', by_letters;
	bool anonymous = found->at[PATH] ? !named : !found->at[ARG_5];
	uint64_t prot = 0;
	char fd[16];

	by_letters = letters(found, &prot, &shared);
	put_number(f, number(found, ARG_1));
	foreign_put(f, ", ", 2);
	put_number(f, length(found));
	foreign_put(f, ", ", 2);
	if (by_letters)
		put_number(f, prot);
	else
		put_field(f, found, ARG_3);
	foreign_put(f, ", ", 2);
	if (found->at[ARG_4]) {
		put_field(f, found, ARG_4);
	} else {
		/* It lies where the line says, whatever was there. */
		put_number(f, (shared ? 1u : 2u) | 0x10 | (anonymous ? 0x20u : 0));
		import_doubt(im, DOUBT_COLUMN);
	}
	foreign_put(f, ", ", 2);
	snprintf(fd, sizeof(fd), "%d", found->at[ARG_5] ? (int)number(found, ARG_5) : anonymous ? -1 : 3);
	foreign_put(f, fd, strlen(fd));
	if (named) {
		foreign_put(f, "<", 1);
		foreign_put(f, found->at[PATH], found->len[PATH]);
		foreign_put(f, ">", 1);
	}
	foreign_put(f, ", ", 2);
	put_number(f, number(found, ARG_6));
}

/* Where a call that opens has its flags; -1: it has none. */
static int flags_of_open(const struct strace_line *line)
{
	if (is_call(line, "openat") || is_call(line, "openat2"))
		return 2;
	return is_call(line, "open") ? 1 : -1;
}

/* Calls that are not mmap: their arguments in their order, and a path where the call has one. */
static void put_call(struct foreign *f, const struct found *found, const struct strace_line *line)
{
	bool shared;
	uint64_t prot;
	int path = is_call(line, "openat") || is_call(line, "openat2") || is_call(line, "execveat") ? 1 : 0;

	for (int i = 0; i < 6; i++) {
		if (i)
			foreign_put(f, ", ", 2);
		if (found->at[PATH] && i == path && !found->at[ARG_1 + i]) {
			foreign_put(f, "\"", 1);
			foreign_put(f, found->at[PATH], found->len[PATH]);
			foreign_put(f, "\"", 1);
		} else if (i == flags_of_open(line) && !found->at[ARG_1 + i]) {
			/* Not told: what it is mapped for later shows. */
			foreign_put(f, "O_RDWR", 6);
		} else if (i == 2 && letters(found, &prot, &shared)) {
			put_number(f, prot);
		} else if (i == 1 && found->at[END]) {
			put_number(f, length(found));
		} else {
			put_field(f, found, ARG_1 + (enum field)i);
		}
	}
}

/*
 * A call that the format has no {result} for is one that was carried out: mmap's is where it lies,
 * brk's the new end, 0 else.
 */
static void put_result(
	struct trace_import *im, struct foreign *f, const struct found *found, const struct strace_line *line)
{
	foreign_put(f, ") = ", 4);
	if (found->at[RESULT]) {
		put_number(f, number(found, RESULT));
		return;
	}
	/* Without it, an area lies where it is said to be, and a call has been carried out. */
	import_doubt(im, DOUBT_COLUMN);
	put_number(f, is_call(line, "mmap") || is_call(line, "brk") ? number(found, ARG_1) : 0);
}

/* The task is {tid}, else {pid}. Times are seconds, since whatever they are counted. */
static void set_head(const struct found *found, struct strace_line *line)
{
	enum field task = found->at[TID] ? TID : PID;

	line->tid = (uint32_t)number(found, task);
	line->has_tid = line->tid != 0;
	if (found->at[TIME]) {
		double seconds = strtod(found->at[TIME], NULL);

		/* Not a number, negative, or of nanoseconds: no time. */
		line->has_time = seconds >= 0 && seconds < 1e10;
		line->time_ns = line->has_time ? (uint64_t)(seconds * 1e9) : 0;
	}
	line->kind = STRACE_CALL;
	line->name = found->at[CALL] ? (char *)found->at[CALL] : (char *)"mmap";
	line->name_len = found->at[CALL] ? found->len[CALL] : 4;
	/* bpftrace's probe, "tracepoint:syscalls:sys_exit_mmap" */
	for (size_t i = 0; i + 1 < line->name_len; i++) {
		if (line->name[i] != ':')
			continue;
		line->name += i + 1;
		line->name_len -= i + 1;
		i = 0;
	}
	if (line->name_len > 9 && strncmp(line->name, "sys_exit_", 9) == 0) {
		line->name += 9;
		line->name_len -= 9;
	}
}

/* True with a kind that is not STRACE_OTHER. @text is not changed, and has to live as long as *line. */
bool columns_line(struct trace_import *im, const struct columns *c, char *text, struct foreign *f,
	struct strace_line *line)
{
	struct found found;

	*line = (struct strace_line){ .kind = STRACE_OTHER };
	f->len = 0;
	f->text[0] = '\0';
	for (size_t i = 0; i < c->nr; i++) {
		if (!match(&c->formats[i], text, &found))
			continue;
		set_head(&found, line);
		/* It fits, so that no other format is tried, and says nothing about a map. */
		if (!handler_of(line->name, line->name_len)) {
			line->kind = STRACE_IGNORED;
			return true;
		}
		if (is_call(line, "mmap"))
			put_mmap(im, f, &found);
		else
			put_call(f, &found, line);
		put_result(im, f, &found, line);
		line->args = f->text;
		/* What a call that makes a task returns in that task. */
		if (name_makes_task(line->name, line->name_len) && found.at[RESULT] &&
			number(&found, RESULT) == 0)
			line->kind = STRACE_CHILD;
		return true;
	}
	return false;
}
