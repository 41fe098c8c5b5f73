/* SPDX-License-Identifier: MIT */
/* What keeps BPF from being used here: asked before loading where it can be, else told by the error. */
#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "permitted.h"
#include "record.h"

#define INITIAL_PID_NAMESPACE 0xeffffffcu /* the inode of the first one, the same on every machine */

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static uint64_t effective_capabilities(void)
{
	char line[256];
	uint64_t caps = 0;
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "CapEff:", 7) == 0)
			caps = strtoull(line + 7, NULL, 16);
	if (f)
		fclose(f);
	return caps;
}

static int has_capabilities(void)
{
	uint64_t caps = effective_capabilities();
	uint64_t both = 1ull << CAP_BPF | 1ull << CAP_PERFMON;

	return caps >> CAP_SYS_ADMIN & 1 || (caps & both) == both;
}

static int in_first_pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) || st.st_ino == INITIAL_PID_NAMESPACE;
}

int bpf_permitted(char *error, size_t size)
{
	libbpf_set_print(quiet);
	if (!has_capabilities())
		snprintf(error, size, "BPF takes the capabilities CAP_BPF and CAP_PERFMON, or root");
	else if (access("/sys/kernel/btf/vmlinux", R_OK))
		snprintf(error, size,
			"this kernel has no BTF (/sys/kernel/btf/vmlinux), without which BPF programs cannot "
			"find their way in it");
	else if (!in_first_pid_namespace())
		snprintf(error, size, "BPF knows processes by their numbers outside of this pid namespace");
	else
		return 0;
	return -EPERM;
}

void bpf_refused(int err, char *error, size_t size)
{
	const char *why = strerror(-err);

	if (err == -EPERM || err == -EACCES)
		why = "the kernel refuses it: lockdown, a security module, or a container's seccomp profile "
		      "forbids "
		      "BPF";
	else if (err == -ENOENT || err == -EINVAL || err == -ESRCH)
		why = "this kernel lacks something that they need: it takes Linux 6.7 or newer";
	snprintf(error, size, "the BPF programs cannot be loaded: %s", why);
}

int map_status_error(uint32_t status, pid_t pid, char *error, size_t size)
{
	switch (status) {
	case STATUS_NO_TASK:
		snprintf(error, size, "there is no process %d", (int)pid);
		return -ESRCH;
	case STATUS_NO_SPACE:
		snprintf(error, size, "process %d has no map: it is a kernel thread, or has ended", (int)pid);
		return -ESRCH;
	case STATUS_32BIT:
		snprintf(error, size, "process %d is a 32-bit program", (int)pid);
		return -EAGAIN;
	case STATUS_BUSY:
		snprintf(error, size, "process %d changes its map all the time: the lock was never free",
			(int)pid);
		return -EAGAIN;
	default:
		snprintf(error, size, "process %d maps faster than its map can be read", (int)pid);
		return -EAGAIN;
	}
}
