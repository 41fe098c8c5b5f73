/* SPDX-License-Identifier: MIT */
/* In place of map_bpf.c where the programs could not be built. */
#include <errno.h>

#include "internal.h"

int map_read_bpf(struct reading *r, char *error, size_t size)
{
	snprintf(error, size, "this vmaple was built without BPF: that takes clang, bpftool and libbpf-dev");
	return -ENOTSUP;
}
