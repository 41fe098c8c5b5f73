/* SPDX-License-Identifier: MIT */
/* In place of tasks_bpf.c where the programs could not be built. */
#include <errno.h>

#include "internal.h"

struct tasks_bpf *tasks_bpf_open(char *error, size_t size)
{
	snprintf(error, size, "this vmaple was built without BPF: that takes clang, bpftool and libbpf-dev");
	return NULL;
}

int tasks_bpf_read(struct live_tasks *t)
{
	return -ENOTSUP;
}

void tasks_bpf_close(struct tasks_bpf *b)
{
}
