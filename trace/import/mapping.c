/* SPDX-License-Identifier: MIT */
/*
 * Logged calls that change a map, as CALL events with the FILE events before them.
 *
 * Which open file a descriptor is comes from the calls that opened it, else from the path that -y printed behind it: then
 * one descriptor with one path is taken to be one open file.
 *
 * Order of what is emitted: FILE directly, then (once for each space) SPACE and its first MAP, then CALL,
 * which means the FILE that was told last. A handler returns 0 where a line says nothing that can be used,
 * after it has counted a doubt; an error is the sink's, or -12, which is -ENOMEM.
 *
 *     openat(AT_FDCWD, "/lib/x.so", O_RDONLY) = 3       file 7, nothing is emitted
 *     mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 3, 0)    FILE 7, SPACE and MAP of the space if it is the first, CALL
 *     dup(3) = 4                                        descriptor 4 is file 7
 *     mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 4, 0)    FILE 7, CALL: may join the one before
 */
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "internal.h"
#include "system_calls.h"

#define MAP_ANONYMOUS 0x20

/*
 * What is placed is noted behind the event, also where import_emit() has left it out as senseless. The
 * space's beginning comes before its first call (import_space_begin()).
 */
static int emit_call(const struct logged *l, const struct trace_call *call)
{
	struct trace_event e = { .type = TRACE_EVENT_CALL, .call = *call };
	struct import_task *t = l->task;
	int err = import_space_begin(l->im, t, 0);

	e.call.ip = l->ip;
	if (!err)
		err = import_emit(l->im, &e, t->pid, t->tid, t->space->mm);
	return err ? err : placed_call(l->im, t->space, call);
}

/*
 * Killed in the call, or the log ends: whether it was carried out is not known. "mmap(NULL, 4096, ...)
 * = ?" and calls whose end never comes.
 */
static bool without_result(const struct logged *l)
{
	if (!l->call->has_result)
		import_doubt(l->im, DOUBT_RESULT_UNKNOWN);
	return !l->call->has_result;
}

/* The names that argument i may have. NULL: numbers alone. */
static const struct constant *words_of(uint32_t nr, int i)
{
	if (i == 3 && nr == NR_mmap)
		return mmap_constants;
	if (i == 2 &&
		(nr == NR_mmap || nr == NR_mprotect || nr == NR_pkey_mprotect || nr == NR_remap_file_pages))
		return prot_constants;
	if (i == 2 && nr == NR_madvise)
		return advice_constants;
	if (i == 2 && nr == NR_mlock2)
		return mlock_constants;
	if (i == 2 && nr == NR_map_shadow_stack)
		return shadow_stack_constants;
	if (i == 3 && nr == NR_mremap)
		return mremap_constants;
	if (i == 4 && nr == NR_remap_file_pages)
		return mmap_constants;
	return i == 0 && nr == NR_mlockall ? mcl_constants : NULL;
}

/* So many as matter, not as the call has: of mmap's six the first four (on_mmap() reads the rest). */
static int nr_arguments(uint32_t nr)
{
	switch (nr) {
	case NR_munlockall:
		return 0;
	case NR_mlockall:
	case NR_shmdt:
		return 1;
	case NR_munmap:
	case NR_mlock:
	case NR_munlock:
		return 2;
	case NR_mmap:
	case NR_mremap:
	case NR_pkey_mprotect:
		return 4;
	case NR_remap_file_pages:
		return 5;
	default:
		return 3;
	}
}

/*
 * For placed_fits(), which asks before the line's turn: a doubt must not be counted twice. False as
 * well for what strace has injected.
 */
bool import_read_call(const struct strace_call *call, const struct handler *h, struct trace_call *c)
{
	int n = nr_arguments(h->nr);

	*c = (struct trace_call){ .nr = h->nr, .result = call->result };
	if (!call->has_result || call->injected || call->nr_args < n)
		return false;
	for (int i = 0; i < n; i++)
		if (!word_value(call->args[i].at, call->args[i].len, words_of(h->nr, i), &c->args[i]))
			return false;
	return true;
}

/*
 * munmap, mprotect, madvise, mremap, the locks, mseal, shmdt, remap_file_pages and map_shadow_stack:
 * numbers and words in the call's order, no file.
 */
int on_range_call(const struct logged *l, const struct handler *h)
{
	struct trace_call c = { .nr = h->nr, .result = l->call->result };
	int n = nr_arguments(h->nr);

	if (without_result(l))
		return 0;
	/* strace leaves the new address out where the flags do not ask for one. */
	if (h->nr == NR_mremap && l->call->nr_args > 4)
		n = 5;
	for (int i = 0; i < n; i++)
		if (!import_argument(l, i, words_of(h->nr, i), &c.args[i]))
			return 0;
	return emit_call(l, &c);
}

/* Whether a file had been deleted when it was opened, or only later, makes it no other. */
static size_t length_undeleted(const char *path, size_t len)
{
	return len > 10 && memcmp(path + len - 10, " (deleted)", 10) == 0 ? len - 10 : len;
}

/*
 * Can the path that is shown (of -y) be the known file's? Where none is shown it can; a file whose name
 * has no '/' first (a pipe, "anon_inode:...") is any.
 */
static bool same_path(const struct open_file *file, const struct text *path)
{
	size_t len = length_undeleted(file->path, strlen(file->path));

	if (!path->len || !file->known)
		return !path->len;
	return file->path[0] != '/' ||
	       (len == length_undeleted(path->at, path->len) && memcmp(file->path, path->at, len) == 0);
}

/*
 * What is behind the descriptor may have been deleted since it was opened, or was opened by a path that
 * begins elsewhere. NULL: no memory.
 */
static struct open_file *named_as_shown(
	const struct logged *l, struct open_file *file, const struct text *path)
{
	if (!path->len || path->at[0] != '/' ||
		(strlen(file->path) == path->len && memcmp(file->path, path->at, path->len) == 0))
		return file;
	return descriptors_name(l->task->files, file, path->at, path->len);
}

/*
 * The open file of a descriptor; one is made where the log did not show how it was opened. NULL: no
 * memory. Three cases. Known, and the path that is shown agrees: that one. Open, without a name until
 * now: it gets this one in all its descriptors, and a new number. Not known, or another path: closed
 * and opened again where the log did not show it, a new one is made.
 */
static struct open_file *file_of(const struct logged *l, int fd, const struct text *path)
{
	struct open_file *file = descriptors_find(l->task->files, fd);

	if (file && same_path(file, path)) {
		file = named_as_shown(l, file, path);
		if (!file)
			return NULL;
		if (!file->known && !file->told)
			import_doubt(l->im, DOUBT_FILE_UNKNOWN);
		file->told = true;
		return file;
	}
	if (file && !file->known) {
		struct open_file *named = open_file_new(l->im, path->at, path->len, file->open_flags);

		if (named)
			descriptors_rename(l->task->files, file, named);
		return named ? descriptors_find(l->task->files, fd) : NULL;
	}
	import_doubt(l->im, path->len ? DOUBT_SAME_FILE : DOUBT_FILE_UNKNOWN);
	/* 2 is O_RDWR, here and below: of a file that was opened before the log, writing is not refused. */
	file = open_file_new(l->im, path->len ? path->at : "", path->len, 2);
	if (file)
		file->told = true;
	if (!file || !descriptors_set(l->task->files, fd, file, false))
		return NULL;
	return descriptors_find(l->task->files, fd);
}

/*
 * For each mapping again: the CALL behind it means the file that was told last. @anonymous: shared
 * memory of its own.
 */
static int emit_file(const struct logged *l, const struct open_file *file, bool anonymous)
{
	struct trace_event e = { .type = TRACE_EVENT_FILE,
		.file = { .id = file->id,
			.kind = file->kind,
			.open_flags = file->open_flags,
			.anonymous = anonymous,
			.path = file->path } };

	return import_emit(l->im, &e, l->task->pid, l->task->tid, 0);
}

/* 1: the line cannot be right. 0, 1, or an error. *c gets the file's number. */
static int mmap_file(const struct logged *l, struct trace_call *c)
{
	struct open_file *file;
	struct text path;
	int fd, err;

	if (!descriptor_argument(l, 4, &fd, &path)) {
		import_doubt(l->im, DOUBT_BAD_LINE);
		return 1;
	}
	c->args[4] = (uint64_t)fd;
	/*
	 * A descriptor of an anonymous mapping is not looked at by the kernel (ksys_mmap_pgoff()), and a
	 * failed call maps no file.
	 */
	if ((c->args[3] & MAP_ANONYMOUS) || IS_ERR_VALUE(c->result))
		return 0;
	if (fd < 0 || fd >= MAX_DESCRIPTOR) {
		import_doubt(l->im, DOUBT_BAD_LINE);
		return 1;
	}
	file = file_of(l, fd, &path);
	if (!file)
		return -12;
	err = emit_file(l, file, false);
	c->file = file->id;
	return err;
}

/* ltrace has four arguments of each call: of a file neither which nor where. */
static int mmap_of_four(const struct logged *l, struct trace_call *c)
{
	struct open_file *file;
	int err;

	c->args[4] = (uint64_t)-1;
	if ((c->args[3] & MAP_ANONYMOUS) || IS_ERR_VALUE(c->result))
		return 0;
	import_doubt(l->im, DOUBT_FILE_UNKNOWN);
	file = open_file_new(l->im, "", 0, 2);
	if (!file)
		return -12;
	err = emit_file(l, file, false);
	c->args[4] = 0;
	c->file = file->id;
	open_file_put(file);
	return err;
}

/*
 * The kernel's own pages, [vdso] for one; @c is a mapping at its place. SPECIAL makes the engine treat
 * the area as the kernel's own, which has operations and no file.
 */
static int emit_kernels(const struct logged *l, struct trace_call *c, const char *name)
{
	struct open_file *file = open_file_new(l->im, name, strlen(name), 2);
	int err;

	if (!file)
		return -12;
	file->kind = TRACE_FILE_SPECIAL;
	c->args[3] &= ~(uint64_t)MAP_ANONYMOUS;
	c->args[4] = 3;
	c->file = file->id;
	err = emit_file(l, file, false);
	open_file_put(file);
	return err ? err : emit_call(l, c);
}

/*
 * An area that perf has told of (PERF_RECORD_MMAP2), as a call of mmap at its place: MAP_FIXED, since
 * it lies there whatever was there before. [stack], [heap] and the like are anonymous; "[v" begins
 * [vdso], [vvar] and [vsyscall]. What has no whole pages is left out without a word: it is of the
 * kernel or of a module.
 */
int import_mapped(struct trace_import *im, struct import_task *t, const struct mapped *m)
{
	struct trace_call c;
	const struct logged l = { .im = im, .task = t };
	bool special = strncmp(m->path, "[v", 2) == 0;
	struct open_file *file;
	int err = 0;

	if ((m->start | m->len | m->offset) & IMPORT_IN_PAGE || !m->len || m->len > IMPORT_TASK_SIZE ||
		m->start > IMPORT_TASK_SIZE - m->len)
		return 0;
	import_doubt(im, DOUBT_MMAP_EVENTS);
	c = (struct trace_call){ .nr = NR_mmap,
		.args = { m->start, m->len, m->prot, (m->shared ? 1 : 2) | 0x10, (uint64_t)-1, m->offset },
		.result = (int64_t)m->start };
	/* It is the first that an exec maps. */
	if (strcmp(m->path, "[stack]") == 0)
		t->space->start_stack = m->start + m->len - 1;
	err = import_space_begin(im, t, 0);
	if (err)
		return err;
	/* perf writes "//anon" for memory without a name. */
	if (!special && (m->path[0] == '[' || strncmp(m->path, "//", 2) == 0)) {
		c.args[3] |= MAP_ANONYMOUS;
		c.args[5] = 0;
		return emit_call(&l, &c);
	}
	if (special)
		return emit_kernels(&l, &c, m->path);
	file = open_file_new(im, m->path, strlen(m->path), 2);
	if (!file)
		return -12;
	c.args[4] = 3;
	c.file = file->id;
	err = emit_file(&l, file, false);
	open_file_put(file);
	return err ? err : emit_call(&l, &c);
}

/*
 * perf trace's "(d.)" and a page-faults sample do not tell a write from a read;
 * exceptions:page_fault_user does.
 */
int import_fault(struct trace_import *im, struct import_task *t, const struct page_fault *f)
{
	struct trace_event e = { .type = TRACE_EVENT_FAULT,
		.fault = { .addr = f->addr,
			/*
			 * Only a write makes a map change (its first gives an anon_vma): where the log does
			 * not say, that is the case that matters, and a doubt.
			 */
			.write = f->write || !f->write_known,
			.write_known = f->write_known,
			.kernel = f->kernel,
			/*
			 * A call of the same space is being carried out: before or behind it, nobody knows.
			 */
			.ambiguous = t->space->pending != 0 } };

	if (!f->addr) {
		import_doubt(im, DOUBT_FAULT_PLACE);
		return 0;
	}
	if (!f->write_known)
		import_doubt(im, DOUBT_FAULT_WRITE);
	return import_emit(im, &e, t->pid, t->tid, t->space->mm);
}

/*
 * The name of the kernel's own pages, as an exported recording has it behind the offset: "[vdso]".
 * False: there is none. It stands in a comment behind the last argument.
 */
static bool kernels_name(const struct strace_call *call, char name[64])
{
	const struct text *t = &call->args[call->nr_args - 1];
	const char *begin = memmem(t->at, t->len, "/* [", 4),
		   *end = begin ? memmem(begin, t->len - (size_t)(begin - t->at), "] */", 4) : NULL;

	if (!end || end - begin > 60)
		return false;
	memcpy(name, begin + 3, (size_t)(end - begin) - 2);
	name[end - begin - 2] = '\0';
	return true;
}

/*
 * Six arguments, or ltrace's four. mmap2's last one is in pages of 4096 bytes for the kernel; whether
 * strace has made bytes of it shows where it is no whole page.
 */
int on_mmap(const struct logged *l, const struct handler *h)
{
	struct trace_call c = { .nr = NR_mmap, .result = l->call->result };
	char name[64];
	int err;

	if (without_result(l))
		return 0;
	for (int i = 0; i < (l->call->nr_args == 4 ? 4 : 6); i++)
		if (i != 4 && !import_argument(l, i, words_of(h->nr, i), &c.args[i]))
			return 0;
	if (l->call->nr_args == 4) {
		err = mmap_of_four(l, &c);
		return err ? err : emit_call(l, &c);
	}
	if ((c.args[3] & MAP_ANONYMOUS) && !IS_ERR_VALUE(c.result) && kernels_name(l->call, name))
		return emit_kernels(l, &c, name);
	/* Older ones print mmap2's offset as it is, in pages; later ones in bytes. */
	if (strcmp(h->name, "mmap2") == 0 && c.args[5] % 4096 && c.args[5] < UINT64_MAX / 4096)
		c.args[5] *= 4096;
	err = mmap_file(l, &c);
	if (err)
		return err < 0 ? err : 0;
	return emit_call(l, &c);
}

/*
 * Where the heap begins, for a space that was told of before that was known. As a call of
 * prctl(PR_SET_MM) that the program never made: the recording has no other way to say it of a space
 * that has begun. 0 at once where that is known.
 */
static int tell_heap(const struct logged *l, uint64_t begin)
{
	static const uint64_t fields[] = { PR_SET_MM_START_BRK, PR_SET_MM_BRK };
	int err = import_space_begin(l->im, l->task, begin);

	if (err || l->task->space->heap_known)
		return err;
	import_doubt(l->im, DOUBT_HEAP_BEGIN);
	l->task->space->heap_known = true;
	for (int i = 0; i < 2 && !err; i++)
		err = emit_call(
			l, &(struct trace_call){ .nr = NR_prctl, .args = { PR_SET_MM, fields[i], begin } });
	return err;
}

/* brk(NULL) = 0x555555559000 as the first call of a program says where the heap begins and ends. */
int on_brk(const struct logged *l, const struct handler *h)
{
	struct trace_call c = { .nr = NR_brk, .result = l->call->result };
	int err;

	if (without_result(l) || !import_argument(l, 0, NULL, &c.args[0]))
		return 0;
	/*
	 * The first brk that the log has already moves the end: the result is where it ends now, and the
	 * beginning is taken to be there as well.
	 */
	if (c.args[0] && !l->task->space->told)
		import_doubt(l->im, DOUBT_HEAP_BEGIN);
	err = tell_heap(l, (uint64_t)c.result);
	return err ? err : emit_call(l, &c);
}

/* Without a doubt where it is none: most calls of prctl are about other things. */
static bool prctl_word(const struct logged *l, int i, uint64_t *value)
{
	const struct text *t = &l->call->args[i];

	return i < l->call->nr_args && word_value(t->at, t->len, prctl_constants, value);
}

/* PR_SET_MM: where heap and stack are said to begin. */
static int place_said(const struct logged *l, struct trace_call *c)
{
	int err = import_space_begin(l->im, l->task, 0);

	if (err || c->result || !prctl_word(l, 1, &c->args[1]) || !prctl_word(l, 2, &c->args[2]))
		return err;
	l->task->space->heap_known |= c->args[1] == PR_SET_MM_START_BRK;
	return emit_call(l, c);
}

/* prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x7f0000000000, 8192, "jit"...) = 0 */
int on_prctl(const struct logged *l, const struct handler *h)
{
	struct trace_call c = { .nr = NR_prctl, .result = l->call->result };
	size_t len;
	char *name;

	if (!prctl_word(l, 0, &c.args[0]) || (c.args[0] != PR_SET_VMA && c.args[0] != PR_SET_MM) ||
		without_result(l))
		return 0;
	if (c.args[0] == PR_SET_MM)
		return place_said(l, &c);
	for (int i = 1; i < 4; i++)
		if (!import_argument(l, i, prctl_constants, &c.args[i]))
			return 0;
	name = string_argument(l, 4, &len);
	if (name) {
		if (is_cut(&l->call->args[4]))
			import_doubt(l->im, DOUBT_NAME);
		c.data = name;
		c.data_len = (uint32_t)len + 1;
		/*
		 * The pointer itself was lost with the text that strace printed for it: any but NULL says
		 * that there is a name.
		 */
		c.args[4] = 1;
	} else if (l->call->nr_args < 5 || strncmp(l->call->args[4].at, "NULL", 4) != 0) {
		import_doubt(l->im, DOUBT_NAME);
	}
	return emit_call(l, &c);
}

/* O(segments). */
static const struct segment *find_segment(const struct import_tasks *tasks, int64_t id)
{
	for (size_t i = 0; i < tasks->nr_segments; i++)
		if (tasks->segments[i].id == id)
			return &tasks->segments[i];
	return NULL;
}

/* shmget(IPC_PRIVATE, 4096, IPC_CREAT|0600) = 32769 */
int on_shmget(const struct logged *l, const struct handler *h)
{
	struct import_tasks *tasks = l->tasks;
	uint64_t key = 0, size;
	struct segment *grown;

	if (!l->call->has_result || l->call->result < 0 || !import_argument(l, 1, NULL, &size))
		return 0;
	/* IPC_PRIVATE is no number to it, and is 0, which is what maps shows of it. */
	(void)word_value(l->call->args[0].at, l->call->args[0].len, NULL, &key);
	/* shmget(2) of a key that exists gives the same segment: its size stays that of the first. */
	if (find_segment(tasks, l->call->result))
		return 0;
	grown = realloc(tasks->segments, (tasks->nr_segments + 1) * sizeof(*grown));
	if (!grown)
		return -12;
	tasks->segments = grown;
	grown += tasks->nr_segments++;
	*grown = (struct segment){ .id = l->call->result, .size = size, .file = ++l->im->last_file };
	/* Whether or not it has been removed: it never had a name in a folder. */
	snprintf(grown->name, sizeof(grown->name), "/SYSV%08x (deleted)", (unsigned int)key);
	return 0;
}

/* shmat(32769, NULL, 0) = 0x7f0000000000: the length is the segment's, and told as the call's data. */
int on_shmat(const struct logged *l, const struct handler *h)
{
	struct trace_call c = { .nr = NR_shmat, .result = l->call->result };
	const struct segment *s;
	struct trace_event e = { .type = TRACE_EVENT_FILE };
	int err;

	if (without_result(l) || !import_argument(l, 0, NULL, &c.args[0]) ||
		!import_argument(l, 1, NULL, &c.args[1]) || !import_argument(l, 2, shm_constants, &c.args[2]))
		return 0;
	s = find_segment(l->tasks, (int64_t)c.args[0]);
	if (!s) {
		import_doubt(l->im, DOUBT_SEGMENT_SIZE);
		return 0;
	}
	/*
	 * shm_vm_ops has a close: no merge takes such an area away, for the segment counts its attachments
	 * (can_merge_remove_vma()).
	 */
	e.file = (struct trace_file){
		.id = s->file, .kind = TRACE_FILE_SHMEM, .open_flags = 2, .has_close = true, .path = s->name
	};
	err = import_emit(l->im, &e, l->task->pid, l->task->tid, 0);
	c.file = s->file;
	c.data = &s->size;
	c.data_len = sizeof(s->size);
	return err ? err : emit_call(l, &c);
}
