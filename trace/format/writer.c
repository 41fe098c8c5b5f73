/* SPDX-License-Identifier: MIT */
/*
 * Writing a recording: events gather in a block, a full block is compressed, summed and written whole.
 *
 * A block is also written when the first event in it is nearly a second old, at the next event or at a tick without one,
 * so that a recorder that is killed loses at most the last second.  A recording that has no end mark is one whose writer
 * was killed.  After a failed write nothing more is written: what is in the file stays readable.
 *
 * Who calls: one thread, event by event through the sink (write_event()), time without events through
 * tick. trace_writer_close() is wanted once, whatever was answered before. What is in the file after each
 * write(2) is whole blocks; a block that was written in part is only ever the last.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zstd.h>

#include "codec.h"

/*
 * A map may make a block larger than the target, up to BLOCK_RAW_MAX: an event is never cut. The fastest level: the
 * recorded program may be waiting.
 */
#define BLOCK_TARGET   (256u << 10) /* bytes of events after which a block is closed */
#define BLOCK_AGE_NS   800000000ull /* and a tick of the source is less than a second */
#define COMPRESS_LEVEL 1

/* sink first: a pointer to it is one to this. */
struct trace_writer {
	struct trace_sink sink;
	struct codec codec;
	/* error: the first that happened, -errno; all later calls return it and do nothing. */
	int fd, error;
	bool sync; /* to the disk, at the end */
	/* The whole path until sync_to_disk(), whose dirname(3) cuts it in place. */
	char *folder;             /* of the file */
	uint64_t blocks, oldest;  /* blocks written; time of the first pending event */
	uint64_t events, pending; /* in the file; taken since */
	void *compressed;
	size_t compressed_size;
	ZSTD_CCtx *zstd;
};

/* Over the head as it lies in memory: both sides are little endian. */
uint64_t block_sum(const struct block_head *head, const void *data)
{
	XXH64_state_t state;

	XXH64_reset(&state, 0);
	XXH64_update(&state, head, offsetof(struct block_head, sum));
	XXH64_update(&state, data, head->size);
	return XXH64_digest(&state);
}

/*
 * A block that is written in part is the last thing in the file: the reader finds it cut short, and all
 * before it whole.
 */
static int write_all(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

/*
 * The compression buffer holds the head as well, so that a block is one write. 0 or -ENOMEM. An empty
 * block (the end mark) has a frame of zstd all the same, of no bytes.
 */
static int compress_block(struct trace_writer *w, uint32_t kind, size_t *size)
{
	size_t bound = sizeof(struct block_head) + ZSTD_compressBound(w->codec.pos), n;
	struct block_head head = {
		.magic = BLOCK_MAGIC, .kind = kind, .raw_size = (uint32_t)w->codec.pos, .number = w->blocks
	};
	char *payload;

	if (bound > w->compressed_size) {
		void *grown = realloc(w->compressed, bound);

		if (!grown)
			return -ENOMEM;
		w->compressed = grown;
		w->compressed_size = bound;
	}
	payload = (char *)w->compressed + sizeof(head);
	n = ZSTD_compressCCtx(
		w->zstd, payload, bound - sizeof(head), w->codec.buf, w->codec.pos, COMPRESS_LEVEL);
	/* The room is ZSTD_compressBound()'s: memory is all that can be wanting. */
	if (ZSTD_isError(n))
		return -ENOMEM;
	head.size = (uint32_t)n;
	head.sum = block_sum(&head, payload);
	memcpy(w->compressed, &head, sizeof(head));
	*size = sizeof(head) + n;
	return 0;
}

/*
 * The block begins anew whatever happened: after a failure events are refused by write_event(), and close
 * has nothing pending.
 *
 * The number is counted up in any case; a hole in the numbers could only follow a failure, behind which
 * nothing is written.
 */
static int write_block(struct trace_writer *w, uint32_t kind)
{
	size_t size = 0;

	if (w->codec.failed && !w->error)
		w->error = -ENOMEM;
	/* A map of more than a million areas; the reader would refuse it. */
	if (w->codec.pos > BLOCK_RAW_MAX && !w->error)
		w->error = -EFBIG;
	if (!w->error)
		w->error = compress_block(w, kind, &size);
	if (!w->error)
		w->error = write_all(w->fd, w->compressed, size);
	if (!w->error)
		w->events += w->pending;
	w->pending = 0;
	w->blocks++;
	codec_begin_block(&w->codec);
	return w->error;
}

/* What the event points to is copied into the block: it may go when this returns. */
static int write_event(struct trace_sink *sink, const struct trace_event *event)
{
	struct trace_writer *w = (struct trace_writer *)sink;
	struct trace_event copy = *event;

	if (w->error)
		return w->error;
	/* The time of a block is that of its first event: the first to be lost if the recorder is killed. */
	if (w->codec.pos == 0)
		w->oldest = event->time_ns;
	if (!codec_event(&w->codec, &copy))
		return w->error = -ENOMEM;
	w->pending++;
	if (w->codec.pos >= BLOCK_TARGET || event->time_ns - w->oldest >= BLOCK_AGE_NS)
		return write_block(w, BLOCK_EVENTS);
	return 0;
}

/* @time_ns by the clock of events. The age is asked of the first event alone. */
static int write_what_is_old(struct trace_sink *sink, uint64_t time_ns)
{
	struct trace_writer *w = (struct trace_writer *)sink;

	if (w->error || !w->codec.pos || time_ns < w->oldest + BLOCK_AGE_NS)
		return w->error;
	return write_block(w, BLOCK_EVENTS);
}

struct trace_sink *trace_writer_sink(struct trace_writer *w)
{
	return &w->sink;
}

uint64_t trace_writer_events(const struct trace_writer *w)
{
	return w->events;
}

static void free_writer(struct trace_writer *w)
{
	codec_free(&w->codec);
	ZSTD_freeCCtx(w->zstd);
	free(w->compressed);
	free(w->folder);
	free(w);
}

/*
 * What a program maps is its owner's business: nobody else reads it. 0 or more, or -errno.
 *
 * O_TRUNC: what was there is gone from here on, whatever follows.
 */
static int open_private(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0)
		return -errno;
	/* One that was there, and is ours; not a pipe or a device. */
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && (st.st_mode & 077))
		/*
		 * It fails where the file is another's (EPERM), who then has let us write into it: nothing
		 * to hide from him.
		 */
		(void)!fchmod(fd, 0600);
	return fd;
}

/* 0, or -errno, and then no file is open; one that was made stays, empty or with a part of the header. */
int trace_writer_open(struct trace_writer **writer, const char *path, const struct trace_header *header)
{
	struct trace_writer *w = calloc(1, sizeof(*w));
	struct trace_header copy = *header;

	if (!w)
		return -ENOMEM;
	w->sink.event = write_event;
	w->sink.tick = write_what_is_old;
	w->codec.writing = true;
	w->zstd = ZSTD_createCCtx();
	w->folder = strdup(path);
	w->fd = open_private(path);
	if (w->fd < 0 || !w->zstd || !w->folder) {
		int err = w->fd < 0 ? w->fd : -ENOMEM;

		if (w->fd >= 0)
			close(w->fd);
		free_writer(w);
		return err;
	}
	w->error = write_all(w->fd, TRACE_MAGIC, TRACE_MAGIC_LEN);
	codec_header(&w->codec, &copy);
	if (write_block(w, BLOCK_HEADER)) {
		int err = w->error;

		close(w->fd);
		free_writer(w);
		return err;
	}
	*writer = w;
	return 0;
}

/* At the end alone: a recorder that waits for the disk at each block would hold up the program. */
void trace_writer_sync(struct trace_writer *w)
{
	w->sync = true;
}

/*
 * The file, and its name in its folder. 0 or -errno. What cannot be synced, such as a pipe, need not be.
 *
 * EINVAL: fsync(2) of what has no storage behind it, as a pipe; EROFS likewise.
 */
static int sync_to_disk(struct trace_writer *w)
{
	int fd = open(dirname(w->folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;

	if (fsync(w->fd) && errno != EINVAL && errno != EROFS)
		err = -errno;
	/*
	 * Without it the file's name may be gone after a crash, though its bytes are on the disk: fsync(2)
	 * says so.
	 */
	if (fd >= 0 && fsync(fd) && errno != EINVAL && !err)
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

/*
 * The first failure, or 0; @w is gone either way. Each write_block() returns the error that is remembered,
 * so the end mark is never written behind a hole.
 */
int trace_writer_close(struct trace_writer *w)
{
	int err;

	if (w->codec.pos)
		(void)write_block(w, BLOCK_EVENTS);
	err = write_block(w, BLOCK_END);
	if (!err && w->sync)
		err = sync_to_disk(w);
	if (close(w->fd) && !err)
		err = -errno;
	free_writer(w);
	return err;
}
