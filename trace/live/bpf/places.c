/* SPDX-License-Identifier: MIT */
/*
 * Loading without libbpf's search of the kernel's types, which takes more CPU than all else of it.
 *
 * 1. The kernel's BTF, some 5 MB, is read once: where each type begins, and which are named in the programs.
 * 2. Of these a small BTF is made, with the members that the programs name and what those hold; what a pointer points to
 *    is left out.  libbpf finds where each member lies in this one, by the same rules as in the whole.
 * 3. The verifier wants numbers of the whole one: they take their places in the instructions (places.h).
 * 4. Cost and failure.  One pass over the BTF, and memory for an offset of each type, given back when
 *    the small one is written. Whatever is not as expected (an unknown kind of type, a name that is not
 *    there) is an error, and the caller says that the kernel lacks something.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/btf.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "place_numbers.h"
#include "places.h"

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

/* A type of the programs'. name is libbpf's, of the programs' own BTF. */
struct named {
	const char *name;
	size_t len; /* without ___ and what follows, which is no part of its name in the kernel */
	const struct btf_type *type;
};

/*
 * The kernel's file is taken as it is, but for bounds: every offset is checked before it is followed.
 * offsets[n] is where type n begins in types, from 1 on; 0 is void. copies[n] is the number of its
 * copy, by which a type that several members have is copied once.
 */
struct kernel_types {
	const uint8_t *data; /* the whole BTF */
	size_t size;
	const uint8_t *types;
	const char *strings;
	uint32_t types_len, strings_len;
	uint32_t *offsets, nr, allocated; /* of type n, from 1 */
	const struct btf *programs;       /* their own types */
	struct named *named;
	uint32_t nr_named;
	struct btf *small;
	uint32_t *copies; /* in it; 0: not there yet */
};

/* --- the kernel's types ------------------------------------------------------------------------------------- */

/* The file's size is the BTF's, which sysfs gives without a file system's blocks. 0 or -errno. */
static int read_whole(struct kernel_types *k)
{
	int fd = open(KERNEL_BTF, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat st;
	uint8_t *data;
	ssize_t n = 1;

	if (fd < 0 || fstat(fd, &st)) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	k->size = (size_t)st.st_size;
	/* Anonymous, and then read: not every kernel can map it. */
	data = mmap(NULL, k->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED) {
		data = mmap(NULL, k->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (data == MAP_FAILED)
			err = -ENOMEM;
		for (size_t at = 0; !err && at < k->size && n > 0; at += (size_t)n)
			n = read(fd, data + at, k->size - at);
		err = n < 0 ? -errno : err;
	}
	close(fd);
	k->data = data == MAP_FAILED ? NULL : data;
	return err;
}

/*
 * 0; -EINVAL: it is none of this form. Sums are made of 64 bits, so that no length overflows them.
 * Names end within the section, because its last byte is a NUL.
 */
static int find_sections(struct kernel_types *k)
{
	const struct btf_header *h = (const void *)k->data;

	if (k->size < sizeof(*h) || h->magic != BTF_MAGIC ||
		(uint64_t)h->hdr_len + h->type_off + h->type_len > k->size ||
		(uint64_t)h->hdr_len + h->str_off + h->str_len > k->size || !h->str_len)
		return -EINVAL;
	k->types = k->data + h->hdr_len + h->type_off;
	k->types_len = h->type_len;
	k->strings = (const char *)k->data + h->hdr_len + h->str_off;
	k->strings_len = h->str_len;
	return k->strings[k->strings_len - 1] ? -EINVAL : 0;
}

/* Bytes behind the head of a type; negative: not known. */
static int64_t rest_of(const struct btf_type *t)
{
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
	case BTF_KIND_ENUM64:
		return (int64_t)12 * btf_vlen(t);
	case BTF_KIND_ENUM:
	case BTF_KIND_FUNC_PROTO:
		return (int64_t)8 * btf_vlen(t);
	default:
		return btf_kind(t) <= BTF_KIND_ENUM64 ? 0 : -1;
	}
}

static bool add_offset(struct kernel_types *k, uint32_t offset)
{
	uint32_t more = k->allocated ? k->allocated * 2 : 1u << 17;
	uint32_t *grown;

	if (k->nr + 1 >= k->allocated) {
		grown = realloc(k->offsets, more * sizeof(*grown));
		if (!grown)
			return false;
		k->offsets = grown;
		k->allocated = more;
	}
	k->offsets[++k->nr] = offset;
	return true;
}

/* NULL: void, or beyond the end. */
static const struct btf_type *type_at(const struct kernel_types *k, uint32_t id)
{
	return id && id <= k->nr ? (const void *)(k->types + k->offsets[id]) : NULL;
}

/* "" beyond the end: it is like no name. */
static const char *string_at(const struct kernel_types *k, uint32_t offset)
{
	return offset < k->strings_len ? k->strings + offset : "";
}

/* Types lie one behind the other, each as long as its kind says: number n is the nth. */
static int index_types(struct kernel_types *k)
{
	uint32_t at = 0;

	while (at + sizeof(struct btf_type) <= k->types_len) {
		int64_t rest = rest_of((const void *)(k->types + at));

		if (rest < 0 || at + sizeof(struct btf_type) + (uint64_t)rest > k->types_len)
			return -EINVAL;
		if (!add_offset(k, at))
			return -ENOMEM;
		at += sizeof(struct btf_type) + (uint32_t)rest;
	}
	return 0;
}

/* --- what the programs name --------------------------------------------------------------------------------- */

/* Structs of the programs' own that no kernel has (struct space) are in it as well, and match nothing. */
static int list_named(struct kernel_types *k)
{
	uint32_t n = btf__type_cnt(k->programs);

	k->named = calloc(n, sizeof(*k->named));
	for (uint32_t i = 1; k->named && i < n; i++) {
		const struct btf_type *t = btf__type_by_id(k->programs, i);
		const char *name = btf__name_by_offset(k->programs, t->name_off), *end = strstr(name, "___");

		if (btf_is_struct(t) && *name)
			k->named[k->nr_named++] =
				(struct named){ name, end ? (size_t)(end - name) : strlen(name), t };
	}
	return k->named ? 0 : -ENOMEM;
}

/* The first letters are compared before strncmp(3) is called: this is asked for each type of the kernel's. */
static bool is_called(const struct named *n, const char *name)
{
	return *n->name == *name && strncmp(n->name, name, n->len) == 0 && !name[n->len];
}

/* O(structs of the programs), and asked for each struct of the kernel. */
static bool names_type(const struct kernel_types *k, const char *name)
{
	for (uint32_t i = 0; i < k->nr_named; i++)
		if (is_called(&k->named[i], name))
			return true;
	return false;
}

/*
 * Several declarations can be of one type (mm_struct and mm_struct___counted): what any of them names
 * counts.
 */
static bool names_member(const struct kernel_types *k, const char *type, const char *member)
{
	for (uint32_t i = 0; i < k->nr_named; i++) {
		const struct btf_type *t = k->named[i].type;

		for (uint32_t m = 0; is_called(&k->named[i], type) && m < btf_vlen(t); m++)
			if (!strcmp(btf__name_by_offset(k->programs, btf_members(t)[m].name_off), member))
				return true;
	}
	return false;
}

/* --- the small one ------------------------------------------------------------------------------------------ */

static int copy_type(struct kernel_types *k, uint32_t id, const char *only);

/*
 * Its number, or -errno. Types of members come first: each has to be there before the struct that has
 * it, and while a struct is being made no other type can be added.
 */
static int add_members(struct kernel_types *k, const struct btf_type *t, const char *only)
{
	uint32_t *types = calloc(btf_vlen(t) + 1u, sizeof(*types));
	int err = types ? 0 : -ENOMEM, id;

	for (uint32_t i = 0; !err && i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const char *name = string_at(k, m->name_off);

		types[i] = UINT32_MAX;
		if (only && *name && !names_member(k, only, name))
			continue;
		id = copy_type(k, m->type, *name ? NULL : only);
		err = id < 0 ? id : 0;
		types[i] = (uint32_t)id;
	}
	if (!err) {
		const char *name = string_at(k, t->name_off);

		err = id = btf_is_struct(t) ? btf__add_struct(k->small, name, t->size)
					    : btf__add_union(k->small, name, t->size);
	}
	for (uint32_t i = 0; err >= 0 && i < btf_vlen(t); i++)
		if (types[i] != UINT32_MAX)
			err = btf__add_field(k->small, string_at(k, btf_members(t)[i].name_off),
				(int)types[i], btf_member_bit_offset(t, i), btf_member_bitfield_size(t, i));
	free(types);
	return err < 0 ? err : id;
}

/*
 * Its number in the small one; of a struct only the members that the programs name in @only, NULL: all.
 * A struct that is a member, or an array's, is copied whole (@only NULL), one without a name by what
 * its holder names. 0 stands for void and for kinds that no program reads (functions). A struct cannot
 * hold itself but by a pointer, so that this ends.
 */
static int copy_type(struct kernel_types *k, uint32_t id, const char *only)
{
	const struct btf_type *t = type_at(k, id);
	int copy = 0;

	/* const, volatile and typedef change no layout. */
	while (t && (btf_is_mod(t) || btf_is_typedef(t))) {
		id = t->type;
		t = type_at(k, id);
	}
	if (!t || k->copies[id])
		return t ? (int)k->copies[id] : 0;
	if (btf_is_int(t)) {
		copy = btf__add_int(k->small, string_at(k, t->name_off), t->size, btf_int_encoding(t));
	} else if (btf_is_any_enum(t)) {
		copy = btf__add_int(k->small, "enum", t->size, 0);
	} else if (btf_is_ptr(t)) {
		/* To nothing: programs cast what they read. */
		copy = btf__add_ptr(k->small, 0);
	} else if (btf_is_array(t)) {
		copy = copy_type(k, btf_array(t)->type, NULL);
		if (copy >= 0)
			copy = btf__add_array(k->small, copy, copy, (int)btf_array(t)->nelems);
	} else if (btf_is_composite(t)) {
		copy = add_members(k, t, only);
	}
	if (copy > 0)
		k->copies[id] = (uint32_t)copy;
	return copy;
}

/* The first type of that name counts. */
static void note_place(struct place_numbers *p, const char *name, uint32_t id)
{
#define NOTE(type)                                           \
	if (!p->types[PLACE_##type] && !strcmp(name, #type)) \
		p->types[PLACE_##type] = id;
	PLACED_TYPES(NOTE)
#undef NOTE
}

static int copy_named_types(struct kernel_types *k, struct place_numbers *p)
{
	int err = 0;

	for (uint32_t id = 1; id <= k->nr && err >= 0; id++) {
		const struct btf_type *t = type_at(k, id);
		const char *name = string_at(k, t->name_off);

		if (btf_is_struct(t) && *name && names_type(k, name)) {
			note_place(p, name, id);
			err = copy_type(k, id, name);
		} else if (btf_is_func(t) && !p->function && !strcmp(name, "bpf_rdonly_cast")) {
			p->function = id;
		}
	}
	return err < 0 ? err : 0;
}

/*
 * Put a file in the place of @fd that no RLIMIT_FSIZE is about: memory that is mapped as shared has
 * one. map_files of one's own process takes CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN: -EFBIG without.
 */
static int write_unlimited(const void *data, size_t size, int fd)
{
	void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uintptr_t start = (uintptr_t)shared, page = (uintptr_t)getpagesize();
	char path[64];
	int other;

	if (shared == MAP_FAILED)
		return -errno;
	memcpy(shared, data, size);
	snprintf(
		path, sizeof(path), "/proc/self/map_files/%lx-%lx", start, (start + size + page - 1) & -page);
	other = open(path, O_RDONLY | O_CLOEXEC);
	munmap(shared, size);
	if (other < 0)
		return -EFBIG;
	(void)dup3(other, fd, O_CLOEXEC);
	close(other);
	return 0;
}

/*
 * What is set is for the program's files and the recording: this one is in memory. A write(2) beyond
 * the limit would raise SIGXFSZ, so that it is asked for first.
 */
static int write_small(struct kernel_types *k, int fd)
{
	uint32_t size;
	const void *data = btf__raw_data(k->small, &size);
	struct rlimit limit;

	if (!data)
		return -ENOMEM;
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < size)
		return write_unlimited(data, size, fd);
	return write(fd, data, size) == (ssize_t)size ? 0 : -ENOMEM;
}

static void free_types(struct kernel_types *k)
{
	btf__free(k->small);
	free(k->copies);
	free(k->named);
	free(k->offsets);
	if (k->data)
		munmap((void *)k->data, k->size);
}

/* In this order: read, sections, index, copy, write. All memory but @fd's is given back in any case. */
int find_places(const struct btf *programs, int fd, struct place_numbers *p)
{
	struct kernel_types k = { .programs = programs };
	int err = read_whole(&k);

	memset(p, 0, sizeof(*p));
	if (!err)
		err = find_sections(&k);
	if (!err)
		err = index_types(&k);
	if (!err) {
		k.small = btf__new_empty();
		k.copies = calloc(k.nr + 1u, sizeof(*k.copies));
		err = k.small && k.copies ? 0 : -ENOMEM;
	}
	if (!err)
		err = list_named(&k);
	if (!err)
		err = copy_named_types(&k, p);
	if (!err)
		err = write_small(&k, fd);
	for (int i = 0; !err && i < PLACES; i++)
		err = p->types[i] ? 0 : -ESRCH;
	free_types(&k);
	return !err && !p->function ? -ESRCH : err;
}

/* --- instructions ------------------------------------------------------------------------------------------- */

/*
 * The call was compiled as one of a helper by number: it becomes a kfunc's. The kind of the instruction
 * is asked as well as its number, so that a constant of the programs' with the same value elsewhere is
 * left alone.
 */
static void fill(struct bpf_insn *i, const struct place_numbers *p)
{
	uint32_t value = (uint32_t)i->imm;

	if (i->code == (BPF_JMP | BPF_CALL) && value == PLACE_OF_FUNCTION) {
		i->src_reg = BPF_PSEUDO_KFUNC_CALL;
		i->off = 0;
		i->imm = (int32_t)p->function;
	} else if (i->code == (BPF_ALU | BPF_MOV | BPF_K) || i->code == (BPF_ALU64 | BPF_MOV | BPF_K)) {
		if (value >= PLACE_OF_TYPE && value < PLACE_OF_TYPE + PLACES)
			i->imm = (int32_t)p->types[value - PLACE_OF_TYPE];
	}
}

/* What this thread's next load takes: libbpf keeps its handlers as long as the process lives. */
static _Thread_local const struct place_numbers *numbers;

/*
 * Before a program is loaded, with all of its functions. libbpf calls it for each program before it
 * loads it. 0 or -errno.
 */
static int fill_program(struct bpf_program *program, struct bpf_prog_load_opts *options, long cookie)
{
	size_t n = bpf_program__insn_cnt(program);
	struct bpf_insn *copy = malloc(n * sizeof(*copy));
	int err;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, bpf_program__insns(program), n * sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		fill(&copy[i], numbers);
	err = bpf_program__set_insns(program, copy, n);
	free(copy);
	return err;
}

/* A section handler of one's own takes libbpf's place for these names, also for attaching. */
static int attach_program(const struct bpf_program *program, long cookie, struct bpf_link **link)
{
	const char *name = strchr(bpf_program__section_name(program), '/');

	*link = name ? bpf_program__attach_raw_tracepoint(program, name + 1) : NULL;
	return *link ? 0 : -errno;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int handler;

/* "raw_tp/" with the slash: raw_tracepoint, map.bpf.c's, stays libbpf's own. */
static void register_handler(void)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, options, .prog_prepare_load_fn = fill_program,
		.prog_attach_fn = attach_program);

	handler = libbpf_register_prog_handler("raw_tp/", BPF_PROG_TYPE_RAW_TRACEPOINT, 0, &options);
}

/*
 * libbpf has no way to take a handler out again, and asks those that are registered first: it is done
 * once, and @p is kept for the thread until it loads.
 */
int places_register(const struct place_numbers *p)
{
	pthread_once(&once, register_handler);
	numbers = p;
	return handler;
}
