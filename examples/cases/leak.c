/* SPDX-License-Identifier: MIT */
/*
 * A server that maps a buffer with a guard page for each request, and forgets to unmap it: 54 requests a second, 108
 * areas.
 *
 *   leak [SECONDS]
 */
#include <time.h>

#include "case.h"

#define BUFFER   (4 * PAGE)
#define REQUESTS 54

static culprit void handle_request(void)
{
	char *buffer = sys_mmap(NULL, BUFFER, READ_WRITE, ANONYMOUS, -1, 0);

	if (failed(buffer) || sys_mprotect(buffer, PAGE, PROT_NONE))
		exit(1);
	*(volatile char *)(buffer + PAGE) = 1;
}

int main(int argc, char **argv)
{
	unsigned long n = number(argc, argv, 1, 20) * REQUESTS;
	struct timespec pause = { 0, 1000000000 / REQUESTS }, next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (unsigned long i = 0; i < n; i++) {
		handle_request();
		next.tv_nsec += pause.tv_nsec;
		next.tv_sec += next.tv_nsec / 1000000000;
		next.tv_nsec %= 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	return 0;
}
