/* SPDX-License-Identifier: MIT */
/*
 * What the kernel says of the map of the process that asks: areas in the window by PROCMAP_QUERY, which is the fastest,
 * or from maps; for a deep look from smaps, with the counters of status.
 *
 * Nothing is allocated, and no stdio is used but for sscanf(): the map must be the one that the calls have made.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "oracle.h"
#include "uapi.h"

/*
 * An open /proc/self/maps. It stays with the mm of the process that opened it, also across fork: hence
 * observe_own_map().
 */
static int maps_fd;
static bool text_only; /* no PROCMAP_QUERY here */
/*
 * Static, for a buffer of this size on the stack would make it grow, and one from malloc() would be a
 * mapping. Its pages are the process's own already where background_read() looks: bss that is written later
 * changes no bounds.
 */
static char text[1 << 20];

/*
 * An enum file_index by device and inode, as both ways of asking give them. OTHER_FILE for shared memory
 * and huge pages, which next_area() of compare.c calls so too; the kernel's own areas have no inode.
 */
static uint32_t which_file(dev_t dev, ino_t ino)
{
	if (!ino)
		return FILE_NONE;
	for (uint32_t i = FILE_RW; i < FILE_INDICES; i++)
		if (background.dev[i] == dev && background.ino[i] == ino)
			return i;
	return OTHER_FILE;
}

/*
 * Append. The pages of offset that the kernel shows for what has no inode (System V segment 0, [vvar]) are
 * dropped, as compare.c gives none for them.
 */
static void begin_area(struct seen *s, struct seen_area area)
{
	if (!area.file)
		area.offset = 0;
	s->area[s->nr++] = area;
}

/* False: this kernel has no PROCMAP_QUERY (it came with Linux 6.11), and the text is read from then on. */
static bool query_window(struct seen *s)
{
	uint64_t at = WATCH_LO;

	while (at < WATCH_HI) {
		struct procmap_query q = {
			.size = sizeof(q), .query_flags = PROCMAP_QUERY_COVERING_OR_NEXT_VMA, .query_addr = at
		};

		/* ENOENT is the end: no area at the address or above. Before 6.11 it is ENOTTY. */
		if (ioctl(maps_fd, PROCMAP_QUERY, &q))
			return errno == ENOENT;
		if (q.vma_start >= WATCH_HI)
			break;
		begin_area(s, (struct seen_area){ .start = q.vma_start,
				      .end = q.vma_end,
				      .offset = q.vma_offset,
				      /*
				       * PROCMAP_QUERY_VMA_READABLE, WRITABLE, EXECUTABLE and SHARED have
				       * the numbers of VM_READ to VM_SHARED.
				       */
				      .prot = (uint32_t)q.vma_flags & 15,
				      .file = which_file(makedev(q.dev_major, q.dev_minor), q.inode) });
		at = q.vma_end;
	}
	return true;
}

/*
 * All of a file of /proc into text, cut off at its end if it is longer: with a CALL_ROOM a map is, which is
 * why a crowded process is not looked at deeply. It is opened anew each time: /proc/self is another process
 * in a fork.
 */
static void read_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n;

	while (used < sizeof(text) - 1 && (n = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	close(fd);
}

static uint32_t prot_of(const char *perms)
{
	return (perms[0] == 'r' ? VM_READ : 0) | (perms[1] == 'w' ? VM_WRITE : 0) |
	       (perms[2] == 'x' ? VM_EXEC : 0) | (perms[3] == 's' ? VM_SHARED : 0);
}

/*
 * Lines of maps or smaps, those of the window. In smaps every area's line is followed by fields, each of
 * which begins with a capital letter, as no address does; VmFlags is the last one.
 */
static void read_window(struct seen *s, const char *path)
{
	struct seen_area *area = NULL;

	read_text(path);
	for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		unsigned long start, stop, offset, ino;
		unsigned int major, minor;
		char perms[8];

		*end = '\0';
		if (line[0] == 'V' && strncmp(line, "VmFlags:", 8) == 0 && area) {
			area->vm_flags = vm_flags_parse(line + 8);
			continue;
		}
		if (line[0] >= 'A' && line[0] <= 'Z')
			continue;
		if (sscanf(line, "%lx-%lx %7s %lx %x:%x %lu", &start, &stop, perms, &offset, &major, &minor,
			    &ino) != 7)
			continue;
		area = NULL;
		if (stop <= WATCH_LO || start >= WATCH_HI)
			continue;
		area = &s->area[s->nr];
		begin_area(s, (struct seen_area){ .start = start,
				      .end = stop,
				      .offset = offset,
				      .prot = prot_of(perms),
				      .file = which_file(makedev(major, minor), ino) });
	}
}

/* A field of /proc/self/status in text, from kB to pages; 0 when the kernel does not have it. */
static uint64_t status_pages(const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoul(at + strlen(name), NULL, 10) * 1024 / PAGE : 0;
}

/* The old descriptor is not closed: it is one for each fork, at most MAX_DEPTH. */
void observe_own_map(void)
{
	maps_fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
}

uint64_t observed_size(void)
{
	read_text("/proc/self/status");
	return status_pages("VmSize:");
}

/* [vsyscall] is a line of maps that belongs to no area of the process: max_map_count does not count it. */
int observed_areas(void)
{
	int n = 0;

	read_text("/proc/self/maps");
	for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		n++;
	return strstr(text, "[vsyscall]") ? n - 1 : n;
}

/*
 * Behind what the record has: it is shared with the parent, which reads it when this process has ended or been killed,
 * so done counts up last, when all of the look is there.
 */
void observe(struct record *r, int64_t result, bool deep)
{
	struct seen *s = (struct seen *)(r->data + r->used);

	*s = (struct seen){ .result = result, .deep = deep };
	if (deep) {
		read_window(s, "/proc/self/smaps");
		read_text("/proc/self/status");
		s->total_vm = status_pages("VmSize:");
		s->data_vm = status_pages("VmData:");
		s->locked_vm = status_pages("VmLck:");
		/*
	 * What it had found until then is dropped, though ENOTTY comes with the first area: a mixture would
	 * be compared.
	 */
	} else if (text_only || !query_window(s)) {
		text_only = true;
		s->nr = 0;
		read_window(s, "/proc/self/maps");
	}
	sharing_observe(s);
	r->used += sizeof(*s) + s->nr * sizeof(s->area[0]);
	r->done++;
}
