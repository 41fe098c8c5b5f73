/* SPDX-License-Identifier: MIT */
/* What keeps BPF from being used here, in one sentence that names the capability or the setting. */
#ifndef LIVE_BPF_PERMITTED_H
#define LIVE_BPF_PERMITTED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* 0; -EPERM and the sentence: not worth trying. Silences libbpf, which would write to stderr. */
int bpf_permitted(char *error, size_t size);
/* Why loading or running a program failed with @err. */
void bpf_refused(int err, char *error, size_t size);
/* The sentence for an enum map_status other than STATUS_READ: -ESRCH where no other source could read it, either, or -EAGAIN. */
int map_status_error(uint32_t status, pid_t pid, char *error, size_t size);

#endif /* LIVE_BPF_PERMITTED_H */
