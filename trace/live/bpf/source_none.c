/* SPDX-License-Identifier: MIT */
/* In place of source.c where the programs could not be built. */
#include <errno.h>
#include <stdio.h>

#include <vmaple/live_bpf.h>

int live_bpf_start(struct live_bpf **source, const struct live_bpf_options *options, char *error, size_t size)
{
	snprintf(error, size, "this vmaple was built without BPF: that takes clang, bpftool and libbpf-dev");
	return -ENOTSUP;
}

const struct trace_header *live_bpf_header(const struct live_bpf *s)
{
	return NULL;
}

int live_bpf_run(struct live_bpf *s, struct trace_sink *sink, int *status)
{
	return -ENOTSUP;
}

void live_bpf_free(struct live_bpf *s)
{
}
