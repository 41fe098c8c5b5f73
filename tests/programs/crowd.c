/* SPDX-License-Identifier: MIT */
/* 200 threads that live at once, each of which maps, cuts and unmaps; then it ends, while the others go on. */
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define THREADS 200
#define ROUNDS  6
#define PAGE    4096ul

static pthread_barrier_t all_there;

static void *maps(void *number)
{
	size_t pages = 3 + (size_t)number % 5;

	pthread_barrier_wait(&all_there);
	for (int round = 0; round < ROUNDS; round++) {
		char *p =
			mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return (void *)1;
		p[PAGE] = 1;
		if (mprotect(p + PAGE, PAGE, PROT_READ) || munmap(p + 2 * PAGE, PAGE) ||
			(round % 2 && munmap(p, pages * PAGE)))
			return (void *)1;
	}
	return NULL;
}

int main(void)
{
	static pthread_t threads[THREADS];
	pthread_attr_t small;
	void *failed, *any = NULL;

	pthread_barrier_init(&all_there, NULL, THREADS);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * 1024);
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], &small, maps, (void *)i)) {
			perror("pthread_create");
			_exit(2);
		}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &failed);
		any = failed ? failed : any;
	}
	return any ? 1 : 0;
}
