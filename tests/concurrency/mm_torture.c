/* SPDX-License-Identifier: MIT */
/*
 * Torture of an address space in RCU mode: readers in every lookup, iteration, view and per-VMA lock beside one writer
 * that maps, unmaps, protects, moves, faults, forks and exits.
 *
 * 1. The space.  Zones of 64 pages. The first two pages of each are one area that nothing ever touches (stable). Eight
 *    pages behind it are always mapped (kept), whatever is done to them: protected, mapped over, locked, cut and
 *    joined. The rest comes and goes.
 * 2. Fields that belong together.  Areas are anonymous or of file 1 to 3, file 9 being the stable ones'. What is
 *    mapped at page p has offset p + the file's number, and moves are by whole zones: so (vm_pgoff - page) % 64 is the
 *    number.  File 2 is shared, the others private.  No area reaches from zone to zone.
 * 3. What readers check.  What is kept is found by every lookup; stable areas are what they were; a view and a locked
 *    area contain the address that was asked for, and obey 2; a locked area does not change; iteration goes up and
 *    misses no stable area.
 * 4. A child comes by fork and goes by exit while readers are in it: its stable areas are found until it begins to go.
 * 5. One reader has not registered, and signals interrupt the writer anywhere: the handler looks, too.
 *
 * How long, and how it fails: torture.h.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmaple/mm.h>
#include <vmaple/rcu.h>
#include <vmaple/rmap.h>
#include <vmaple/vma_lock.h>

#include "random.h"
#include "torture.h"

#define PAGE    4096UL
#define ZONE    64UL /* pages */
#define ZONES   24UL
#define BASE    (1UL << 32)
#define KEPT    2UL /* first page in its zone */
#define CHANGES 10UL
#define READERS 3
#define FILES   10

struct child {
	struct mm_struct mm;
	atomic_bool going;
};

struct torture {
	struct mm_system sys;
	struct mm_struct mm;
	struct vm_file file[FILES];
	_Atomic(struct child *) child;
	struct random r; /* the writer's */
	unsigned long calls, forks, in_handler;
	pthread_t writer;
};

struct reader {
	struct torture *t;
	struct random r;
	bool registered;
	unsigned long looks, locked, views, busy;
	pthread_t thread;
};

static struct torture torture;

static unsigned long address(unsigned long zone, unsigned long page)
{
	return BASE + (zone * ZONE + page) * PAGE;
}

static unsigned long number_of(const struct vm_file *file)
{
	return file ? (unsigned long)(file - torture.file) : 0;
}

/* What every area has to be. */
static void check_fields(const struct vma_view *v, const char *how)
{
	unsigned long file = number_of(v->vm_file), page = v->vm_start / PAGE;
	unsigned long zone = (v->vm_start - BASE) / PAGE / ZONE, last = (v->vm_end - 1 - BASE) / PAGE / ZONE;

	if (v->vm_start >= v->vm_end || v->vm_start < BASE || zone >= ZONES || zone != last)
		failed("%s: no area has [%lx, %lx)", how, v->vm_start, v->vm_end);
	else if ((v->vm_pgoff - page) % ZONE != file)
		failed("%s: [%lx, %lx) of file %lu has offset %lx", how, v->vm_start, v->vm_end, file,
			v->vm_pgoff);
	else if (!(v->vm_flags & VM_SHARED) != (file != 2))
		failed("%s: [%lx, %lx) of file %lu has flags %lx", how, v->vm_start, v->vm_end, file,
			(unsigned long)v->vm_flags);
	else if (file == 9 && (v->vm_start != address(zone, 0) || v->vm_end != address(zone, KEPT) ||
				      (v->vm_flags & VM_ACCESS_FLAGS) != VM_READ))
		failed("%s: a stable area at [%lx, %lx)", how, v->vm_start, v->vm_end);
}

static void check_contains(const struct vma_view *v, unsigned long addr, const char *how)
{
	if (addr < v->vm_start || addr >= v->vm_end)
		failed("%s: [%lx, %lx) does not contain %lx", how, v->vm_start, v->vm_end, addr);
	check_fields(v, how);
}

static unsigned long any_address(struct random *r)
{
	return address(random_below(r, ZONES), random_below(r, ZONE)) + random_below(r, PAGE);
}

static unsigned long kept_address(struct random *r)
{
	return address(random_below(r, ZONES), random_below(r, CHANGES));
}

static bool is_kept(unsigned long addr)
{
	return (addr - BASE) / PAGE % ZONE < CHANGES;
}

static void look_view(struct reader *r, unsigned long addr, const char *how)
{
	struct vma_view view;
	int found;

	vmaple_rcu_read_lock();
	found = vma_view(&r->t->mm, addr, &view);
	vmaple_rcu_read_unlock();
	if (found == 1)
		check_contains(&view, addr, how);
	else if (found == 0 && is_kept(addr))
		failed("%s: %lx was not found", how, addr);
	r->views += found == 1;
	r->busy += found == -EAGAIN;
}

static struct vma_view as_it_is(struct vm_area_struct *vma)
{
	return (struct vma_view){ .vma = vma,
		.vm_start = vma->vm_start,
		.vm_end = vma->vm_end,
		.vm_flags = vma->vm_flags,
		.vm_pgoff = vma->vm_pgoff,
		.vm_file = vma->vm_file };
}

static void look_locked(struct reader *r, unsigned long addr)
{
	struct vm_area_struct *vma = lock_vma_under_rcu(&r->t->mm, addr);
	struct vma_view before, after;
	bool may_read;
	int fault;

	if (!vma)
		return;
	before = as_it_is(vma);
	check_contains(&before, addr, "locked");
	may_read = vma->vm_flags & VM_ACCESS_FLAGS;
	fault = vma_fault(vma, addr, MM_FAULT_SMALL);
	if (fault != (may_read ? 0 : -EFAULT))
		failed("locked: a fault at %lx gives %d, flags %lx", addr, fault,
			(unsigned long)vma->vm_flags);
	if (random_below(&r->r, 64) == 0)
		sched_yield();
	after = as_it_is(vma);
	if (after.vm_start != before.vm_start || after.vm_end != before.vm_end ||
		after.vm_flags != before.vm_flags || after.vm_pgoff != before.vm_pgoff ||
		after.vm_file != before.vm_file)
		failed("locked: [%lx, %lx) has changed", before.vm_start, before.vm_end);
	vma_end_read(vma);
	r->locked++;
}

static void look_pointer(struct reader *r, unsigned long addr)
{
	struct vm_area_struct *vma;
	struct vma_view view;

	vmaple_rcu_read_lock();
	vma = random_below(&r->r, 2) ? vma_lookup(&r->t->mm, addr)
				     : find_vma_intersection(&r->t->mm, addr, addr + 1);
	if (!vma && is_kept(addr))
		failed("lookup: %lx was not found", addr);
	if (random_below(&r->r, 64) == 0)
		sched_yield();
	if (vma && vma_view_of(vma, &view) == 1)
		check_fields(&view, "lookup");
	vmaple_rcu_read_unlock();
}

/* The first area at or above an address is not above the next stable one. */
static void look_above(struct reader *r)
{
	unsigned long zone = random_below(&r->r, ZONES - 1), addr = address(zone, random_below(&r->r, ZONE));
	VMA_ITERATOR(vmi, &r->t->mm, addr);
	struct vm_area_struct *vma;

	vmaple_rcu_read_lock();
	if (!find_vma(&r->t->mm, addr))
		failed("find_vma: nothing above %lx", addr);
	vma = vma_next(&vmi);
	if (!vma || vmi.mas.last < addr || vmi.mas.index > address(zone + 1, 0))
		failed("vma_next: [%lx, %lx] from %lx", vmi.mas.index, vmi.mas.last, addr);
	vmaple_rcu_read_unlock();
}

static void look_through(struct reader *r)
{
	unsigned long zone = random_below(&r->r, ZONES), end = 0;
	VMA_ITERATOR(vmi, &r->t->mm, address(zone, 0));
	struct vm_area_struct *vma;
	struct vma_view view;

	vmaple_rcu_read_lock();
	for_each_vma (vmi, vma) {
		if (vmi.mas.last <
			end) /* it may begin below: if it was joined with the one before meanwhile */
			failed("iteration: [%lx, %lx] after %lx", vmi.mas.index, vmi.mas.last, end);
		end = vmi.mas.last + 1;
		if (vmi.mas.index > address(zone, 0))
			failed("iteration: the stable area of zone %lu was missed", zone);
		zone += vmi.mas.index == address(zone, 0);
		if (vma_view_of(vma, &view) == 1)
			check_fields(&view, "iteration");
		if (random_below(&r->r, 256) == 0)
			sched_yield();
	}
	if (zone != ZONES)
		failed("iteration: it ends before zone %lu", zone);
	vmaple_rcu_read_unlock();
}

static void look_into_child(struct reader *r)
{
	unsigned long zone = random_below(&r->r, ZONES);
	struct vm_area_struct *vma;
	struct child *child;
	struct vma_view view;

	vmaple_rcu_read_lock();
	child = atomic_load(&r->t->child);
	if (child) {
		vma = vma_lookup(&child->mm, address(zone, 1));
		if (random_below(&r->r, 64) == 0)
			sched_yield();
		if (!vma && !atomic_load(&child->going))
			failed("child: no stable area in zone %lu", zone);
		if (vma && vma_view_of(vma, &view) == 1)
			check_contains(&view, address(zone, 1), "child");
	}
	vmaple_rcu_read_unlock();
}

static void *reader_main(void *arg)
{
	struct reader *r = arg;

	if (r->registered)
		vmaple_rcu_register_thread();
	for (; !torture_stopped(); r->looks++) {
		unsigned long addr = random_below(&r->r, 2) ? kept_address(&r->r) : any_address(&r->r);

		switch (random_below(&r->r, 12)) {
		case 0 ... 2:
			look_view(r, addr, "view");
			break;
		case 3 ... 5:
			look_locked(r, addr);
			break;
		case 6 ... 7:
			look_pointer(r, addr);
			break;
		case 8 ... 9:
			look_into_child(r);
			break;
		case 10:
			look_above(r);
			break;
		default:
			look_through(r);
		}
	}
	if (r->registered)
		vmaple_rcu_unregister_thread();
	return NULL;
}

/* --- Signals ---------------------------------------------------------------------------------------------- */

/* May have interrupted the writer: then areas may be changing, but what is kept is there. */
static void handler(int sig)
{
	static struct random r = { 1 };
	struct torture *t = &torture;
	unsigned long addr = kept_address(&r);
	struct vma_view view;
	int found;

	vmaple_rcu_read_lock();
	if (!vma_lookup(&t->mm, addr))
		failed("in a handler: %lx was not found", addr);
	found = vma_view(&t->mm, addr, &view);
	if (!found)
		failed("in a handler: no view of %lx", addr);
	else if (found == 1)
		check_contains(&view, addr, "in a handler");
	vmaple_rcu_read_unlock();
	t->in_handler++;
}

static void *pest_main(void *arg)
{
	struct torture *t = arg;

	while (!torture_stopped()) {
		pthread_kill(t->writer, SIGUSR1);
		usleep(150);
	}
	return NULL;
}

/* --- The writer ------------------------------------------------------------------------------------------- */

static void writer_check(long res, long allowed, const char *how)
{
	if (res < 0 && res > -4096 && res != allowed && res != -ENOMEM)
		failed("writer: %s: %ld", how, res);
}

static unsigned long any_prot(struct random *r)
{
	static const unsigned long prots[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE,
		PROT_READ | PROT_EXEC };

	return prots[random_below(r, 4)];
}

static void map(struct torture *t, unsigned long addr, unsigned long pages, unsigned long file)
{
	struct mmap_request req = { .addr = addr,
		.len = pages * PAGE,
		.prot = file == 9 ? PROT_READ : any_prot(&t->r),
		.flags = MAP_FIXED | (file == 2 ? MAP_SHARED : MAP_PRIVATE) | (file ? 0 : MAP_ANONYMOUS),
		.offset = file ? addr + file * PAGE : 0,
		.file = file ? &t->file[file] : NULL };

	writer_check((long)mm_mmap(&t->mm, &req), 0, "mmap");
}

static void move(struct torture *t, unsigned long zone, unsigned long page, unsigned long pages)
{
	struct mremap_request req = { .addr = address(zone, page),
		.old_len = pages * PAGE,
		.new_len = pages * PAGE,
		.flags = MREMAP_MAYMOVE | MREMAP_FIXED | (random_below(&t->r, 4) ? 0 : MREMAP_DONTUNMAP),
		.new_addr = address(random_below(&t->r, ZONES), page) };

	long res;

	if (req.new_addr == req.addr)
		return;
	res = (long)mm_mremap(&t->mm, &req);
	if (res != -EINVAL) /* there are kinds of area that DONTUNMAP refuses */
		writer_check(res, -EFAULT, "mremap");
}

static void fork_and_exit(struct torture *t)
{
	struct child *child = atomic_load(&t->child);

	if (child) {
		atomic_store(&child->going, true);
		mm_exit(&child->mm);
		atomic_store(&t->child, NULL);
		vmaple_rcu_synchronize();
		free(child);
		return;
	}
	child = calloc(1, sizeof(*child));
	if (!child || mm_fork(&child->mm, &t->mm)) {
		failed("writer: no child");
		free(child);
		return;
	}
	atomic_store(&t->child, child);
	t->forks++;
}

/* In the whole of a zone behind the stable area, or only where things come and go. */
static void choose(struct torture *t, bool kept, unsigned long *page, unsigned long *pages)
{
	unsigned long first = kept ? KEPT : CHANGES;

	*page = first + random_below(&t->r, random_below(&t->r, 2) ? 6 : ZONE - first);
	*pages = 1 + random_below(&t->r, random_below(&t->r, 8) ? 4 : ZONE - *page);
	if (*page + *pages > ZONE)
		*pages = ZONE - *page;
}

static void write_once(struct torture *t)
{
	unsigned long kind = random_below(&t->r, 200), zone = random_below(&t->r, ZONES), page, pages, addr;
	bool everywhere = kind < 110;

	choose(t, everywhere, &page, &pages);
	addr = address(zone, page);
	if (kind < 45)
		map(t, addr, pages, random_below(&t->r, 4));
	else if (kind < 90)
		writer_check(
			mm_mprotect(&t->mm, addr, pages * PAGE, any_prot(&t->r), -1), -ENOMEM, "mprotect");
	else if (kind < 100)
		writer_check(mm_fault(&t->mm, addr, MM_FAULT_WRITE), -EFAULT, "fault");
	else if (kind < 105)
		writer_check(mm_madvise(&t->mm, addr, pages * PAGE, MADV_DONTDUMP), -ENOMEM, "madvise");
	else if (kind < 110)
		writer_check(mm_mlock(&t->mm, addr, pages * PAGE, 0), -ENOMEM, "mlock");
	else if (kind < 155)
		writer_check(mm_munmap(&t->mm, addr, pages * PAGE), 0, "munmap");
	else if (kind < 198)
		move(t, zone, page, pages);
	else if (kind == 198)
		fork_and_exit(t);
	else
		writer_check(mm_munlockall(&t->mm), 0, "munlockall");
	t->calls++;
}

static void write_all(struct torture *t)
{
	const char *reason;

	while (!torture_stopped()) {
		write_once(t);
		if (t->calls % 4096 == 0 && !mm_validate(&t->mm, &reason))
			failed("writer: %s", reason);
		if (t->calls % 64 == 0 && torture_is_over())
			break;
	}
	torture_stop();
}

static void begin(struct torture *t)
{
	mm_system_init(&t->sys, &anon_vma_rmap);
	mm_init(&t->mm, &t->sys);
	for (int i = 0; i < FILES; i++)
		t->file[i] = (struct vm_file){ .refs = 1, .readable = true, .writable = true };
	for (unsigned long zone = 0; zone < ZONES; zone++) {
		map(t, address(zone, 0), KEPT, 9);
		map(t, address(zone, KEPT), CHANGES - KEPT, zone % 4);
	}
	mm_set_rcu(&t->mm);
	if (signal(SIGUSR1, handler) == SIG_ERR)
		failed("no handler");
}

int main(void)
{
	struct torture *t = &torture;
	static struct reader readers[READERS];
	struct reader sum = { 0 };
	pthread_t pest;

	torture_begin();
	t->r.state = random_seed();
	vmaple_rcu_register_thread();
	t->writer = pthread_self();
	begin(t);
	for (unsigned int i = 0; i < READERS; i++) {
		readers[i] = (struct reader){ .t = t, .r = { random_u64(&t->r) }, .registered = i > 0 };
		if (pthread_create(&readers[i].thread, NULL, reader_main, &readers[i]))
			return 2;
	}
	if (pthread_create(&pest, NULL, pest_main, t))
		return 2;
	write_all(t);
	pthread_join(pest, NULL);
	for (unsigned int i = 0; i < READERS; i++) {
		pthread_join(readers[i].thread, NULL);
		sum.looks += readers[i].looks;
		sum.locked += readers[i].locked;
		sum.views += readers[i].views;
		sum.busy += readers[i].busy;
	}
	if (atomic_load(&t->child))
		fork_and_exit(t);
	printf("%lu calls, %lu forks, %lu looks, %lu of them views, %lu while an area changed, %lu locked, "
	       "%lu in a handler\n",
		t->calls, t->forks, sum.looks, sum.views, sum.busy, sum.locked, t->in_handler);
	mm_exit(&t->mm);
	vmaple_rcu_barrier();
	vmaple_rcu_unregister_thread();
	return torture_verdict();
}
