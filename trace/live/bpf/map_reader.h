/* SPDX-License-Identifier: MIT */
/* The program of map.bpf.c, loaded: it can be run again and again. */
#ifndef LIVE_BPF_MAP_READER_H
#define LIVE_BPF_MAP_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "record.h"

/* Opaque here: users of it need no header of libbpf's. */
struct map_reader;
/* With room for so many areas; NULL: the sentence says why. */
struct map_reader *map_reader_open(uint32_t room, char *error, size_t size);
void map_reader_close(struct map_reader *reader);
/* Run it; what it found lies in the reader. 0 or -errno: it cannot be run. */
int map_reader_read(struct map_reader *reader, pid_t pid, const struct map_request **answer);
/* Its areas, to be unmapped; NULL: they cannot be mapped. */
const struct named_bpf_area *map_reader_areas(struct map_reader *reader, size_t *bytes);

/* One of them, copied; for whoever cannot map any. False: there is none. */
bool map_reader_area(struct map_reader *reader, uint32_t index, struct named_bpf_area *area);

/* The number of a device as /proc shows it, major << 32 | minor; the kernel's own has 20 bits of minor. */
static inline uint64_t shown_device(uint32_t dev)
{
	return (uint64_t)(dev >> 20) << 32 | (dev & 0xfffff);
}

#endif /* LIVE_BPF_MAP_READER_H */
