/* SPDX-License-Identifier: MIT */
/*
 * Recorded calls that map something somewhere.
 *
 * Three things are taken from the recording rather than predicted, because no map determines them: what a search for
 * MAP_32BIT finds in a randomised process, as far as some number drawn leads to it; where anything goes in an address
 * space that was seen in part only; and mmap_base of a process that was not seen to begin (it is learned from the
 * placements themselves).
 *
 * Each of them only makes the search begin, or end, where the kernel's did.  Whether there is room, what the mapping
 * cuts and what it joins is predicted as ever, and a result that no search could have is a difference.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "internal.h"
#include "minmax.h"
#include "uapi.h"

/*
 * Where searches go upwards: a placement below what the base was thought to be, or the first one, shows
 * where it is; so does one above it with nothing in between, which a search from the base would have
 * filled.
 */
static void learn_lowest(struct space *s, unsigned long *base, unsigned long addr)
{
	if (addr < *base || !find_vma_intersection(&s->mm, *base, addr))
		*base = addr;
}

/* Likewise for 32-bit calls of a 64-bit program; but what is full below its base is searched upwards, beyond it. */
static void learn_compat_base(struct space *s, unsigned long end, unsigned long len)
{
	unsigned long *base = &s->mm.mmap_compat_base;

	if (end <= *base || (*base && mm_get_unmapped_area(&s->mm, NULL, 0, len, 0, MM_IN_32BIT) >= *base))
		return;
	*base = end;
}

/*
 * A placement above what mmap_base was thought to be shows where it is: searches go down from there, and
 * what is the highest of all begins or ended at it. Learned before the call is made, so that the engine
 * finds the place that taught it.
 */
static void learn_base(struct space *s, unsigned long flags, unsigned long addr, unsigned long len)
{
	unsigned long end = mm_page_align(&s->mm, addr + len);
	bool compat = (flags & MM_IN_32BIT) && s->mm.task_size > 1UL << 32;

	if ((s->base_exact && !compat) || (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_32BIT)) ||
		IS_ERR_VALUE(addr))
		return;
	/* mmap_base lies below the stack: what is above was put there by a hint, which says nothing of it. */
	if (end >= s->mm.start_stack)
		return;
	if (!s->mm.topdown)
		learn_lowest(s, compat ? &s->mm.mmap_compat_legacy_base : &s->mm.mmap_legacy_base, addr);
	else if (compat)
		learn_compat_base(s, end, end - addr);
	else if (end > s->mm.mmap_base)
		s->mm.mmap_base = end;
}

/*
 * Of areas that were seen: the file that this one can be, with a reference; NULL: none. No memory is no
 * guess: then areas that might join do not.
 */
static struct vm_file *guess_for(struct space *s, const struct vm_file *told, bool writable)
{
	struct vm_file *seen = NULL;

	if (!inodes_find(s, told->dev, told->ino, writable, &seen) && seen && !was_told(seen) &&
		(seen->writable == told->writable || may_be_written(seen)) && seen->kind == told->kind &&
		seen->has_close == told->has_close)
		return seen;
	vm_file_put(seen);
	return NULL;
}

/*
 * Of a space that was attached to: a file that areas of its first map have, as far as anybody knows, for these do not say which
 * open file they are of.  What was guessed of it is known now, and it is this one from now on.
 */
static struct vm_file *seen_before(struct space *s, struct vm_file *told)
{
	struct vm_file *seen;

	if (!s->attached || !told->ino || (told->kind != VM_FILE_REGULAR && told->kind != VM_FILE_SHMEM))
		return told;
	seen = guess_for(s, told, told->writable);
	if (!seen && told->writable)
		seen = guess_for(s, told, false);
	if (!seen)
		return told;
	if (file_is_told(seen, told)) {
		vm_file_put(seen);
		return told;
	}
	inodes_note(s, seen);
	vm_file_put(told);
	return seen;
}

/*
 * The file that the FILE event before the call told of, without a reference of its own: r->pending has it.
 * NULL: anonymous, or none was told.
 */
static struct vm_file *file_of_call(struct replay *r, struct space *s, const struct trace_call *c)
{
	if (!c->file || c->file != r->pending_id)
		return NULL;
	return r->pending = seen_before(s, r->pending);
}

/*
 * It is not there, or not where it was foretold: what comes after is not to suffer from it. What the wrong
 * mapping has replaced is not brought back: the next look shows it.
 */
static void unmake_mapping(
	struct space *s, const struct trace_call *c, const struct mmap_request *req, unsigned long at)
{
	struct mmap_request there = *req;

	(void)!mm_munmap(&s->mm, at, req->len);
	if (!succeeded(c))
		return;
	there.addr = (unsigned long)c->result;
	there.flags = (req->flags & ~(unsigned long)MAP_FIXED_NOREPLACE) | MAP_FIXED;
	(void)!mm_mmap(&s->mm, &there);
}

/* Of a request: through which kind of table it came. */
static unsigned long width_of(const struct trace_call *c)
{
	return trace_abi_is_32bit(c->abi) ? MM_IN_32BIT : 0;
}

/*
 * Huge pages that are refused for a seal have no file that was told, and what lies below the seal has been
 * cut (6.12 checks it area by area, in vms_gather_munmap_vmas()): with a file like theirs the engine does
 * the same. The size of the pages is in the flags (MAP_HUGE_SHIFT), 0 is the machine's own.
 */
static struct prediction refused_for_seal(struct replay *r, struct space *s, struct mmap_request *req)
{
	unsigned int shift = req->flags >> 26 & 63;
	struct vm_file *file = replay_file(r, &(struct trace_file){ .kind = TRACE_FILE_HUGETLB,
						      .open_flags = 2,
						      .map_align = shift ? 1UL << shift : s->mm.sys->pmd_size,
						      .vm_flags = VM_HUGETLB | VM_DONTEXPAND,
						      .path = "" });
	struct prediction p = { .made = true, .compared = true };

	if (!file)
		return (struct prediction){ 0 };
	req->file = file;
	p.result = (int64_t)mm_mmap(&s->mm, req);
	if (!IS_ERR_VALUE(p.result))
		(void)!mm_munmap(&s->mm, req->addr, req->len);
	vm_file_put(file);
	return p;
}

static bool is_beyond(const struct space *s, const struct mmap_request *req)
{
	unsigned long end = s->mm.task_size <= 1UL << 32 ? s->mm.compat_task_size : s->mm.task_size;

	return req->len > end || req->addr > end - req->len;
}

/* Where such a search may begin, and where it ends. */
#define FIRST_BEGIN   0x40000000UL
#define LAST_BEGIN    0x42000000UL
#define MAP_32BIT_END 0x80000000UL

/*
 * The place that is asked for, as the search takes it: round_hint_to_min(), then up to the file's pages; 0:
 * none is.
 */
static unsigned long hint_of(const struct space *s, const struct mmap_request *req)
{
	unsigned long page = mm_page_size(&s->mm), addr = req->addr & ~(page - 1);
	unsigned long align = req->file && req->file->kind == VM_FILE_HUGETLB ? req->file->map_align : page;

	if (addr && addr < s->mm.sys->mmap_min_addr)
		addr = mm_page_align(&s->mm, s->mm.sys->mmap_min_addr);
	return (addr + align - 1) & ~(align - 1);
}

/*
 * MAP_32BIT of a randomised process: find_start_end() of x86 begins each search at another page of 32 MiB.
 * A hint that is free is no search.
 */
static bool draws_place(struct space *s, const struct mmap_request *req)
{
	unsigned long hint = hint_of(s, req);

	if (!(req->flags & MAP_32BIT) || req->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE | MM_IN_32BIT) ||
		!s->drawn)
		return false;
	return !hint || mm_get_unmapped_area(&s->mm, req->file, hint, req->len, 0, MAP_32BIT) != hint;
}

/*
 * Is there room even for the search that begins last? It is the one for 32-bit calls, with these borders,
 * which the engine keeps in the mm: they are put back.
 */
static bool found_by_the_last(struct space *s, const struct mmap_request *req)
{
	struct mm_struct *mm = &s->mm;
	const unsigned long base = mm->mmap_compat_legacy_base, end = mm->compat_task_size;
	const bool topdown = mm->topdown;
	unsigned long addr;

	mm->topdown = false;
	mm->mmap_compat_legacy_base = LAST_BEGIN - mm_page_size(mm);
	mm->compat_task_size = MAP_32BIT_END;
	addr = mm_get_unmapped_area(mm, req->file, 0, mm_page_align(mm, req->len),
		req->offset >> mm->sys->page_shift, MM_IN_32BIT);
	mm->topdown = topdown;
	mm->mmap_compat_legacy_base = base;
	mm->compat_task_size = end;
	return !IS_ERR_VALUE(addr);
}

/*
 * Could a search that begins somewhere end so? Failing shows that even the one that begins last would find
 * nothing; where the result is free, some begin leads to it. (That nothing smaller was nearer is not
 * asked.)
 */
static bool could_be_drawn(struct space *s, const struct mmap_request *req, int64_t result)
{
	if (result == -ENOMEM)
		return !found_by_the_last(s, req);
	return result >= (int64_t)FIRST_BEGIN && result < (int64_t)MAP_32BIT_END &&
	       !find_vma_intersection(&s->mm, (unsigned long)result, (unsigned long)result + req->len);
}

/*
 * The kernel has chosen the place, and a log has nothing of what it chose by, mmap_base and how files are
 * aligned: it is believed, where nothing lies in the way. In a partial space also where something does:
 * partial.c has told of that.
 */
static bool place_is_told(struct space *s, const struct trace_call *c, unsigned long len)
{
	unsigned long at = (unsigned long)c->result;

	if (!succeeded(c) || (!s->partial && !s->logged))
		return false;
	return s->partial || !find_vma_intersection(&s->mm, at, at + mm_page_align(&s->mm, len));
}

struct prediction call_mmap(struct replay *r, struct space *s, const struct trace_call *c)
{
	struct vm_file *file = file_of_call(r, s, c);
	struct mmap_request req = { .addr = c->args[0],
		.len = c->args[1],
		.prot = c->args[2],
		.flags = (c->args[3] & 0xffffffff) | width_of(c),
		.offset = c->args[5] };
	bool anonymous = req.flags & MAP_ANONYMOUS, huge = req.flags & MAP_HUGETLB, drawn;
	struct prediction p = { .made = true, .compared = true };

	if (!file && anonymous && huge && (req.flags & MAP_FIXED) && c->result == -EPERM)
		return refused_for_seal(r, s, &req);
	/* The file of huge pages is known when one was mapped.  What does not fit at all is refused whatever the pool has. */
	if (!file && (!anonymous || huge)) {
		p.made = p.compared = pool_that_refuses(c) && (req.flags & MAP_FIXED);
		p.result = is_beyond(s, &req) ? -ENOMEM : (int64_t)req.addr;
		return p;
	}
	if (!anonymous || huge)
		req.file = file;
	else
		req.shmem = file;
	if (anonymous && (req.flags & MAP_TYPE) != MAP_SHARED && !huge)
		req.shmem = NULL;
	/* A place that was asked for says nothing of where searches begin. */
	if (!req.addr || hint_of(s, &req) != (unsigned long)c->result)
		learn_base(s, req.flags, (unsigned long)c->result, req.len);
	drawn = draws_place(s, &req) && could_be_drawn(s, &req, c->result);
	if (drawn && !succeeded(c)) {
		p.result = -ENOMEM;
		return p;
	}
	if (!(req.flags & MAP_FIXED) && (drawn || place_is_told(s, c, req.len))) {
		req.addr = (unsigned long)c->result;
		req.flags = (req.flags & ~(unsigned long)MAP_FIXED_NOREPLACE) | MAP_FIXED;
	}
	/* Who refuses, and when, decides whether what was there before is still there: the next look tells. */
	if (driver_that_refuses(file, c->result) && (req.flags & MAP_FIXED) && !succeeded(c)) {
		p.result = (int64_t)req.addr;
		return p;
	}
	p.result = (int64_t)mm_mmap(&s->mm, &req);
	s->ring |= driver_of(file) && strcmp(driver_of(file), "io_uring") == 0 && succeeded(c);
	if (!IS_ERR_VALUE(p.result) && p.result != c->result)
		unmake_mapping(s, c, &req, (unsigned long)p.result);
	if (req.file && !IS_ERR_VALUE(p.result))
		inodes_note(s, req.file);
	return p;
}

/*
 * Where it moved to is learned from as of mmap, and where the mirror went elsewhere what it moved is moved
 * there.
 */
struct prediction call_mremap(struct space *s, const struct trace_call *c)
{
	struct mremap_request req = { c->args[0], c->args[1], c->args[2], c->args[3] | width_of(c),
		c->args[4] };
	struct prediction p = { .made = true, .compared = true };

	if ((req.flags & MREMAP_MAYMOVE) && !(req.flags & MREMAP_FIXED) && succeeded(c) &&
		(unsigned long)c->result != req.addr) {
		learn_base(s, width_of(c), (unsigned long)c->result, req.new_len);
		if (place_is_told(s, c, req.new_len)) {
			req.new_addr = (unsigned long)c->result;
			req.flags |= MREMAP_FIXED;
		}
	}
	p.result = (int64_t)mm_mremap(&s->mm, &req);
	if (!IS_ERR_VALUE(p.result) && succeeded(c) && p.result != c->result)
		(void)!mm_mremap(
			&s->mm, &(struct mremap_request){ (unsigned long)p.result, req.new_len, req.new_len,
					MREMAP_MAYMOVE | MREMAP_FIXED, (unsigned long)c->result });
	return p;
}

/*
 * A signal interrupts mremap before it has the map for itself, or while pages that same-page merging has made one are taken
 * apart (ksm_madvise() in move_vma()): by then what lies at the new place is unmapped, and the end that an area loses.
 */
struct prediction interrupted_mremap(struct space *s, const struct trace_call *c)
{
	const struct vm_area_struct *vma = vma_lookup(&s->mm, c->args[0]);
	const unsigned long in_page = mm_page_size(&s->mm) - 1, addr = c->args[0],
			    old_len = (c->args[1] + in_page) & ~in_page,
			    new_len = (c->args[2] + in_page) & ~in_page;

	if (!vma || !(vma->vm_flags & VM_MERGEABLE) || !(c->args[3] & MREMAP_FIXED))
		return (struct prediction){ 0 };
	(void)!mm_munmap(&s->mm, c->args[4], new_len);
	if (old_len > new_len)
		(void)!mm_munmap(&s->mm, addr + new_len, old_len - new_len);
	return (struct prediction){ .made = true };
}

/* An address that was asked for, rounded to @at: may a segment not be put there?  At 0 it replaces what is there. */
static bool refuses_segment(struct space *s, unsigned long at, unsigned long size, unsigned long flags)
{
	if (flags & SHM_REMAP)
		return !at;
	return at && (at + size < at || find_vma_intersection(&s->mm, at, at + size));
}

/* data: the segment's size in bytes. */
struct prediction call_shmat(struct replay *r, struct space *s, const struct trace_call *c)
{
	unsigned long addr = c->args[1], flags = c->args[2], size, in_page = mm_page_size(&s->mm) - 1;
	struct mmap_request req = {
		.flags = MAP_SHARED | width_of(c), .file = file_of_call(r, s, c), .prot = PROT_READ
	};

	/* It may have come as far as cutting what lies there: from where, and no size, is known. */
	if (!succeeded(c) && (flags & SHM_REMAP || (addr && addr <= in_page)))
		s->cut_from = max(addr & ~in_page, 1ul);
	if (!req.file || c->data_len != sizeof(size))
		return (struct prediction){ 0 };
	memcpy(&size, c->data, sizeof(size));
	req.file->size = size; /* shmdt takes no part of an area that has grown beyond it */
	req.len = size;
	req.prot |= (flags & SHM_RDONLY ? 0 : PROT_WRITE) | (flags & SHM_EXEC ? PROT_EXEC : 0);
	req.addr = flags & SHM_RND ? addr & ~in_page : addr;
	if (place_is_told(s, c, req.len))
		req.addr = (unsigned long)c->result;
	if (addr || req.addr)
		req.flags |= MAP_FIXED;
	if (addr && !s->partial && refuses_segment(s, req.addr, size, flags))
		return (struct prediction){ true, true, -EINVAL };
	learn_base(s, req.flags, (unsigned long)c->result, req.len);
	return (struct prediction){ true, true, (int64_t)mm_mmap(&s->mm, &req) };
}
