/* SPDX-License-Identifier: MIT */
/*
 * A program of 32 bits, or one of 64 that makes the calls of one: maps, by each form that i386's table has, until a large map
 * fails for want of a hole that is long enough; then a child, and another program.  It needs no library.
 *
 * usage: narrow_calls [OTHER]     becomes OTHER at the end
 *        narrow_calls - [OTHER]   waits for the end of its standard input first
 * The status is the line of the first call that has not done what its page of the manual says, modulo 256; or OTHER's.
 */
#include <stdint.h>

#define PAGE      4096u
#define MB        (1u << 20)
#define BLOCK     (16 * MB)
#define BLOCKS    256u
#define PRIVATE   0x22u /* MAP_PRIVATE | MAP_ANONYMOUS */
#define NORESERVE 0x4000u
#define FIXED     0x10u
#define RW        3u

#define NOREPLACE_FIXED 0x100000u
#define LIMIT_3_GB      0x8000000u /* ADDR_LIMIT_3GB of personality(2) */

/* i386's numbers. */
enum {
	EXIT = 1,
	FORK,
	READ,
	OPEN = 5,
	EXECVE = 11,
	BRK = 45,
	OLD_MMAP = 90,
	MUNMAP,
	WAIT4 = 114,
	IPC = 117,
	MPROTECT = 125,
	PERSONALITY = 136,
	MLOCK = 150,
	MUNLOCK,
	MREMAP = 163,
	MMAP2 = 192,
	MADVISE = 219
};
enum { SHMAT = 21, SHMDT, SHMGET, SHMCTL };

uint32_t call(uint32_t nr, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f);
_Noreturn void run(uintptr_t *stack);

#ifdef __x86_64__
__asm__(".globl _start, call\n"
	"_start: mov %rsp, %rdi; and $-16, %rsp; call run\n"
	"call: push %rbx; push %rbp\n"
	"mov %edi, %eax; mov %esi, %ebx; mov %edx, %r10d; mov %ecx, %edx; mov %r10d, %ecx\n"
	"mov %r8d, %esi; mov %r9d, %edi; mov 24(%rsp), %ebp\n"
	"int $0x80; pop %rbp; pop %rbx; ret\n");
#else
__asm__(".globl _start, call\n"
	"_start: mov %esp, %eax; and $-16, %esp; sub $12, %esp; push %eax; call run\n"
	"call: push %ebp; push %ebx; push %esi; push %edi\n"
	"mov 20(%esp), %eax; mov 24(%esp), %ebx; mov 28(%esp), %ecx; mov 32(%esp), %edx\n"
	"mov 36(%esp), %esi; mov 40(%esp), %edi; mov 44(%esp), %ebp\n"
	"int $0x80; pop %edi; pop %esi; pop %ebx; pop %ebp; ret\n");
#endif

static int failed(uint32_t result)
{
	return result > -4096u;
}

static void must(int good, uint32_t line)
{
	if (!good)
		call(EXIT, line % 256 ? line % 256 : 1, 0, 0, 0, 0, 0);
}
#define MUST(good) must((good) != 0, __LINE__)

static void write_at(uint32_t addr)
{
	*(volatile char *)(uintptr_t)addr = 1;
}

static uint32_t map(uint32_t len, uint32_t prot, uint32_t flags)
{
	return call(MMAP2, 0, len, prot, PRIVATE | flags, -1u, 0);
}

static void small_maps(void)
{
	static uint32_t args[6] = { 0, 5 * PAGE, RW, PRIVATE, -1u, 0 };
	uint32_t old = call(OLD_MMAP, (uint32_t)(uintptr_t)args, 0, 0, 0, 0, 0), at, more, fd;

	MUST(!failed(old));
	write_at(old + 2 * PAGE);
	MUST(call(MPROTECT, old + PAGE, PAGE, 1, 0, 0, 0) == 0);
	at = map(3 * PAGE, RW, 0);
	MUST(!failed(at));
	write_at(at);
	MUST(call(MUNMAP, at + PAGE, PAGE, 0, 0, 0, 0) == 0);
	more = call(MREMAP, at, PAGE, 6 * PAGE, 1, 0, 0);
	MUST(!failed(more));
	MUST(call(MADVISE, more, 2 * PAGE, 10, 0, 0, 0) == 0);
	MUST(call(MMAP2, more, PAGE, RW, PRIVATE | FIXED, -1u, 0) == more);
	fd = call(OPEN, (uint32_t)(uintptr_t) "/proc/self/exe", 0, 0, 0, 0, 0);
	MUST(!failed(fd));
	/* Two pages of it that touch, as pages are counted there; and far behind its end. */
	at = call(MMAP2, 0, 2 * PAGE, 1, 2, fd, 1);
	MUST(!failed(at));
	MUST(call(MMAP2, at + PAGE, PAGE, 1, 2 | FIXED, fd, 2) == at + PAGE);
	MUST(!failed(call(MMAP2, 0, PAGE, 1, 2, fd, 0x200000)));
}

static void heap(void)
{
	uint32_t end = call(BRK, 0, 0, 0, 0, 0, 0);

	if (end > -64 * MB)
		return;
	MUST(call(BRK, end + 5 * PAGE, 0, 0, 0, 0, 0) == end + 5 * PAGE);
	write_at(end + PAGE);
	MUST(call(BRK, end + 2 * PAGE, 0, 0, 0, 0, 0) == end + 2 * PAGE);
}

static void segment(void)
{
	static uint32_t at;
	uint32_t id = call(IPC, SHMGET, 0, 3 * PAGE, 0x380, 0, 0);

	if (failed(id))
		return;
	MUST(call(IPC, SHMAT, id, 0, (uint32_t)(uintptr_t)&at, 0, 0) == 0);
	call(IPC, SHMCTL, id, 0, 0, 0, 0);
	write_at(at);
	MUST(call(IPC, SHMDT, 0, 0, 0, at, 0) == 0);
}

/* All that is left in blocks; then every other one is given back, and none of two is to be had. */
static void fragments(void)
{
	static uint32_t block[BLOCKS];
	uint32_t n = 0, at;

	while (n < BLOCKS && !failed(at = map(BLOCK, 0, NORESERVE)))
		block[n++] = at;
	MUST(n > 64 && n < BLOCKS);
	for (uint32_t i = 0; i < n; i += 2)
		MUST(call(MUNMAP, block[i], BLOCK, 0, 0, 0, 0) == 0);
	MUST(failed(map(2 * BLOCK, RW, NORESERVE)));
	MUST(!failed(map(BLOCK, RW, NORESERVE)));
	at = block[1];
	MUST(failed(call(MREMAP, at, BLOCK, 3 * BLOCK, 1, 0, 0)));
	for (uint32_t i = 1; i < n; i += 2)
		MUST(call(MUNMAP, block[i], BLOCK, 0, 0, 0, 0) == 0);
}

static void child(void (*calls)(void))
{
	static uint32_t status;
	uint32_t pid = call(FORK, 0, 0, 0, 0, 0, 0);

	if (pid == 0) {
		calls();
		call(EXIT, 0, 0, 0, 0, 0, 0);
	}
	MUST(!failed(pid));
	MUST(call(WAIT4, pid, (uint32_t)(uintptr_t)&status, 0, 0, 0, 0) == pid && status == 0);
}

/* Above 3 GiB, and below; nothing else is there. */
#define BORDER 0xc0000000u
#define HIGH   0xd0000000u
#define LOW    0x90000000u

static uint32_t map_at(uint32_t addr, uint32_t pages, uint32_t flags)
{
	return call(MMAP2, addr, pages * PAGE, RW, PRIVATE | flags, -1u, 0);
}

/* If it is there at all. */
static void unmap(uint32_t addr, uint32_t len)
{
	if (!failed(addr))
		MUST(call(MUNMAP, addr, len, 0, 0, 0, 0) == 0);
}

/* Calls about ranges above 3 GiB, and across, in one area of ten pages at @kept; a segment @id is attached there as well. */
static void calls_across(uint32_t kept, uint32_t id)
{
	static uint32_t at;
	uint32_t low = map_at(LOW, 4, FIXED);

	MUST(low == LOW);
	unmap(map_at(0, 3, 0), 3 * PAGE);
	unmap(map_at(HIGH, 3, 0), 3 * PAGE);
	map_at(HIGH + MB, 3, FIXED);
	map_at(HIGH + 2 * MB, 3, NOREPLACE_FIXED);
	unmap(map_at(BORDER - 2 * PAGE, 4, NOREPLACE_FIXED), 4 * PAGE);
	unmap(map(BORDER - 16 * MB, 0, NORESERVE), BORDER - 16 * MB);
	unmap(map(BORDER + PAGE, 0, NORESERVE), BORDER + PAGE);
	call(MPROTECT, kept + PAGE, PAGE, 1, 0, 0, 0);
	call(MADVISE, kept + 3 * PAGE, PAGE, 10, 0, 0, 0);
	call(MLOCK, kept + 4 * PAGE, PAGE, 0, 0, 0, 0);
	write_at(kept + 2 * PAGE);
	call(MUNMAP, kept + 9 * PAGE, PAGE, 0, 0, 0, 0);
	call(MUNMAP, HIGH + MB + 2 * PAGE, PAGE, 0, 0, 0, 0);
	call(MUNMAP, BORDER + MB, PAGE, 0, 0, 0, 0);
	call(MREMAP, kept + 7 * PAGE, 2 * PAGE, PAGE, 1, 0, 0);
	unmap(call(MREMAP, kept + 7 * PAGE, PAGE, 3 * PAGE, 1, 0, 0), 3 * PAGE);
	unmap(call(MREMAP, low + PAGE, PAGE, 0xc8000000, 1, 0, 0), 0xc8000000);
	call(MREMAP, low, PAGE, PAGE, 3, HIGH + 3 * MB, 0);
	call(MREMAP, low + 2 * PAGE, 2 * PAGE, PAGE, 3, HIGH + 4 * MB, 0);
	/* What has moved down stays where it was, where it cannot be unmapped; then it is like no other. */
	call(MREMAP, kept + 5 * PAGE, PAGE, PAGE, 3, LOW + MB, 0);
	unmap(call(MREMAP, kept + 6 * PAGE, PAGE, PAGE, 5, 0, 0), PAGE);
	call(MUNLOCK, kept + 4 * PAGE, PAGE, 0, 0, 0, 0);
	call(BRK, BORDER + MB, 0, 0, 0, 0, 0);
	call(IPC, SHMAT, id, 0, (uint32_t)(uintptr_t)&at, HIGH + 5 * MB, 0);
	call(IPC, SHMAT, id, 0x4000, (uint32_t)(uintptr_t)&at, HIGH + 5 * MB, 0);
	call(IPC, SHMAT, id, 0, (uint32_t)(uintptr_t)&at, BORDER - PAGE, 0);
	call(IPC, SHMDT, 0, 0, 0, BORDER - PAGE, 0);
	call(IPC, SHMDT, 0, 0, 0, HIGH + 5 * MB, 0);
	call(IPC, SHMDT, 0, 0, 0, HIGH + 7 * MB, 0);
	map_at(kept + 10 * PAGE, 2, FIXED);
	map_at(kept - PAGE, 1, FIXED);
}

static void calls_high(void)
{
	map(PAGE, 1, 0);
	map_at(HIGH + 8 * MB, 2, FIXED);
	call(MUNMAP, HIGH + 16 * MB, PAGE, 0, 0, 0, 0);
}

/* personality(2) of a program that runs: at once, calls end at 3 GiB, or no longer; areas stay. */
static void other_personality(void)
{
	static uint32_t at;
	uint32_t own = call(PERSONALITY, -1u, 0, 0, 0, 0, 0), end = call(BRK, 0, 0, 0, 0, 0, 0);
	uint32_t id = call(IPC, SHMGET, 0, 3 * PAGE, 0x380, 0, 0);
	int small = sizeof(long) == 4;

	for (uint32_t i = 0; i < 3; i++) {
		call(PERSONALITY, own & ~LIMIT_3_GB, 0, 0, 0, 0, 0);
		MUST(map_at(HIGH + 16 * MB, 10, FIXED) == HIGH + 16 * MB);
		write_at(HIGH + 16 * MB);
		if (!failed(id))
			call(IPC, SHMAT, id, 0, (uint32_t)(uintptr_t)&at, HIGH + 7 * MB, 0);
		call(PERSONALITY, i % 2 ? own & ~LIMIT_3_GB : own | LIMIT_3_GB, 0, 0, 0, 0, 0);
		MUST(failed(map_at(HIGH, 1, FIXED)) == (small && i % 2 == 0));
		MUST(failed(call(MUNMAP, HIGH, PAGE, 0, 0, 0, 0)) == (small && i % 2 == 0));
		calls_across(HIGH + 16 * MB, id);
		call(BRK, end, 0, 0, 0, 0, 0);
		child(calls_high);
	}
	call(PERSONALITY, own & ~LIMIT_3_GB, 0, 0, 0, 0, 0);
	MUST(call(MUNMAP, HIGH, 32 * MB, 0, 0, 0, 0) == 0);
	MUST(call(MUNMAP, LOW, 2 * MB, 0, 0, 0, 0) == 0);
	if (!failed(id))
		call(IPC, SHMCTL, id, 0, 0, 0, 0);
	call(PERSONALITY, own, 0, 0, 0, 0, 0);
}

static void become(const char *other)
{
	static char path[256];
	static uint32_t argv[2], envp[1];

	for (uint32_t i = 0; i + 1 < sizeof(path) && other[i]; i++)
		path[i] = other[i];
	argv[0] = (uint32_t)(uintptr_t)path;
	call(EXECVE, argv[0], (uint32_t)(uintptr_t)argv, (uint32_t)(uintptr_t)envp, 0, 0, 0);
	MUST(0);
}

static void wait_for_end(void)
{
	static char byte;

	while (call(READ, 0, (uint32_t)(uintptr_t)&byte, 1, 0, 0, 0) == 1)
		;
}

/* Whoever is attached to meanwhile began with another end than its personality says. */
static void wait_with_areas_above(void)
{
	uint32_t own = call(PERSONALITY, -1u, 0, 0, 0, 0, 0);

	MUST(map_at(HIGH, 3, FIXED) == HIGH);
	call(PERSONALITY, own | LIMIT_3_GB, 0, 0, 0, 0, 0);
	wait_for_end();
	call(MUNMAP, HIGH, PAGE, 0, 0, 0, 0);
	call(PERSONALITY, own, 0, 0, 0, 0, 0);
	MUST(call(MUNMAP, HIGH, 3 * PAGE, 0, 0, 0, 0) == 0);
}

_Noreturn void run(uintptr_t *stack)
{
	int waits = stack[0] > 1 && *(const char *)stack[2] == '-';

	if (waits)
		wait_with_areas_above();
	small_maps();
	heap();
	segment();
	child(small_maps);
	other_personality();
	fragments();
	small_maps();
	if (stack[0] > (waits ? 2 : 1))
		become((const char *)stack[waits ? 3 : 2]);
	for (;;)
		call(EXIT, 0, 0, 0, 0, 0, 0);
}
