/* SPDX-License-Identifier: MIT */
/*
 * Every fragment of fragments.txt: the map that it leaves, and what is counted as in doubt.  The commands are asked as functions,
 * each in a process of its own (tests/controls/answer.h).
 *
 * usage: fragments fragments.txt
 *
 * Prints TAP.
 */
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "cli.h"

enum { FILES = 8, LINES = 1024, DOUBTS = 16, WORDS = 32, MAPS = 8, AREAS = 64, NAME = 256 };

struct log_file {
	const char *name;
	const char *line[LINES];
	int nr;
};

struct map {
	const char *pid; /* NULL: the first process */
	const char *area[AREAS];
	int nr;
};

struct fragment {
	const char *title, *page_size;
	struct log_file file[FILES];
	struct map map[MAPS];
	const char *doubt[DOUBTS]; /* "N WORDS" */
	char *option[WORDS];
	int files, maps, doubts, options;
	long uncertain;
};

static char folder[NAME / 2], problem[8192];

/* True, so that who asks ends: the first problem is the one that is told. */
__attribute__((format(printf, 1, 2))) static bool wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(problem, sizeof(problem), format, args);
	va_end(args);
	return true;
}

/* --- the table -------------------------------------------------------------------------------------------------- */

static void add_options(struct fragment *f, char *words)
{
	char *save = NULL;

	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		f->option[f->options++] = w;
}

static void add_format(struct fragment *f, char *format)
{
	static char option[] = "--line-format";

	f->option[f->options++] = option;
	f->option[f->options++] = format;
}

/* One that has no line makes way. */
static void begin_file(struct fragment *f, const char *name)
{
	f->files -= f->files && !f->file[f->files - 1].nr;
	f->file[f->files++] = (struct log_file){ .name = name };
}

static void add_line(struct fragment *f, char *line)
{
	struct map *map = &f->map[f->maps - 1];
	char *rest = line + 4;

	if (strncmp(line, "=== ", 4) == 0)
		map->area[map->nr++] = rest;
	else if (strncmp(line, "@@@ ", 4) == 0)
		f->map[f->maps++] = (struct map){ .pid = rest };
	else if (strncmp(line, "??? ", 4) == 0)
		f->uncertain = strtol(rest, NULL, 10);
	else if (strncmp(line, "!!! ", 4) == 0)
		f->doubt[f->doubts++] = rest;
	else if (strncmp(line, "&&& ", 4) == 0)
		f->page_size = rest;
	else if (strncmp(line, ">>> ", 4) == 0)
		add_options(f, rest);
	else if (strncmp(line, "$$$ ", 4) == 0)
		add_format(f, rest);
	else if (strncmp(line, "%%% ", 4) == 0)
		begin_file(f, rest);
	else if (*line && !f->doubts && f->maps == 1 && !map->nr)
		f->file[f->files - 1].line[f->file[f->files - 1].nr++] = line;
}

static void begin_fragment(struct fragment *f, const char *title)
{
	*f = (struct fragment){ .title = title, .maps = 1 };
	begin_file(f, "log");
}

/* --- what is asked ---------------------------------------------------------------------------------------------- */

static void path_of(const char *name, char path[NAME])
{
	snprintf(path, NAME, "%s/%s", folder, name);
}

/* \r, \e and \a are control characters. */
static void write_file(const struct log_file *log)
{
	char path[NAME];
	FILE *out;

	path_of(log->name, path);
	out = fopen(path, "we");
	if (!out)
		abort();
	for (int i = 0; i < log->nr; i++) {
		for (const char *c = log->line[i]; *c; c++)
			if (c[0] == '\\' && c[1] && strchr("rea", c[1]))
				fputc(*++c == 'r' ? '\r' : *c == 'e' ? '\033' : '\a', out);
			else
				fputc(*c, out);
		fputc('\n', out);
	}
	if (fclose(out))
		abort();
}

static void remove_file(const char *name)
{
	char path[NAME];

	path_of(name, path);
	unlink(path);
}

/* One doubt of the summary, as the table has it: "WHAT [FIRST]", without the folder. */
static void doubt_text(const json_t *doubt, char *text, size_t size)
{
	char prefix[NAME + 1], *at;

	path_of("", prefix);
	snprintf(text, size, "%s [%s]", json_string_value(json_object_get(doubt, "what")),
		json_string_value(json_object_get(doubt, "first")));
	while ((at = strstr(text, prefix)) != NULL)
		memmove(at, at + strlen(prefix), strlen(at + strlen(prefix)) + 1);
}

static bool is_of_every_log(const char *text)
{
	static const char *const always[] = { "first writes are not logged",
		"first writes by the kernel itself", "the kernel is not known",
		"the map that an address space began with", "which areas were shared" };

	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		if (strncmp(text, always[i], strlen(always[i])) == 0)
			return true;
	return false;
}

/* The first that the table's words are in. */
static bool take_doubt(const char *doubt, char (*text)[512], json_t *list)
{
	char *words;
	json_int_t count = strtol(doubt, &words, 10);

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *found = json_object_get(json_array_get(list, i), "count");

		if (!*text[i] || !strstr(text[i], words + 1))
			continue;
		if (json_integer_value(found) != count)
			return wrong(
				"%s: it is counted %lld times", doubt, (long long)json_integer_value(found));
		*text[i] = '\0';
		return false;
	}
	return wrong("nobody has counted %s", doubt);
}

static bool doubts_are_wrong(const struct fragment *f, json_t *list)
{
	static char text[64][512];

	if (json_array_size(list) > 64)
		return wrong("%zu doubts", json_array_size(list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		doubt_text(json_array_get(list, i), text[i], sizeof(text[i]));
		if (is_of_every_log(text[i]))
			*text[i] = '\0';
	}
	for (int i = 0; i < f->doubts; i++)
		if (take_doubt(f->doubt[i], text, list))
			return true;
	for (size_t i = 0; i < json_array_size(list); i++)
		if (*text[i])
			return wrong("nobody wants %s", text[i]);
	return false;
}

static bool import_is_wrong(struct fragment *f, char *out)
{
	static char import[] = "import", json[] = "--json", o[] = "-o";
	static char path[FILES][NAME];
	char *words[WORDS + FILES + 4] = { import, json, o, out };
	size_t nr = 4;
	struct answer a;
	json_t *summary;
	bool bad;

	for (int i = 0; i < f->options; i++)
		words[nr++] = f->option[i];
	for (int i = 0; i < f->files; i++) {
		path_of(f->file[i].name, path[i]);
		words[nr++] = path[i];
	}
	a = answer_of(cmd_import, words, nr);
	summary = json_loads(a.out, 0, NULL);
	bad = a.status ? wrong("status %d: %s", a.status, a.err)
		       : doubts_are_wrong(f, json_object_get(summary, "uncertain"));
	json_decref(summary);
	answer_release(&a);
	return bad;
}

static bool page_size_is_wrong(const struct fragment *f, char *out)
{
	char sql[] = "sql", csv[] = "--csv", question[] = "select page_size from runs";
	char *words[] = { sql, csv, out, question };
	struct answer a;
	bool bad;

	if (!f->page_size)
		return false;
	a = answer_of(cmd_sql, words, 4);
	bad = strtol(a.out + strcspn(a.out, "\n"), NULL, 10) != strtol(f->page_size, NULL, 10) &&
	      wrong("page size: %s", a.out);
	answer_release(&a);
	return bad;
}

static bool verify_is_wrong(const struct fragment *f, char *out)
{
	char verify[] = "verify", json[] = "--json";
	char *words[] = { verify, json, out };
	struct answer a = answer_of(cmd_verify, words, 3);
	json_t *summary = json_loads(a.out, 0, NULL);
	json_t *differences = json_object_get(summary, "differences"),
	       *uncertain = json_object_get(summary, "uncertain");
	bool bad = (!json_is_integer(differences) || json_integer_value(differences) ||
			   json_integer_value(uncertain) != f->uncertain) &&
		   wrong("verify: %s%s", a.out, a.err);

	json_decref(summary);
	answer_release(&a);
	return bad;
}

/* "BOUNDS ACCESS OFFSET NAME", of a line of maps; its device and inode are passed over. */
static void area_of_maps(const char *line, char *text, size_t size)
{
	char bounds[40], access[8], offset[20];
	int name = 0;

	if (sscanf(line, "%39s %7s %19s %*s %*s %n", bounds, access, offset, &name) != 3)
		snprintf(text, size, "? %s", line);
	else
		snprintf(text, size, "%s %s %s %s", bounds, access, offset, line + name);
}

static void area_of_table(const char *line, char *text, size_t size)
{
	char bounds[40], access[8], offset[20] = "00000000";
	int name = 0;

	sscanf(line, "%39s %7s %19s %n", bounds, access, offset, &name);
	snprintf(text, size, "%s %s %s %s", bounds, access, offset, name ? line + name : "");
}

/* @lines are cut. */
static bool areas_are_wrong(const struct map *map, char *lines)
{
	char *save = NULL, *line = strtok_r(lines, "\n", &save);

	for (int i = 0; i < map->nr || line; i++, line = line ? strtok_r(NULL, "\n", &save) : NULL) {
		char is[512] = "nothing", want[512] = "nothing";

		if (line)
			area_of_maps(line, is, sizeof(is));
		if (i < map->nr)
			area_of_table(map->area[i], want, sizeof(want));
		if (strcmp(is, want))
			return wrong("process %s: %s, not %s", map->pid ? map->pid : "0", is, want);
	}
	return false;
}

/* Of the log itself, where it is alone and needs no option; a command imports what is no recording. */
static bool map_is_wrong(const struct fragment *f, const struct map *map, char *out)
{
	char maps[] = "maps", pid[] = "--pid", log[NAME];
	char *words[4] = { maps }, number[24];
	size_t nr = 1;
	struct answer a;
	bool bad;

	if (map->pid) {
		snprintf(number, sizeof(number), "%s", map->pid);
		words[nr++] = pid;
		words[nr++] = number;
	}
	path_of(f->file[0].name, log);
	words[nr++] = f->files == 1 && !f->options ? log : out;
	a = answer_of(cmd_maps, words, nr);
	bad = areas_are_wrong(map, a.out);
	answer_release(&a);
	return bad;
}

static bool is_wrong(struct fragment *f)
{
	char out[NAME];
	bool bad;

	path_of("out.vmt", out);
	for (int i = 0; i < f->files; i++)
		write_file(&f->file[i]);
	bad = import_is_wrong(f, out) || page_size_is_wrong(f, out) || verify_is_wrong(f, out);
	for (int i = 0; i < f->maps && !bad; i++)
		bad = map_is_wrong(f, &f->map[i], out);
	for (int i = 0; i < f->files; i++)
		remove_file(f->file[i].name);
	remove_file("out.vmt");
	return bad;
}

/* --- formats ---------------------------------------------------------------------------------------------------- */

/* A format that cannot be is one sentence that shows it. */
static bool formats_are_wrong(void)
{
	static const struct {
		const char *format, *words;
	} formats[] = { { "{x} {addr}", "{x}" }, { "{addr}{len}", "between two fields" },
		{ "{time}", "neither" }, { "{call=nothing} {addr}", "{call=nothing}" },
		{ "{addr", "neither" },
		{ "{} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} "
		  "{} {} {} {} "
		  "{} {} {} {} {} {} ",
			"more than" } };
	const struct log_file file = { .name = "log", .line = { "1 2" }, .nr = 1 };
	bool bad = false;

	write_file(&file);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]) && !bad; i++) {
		char import[] = "import", o[] = "-o", option[] = "--line-format", format[256], out[NAME],
		     log[NAME];
		char *words[] = { import, o, out, option, format, log };
		struct answer a;

		path_of("out.vmt", out);
		path_of("log", log);
		snprintf(format, sizeof(format), "%s", formats[i].format);
		a = answer_of(cmd_import, words, 6);
		bad = (a.status != 3 || !strstr(a.err, formats[i].words) ||
			      strchr(a.err, '\n') != a.err + strlen(a.err) - 1) &&
		      wrong("%s: status %d, %s", format, a.status, a.err);
		answer_release(&a);
	}
	remove_file("log");
	remove_file("out.vmt");
	return bad;
}

static bool tell(int nr, const char *title, bool bad)
{
	printf("%sok %d - %s\n", bad ? "not " : "", nr, title);
	for (char *save = NULL, *line = bad ? strtok_r(problem, "\n", &save) : NULL; line;
		line = strtok_r(NULL, "\n", &save))
		printf("# %s\n", line);
	fflush(stdout);
	return bad;
}

static char *contents_of(const char *path)
{
	FILE *in = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (!in || getdelim(&text, &size, '\0', in) < 0)
		abort();
	fclose(in);
	return text;
}

int main(int argc, char **argv)
{
	static struct fragment f;
	const char *tmp = getenv("TMPDIR");
	char *text = contents_of(argc > 1 ? argv[1] : "fragments.txt"), *next = text;
	bool bad = false;
	int nr = 0;

	snprintf(folder, sizeof(folder), "%s/fragments-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(folder))
		abort();
	while (next) {
		char *line = strsep(&next, "\n");

		if (strncmp(line, "### ", 4) == 0) {
			bad |= f.title && tell(++nr, f.title, is_wrong(&f));
			begin_fragment(&f, line + 4);
		} else if (f.title) {
			add_line(&f, line);
		}
	}
	bad |= f.title && tell(++nr, f.title, is_wrong(&f));
	nr++;
	bad |= tell(nr, "formats that cannot be", formats_are_wrong());
	printf("1..%d\n", nr);
	rmdir(folder);
	free(text);
	return bad;
}
