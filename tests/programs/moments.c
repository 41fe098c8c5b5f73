/* SPDX-License-Identifier: MIT */
/*
 * Ten kinds of programs whose recorder is killed (moments.py).  The first process of each locks a page, lets go of it and
 * says so by a byte on stdout, again and again: how much of it a recording has can be counted.  Around that is what a
 * recorder holds on to: threads, children, stops, tracers.  Each ends by itself after a while.
 */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "cases.h"

static char *page;
static long life_ns = 1000000000;

static long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Two locks more or less in the recording. */
static void tick(void)
{
	mlock(page, PAGE);
	munlock(page, PAGE);
	if (write(1, ".", 1) != 1)
		_exit(0);
	usleep(2000);
}

static void tick_to_the_end(void)
{
	for (long end = now() + life_ns; now() < end;)
		tick();
}

static void cut_and_join(void)
{
	char *p = place(64);

	for (long end = now() + life_ns, i = 0; now() < end; i++)
		mprotect(p + i % 64 * (long)PAGE, PAGE, i & 64 ? PROT_NONE : PROT_READ);
}

static void *cut_in_thread(void *unused)
{
	cut_and_join();
	return unused;
}

static pid_t child(void (*work)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		work();
		_exit(0);
	}
	return pid;
}

/* --- the kinds ------------------------------------------------------------------------------------------------ */

static void quiet(void)
{
	for (int i = 0; i < 20; i++)
		tick();
	usleep((useconds_t)(life_ns / 1000));
}

static void threads(void)
{
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, cut_in_thread, NULL);
	tick_to_the_end();
}

static void forks(void)
{
	for (long end = now() + life_ns; now() < end; tick())
		waitpid(child(tick), NULL, 0);
}

static void execs(void)
{
	for (long end = now() + life_ns; now() < end; tick()) {
		pid_t pid = vfork();

		if (pid == 0) {
			execl("/bin/true", "true", (char *)NULL);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
	}
}

static void many_children(void)
{
	for (int i = 0; i < 12; i++)
		child(cut_and_join);
	tick_to_the_end();
	while (wait(NULL) > 0)
		;
}

static void stop_often(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		raise(SIGSTOP);
		cut_and_join();
	}
}

static void stopped(void)
{
	pid_t pid = child(stop_often);

	for (long end = now() + life_ns; now() < end; tick())
		kill(pid, SIGCONT);
	kill(pid, SIGKILL);
}

static void deaf(void)
{
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	tick_to_the_end();
}

static void daemon_of_its_own(void)
{
	setsid();
	child(cut_and_join);
	tick_to_the_end();
}

static void leaves_a_daemon(void)
{
	waitpid(child(daemon_of_its_own), NULL, 0);
}

static void populates(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		char *p = mmap(NULL, 64ul << 20, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		munmap(p, 64ul << 20);
	}
}

static void blocked(void)
{
	pid_t pid = child(populates);

	tick_to_the_end();
	kill(pid, SIGKILL);
}

/* Its parent may be gone: then it has to come to its end, with calls that nobody answers any more. */
static void is_traced(void)
{
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	for (long end = now() + life_ns; now() < end;) {
		char *p = place(4);

		if (mprotect(p, PAGE, RW) || munmap(p - PAGE, 6 * PAGE)) {
			fprintf(stderr, "a call of a task that was let go: %s\n", strerror(errno));
			_exit(1);
		}
		usleep(1000);
	}
}

static void traces(void)
{
	pid_t pid = child(is_traced);

	(void)pid;
	tick_to_the_end();
	wait(NULL);
}

static const struct test_case kinds[] = {
	{ "busy", tick_to_the_end, "" },
	{ "quiet", quiet, "" },
	{ "threads", threads, "" },
	{ "forks", forks, "" },
	{ "execs", execs, "" },
	{ "children", many_children, "" },
	{ "stopped", stopped, "" },
	{ "deaf", deaf, "" },
	{ "daemon", leaves_a_daemon, "" },
	{ "blocked", blocked, "" },
	{ "traces", traces, "" },
};

int main(int argc, char **argv)
{
	const char *life = getenv("MOMENT_LIFE_MS");

	if (life)
		life_ns = atol(life) * 1000000;
	page = place(1);
	mprotect(page, PAGE, RW);
	return run_cases(kinds, sizeof(kinds) / sizeof(kinds[0]), argc, argv);
}
