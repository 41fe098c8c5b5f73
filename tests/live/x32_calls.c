/* SPDX-License-Identifier: MIT */
/*
 * A program of x32: addresses of 32 bits, x86-64's calls with a bit in their numbers.  It maps, cuts, moves and forks, without a C
 * library or its headers, for Debian has none of x32.  Status 0: every call did what it should.
 */
#define X32_BIT   0x40000000
#define PAGE      4096
#define READ      1
#define READWRITE 3
#define ANONYMOUS 0x22 /* and private */
#define LOW       0x40 /* MAP_32BIT */
#define MAY_MOVE  1
#define DONT_FORK 10

typedef long long word;

enum { MMAP = 9, MPROTECT, MUNMAP, BRK, MREMAP = 25, MADVISE = 28, FORK = 57, EXIT = 60, WAIT4 };

static word call(int nr, word a, word b, word c, word d, word e)
{
	register word r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = 0;
	word result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"((word)(X32_BIT + nr)), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

static word map(word pages, int flags)
{
	return call(MMAP, 0, pages * PAGE, READWRITE, ANONYMOUS | flags, -1);
}

static void put(word at)
{
	*(volatile char *)(unsigned long)at = 1;
}

/* How many calls did something else. */
static int calls(void)
{
	word p = map(16, 0), q, end = call(BRK, 0, 0, 0, 0, 0);
	int wrong = p <= 0 || p >= 1ll << 32;

	put(p);
	wrong += call(MPROTECT, p + PAGE, 2 * PAGE, READ, 0, 0) != 0;
	wrong += call(MUNMAP, p + 4 * PAGE, PAGE, 0, 0, 0) != 0;
	put(p + 8 * PAGE);
	wrong += call(MADVISE, p + 8 * PAGE, PAGE, DONT_FORK, 0, 0) != 0;
	q = map(1, 0);
	wrong += call(MREMAP, q, PAGE, 4 * PAGE, MAY_MOVE, 0) <= 0;
	wrong += map(1, LOW) <= 0;
	wrong += call(BRK, end + 3 * PAGE, 0, 0, 0, 0) != end + 3 * PAGE;
	return wrong;
}

void _start(void)
{
	int wrong = calls();
	word child = call(FORK, 0, 0, 0, 0, 0);

	if (child == 0)
		call(EXIT, calls(), 0, 0, 0, 0);
	wrong += call(WAIT4, child, 0, 0, 0, 0) != child;
	call(EXIT, wrong, 0, 0, 0, 0);
}
