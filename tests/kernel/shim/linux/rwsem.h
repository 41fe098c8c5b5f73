/* SPDX-License-Identifier: MIT */
/* Locks of a test that has one thread. */
#ifndef SHIM_RWSEM_H
#define SHIM_RWSEM_H

struct rw_semaphore {
	int held;
};
#define SINGLE_DEPTH_NESTING             1
#define init_rwsem(sem)                  ((sem)->held = 0)
#define down_write(sem)                  ((sem)->held++)
#define down_write_nested(sem, subclass) ((sem)->held++)
#define up_write(sem)                    ((sem)->held--)

#endif /* SHIM_RWSEM_H */
