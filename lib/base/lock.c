/* SPDX-License-Identifier: MIT */
/*
 * Reader-writer locks: see <vmaple/lock.h>.
 *
 * The word: bit 31 a writer has it, bit 30 a writer waits, below it the number of readers.  Taking is an acquire and
 * giving back a release, so that what was written under the lock is seen by the next who has it.
 *
 * Invariants (of the check)
 *  LK1  a thread that waits for a lock holds none of a higher rank; of the same rank, only if it says so.
 *  LK2  a thread does not wait for what it holds.
 */
#include "lock.h"

#include "alloc.h"
#include "text.h"
#include "thread_local.h"

#define WRITER  (1u << 31)
#define WAITING (1u << 30)
#define SPINS   100

void lock_relax(unsigned int *spins)
{
	if (++*spins % SPINS == 0) {
		port_relax();
		return;
	}
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

#ifdef VMAPLE_CHECKS
#define DEEPEST 24

struct held {
	const void *lock;
	const char *where;
	unsigned int rank;
};

static THREAD_LOCAL struct held held[DEEPEST];
static THREAD_LOCAL unsigned int nr_held;

static const char *rank_name(unsigned int rank)
{
	static const char *const names[LOCK_RANKS] = { "mmap_lock", "prepare", "page lock", "i_mmap_rwsem",
		"anon_vma lock", "tables", "page table lock", "chain lock", "cache", "swap", "lru" };

	return rank < LOCK_RANKS ? names[rank] : "unknown lock";
}

static void out_of_order(const struct held *h, const void *lock, unsigned int rank, const char *where)
{
	char text[300];

	text_format(text, sizeof(text), "lock order: %s (%p) is wanted at %s by who has had %s (%p) since %s",
		rank_name(rank), lock, where, rank_name(h->rank), h->lock, h->where);
	port_panic(text);
}

void lockdep_acquire(const void *lock, unsigned int rank, unsigned int how, bool waits, const char *where)
{
	for (unsigned int i = 0; waits && i < nr_held; i++)
		if (held[i].lock == lock || held[i].rank > rank ||
			(held[i].rank == rank && !(how & LOCK_NESTED)))
			out_of_order(&held[i], lock, rank, where);
	if (nr_held == DEEPEST)
		port_panic("lock order: a thread holds more locks than can be watched");
	held[nr_held++] = (struct held){ lock, where, rank };
}

void lockdep_release(const void *lock)
{
	for (unsigned int i = nr_held; i-- > 0;) {
		if (held[i].lock != lock)
			continue;
		for (nr_held--; i < nr_held; i++)
			held[i] = held[i + 1];
		return;
	}
	port_panic("lock order: a lock is given back by who does not have it");
}
#endif

void rw_read_lock_at(struct rw_lock *lock, unsigned int how, const char *where)
{
	unsigned int spins = 0, state;

	lockdep_acquire(lock, lock->rank, how, true, where);
	for (;;) {
		state = __atomic_load_n(&lock->state, __ATOMIC_RELAXED);
		if (!(state & (WRITER | WAITING)) &&
			__atomic_compare_exchange_n(
				&lock->state, &state, state + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return;
		lock_relax(&spins);
	}
}

void rw_read_unlock(struct rw_lock *lock)
{
	lockdep_release(lock);
	__atomic_fetch_sub(&lock->state, 1, __ATOMIC_RELEASE);
}

static bool take_for_writing(struct rw_lock *lock)
{
	unsigned int state = __atomic_load_n(&lock->state, __ATOMIC_RELAXED);

	return !(state & ~WAITING) && __atomic_compare_exchange_n(&lock->state, &state, WRITER, false,
					      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

void rw_write_lock_at(struct rw_lock *lock, unsigned int how, const char *where)
{
	unsigned int spins = 0;

	lockdep_acquire(lock, lock->rank, how, true, where);
	while (!take_for_writing(lock)) {
		/* Whoever takes it clears the bit, and who still waits sets it again. */
		__atomic_fetch_or(&lock->state, WAITING, __ATOMIC_RELAXED);
		lock_relax(&spins);
	}
}

bool rw_write_trylock_at(struct rw_lock *lock, const char *where)
{
	if (!take_for_writing(lock))
		return false;
	lockdep_acquire(lock, lock->rank, 0, false, where);
	return true;
}

void rw_write_unlock(struct rw_lock *lock)
{
	lockdep_release(lock);
	__atomic_fetch_and(&lock->state, ~WRITER, __ATOMIC_RELEASE);
}
