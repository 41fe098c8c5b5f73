/* SPDX-License-Identifier: MIT */
/* Tasks of a scripted kernel, and the view that the recorder has of it: scripted.h. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scripted.h"

#define SYSCALL_STOP (SIGTRAP | 0x80)
#define TEXT_AT      0x555555554100ull
#define X32_BIT      0x40000000u

struct scripted scr;

void scr_complain(const char *format, ...)
{
	va_list args;
	int n;

	if (*scr.error || scr.lenient)
		return;
	n = snprintf(scr.error, sizeof(scr.error), "line %d: ", scr.line);
	va_start(args, format);
	vsnprintf(scr.error + n, sizeof(scr.error) - (size_t)n, format, args);
	va_end(args);
}

bool scr_is_failing(const char *member)
{
	for (int i = 0; i < MAX_FAILING; i++) {
		struct scr_failing *f = &scr.failing[i];

		if (strcmp(f->member, member) != 0 || (f->after && f->after--))
			continue;
		errno = f->error;
		return true;
	}
	return false;
}

/* --- tasks ------------------------------------------------------------------------------------------------------ */

struct scr_task *scr_task(pid_t tid)
{
	for (int i = 0; i < MAX_TASKS; i++)
		if (tid && scr.tasks[i].tid == tid)
			return &scr.tasks[i];
	return NULL;
}

struct scr_task *scr_add(pid_t tid, pid_t tgid, struct scr_space *mm)
{
	for (int i = 0; i < MAX_TASKS; i++) {
		if (scr.tasks[i].tid)
			continue;
		scr.tasks[i] = (struct scr_task){ .tid = tid, .tgid = tgid, .mm = mm, .mark = FILTER_MARK };
		scr.tasks[i].regs.rsp = SCR_TOP - 512;
		scr.tasks[i].regs.rip = TEXT_AT;
		return &scr.tasks[i];
	}
	scr_complain("too many tasks");
	return &scr.tasks[0];
}

void scr_report(pid_t tid, int status)
{
	if (scr.nr_reports == MAX_REPORTS) {
		scr_complain("too many reports");
		return;
	}
	scr.reports[scr.nr_reports].tid = tid;
	scr.reports[scr.nr_reports++].status = status;
}

void scr_event(struct scr_task *t, int event, unsigned long message)
{
	t->stop = AT_EVENT;
	t->event = event;
	t->message = message;
	scr_report(t->tid, event << 16 | SIGTRAP << 8 | 0x7f);
}

/* At the entry of the call that it is to make. */
void scr_enter(struct scr_task *t)
{
	uint64_t nr = t->nr | (t->abi == TRACE_ABI_X32 ? X32_BIT : 0);
	const uint64_t *a = t->args;

	t->in_call = true;
	t->refused = false;
	t->regs.orig_rax = nr;
	t->regs.rax = (uint64_t)-ENOSYS;
	t->regs.rip = TEXT_AT;
	t->regs.rdi = a[0];
	t->regs.rsi = a[1];
	t->regs.rdx = a[2];
	t->regs.r10 = a[3];
	t->regs.r8 = a[4];
	t->regs.r9 = a[5];
	if (t->abi == TRACE_ABI_I386)
		t->regs.rbx = a[0];
	t->stop = AT_ENTRY;
	t->puppet = t->regs;
	if (t->filtered)
		scr_report(t->tid, PTRACE_EVENT_SECCOMP << 16 | SIGTRAP << 8 | 0x7f);
	else
		scr_report(t->tid, SYSCALL_STOP << 8 | 0x7f);
}

/* It leaves where it stands for its last stop; what was to be reported of it is not any more. */
void scr_killed(struct scr_task *t, int status)
{
	t->listens = false;
	scr_event(t, PTRACE_EVENT_EXIT, (unsigned long)status);
}

static bool has_other_threads(const struct scr_task *t)
{
	for (int i = 0; i < MAX_TASKS; i++)
		if (scr.tasks[i].tid && &scr.tasks[i] != t && scr.tasks[i].tgid == t->tgid)
			return true;
	return false;
}

/* A first thread whose process goes on is there until that ends, and nothing is told of it. */
static void end(struct scr_task *t)
{
	struct scr_task *first = scr_task(t->tgid);

	if (t == first && has_other_threads(t)) {
		t->ended = true;
		return;
	}
	if (t->tid == 100 || t->stop == RUNS)
		scr_report(t->tid, (int)t->message);
	t->tid = 0;
	if (first && first->ended && !has_other_threads(first)) {
		first->ended = false;
		end(first);
	}
}

/* --- ptrace ----------------------------------------------------------------------------------------------------- */

static int no_such_task(void)
{
	errno = ESRCH;
	return -1;
}

static long go_on(struct scr_task *t, long request)
{
	bool ends = t->stop == AT_EVENT && t->event == PTRACE_EVENT_EXIT;

	t->by_syscall = request == PTRACE_SYSCALL;
	t->refused = t->in_call && (int64_t)t->regs.orig_rax == -1;
	/* Back before its call, it makes it again; for a step of the recorder's that is another one (step_puppet()). */
	if (t->refused && t->regs.rip < TEXT_AT && request == PTRACE_CONT) {
		scr_enter(t);
		return 0;
	}
	t->stop = RUNS;
	t->listens = request == PTRACE_LISTEN;
	if (ends)
		end(t);
	return 0;
}

static long seize(struct scr_task *t)
{
	if (t->traced) {
		errno = EPERM;
		return -1;
	}
	t->traced = true;
	return 0;
}

static long interrupt(struct scr_task *t)
{
	if (t->stop == RUNS) {
		t->stop = AT_EVENT;
		t->event = PTRACE_EVENT_STOP;
		scr_report(t->tid, PTRACE_EVENT_STOP << 16 | (t->listens ? SIGSTOP : SIGTRAP) << 8 | 0x7f);
	}
	return 0;
}

static long detach(struct scr_task *t)
{
	bool ends = t->stop == AT_EVENT && t->event == PTRACE_EVENT_EXIT;

	t->traced = t->filtered = false;
	if (ends)
		end(t);
	t->stop = RUNS;
	return 0;
}

static long signal_info(const struct scr_task *t, siginfo_t *info)
{
	*info = (siginfo_t){ .si_signo = SIGTRAP };
	if (t->stop == AT_EVENT)
		info->si_code = SIGTRAP | t->event << 8;
	else if (t->stop == AT_ENTRY && t->filtered)
		info->si_code = SIGTRAP | PTRACE_EVENT_SECCOMP << 8;
	if (t->stop == AT_SIGNAL) {
		info->si_signo = t->signal;
		info->si_code = !t->fault_at ? SI_USER : t->signal == SIGBUS ? BUS_ADRERR : SEGV_MAPERR;
		info->si_addr = (void *)t->fault_at;
	}
	return 0;
}

static long call_info(const struct scr_task *t, struct __ptrace_syscall_info *info)
{
	uint64_t nr = t->nr | (t->abi == TRACE_ABI_X32 ? X32_BIT : 0);

	*info = (struct __ptrace_syscall_info){ .arch = t->abi == TRACE_ABI_I386 ? AUDIT_ARCH_I386
										 : AUDIT_ARCH_X86_64,
		.instruction_pointer = t->regs.rip,
		.stack_pointer = t->regs.rsp };
	if (t->stop == AT_ENTRY) {
		info->op = t->filtered ? PTRACE_SYSCALL_INFO_SECCOMP : PTRACE_SYSCALL_INFO_ENTRY;
		info->seccomp.nr = nr;
		memcpy((void *)info->seccomp.args, t->args, sizeof(t->args));
		if (t->filtered)
			info->seccomp.ret_data = t->mark;
	} else if (t->stop == AT_EXIT) {
		info->op = PTRACE_SYSCALL_INFO_EXIT;
		info->exit.rval = (int64_t)t->regs.rax;
	}
	return (long)sizeof(*info);
}

static long ask(struct scr_task *t, long request, void *data)
{
	switch (request) {
	case PTRACE_GETSIGINFO:
		return signal_info(t, data);
	case PTRACE_GETEVENTMSG:
		*(unsigned long *)data = t->message;
		return 0;
	case PTRACE_GET_SYSCALL_INFO:
		return call_info(t, data);
	case PTRACE_GETREGS:
		*(struct user_regs_struct *)data = t->regs;
		return 0;
	case PTRACE_SETREGS:
		t->regs = *(struct user_regs_struct *)data;
		return 0;
	default:
		errno = EIO;
		return -1;
	}
}

static const char *name_of_request(long request)
{
	switch (request) {
	case PTRACE_SEIZE:
		return "seize";
	case PTRACE_GETREGS:
		return "getregs";
	case PTRACE_SETREGS:
		return "setregs";
	case PTRACE_GET_SYSCALL_INFO:
		return "callinfo";
	case PTRACE_INTERRUPT:
		return "interrupt";
	default:
		return "ptrace";
	}
}

static long scripted_ptrace(long request, pid_t tid, void *addr, void *data)
{
	struct scr_task *t = scr_task(tid);

	if (scr_is_failing(name_of_request(request)))
		return -1;
	if (!t)
		return no_such_task();
	if (request == PTRACE_SEIZE)
		return seize(t);
	if (!t->traced)
		return no_such_task();
	if (request == PTRACE_INTERRUPT)
		return interrupt(t);
	if (t->stop == RUNS)
		return no_such_task();
	if (request == PTRACE_DETACH)
		return detach(t);
	if (request == PTRACE_CONT || request == PTRACE_SYSCALL || request == PTRACE_LISTEN) {
		scr.last_signal = (int)(long)data;
		return go_on(t, request);
	}
	return ask(t, request, data);
}

/* --- waiting ---------------------------------------------------------------------------------------------------- */

static pid_t take_report(int i, int *status)
{
	pid_t tid = scr.reports[i].tid;

	*status = scr.reports[i].status;
	memmove(&scr.reports[i], &scr.reports[i + 1],
		sizeof(scr.reports[0]) * (size_t)(--scr.nr_reports - i));
	return tid;
}

/* Calls that are made in place of the task's own: from stop to stop, without the script. */
static pid_t step_puppet(struct scr_task *t, int *status)
{
	bool enters = (int64_t)t->regs.orig_rax == -1 && t->regs.rip != t->puppet.rip;

	if (t->stop != RUNS || !t->by_syscall || scr_is_failing("puppet")) {
		errno = ECHILD;
		return -1;
	}
	if (enters) {
		t->regs.orig_rax = t->regs.rax;
		t->regs.rip = t->puppet.rip;
		t->stop = AT_ENTRY;
	} else {
		t->regs.rax = (uint64_t)(t->regs.orig_rax == SYS_seccomp ? scr.puppet_result : 0);
		t->stop = AT_EXIT;
	}
	*status = SYSCALL_STOP << 8 | 0x7f;
	return t->tid;
}

static pid_t wait_for(pid_t tid, int *status, int options)
{
	struct scr_task *t = scr_task(tid);

	for (int i = 0; i < scr.nr_reports; i++)
		if (scr.reports[i].tid == tid)
			return take_report(i, status);
	if (options & WNOHANG)
		return 0;
	if (t)
		return step_puppet(t, status);
	errno = ECHILD;
	return -1;
}

static bool any_task(void)
{
	for (int i = 0; i < MAX_TASKS; i++)
		if (scr.tasks[i].tid && scr.tasks[i].traced)
			return true;
	return false;
}

static pid_t scripted_waitpid(pid_t tid, int *status, int options)
{
	int nothing;

	return wait_for(tid, status ? status : &nothing, options);
}

static pid_t scripted_wait_awhile(int *status)
{
	while (!scr.nr_reports && scr_step())
		;
	if (scr.nr_reports)
		return take_report(0, status);
	if (scr.now < scr.wait_until || (any_task() && scr.leave)) {
		scr.now += TICK_NS;
		return 0;
	}
	/* Nothing more will come. */
	errno = ECHILD;
	return -1;
}

static int scripted_waitid(pid_t tid, siginfo_t *info, int options)
{
	info->si_pid = 0;
	return 0;
}

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
		return no_such_task();
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

/* --- what a task is asked --------------------------------------------------------------------------------------- */

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
