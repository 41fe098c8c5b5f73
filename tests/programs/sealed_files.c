/* SPDX-License-Identifier: MIT */
/* Memory files that are sealed against writing, and memory that the kernel itself cannot reach: memfd_secret(2). */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "cases.h"

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif

static int sealed(int seals)
{
	int fd = memfd_create("sealed", MFD_ALLOW_SEALING);

	need(fd >= 0 && ftruncate(fd, 16 * PAGE) == 0, "memfd_create");
	need(fcntl(fd, F_ADD_SEALS, seals) == 0, "F_ADD_SEALS");
	return fd;
}

/* What every seal decides about, beside what was mapped before. */
static void use(int fd)
{
	char *at = place(32);

	mmap(at, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
	mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
	mmap(at, 4 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	mprotect(at + PAGE, PAGE, RW);
	mprotect(at + PAGE, PAGE, PROT_NONE);
	mmap(at + 4 * PAGE, 4 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 4 * PAGE);
	at[4 * PAGE] = 1;
	mprotect(at + 5 * PAGE, PAGE, PROT_READ);
	mmap(at + 8 * PAGE, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd, 0);
	mmap(at + 4 * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 4 * PAGE);
}

static void write_seal(void)
{
	use(sealed(F_SEAL_WRITE));
}

static void future_write(void)
{
	use(sealed(F_SEAL_FUTURE_WRITE));
}

static void exec_seal(void)
{
	use(sealed(F_SEAL_EXEC));
}

/* What was mapped before stays as it is, and is not joined by what comes. */
static void sealed_later(void)
{
	int fd = sealed(F_SEAL_GROW);
	char *at = place(16);

	need(mmap(at, 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0) == at, "mmap");
	mprotect(at, 4 * PAGE, PROT_READ);
	need(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0, "F_ADD_SEALS");
	mmap(at + 4 * PAGE, 4 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 4 * PAGE);
	mprotect(at + PAGE, 2 * PAGE, RW);
	mprotect(at + 5 * PAGE, PAGE, RW);
	mprotect(at, 4 * PAGE, PROT_READ);
	use(fd);
}

static int secret(void)
{
	int fd = (int)syscall(SYS_memfd_secret, 0);

	need(fd >= 0, "memfd_secret");
	need(ftruncate(fd, 64 * PAGE) == 0, "ftruncate");
	return fd;
}

static void secret_memory(void)
{
	int fd = secret();
	char *at = place(64);

	mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	need(mmap(at, 16 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0) == at, "mmap");
	mmap(at + 16 * PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, (off_t)(16 * PAGE));
	at[0] = 1;
	munlock(at, PAGE);
	mlock(at, PAGE);
	mprotect(at + PAGE, PAGE, PROT_READ);
	mprotect(at + PAGE, PAGE, PROT_READ | PROT_EXEC);
	madvise(at, PAGE, MADV_DONTNEED);
	madvise(at, PAGE, MADV_DODUMP);
	mremap(at + 8 * PAGE, 9 * PAGE, 12 * PAGE, MREMAP_MAYMOVE);
	munmap(at + 4 * PAGE, PAGE);
	munlockall();
}

static void secret_beyond_the_limit(void)
{
	struct rlimit limit = { 2 * PAGE, 2 * PAGE };
	int fd = secret();
	char *at = place(64);

	need(setrlimit(RLIMIT_MEMLOCK, &limit) == 0, "setrlimit");
	need(geteuid() || setresuid(65534, 65534, 65534) == 0, "setresuid");
	mmap(at, 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
	mmap(at + 8 * PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
	mmap(NULL, 16 * PAGE, RW, MAP_SHARED, fd, 0);
	mmap(at, 3 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
}

static const struct test_case cases[] = { { "write", write_seal, "" }, { "future-write", future_write, "" },
	{ "exec", exec_seal, "" }, { "later", sealed_later, "" }, { "secret", secret_memory, "" },
	{ "secret-beyond-the-limit", secret_beyond_the_limit, "" } };
CASES_MAIN(cases)
