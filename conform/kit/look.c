/* SPDX-License-Identifier: MIT */
/*
 * What a caller can see of its map.
 *
 * Nothing here changes areas: a page is mapped if msync(2) knows it; readable if write(2) takes a byte from it;
 * locked if msync(2) with MS_INVALIDATE answers EBUSY.  An area ends between two pages if mremap(2), asked to let
 * both grow where they are, answers EFAULT; they cannot grow, for the fence above the window is in the way.
 * /proc/self/maps, where there is one, is a second witness.  Only what can be written is found out by writing, when a
 * sequence is over.
 *
 * Where the system has no page of zeros that all share, reading gives an area a page of its own, and it is as if it
 * had been written.  That is told first, for the judge.
 */
#include "kit.h"

struct kit kit;

static unsigned long page_at(unsigned int i)
{
	return kit.window + i * kit.page;
}

/* --- bytes in and out ---------------------------------------------------------------------------------------- */

/* Some systems keep what they could not copy, others do not. */
static void empty_pipe(void)
{
	char rest[8];

	while (CALL3(NR_read, kit.pipe[0], rest, sizeof(rest)) > 0)
		;
}

long write_byte(unsigned long addr, char byte)
{
	long n = CALL3(NR_write, kit.pipe[1], &byte, 1);

	if (n == 1)
		n = CALL3(NR_read, kit.pipe[0], addr, 1);
	empty_pipe();
	return n == 1 ? 0 : n ? n : -EFAULT;
}

long read_byte(unsigned long addr, char *byte)
{
	long n = CALL3(NR_write, kit.pipe[1], addr, 1);

	if (n == 1)
		n = CALL3(NR_read, kit.pipe[0], byte, 1);
	empty_pipe();
	return n == 1 ? 0 : n ? n : -EFAULT;
}

/* --- pages --------------------------------------------------------------------------------------------------- */

static int is_mapped(unsigned long addr)
{
	unsigned char resident;
	char byte;

	if (kit.presence == LOOK_MSYNC)
		return CALL3(NR_msync, addr, kit.page, MS_ASYNC) == 0;
	if (kit.presence == LOOK_MINCORE)
		return CALL3(NR_mincore, addr, kit.page, &resident) == 0;
	return read_byte(addr, &byte) == 0;
}

static void map_two_pages(unsigned int i)
{
	call6(NR_mmap, page_at(i), 2 * kit.page, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (unsigned long)-1, 0);
}

static int ends_before(unsigned int i)
{
	return CALL4(NR_mremap, page_at(i - 1), 2 * kit.page, (CONFORM_PAGES + 1) * kit.page, 0) == -EFAULT;
}

/* Two areas, read or not; do they join through a third one? */
static int two_join(int read)
{
	char byte;
	int joined;

	map_two_pages(2);
	map_two_pages(6);
	if (read) {
		(void)read_byte(page_at(2), &byte);
		(void)read_byte(page_at(6), &byte);
	}
	map_two_pages(4);
	joined = !ends_before(4) && !ends_before(6);
	CALL2(NR_munmap, page_at(2), 6 * kit.page);
	return joined;
}

void look_around(void)
{
	unsigned long fence = kit.window - kit.page;
	unsigned char resident;

	if (CALL3(NR_msync, fence, kit.page, MS_ASYNC) == 0 &&
		CALL3(NR_msync, kit.window, kit.page, MS_ASYNC) < 0)
		kit.presence = LOOK_MSYNC;
	else if (CALL3(NR_mincore, fence, kit.page, &resident) == 0 &&
		 CALL3(NR_mincore, kit.window, kit.page, &resident) < 0)
		kit.presence = LOOK_MINCORE;
	kit.zero_page = !two_join(0) || two_join(1);
}

static char page_letter(unsigned long addr)
{
	char byte = 0;

	if (!is_mapped(addr))
		return '.';
	if (read_byte(addr, &byte))
		return '-';
	if (!byte)
		return '0';
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ? byte : '?';
}

static int is_locked(unsigned int i)
{
	return CALL3(NR_msync, page_at(i), kit.page, MS_ASYNC | MS_INVALIDATE) == -EBUSY;
}

/* --- /proc/self/maps ----------------------------------------------------------------------------------------- */

static char maps[1 << 16];

static unsigned long take_hexadecimal(const char **at)
{
	unsigned long n = 0;

	for (;; (*at)++) {
		char c = **at;

		if (c >= '0' && c <= '9')
			n = n * 16 + (unsigned long)(c - '0');
		else if (c >= 'a' && c <= 'f')
			n = n * 16 + (unsigned long)(c - 'a') + 10;
		else
			return n;
	}
}

/* Of a line: "4-6rw-p", if it is in the window. */
static int say_area(const char *line, int said)
{
	unsigned long start = take_hexadecimal(&line), end = 0;

	if (*line == '-') {
		line++;
		end = take_hexadecimal(&line);
	}
	if (*line != ' ' || end <= kit.window || start >= page_at(CONFORM_PAGES))
		return said;
	if (said)
		say_letter(',');
	say_number((long)(start - kit.window) / (long)kit.page);
	say_letter('-');
	say_number((long)(end - kit.window) / (long)kit.page);
	for (int i = 1; i <= 4 && line[i] >= '-'; i++)
		say_letter(line[i]);
	return 1;
}

static void say_maps(void)
{
	int fd = kit.maps ? (int)CALL4(NR_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY, 0) : -1, said = 0;
	unsigned long used = 0;
	long n;

	if (fd < 0) {
		say("?");
		return;
	}
	while (used < sizeof(maps) - 1 && (n = CALL3(NR_read, fd, maps + used, sizeof(maps) - 1 - used)) > 0)
		used += (unsigned long)n;
	CALL1(NR_close, fd);
	maps[used] = 0;
	for (const char *line = maps; *line;) {
		said = say_area(line, said);
		while (*line && *line != '\n')
			line++;
		line += *line == '\n';
	}
	if (!said)
		say("-");
}

/* --- all of it ----------------------------------------------------------------------------------------------- */

void look(void)
{
	char letters[CONFORM_PAGES];

	for (unsigned int i = 0; i < CONFORM_PAGES; i++)
		say_letter(letters[i] = page_letter(page_at(i)));
	say_letter(' ');
	for (unsigned int i = 0; i < CONFORM_PAGES; i++)
		say_letter(i && letters[i] != '.' && letters[i - 1] != '.' && ends_before(i) ? '|' : '.');
	say_letter(' ');
	for (unsigned int i = 0; i < CONFORM_PAGES; i++)
		say_letter(letters[i] != '.' && is_locked(i) ? 'l' : '.');
	say_letter(' ');
	say_maps();
}

void look_at_rights(void)
{
	for (unsigned int i = 0; i < CONFORM_PAGES; i++)
		say_letter(!is_mapped(page_at(i)) ? '.' : write_byte(page_at(i), 'z') ? '-' : 'w');
}
