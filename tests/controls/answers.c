/* SPDX-License-Identifier: MIT */
/*
 * answers.txt: small recordings, what the command is asked about them, and the whole answer, line by line: values, units,
 * order, what is said on stderr, and the status. Nothing of an answer is left out, so nothing in it is untested; of a file that
 * is written, the lines that the table has; of a page of vmaple report also its data, as page_columns.h has it, behind it.
 *
 * usage: answers answers.txt
 *
 * Prints TAP.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmaple/port.h>

#include "answer.h"
#include "cli.h"
#include "page_columns.h"
#include "text_recording.h"

#define LINE      16384
#define WORDS_MAX 30

static const struct {
	const char *name;
	command_fn *run;
} commands[] = { { "verify", cmd_verify }, { "maps", cmd_maps }, { "why", cmd_why }, { "diff", cmd_diff },
	{ "whatif", cmd_whatif }, { "lab", cmd_lab }, { "import", cmd_import }, { "report", cmd_report },
	{ "export", cmd_export }, { "sql", cmd_sql }, { "run", cmd_run }, { "record", cmd_record },
	{ "attach", cmd_attach }, { "top", cmd_top }, { "metrics", cmd_metrics },
	{ "conform", cmd_conform } };

/* Lines that are gathered until they are wanted. */
struct text {
	char *at;
	size_t size, room;
};

static void append(struct text *t, const char *words, size_t size)
{
	if (t->size + size + 2 > t->room) {
		t->room = 2 * (t->size + size + 2);
		t->at = realloc(t->at, t->room);
		if (!t->at)
			abort();
	}
	memcpy(t->at + t->size, words, size);
	t->size += size;
	t->at[t->size] = '\0';
}

static void append_line(struct text *t, const char *line)
{
	append(t, line, strlen(line));
	append(t, "\n", 1);
}

static const char *lines_of(const struct text *t)
{
	return t->size ? t->at : "";
}

static bool read_whole(const char *path, struct text *t)
{
	FILE *f = fopen(path, "re");
	char part[LINE];

	for (size_t n; f && (n = fread(part, 1, sizeof(part), f)) > 0;)
		append(t, part, n);
	return f && fclose(f) == 0;
}

/* The files that questions are about, in the folder where the commands run. */
static struct {
	const char *name;
	struct text log, recording; /* of which only the one that is not empty is written */
	bool written;
} files[] = { { .name = "FILE" }, { .name = "OTHER" }, { .name = "OUT" } };

#define NR_FILES (sizeof(files) / sizeof(files[0]))

static struct {
	int nr, failed;
	bool failing, asked;
	char title[LINE], question[LINE];
	struct text out, err, file; /* file: lines that OUT has to have, in this order */
} now;

static void fail(const char *what, const char *more)
{
	printf("# %s%s\n", what, more);
	now.failing = true;
}

/* --- recordings and logs --------------------------------------------------------------------------------------- */

struct target {
	const char *name;
	struct trace_writer *writer;
};

static struct trace_sink *open_file(void *ctx, const struct trace_header *header)
{
	struct target *target = ctx;

	return trace_writer_open(&target->writer, target->name, header) ? NULL
									: trace_writer_sink(target->writer);
}

/* Record the lines of @text into the file @name. */
static void record(const char *name, const char *text)
{
	struct target target = { .name = name };
	struct text_recording t = { .header = rec_header, .open = open_file, .ctx = &target };
	char line[LINE];

	for (size_t len; *text; text += len + 1) {
		len = strcspn(text, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)len, text);
		if (text_recording_line(&t, line))
			fail("not understood: ", line);
	}
	if (text_recording_end(&t) || !target.writer || trace_writer_close(target.writer))
		fail("cannot be recorded: ", name);
}

static void write_files(void)
{
	for (size_t i = 0; i < NR_FILES; i++) {
		FILE *f;

		if (files[i].written || files[i].log.size + files[i].recording.size == 0)
			continue;
		files[i].written = true;
		if (files[i].recording.size) {
			record(files[i].name, files[i].recording.at);
			continue;
		}
		f = fopen(files[i].name, "we");
		if (!f || fputs(files[i].log.at, f) < 0 || fclose(f))
			fail("cannot be written: ", files[i].name);
	}
}

static void forget_files(void)
{
	for (size_t i = 0; i < NR_FILES; i++) {
		unlink(files[i].name);
		files[i].log.size = files[i].recording.size = 0;
		files[i].written = false;
	}
}

/* With @word for each @name; to be freed, as @text is. */
static char *with_word(char *text, const char *name, const char *word)
{
	struct text t = { .at = NULL };
	const char *from = text;

	for (const char *at; (at = strstr(from, name)) != NULL; from = at + strlen(name)) {
		append(&t, from, (size_t)(at - from));
		append(&t, word, strlen(word));
	}
	append(&t, from, strlen(from));
	free(text);
	return t.at;
}

/* How long something took is another time the next time: a number behind @name becomes SECONDS. */
static char *without_seconds(char *text, const char *name)
{
	char *at = strstr(text, name), whole[64];
	size_t len = at ? strspn(at + strlen(name), "0123456789.e-") : 0;
	char key[64];

	if (!len)
		return text;
	snprintf(whole, sizeof(whole), "%s%.*s", name, (int)len, at + strlen(name));
	snprintf(key, sizeof(key), "%sSECONDS", name);
	return with_word(text, whole, key);
}

/*
 * As the table has it: the version and what was waited for are others the next time, and what ends a line of CSV is to be
 * seen. To be freed.
 */
static char *as_in_table(const char *text)
{
	char version[64];

	snprintf(version, sizeof(version), "\"vmaple\":\"%s\"", vmaple_version());
	return without_seconds(
		without_seconds(with_word(with_word(strdup(text), version, "\"vmaple\":\"VERSION\""), "\r\n",
					"\\r\n"),
			"  time        "),
		"\"wall_seconds\":");
}

/* --- questions ------------------------------------------------------------------------------------------------- */

/* The first line that differs, of each. */
static void compare(const char *what, const char *got, const char *expected)
{
	char *said = as_in_table(got), *text = said;

	if (strcmp(text, expected) == 0) {
		free(said);
		return;
	}
	while (*text && strcspn(text, "\n") == strcspn(expected, "\n") &&
		strncmp(text, expected, strcspn(text, "\n") + 1) == 0) {
		text += strcspn(text, "\n") + 1;
		expected += strcspn(expected, "\n") + 1;
	}
	printf("# %s, of: %s\n# expected: %.*s\n# but it is: %.*s\n", what, now.question,
		(int)strcspn(expected, "\n"), expected, (int)strcspn(text, "\n"), text);
	if (getenv("VMAPLE_ANSWERS"))
		fputs(said, stdout);
	now.failing = true;
	free(said);
}

/* Behind the page itself. */
static void append_columns(struct text *page)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		abort();
	page_columns_tell(lines_of(page), out);
	if (fclose(out))
		abort();
	append(page, text, len);
	free(text);
}

/* What there is instead: a line that is the same up to its first colon. */
static void fail_line(const char *text, const char *line)
{
	char begin[LINE];
	const char *at;

	fail("OUT has not, or not in this order: ", line);
	snprintf(begin, sizeof(begin), "\n%.*s:", (int)strcspn(line, ":"), line);
	at = strstr(text, begin);
	if (at)
		printf("# but: %.*s\n", (int)strcspn(at + 1, "\n"), at + 1);
}

/* Each of the lines wanted, one behind the other; there may be others between them. */
static void compare_file(char *wanted)
{
	struct text t = { .at = NULL };
	const char *at;

	if (!*wanted)
		return;
	append(&t, "\n", 1);
	if (!read_whole("OUT", &t))
		fail("there is no OUT, of: ", now.question);
	append_columns(&t);
	at = t.at;
	for (char *line; (line = strsep(&wanted, "\n")) != NULL && *line;) {
		char whole[LINE];
		const char *found;

		snprintf(whole, sizeof(whole), "\n%s\n", line);
		found = strstr(at, whole);
		if (!found)
			fail_line(t.at, line);
		at = found ? found + strlen(line) : at;
	}
	free(t.at);
}

static command_fn *command_of(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run;
	return NULL;
}

/* The next word of *@at, which becomes what follows it; between ' spaces are no end. NULL: there is none. */
static char *next_word(char **at)
{
	char *word = *at + strspn(*at, " ");
	bool quoted = *word == '\'';
	char *end = word + quoted + strcspn(word + quoted, quoted ? "'" : " ");

	if (!*word)
		return NULL;
	*at = *end ? end + 1 : end;
	*end = '\0';
	return word + quoted;
}

/* "STATUS COMMAND WORD..." */
static void ask(void)
{
	char words[LINE], *at = words, expected[16], got[16];
	char *argv[WORDS_MAX + 1] = { NULL };
	size_t argc = 0;
	command_fn *run;
	struct answer a;

	if (!now.asked)
		return;
	now.asked = false;
	write_files();
	snprintf(words, sizeof(words), "%s", now.question);
	snprintf(expected, sizeof(expected), "%s", next_word(&at));
	for (char *w; argc < WORDS_MAX && (w = next_word(&at)) != NULL;)
		argv[argc++] = w;
	run = argc ? command_of(argv[0]) : NULL;
	if (!run) {
		fail("no command: ", now.question);
		return;
	}
	a = answer_of(run, argv, argc);
	snprintf(got, sizeof(got), "%d", a.status);
	compare("the status", got, expected);
	compare("stdout", a.out, lines_of(&now.out));
	compare("stderr", a.err, lines_of(&now.err));
	if (now.file.size)
		compare_file(now.file.at);
	answer_release(&a);
}

static void end_case(void)
{
	ask();
	if (now.nr++)
		printf("%sok %d - %s\n", now.failing ? "not " : "", now.nr - 1, now.title);
	now.failed += now.failing;
	now.failing = false;
	forget_files();
}

static void begin_question(const char *question)
{
	ask();
	snprintf(now.question, sizeof(now.question), "%s", question);
	now.out.size = now.err.size = now.file.size = 0;
	now.asked = true;
}

/* --- the table ------------------------------------------------------------------------------------------------- */

/* Lines of recordings and logs belong to the file that was named last: FILE, where none was. */
static void read_line(const char *line, size_t *file)
{
	if (strncmp(line, "### ", 4) == 0) {
		end_case();
		*file = 0;
		snprintf(now.title, sizeof(now.title), "%s", line + 4);
	} else if (now.nr == 0 || !*line) {
		return;
	} else if (strncmp(line, "$ ", 2) == 0) {
		begin_question(line + 2);
	} else if (*line == '|') {
		append_line(&now.out, line + (line[1] == ' ' ? 2 : 1));
	} else if (*line == '!') {
		append_line(&now.err, line + (line[1] == ' ' ? 2 : 1));
	} else if (*line == '=') {
		append_line(&now.file, line + 2);
	} else if (strcmp(line, "other") == 0) {
		*file = 1;
	} else if (*line == '<') {
		append_line(&files[*file].log, line + (line[1] == ' ' ? 2 : 1));
	} else {
		append_line(&files[*file].recording, line);
	}
}

static void answer_table(char *at)
{
	size_t file = 0;

	for (char *line; (line = strsep(&at, "\n")) != NULL;)
		read_line(line, &file);
	end_case();
}

static void free_texts(void)
{
	for (size_t i = 0; i < NR_FILES; i++) {
		free(files[i].log.at);
		free(files[i].recording.at);
	}
	free(now.out.at);
	free(now.err.at);
	free(now.file.at);
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/answers-XXXXXX";
	struct text table = { .at = NULL };

	/* All of it first: a process that ends puts back what it shares with this one, such as an open file. */
	if (argc != 2 || !read_whole(argv[1], &table) || !mkdtemp(folder) || chdir(folder)) {
		printf("Bail out! usage: answers answers.txt\n");
		return 2;
	}
	setenv("TZ", "UTC", 1);
	answer_table(table.at);
	printf("1..%d\n", now.nr - 1);
	rmdir(folder);
	free_texts();
	free(table.at);
	return now.failed != 0;
}
