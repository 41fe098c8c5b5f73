/* SPDX-License-Identifier: MIT */
/* What the programs have in place of a C library: system calls of Linux, and a line of text. */
#ifndef PROGRAM_H
#define PROGRAM_H

#define PAGE        4096UL
#define PROT_NONE   0L
#define PROT_READ   1L
#define PROT_WRITE  2L
#define PROT_EXEC   4L
#define MAP_SHARED  0x21L /* and anonymous, as all memory here */
#define MAP_PRIVATE 0x22L

static long call(long number, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = -1;
	register long r9 __asm__("r9") = 0;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

static inline void *map(unsigned long length, long prot, long flags)
{
	return (void *)call(9, 0, (long)length, prot, flags);
}
static inline long protect(void *addr, unsigned long length, long prot)
{
	return call(10, (long)addr, (long)length, prot, 0);
}
static inline long unmap(void *addr, unsigned long length)
{
	return call(11, (long)addr, (long)length, 0, 0);
}
static inline unsigned long brk(unsigned long addr)
{
	return (unsigned long)call(12, (long)addr, 0, 0, 0);
}
static inline void yield(void)
{
	call(24, 0, 0, 0, 0);
}
static inline long fork(void)
{
	return call(57, 0, 0, 0, 0);
}
static inline _Noreturn void exit(int status)
{
	for (;;)
		call(60, status, 0, 0, 0);
}
/* Of any child. @return its status, as wait4(2) tells it. */
static inline int wait(void)
{
	int status = -1;

	call(61, -1, (long)&status, 0, 0);
	return status;
}
static inline void show_maps(void)
{
	call(1000, 0, 0, 0, 0);
}

static inline void say(const char *text)
{
	long length = 0;

	while (text[length])
		length++;
	call(1, 1, (long)text, length, 0);
}

static inline void say_number(long number)
{
	char digits[24];
	int at = sizeof(digits);
	unsigned long left = number < 0 ? -(unsigned long)number : (unsigned long)number;

	digits[--at] = 0;
	do {
		digits[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (number < 0)
		digits[--at] = '-';
	say(digits + at);
}

int main(void);
__asm__(".globl _start\n_start: xor %ebp, %ebp\n\tcall main\n\tmov %eax, %edi\n\tmov $60, %eax\n\tsyscall\n");

#endif /* PROGRAM_H */
