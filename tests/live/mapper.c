/* SPDX-License-Identifier: MIT */
/*
 * Threads that map, write, cut, join and unmap in a loop, until there is a line on stdin, and look after each call
 * whether it did what it does alone.  The last line of stdout counts what did not; so a recorder that changed a result, or
 * lost a byte, is seen.
 *
 * usage: mapper THREADS [CHILDREN]
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE  4096ul
#define PAGES 16

static atomic_bool over;
static atomic_ulong rounds, surprises, ticks;

static void expect(bool true_alone)
{
	if (!true_alone)
		surprises++;
}

static void one_round(unsigned int seed)
{
	unsigned int middle = 1 + seed % (PAGES - 2);
	unsigned char *m =
		mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(m != MAP_FAILED);
	if (m == MAP_FAILED)
		return;
	for (unsigned int i = 0; i < PAGES; i += 1 + seed % 3)
		m[i * PAGE] = (unsigned char)(seed + i);
	expect(mprotect(m + middle * PAGE, PAGE, PROT_READ) == 0);
	expect(mprotect(m + middle * PAGE + 1, PAGE, PROT_READ) == -1 && errno == EINVAL);
	expect(mprotect(m + middle * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
	expect(munmap(m + middle * PAGE, PAGE) == 0);
	for (unsigned int i = 0; i < PAGES; i += 1 + seed % 3)
		expect(i == middle || m[i * PAGE] == (unsigned char)(seed + i));
	expect(munmap(m, PAGES * PAGE) == 0);
	rounds++;
}

static void *work(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;

	while (!over) {
		one_round(seed++);
		usleep(500);
	}
	return NULL;
}

static void child(unsigned int seed)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		for (unsigned int i = 0; i < 5; i++)
			one_round(seed + i);
		_exit(surprises ? 1 : 7);
	}
	expect(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void on_tick(int sig)
{
	ticks++;
}

int main(int argc, char **argv)
{
	unsigned int threads = argc > 1 ? (unsigned int)atoi(argv[1]) : 1;
	bool children = argc > 2;
	pthread_t thread[64];
	char line[64];

	/* One that is queued as often as it is sent. */
	sigaction(SIGRTMIN, &(struct sigaction){ .sa_handler = on_tick, .sa_flags = SA_RESTART }, NULL);
	for (unsigned int i = 0; i < threads && i < 64; i++)
		pthread_create(&thread[i], NULL, work, (void *)(uintptr_t)(1000 * i));
	puts("ready");
	fflush(stdout);
	for (unsigned int i = 0; children && i < (unsigned int)atoi(argv[2]); i++) {
		child(i);
		usleep(20000);
	}
	/* Blocked where a signal, or a stop, must not be seen. */
	expect(fgets(line, sizeof(line), stdin) != NULL);
	over = true;
	for (unsigned int i = 0; i < threads && i < 64; i++)
		pthread_join(thread[i], NULL);
	expect(rounds > 0);
	printf("%lu surprises, %lu signals\n", (unsigned long)surprises, (unsigned long)ticks);
	return 5;
}
