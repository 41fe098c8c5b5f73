/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a program: where it ends by exit(3) it writes a line to the file that VMAPLE_DESCRIPTORS names: what it is
 * called, and which descriptors it has open, without the numbers of what has no name.  Its children are not asked.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char file[4096];
static pid_t asked;

__attribute__((constructor)) static void take_name(void)
{
	const char *name = getenv("VMAPLE_DESCRIPTORS");

	snprintf(file, sizeof(file), "%s", name ? name : "");
	asked = getpid();
	unsetenv("VMAPLE_DESCRIPTORS");
}

static void add_descriptor(char *line, size_t size, const char *number)
{
	char path[300], target[256];
	size_t used = strlen(line);
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%s", number);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	if (strchr(target, '['))
		*strchr(target, '[') = '\0';
	snprintf(line + used, size - used, " %s=%s", number, target);
}

__attribute__((destructor)) static void tell_descriptors(void)
{
	DIR *dir = *file && getpid() == asked ? opendir("/proc/self/fd") : NULL;
	char line[4000];
	struct dirent *d;
	int fd;

	if (!dir)
		return;
	snprintf(line, sizeof(line), "%s:", program_invocation_short_name);
	while ((d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.' && atoi(d->d_name) != dirfd(dir))
			add_descriptor(line, sizeof(line) - 1, d->d_name);
	closedir(dir);
	strcat(line, "\n");
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0 && write(fd, line, strlen(line)) < 0)
		_exit(126);
	close(fd);
}
