/* SPDX-License-Identifier: MIT */
/*
 * Call records as text: one call a line, in words and pages.
 *
 *   mmap 12 4 rw private,anonymous,fixed none 0
 *
 * Addresses are pages of the window, lengths are pages, each with "+bytes" where it is not whole; what lies far
 * away is hexadecimal.  A line that begins with # is a comment.
 *
 * shapes[] has one line a kind: its name and what each argument is written as.  Printing and parsing both go by it, so
 * that what one writes the other reads.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "oracle.h"
#include "uapi.h"

/* What one argument is written as. END is 0: a shape's forms end where nothing is named. */
enum form {
	END,
	ADDR,
	LEN,
	PROT,
	MAP_FLAGS,
	REMAP_FLAGS,
	ADVICE,
	LOCK_FLAGS,
	ALL_FLAGS,
	SHM_FLAGS,
	FILE_NAME,
	UFFD_MODE,
	LIMIT_NAME,
	NUMBER
};

/* In the order of struct call's arg[]. One more than there are arguments, so that END is always there. */
static const struct shape {
	const char *name;
	enum form form[7];
} shapes[CALL_KINDS] = {
	[CALL_MMAP] = { "mmap", { ADDR, LEN, PROT, MAP_FLAGS, FILE_NAME, LEN } },
	[CALL_MUNMAP] = { "munmap", { ADDR, LEN } },
	[CALL_MPROTECT] = { "mprotect", { ADDR, LEN, PROT } },
	[CALL_PKEY] = { "pkey_mprotect", { ADDR, LEN, PROT, NUMBER } },
	[CALL_PKEY_ALLOC] = { "pkey_alloc", { END } },
	[CALL_PKEY_FREE] = { "pkey_free", { NUMBER } },
	[CALL_MREMAP] = { "mremap", { ADDR, LEN, LEN, REMAP_FLAGS, ADDR } },
	[CALL_MADVISE] = { "madvise", { ADDR, LEN, ADVICE } },
	[CALL_MLOCK] = { "mlock", { ADDR, LEN, LOCK_FLAGS } },
	[CALL_MUNLOCK] = { "munlock", { ADDR, LEN } },
	[CALL_MLOCKALL] = { "mlockall", { ALL_FLAGS } },
	[CALL_MUNLOCKALL] = { "munlockall", { END } },
	[CALL_MSEAL] = { "mseal", { ADDR, LEN } },
	[CALL_BRK] = { "brk", { ADDR } },
	[CALL_BREAK_AT] = { "break_at", { ADDR } },
	[CALL_WRITE] = { "write", { ADDR } },
	[CALL_READ] = { "read", { ADDR } },
	[CALL_SHMAT] = { "shmat", { ADDR, SHM_FLAGS } },
	[CALL_SHMDT] = { "shmdt", { ADDR } },
	[CALL_MBIND] = { "mbind", { ADDR, LEN, NUMBER } },
	[CALL_UFFD] = { "userfaultfd", { ADDR, LEN, UFFD_MODE } },
	[CALL_UFFD_CLOSE] = { "userfaultfd_close", { END } },
	[CALL_PROCESS_MADVISE] = { "process_madvise", { ADDR, LEN, ADVICE, ADDR, LEN } },
	[CALL_SET_MM] = { "set_mm", { NUMBER, ADDR } },
	[CALL_REMAP_FILE_PAGES] = { "remap_file_pages", { ADDR, LEN, PROT, NUMBER, NUMBER } },
	[CALL_MDWE] = { "mdwe", { NUMBER } },
	[CALL_MEMORY_MERGE] = { "memory_merge", { NUMBER } },
	[CALL_NAME] = { "name", { ADDR, LEN, NUMBER } },
	[CALL_FORK] = { "fork", { END } },
	[CALL_EXIT] = { "exit", { END } },
	[CALL_SPAWN] = { "spawn", { END } },
	[CALL_REAP] = { "reap", { END } },
	[CALL_LIMIT] = { "limit", { LIMIT_NAME, NUMBER } },
	[CALL_DROP_LOCK] = { "drop_ipc_lock", { END } },
	[CALL_DROP_RAWIO] = { "drop_sys_rawio", { END } },
	[CALL_PERSONA] = { "read_implies_exec", { NUMBER } },
	[CALL_KERNELS] = { "kernels", { NUMBER, ADDR } },
	[CALL_ROOM] = { "room", { NUMBER } },
};

/*
 * By a number, for a call record has no place for a text; both worlds pass the same characters. Valid for
 * ever.
 */
const char *name_of_number(unsigned long number)
{
	static const char *const names[] = { NULL, "heap", "stack", "arena" };

	return names[number % (sizeof(names) / sizeof(names[0]))];
}

struct word {
	const char *name;
	unsigned long value;
};

/* Longer sets of bits before their parts. */
static const struct word map_words[] = { { "shared_validate", 3 }, { "shared", 1 }, { "private", 2 },
	{ "droppable", 8 }, { "fixed", MAP_FIXED }, { "anonymous", MAP_ANONYMOUS }, { "32bit", 0x40 },
	{ "above4g", 0x80 }, { "growsdown", MAP_GROWSDOWN }, { "denywrite", MAP_DENYWRITE },
	{ "executable", MAP_EXECUTABLE }, { "locked", MAP_LOCKED }, { "noreserve", MAP_NORESERVE },
	{ "populate", MAP_POPULATE }, { "nonblock", MAP_NONBLOCK }, { "stack", MAP_STACK },
	{ "sync", MAP_SYNC }, { "hugetlb", MAP_HUGETLB }, { "fixed_noreplace", MAP_FIXED_NOREPLACE },
	{ NULL, 0 } };
static const struct word prot_words[] = { { "r", PROT_READ }, { "w", PROT_WRITE }, { "x", PROT_EXEC },
	{ "sem", 8 }, { "bti", PROT_BTI }, { "mte", PROT_MTE }, { "growsdown", PROT_GROWSDOWN },
	{ "growsup", PROT_GROWSUP }, { NULL, 0 } };
static const struct word remap_words[] = { { "maymove", MREMAP_MAYMOVE }, { "fixed", MREMAP_FIXED },
	{ "dontunmap", 4 }, { NULL, 0 } };
static const struct word lock_words[] = { { "onfault", MLOCK_ONFAULT }, { NULL, 0 } };
static const struct word all_words[] = { { "current", MCL_CURRENT }, { "future", MCL_FUTURE },
	{ "onfault", MCL_ONFAULT }, { NULL, 0 } };
static const struct word shm_words[] = { { "rdonly", SHM_RDONLY }, { "rnd", SHM_RND }, { "remap", SHM_REMAP },
	{ "exec", SHM_EXEC }, { NULL, 0 } };
static const struct word advice_words[] = { { "normal", 0 }, { "random", 1 }, { "sequential", 2 },
	{ "willneed", 3 }, { "dontneed", 4 }, { "free", 8 }, { "remove", 9 }, { "dontfork", 10 },
	{ "dofork", 11 }, { "mergeable", 12 }, { "unmergeable", 13 }, { "hugepage", 14 },
	{ "nohugepage", 15 }, { "dontdump", 16 }, { "dodump", 17 }, { "wipeonfork", 18 },
	{ "keeponfork", 19 }, { "cold", 20 }, { "pageout", 21 }, { "populate_read", 22 },
	{ "populate_write", 23 }, { "dontneed_locked", 24 }, { "collapse", 25 }, { "guard_install", 102 },
	{ "guard_remove", 103 }, { NULL, 0 } };
static const struct word file_words[] = { { "none", FILE_NONE }, { "rw", FILE_RW }, { "ro", FILE_RO },
	{ "wo", FILE_WO }, { "memfd", FILE_MEMFD }, { "zero", FILE_ZERO }, { "noexec", FILE_NOEXEC },
	{ "sealed", FILE_SEALED }, { "secret", FILE_SECRET }, { NULL, 0 } };
static const struct word uffd_words[] = { { "missing", 1 }, { "wp", 2 }, { "minor", 4 }, { NULL, 0 } };
static const struct word limit_words[] = { { "as", LIMIT_AS }, { "data", LIMIT_DATA },
	{ "stack", LIMIT_STACK }, { "memlock", LIMIT_MEMLOCK }, { "no_data", LIMIT_NO_DATA }, { NULL, 0 } };

/*
 * By form; set: several words with commas between, of which the value is the sum; else one word, or a
 * number where none fits.
 */
static const struct {
	const struct word *words;
	bool set;
} vocabulary[] = { [PROT] = { prot_words, true },
	[MAP_FLAGS] = { map_words, true },
	[REMAP_FLAGS] = { remap_words, true },
	[LOCK_FLAGS] = { lock_words, true },
	[ALL_FLAGS] = { all_words, true },
	[SHM_FLAGS] = { shm_words, true },
	[ADVICE] = { advice_words, false },
	[UFFD_MODE] = { uffd_words, true },
	[FILE_NAME] = { file_words, false },
	[LIMIT_NAME] = { limit_words, false } };

/*
 * As all print functions: behind what was written. Bits that have no word come last, in one hexadecimal
 * number, so that any value is read back as it was.
 */
static char *print_set(const struct word *words, unsigned long v, char *to)
{
	const char *comma = "";

	if (!v)
		return to + sprintf(to, "-");
	for (; words->name; words++) {
		if ((v & words->value) != words->value)
			continue;
		to += sprintf(to, "%s%s", comma, words->name);
		comma = ",";
		v &= ~words->value;
	}
	return v ? to + sprintf(to, "%s%#lx", comma, v) : to;
}

static char *print_word(const struct word *words, unsigned long v, char *to)
{
	for (; words->name; words++)
		if (words->value == v)
			return to + sprintf(to, "%s", words->name);
	return to + sprintf(to, "%lu", v);
}

/* Shifted, not divided: what lies below the window is a negative page and a rest that is added to it. */
static char *print_pages(long bytes, char *to)
{
	long pages = bytes >> background.page_shift, rest = bytes & (long)(PAGE - 1);

	to += sprintf(to, "%ld", pages);
	return rest ? to + sprintf(to, "+%ld", rest) : to;
}

static char *print_arg(enum form form, unsigned long v, char *to)
{
	switch (form) {
	case ADDR:
		/* Case files in pages of the window are the same on machines with other windows and pages. */
		return v >= WATCH_LO && v < WATCH_HI ? print_pages((long)(v - WINDOW), to)
						     : to + sprintf(to, "0x%lx", v);
	case LEN:
		return v < 1UL << 30 ? print_pages((long)v, to) : to + sprintf(to, "0x%lx", v);
	case NUMBER:
		return v == NO_LIMIT ? to + sprintf(to, "unlimited") : to + sprintf(to, "%ld", (long)v);
	default:
		return vocabulary[form].set ? print_set(vocabulary[form].words, v, to)
					    : print_word(vocabulary[form].words, v, to);
	}
}

const char *call_name(enum call_kind kind)
{
	return shapes[kind].name;
}

void call_print(const struct call *c, char *buf)
{
	const struct shape *s = &shapes[c->kind];

	buf += sprintf(buf, "%s", s->name);
	for (int i = 0; s->form[i] != END; i++) {
		*buf++ = ' ';
		buf = print_arg(s->form[i], c->arg[i], buf);
	}
}

static bool parse_number(const char *text, unsigned long *v)
{
	char *end;

	*v = text[0] == '-' ? (unsigned long)strtol(text, &end, 0) : strtoul(text, &end, 0);
	return end != text && *end == '\0';
}

/* Pages from @base, or bytes in hexadecimal, which are absolute. False, and *v undefined: neither. */
static bool parse_pages(const char *text, unsigned long base, unsigned long *v)
{
	char *end;

	if (strncmp(text, "0x", 2) == 0)
		return parse_number(text, v);
	*v = base + (unsigned long)strtol(text, &end, 10) * PAGE;
	if (end == text)
		return false;
	if (*end == '+')
		*v += strtoul(end + 1, &end, 10);
	return *end == '\0';
}

static bool parse_word(const struct word *words, const char *text, unsigned long *v)
{
	for (; words->name; words++) {
		if (strcmp(words->name, text) == 0) {
			*v = words->value;
			return true;
		}
	}
	return parse_number(text, v);
}

/* Writes NUL into @text, as strtok_r() does. */
static bool parse_set(const struct word *words, char *text, unsigned long *v)
{
	char *save = NULL;

	*v = 0;
	if (strcmp(text, "-") == 0)
		return true;
	for (char *t = strtok_r(text, ",", &save); t; t = strtok_r(NULL, ",", &save)) {
		unsigned long bit;

		if (!parse_word(words, t, &bit))
			return false;
		*v |= bit;
	}
	return true;
}

static bool parse_arg(enum form form, char *text, unsigned long *v)
{
	switch (form) {
	case ADDR:
		return parse_pages(text, WINDOW, v);
	case LEN:
		return parse_pages(text, 0, v);
	case NUMBER:
		if (strcmp(text, "unlimited") == 0) {
			*v = NO_LIMIT;
			return true;
		}
		return parse_number(text, v);
	default:
		return vocabulary[form].set ? parse_set(vocabulary[form].words, text, v)
					    : parse_word(vocabulary[form].words, text, v);
	}
}

/* @line is cut into words. False: no such name, an argument is missing or no such, or one is too many. */
static bool parse_call(char *line, struct call *c)
{
	char *save = NULL, *word = strtok_r(line, " \t\n", &save);
	int kind = 0, i;

	*c = (struct call){ 0 };
	while (word && kind < CALL_KINDS && strcmp(shapes[kind].name, word) != 0)
		kind++;
	if (!word || kind == CALL_KINDS)
		return false;
	c->kind = (enum call_kind)kind;
	for (i = 0; shapes[kind].form[i] != END; i++) {
		word = strtok_r(NULL, " \t\n", &save);
		if (!word || !parse_arg(shapes[kind].form[i], word, &c->arg[i]))
			return false;
	}
	return strtok_r(NULL, " \t\n", &save) == NULL;
}

bool call_parse(const char *line, struct call *c)
{
	char copy[512];

	snprintf(copy, sizeof(copy), "%s", line);
	return parse_call(copy, c);
}

bool sequence_load(struct sequence *s, const char *path)
{
	FILE *f = fopen(path, "r");
	char line[512];
	unsigned int number = 0;
	bool ok = true;

	s->nr = 0;
	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	while (ok && fgets(line, sizeof(line), f)) {
		number++;
		if (line[0] == '#' || line[strspn(line, " \t\n")] == '\0')
			continue;
		ok = s->nr < MAX_CALLS && call_parse(line, &s->call[s->nr++]);
	}
	fclose(f);
	if (!ok)
		fprintf(stderr, "%s:%u: not a call that the oracle knows: %s", path, number, line);
	return ok;
}

bool sequence_save(const struct sequence *s, const char *path, const char *comment)
{
	FILE *f = fopen(path, "w");
	char line[512];

	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	fprintf(f, "# %s\n", comment);
	for (unsigned int i = 0; i < s->nr; i++) {
		call_print(&s->call[i], line);
		fprintf(f, "%s\n", line);
	}
	return fclose(f) == 0;
}
