/* SPDX-License-Identifier: MIT */
/*
 * What a program may not: each in a child of its own, which is killed for it, with what it may beside it.
 */
#include "program.h"

static volatile char *page;

static void write_page(void)
{
	*page = 1;
}

static void read_page(void)
{
	(void)*page;
}

static void run_page(void)
{
	((void (*)(void))page)();
}

static void disable_interrupts(void)
{
	__asm__ volatile("cli");
}

static void use_stack(void)
{
	volatile char deep[64 * PAGE];

	for (unsigned long i = sizeof(deep); i; i -= PAGE)
		deep[i - 1] = 1;
}

/* Lower than RLIMIT_STACK lets it grow. */
static void use_too_much_stack(void)
{
	*(volatile char *)((unsigned long)__builtin_frame_address(0) - (9UL << 20)) = 1;
}

static void attempt(const char *what, void (*action)(void))
{
	int status;

	if (fork() == 0) {
		action();
		exit(0);
	}
	status = wait();
	say("bounds: ");
	say(what);
	say(status ? ": killed by " : ": fine");
	if (status)
		say_number(status);
	say("\n");
}

int main(void)
{
	char *pages = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);

	page = pages + PAGE;
	*page = (char)0xc3; /* ret */
	attempt("write", write_page);
	attempt("run", run_page);
	protect(pages + PAGE, PAGE, PROT_READ);
	attempt("read what is read-only", read_page);
	attempt("write what is read-only", write_page);
	show_maps();
	protect(pages + PAGE, PAGE, PROT_NONE);
	attempt("read what has no rights", read_page);
	protect(pages + PAGE, PAGE, PROT_READ | PROT_EXEC);
	attempt("run what may be run", run_page);
	unmap(pages + PAGE, PAGE);
	attempt("read what was unmapped", read_page);
	page = 0;
	attempt("read at 0", read_page);
	page = (char *)0xffffffff80100000;
	attempt("read the kernel", read_page);
	attempt("use 64 pages of stack", use_stack);
	attempt("use too much stack", use_too_much_stack);
	attempt("disable interrupts", disable_interrupts);
	say("bounds: a line from nowhere is ");
	say_number(call(1, 1, 8, 1, 0));
	say("\n");
	return 0;
}
