/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Numbers of the machine that decide about calls, when somebody writes them: in the order of what happens under them. */
#ifndef LIVE_BPF_MACHINE_H
#define LIVE_BPF_MACHINE_H

#include "spaces.bpf.h"

/*
 * Everybody's writes to /proc/sys come here, before they are carried out. The name is relative to
 * /proc/sys. Returning 1 lets the write go on, whatever happens here.
 */
SEC("cgroup/sysctl")
int number_written(struct bpf_sysctl *ctx)
{
	char name[32] = { 0 };
	struct number_record *r;
	u32 which;

	if (!ctx->write || bpf_sysctl_get_name(ctx, name, sizeof(name), 0) < 0)
		return 1;
	if (!bpf_strncmp(name, sizeof(name), "vm/max_map_count"))
		which = NUMBER_MAX_MAP_COUNT;
	else if (!bpf_strncmp(name, sizeof(name), "vm/overcommit_memory"))
		which = NUMBER_OVERCOMMIT_MEMORY;
	else
		return 1;
	r = reserve(sizeof(*r), 0);
	if (!r)
		return 1;
	__builtin_memset(r, 0, sizeof(*r));
	r->head.type = RECORD_NUMBER;
	r->which = which;
	if (bpf_sysctl_get_new_value(ctx, r->text, sizeof(r->text)) < 0)
		r->text[0] = 0;
	submit(r);
	return 1;
}

#endif
