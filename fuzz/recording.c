/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: a recording, from its bytes to what the commands print of it.
 *
 * An input is what is inside the blocks of a recording: its header, then its events.  Here it gets its frame, compressed
 * and with right checksums, so that whatever the bytes say reaches the reader.  Then commands that read recordings are run
 * on it: the views of all that was read, and one of the questions and databases, which its bytes choose.
 *
 *  FZ1  the mirror of it does not fail (mirror.h).
 *  FZ2  each command ends with a status that vmaple(1) lists for it, and not with 125.
 *
 * The mutator decodes the events, makes one of them wrong, leaves it out, says it twice, or puts one behind it that few
 * recordings have, numbers them again and encodes what it has, most times something that the reader will believe; now and
 * then it changes bytes.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include "check.h"
#include "cli.h"
#include "codec.h"
#include "disturb.h"
#include "mirror.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *__asan_default_options(void);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
/* libFuzzer's own, with its dictionary; NULL without it. */
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* --- the frame ----------------------------------------------------------------------------------------------- */

static void put_block(FILE *file, uint32_t kind, uint64_t number, const uint8_t *data, size_t size)
{
	static char payload[ZSTD_COMPRESSBOUND(1 << 17)];
	struct block_head head = {
		.magic = BLOCK_MAGIC, .kind = kind, .raw_size = (uint32_t)size, .number = number
	};

	head.size = (uint32_t)ZSTD_compress(payload, sizeof(payload), data, size, 1);
	head.sum = block_sum(&head, payload);
	fwrite(&head, sizeof(head), 1, file);
	fwrite(payload, head.size, 1, file);
}

/* What has read the header, and reads events next: of the version, and with the pages, that are in it. */
static struct codec read_header(const uint8_t *data, size_t size)
{
	struct codec c = { .buf = (uint8_t *)data, .end = size };
	struct trace_header header = { .version = 0 };

	codec_header(&c, &header);
	if (c.failed)
		c.pos = size;
	return c;
}

/* A file in memory; -1: there is none to be had. */
static int make_file(const uint8_t *data, size_t size)
{
	size_t head = read_header(data, size).pos;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(dup(fd), "wb");

	if (!file)
		return -1;
	fwrite(TRACE_MAGIC, TRACE_MAGIC_LEN, 1, file);
	put_block(file, BLOCK_HEADER, 0, data, head);
	put_block(file, BLOCK_EVENTS, 1, data + head, size - head);
	put_block(file, BLOCK_END, 2, data, 0);
	fclose(file);
	return fd;
}

/* --- what is done with it ------------------------------------------------------------------------------------ */

static void mirror(const char *path)
{
	struct trace_reader *reader;
	char error[512];

	if (trace_reader_open(&reader, path, error, sizeof(error)))
		return;
	(void)mirror_events(reader);
	trace_reader_close(reader);
}

#define WORDS 7
struct command {
	int (*run)(int argc, char **argv);
	const char *words[WORDS]; /* its name first; `%` is the recording, `>` a file for what it makes */
};

/* Of all that was read. */
static const struct command views[] = {
	{ cmd_verify, { "verify", "--json", "%" } },
	{ cmd_verify, { "verify", "--all", "%" } },
	{ cmd_maps, { "maps", "%" } },
	{ cmd_maps, { "maps", "--json", "%" } },
	{ cmd_maps, { "maps", "--format", "smaps", "%" } },
	{ cmd_maps, { "maps", "--at", "9", "%" } },
	{ cmd_maps, { "maps", "--format", "svg", "%" } },
	{ cmd_export, { "export", "--format", "jsonl", "%" } },
	{ cmd_export, { "export", "--format", "perfetto", "%" } },
	{ cmd_export, { "export", "--format", "strace", "%" } },
	{ cmd_export, { "export", "--format", "folded", "%" } },
	{ cmd_report, { "report", "--svg", ">", "%" } },
	{ cmd_report, { "report", "-o", ">", "%" } },
};

/* What takes a question or a database, each of which takes as long as several views. */
static const struct command questions[] = {
	{ cmd_why, { "why", "--top", "%" } },
	{ cmd_why, { "why", "--top=3", "--at", "end", "--json", "%" } },
	{ cmd_why, { "why", "--room", "64M", "%" } },
	{ cmd_why, { "why", "--at", "peak", "%", "7f0000000000" } },
	{ cmd_diff, { "diff", "--json", "%", "%" } },
	{ cmd_diff, { "diff", "--at", "end", "%", "%" } },
	{ cmd_whatif, { "whatif", "%", "--guards", "install", "--json" } },
	{ cmd_whatif, { "whatif", "%", "--commit", "64K", "--touch", "late" } },
	{ cmd_whatif, { "whatif", "%", "--rmap", "anonmm" } },
	{ cmd_whatif, { "whatif", "%", "--kernel", "6.1" } },
	{ cmd_sql, { "sql", "%", "select * from culprits" } },
	{ cmd_sql, { "sql", "--csv", "%", "select * from areas" } },
	{ cmd_export, { "export", "--format", "csv", "--table", "events", "%" } },
	{ cmd_export, { "export", "--format", "sqlite", "-o", ">", "%" } },
};

static void run(const struct command *command, char *path, char *out)
{
	char *argv[WORDS + 1] = { NULL };
	int argc = 0, status;

	for (; argc < WORDS && command->words[argc]; argc++)
		argv[argc] = command->words[argc][0] == '%'   ? path
			     : command->words[argc][0] == '>' ? out
							      : (char *)command->words[argc];
	optind = 0;
	status = command->run(argc, argv);
	must(status >= 0 && status <= STATUS_DAMAGED && status != STATUS_USAGE,
		"FZ2: a status that it does not have");
}

/* What is freed is kept for as long as some inputs take: with the default, each runs in memory that no cache has. */
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=32";
}

/* The messages of an input are one write, and nobody is asked for the code that it names. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	unsetenv("DEBUGINFOD_URLS");
	return setvbuf(stderr, NULL, _IOFBF, 1 << 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct block_head none = { .size = (uint32_t)size };
	char path[64], out[64];
	int fd;

	if (size > 1 << 16)
		return 0;
	fd = make_file(data, size);
	if (fd < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	snprintf(out, sizeof(out), "/tmp/vmaple-fuzz-%d", (int)getpid());
	mirror(path);
	for (size_t i = 0; i < COUNT(views); i++)
		run(&views[i], path, out);
	run(&questions[block_sum(&none, data) % COUNT(questions)], path, out);
	unlink(out);
	close(fd);
	return 0;
}

/* --- the mutator --------------------------------------------------------------------------------------------- */

/* How many events are read, of those that make sense or of all. */
static uint64_t count_events(struct codec c, bool of_sense)
{
	struct check check = { .page_size = c.page_size };
	struct trace_event e;
	uint64_t n = 0;

	while (codec_event(&c, &e) && (!of_sense || !check_event(&check, &e)))
		n++;
	check_free(&check);
	free(c.areas);
	free(c.anons);
	return n;
}

static void disturb_more(struct random *r, struct trace_event *e)
{
	uint32_t *const numbers[] = { &e->mm, &e->pid, &e->tid };

	switch (random_below(r, 6)) {
	case 0:
		*numbers[random_below(r, 3)] = (uint32_t)random_below(r, 6);
		break;
	case 1:
		if (e->type == TRACE_EVENT_FILE) {
			e->file.id = (uint32_t)random_below(r, 4);
			e->file.kind = (uint32_t)random_below(r, 7);
			e->file.vm_flags ^= telling(r);
			e->file.map_align = telling(r);
		}
		if (e->type == TRACE_EVENT_CALL)
			e->call.file = (uint32_t)random_below(r, 4);
		if (e->type == TRACE_EVENT_FORK)
			e->fork.child_mm = (uint32_t)random_below(r, 9);
		break;
	default:
		disturb(r, e);
	}
}

/* An event of a kind that few recordings have, about what the map that was read last has. */
static struct trace_event rare_event(
	struct random *r, const struct trace_event *beside, const struct trace_map *map)
{
	static const uint32_t kinds[] = { TRACE_EVENT_CHANGE, TRACE_EVENT_ANON, TRACE_EVENT_CODE,
		TRACE_EVENT_LOST, TRACE_EVENT_NAME };
	static struct trace_anon_area anons[8];
	const struct trace_area none = { .start = telling(r), .end = telling(r) };
	const struct trace_area *a = map->count ? &map->areas[random_below(r, map->count)] : &none;
	struct trace_event e = *beside;

	e.type = kinds[random_below(r, COUNT(kinds))];
	if (e.type == TRACE_EVENT_CHANGE)
		e.change = (struct trace_change){ .start = a->start, .end = a->end };
	if (e.type == TRACE_EVENT_CODE)
		e.code = (struct trace_code){ .start = a->start, .end = a->end, .name = "compiled" };
	if (e.type == TRACE_EVENT_LOST)
		e.lost = (struct trace_lost){ .count = random_below(r, 3), .what = "what was lost" };
	if (e.type == TRACE_EVENT_NAME)
		e.name = (struct trace_name){ .name = "another name" };
	if (e.type != TRACE_EVENT_ANON)
		return e;
	e.anon = (struct trace_anon){ .areas = anons };
	for (; e.anon.count < COUNT(anons) && e.anon.count < map->count; e.anon.count++)
		anons[e.anon.count] = (struct trace_anon_area){ .start = map->areas[e.anon.count].start,
			.anon_vma = 1 + (uint32_t)random_below(r, 3),
			.root = 1 + (uint32_t)random_below(r, 3) };
	return e;
}

static void put_event(struct codec *out, struct trace_event e, uint64_t *step)
{
	e.step = ++*step;
	(void)!codec_event(out, &e);
}

/* One event is left out or said twice, another is put behind it, or it is changed: then it may be none any more. */
enum how { LEAVE_OUT, TWICE, ANOTHER, CHANGE, HOW = 8 };

/* Event @at of @in, and all are numbered again. */
static void change_event(struct random *r, struct codec in, uint64_t at, enum how how, struct codec *out)
{
	struct trace_map map = { .count = 0 };
	struct trace_event e;
	uint64_t step = 0;

	for (uint64_t i = 0; codec_event(&in, &e); i++) {
		if (e.type == TRACE_EVENT_MAP)
			map = e.map;
		if (i == at && how >= CHANGE)
			disturb_more(r, &e);
		if (i != at || how != LEAVE_OUT)
			put_event(out, e, &step);
		if (i == at && how == TWICE)
			put_event(out, e, &step);
		if (i == at && how == ANOTHER)
			put_event(out, rare_event(r, &e, &map), &step);
	}
	free(in.areas);
	free(in.anons);
}

/*
 * @data, of which @in has read the header, with one event changed: in memory of its own, with its size.  *sense: all that is
 * in it makes sense.
 *
 * FZ3  What the mutator writes is read again: all of it, where it changed no event.
 */
static uint8_t *changed(
	struct random *r, const uint8_t *data, const struct codec *in, size_t *size, bool *sense)
{
	struct codec out = { .writing = true, .version = in->version, .page_size = in->page_size };
	uint64_t n = count_events(*in, false), all;
	enum how how = random_below(r, HOW);
	struct codec again;
	uint8_t *made;

	change_event(r, *in, random_below(r, n ? n : 1), how, &out);
	*size = in->pos + out.pos;
	made = out.failed ? NULL : malloc(*size);
	if (made) {
		memcpy(made, data, in->pos);
		if (out.pos)
			memcpy(made + in->pos, out.buf, out.pos);
		again = read_header(made, *size);
		all = count_events(again, false);
		must(!n || how >= CHANGE || all == n + (how == LEAVE_OUT ? -1ull : 1),
			"FZ3: the mutator's events are not read again");
		*sense = count_events(again, true) == all;
	}
	codec_free(&out);
	return made;
}

/*
 * Most of what is made wrong at random the reader refuses, and nobody sees what stands behind it: three times of four another
 * change is tried in its place, until all makes sense.
 */
static size_t mutate_events(struct random *r, uint8_t *data, const struct codec *in, size_t max)
{
	size_t size = 0;
	bool done = false, sense = false;

	for (int tries = random_below(r, 4) ? 12 : 1; tries && !done; tries--) {
		uint8_t *made = changed(r, data, in, &size, &sense);

		done = made && size <= max && (sense || tries == 1);
		if (done)
			memcpy(data, made, size);
		free(made);
	}
	return done ? size : 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	struct random r = { seed };
	struct codec in = read_header(data, size);
	size_t made = 0;

	if (random_below(&r, 16) && in.pos < size)
		made = mutate_events(&r, data, &in, max);
	if (made)
		return made;
	if (LLVMFuzzerMutate && random_below(&r, 2))
		return LLVMFuzzerMutate(data, size, max);
	for (uint64_t n = 1 + random_below(&r, 4); size && n; n--)
		data[random_below(&r, size)] = (uint8_t)random_u64(&r);
	return size;
}
