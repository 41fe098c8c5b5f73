/* SPDX-License-Identifier: MIT */
/* Programs that a tracer could disturb (as_alone.h): they ask for another one, are traced by it, and let go. */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "as_alone.h"

/* What a tracer finds, and that the traced one's calls go on: its lowest free descriptor says that none is left open. */
static void is_traced_to_its_end(pid_t pid, int lowest)
{
	int status;

	expect(ptrace(PTRACE_CONT, pid, 0, 0) == 0);
	expect(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	expect(WEXITSTATUS(status) == lowest);
}

static int lowest_descriptor(void)
{
	int fd = dup(1);

	close(fd);
	return fd;
}

static void traced_by_parent(void)
{
	int status, lowest = lowest_descriptor();
	pid_t pid = fork();

	if (!pid) {
		expect(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
		raise(SIGSTOP);
		map_a_little();
		_exit(dup(1));
	}
	expect(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	is_traced_to_its_end(pid, lowest);
	map_a_little();
}

static int asks_for_a_tracer_by_int80(void *unused)
{
	(void)unused;
	expect(int80(I386_PTRACE, PTRACE_TRACEME, 0, NULL) == 0);
	raise(SIGSTOP);
	map_a_little();
	_exit(dup(1));
}

static void traced_by_int80(void)
{
	int status, lowest = lowest_descriptor();
	pid_t pid = child_on_low_stack(asks_for_a_tracer_by_int80);

	expect(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	is_traced_to_its_end(pid, lowest);
	map_a_little();
}

static volatile sig_atomic_t interruptions;

/* The next comes in 20 microseconds, and later with each 32: a stop at each may take longer than that, and nothing else would run. */
static void interrupts_again(int sig)
{
	struct itimerval next = { { 0, 0 }, { 0, 20 + 20 * (interruptions++ / 32) } };
	int error = errno;

	(void)sig;
	setitimer(ITIMER_REAL, &next, NULL);
	errno = error;
}

/* Signals whose handler restarts nothing: the call is done, or it is not. */
static void asks_for_a_tracer_beside_signals(void)
{
	struct sigaction action = { .sa_handler = interrupts_again };
	struct itimerval never = { { 0, 0 }, { 0, 0 } };

	sigaction(SIGALRM, &action, NULL);
	raise(SIGALRM);
	if (ptrace(PTRACE_TRACEME, 0, 0, 0))
		_exit(errno);
	setitimer(ITIMER_REAL, &never, NULL);
	_exit(0);
}

static void traced_beside_signals(void)
{
	int status;

	for (int i = 0; i < 40; i++) {
		pid_t pid = fork();

		if (!pid)
			asks_for_a_tracer_beside_signals();
		while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status))
			ptrace(PTRACE_CONT, pid, 0, 0);
		expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	map_a_little();
}

/* Is the page as mprotect was asked to make it? */
static bool is_writable(char *page)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	bool can = read(fd, page, 1) == 1;

	close(fd);
	return can;
}

/*
 * With another tracer its calls are done, or EINTR and not done: that only where the handler restarts nothing, and never of a
 * call that would say it alone.
 */
static void calls_beside_signals(int flags)
{
	struct sigaction action = { .sa_handler = interrupts_again, .sa_flags = flags };
	struct itimerval never = { { 0, 0 }, { 0, 0 } };
	char *page = mmap(NULL, PAGE, RW, PRIVATE, -1, 0);

	expect(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
	sigaction(SIGALRM, &action, NULL);
	raise(SIGALRM);
	for (int i = 0; i < 400; i++) {
		bool was = is_writable(page), done = mprotect(page, PAGE, i % 2 ? RW : PROT_READ) == 0;

		expect(done || (errno == EINTR && !(flags & SA_RESTART)));
		expect(is_writable(page) == (done ? i % 2 != 0 : was));
	}
	setitimer(ITIMER_REAL, &never, NULL);
	_exit(0);
}

static void let_go_beside_signals(void)
{
	for (int i = 0; i < 2; i++) {
		int status;
		pid_t pid = fork();

		if (!pid)
			calls_beside_signals(i ? SA_RESTART : 0);
		while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status))
			ptrace(PTRACE_CONT, pid, 0, WSTOPSIG(status));
		expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	map_a_little();
}

static void seized_by_parent(void)
{
	int status, lowest = lowest_descriptor();
	pid_t pid = fork();

	if (!pid) {
		raise(SIGSTOP);
		map_a_little();
		_exit(dup(1));
	}
	expect(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
	expect(ptrace(PTRACE_SEIZE, pid, 0, 0) == 0);
	expect(kill(pid, SIGCONT) == 0);
	expect(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	while (!(WSTOPSIG(status) == SIGCONT && status >> 16 == 0)) {
		expect(ptrace(PTRACE_CONT, pid, 0, 0) == 0);
		expect(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	}
	is_traced_to_its_end(pid, lowest);
	map_a_little();
}

static const struct test_case all[] = {
	{ "traced-by-parent", traced_by_parent, "lost=1 bpf:lost=0" },
	{ "traced-by-int80", traced_by_int80, "lost=1 bpf:lost=0" },
	{ "traced-beside-signals", traced_beside_signals, "lost=40 bpf:lost=0" },
	{ "let-go-beside-signals", let_go_beside_signals, "lost=2 bpf:lost=0" },
	{ "seized-by-parent", seized_by_parent, "lost=1 bpf:lost=0" },
};

CASES_MAIN(all)
