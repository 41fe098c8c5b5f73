/* SPDX-License-Identifier: MIT */
/*
 * The sequences, each in a process of its own where there is fork(2).
 *
 *   sequence NUMBER NAME
 *   call NUMBER RESULT PAGES BOUNDS LOCKS AREAS      one for each call, NUMBER from 0
 *   end RIGHTS
 *
 * RESULT is a number, -errno, or a place: W+3 the window's page 3, H+2 the heap's page 2, elsewhere.  Of PAGES, BOUNDS,
 * LOCKS and RIGHTS each letter is a page: look.c.
 */
#include "kit.h"

static int in_child;

/* --- calls --------------------------------------------------------------------------------------------------- */

static unsigned long value_of(const struct conform_call *c, unsigned int i)
{
	return conform_value(c->arg[i], kit.window, kit.heap, kit.page);
}

static long make_call(const struct conform_call *c, unsigned int number)
{
	static const int numbers[CONFORM_OPS] = { [CONFORM_MMAP] = NR_mmap,
		[CONFORM_MUNMAP] = NR_munmap,
		[CONFORM_MPROTECT] = NR_mprotect,
		[CONFORM_MREMAP] = NR_mremap,
		[CONFORM_MADVISE] = NR_madvise,
		[CONFORM_MSYNC] = NR_msync,
		[CONFORM_MUNLOCK] = NR_munlock,
		[CONFORM_MLOCKALL] = NR_mlockall,
		[CONFORM_MUNLOCKALL] = NR_munlockall,
		[CONFORM_BRK] = NR_brk,
		[CONFORM_REMAP_FILE_PAGES] = NR_remap_file_pages };
	unsigned long a[6];
	char byte;

	for (unsigned int i = 0; i < 6; i++)
		a[i] = value_of(c, i);
	switch (c->op) {
	case CONFORM_WRITE:
		return write_byte(a[0], (char)('a' + number));
	case CONFORM_READ:
		return read_byte(a[0], &byte);
	case CONFORM_FORK:
	case CONFORM_EXIT:
		return 0;
	case CONFORM_MMAP:
		return call6(NR_mmap, a[0], a[1], a[2], a[3],
			a[4] <= CONFORM_CLOSED ? (unsigned long)(long)kit.file[a[4]] : a[4], a[5]);
	case CONFORM_MLOCK:
		return a[2] ? CALL3(NR_mlock2, a[0], a[1], a[2]) : CALL2(NR_mlock, a[0], a[1]);
	default:
		return call6(numbers[c->op], a[0], a[1], a[2], a[3], a[4], a[5]);
	}
}

static void say_place(char base, long bytes)
{
	say_letter(base);
	if (bytes >= 0)
		say_letter('+');
	say_number(bytes / (long)kit.page);
	if (bytes % (long)kit.page) {
		say_letter('+');
		say_number(bytes % (long)kit.page);
	}
}

static void say_result(enum conform_op op, long result)
{
	long near = (long)(CONFORM_PAGES + CONFORM_FENCE + CONFORM_BELOW) * (long)kit.page;
	long window = result - (long)kit.window, heap = result - (long)kit.heap;

	if ((result < 0 && result > -4096) ||
		(op != CONFORM_MMAP && op != CONFORM_MREMAP && op != CONFORM_BRK))
		say_number(result);
	else if (op == CONFORM_BRK && heap >= 0 && heap < near)
		say_place('H', heap);
	else if (window >= -near && window < near)
		say_place('W', window);
	else
		say("elsewhere");
}

/* --- a sequence ---------------------------------------------------------------------------------------------- */

static void leave(int status)
{
	say_all();
	for (;;)
		CALL1(NR_exit_group, status);
}

/* True: this process makes the calls behind *i; else its child did, up to where *i is now. */
static int split(const struct conform_sequence *s, unsigned int *i)
{
	long child;

	say_all();
	child = fork_here();
	if (child <= 0) {
		in_child++;
		return 1;
	}
	(void)wait_for(child);
	while (*i < s->nr && conform_calls[s->first + *i].op != CONFORM_EXIT)
		++*i;
	return 0;
}

static void carry_out(const struct conform_sequence *s)
{
	int depth = in_child;

	for (unsigned int i = 0; i < s->nr; i++) {
		const struct conform_call *c = &conform_calls[s->first + i];
		long result;

		if (c->op == CONFORM_EXIT && in_child > depth)
			leave(0);
		if (c->op == CONFORM_FORK && !split(s, &i) && i == s->nr)
			return;
		c = &conform_calls[s->first + i];
		result = make_call(c, i);
		say("call ");
		say_number(i);
		say_letter(' ');
		say_result(c->op, result);
		say_letter(' ');
		look();
		say_letter('\n');
		say_all();
	}
	say("end ");
	look_at_rights();
	say_letter('\n');
	if (in_child > depth)
		leave(0);
}

/* --- what a sequence begins with ----------------------------------------------------------------------------- */

static int new_memory_file(void)
{
	int fd = (int)CALL2(NR_memfd_create, "conform", 0);

	if (fd < 0 || CALL2(NR_ftruncate, fd, CONFORM_FILE_PAGES * kit.page) < 0)
		return -1;
	for (unsigned int i = 0; i < CONFORM_FILE_PAGES; i++) {
		char letter = (char)('A' + i);

		if (CALL4(NR_pwrite64, fd, &letter, 1, i * kit.page) != 1)
			return -1;
	}
	return fd;
}

/* The file once more, for reading: through /proc, the one way there is. */
static int open_read_only(int fd)
{
	char path[] = "/proc/self/fd/00", *end = path + sizeof(path) - 3;

	if (fd < 0 || fd > 99)
		return -1;
	if (fd > 9)
		*end++ = (char)('0' + fd / 10);
	end[0] = (char)('0' + fd % 10);
	end[1] = 0;
	return (int)CALL4(NR_openat, AT_FDCWD, path, O_RDONLY, 0);
}

static void open_files(void)
{
	kit.file[CONFORM_ANONYMOUS] = -1;
	kit.file[CONFORM_MEMFD] = new_memory_file();
	kit.file[CONFORM_READ_ONLY] = open_read_only(kit.file[CONFORM_MEMFD]);
	kit.file[CONFORM_PIPE] = kit.pipe[0];
	kit.file[CONFORM_CLOSED] = 999;
}

static void close_files(void)
{
	for (unsigned int i = CONFORM_MEMFD; i <= CONFORM_READ_ONLY; i++)
		if (kit.file[i] >= 0)
			CALL1(NR_close, kit.file[i]);
}

/* Where there is no fork: the next sequence begins with what this one began with. */
static void clean_up(void)
{
	unsigned long below = kit.window - (CONFORM_FENCE + CONFORM_BELOW) * kit.page;

	CALL0(NR_munlockall);
	CALL2(NR_munmap, kit.window, CONFORM_PAGES * kit.page);
	CALL2(NR_munmap, below, CONFORM_BELOW * kit.page);
	CALL1(NR_brk, kit.heap);
	CALL2(NR_munmap, kit.heap, CONFORM_BELOW * kit.page); /* what was mapped in its way */
}

static void run_sequence(const struct conform_sequence *s)
{
	static const unsigned long ten_seconds[4] = { 0, 0, 10, 0 };

	if (in_child)
		CALL3(NR_setitimer, 0, ten_seconds, 0);
	open_files();
	if ((s->needs & CONFORM_NEEDS_MEMFD && kit.file[CONFORM_MEMFD] < 0) ||
		(s->needs & CONFORM_NEEDS_READ_ONLY && kit.file[CONFORM_READ_ONLY] < 0) ||
		(s->needs & CONFORM_NEEDS_FORK && !kit.fork))
		say("skipped\n");
	else
		carry_out(s);
	close_files();
}

static void start_sequence(unsigned int number)
{
	const struct conform_sequence *s = &conform_sequences[number];
	long child;

	say("sequence ");
	say_number(number);
	say_letter(' ');
	say(s->name);
	say_letter('\n');
	say_all();
	if (!kit.fork) {
		run_sequence(s);
		clean_up();
		return;
	}
	child = fork_here();
	if (child == 0) {
		in_child = 1;
		run_sequence(s);
		leave(0);
	}
	if (child < 0 || wait_for(child))
		say("died\n");
}

__asm__(START);
void conform_main(unsigned long *stack);
void conform_main(unsigned long *stack)
{
	const char *missing = prepare(stack);

	if (missing) {
		say("vmaple-conform: ");
		say(missing);
		say_letter('\n');
		leave(2);
	}
	say_machine();
	for (unsigned int i = 0; i < conform_nr_sequences; i++)
		start_sequence(i);
	say("done\n");
	leave(0);
}
