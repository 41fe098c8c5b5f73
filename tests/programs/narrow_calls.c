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

static void child(void)
{
	static uint32_t status;
	uint32_t pid = call(FORK, 0, 0, 0, 0, 0, 0);

	if (pid == 0) {
		small_maps();
		call(EXIT, 0, 0, 0, 0, 0, 0);
	}
	MUST(!failed(pid));
	MUST(call(WAIT4, pid, (uint32_t)(uintptr_t)&status, 0, 0, 0, 0) == pid && status == 0);
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

_Noreturn void run(uintptr_t *stack)
{
	int waits = stack[0] > 1 && *(const char *)stack[2] == '-';

	if (waits)
		wait_for_end();
	small_maps();
	heap();
	segment();
	child();
	fragments();
	small_maps();
	if (stack[0] > (waits ? 2 : 1))
		become((const char *)stack[waits ? 3 : 2]);
	for (;;)
		call(EXIT, 0, 0, 0, 0, 0, 0);
}
