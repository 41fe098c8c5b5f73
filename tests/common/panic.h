/* SPDX-License-Identifier: MIT */
/* What a misuse panics with: it is tried in a child. For tests with cmocka. */
#ifndef TESTS_PANIC_H
#define TESTS_PANIC_H

#include <sys/wait.h>
#include <unistd.h>

/* @return what the port's panic said, until the next call; "" where @misuse came to its end. */
static inline const char *panic_of(void (*misuse)(void))
{
	static char said[512];
	ssize_t got;
	int fds[2], status;
	pid_t child;

	assert_int_equal(pipe(fds), 0);
	child = fork();
	if (!child) {
		dup2(fds[1], 2);
		misuse();
		_exit(0);
	}
	close(fds[1]);
	got = read(fds[0], said, sizeof(said) - 1);
	said[got > 0 ? got : 0] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WIFSIGNALED(status), got > 0);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return said;
}

#endif /* TESTS_PANIC_H */
