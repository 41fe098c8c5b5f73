/* SPDX-License-Identifier: MIT */
/*
 * The per-VMA lock and views beside calls that change one area: lib/mm/vma_lock.c, docs/threads.md.
 *
 * 1. The area has two fields that belong together, and can be there or gone. Each call locks it, changes both fields or
 *    takes it off the map, and ends.
 * 2. One reader holds the area, one copies it.
 * 3. Memory is weaker than x86's: the store of vm_lock_seq, and the reader's count, each lie in a buffer until `memory`
 *    carries them out or their owner waits for it, which is what a full fence is.
 *
 * Breaks, each of which must be found: NO_LOCK, NO_WAIT, NO_WRITER_FENCE, NO_READER_FENCE, NO_RECHECK, NO_CONTAINS,
 * SWAPPED, NO_SECOND_LOOK, EARLY_END.
 */
#define CALLS 3
#define LOOKS 2

byte mm_lock_seq = 1, vm_lock_seq = 0, seq_next;
bool seq_pending = false;
byte vm_readers = 0;
bool enters = false;
byte first = 1, second = 1;
bool mapped = true; /* vm_start < vm_end */

proctype memory()
{
end:
	do
	:: atomic { seq_pending -> vm_lock_seq = seq_next; seq_pending = false }
	:: atomic { enters -> vm_readers++; enters = false }
	od
}

/* locked_for_writing(): the area's number is read first. */
inline look_whether_locked()
{
#ifdef SWAPPED
	m = mm_lock_seq;
	s = vm_lock_seq;
#else
	s = vm_lock_seq;
	m = mm_lock_seq;
#endif
	locked = (s == m)
}

inline let_go()
{
	!enters;
	vm_readers--
}

/* The area was found in a node that may be old. */
proctype holder()
{
	byte s, m, a, b, looks = 0;
	bool locked;

	do
	:: looks < LOOKS ->
		looks++;
		look_whether_locked();
		if
		:: locked
		:: else ->
			enters = true;
#ifndef NO_READER_FENCE
			!enters;
#endif
#ifndef NO_RECHECK
			look_whether_locked();
#endif
			if
			:: locked -> let_go()
#ifndef NO_CONTAINS
			:: !locked && !mapped -> let_go()
			:: !locked && mapped ->
#else
			:: else ->
#endif
				a = first;
				b = second;
				assert(a == b);        /* they belong together */
				assert(mapped);        /* it is on the map */
				assert(first == a && second == b); /* and does not change */
				let_go()
			fi
		fi
	:: else -> break
	od
}

proctype viewer()
{
	byte s, m, a, b, looks = 0;
	bool locked;

	do
	:: looks < LOOKS ->
		looks++;
		look_whether_locked();
		if
		:: locked
		:: else ->
			a = first;
			b = second;
#ifdef NO_SECOND_LOOK
			assert(a == b)
#else
			if
			:: vm_lock_seq == s -> assert(a == b)
			:: else
			fi
#endif
		fi
	:: else -> break
	od
}

inline vma_start_write()
{
#ifndef NO_LOCK
	seq_next = mm_lock_seq;
	seq_pending = true;
#ifndef NO_WRITER_FENCE
	!seq_pending;
#endif
#ifndef NO_WAIT
	vm_readers == 0;
#endif
#endif
	skip
}

proctype writer()
{
	byte calls = 0;

	do
	:: calls < CALLS && mapped ->
		calls++;
		vma_start_write();
#ifdef EARLY_END
		mm_lock_seq++;
#endif
		if
		:: first = first + 1; second = first
		:: mapped = false
		fi;
		!seq_pending; /* stores reach memory in their order */
#ifndef EARLY_END
		mm_lock_seq++
#endif
	:: else -> break
	od
}

init
{
	atomic {
		run memory();
		run holder();
		run viewer();
		run writer()
	}
}
