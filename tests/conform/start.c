/* SPDX-License-Identifier: MIT */
/*
 * A kit that was started and cannot be read from is ended and waited for.
 *
 * It is built with cli/conform_kit.c alone; fdopen(3) fails as without memory, and the kit is a script beside a program that
 * is said to be this one.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli.h"
#include "conforming.h"

static char folder[] = "/tmp/conform-start-XXXXXX";
static bool refused;

FILE *__real_fdopen(int fd, const char *mode);
FILE *__wrap_fdopen(int fd, const char *mode);
ssize_t __wrap_readlink(const char *path, char *buf, size_t size);

FILE *__wrap_fdopen(int fd, const char *mode)
{
	if (!refused)
		return __real_fdopen(fd, mode);
	errno = ENOMEM;
	return NULL;
}

ssize_t __wrap_readlink(const char *path, char *buf, size_t size)
{
	assert_string_equal(path, "/proc/self/exe");
	return snprintf(buf, size, "%s/vmaple", folder);
}

/* Of the rest of the command. */
void complain(const char *command, const char *fmt, ...)
{
}

int shell_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int write_json(FILE *out, json_t *object)
{
	return STATUS_FAILED;
}

void json_put(json_t *object, const char *key, json_t *value)
{
}

void json_push(json_t *array, json_t *value)
{
}

/* A kit that says nothing for a time. */
static int make_kit(void **state)
{
	char path[64];
	FILE *f;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/conform", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/conform/vmaple-conform", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("#!/bin/sh\nexec sleep 20\n", f);
	assert_int_equal(fclose(f), 0);
	return chmod(path, 0700);
}

static int remove_kit(void **state)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/conform/vmaple-conform", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/conform", folder);
	rmdir(path);
	return rmdir(folder);
}

static void test_what_cannot_be_read_from_is_waited_for(void **state)
{
	char *runner[] = { NULL };
	pid_t pid = 0;

	refused = true;
	assert_null(conform_start(runner, &pid));
	refused = false;
	assert_true(pid > 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_what_can_be_is_waited_for_in_the_end(void **state)
{
	char *runner[] = { NULL };
	pid_t pid = 0;
	FILE *from = conform_start(runner, &pid);

	assert_non_null(from);
	kill(pid, SIGTERM);
	assert_int_equal(conform_end(from, pid), 128 + SIGTERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_cannot_be_read_from_is_waited_for),
		cmocka_unit_test(test_what_can_be_is_waited_for_in_the_end),
	};

	return cmocka_run_group_tests(tests, make_kit, remove_kit);
}
