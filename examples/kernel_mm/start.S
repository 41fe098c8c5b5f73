/* SPDX-License-Identifier: MIT */
/*
 * From the first instruction to kernel(), and from user programs into the kernel and back.
 *
 * The loader enters in 32-bit protected mode without paging (PVH, as QEMU's -kernel and Xen do). The first GiB of memory is
 * mapped twice: where it is, for as long as it takes to jump, and at KERNEL_BASE, where the kernel lives.
 */
#define KERNEL_BASE 0xffffffff80000000
#define PHYS(x)     ((x) - KERNEL_BASE)
#define USER_CODE   0x23
#define USER_DATA   0x1b
#define SYSTEM_CALL 256

	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 8, 18		/* of the name, of the value, XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.quad PHYS(start)

	.section .text
	.code32
	.globl start
start:
	mov $PHYS(boot_tables), %eax
	mov %eax, %cr3
	mov %cr4, %eax
	or $0x20, %eax			/* PAE */
	mov %eax, %cr4
	mov $0xc0000080, %ecx		/* EFER: syscall, long mode, no-execute */
	rdmsr
	or $0x901, %eax
	wrmsr
	mov $0x80010001, %eax		/* paging, write protection in the kernel too, protected mode */
	mov %eax, %cr0
	lgdt PHYS(boot_gdt)
	ljmp $8, $PHYS(long_mode)
	.code64
long_mode:
	movabs $higher_half, %rax
	jmp *%rax
higher_half:
	lgdt gdt_pointer(%rip)
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	lea kernel_stack_top(%rip), %rsp
	xor %ebp, %ebp
	call kernel
	hlt

/*
 * Each way in leaves a struct frame at the top of the one kernel stack; trap() answers it, and what is in the frame
 * then, is where the machine goes on: in the same program or in another.
 */
	.globl enter_user
enter:
	push %rax
	push %rcx
	push %rdx
	push %rbx
	push %rbp
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, %rdi
	cld
	call trap
	mov %rsp, %rdi
enter_user:				/* of the frame in %rdi */
	mov %rdi, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rdi
	pop %rsi
	pop %rbp
	pop %rbx
	pop %rdx
	pop %rcx
	pop %rax
	add $16, %rsp
	iretq

	.globl enter_call
enter_call:				/* syscall: nothing is saved but %rip in %rcx, flags in %r11 */
	mov %rsp, user_stack(%rip)
	lea kernel_stack_top(%rip), %rsp
	pushq $USER_DATA
	push user_stack(%rip)
	push %r11
	pushq $USER_CODE
	push %rcx
	pushq $0
	pushq $SYSTEM_CALL
	jmp enter

	/* An exception each, 16 bytes apart; those without an error code get one of 0. */
	.balign 16
	.globl enter_exception
enter_exception:
	.set vector, 0
	.rept 32
	.balign 16
	.if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector >= 29 && vector <= 30)
	pushq $0
	.endif
	pushq $vector
	jmp enter
	.set vector, vector + 1
	.endr

	.section .rodata
	.balign 4096
	.globl program_copies, program_copies_end, program_bounds, program_bounds_end
program_copies:
	.incbin "copies"
program_copies_end:
	.balign 4096
program_bounds:
	.incbin "bounds"
program_bounds_end:
	.balign 4096

	.section .data
	.balign 4096
	.globl boot_tables
boot_tables:
	.quad PHYS(first_gib) + 3
	.fill 510, 8, 0
	.quad PHYS(first_gib) + 3
first_gib:				/* of the lower half, and of the last two GiB */
	.quad PHYS(large_pages) + 3
	.fill 509, 8, 0
	.quad PHYS(large_pages) + 3
	.quad 0
large_pages:
	.set i, 0
	.rept 512
	.quad (i << 21) + 0x83
	.set i, i + 1
	.endr

	.globl gdt
gdt:
	.quad 0
	.quad 0x00209a0000000000	/* 08: the kernel's code */
	.quad 0x0000920000000000	/* 10: its data */
	.quad 0x0000f20000000000	/* 18: programs' data */
	.quad 0x0020fa0000000000	/* 20: their code */
	.quad 0, 0			/* 28: the task state, see machine.c */
boot_gdt:
	.word boot_gdt - gdt - 1
	.long PHYS(gdt)
gdt_pointer:
	.word boot_gdt - gdt - 1
	.quad gdt

	.section .bss
	.balign 16
	.skip 32768
	.globl kernel_stack_top
kernel_stack_top:
user_stack:
	.skip 8
	.section .note.GNU-stack, "", @progbits
