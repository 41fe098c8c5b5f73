/* SPDX-License-Identifier: MIT */
/*
 * The source over BPF: its programs are loaded, and what they share with this process is opened.
 *
 * Order: permission, open (places), constants, load, ring, rows, attach, numbers of the machine.
 * Constants (.rodata) cannot be changed behind loading, and sizes of maps neither. Loading is what
 * takes longest: whether it is told to end is asked around it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <vmaple/live_bpf.h>

#include "permitted.h"
#include "source.h"
#include "source.skel.h" /* after the records that it has */
#include "uapi.h"

#define RING_BYTES       (1u << 23)
#define SCOPE_RING_BYTES (1u << 25) /* many processes write to it */
#define STACK_RING_BYTES (1u << 26) /* a call has 16 KiB */

/* The calls that are told: those of the one table at which the other source stops, and that become a record. */
static void want_calls(uint8_t *wanted)
{
#define WANT(name, nr, i386, x32, newer, stop, ...) \
	if ((stop) != STOP_NEVER && NR_##name >= 0) \
		wanted[NR_##name] = 1;
	SYSTEM_CALLS(WANT)
#undef WANT
	/* These have records of their own, or are about the other source alone. */
	wanted[NR_execve] = wanted[NR_execveat] = wanted[NR_ptrace] = wanted[NR_seccomp] = 0;
	wanted[NR_userfaultfd] = 0;
}

/* The reader looks now and then, and is woken when much waits.  Edges count: there is something to read nearly all the time. */
static int watch_ring(struct live_bpf *s)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };

	s->wake_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->wake_fd < 0 || epoll_ctl(s->wake_fd, EPOLL_CTL_ADD, bpf_map__fd(s->skel->maps.records), &e))
		return -errno;
	return 0;
}

/*
 * The programs, not loaded yet, with the types that they name of this kernel in a small BTF of their
 * own (places.c). NULL and errno. btf_custom_path is where libbpf looks for the kernel's types; a path
 * of /proc/self/fd names the memfd, which holds nothing until find_places() has written to it: libbpf
 * reads it when the programs are loaded.
 */
static struct source_program *open_programs(struct live_bpf *s)
{
	char path[64];
	LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = path);
	int handler = places_register(&s->places), err;
	struct source_program *skel = NULL;

	s->types_fd = memfd_create("kernel types", MFD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", s->types_fd);
	if (handler >= 0 && s->types_fd >= 0)
		skel = source_program__open_opts(&options);
	err = skel ? find_places(bpf_object__btf(skel->obj), s->types_fd, &s->places) : -errno;
	if (skel && err) {
		source_program__destroy(skel);
		skel = NULL;
	}
	errno = -err;
	return skel;
}

/*
 * BPF_F_MMAPABLE: the same memory as the programs', so that a store here is seen by the next program to
 * run.
 */
static int map_rows(struct live_bpf *s)
{
	void *rows = mmap(NULL, SPACE_ROWS * sizeof(*s->rows), PROT_READ | PROT_WRITE, MAP_SHARED,
		bpf_map__fd(s->skel->maps.rows), 0);

	if (rows == MAP_FAILED)
		return -errno;
	s->rows = rows;
	return 0;
}

/* A power of two, and whole pages, as the kernel wants it. */
static uint32_t ring_bytes(const struct live_bpf *s)
{
	return s->options.stacks ? STACK_RING_BYTES : is_scope(s) ? SCOPE_RING_BYTES : RING_BYTES;
}

/* -EINTR, which the caller tells apart from failures. */
static int told_to_end(char *error, size_t size)
{
	snprintf(error, size, "it was told to end before it began");
	return -EINTR;
}

/* 0, or -errno and one sentence. What was made until then is freed by live_bpf_free(). */
int load(struct live_bpf *s, char *error, size_t size)
{
	int err = bpf_permitted(error, size);

	if (err)
		return err;
	s->skel = open_programs(s);
	if (!s->skel) {
		bpf_refused(-errno, error, size);
		return -EPERM;
	}
	if (is_told_to_end(s))
		return told_to_end(error, size);
	want_calls(s->skel->rodata->wanted);
	s->skel->rodata->wants_stacks = s->options.stacks;
	s->skel->bss->last_space = 1;
	if (bpf_map__set_max_entries(s->skel->maps.records, ring_bytes(s)))
		return -ENOMEM;
	machine_prepare(s);
	err = source_program__load(s->skel);
	if (err) {
		bpf_refused(err, error, size);
		return err;
	}
	if (is_told_to_end(s))
		return told_to_end(error, size);
	err = ring_open(
		&s->ring, bpf_map__fd(s->skel->maps.records), bpf_map__max_entries(s->skel->maps.records));
	if (!err)
		err = watch_ring(s);
	if (!err)
		err = map_rows(s);
	if (!err)
		/*
		 * Only now records come: rows are empty, so that each is passed over until something is
		 * followed.
		 */
		err = source_program__attach(s->skel);
	if (!err)
		machine_begin(s);
	if (err)
		bpf_refused(err, error, size);
	return err;
}
