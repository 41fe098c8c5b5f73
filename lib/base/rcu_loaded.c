/* SPDX-License-Identifier: MIT */
/*
 * Loading liburcu: see rcu_loaded.h. Only in builds that do not link it (-Drcu=own); static libraries and amalgamated
 * sources have nothing of this.
 */
#ifdef VMAPLE_RCU_LOADED

#include "rcu_loaded.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "liburcu-memb.so.8"

struct liburcu_functions liburcu;

/* A kernel without filters has no such line. */
static bool thread_is_filtered(int tasks, const char *task)
{
	char path[64], status[8192];
	const char *line;
	ssize_t length;
	int file;

	(void)snprintf(path, sizeof(path), "%s/status", task);
	file = openat(tasks, path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return errno != ENOENT; /* it has ended */
	length = read(file, status, sizeof(status) - 1);
	close(file);
	if (length <= 0)
		return length < 0 && errno != ESRCH;
	status[length] = '\0';
	line = strstr(status, "\nSeccomp:");
	return line && strncmp(line, "\nSeccomp:\t0\n", 12) != 0;
}

static bool may_be_filtered(void)
{
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *task;
	bool filtered = false;

	if (!tasks)
		return true;
	while (!filtered && (task = readdir(tasks)))
		if (task->d_name[0] != '.')
			filtered = thread_is_filtered(dirfd(tasks), task->d_name);
	closedir(tasks);
	return filtered;
}

/* ISO C knows no conversion of an object's address into a function's. */
static bool find(void *library, const char *name, void *function)
{
	void *found = dlsym(library, name);

	memcpy(function, &found, sizeof(found));
	return found;
}

int rcu_load(void)
{
	struct liburcu_functions all;
	void *library;

	if (liburcu.synchronize_rcu)
		return 0;
	if (may_be_filtered())
		return -EPERM;
	library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!library)
		return -EOPNOTSUPP;
	if (!find(library, "urcu_memb_register_thread", &all.register_thread) ||
		!find(library, "urcu_memb_unregister_thread", &all.unregister_thread) ||
		!find(library, "urcu_memb_read_lock", &all.read_lock) ||
		!find(library, "urcu_memb_read_unlock", &all.read_unlock) ||
		!find(library, "urcu_memb_read_ongoing", &all.read_ongoing) ||
		!find(library, "urcu_memb_synchronize_rcu", &all.synchronize_rcu))
		return -EOPNOTSUPP;
	liburcu = all;
	return 0;
}

#endif
