/* SPDX-License-Identifier: MIT */
/* What a log of strace says in its own way: segments that are removed, files that are renamed and unlinked, an exec in a thread. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096

static void *area(int flags, int fd, off_t offset)
{
	char *at = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, flags, fd, offset);

	if (at == MAP_FAILED)
		exit(1);
	at[0] = 1;
	return at;
}

/* One removed before a second look at it, one with a key that stays in its name. */
static void segments(void)
{
	int unnamed = shmget(IPC_PRIVATE, 3 * PAGE, IPC_CREAT | 0600);
	int named = shmget((key_t)getpid() | 0x1000000, PAGE, IPC_CREAT | 0600);
	char *at = shmat(unnamed, NULL, 0);

	shmctl(unnamed, IPC_RMID, NULL);
	if (shmat(unnamed, NULL, SHM_RDONLY) == (void *)-1 || shmat(named, NULL, 0) == (void *)-1 ||
		munmap(at + PAGE, PAGE))
		exit(1);
	shmctl(named, IPC_RMID, NULL);
}

static void files(void)
{
	char first[] = "/tmp/taken-over.XXXXXX", second[sizeof(first) + 1];
	int fd = mkstemp(first), gone;

	snprintf(second, sizeof(second), "%s2", first);
	if (fd < 0 || ftruncate(fd, 16 * PAGE))
		exit(1);
	area(MAP_SHARED, fd, 0);
	if (rename(first, second))
		exit(1);
	area(MAP_SHARED, fd, 4 * PAGE);
	gone = open(second, O_RDWR | O_CLOEXEC);
	if (gone < 0 || unlink(second))
		exit(1);
	area(MAP_SHARED, gone, 8 * PAGE);
	area(MAP_PRIVATE, fd, 12 * PAGE);
	close(fd);
	close(gone);
}

static void *exec(void *path)
{
	area(MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	execl(path, path, "over", NULL);
	exit(1);
}

static void *rest(void *unused)
{
	for (;;)
		pause();
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t resting, other;
	pid_t child;

	segments();
	files();
	child = fork();
	if (child == 0)
		_exit(munmap(area(MAP_SHARED | MAP_ANONYMOUS, -1, 0), PAGE));
	if (child < 0 || waitpid(child, NULL, 0) != child)
		return 1;
	if (argc > 1)
		return 0;
	if (pthread_create(&resting, NULL, rest, NULL) || pthread_create(&other, NULL, exec, argv[0]))
		return 1;
	pthread_join(other, NULL);
	return 1;
}
