/* SPDX-License-Identifier: MIT */
/*
 * All processes by /proc: the lines of every map that may be read.
 *
 * Much slower than by BPF: the kernel writes every line of every map. What a map has is counted in
 * pieces of a page or so, each under the lock by itself.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

static int open_of(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Lines of its maps but for that of the gate page, which is in nobody's map. 0: none, or it may not be read. */
uint32_t proc_count_areas(pid_t pid)
{
	static const char gate[] = "[vsyscall]\n";
	char buf[65536];
	uint32_t nr = 0;
	ssize_t n;
	size_t last = 0;
	int fd = open_of(pid, "maps");

	if (fd < 0)
		return 0;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (const char *p = buf; (p = memchr(p, '\n', (size_t)(buf + n - p))) != NULL; p++)
			nr++;
		last = (size_t)n;
	}
	close(fd);
	/* It is never the first line of a piece: the kernel gives whole lines. */
	if (last >= sizeof(gate) && memcmp(buf + last - (sizeof(gate) - 1), gate, sizeof(gate) - 1) == 0)
		nr--;
	return nr;
}

/*
 * command (2), starttime (22) and vsize (23) of /proc/PID/stat; proc(5) counts from 1. The name is in
 * parentheses and may have any characters, parentheses and blanks too: up to the last ')'. vsize is in
 * bytes, total_pages in pages. starttime is in clock ticks, unlike born_ns of the other source: only
 * good for telling whether a number is the same process still.
 */
static bool read_stat(pid_t pid, struct live_task *t)
{
	char text[1024], *name, *end, *p, *save = NULL;
	int fd = open_of(pid, "stat"), i = 3;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	name = strchr(text, '(');
	end = strrchr(text, ')');
	if (!name || !end)
		return false;
	*end = '\0';
	snprintf(t->command, sizeof(t->command), "%s", name + 1);
	for (p = strtok_r(end + 1, " ", &save); p && i < 23; i++, p = strtok_r(NULL, " ", &save))
		if (i == 22)
			t->born = strtoull(p, NULL, 10);
	t->total_pages = p ? strtoull(p, NULL, 10) / (uint64_t)sysconf(_SC_PAGESIZE) : 0;
	return true;
}

/*
 * Processes without areas, those that may not be read, and those that have ended meanwhile are left
 * out. 0 or -errno.
 */
int tasks_proc_read(struct live_tasks *t)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;
	int err = 0;

	if (!proc)
		return -errno;
	while (!err && (d = readdir(proc)) != NULL) {
		struct live_task found = { .pid = (pid_t)atoi(d->d_name) }, *task;

		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		found.count = proc_count_areas(found.pid);
		if (!found.count || !read_stat(found.pid, &found))
			continue;
		task = tasks_add(t);
		if (task)
			*task = found;
		else
			err = -ENOMEM;
	}
	closedir(proc);
	return err;
}
