/* SPDX-License-Identifier: MIT */
/* Events that are made wrong, field by field, with values that tell: ends of pages, of the space and of numbers. */
#ifndef TESTS_DISTURB_H
#define TESTS_DISTURB_H

#include <sys/syscall.h>

#include <vmaple/trace.h>

#include "random.h"

static inline uint64_t telling(struct random *r)
{
	static const uint64_t values[] = { 0, 1, 4095, 4096, 4097, 0x7f0000000000, 0x7f0000001000,
		(1UL << 47) - 4096, 1UL << 47, 1UL << 63, UINT64_MAX, UINT64_MAX - 4095, 0x10000000, 65536 };

	return random_below(r, 3) ? values[random_below(r, 14)] : random_u64(r);
}

static inline void disturb_area(struct random *r, struct trace_area *a)
{
	uint64_t *const fields[] = { &a->start, &a->end, &a->offset, &a->dev, &a->ino, &a->vm_flags };
	static const char *const names[] = { "", "[heap]", "[stack]", "[anon:x]", "[anon:", "/file",
		"[vdso]" };

	*fields[random_below(r, 6)] = telling(r);
	a->name = names[random_below(r, 7)];
}

static inline void disturb(struct random *r, struct trace_event *e)
{
	static const uint32_t numbers[] = { SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap, SYS_brk,
		SYS_madvise, SYS_mlock, SYS_mlockall, SYS_munlockall, SYS_prctl, SYS_mbind, SYS_shmat,
		SYS_shmdt, SYS_ioctl, SYS_remap_file_pages, 462, 9999 };

	switch (e->type) {
	case TRACE_EVENT_CALL:
		if (random_below(r, 3) == 0)
			e->call.nr = numbers[random_below(r, 17)];
		e->call.args[random_below(r, 6)] = telling(r);
		if (random_below(r, 3) == 0)
			e->call.result = (int64_t)telling(r);
		break;
	case TRACE_EVENT_FAULT:
		e->fault.addr = telling(r);
		break;
	case TRACE_EVENT_SPACE:
		e->space.task_size = random_below(r, 4) ? e->space.task_size : telling(r);
		e->space.mmap_base = random_below(r, 2) ? e->space.mmap_base : telling(r);
		e->space.start_brk = e->space.brk = telling(r);
		break;
	case TRACE_EVENT_MAP:
		e->map.lo = random_below(r, 2) ? e->map.lo : telling(r);
		e->map.hi = random_below(r, 2) ? e->map.hi : telling(r);
		for (uint32_t i = 0; i < e->map.count; i++)
			disturb_area(r, (struct trace_area *)&e->map.areas[i]);
		break;
	default:
		break;
	}
	/* Another kind of event, of those without strings: a source never leaves those out. */
	if (random_below(r, 50) == 0)
		*e = (struct trace_event){
			.type = TRACE_EVENT_FAULT + (uint32_t)random_below(r, 5),
			.step = e->step,
			.pid = e->pid,
			.tid = e->tid,
			.mm = (uint32_t)random_below(r, 4),
		};
	if (e->type == TRACE_EVENT_FORK)
		e->fork.child_mm = (uint32_t)random_below(r, 4);
}

#endif /* TESTS_DISTURB_H */
