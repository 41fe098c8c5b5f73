/* SPDX-License-Identifier: MIT */
/*
 * What keeps BPF from being used here: asked before loading where it can be, else told by the error.
 *
 * Three ways to the reason. Before loading: capabilities, BTF and the pid namespace are asked for,
 * because of each the kernel would say no more than EPERM. After a failure: the kernel's BTF is searched
 * for what the programs need by name (needed[]). Where all of that is there, the error itself is put
 * into words.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "permitted.h"
#include "record.h"

#define INITIAL_PID_NAMESPACE 0xeffffffcu /* the inode of the first one, the same on every machine */

/* libbpf's callback for its log, which would be written to stderr. */
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

/* CAP_SYS_ADMIN includes both, as it did before they were cut out of it (5.8). */
static int has_capabilities(void)
{
	uint64_t caps = effective_capabilities();
	uint64_t both = 1ull << CAP_BPF | 1ull << CAP_PERFMON;

	return caps >> CAP_SYS_ADMIN & 1 || (caps & both) == both;
}

/* True also where that cannot be asked: loading will tell. */
static int in_first_pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) || st.st_ino == INITIAL_PID_NAMESPACE;
}

/* libbpf's print function is the process's, and stays off. */
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

/*
 * What the programs find in a kernel by its name, and the oldest one that has it. Asked only when loading
 * has failed, to name what is missing.
 */
static const struct {
	const char *name, *member, *since;
	uint32_t kind;
} needed[] = {
	{ "bpf_rdonly_cast", NULL, "6.2", BTF_KIND_FUNC },
	{ "bpf_task_from_pid", NULL, "6.2", BTF_KIND_FUNC },
	{ "mm_struct", "mm_mt", "6.1", BTF_KIND_STRUCT },
	{ "mm_struct", "mm_lock_seq", "6.4", BTF_KIND_STRUCT },
	{ "btf_trace_mmap_lock_acquire_returned", NULL, "5.11 with CONFIG_TRACING", BTF_KIND_TYPEDEF },
	{ "btf_trace_mmap_lock_released", NULL, "5.11 with CONFIG_TRACING", BTF_KIND_TYPEDEF },
	{ "btf_trace_ma_write", NULL, "6.1 with CONFIG_TRACING", BTF_KIND_TYPEDEF },
	{ "btf_trace_vm_unmapped_area", NULL, "5.10 with CONFIG_TRACING", BTF_KIND_TYPEDEF },
};

/* Members without a name are looked into: mm_struct is such a one as a whole. */
static bool has_member(const struct btf *btf, int32_t id, const char *member)
{
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;

	for (uint32_t i = 0; t && btf_is_composite(t) && i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const char *name = btf__name_by_offset(btf, m->name_off);

		if (strcmp(name, member) == 0 || (!*name && has_member(btf, (int32_t)m->type, member)))
			return true;
	}
	return false;
}

/* False: all is there. */
static bool name_what_is_missing(char *error, size_t size)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool found = true;

	for (size_t i = 0; btf && found && i < sizeof(needed) / sizeof(needed[0]); i++) {
		int32_t id = btf__find_by_name_kind(btf, needed[i].name, needed[i].kind);

		found = needed[i].member ? has_member(btf, id, needed[i].member) : id > 0;
		if (!found)
			snprintf(error, size,
				"the BPF programs cannot be loaded: this kernel has no %s%s%s, which Linux "
				"has "
				"since %s",
				needed[i].name, needed[i].member ? "." : "",
				needed[i].member ? needed[i].member : "", needed[i].since);
	}
	btf__free(btf);
	return !found;
}

/* @err is negative. libbpf's own errors and the verifier's are among EINVAL, ENOENT and ESRCH. */
void bpf_refused(int err, char *error, size_t size)
{
	const char *why = strerror(-err);

	if (err != -ENOMEM && err != -EFBIG && name_what_is_missing(error, size))
		return;
	if (err == -EPERM || err == -EACCES)
		why = "the kernel refuses it: lockdown, a security module, or a container's seccomp profile "
		      "forbids "
		      "BPF";
	else if (err == -EFBIG)
		why = "RLIMIT_FSIZE (ulimit -f) is lower than what they need, and to do without takes "
		      "CAP_CHECKPOINT_RESTORE, or root";
	else if (err == -ENOENT || err == -EINVAL || err == -ESRCH)
		why = "this kernel lacks something that they need: they were tried on Linux 6.12 to 7.3";
	snprintf(error, size, "the BPF programs cannot be loaded: %s", why);
}

/* The number of the reader's own status as a sentence; errno -EOPNOTSUPP for a 32-bit program. */
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
		snprintf(error, size, "process %d is a 32-bit program, which BPF does not follow", (int)pid);
		return -EOPNOTSUPP;
	case STATUS_BUSY:
		snprintf(error, size, "process %d changes its map all the time: the lock was never free",
			(int)pid);
		return -EAGAIN;
	default:
		snprintf(error, size, "process %d maps faster than its map can be read", (int)pid);
		return -EAGAIN;
	}
}
