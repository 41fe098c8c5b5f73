/* SPDX-License-Identifier: MIT */
/*
 * Threads on one address space of n areas, against one lock of all readers and writers (pthread_rwlock_t).
 *
 * `threads-lookup`: vma_lookup() by 1, 2, 4 threads, alone and beside a thread that maps and unmaps. `threads-fault`: the
 * same for faults, which take the per-VMA lock and fall back to the rwlock.  `threads-mmap`: pairs of mmap and munmap of
 * a page by two threads, on one mm under the lock, on an mm for each, and as system calls.
 *
 * Nanoseconds by the wall for one operation of all threads together: the inverse of throughput.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <vmaple/mm.h>
#include <vmaple/rcu.h>
#include <vmaple/rmap.h>
#include <vmaple/vma_lock.h>

#include "bench.h"

#define LOOKS   200000 /* by all threads of a round */
#define PAIRS   20000
#define MOST    16
#define PACE    100000 /* changes a second */
#define ADDRESS (1UL << 32)

struct space {
	struct mm_system sys;
	struct mm_struct mm;
	pthread_rwlock_t lock;
};

enum changer { NOBODY, PACED, FLAT_OUT };

struct crowd {
	size_t n;
	unsigned int threads;
	enum changer changer;
	bool faults;
	bool stop;
	double ns;
};

struct member {
	struct crowd *crowd;
	const struct contender *contender;
	struct space *space;
	pthread_barrier_t *start;
	struct random random;
	unsigned long sum;
	double begin, end; /* seconds */
	pthread_t thread;
};

static void die(const char *what)
{
	fprintf(stderr, "threads: %s\n", what);
	exit(1);
}

static void map_page(struct space *space, unsigned long addr, unsigned long prot)
{
	struct mmap_request req = { .addr = addr,
		.len = BENCH_PAGE,
		.prot = prot,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED };

	if (IS_ERR_VALUE(mm_mmap(&space->mm, &req)))
		die("cannot map");
}

static struct space *make_space(size_t n)
{
	struct space *space = bench_alloc(1, sizeof(*space));

	mm_system_init(&space->sys, &anon_vma_rmap);
	mm_init(&space->mm, &space->sys);
	pthread_rwlock_init(&space->lock, NULL);
	for (size_t i = 0; i < n; i++)
		map_page(space, ADDRESS + 2 * i * BENCH_PAGE, PROT_READ);
	mm_set_rcu(&space->mm);
	return space;
}

static void free_space(struct space *space)
{
	mm_exit(&space->mm);
	vmaple_rcu_synchronize();
	pthread_rwlock_destroy(&space->lock);
	free(space);
}

static unsigned long any_page(struct member *m)
{
	return ADDRESS + 2 * random_below(&m->random, m->crowd->n) * BENCH_PAGE;
}

/* --- One look, in each contender's way -------------------------------------------------------------------- */

static unsigned long look_under_rcu(struct member *m)
{
	struct vm_area_struct *vma;

	vmaple_rcu_read_lock();
	vma = vma_lookup(&m->space->mm, any_page(m));
	vmaple_rcu_read_unlock();
	return vma != NULL;
}

static unsigned long look_under_lock(struct member *m)
{
	struct vm_area_struct *vma;

	pthread_rwlock_rdlock(&m->space->lock);
	vma = vma_lookup(&m->space->mm, any_page(m));
	pthread_rwlock_unlock(&m->space->lock);
	return vma != NULL;
}

static unsigned long fault_under_lock(struct member *m)
{
	int err;

	pthread_rwlock_rdlock(&m->space->lock);
	err = mm_fault(&m->space->mm, any_page(m), MM_FAULT_SMALL);
	pthread_rwlock_unlock(&m->space->lock);
	return err == 0;
}

static unsigned long fault_under_vma_lock(struct member *m)
{
	struct vm_area_struct *vma;
	unsigned long addr = any_page(m);
	int err = -EAGAIN;

	vma = lock_vma_under_rcu(&m->space->mm, addr);
	if (vma) {
		err = vma_fault(vma, addr, MM_FAULT_SMALL);
		vma_end_read(vma);
	}
	return err == -EAGAIN ? fault_under_lock(m) : err == 0;
}

static bool is_ours(const struct contender *contender)
{
	return contender->rcu;
}

static void *look_main(void *arg)
{
	struct member *m = arg;
	unsigned long (*look)(struct member * m) = look_under_lock;

	if (m->crowd->faults)
		look = is_ours(m->contender) ? fault_under_vma_lock : fault_under_lock;
	else if (is_ours(m->contender))
		look = look_under_rcu;
	vmaple_rcu_register_thread();
	pthread_barrier_wait(m->start);
	m->begin = bench_seconds(BENCH_WALL);
	for (unsigned int i = 0; i < LOOKS / m->crowd->threads; i++)
		m->sum += look(m);
	m->end = bench_seconds(BENCH_WALL);
	vmaple_rcu_unregister_thread();
	return NULL;
}

/* Maps and unmaps a page in the holes between the areas. */
static void *change_main(void *arg)
{
	struct member *m = arg;
	double due;

	vmaple_rcu_register_thread();
	pthread_barrier_wait(m->start);
	due = bench_seconds(BENCH_WALL);
	while (!__atomic_load_n(&m->crowd->stop, __ATOMIC_RELAXED)) {
		unsigned long hole = any_page(m) + BENCH_PAGE;

		if (m->crowd->changer == PACED && bench_seconds(BENCH_WALL) < due)
			continue;
		pthread_rwlock_wrlock(&m->space->lock);
		map_page(m->space, hole, PROT_NONE);
		if (mm_munmap(&m->space->mm, hole, BENCH_PAGE))
			die("cannot unmap");
		pthread_rwlock_unlock(&m->space->lock);
		due += 2.0 / PACE;
	}
	vmaple_rcu_unregister_thread();
	return NULL;
}

static unsigned long run_crowd(struct trial *trial, void *arg)
{
	struct crowd *crowd = arg;
	bool beside = crowd->changer != NOBODY;
	struct member members[MOST + 1];
	pthread_barrier_t start;
	unsigned long sum = 0;
	double begin = 0, end = 0;

	crowd->stop = false;
	pthread_barrier_init(&start, NULL, crowd->threads + beside + 1);
	for (unsigned int i = 0; i < crowd->threads + beside; i++) {
		members[i] = (struct member){ .crowd = crowd,
			.contender = trial->contender,
			.space = trial->tree,
			.start = &start,
			.random = { i } };
		if (pthread_create(&members[i].thread, NULL, i < crowd->threads ? look_main : change_main,
			    &members[i]))
			die("no thread");
	}
	pthread_barrier_wait(&start);
	for (unsigned int i = 0; i < crowd->threads; i++) {
		pthread_join(members[i].thread, NULL);
		begin = i && begin < members[i].begin ? begin : members[i].begin;
		end = i && end > members[i].end ? end : members[i].end;
		sum += members[i].sum;
	}
	crowd->ns = (end - begin) * 1e9;
	__atomic_store_n(&crowd->stop, true, __ATOMIC_RELAXED);
	if (beside)
		pthread_join(members[crowd->threads].thread, NULL);
	pthread_barrier_destroy(&start);
	return sum;
}

static double crowd_took(struct trial *trial, void *arg)
{
	return ((struct crowd *)arg)->ns;
}

static void begin_space(struct trial *trial, void *arg)
{
	trial->tree = make_space(((struct crowd *)arg)->n);
}

static void end_space(struct trial *trial, void *arg)
{
	free_space(trial->tree);
}

static const struct contender ways[] = { { .name = "vmaple", .rcu = true }, { .name = "vmaple-rwlock" } };

static void ask_crowds(const char *question, bool faults)
{
	static const size_t own[] = { 1000, 0 };
	static const unsigned int crowds[] = { 1, 2, 4 };
	static const char *const beside[] = { "alone", "beside 100,000 changes a second",
		"beside changes flat out" };
	char which[64];

	for (const size_t *n = bench_sizes(own); *n; n++) {
		for (unsigned int i = 0; i < 9; i++) {
			struct crowd crowd = { .n = *n,
				.threads = crowds[i % 3],
				.changer = (enum changer)(i / 3),
				.faults = faults };

			snprintf(which, sizeof(which), "%u threads, %s", crowd.threads, beside[i / 3]);
			bench_compare(&(struct work){
				.question = question,
				.which = which,
				.n = *n,
				.operations = LOOKS / crowd.threads * crowd.threads,
				.clock = BENCH_WALL,
				.arg = &crowd,
				.contenders = ways,
				.nr_contenders = 2,
				.begin = begin_space,
				.run = run_crowd,
				.took = crowd_took,
				.end = end_space,
			});
		}
	}
}

void question_threads_lookup(void)
{
	ask_crowds("threads-lookup", false);
}

void question_threads_fault(void)
{
	ask_crowds("threads-fault", true);
}

/* --- Pairs of mmap and munmap ----------------------------------------------------------------------------- */

struct mapper {
	struct space *space; /* NULL: the kernel */
	pthread_t thread;
};

static void engine_pair(struct space *space, const struct mmap_request *req)
{
	unsigned long addr;

	pthread_rwlock_wrlock(&space->lock);
	addr = mm_mmap(&space->mm, req);
	pthread_rwlock_unlock(&space->lock);
	if (IS_ERR_VALUE(addr))
		die("cannot map");
	pthread_rwlock_wrlock(&space->lock);
	if (mm_munmap(&space->mm, addr, BENCH_PAGE))
		die("cannot unmap");
	pthread_rwlock_unlock(&space->lock);
}

static void *map_main(void *arg)
{
	const struct mmap_request req = {
		.len = BENCH_PAGE, .prot = PROT_READ | PROT_WRITE, .flags = MAP_PRIVATE | MAP_ANONYMOUS
	};
	struct mapper *m = arg;

	vmaple_rcu_register_thread();
	for (int i = 0; i < PAIRS / 2; i++) {
		void *page;

		if (m->space) {
			engine_pair(m->space, &req);
			continue;
		}
		page = mmap(NULL, req.len, (int)req.prot, (int)req.flags, -1, 0);
		if (page == MAP_FAILED || munmap(page, req.len))
			die("the kernel fails");
	}
	vmaple_rcu_unregister_thread();
	return NULL;
}

struct spaces {
	struct space *of[2];
};

static void begin_mappers(struct trial *trial, void *arg)
{
	size_t n = *(const size_t *)arg;
	struct spaces *spaces = bench_alloc(1, sizeof(*spaces));

	if (trial->contender->same_but_for_rcu) /* the kernel */
		spaces->of[0] = NULL;
	else
		spaces->of[0] = make_space(n);
	spaces->of[1] = trial->contender->rcu ? make_space(n) : spaces->of[0];
	trial->tree = spaces;
}

static unsigned long run_mappers(struct trial *trial, void *arg)
{
	struct spaces *spaces = trial->tree;
	struct mapper m[2] = { { .space = spaces->of[0] }, { .space = spaces->of[1] } };

	for (int i = 0; i < 2; i++)
		if (pthread_create(&m[i].thread, NULL, map_main, &m[i]))
			die("no thread");
	for (int i = 0; i < 2; i++)
		pthread_join(m[i].thread, NULL);
	return 0;
}

static void end_mappers(struct trial *trial, void *arg)
{
	struct spaces *spaces = trial->tree;

	if (spaces->of[1] != spaces->of[0])
		free_space(spaces->of[1]);
	if (spaces->of[0])
		free_space(spaces->of[0]);
	free(spaces);
}

void question_threads_mmap(void)
{
	static const size_t own[] = { 1000, 0 };
	static const struct contender sides[] = { { .name = "vmaple" },
		{ .name = "vmaple, two mms", .rcu = true }, { .name = "kernel", .same_but_for_rcu = true } };

	for (const size_t *n = bench_sizes(own); *n; n++)
		bench_compare(&(struct work){
			.question = "threads-mmap",
			.which = "",
			.n = *n,
			.operations = PAIRS,
			.clock = BENCH_WALL,
			.arg = (void *)n,
			.contenders = sides,
			.nr_contenders = 3,
			.begin = begin_mappers,
			.run = run_mappers,
			.end = end_mappers,
		});
}
