/* SPDX-License-Identifier: MIT */
/*
 * How large pages are on the machine that a file comes from.
 *
 * 1. Told.  The vector that exec gives a program says it (AT_PAGESZ): a core and an image of CRIU have that, a log where the
 *    program was run with LD_SHOW_AUXV. smaps says of each area how large its pages are: the smallest are the machine's.
 *    ltrace logs getpagesize().  Where calls have succeeded that begin within such a page, it is not believed.
 * 2. Guessed.  Where the kernel has the choice, what has no length of whole larger pages lies on a border of larger ones by chance:
 *    one in four times for 16 KiB.  So does the end of an area.  ENOUGH of them are no chance.  What the program has asked for by
 *    address, and what is placed for huge pages, says nothing.
 * 3. x86-64 has pages of 4 KiB: what only it has ends the search.
 *
 * What is taken for evidence:
 *
 *     mmap(NULL, 12288, ...) = 0x7f0000014000      placed by the kernel, of no whole 64 KiB: counts
 *     mmap(0x10000000, 4096, ...) = 0x10000000     asked for by address: its bits count, it is no choice
 *     munmap(0x7f0000013000, 4096) = 0             has succeeded: pages are no larger than 4 KiB
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define LINES_LOOKED_AT 10000
#define ENOUGH          8

/* addresses: the bits that any of them has set tell the largest size of which all are multiples. */
struct evidence {
	uint64_t told;         /* bytes; 0: not yet */
	uint64_t addresses;    /* all of them, one over the other */
	unsigned int placed;   /* so many times the kernel had a choice */
	struct snapshot areas; /* of lines of maps */
};

uint32_t valid_page_size(uint64_t bytes)
{
	bool valid = bytes >= TRACE_PAGE_SIZE_MIN && bytes <= TRACE_PAGE_SIZE_MAX && !(bytes & (bytes - 1));

	return valid ? (uint32_t)bytes : 0;
}

/* The smallest that was told: smaps has areas of huge pages, too. */
static void tell(struct evidence *e, uint64_t bytes)
{
	if (valid_page_size(bytes) && (!e->told || bytes < e->told))
		e->told = bytes;
}

/* The last number of a line: "AT_PAGESZ:    65536", "6 AT_PAGESZ System page size 65536", "getpagesize() = 16384". */
static uint64_t last_number(const char *text)
{
	size_t len = strlen(text);

	while (len && !strchr("0123456789abcdefABCDEF", text[len - 1]))
		len--;
	while (len && strchr("0123456789abcdefxABCDEF", text[len - 1]))
		len--;
	return strtoull(text + len, NULL, 0);
}

/* arch_prctl(2) and [vsyscall] are x86's alone. */
static void look_at_words(struct evidence *e, const char *text)
{
	const char *colon = strchr(text, ':');

	if (strstr(text, "AT_PAGESZ") || strstr(text, "getpagesize("))
		tell(e, last_number(text));
	else if (colon &&
		 (strncmp(text, "KernelPageSize:", 15) == 0 || strncmp(text, "MMUPageSize:", 12) == 0))
		tell(e, strtoull(colon + 1, NULL, 10) << 10);
	else if (strstr(text, "[vsyscall]") || strstr(text, "arch_prctl("))
		tell(e, TRACE_PAGE_SIZE_MIN);
}

/* They succeed from the beginning of a page on. */
static bool begins_at_a_page(const struct strace_line *line)
{
	return is_call(line, "munmap") || is_call(line, "mprotect") || is_call(line, "madvise") ||
	       is_call(line, "mremap");
}

/* mmap(NULL, LEN, ...) = ADDR: where it lies was the kernel's to say.  Where others begin shows what a page is not. */
static void look_at_call(struct evidence *e, const struct strace_line *line)
{
	bool maps = is_call(line, "mmap") || is_call(line, "mmap2");
	struct strace_call call;
	const char *hint;
	uint64_t len;

	if (line->kind != STRACE_CALL || (!maps && !begins_at_a_page(line)) ||
		!strace_call(line->args, &call) || call.nr_args < 2 || !call.has_result ||
		(call.result < 0 && call.result >= -4095))
		return;
	hint = behind_name(call.args[0].at);
	e->addresses |= maps ? (uint64_t)call.result : strtoull(hint, NULL, 0);
	len = strtoull(behind_name(call.args[1].at), NULL, 0);
	if (!maps || (strncmp(hint, "NULL", 4) != 0 && strtoull(hint, NULL, 0)) ||
		len % TRACE_PAGE_SIZE_MAX == 0)
		return;
	e->placed++;
}

/* Of maps the bounds of each area, of logs the calls. */
static void look_at_line(struct evidence *e, char *text)
{
	uint32_t count = e->areas.count;
	struct strace_line line;
	size_t prefix = 0;
	struct foreign f;
	int err = 0;

	look_at_words(e, text);
	if (snapshot_line(&e->areas, text, &err)) {
		if (e->areas.count > count) {
			e->addresses |= e->areas.areas[count].start | e->areas.areas[count].end;
			e->placed++;
		}
		return;
	}
	if (!perf_line(text, &f, &line))
		strace_line(text, &prefix, &line);
	look_at_call(e, &line);
}

/* 0: it says nothing. Sizes that machines have: 64, 16 and 4 KiB, the largest first. */
static uint64_t guess(const struct evidence *e)
{
	if (e->placed < ENOUGH)
		return 0;
	for (uint64_t size = TRACE_PAGE_SIZE_MAX; size > TRACE_PAGE_SIZE_MIN; size >>= 2)
		if (e->addresses % size == 0)
			return size;
	return 0;
}

/*
 * The first LINES_LOOKED_AT lines of the first file. *guessed as well where what was told was not
 * believed.
 */
static uint32_t page_size_of_lines(const char *path, bool *guessed)
{
	struct evidence e = { .told = 0 };
	struct lines l;
	char *text;
	size_t len;

	if (lines_open(&l, path, (size_t)64 << 10))
		return 0;
	while (e.told != TRACE_PAGE_SIZE_MIN && l.number < LINES_LOOKED_AT && (text = lines_next(&l, &len)))
		look_at_line(&e, text);
	lines_close(&l);
	snapshot_free(&e.areas);
	/* What a line says, and another belies, is of another machine. */
	if (e.told && e.addresses % e.told == 0)
		return (uint32_t)e.told;
	*guessed = e.told != 0;
	e.told = guess(&e);
	*guessed |= e.told != 0;
	return (uint32_t)e.told;
}

/* A minidump says nothing of it: Windows has 4 KiB. */
uint32_t told_page_size(const struct trace_import *im, bool *guessed)
{
	*guessed = false;
	switch (im->form) {
	case TRACE_IMPORT_NONE:
	case TRACE_IMPORT_MINIDUMP:
		return 0;
	case TRACE_IMPORT_CORE:
		return core_page_size(im->paths[0]);
	case TRACE_IMPORT_CRIU:
		return criu_page_size(im->paths[0]);
	default:
		return page_size_of_lines(im->paths[0], guessed);
	}
}
