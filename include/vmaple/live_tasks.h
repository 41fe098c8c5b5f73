/* SPDX-License-Identifier: MIT */
/**
 * @file live_tasks.h
 * Every process of the machine with the number of its areas.
 *
 * By BPF in one pass over all tasks, some microseconds for each ten of them; else by counting the lines of every
 * /proc/PID/maps that may be read, which takes a thousand times as long.
 */
#ifndef VMAPLE_LIVE_TASKS_H
#define VMAPLE_LIVE_TASKS_H

#include <sys/types.h>

#include <vmaple/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct live_task {
	pid_t pid;
	uint32_t count;       /**< areas */
	uint64_t total_pages; /**< mapped */
	uint64_t changes;     /**< times that its map was locked for a change; 0 where that is not known */
	uint64_t born;        /**< with pid: this process and no other one; nanoseconds or clock ticks */
	char command[16];
};

struct live_tasks;
/** @return 0 or -ENOMEM. */
VMAPLE_API int live_tasks_open(struct live_tasks **tasks) __must_check;
/** Why it is not BPF that is asked; "" when it is. */
VMAPLE_API const char *live_tasks_reason(const struct live_tasks *tasks);
/** The processes now, in no order; valid until the next call. @return how many, or -errno. */
VMAPLE_API int live_tasks_read(struct live_tasks *tasks, const struct live_task **list) __must_check;
VMAPLE_API void live_tasks_close(struct live_tasks *tasks);

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_LIVE_TASKS_H */
