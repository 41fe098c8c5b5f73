/* SPDX-License-Identifier: MIT */
/*
 * Files whose names somebody else has chosen: a recording, or a program.
 *
 * Such a name may be that of a pipe, a terminal or another device, where opening alone waits or does something.  So the file
 * is held first without being opened (O_PATH), looked at, and opened only if it is a regular one: what is held is what was
 * looked at, whatever becomes of its name meanwhile.
 */
#ifndef TRACE_REGULAR_FILE_H
#define TRACE_REGULAR_FILE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * As open(2) of a file that is there. Behind a function, so that a script can stand for the kernel
 * (kernel_view.h of the live source).
 */
typedef int open_function(const char *path, int flags);

static inline int open_path(const char *path, int flags)
{
	return open(path, flags);
}

/*
 * It, to read, and in *st what it is; -1 and errno, which is 0 where it is no regular file. @flags:
 * O_NOFOLLOW or 0.
 *
 * O_NONBLOCK and O_NOCTTY have no effect on a regular file. Without /proc it fails with ENOENT.
 * O_NOFOLLOW with O_PATH holds the link itself, which is no regular file.
 */
static inline int open_regular(open_function *open_file, const char *path, int flags, struct stat *st)
{
	int place = open_file(path, O_PATH | O_CLOEXEC | flags), fd = -1, err;
	char again[32];

	if (place < 0)
		return -1;
	err = fstat(place, st) ? errno : 0;
	if (!err && S_ISREG(st->st_mode)) {
		snprintf(again, sizeof(again), "/proc/self/fd/%d", place);
		fd = open_file(again, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		err = errno;
	}
	close(place);
	errno = err;
	return fd;
}

#endif /* TRACE_REGULAR_FILE_H */
