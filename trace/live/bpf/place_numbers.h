/* SPDX-License-Identifier: MIT */
/* What takes the places of places.h, in the kernel that runs. */
#ifndef LIVE_BPF_PLACE_NUMBERS_H
#define LIVE_BPF_PLACE_NUMBERS_H

#include <stdint.h>

#include "places.h"

struct btf;

/* 0: not found. Numbers of types in /sys/kernel/btf/vmlinux, which stay as long as the kernel runs. */
struct place_numbers {
	uint32_t function, types[PLACES];
};

/*
 * Find them, and write the types that the programs name (@programs: their own BTF) to @fd, as a BTF of the kernel's. 0; -ESRCH: one
 * is not there; -errno.
 */
int find_places(const struct btf *programs, int fd, struct place_numbers *p);
/* Programs that this thread loads from now on have their places filled from *@p. The handler's number, or -errno. */
int places_register(const struct place_numbers *p);

#endif
