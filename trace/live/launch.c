/* SPDX-License-Identifier: MIT */
/*
 * The child until its exec: it waits to be traced, installs the filter (filter.c), and becomes the program.
 *
 * Two pipes.  A byte through the one lets it go; one that is closed without says that nobody traces it, and it ends.
 * Through the other it says why it did not become the program: an errno, or one less 4096 where the filter was refused.
 * Exec closes that, so that its silence is the good news.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

/* As execvp(3) finds it: in the first folder of PATH that has one.  0, or -errno. */
static int find_program(const char *name, char path[PATH_MAX])
{
	const char *folder = strchr(name, '/') ? "" : getenv("PATH");
	int err = -ENOENT;
	struct stat st;

	if (!folder)
		folder = "/bin:/usr/bin";
	while (*name) {
		int len = (int)strcspn(folder, ":");

		if (snprintf(path, PATH_MAX, "%.*s%s%s", len, folder, len ? "/" : "", name) < PATH_MAX &&
			stat(path, &st) == 0) {
			if (S_ISREG(st.st_mode) && faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0)
				return 0;
			err = -EACCES;
		}
		if (!folder[len])
			break;
		folder += len + 1;
	}
	return err;
}

int launch_refusal(const char *name)
{
	char path[PATH_MAX];

	return find_program(name, path);
}

static bool is_elf(const char *path)
{
	char magic[SELFMAG];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool elf = fd >= 0 && read(fd, magic, SELFMAG) == SELFMAG && memcmp(magic, ELFMAG, SELFMAG) == 0;

	if (fd >= 0)
		close(fd);
	return elf;
}

/*
 * execvp(3) gives what the kernel does not start (ENOEXEC) to a shell; a program of another machine is
 * nothing for one, and its error has to be seen.
 */
static void execute(char *const *argv)
{
	char path[PATH_MAX];

	if (!find_program(argv[0], path) && is_elf(path))
		execv(path, argv);
	else
		execvp(argv[0], argv);
}

static void become_program(char *const *argv, int go_fd, int report_fd)
{
	char byte;
	int err;

	/* The recorder seizes this process before it writes: no instruction of the program runs untraced. */
	if (read(go_fd, &byte, 1) != 1)
		_exit(125);
	close(go_fd);
	err = filter_install();
	if (!err) {
		execute(argv);
		err = -errno;
	} else {
		err -= 4096; /* not exec's error */
	}
	(void)!write(report_fd, &err, sizeof(err));
	_exit(err == -ENOENT ? 127 : 126);
}

void raise_file_limit(struct live *l)
{
	struct rlimit most;

	l->file_limit_raised = getrlimit(RLIMIT_NOFILE, &l->file_limit) == 0;
	if (!l->file_limit_raised)
		return;
	most = l->file_limit;
	most.rlim_cur = most.rlim_max;
	setrlimit(RLIMIT_NOFILE, &most);
}

void put_back_file_limit(struct live *l)
{
	if (l->file_limit_raised)
		setrlimit(RLIMIT_NOFILE, &l->file_limit);
}

int launch_program(char *const *argv, struct launched *program)
{
	int go[2], report[2], err = launch_refusal(argv[0]);

	if (err)
		return err;
	if (pipe2(go, O_CLOEXEC))
		return -errno;
	if (pipe2(report, O_CLOEXEC)) {
		close(go[0]);
		close(go[1]);
		return -errno;
	}
	program->pid = fork();
	if (program->pid == 0) {
		close(go[1]);
		close(report[0]);
		become_program(argv, go[0], report[1]);
	}
	close(go[0]);
	close(report[1]);
	program->go_fd = go[1];
	program->report_fd = report[0];
	return program->pid < 0 ? -errno : 0;
}

int launch(struct live *l)
{
	struct launched program = { .pid = -1, .go_fd = -1, .report_fd = -1 };
	int err = kernel->launch(l->options.argv, &program);

	/* Behind the fork: the program keeps its own. */
	raise_file_limit(l);
	l->root = program.pid;
	l->go_fd = program.go_fd;
	l->report_fd = program.report_fd;
	return err;
}

void launch_go(struct live *l)
{
	(void)!write(l->go_fd, "", 1);
	close(l->go_fd);
	l->go_fd = -1;
}

int launch_exec_error(struct live *l)
{
	int err = 0;

	if (read(l->report_fd, &err, sizeof(err)) != sizeof(err))
		err = 0;
	return err;
}
