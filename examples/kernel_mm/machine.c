/* SPDX-License-Identifier: MIT */
/* The processor's tables, a serial line for text, and a way to end. */
#include <stdarg.h>

#include "kernel.h"

struct gate {
	uint16_t low, segment, kind, middle;
	uint32_t high, zero;
} __attribute__((packed));

struct task_state {
	uint32_t unused;
	uint64_t rsp0; /* the kernel's stack, for who comes from a program */
	uint8_t more[90];
	uint16_t io_map;
} __attribute__((packed));

extern char enter_exception[], enter_call[], kernel_stack_top[];
extern uint64_t gdt[], boot_tables[];

static struct gate gates[32];
static struct task_state task_state;

static void out(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void write_msr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static void load_idt(void)
{
	struct {
		uint16_t limit;
		const void *base;
	} __attribute__((packed)) idt = { sizeof(gates) - 1, gates };

	for (int i = 0; i < 32; i++) {
		uint64_t at = (uint64_t)enter_exception + (uint64_t)i * 16;

		gates[i] = (struct gate){ .low = (uint16_t)at,
			.segment = 8,
			.kind = 0x8e00,
			.middle = (uint16_t)(at >> 16),
			.high = (uint32_t)(at >> 32) };
	}
	__asm__ volatile("lidt %0" : : "m"(idt));
}

void machine_init(void)
{
	uint64_t base = (uint64_t)&task_state;

	task_state.rsp0 = (uint64_t)kernel_stack_top;
	task_state.io_map = sizeof(task_state);
	gdt[5] =
		(sizeof(task_state) - 1) | (base & 0xffffff) << 16 | 0x89UL << 40 | (base >> 24 & 0xff) << 56;
	gdt[6] = base >> 32;
	__asm__ volatile("ltr %w0" : : "r"(0x28));
	load_idt();
	write_msr(0xc0000081, 8UL << 32);            /* STAR: the kernel's segments */
	write_msr(0xc0000082, (uint64_t)enter_call); /* LSTAR */
	write_msr(0xc0000084, 0x700);                /* SFMASK: no interrupts, no steps, upwards */
	boot_tables[0] = 0;                          /* the lower half is programs' from here on */
	use_tables(frame_of(boot_tables));
}

unsigned long fault_address(void)
{
	unsigned long addr;

	__asm__ volatile("mov %%cr2, %0" : "=r"(addr));
	return addr;
}

void use_tables(unsigned long tables)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(tables) : "memory");
}

/* QEMU's isa-debug-exit: its exit status is 2 * @status + 1. */
_Noreturn void power_off(int status)
{
	out(0xf4, (uint8_t)status);
	for (;;)
		__asm__ volatile("hlt");
}

void say_bytes(const char *text, size_t length)
{
	while (length--) {
		while (!(in(0x3fd) & 0x20))
			;
		out(0x3f8, (uint8_t)*text++);
	}
}

static void say_text(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	say_bytes(text, length);
}

static void say_number(unsigned long number, unsigned int base)
{
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number);
	say_bytes(digits + at, sizeof(digits) - at);
}

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	for (; *format; format++) {
		if (*format != '%')
			say_bytes(format, 1);
		else if (*++format == 's')
			say_text(va_arg(args, const char *));
		else if (*format == 'd')
			say_number((unsigned long)va_arg(args, int), 10);
		else if (*format == 'l' && *++format == 'x')
			say_number(va_arg(args, unsigned long), 16);
	}
	va_end(args);
}
