/* SPDX-License-Identifier: MIT */
/*
 * Threads on one address space of n areas, against one lock of all readers and writers (pthread_rwlock_t).
 *
 * `threads-lookup`: vma_lookup() by one thread and more, up to as many as there are CPUs, alone and beside a thread
 * that maps and unmaps. `threads-fault`: the same for faults, which take the per-VMA lock and fall back to the rwlock.
 * Both end with the curve: operations a microsecond against threads, and beside it how many changes went on meanwhile:
 * a lock whose readers are fast because its writer is kept out has not the better of it.  Where there are changes the
 * curve is of all rounds together: the fastest may be one in which the writer did not run.
 *
 * Nanoseconds by the wall for one operation of all threads together: the inverse of throughput.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <vmaple/rcu.h>
#include <vmaple/vma_lock.h>

#include "bench.h"
#include "cores.h"
#include "space.h"

#define LOOKS 200000 /* by all threads of a round */
#define MOST  256    /* threads */
#define PACE  100000 /* changes a second */

enum changer { NOBODY, PACED, FLAT_OUT };

struct crowd {
	size_t n;
	unsigned int threads;
	enum changer changer;
	bool faults;
	bool stop;
	double ns;
	struct rounds *rounds; /* of each way */
};

/* All rounds of one way together. */
struct rounds {
	double ns;
	unsigned long nr, changes;
};

struct member {
	struct crowd *crowd;
	const struct contender *contender;
	struct space *space;
	pthread_barrier_t *start;
	struct random random;
	unsigned long sum; /* of who changes: changes, atomic */
	double begin, end; /* seconds */
	pthread_t thread;
};

static void die(const char *what)
{
	fprintf(stderr, "threads: %s\n", what);
	exit(1);
}

static unsigned long any_page(struct member *m)
{
	return SPACE_FIRST + 2 * random_below(&m->random, m->crowd->n) * BENCH_PAGE;
}

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
		space_ops.map(m->space, hole, PROT_NONE);
		if (mm_munmap(&m->space->mm, hole, BENCH_PAGE))
			die("cannot unmap");
		pthread_rwlock_unlock(&m->space->lock);
		due += 2.0 / PACE;
		__atomic_store_n(&m->sum, m->sum + 2, __ATOMIC_RELAXED);
	}
	vmaple_rcu_unregister_thread();
	return NULL;
}

/* A round took crowd->ns, with so many changes beside. */
static void note_round(struct crowd *crowd, const struct trial *trial, unsigned long changes)
{
	struct rounds *rounds = &crowd->rounds[is_ours(trial->contender) ? 0 : 1];

	rounds->ns += crowd->ns;
	rounds->nr++;
	rounds->changes += changes;
}

static unsigned long run_crowd(struct trial *trial, void *arg)
{
	struct crowd *crowd = arg;
	bool beside = crowd->changer != NOBODY;
	struct member members[MOST + 1], *changer = &members[crowd->threads];
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
		if (cores_start(
			    &members[i].thread, i, i < crowd->threads ? look_main : change_main, &members[i]))
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
	note_round(crowd, trial, beside ? __atomic_load_n(&changer->sum, __ATOMIC_RELAXED) : 0);
	__atomic_store_n(&crowd->stop, true, __ATOMIC_RELAXED);
	if (beside)
		pthread_join(changer->thread, NULL);
	pthread_barrier_destroy(&start);
	return sum;
}

static double crowd_took(struct trial *trial, void *arg)
{
	return ((struct crowd *)arg)->ns;
}

static void begin_space(struct trial *trial, void *arg)
{
	trial->tree = space_ops.make(((struct crowd *)arg)->n);
}

static void end_space(struct trial *trial, void *arg)
{
	space_ops.free(trial->tree);
}

static const struct contender ways[] = { { .name = "vmaple", .rcu = true }, { .name = "vmaple-rwlock" } };
#define NR_WAYS 2

/* The curve: how many threads, and what the fastest round of each way took. */
struct curve {
	unsigned int points, threads[16];
	double ns[16][NR_WAYS], changed[16][NR_WAYS];
	bool counts[16]; /* the threads had cores of their own */
};

/* 1, 2, 4 ... and as many as there are CPUs for us. */
static void choose_crowds(struct curve *curve)
{
	unsigned int cpus = 1;
	cpu_set_t set;

	if (!sched_getaffinity(0, sizeof(set), &set))
		cpus = (unsigned int)CPU_COUNT(&set);
	cpus = cpus < MOST ? cpus : MOST;
	curve->points = 0;
	for (unsigned int threads = 1; threads < cpus; threads *= 2)
		curve->threads[curve->points++] = threads;
	curve->threads[curve->points++] = cpus;
}

static void print_curve(const struct curve *curve, const char *question, const char *beside, bool changes)
{
	if (bench_json())
		return;
	printf("\n%s, %s: operations a microsecond, and against one thread%s\n  %7s", question, beside,
		changes ? "; changes a microsecond" : "", "threads");
	for (int way = 0; way < NR_WAYS; way++)
		printf(" %20s%*s", ways[way].name, changes ? 8 : 0, "");
	for (unsigned int i = 0; i < curve->points; i++) {
		printf("\n  %7u", curve->threads[i]);
		if (!curve->counts[i]) {
			printf("  no cores of their own");
			continue;
		}
		for (int way = 0; way < NR_WAYS; way++) {
			printf(" %12.2f %6.2fx", 1000 / curve->ns[i][way],
				curve->ns[0][way] / curve->ns[i][way]);
			if (changes)
				printf(" %7.3f", curve->changed[i][way]);
		}
	}
	printf("\n");
}

static bool ask_crowd(struct crowd *crowd, const char *question, const char *beside, double *best)
{
	char which[64];

	snprintf(which, sizeof(which), "%u threads, %s", crowd->threads, beside);
	return bench_compare(&(struct work){
		.question = question,
		.which = which,
		.n = crowd->n,
		.operations = LOOKS / crowd->threads * crowd->threads,
		.clock = BENCH_WALL,
		.threads = crowd->threads + (crowd->changer != NOBODY),
		.arg = crowd,
		.contenders = ways,
		.nr_contenders = NR_WAYS,
		.begin = begin_space,
		.run = run_crowd,
		.took = crowd_took,
		.end = end_space,
		.best = best,
	});
}

static void take_all_rounds(struct curve *curve, unsigned int point, const struct rounds *rounds)
{
	unsigned int threads = curve->threads[point];

	for (int way = 0; way < NR_WAYS; way++) {
		curve->ns[point][way] =
			rounds[way].ns / (double)(rounds[way].nr * (LOOKS / threads * threads));
		curve->changed[point][way] = (double)rounds[way].changes * 1e3 / rounds[way].ns;
	}
}

static void ask_crowds(const char *question, bool faults)
{
	static const size_t own[] = { 1000, 0 };
	static const char *const beside[] = { [NOBODY] = "alone",
		[PACED] = "beside 100,000 changes a second",
		[FLAT_OUT] = "beside changes flat out" };
	struct curve curve;

	choose_crowds(&curve);
	for (const size_t *n = bench_sizes(own); *n; n++) {
		for (enum changer changer = NOBODY; changer <= FLAT_OUT; changer++) {
			for (unsigned int i = 0; i < curve.points; i++) {
				struct rounds rounds[NR_WAYS] = { { 0 } };
				struct crowd crowd = { .n = *n,
					.threads = curve.threads[i],
					.changer = changer,
					.faults = faults,
					.rounds = rounds };

				curve.counts[i] = ask_crowd(&crowd, question, beside[changer], curve.ns[i]);
				if (changer != NOBODY)
					take_all_rounds(&curve, i, rounds);
			}
			print_curve(&curve, question, beside[changer], changer != NOBODY);
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
