/* SPDX-License-Identifier: MIT */
/*
 * liburcu's memb flavour, looked for when a program chooses it. Theory of operation
 *
 * 1. Why not linked.  liburcu's constructor calls membarrier(2): a process whose seccomp filter kills for that would die
 *    in the dynamic linker, before it has called anything of ours. So the library has no need of liburcu; who wants
 *    it says so (vmaple_rcu_choose()), and it is loaded then, and stays.
 * 2. When it is safe.  A filter cannot be asked what it would do, and one inherited cannot be removed: where any thread
 *    of the process has one, liburcu is not loaded. A filter that is set later is the program's own affair.
 * 3. What is asked of it are functions; `liburcu` is written once, before the choice is, and constant after.
 */
#ifndef BASE_RCU_LOADED_H
#define BASE_RCU_LOADED_H

#include "hidden.h"

struct liburcu_functions {
	void (*register_thread)(void);
	void (*unregister_thread)(void);
	void (*read_lock)(void);
	void (*read_unlock)(void);
	int (*read_ongoing)(void);
	void (*synchronize_rcu)(void);
};
extern struct liburcu_functions liburcu HIDDEN;

/*
 * Load it, if it is not there yet. -EPERM: a thread of this process has a seccomp filter, or it cannot be seen that
 * none has; -EOPNOTSUPP: there is no such library.
 */
int rcu_load(void);

#endif /* BASE_RCU_LOADED_H */
