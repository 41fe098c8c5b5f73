/* SPDX-License-Identifier: MIT */
/*
 * vmaple top: the process that is looked at, as it goes.
 *
 *    TL1  The thread alone speaks to the source; the mirror, its symbols and the writer are under the lock, which it takes
 *         for each event.
 *    TL2  What ends the thread is the flag, which the source asks for, or the end of the process; it is joined before
 *         anything is freed.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <vmaple/live_bpf.h>

#include "cli.h"
#include "top_live.h"

/*
 * sink first: a pointer to it is one to this. pid, file, frozen and running are the drawing thread's.
 */
struct top_live {
	struct trace_sink sink;
	pid_t pid;
	pthread_t thread;
	pthread_mutex_t lock;
	bool running;             /* there is a thread to join */
	atomic_bool over, wanted; /* wanted: the lock, which the thread would take again and again */
	atomic_bool failed;       /* error was written, once, and is read without the lock */
	char error[256], file[64];
	uint32_t frozen; /* recordings that were given a name */
	/* under the lock */
	struct explain *x; /* NULL: nothing was seen yet */
	struct symbols *symbols;
	struct trace_writer *writer;
	bool begun; /* the map was read */
};

/*
 * On the thread, for each event. A mutex goes to whoever asks first, and this one asks again at once: the
 * wait for `wanted` lets the drawing thread have it.
 *
 * The order is that of follow.c and moment.c: to disk first, then symbols, then the ledger. An error ends
 * the source; follow() turns it into a sentence.
 */
static int on_event(struct trace_sink *sink, const struct trace_event *e)
{
	struct top_live *l = (struct top_live *)sink;
	struct trace_sink *ledger;
	int err = 0;

	while (l->wanted)
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	pthread_mutex_lock(&l->lock);
	if (l->writer)
		err = trace_writer_sink(l->writer)->event(trace_writer_sink(l->writer), e);
	if (!err)
		err = symbols_event(l->symbols, e);
	ledger = explain_sink(l->x);
	if (!err)
		err = ledger->event(ledger, e);
	l->begun |= e->type == TRACE_EVENT_MAP;
	pthread_mutex_unlock(&l->lock);
	return err;
}

/* Asked by the source between events, on the thread. */
static bool is_over(void *ctx)
{
	struct top_live *l = ctx;

	return l->over;
}

/*
 * The sentence is whole before failed is set, which is sequentially consistent: who sees the one sees the
 * other; start_thread() takes it back when there is no thread.
 */
static void fail(struct top_live *l, const char *sentence)
{
	snprintf(l->error, sizeof(l->error), "%s", sentence);
	l->failed = true;
}

/*
 * Where no file can be made the process is followed all the same. 0 or -ENOMEM; what there is is freed by
 * end_thread() in any case. Made without the lock, for the drawing thread looks at all three.
 *
 * The lock is taken for the exchange alone: top_live_look() must not find a ledger without its symbols.
 */
static int open_mirror(struct top_live *l, const struct trace_header *h)
{
	static const struct replay_options options;
	struct explain *x = explain_new(h, &options);
	struct symbols *symbols = symbols_new();
	struct trace_writer *writer = NULL;

	if (trace_writer_open(&writer, l->file, h))
		writer = NULL;
	pthread_mutex_lock(&l->lock);
	l->x = x;
	l->symbols = symbols;
	l->writer = writer;
	pthread_mutex_unlock(&l->lock);
	return x && symbols ? 0 : -ENOMEM;
}

/*
 * The thread: from loading the programs to the process's end, or until `over`. What is in the way becomes
 * the sentence in `error`. The source is the thread's alone from begin to end. A process that ends is no
 * error, but nothing more will be seen.
 */
static void *follow(void *arg)
{
	struct top_live *l = arg;
	struct live_bpf_options options = { .pid = l->pid, .stacks = true, .stop = is_over, .ctx = l };
	struct live_bpf *source;
	char error[256];
	int err = live_bpf_start(&source, &options, error, sizeof(error)), status;

	/* A build that cannot walk stacks names the places of calls. */
	if (err == -EOPNOTSUPP) {
		options.stacks = false;
		err = live_bpf_start(&source, &options, error, sizeof(error));
	}
	if (err) {
		fail(l, error);
		return NULL;
	}
	err = open_mirror(l, live_bpf_header(source));
	if (!err)
		err = live_bpf_run(source, &l->sink, &status);
	live_bpf_free(source);
	if (err)
		fail(l, err == -ESRCH ? "the process has ended" : strerror(-err));
	else if (!l->over)
		fail(l, "the process has ended: f keeps what was seen");
	return NULL;
}

/*
 * Nothing is shared yet: no lock. 0 or -errno, and then there is no thread to join.
 *
 * begun false: until the first map is read there is nothing to look at.
 */
static int start_thread(struct top_live *l)
{
	int err;

	l->over = false;
	l->begun = false;
	l->failed = false;
	err = pthread_create(&l->thread, NULL, follow, l);
	l->running = !err;
	if (err)
		fail(l, strerror(err));
	return -err;
}

/*
 * Wait for the thread's end, then free what it left; the recording is whole then. 0, or why it is not:
 * -ENOENT where there was none. No lock, for nobody else is left.
 *
 * It may take as long as the source takes to look at `over` and to unload its programs; the drawing
 * thread waits for it.
 */
static int end_thread(struct top_live *l)
{
	int err;

	l->over = true;
	if (l->running)
		pthread_join(l->thread, NULL);
	l->running = false;
	err = l->writer ? trace_writer_close(l->writer) : -ENOENT;
	l->writer = NULL;
	if (l->x)
		explain_free(l->x);
	if (l->symbols)
		symbols_free(l->symbols);
	l->x = NULL;
	l->symbols = NULL;
	return err;
}

/*
 * The partial name is fixed, in the working directory: a second vmaple top on the same process in the
 * same place writes over it.
 */
struct top_live *top_live_start(pid_t pid)
{
	struct top_live *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->sink.event = on_event;
	l->pid = pid;
	snprintf(l->file, sizeof(l->file), "vmaple-%d.vmt.partial", (int)pid);
	pthread_mutex_init(&l->lock, NULL);
	if (!start_thread(l))
		return l;
	pthread_mutex_destroy(&l->lock);
	free(l);
	return NULL;
}

/* What was never given a name is removed: nobody asked for it. */
void top_live_stop(struct top_live *l)
{
	if (!end_thread(l))
		unlink(l->file);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* From any thread; the text stays until the thread is started anew. */
const char *top_live_error(struct top_live *l)
{
	return l->failed ? l->error : "";
}

/*
 * A name that no file has. Somebody may make one between this and rename(2), which would replace it: two
 * that freeze the same process in the same folder. From 1 on; what earlier runs have left is passed over.
 */
static void choose_name(struct top_live *l, char *name, size_t size)
{
	do
		snprintf(name, size, "vmaple-%d-%u.vmt", (int)l->pid, ++l->frozen);
	while (access(name, F_OK) == 0);
}

/*
 * The source ends and begins anew, so what happens between the two is in neither recording: a recording
 * begins with a whole map.
 *
 * @name is written where the recording could be closed. The error of the recording outranks that of
 * beginning anew, which top_live_error() has as well.
 */
int top_live_freeze(struct top_live *l, char *name, size_t size)
{
	int err = end_thread(l), again;

	if (!err) {
		choose_name(l, name, size);
		err = rename(l->file, name) ? -errno : 0;
	}
	again = start_thread(l);
	return err ? err : again;
}

/*
 * @l is locked.
 *
 * Nothing of the ledger is left in @n: example events and groups live until the next event, so pointers
 * to them are dropped; names are copies. A process that has no space any more has statistics alone.
 */
static int look(struct top_live *l, struct top_numbers *n)
{
	struct mm_struct *mm = replay_find(explain_replay(l->x), (uint32_t)l->pid);
	struct explain_table table;
	int err;

	replay_statistics(explain_replay(l->x), &n->stats);
	if (!mm)
		return 0;
	err = explain_table(l->x, mm, &table);
	if (err)
		return err;
	n->areas = table.areas;
	n->needless = table.needless;
	err = culprits_of(&table,
		&(struct code){ .symbols = l->symbols,
			.mm = replay_space_number(explain_replay(l->x), mm),
			.pid = (uint32_t)l->pid },
		&n->culprits);
	for (size_t i = 0; !err && i < n->culprits.count; i++)
		n->culprits.list[i].group.example = NULL;
	explain_table_free(&table);
	return err;
}

/* Asked of the file, whose blocks are written as they fill. */
static bool is_too_large(const struct top_live *l)
{
	struct stat st;

	return l->writer && !stat(l->file, &st) && (uint64_t)st.st_size > TOP_RECORDING_BYTES;
}

/*
 * The thread waits in on_event() meanwhile, and the kernel's ring fills: asked and seconds tell
 * top_seen.c how long that was, which makes looks rarer when it was long.
 *
 * *@n is set behind -EAGAIN too, and has nothing to be freed then.
 */
int top_live_look(struct top_live *l, struct top_numbers *n)
{
	int err = -EAGAIN;
	bool full;

	l->wanted = true;
	pthread_mutex_lock(&l->lock);
	l->wanted = false;
	*n = (struct top_numbers){ .asked = (double)clock_ns() / 1e9 };
	if (l->x && l->symbols && l->begun)
		err = look(l, n);
	n->seconds = (double)clock_ns() / 1e9;
	full = is_too_large(l);
	pthread_mutex_unlock(&l->lock);
	if (full && !err) {
		(void)end_thread(l);
		err = start_thread(l);
	}
	return err;
}
