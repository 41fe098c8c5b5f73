/* SPDX-License-Identifier: MIT */
/* For a shadow that is not Linux's: what ends with ENOMEM there ends with EINVAL. */
#ifndef TESTS_WRONG_ERRNO_H
#define TESTS_WRONG_ERRNO_H

#include <errno.h>

#include <vmaple/mm.h>

static inline int wrong_mprotect(
	struct mm_struct *mm, unsigned long start, unsigned long len, unsigned long prot, int pkey)
{
	int err = mm_mprotect(mm, start, len, prot, pkey);

	return err == -ENOMEM ? -EINVAL : err;
}
#define mm_mprotect wrong_mprotect

#endif /* TESTS_WRONG_ERRNO_H */
