/* SPDX-License-Identifier: MIT */
/*
 * The answers: a sequence on the engine, which is then asked what the kit asks the system (kit/look.c).
 *
 * The space has what the kit makes sure of: fences on both sides of the window, nothing below them, no room above
 * them, an empty heap, RLIMIT_MEMLOCK.  It has page tables, so that contents are known, too.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <vmaple/paging.h>

#include "conform.h"

#define PAGE   4096UL
#define WINDOW CONFORM_WINDOW_SHOWN
#define HEAP   CONFORM_HEAP_SHOWN
#define DEPTH  2 /* a child has no children */
#define FRAMES 512

struct world {
	struct mm_system sys;
	struct paging *paging;
	struct mm_struct mm[DEPTH];
	unsigned int depth;
	struct vm_file fence, file[CONFORM_READ_ONLY + 1];
};

static struct mm_struct *current_mm(struct world *w)
{
	return &w->mm[w->depth];
}

static unsigned long page_at(unsigned int i)
{
	return WINDOW + i * PAGE;
}

/* --- the beginning ------------------------------------------------------------------------------------------- */

static int insert_fence(struct world *w, unsigned long start)
{
	struct area_spec spec = { .start = start,
		.end = start + CONFORM_FENCE * PAGE,
		.vm_flags = VM_SHARED | VM_MAYSHARE | VM_MAY_FLAGS | VM_NORESERVE,
		.file = &w->fence };

	return mm_insert_area(&w->mm[0], &spec);
}

/* Written once through a mapping that goes again. */
static int fill_file(struct mm_struct *mm, struct vm_file *file)
{
	struct mmap_request req = { .addr = WINDOW,
		.len = CONFORM_FILE_PAGES * PAGE,
		.prot = PROT_READ | PROT_WRITE,
		.flags = MAP_SHARED | MAP_FIXED,
		.file = file };
	int err = 0;

	if (IS_ERR_VALUE(mm_mmap(mm, &req)))
		return -ENOMEM;
	for (unsigned int i = 0; i < CONFORM_FILE_PAGES && !err; i++)
		err = paging_write(mm, page_at(i), (uint64_t)'A' + i);
	return err ? err : mm_munmap(mm, WINDOW, req.len);
}

static int open_files(struct world *w)
{
	struct vm_file *memfd = &w->file[CONFORM_MEMFD], *read_only = &w->file[CONFORM_READ_ONLY];
	int err;

	*memfd = (struct vm_file){ .refs = 1,
		.kind = VM_FILE_SHMEM,
		.readable = true,
		.writable = true,
		.size = CONFORM_FILE_PAGES * PAGE,
		.max_bytes = ~0UL >> 1,
		.name = "" };
	*read_only = *memfd;
	read_only->writable = false;
	err = fill_file(&w->mm[0], memfd);
	read_only->mapping = memfd->mapping;
	return err;
}

static int begin(struct world *w, const struct kernel_profile *profile, bool zero_page)
{
	const struct paging_options options = { .frames = FRAMES, .swap_fd = -1 };
	struct mm_struct *mm = &w->mm[0];
	int err;

	*w = (struct world){ .fence = { .refs = 1, .kind = VM_FILE_SHMEM, .name = "" } };
	mm_system_init(&w->sys, &anon_vma_rmap);
	w->sys.kernel = profile;
	w->sys.no_zero_page = !zero_page;
	err = paging_new(&w->paging, &w->sys, &options);
	if (err)
		return err;
	mm_init(mm, &w->sys);
	mm->mmap_base = WINDOW + (CONFORM_PAGES + CONFORM_FENCE) * PAGE;
	mm->start_brk = mm->brk = mm->start_data = mm->end_data = HEAP;
	mm->limits.memlock = CONFORM_LOCKABLE * PAGE;
	mm->limits.cap_ipc_lock = false;
	err = paging_attach(mm);
	err = err ? err : insert_fence(w, WINDOW - CONFORM_FENCE * PAGE);
	err = err ? err : insert_fence(w, WINDOW + CONFORM_PAGES * PAGE);
	return err ? err : open_files(w);
}

static void end(struct world *w)
{
	if (!w->paging)
		return;
	for (unsigned int i = w->depth + 1; i-- > 0;)
		mm_exit(&w->mm[i]);
	paging_free(w->paging);
}

/* --- calls --------------------------------------------------------------------------------------------------- */

static int64_t do_mmap(struct world *w, const unsigned long *a)
{
	struct mmap_request req = { .addr = a[0], .len = a[1], .prot = a[2], .flags = a[3], .offset = a[5] };

	if (a[3] & MAP_ANONYMOUS)
		return (int64_t)mm_mmap(current_mm(w), &req);
	/* The descriptor is looked at after the offset, and what it cannot do when all else is right. */
	if (a[5] & (PAGE - 1))
		return -EINVAL;
	if (a[4] == CONFORM_CLOSED || a[4] == CONFORM_ANONYMOUS)
		return -EBADF;
	if (a[4] == CONFORM_PIPE)
		return -ENODEV;
	req.file = &w->file[a[4]];
	return (int64_t)mm_mmap(current_mm(w), &req);
}

/* msync(2) is not about areas, so lib/mm does not have it; what it answers is. */
static int64_t do_msync(struct mm_struct *mm, unsigned long start, unsigned long len, unsigned long flags)
{
	unsigned long last = start + ((len + PAGE - 1) & -PAGE);
	int64_t result = 0;
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, start);

	if (flags & ~(unsigned long)(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || start & (PAGE - 1) ||
		(flags & MS_ASYNC && flags & MS_SYNC))
		return -EINVAL;
	if (last < start)
		return -ENOMEM;
	for_each_vma_range (vmi, vma, last) {
		if (start < vma->vm_start)
			result = -ENOMEM;
		if (flags & MS_INVALIDATE && vma->vm_flags & VM_LOCKED)
			return -EBUSY;
		start = vma->vm_end;
	}
	return start < last ? -ENOMEM : result;
}

static int64_t do_mremap(struct mm_struct *mm, const unsigned long *a)
{
	struct mremap_request req = {
		.addr = a[0], .old_len = a[1], .new_len = a[2], .flags = a[3], .new_addr = a[4]
	};

	return (int64_t)mm_mremap(mm, &req);
}

static int64_t do_fork(struct world *w)
{
	int err = mm_fork(&w->mm[w->depth + 1], current_mm(w));

	w->depth++;
	return err;
}

static int64_t do_exit(struct world *w)
{
	mm_exit(current_mm(w));
	w->depth--;
	return 0;
}

static int64_t make_call(struct world *w, const struct conform_call *c, unsigned int number)
{
	struct mm_struct *mm = current_mm(w);
	unsigned long a[6];
	uint64_t stamp;

	for (unsigned int i = 0; i < 6; i++)
		a[i] = conform_value(c->arg[i], WINDOW, HEAP, PAGE);
	switch (c->op) {
	case CONFORM_MMAP:
		return do_mmap(w, a);
	case CONFORM_MUNMAP:
		return mm_munmap(mm, a[0], a[1]);
	case CONFORM_MPROTECT:
		return mm_mprotect(mm, a[0], a[1], a[2], -1);
	case CONFORM_MREMAP:
		return do_mremap(mm, a);
	case CONFORM_MADVISE:
		return mm_madvise(mm, a[0], a[1], (int)a[2]);
	case CONFORM_MSYNC:
		return do_msync(mm, a[0], a[1], a[2]);
	case CONFORM_MLOCK:
		return mm_mlock(mm, a[0], a[1], (int)a[2]);
	case CONFORM_MUNLOCK:
		return mm_munlock(mm, a[0], a[1]);
	case CONFORM_MLOCKALL:
		return mm_mlockall(mm, (int)a[0]);
	case CONFORM_MUNLOCKALL:
		return mm_munlockall(mm);
	case CONFORM_BRK:
		return (int64_t)mm_brk(mm, a[0]);
	case CONFORM_REMAP_FILE_PAGES:
		return mm_remap_file_pages(mm, a[0], a[1], a[2], a[3], a[4]);
	case CONFORM_WRITE:
		return paging_write(mm, a[0], (uint64_t)'a' + number);
	case CONFORM_READ:
		return paging_read(mm, a[0], &stamp);
	case CONFORM_FORK:
		return do_fork(w);
	case CONFORM_EXIT:
		return do_exit(w);
	default:
		return -ENOSYS;
	}
}

/* --- what is seen -------------------------------------------------------------------------------------------- */

static void place_text(char *text, size_t size, char base, long bytes)
{
	long page = (long)PAGE;
	int n = snprintf(text, size, "%c%s%ld", base, bytes >= 0 ? "+" : "", bytes / page);

	if (bytes % page)
		snprintf(text + n, size - (size_t)n, "+%ld", bytes % page);
}

static void result_text(struct conform_seen *seen, enum conform_op op, int64_t result)
{
	long near = (CONFORM_PAGES + CONFORM_FENCE + CONFORM_BELOW) * (long)PAGE;
	long window = result - (long)WINDOW, heap = result - (long)HEAP;

	if (result < 0 || (op != CONFORM_MMAP && op != CONFORM_MREMAP && op != CONFORM_BRK))
		snprintf(seen->result, sizeof(seen->result), "%ld", (long)result);
	else if (op == CONFORM_BRK && heap >= 0 && heap < near)
		place_text(seen->result, sizeof(seen->result), 'H', heap);
	else if (window >= -near && window < near)
		place_text(seen->result, sizeof(seen->result), 'W', window);
	else
		snprintf(seen->result, sizeof(seen->result), "elsewhere");
}

static char page_letter(struct mm_struct *mm, unsigned long addr)
{
	uint64_t stamp = 0;

	if (!vma_lookup(mm, addr))
		return '.';
	if (paging_read(mm, addr, &stamp))
		return '-';
	return stamp ? (char)stamp : '0';
}

static bool ends_before(struct mm_struct *mm, unsigned int i)
{
	const struct mremap_request req = {
		.addr = page_at(i - 1), .old_len = 2 * PAGE, .new_len = (CONFORM_PAGES + 1) * PAGE
	};

	return mm_mremap(mm, &req) == (unsigned long)-EFAULT;
}

static void areas_text(struct mm_struct *mm, char *text, size_t size)
{
	size_t n = 0;
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, WINDOW);

	text[0] = '\0';
	for_each_vma_range (vmi, vma, page_at(CONFORM_PAGES)) {
		vm_flags_t f = vma->vm_flags;

		n += (size_t)snprintf(text + n, size - n, "%s%ld-%ld%c%c%c%c", n ? "," : "",
			(long)(vma->vm_start - WINDOW) / (long)PAGE,
			(long)(vma->vm_end - WINDOW) / (long)PAGE, f & VM_READ ? 'r' : '-',
			f & VM_WRITE ? 'w' : '-', f & VM_EXEC ? 'x' : '-', f & VM_MAYSHARE ? 's' : 'p');
	}
	if (!n)
		snprintf(text, size, "-");
}

static void look(struct mm_struct *mm, struct conform_seen *seen)
{
	for (unsigned int i = 0; i < CONFORM_PAGES; i++)
		seen->pages[i] = page_letter(mm, page_at(i));
	for (unsigned int i = 0; i < CONFORM_PAGES; i++) {
		const struct vm_area_struct *vma = vma_lookup(mm, page_at(i));
		bool both = i && seen->pages[i] != '.' && seen->pages[i - 1] != '.';

		seen->bounds[i] = both && ends_before(mm, i) ? '|' : '.';
		seen->locks[i] = vma && vma->vm_flags & VM_LOCKED ? 'l' : '.';
	}
	areas_text(mm, seen->areas, sizeof(seen->areas));
}

static void look_at_rights(struct mm_struct *mm, char *rights)
{
	for (unsigned int i = 0; i < CONFORM_PAGES; i++)
		rights[i] = !vma_lookup(mm, page_at(i)) ? '.' : paging_write(mm, page_at(i), 'z') ? '-' : 'w';
}

int conform_expect(const struct conform_set *set, unsigned int number, const struct kernel_profile *profile,
	bool zero_page, struct conform_answers *answers)
{
	const struct conform_sequence *s = &set->sequence[number];
	struct world w;
	int err = begin(&w, profile, zero_page);

	*answers = (struct conform_answers){ 0 };
	for (unsigned int i = 0; i < s->nr && !err; i++) {
		const struct conform_call *c = &set->call[s->first + i];
		struct conform_seen *seen = &answers->call[i];

		seen->there = true;
		result_text(seen, c->op, make_call(&w, c, i));
		look(current_mm(&w), seen);
	}
	if (!err)
		look_at_rights(current_mm(&w), answers->rights);
	end(&w);
	return err;
}
