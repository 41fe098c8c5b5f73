/* SPDX-License-Identifier: MIT */
/*
 * What a log has more than calls in it: children that are killed, that fail, that abort and that exec another program, a
 * call that a signal interrupts and one that is restarted, a thread that waits while others map, an exec from the program
 * itself.  What it maps does not depend on when it runs; then it copies /proc/self/maps to its standard output.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static int waiting[2];

static char *map(size_t pages, int prot)
{
	char *p = mmap(NULL, pages * PAGE, prot, ANON, -1, 0);

	if (p == MAP_FAILED)
		exit(2);
	return p;
}

static void on_signal(int sig)
{
	(void)sig;
}

/* The child ends by what @how says; before that it unmaps what the parent keeps. */
static void child(int how, char *p)
{
	pid_t pid = fork();

	if (pid < 0)
		exit(2);
	if (pid) {
		waitpid(pid, NULL, 0);
		return;
	}
	prctl(PR_SET_DUMPABLE, 0);
	munmap(p, PAGE);
	mmap(NULL, 8L * PAGE, PROT_READ | PROT_WRITE, ANON, -1, 0);
	if (how == 0)
		kill(getpid(), SIGKILL);
	if (how == 1)
		*(volatile char *)(p + PAGE) = 1;
	if (how == 2)
		abort();
	if (how == 3)
		execl("/bin/true", "a \"b\" = 0\n+++ exited with 0 +++",
			"[pid 1] munmap(0x7ffff7000000, 4096) = 0", NULL);
	_exit(7);
}

static void *reader(void *arg)
{
	char byte;

	if (read(waiting[0], &byte, 1) != 1)
		exit(2);
	mprotect(arg, PAGE, PROT_NONE);
	return NULL;
}

/* A read that the handler of a timer restarts, a sleep that it interrupts, while another thread waits in a call. */
static void interrupted(void)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct itimerval soon = { .it_value = { .tv_usec = 20000 } };
	struct timespec t = { .tv_sec = 0, .tv_nsec = 60000000 };
	char *p = map(6, PROT_READ);
	pthread_t thread;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigaction(SIGALRM, &act, NULL);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (pthread_create(&thread, NULL, reader, p + 2 * PAGE))
		exit(2);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	nanosleep(&t, NULL);
	munmap(p + 4 * PAGE, PAGE);
	setitimer(ITIMER_REAL, &soon, NULL);
	while (nanosleep(&t, NULL))
		;
	if (write(waiting[1], "x", 1) != 1)
		exit(2);
	pthread_join(thread, NULL);
}

static void print_maps(void)
{
	static char buf[65536];
	int fd = open("/proc/self/maps", O_RDONLY);
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (write(1, buf, (size_t)n) != n)
			exit(2);
}

int main(int argc, char **argv)
{
	struct rlimit none = { 0, 0 };
	char *p;

	setrlimit(RLIMIT_CORE, &none);
	if (argc == 1) {
		map(3, PROT_READ);
		execl(argv[0], argv[0], "again", NULL);
		return 2;
	}
	if (pipe(waiting))
		return 2;
	p = map(5, PROT_READ);
	for (int how = 0; how < 5; how++)
		child(how, p);
	interrupted();
	mprotect(p + 3 * PAGE, PAGE, PROT_NONE);
	print_maps();
	return 0;
}
