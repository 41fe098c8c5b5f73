/* SPDX-License-Identifier: MIT */
/*
 * The host is Linux. A place that is not the guest's is a mapping without rights, so that nobody else gets it.
 */
#include <vmaple/guest_mm.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "minmax.h"

static int prot_of(const void *ctx, vm_flags_t rights)
{
	int prot = rights & VM_WRITE ? PROT_READ | PROT_WRITE : 0;

	prot |= rights & VM_READ ? PROT_READ : 0;
	if (rights & VM_EXEC)
		prot |= ctx ? PROT_READ | PROT_EXEC : PROT_READ;
	return prot;
}

static int map_at(uintptr_t addr, size_t len, int prot, int flags, int fd, uint64_t offset)
{
	return mmap((void *)addr, len, prot, flags | MAP_FIXED, fd, (off_t)offset) == MAP_FAILED ? -errno : 0;
}

static int linux_map(void *ctx, const struct guest_host_map *map)
{
	int prot = prot_of(ctx, map->rights), sharing = map->shared ? MAP_SHARED : MAP_PRIVATE;

	if (!map->file || map->file->anonymous)
		return map_at(map->addr, map->len, prot, sharing | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return map_at(map->addr, map->len, prot, sharing, ((struct guest_file *)map->file)->fd, map->offset);
}

static int linux_unmap(void *ctx, uintptr_t addr, size_t len)
{
	(void)ctx;
	return map_at(addr, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static int linux_protect(void *ctx, uintptr_t addr, size_t len, vm_flags_t rights)
{
	return mprotect((void *)addr, len, prot_of(ctx, rights)) ? -errno : 0;
}

/*
 * What is one area to the guest may be several to the host, and mremap moves one: by halves, then, down to a page. What has
 * moved comes back when the rest does not.
 */
static int move_pages(uintptr_t from, uintptr_t to, size_t len)
{
	size_t half = len / 2 & ~((size_t)sysconf(_SC_PAGESIZE) - 1);
	int err;

	if (mremap((void *)from, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)to) != MAP_FAILED)
		return 0;
	if (errno != EFAULT || !half)
		return -errno;
	err = move_pages(from, to, half);
	if (err)
		return err;
	err = move_pages(from + half, to + half, len - half);
	if (err)
		(void)!move_pages(to, from, half);
	return err;
}

static int linux_move(void *ctx, uintptr_t from, uintptr_t to, size_t len)
{
	int err = move_pages(from, to, len);

	return err ? err : linux_unmap(ctx, from, len);
}

static int linux_read(void *ctx, struct vm_file *file, uint64_t offset, void *to, size_t len)
{
	unsigned char *bytes = to;

	(void)ctx;
	while (len) {
		ssize_t got = pread(((struct guest_file *)file)->fd, bytes, len, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		bytes += got;
		offset += (uint64_t)got;
		len -= (size_t)got;
	}
	memset(bytes, 0, len);
	return 0;
}

/* By a system call, which says where memory is not there, instead of ending the process. */
static int linux_load(void *ctx, void *to, uintptr_t from, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	(void)ctx;
	while (len) {
		struct iovec local = { to, len }, remote = { (void *)from, len };
		ssize_t got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
		size_t part = got > 0 ? (size_t)got : page - from % page;

		if (got < 0 && errno != EFAULT)
			return -errno;
		part = min(part, len);
		if (got <= 0)
			memset(to, 0, part);
		to = (char *)to + part;
		from += part;
		len -= part;
	}
	return 0;
}

static int linux_advise(void *ctx, uintptr_t addr, size_t len, int advice)
{
	(void)ctx;
	return madvise((void *)addr, len, advice) ? -errno : 0;
}

const struct guest_host guest_host_linux = { .map = linux_map,
	.unmap = linux_unmap,
	.protect = linux_protect,
	.move = linux_move,
	.read = linux_read,
	.load = linux_load,
	.advise = linux_advise };
