/* SPDX-License-Identifier: MIT */
/*
 * The child until its exec: it waits to be traced, installs the filter (filter.c), and becomes the program.
 *
 * Two pipes.  A byte through the one lets it go; one that is closed without says that nobody traces it, and it ends.
 * Through the other it says why it did not become the program: an errno, or one less 4096 where the filter was refused.
 * Exec closes that, so that its silence is the good news.
 *
 * Order, in two processes:
 *
 *      recorder                               child
 *      launch_program(): fork                 reads from go, blocked
 *      PTRACE_SEIZE (live.c)
 *      launch_go(): a byte                    filter_install(), execve
 *                                             its first stop is that of the exec, or of a call before it
 *      launch_exec_error(): end of report     (closed by exec), or the error, and _exit
 *
 * The child is a copy of this process until exec and does nothing there but read its byte, install the
 * filter and look for the program.
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

/*
 * As execvp(3) finds it: in the first folder of PATH that has one. 0, or -errno.
 *
 * An empty folder in PATH is the working directory. EACCES is kept while later folders are looked at, as
 * execvp(3) does. faccessat(2) with AT_EACCESS: as exec asks, by the effective user. @path is set where 0
 * is returned.
 */
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

/*
 * Before the fork: a name that is wrong needs no process, and no recording. What it says may be other in
 * a moment; exec has the last word.
 */
int launch_refusal(const char *name)
{
	char path[PATH_MAX];

	return find_program(name, path);
}

/* False also of what cannot be read: a program may be executable alone. */
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
 * nothing for one, and its error has to be seen. Returns where it fails, with errno.
 */
static void execute(char *const *argv)
{
	char path[PATH_MAX];

	if (!find_program(argv[0], path) && is_elf(path))
		execv(path, argv);
	else
		execvp(argv[0], argv);
}

/*
 * 125, 126, 127 are the statuses of a shell for what could not be started; with the error in the pipe
 * nobody has to guess from them.
 */
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

/* Two descriptors for each address space (observe_open()); the soft limit is often 1,024. */
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

/* Both pipes are close-on-exec in both processes, so the program gets neither. */
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

/* @l's descriptors are set in any case, -1 where there are none. */
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

/* A child that has been killed meanwhile makes it EPIPE, which is ignored: its end is reported. */
void launch_go(struct live *l)
{
	(void)!write(l->go_fd, "", 1);
	close(l->go_fd);
	l->go_fd = -1;
}

/*
 * Blocks until the pipe has its end, which is at exec or at the child's end: asked when the run is over.
 */
int launch_exec_error(struct live *l)
{
	int err = 0;

	if (read(l->report_fd, &err, sizeof(err)) != sizeof(err))
		err = 0;
	return err;
}
