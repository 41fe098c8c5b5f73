/* SPDX-License-Identifier: MIT */
/* Waiting for something that takes long: some 20 us in which another thread can run. */
#ifndef BASE_REST_H
#define BASE_REST_H

#include <time.h>

static inline void base_rest(void)
{
	const struct timespec rest = { .tv_nsec = 20000 };

	nanosleep(&rest, NULL);
}

#endif /* BASE_REST_H */
