/* SPDX-License-Identifier: MIT */
/* What else the recorder asks of a scripted kernel, and the view of it as a whole (scripted.h). */
#include <errno.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "scripted.h"

static uint64_t scripted_page_size(void)
{
	return SCR_PAGE;
}

static uint64_t scripted_now_ns(void)
{
	return scr.now += 1000;
}

static int scripted_kill(pid_t tid, int sig)
{
	struct scr_task *t = scr_task(tid);

	if (!t)
		return scr_no_such_task();
	scr.kills += sig != 0;
	if (sig)
		scr.killed = tid;
	if (sig == SIGKILL)
		scr_killed(t, SIGKILL);
	return 0;
}

static int scripted_tgkill(pid_t tgid, pid_t tid, int sig)
{
	scr.last_signal = sig;
	return 0;
}

static bool scripted_read_memory(pid_t tid, uint64_t addr, void *buf, size_t size)
{
	if (scr_is_failing("read_memory"))
		return false;
	for (int i = 0; i < MAX_CHUNKS; i++)
		if (addr >= scr.chunks[i].at && addr + size <= scr.chunks[i].at + scr.chunks[i].size) {
			memcpy(buf, scr.chunks[i].bytes + (addr - scr.chunks[i].at), size);
			return true;
		}
	errno = EFAULT;
	return false;
}

static bool scripted_write_memory(pid_t tid, uint64_t addr, void *buf, size_t size)
{
	if (scr_is_failing("write_memory"))
		return false;
	for (int i = 0; i < MAX_CHUNKS; i++) {
		if (scr.chunks[i].size && scr.chunks[i].at != addr)
			continue;
		scr.chunks[i].at = addr;
		scr.chunks[i].size = size;
		memcpy(scr.chunks[i].bytes, buf, size < sizeof(scr.chunks[i].bytes) ? size : 0);
		return true;
	}
	return false;
}

static int scripted_get_limit(pid_t tid, int resource, struct rlimit *limit)
{
	if (scr_is_failing("get_limit"))
		return -1;
	*limit = (struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
	if (resource == RLIMIT_STACK)
		limit->rlim_cur = 8 << 20;
	return 0;
}

/* Files of the recorder's own lie between those of the program, by 10. */
static int place_of_file(pid_t pid, int fd)
{
	const struct scr_file *f = pid == getpid() ? NULL : scr_file(scr_tgid(pid), fd);

	return f ? f->id : pid == getpid() ? (fd - FIRST_FD) * 10 : -1;
}

static int scripted_kcmp(pid_t pid1, pid_t pid2, int type, unsigned long index1, unsigned long index2)
{
	int a, b;

	if (scr_is_failing("kcmp"))
		return -1;
	if (type == KCMP_VM)
		return scr_task(pid1) && scr_task(pid2) && scr_task(pid1)->mm == scr_task(pid2)->mm ? 0 : 1;
	a = place_of_file(pid1, (int)index1);
	b = place_of_file(pid2, (int)index2);
	if (a < 0 || b < 0) {
		errno = EBADF;
		return -1;
	}
	return a == b ? 0 : a < b ? 1 : 2;
}

static int scripted_each_thread(pid_t tgid, int (*visit)(void *ctx, pid_t tid), void *ctx)
{
	int stop = 0;

	if (scr_is_failing("each_thread"))
		return -ESRCH;
	for (int i = 0; i < MAX_TASKS && !stop; i++)
		if (scr.tasks[i].tid && scr.tasks[i].tgid == tgid)
			stop = visit(ctx, scr.tasks[i].tid);
	return stop;
}

static int scripted_launch(char *const *argv, struct launched *program)
{
	int go[2], report[2];

	if (scr_is_failing("launch"))
		return -errno;
	if (pipe(go) || pipe(report))
		return -errno;
	scr_add(100, 100, space_new())->filtered = true;
	if (scr.launch_error)
		(void)!write(report[1], &scr.launch_error, sizeof(scr.launch_error));
	close(report[1]);
	close(go[0]);
	*program = (struct launched){ .pid = 100, .go_fd = go[1], .report_fd = report[0] };
	return 0;
}

void scr_install(struct kernel_view *view)
{
	*view = scripted_files;
	view->launch = scripted_launch;
	view->ptrace = scripted_ptrace;
	view->waitpid = scripted_waitpid;
	view->waitid = scripted_waitid;
	view->wait_awhile = scripted_wait_awhile;
	view->kill = scripted_kill;
	view->tgkill = scripted_tgkill;
	view->now_ns = scripted_now_ns;
	view->page_size = scripted_page_size;
	view->read_memory = scripted_read_memory;
	view->write_memory = scripted_write_memory;
	view->get_limit = scripted_get_limit;
	view->kcmp = scripted_kcmp;
	view->each_thread = scripted_each_thread;
}
