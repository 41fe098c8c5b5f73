/* SPDX-License-Identifier: MIT */
/* The few words of the kernel's module interface that lib/test_maple_tree.c uses, as a program's. */
#ifndef SHIM_MODULE_H
#define SHIM_MODULE_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define __init
#define __exit
#define noinline      __attribute__((noinline))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define pr_info(...) printf(__VA_ARGS__)
#define pr_err(...)  printf(__VA_ARGS__)
#define BUG_ON(x)                                                         \
	do {                                                              \
		if (x) {                                                  \
			printf("BUG at %s:%d (1)\n", __func__, __LINE__); \
			exit(1);                                          \
		}                                                         \
	} while (0)

/* One thread: plain integers and no grace periods to wait for. */
typedef struct {
	unsigned int counter;
} atomic_t;
#define atomic_inc(a)     ((a)->counter++)
#define atomic_read(a)    ((a)->counter)
#define cond_resched()    ((void)0)
#define rcu_read_lock()   ((void)0)
#define rcu_read_unlock() ((void)0)
#define rcu_barrier()     ((void)0)

#define MODULE_AUTHOR(x)
#define MODULE_DESCRIPTION(x)
#define MODULE_LICENSE(x)
#define module_exit(f) void *const shim_exit_function = (void *)(f)
#define module_init(f)              \
	int main(void)              \
	{                           \
		return f() ? 1 : 0; \
	}

#endif /* SHIM_MODULE_H */
