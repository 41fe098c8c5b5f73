/* SPDX-License-Identifier: MIT */
/*
 * Whose mappings are not the map's alone: files of drivers.
 *
 * A driver may refuse a mapping for reasons of its own, place it elsewhere, or add flags.  The recorder reads the flags; what
 * is refused or placed cannot be foretold, and such a disagreement is *foreign*: counted apart, by driver.  The table says
 * what is known of whom, and where in Linux that is written (6.12 and 6.18); whoever is not in it is "a driver".
 *
 * Files of huge pages are mapped as the map says, unless the pool has too few: only that refusal is foreign, of a call with
 * MAP_HUGETLB that has no file yet only where it asks for a place, for then what was there may be gone.
 */
#include <errno.h>
#include <string.h>

#include "internal.h"
#include "uapi.h"

/* Constant. Names are compared by address where it is the pool's, by text else. */
struct driver {
	const char *path; /* the beginning of what maps shows */
	const char *name;
	const char *does;
};

static const struct driver drivers[] = {
	/* io_uring/memmap.c: an address that is asked for, more than the ring has, access to execute; VM_DONTEXPAND */
	{ "anon_inode:[io_uring]", "io_uring",
		"refuses addresses, private mappings and offsets that are no ring's" },
	/* kernel/events/core.c, perf_mmap(): shared, 2^n + 1 pages, an aux area after the first, RLIMIT_MEMLOCK */
	{ "anon_inode:[perf_event]", "perf", "takes shared mappings of 2^n + 1 pages within its own limit" },
	/* kernel/bpf/syscall.c, bpf_map_mmap(): shared, frozen maps not writable, a size that fits; VM_MAYEXEC goes */
	{ "anon_inode:bpf-map", "bpf", "takes shared mappings that its map allows, never to be executed" },
	/* virt/kvm/kvm_main.c, kvm_vcpu_mmap(): shared and not executable where the dirty ring lies */
	{ "anon_inode:kvm", "kvm", "takes what its virtual CPU has to share" },
	{ "/dev/kvm", "kvm", "has nothing to map: its virtual CPUs have" },
	/* drivers/vfio/vfio_main.c, pci/vfio_pci_core.c: shared, a region that can be mapped, within it */
	{ "anon_inode:[vfio", "vfio", "takes shared mappings within a region of its device" },
	{ "/dev/vfio/", "vfio", "takes shared mappings within a region of its device" },
	/* drivers/gpu/drm/drm_gem.c: an offset that is an object's, and the right to it */
	{ "/dev/dri/", "drm", "takes mappings of buffer objects, found by their offset" },
	/* drivers/dma-buf/dma-buf.c, dma_buf_mmap_internal(): within the buffer, if its exporter can */
	{ "/dmabuf:", "dma-buf", "takes mappings within a buffer, if its exporter does" },
	/* net/packet/af_packet.c: the ring's whole size at offset 0; net/ipv4/tcp.c: read only; net/xdp/xsk.c: one ring */
	{ "socket:", "socket", "takes mappings of its ring's whole size, a TCP socket only for reading" },
	/* fs/aio.c: made by io_setup, VM_DONTEXPAND; mremap only by its own process */
	{ "/[aio]", "aio", "makes its ring itself, and moves it with the process that made it only" },
	/* drivers/char/mem.c: mmap_mem(), what of physical memory may be mapped */
	{ "/dev/mem", "mem", "takes what of physical memory may be mapped" },
	/* fs/kernfs/file.c, drivers/pci/mmap.c: attributes that can be mapped at all, within their size */
	{ "/sys/", "sysfs", "takes mappings of attributes that have one, within their size" },
	{ "/proc/", "proc", "takes mappings of the few files that have one" },
};

#define NR_DRIVERS (sizeof(drivers) / sizeof(drivers[0]))

static const struct driver other = { "", "a driver", "decides itself" };
/* fs/hugetlbfs/inode.c, hugetlbfs_file_mmap(): pages are set aside when they are mapped */
static const struct driver pool = { "", "the pool of huge pages", "has too few, or keeps them for others" };

/* The first in the table whose beginning fits. */
static const struct driver *find_driver(const char *path)
{
	for (size_t i = 0; i < NR_DRIVERS; i++)
		if (strncmp(path, drivers[i].path, strlen(drivers[i].path)) == 0)
			return &drivers[i];
	return NULL;
}

/*
 * Who decides about mappings of the file; NULL: the map alone. Any device has a driver, of the table or
 * not; a path in a file system (a file named /dev/mem in a chroot is a device or nothing) only if it is
 * none of a directory: "anon_inode:", "socket:", "/[aio]".
 */
const char *driver_of_file(uint32_t kind, const char *path)
{
	const struct driver *d = find_driver(path);

	if (kind == TRACE_FILE_DEVICE)
		return (d ? d : &other)->name;
	/*
	 * What maps shows without a directory is no file of a file system: a regular file under /sys/ or
	 * /dev/ is not a driver's.
	 */
	return d && (path[0] != '/' || path[1] == '[') ? d->name : NULL;
}

uint64_t flags_of_driver(const char *path)
{
	const struct driver *d = find_driver(path);

	return d && strcmp(d->name, "aio") == 0 ? VM_DONTEXPAND : 0;
}

const char *driver_that_refuses(const struct vm_file *file, int64_t result)
{
	if (file && file->kind == VM_FILE_HUGETLB && result == -ENOMEM)
		return pool.name;
	return driver_of(file);
}

const char *pool_that_refuses(const struct trace_call *c)
{
	const uint64_t anonymous_huge = MAP_ANONYMOUS | MAP_HUGETLB;

	return (c->args[3] & anonymous_huge) == anonymous_huge && c->result == -ENOMEM ? pool.name : NULL;
}

const char *driver_habit(const char *name)
{
	if (name == pool.name)
		return pool.does;
	for (size_t i = 0; i < NR_DRIVERS; i++)
		if (strcmp(drivers[i].name, name) == 0)
			return drivers[i].does;
	return other.does;
}
