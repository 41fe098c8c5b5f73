/* SPDX-License-Identifier: MIT */
/*
 * Short histories that a recorder can misread: it sees the map and the pages when a call comes, and not what the
 * program wrote in between.
 *
 *   histories NAME
 *
 * Exit status 77: this kernel does not know the call that it is about.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096UL
#define AT   ((char *)0x6f0000000000UL)
#define FAR  ((char *)0x6e0000000000UL)
#define RW   (PROT_READ | PROT_WRITE)
#define RWX  (RW | PROT_EXEC)
#define TIB  (1UL << 40)

static void map(char *at, unsigned long len, int prot, int flags)
{
	flags |= MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	if (mmap(at, len, prot, flags, -1, 0) != at) {
		perror("mmap");
		exit(1);
	}
}

/* A call that is about the four pages of an area, and changes nothing. */
static void look_at(char *area)
{
	madvise(area, 4 * PAGE, MADV_NORMAL);
}

static void write_to(volatile char *p)
{
	*p = 1;
}

static void read_from(volatile char *p)
{
	(void)*p;
}

#define M AT
#define N (AT + 4 * PAGE)
#define L (AT + 8 * PAGE)

/* M N L, side by side: M is written and seen, L is written. */
static void begin_with_l(void)
{
	map(M, 4 * PAGE, RW, 0);
	map(N, 4 * PAGE, RWX, 0);
	map(L, 4 * PAGE, RW, 0);
	write_to(M);
	look_at(M);
	write_to(L);
}

/* L is written before N, and N is seen before L. */
static void last_seen_first_written(void)
{
	begin_with_l();
	look_at(FAR);
	write_to(N);
	look_at(M);
	look_at(L);
	mprotect(N, 4 * PAGE, RW);
}

/* Nothing is seen between the writes to L and to N. */
static void order_not_seen(void)
{
	begin_with_l();
	write_to(N);
	mprotect(N, 4 * PAGE, RW);
}

/* A row of areas written in both directions, seen at its middle only. */
static void row_seen_at_its_middle(void)
{
	for (int i = 0; i < 9; i++)
		map(AT + i * PAGE, PAGE, i & 1 ? RWX : RW, 0);
	write_to(AT + 8 * PAGE);
	look_at(AT + 4 * PAGE);
	for (int i = 0; i < 8; i++)
		write_to(AT + i * PAGE);
	look_at(AT + 4 * PAGE);
	for (int i = 1; i < 9; i += 2)
		mprotect(AT + i * PAGE, PAGE, RW);
}

/* Two areas are moved to both sides of one that grows: it grows on. */
static void grows_between_moved(void)
{
	char *from = AT, *to = FAR, *grows = FAR + 300 * PAGE;

	map(from, 4 * PAGE, RW, 0);
	map(from + 400 * PAGE, 4 * PAGE, PROT_READ, 0);
	map(grows, 4 * PAGE, RW, MAP_GROWSDOWN);
	if (mremap(from, 404 * PAGE, 404 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED)
		exit(77);
	read_from(grows - 2 * PAGE);
	look_at(grows);
	mprotect(grows - 2 * PAGE, PAGE, PROT_READ);
}

/* An area of four tebibytes, given back in pieces from its middle, and written at both ends. */
static void enormous_area(void)
{
	char *middle = FAR - 2 * TIB;

	map(FAR - 4 * TIB, 4 * TIB, RW, MAP_NORESERVE);
	for (unsigned long i = 0; i < 64; i++)
		munmap(middle + i * (1UL << 30), 1UL << 30);
	write_to(FAR - 4 * TIB);
	write_to(FAR - PAGE);
	look_at(FAR - 4 * TIB);
	look_at(FAR - 4 * PAGE);
	map(middle, 64UL << 30, RW, MAP_NORESERVE);
}

static int here[2];

static void *sleep_on(void *arg)
{
	if (write(here[1], "", 1) == 1)
		pause();
	return NULL;
}

/*
 * With a second thread, which sleeps: an area is written, and then another is mapped beside it, by a call that does not
 * name it.  The write came before the call, and nobody else can have done it meanwhile.
 */
static void written_before_a_neighbour_comes(void)
{
	pthread_t thread;
	char byte;

	if (pipe(here) || pthread_create(&thread, NULL, sleep_on, NULL) || read(here[0], &byte, 1) != 1)
		exit(1);
	for (char *at = AT + 64 * PAGE; at > AT; at -= 8 * PAGE) {
		if (mmap(at, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != at)
			exit(1);
		write_to(at);
		if (mmap(at - PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != at - PAGE)
			exit(1);
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} histories[] = {
	{ "last-seen-first-written", last_seen_first_written },
	{ "order-not-seen", order_not_seen },
	{ "row-seen-at-its-middle", row_seen_at_its_middle },
	{ "grows-between-moved", grows_between_moved },
	{ "enormous-area", enormous_area },
	{ "written-before-a-neighbour-comes", written_before_a_neighbour_comes },
};

int main(int argc, char **argv)
{
	for (unsigned int i = 0; argc == 2 && i < sizeof(histories) / sizeof(histories[0]); i++) {
		if (strcmp(argv[1], histories[i].name) == 0) {
			histories[i].run();
			return 0;
		}
	}
	fprintf(stderr, "usage: histories NAME\n");
	return 2;
}
