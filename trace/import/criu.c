/* SPDX-License-Identifier: MIT */
/*
 * Images of CRIU: mm-PID.img, one snapshot.
 *
 * An image is a magic number of all images, one of its own kind, and entries: a length of four bytes and a message of
 * protocol buffers (protobuf.h), as CRIU's images/mm.proto, vma.proto, fdinfo.proto, regfile.proto and memfd.proto
 * describe them.  An area has the number of its file only; names stand in files.img (before CRIU 3.1: reg-files.img) and
 * memfd.img in the same folder, and areas whose names are not found there have none.  Nothing that an image says is
 * believed before it was compared with its size.
 *
 * 1. Order.  Names first, from all three files, sorted by kind and number; then the areas of
 *    mm-PID.img, each with the name that its number has by then.
 * 2. Numbers.  vma_entry.shmid is the number of the file in files.img for areas of files, and of the
 *    shared memory for others. A memfd's file has the number of its inode there, and the name is the
 *    inode's.
 * 3. Ownership.  The images are in memory as a whole; names and entries point into them, and
 *    import_criu() frees all of it.
 *
 *     mm-4070.img      MAGIC_IMAGE MAGIC_MM     | length | mm_entry: auxv..., vmas...               |
 *     files.img        MAGIC_IMAGE MAGIC_FILES  | length | file_entry | length | file_entry | ...    |
 *     memfd.img        MAGIC_IMAGE MAGIC_MEMFD  | length | memfd_inode_entry | ...                   |
 *
 *     vma_entry.shmid ---> file_entry.id, its reg.name                            a file
 *                     ---> file_entry.id, its memfd.inode_id ---> inode's name     a memfd
 *                     ---> nothing                                                 memory without a file
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmaple/mm.h>

#include "internal.h"
#include "protobuf.h"

#define MAGIC_IMAGE 0x54564319u /* of every image since CRIU 1.6, before that of its kind */
/* Of mm_entry. */
#define FIELD_AUXV      13
#define FIELD_VMAS      14
#define MAGIC_MM        0x57492820u
#define MAGIC_FILES     0x56303138u
#define MAGIC_REG_FILES 0x50363636u
#define MAGIC_MEMFD     0x48453499u
#define MAX_IMAGE       ((size_t)256 << 20)
/* vma_entry.status */
#define AREA_STACK       (1u << 1)
#define AREA_VSYSCALL    (1u << 2)
#define AREA_VDSO        (1u << 3)
#define AREA_HEAP        (1u << 5)
#define AREA_FILE        (1u << 6 | 1u << 7)
#define AREA_ANON_SHARED (1u << 8)
#define AREA_SYSVIPC     (1u << 10)
#define AREA_VVAR        (1u << 12)
#define AREA_AIORING     (1u << 13)
/* A file of files.img, or an inode of memfd.img. The text lies in the image. */
struct known_name {
	enum { OF_FILE, OF_MEMFD } of;
	uint64_t id;
	uint64_t memfd; /* a file's: its inode in memfd.img, where its text is; else 0 */
	const uint8_t *text;
	size_t len;
};

/* bytes NULL: not read. rest.damaged: an entry reaches beyond the end. */
struct image {
	char *bytes;
	struct protobuf rest; /* entries that were not read yet */
};

/*
 * names: sorted before find_name() is asked. reg_files is of images before CRIU 3.1, and missing in
 * newer ones.
 */
struct criu {
	struct trace_import *im;
	const char *path;
	struct image mm, files, reg_files, memfd;
	struct known_name *names;
	size_t nr_names, allocated;
	struct snapshot snapshot;
};

static int damaged(const struct criu *c, const char *what)
{
	return import_failed(c->im, -EBADMSG, "%s is no image of CRIU that can be read: %s", c->path, what);
}

/* Little-endian, as images are on all machines that CRIU runs on here. */
static uint32_t word_at(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* The bytes behind the magic numbers; 0: it is not of this kind. */
static size_t behind_magic(const uint8_t *bytes, size_t len, uint32_t kind)
{
	if (len >= 8 && word_at(bytes) == MAGIC_IMAGE && word_at(bytes + 4) == kind)
		return 8;
	return len >= 4 && word_at(bytes) == kind ? 4 : 0;
}

/*
 * 0; -ENOENT: there is none, or it is of another kind; or -errno. A file that is cut while it is read
 * is -EIO. image->bytes is to be freed whatever is returned.
 */
static int image_open(struct image *image, const char *path, uint32_t kind)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	size_t head = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		err = -EINVAL;
	else if ((uint64_t)st.st_size > MAX_IMAGE)
		err = -EFBIG;
	else if (!(image->bytes = malloc((size_t)st.st_size + 1)))
		err = -ENOMEM;
	else if (read(fd, image->bytes, (size_t)st.st_size) != st.st_size)
		err = -EIO;
	else if (!(head = behind_magic((uint8_t *)image->bytes, (size_t)st.st_size, kind)))
		err = -ENOENT;
	else
		image->rest = (struct protobuf){ (uint8_t *)image->bytes + head,
			(uint8_t *)image->bytes + st.st_size, false };
	close(fd);
	return err;
}

/* False at the end, and where an entry is longer than what is left (rest.damaged). */
static bool next_entry(struct image *image, struct protobuf *entry)
{
	struct protobuf *r = &image->rest;
	uint32_t len;

	if (r->damaged || r->at == r->end)
		return false;
	r->damaged = r->end - r->at < 4;
	if (r->damaged)
		return false;
	len = word_at(r->at);
	r->at += 4;
	*entry = (struct protobuf){ r->at, r->at + len, false };
	return protobuf_skip(r, len);
}

/* --- names --------------------------------------------------------------------------------------------------- */

/* False: no memory, and the names are as they were. */
static bool add_known(struct criu *c, const struct known_name *name)
{
	size_t size = c->allocated ? c->allocated * 2 : 64;

	if (c->nr_names == c->allocated) {
		struct known_name *grown = realloc(c->names, size * sizeof(*grown));
		if (!grown)
			return false;
		c->names = grown;
		c->allocated = size;
	}
	c->names[c->nr_names++] = *name;
	return true;
}

/*
 * reg_file_entry, memfd_inode_entry or memfd_file_entry: its number and its name. A field that is there
 * twice counts as the last one, as protocol buffers have it.
 */
static struct known_name named(struct protobuf message, uint32_t id_field, uint32_t name_field)
{
	struct known_name name = { 0 };
	struct protobuf_field f;

	while (protobuf_next(&message, &f)) {
		if (f.number == id_field) {
			name.id = f.value;
		} else if (f.number == name_field) {
			name.text = f.inside.at;
			name.len = (size_t)(f.inside.end - f.inside.at);
		}
	}
	return name;
}

/*
 * file_entry: of its many kinds those that can be mapped. Field 2 is the number, 3 a regular file
 * (reg_file_entry: 1 its number, 6 its name), 20 a memfd (memfd_file_entry: 5 the number of its inode).
 * Others cannot be mapped, or have no name.
 */
static struct known_name name_of_file(struct protobuf message)
{
	struct known_name name = { 0 };
	struct protobuf_field f;
	uint64_t id = 0;

	while (protobuf_next(&message, &f)) {
		if (f.number == 2)
			id = f.value;
		else if (f.number == 3)
			name = named(f.inside, 1, 6);
		else if (f.number == 20)
			name.memfd = named(f.inside, 5, UINT32_MAX).id;
	}
	name.id = id;
	return name;
}

/*
 * In the folder of the image. A file that is missing, or of another kind, is no error: what it would
 * name stays without a name. A damaged one gives the names before the damage.
 */
static int read_names(struct criu *c, struct image *image, const char *file, uint32_t kind)
{
	const char *slash = strrchr(c->path, '/');
	int len = slash ? (int)(slash + 1 - c->path) : 0, err;
	struct protobuf entry;
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%.*s%s", len, c->path, file) >= sizeof(path))
		return 0;
	err = image_open(image, path, kind);
	if (err)
		return err == -ENOMEM ? import_failed(c->im, err, "out of memory") : 0;
	while (next_entry(image, &entry)) {
		struct known_name name = kind == MAGIC_FILES   ? name_of_file(entry)
					 : kind == MAGIC_MEMFD ? named(entry, 7, 1)
							       : named(entry, 1, 6);

		name.of = kind == MAGIC_MEMFD ? OF_MEMFD : OF_FILE;
		if ((name.text || name.memfd) && !add_known(c, &name))
			return import_failed(c->im, -ENOMEM, "out of memory");
	}
	return 0;
}

static int by_id(const void *a, const void *b)
{
	const struct known_name *x = a, *y = b;

	if (x->of != y->of)
		return x->of < y->of ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* NULL: there is none. Of two with one number either. */
static const struct known_name *find_name(const struct criu *c, int of, uint64_t id)
{
	struct known_name key = { .of = of, .id = id };

	return c->nr_names ? bsearch(&key, c->names, c->nr_names, sizeof(key), by_id) : NULL;
}

/* --- areas --------------------------------------------------------------------------------------------------- */

/*
 * vma_entry, fields 1 to 9 but for 8, as the image has them; status is AREA_ flags, madv a bit for each
 * advice.
 */
struct vma {
	uint64_t start, end, offset, shmid, prot, flags, status, madv;
};

/*
 * What the area is called in maps, into @name. False: that is not known. status says what CRIU took the
 * area for when it read /proc/PID/smaps; several bits may be set, of which the first here counts.
 */
static bool area_name(const struct criu *c, const struct vma *v, char *name, size_t size)
{
	const struct known_name *n = v->status & AREA_FILE ? find_name(c, OF_FILE, v->shmid) : NULL;
	const char *fixed = v->status & AREA_HEAP          ? "[heap]"
			    : v->status & AREA_STACK       ? "[stack]"
			    : v->status & AREA_VDSO        ? "[vdso]"
			    : v->status & AREA_VVAR        ? "[vvar]"
			    : v->status & AREA_AIORING     ? "/[aio] (deleted)"
			    : v->status & AREA_ANON_SHARED ? "/dev/zero (deleted)"
							   : "";

	if (v->status & AREA_SYSVIPC) /* its key is not in the images of a task */
		fixed = "/SYSV00000000 (deleted)";
	snprintf(name, size, "%s", fixed);
	if (n && n->memfd) {
		n = find_name(c, OF_MEMFD, n->memfd);
		if (n && n->text)
			snprintf(name, size, "/memfd:%.*s (deleted)", (int)n->len, (const char *)n->text);
		return n && n->text;
	}
	if (n)
		snprintf(name, size, "%.*s", (int)n->len, (const char *)n->text);
	return !(v->status & (AREA_FILE | AREA_SYSVIPC)) || n;
}

/*
 * The flags that CRIU kept of an area: those of mmap, and a bit for each advice. What CRIU did not keep
 * (VM_ACCOUNT, sealed, soft-dirty) is not there: smaps of the process had it.
 */
static vm_flags_t flags_of(const struct vma *v, bool shared)
{
	static const struct {
		int advice;
		vm_flags_t flag;
	} advised[] = { { MADV_RANDOM, VM_RAND_READ }, { MADV_SEQUENTIAL, VM_SEQ_READ },
		{ MADV_DONTFORK, VM_DONTCOPY }, { MADV_MERGEABLE, VM_MERGEABLE },
		{ MADV_HUGEPAGE, VM_HUGEPAGE }, { MADV_NOHUGEPAGE, VM_NOHUGEPAGE },
		{ MADV_DONTDUMP, VM_DONTDUMP }, { MADV_WIPEONFORK, VM_WIPEONFORK } };
	vm_flags_t flags = vm_flags_of_letters((uint32_t)v->prot, shared);

	flags |= v->flags & MAP_GROWSDOWN ? VM_GROWSDOWN : 0;
	flags |= v->flags & MAP_LOCKED ? VM_LOCKED : 0;
	flags |= v->flags & MAP_NORESERVE ? VM_NORESERVE : 0;
	flags |= v->flags & MAP_HUGETLB ? VM_HUGETLB : 0;
	for (size_t i = 0; i < (sizeof(advised) / sizeof(advised[0])); i++)
		flags |= v->madv >> advised[i].advice & 1 ? advised[i].flag : 0;
	return flags;
}

/*
 * fields[] is by the numbers of vma.proto, 0 and 8 of no use here. message->damaged tells whether it
 * ended early.
 */
static struct vma read_vma(struct protobuf *message)
{
	struct vma v = { 0 };
	uint64_t *const fields[] = { NULL, &v.start, &v.end, &v.offset, &v.shmid, &v.prot, &v.flags,
		&v.status, NULL, &v.madv };
	struct protobuf_field f;

	while (protobuf_next(message, &f))
		if (f.number < (sizeof(fields) / sizeof(fields[0])) && fields[f.number])
			*fields[f.number] = f.value;
	return v;
}

/* 0 as well for [vsyscall], which is nobody's area. */
static int add_area(struct criu *c, struct protobuf message)
{
	const struct snapshot *s = &c->snapshot;
	struct vma v = read_vma(&message);
	struct trace_area a = { .start = v.start, .end = v.end, .offset = v.offset, .prot = v.prot & 7 };
	char name[PATH_MAX + 32];

	if (message.damaged)
		return damaged(c, "an area ends within a field");
	if (v.status & AREA_VSYSCALL || v.start >= IMPORT_TASK_SIZE)
		return 0;
	if (v.start >= v.end || (v.start | v.end | v.offset) & IMPORT_IN_PAGE || v.end > IMPORT_TASK_SIZE ||
		(s->count && v.start < s->areas[s->count - 1].end))
		return damaged(c, "its areas overlap or are not of whole pages");
	/* smaps, from which CRIU has it, does not tell MAP_SHARED_VALIDATE apart. */
	a.shared = (v.flags & MAP_TYPE) == MAP_SHARED;
	/* Numbers of files tell them apart; those of the disk are not in the images. */
	a.ino = v.status & (AREA_FILE | AREA_ANON_SHARED | AREA_SYSVIPC) ? v.shmid + 1 : 0;
	a.vm_flags = flags_of(&v, a.shared);
	if (!area_name(c, &v, name, sizeof(name)))
		import_doubt(c->im, DOUBT_FILE_NAME);
	return snapshot_add(&c->snapshot, &a, name) ? 0 : import_failed(c->im, -ENOMEM, "out of memory");
}

/* mm_entry: its areas, in the order of their addresses. */
static int read_mm(struct criu *c)
{
	struct protobuf_field f;
	struct protobuf entry;
	int err = 0;

	if (!next_entry(&c->mm, &entry))
		return damaged(c, "it ends before its entry does");
	while (!err && protobuf_next(&entry, &f))
		if (f.number == FIELD_VMAS)
			err = add_area(c, f.inside);
	return err || !entry.damaged ? err : damaged(c, "it ends within a field");
}

static int open_mm(struct criu *c)
{
	int err = image_open(&c->mm, c->path, MAGIC_MM);

	switch (err) {
	case 0:
		return 0;
	case -ENOMEM:
		return import_failed(c->im, err, "out of memory");
	case -EFBIG:
		return damaged(c, "it is larger than 256 MiB");
	default:
		return import_failed(c->im, err, "cannot read %s: %s", c->path, strerror(-err));
	}
}

/* mm_saved_auxv: numbers in pairs, what and its value. */
uint32_t criu_page_size(const char *path)
{
	struct criu c = { .path = path };
	uint64_t what = AT_NULL, size = 0, nr = 0;
	struct protobuf_field f;
	struct protobuf entry;

	/* What does not begin as an image is read, too. */
	for (bool more = image_open(&c.mm, path, MAGIC_MM) == 0 && next_entry(&c.mm, &entry);
		more && protobuf_next(&entry, &f);) {
		if (f.number != FIELD_AUXV)
			continue;
		if (nr++ % 2 == 0)
			what = f.value;
		else if (what == AT_PAGESZ)
			size = f.value;
	}
	free(c.mm.bytes);
	return valid_page_size(size);
}

/* By its magic numbers alone: of the other images none is an address space. */
bool is_criu_image(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t head[8];
	bool is = fd >= 0 && read(fd, head, sizeof(head)) == sizeof(head) &&
		  behind_magic(head, sizeof(head), MAGIC_MM);

	if (fd >= 0)
		close(fd);
	return is;
}

int import_criu(struct trace_import *im)
{
	struct criu c = { .im = im, .path = im->paths[0] };
	int err = open_mm(&c);

	if (!err)
		err = read_names(&c, &c.files, "files.img", MAGIC_FILES);
	if (!err)
		err = read_names(&c, &c.reg_files, "reg-files.img", MAGIC_REG_FILES);
	if (!err)
		err = read_names(&c, &c.memfd, "memfd.img", MAGIC_MEMFD);
	if (!err && c.nr_names)
		qsort(c.names, c.nr_names, sizeof(*c.names), by_id);
	if (!err)
		err = read_mm(&c);
	c.snapshot.has_vm_flags = true;
	if (!err)
		err = import_one_snapshot(im, &c.snapshot);
	snapshot_free(&c.snapshot);
	free(c.names);
	free(c.mm.bytes);
	free(c.files.bytes);
	free(c.reg_files.bytes);
	free(c.memfd.bytes);
	return err;
}
