/* SPDX-License-Identifier: MIT */
/*
 * One script: recorded by the code of trace/live into a file, which is read back and replayed: scripted.h.
 *
 * Events as words: space (found: of a process that was attached to), map* (the first of a space), map, the name of a call with
 * its result (mmap=A), of mbind with the nodes that it names (mbind{1}=0), write, read, grow
 * (a fault by its address), fork, thread, task, exit (exit! the last of a space, exit> by an exec), limit, lost,
 * file, change.
 * A number before a colon says whose they are from there on; "?" that the order is not known.  With FIELDS what each of them
 * has stands behind its word (fields.c).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scripted.h"

struct log {
	struct trace_sink sink;
	struct trace_sink *writer;
	struct outcome *o;
	uint32_t tid;
	bool fields;
};

static void add(struct outcome *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct outcome *o, const char *format, ...)
{
	size_t n = strlen(o->events);
	va_list args;

	va_start(args, format);
	vsnprintf(o->events + n, sizeof(o->events) - n, format, args);
	va_end(args);
}

static void say(struct outcome *o, const char *sentence)
{
	size_t n = strlen(o->said);

	snprintf(o->said + n, sizeof(o->said) - n, "%s\n", sentence);
}

static void add_lost(struct outcome *o, const struct trace_event *e)
{
	char text[512];

	snprintf(text, sizeof(text), "%" PRIu64 " missing: %s", e->lost.count, e->lost.what);
	say(o, text);
}

/* As scripts write it. */
const char *scr_place(int64_t n, char text[32])
{
	static const struct {
		char letter;
		uint64_t at;
	} bases[] = { { 'A', SCR_A }, { 'H', SCR_HEAP }, { 'S', SCR_STACK } };

	snprintf(text, 32, n > 4095 ? "%#" PRIx64 : "%" PRId64, n);
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		int64_t pages = (n - (int64_t)bases[i].at) / (int64_t)SCR_PAGE;

		if (n % (int64_t)SCR_PAGE == 0 && pages > -1000 && pages < 100000)
			snprintf(text, 32, pages ? "%c%+d" : "%c", bases[i].letter, (int)pages);
	}
	return text;
}

static void add_call(struct outcome *o, const struct trace_call *c)
{
	const char *name = trace_call_name(c->nr);
	uint64_t nodes = 0;
	char text[32];

	add(o, " %s", name);
	if (strcmp(name, "mbind") == 0 && c->data_len == sizeof(nodes)) {
		memcpy(&nodes, c->data, sizeof(nodes));
		add(o, "{%" PRIx64 "}", nodes);
	}
	add(o, "=%s", scr_place(c->result, text));
}

static void add_event(struct outcome *o, const struct trace_event *e)
{
	char text[32];

	switch (e->type) {
	case TRACE_EVENT_FILE:
		add(o, " file%u.%u", e->file.id, e->file.kind);
		break;
	case TRACE_EVENT_SPACE:
		add(o, e->space.attached ? " found" : " space");
		break;
	case TRACE_EVENT_MAP:
		add(o, e->map.reason == TRACE_MAP_BEGIN ? " map*" : " map");
		break;
	case TRACE_EVENT_CALL:
		add_call(o, &e->call);
		break;
	case TRACE_EVENT_FAULT:
		add(o, " %s%s%s@%s", e->fault.write ? "write" : "grow", e->fault.ambiguous ? "?" : "",
			e->fault.write_known ? "" : "~", scr_place((int64_t)e->fault.addr, text));
		break;
	case TRACE_EVENT_FORK:
		add(o, " fork");
		break;
	case TRACE_EVENT_TASK:
		add(o, e->task.thread ? " thread" : " task");
		break;
	case TRACE_EVENT_EXIT:
		add(o, e->exit.exec ? " exit>" : e->exit.last ? " exit!" : " exit");
		break;
	case TRACE_EVENT_LIMIT:
		add(o, " limit%u", e->limit.limit);
		break;
	case TRACE_EVENT_LOST:
		add(o, " lost");
		add_lost(o, e);
		break;
	case TRACE_EVENT_CHANGE:
		add(o, " change");
		break;
	default:
		add(o, " other");
	}
}

static int on_event(struct trace_sink *sink, const struct trace_event *e)
{
	struct log *log = (struct log *)sink;

	if (e->tid != log->tid && e->tid)
		add(log->o, " %u:", e->tid);
	log->tid = e->tid ? e->tid : log->tid;
	add_event(log->o, e);
	if (log->fields) {
		size_t n = strlen(log->o->events);

		scr_fields(log->o->events + n, sizeof(log->o->events) - n, e);
	}
	if (scr.sink_error)
		return -scr.sink_error;
	return log->writer->event(log->writer, e);
}

static void on_notice(void *ctx, const char *sentence)
{
	say(ctx, sentence);
}

static bool is_time_to_leave(void *ctx)
{
	return scr.leave && scr.leave_after-- <= 0;
}

/* --- the replay ------------------------------------------------------------------------------------------------- */

static void on_difference(void *ctx, const struct replay_difference *d)
{
	say(ctx, d->what);
	say(ctx, d->expected);
	say(ctx, d->found);
}

static void replay_file(const char *path, struct outcome *o)
{
	struct replay_options options = { .difference = on_difference, .ctx = o };
	struct trace_reader *reader;
	struct trace_event e;
	struct replay *r;
	char error[256];

	o->err = trace_reader_open(&reader, path, error, sizeof(error));
	if (o->err)
		return;
	r = replay_new(trace_reader_header(reader), &options);
	if (!r)
		o->err = -ENOMEM;
	while (!o->err && (o->err = trace_reader_next(reader, &e)) == 1)
		o->err = replay_sink(r)->event(replay_sink(r), &e);
	if (r) {
		replay_statistics(r, &o->stats);
		replay_free(r);
	}
	trace_reader_close(reader);
}

/* --- the recording ---------------------------------------------------------------------------------------------- */

/* What the machine is like is not asked of this one. */
static struct trace_header header_of(const struct live *l)
{
	struct trace_header h = *live_header(l);

	h.kernel = "6.18.0";
	h.machine = "x86_64";
	h.total_ram = 16ull << 30;
	h.mmap_min_addr = h.dac_mmap_min_addr = 65536;
	h.start_time = 0;
	return h;
}

static void record(struct live *l, const char *path, struct outcome *o, bool fields)
{
	struct log log = { .sink.event = on_event, .o = o, .fields = fields };
	struct trace_header header = header_of(l);
	struct trace_writer *writer;
	int err = trace_writer_open(&writer, path, &header);

	if (err) {
		o->err = err;
		return;
	}
	log.writer = trace_writer_sink(writer);
	o->err = live_run(l, &log.sink, &o->status);
	say(o, live_error(l));
	for (int i = 0; i < MAX_TASKS; i++)
		o->traced += scr.tasks[i].traced;
	err = trace_writer_close(writer);
	o->err = o->err ? o->err : err;
}

static void begin(const struct scenario *s)
{
	static struct kernel_view view;
	bool lenient = scr.lenient;
	struct scr_task *t;

	memset(&scr, 0, sizeof(scr));
	scr.lenient = lenient;
	scr.at = s->script;
	scr.now = 1000000000;
	scr.max_open = MAX_OPEN;
	scr.puppet_result = 9;
	if (s->mode & ATTACHED) {
		t = scr_add(100, 100, space_new());
		space_of_program(t->mm);
	}
	scr_install(&view);
	kernel = &view;
}

void scenario_run(const struct scenario *s, struct outcome *o, void (*recorder)(bool on))
{
	char *argv[] = { "scripted", NULL }, error[512] = "", path[] = "/tmp/scripted-XXXXXX";
	struct live_options options = { .argv = s->mode & ATTACHED ? NULL : argv,
		.pid = s->mode & ATTACHED ? 100 : 0,
		.check = s->mode & AT_END ? LIVE_CHECK_END
			 : s->mode & NTH  ? LIVE_CHECK_NTH
					  : LIVE_CHECK_EVERY,
		.nth = 2,
		.stop = is_time_to_leave,
		.notice = on_notice,
		.ctx = o };
	const struct kernel_view *machine = kernel;
	int fd = mkstemp(path);
	struct live *l;

	*o = (struct outcome){ .err = fd < 0 ? -errno : 0 };
	begin(s);
	/* What the script says of the beginning. */
	while (strncmp(scr.at, "before ", 7) == 0) {
		scr.at += 7;
		scr_step();
	}
	if (recorder)
		recorder(true);
	o->err = live_start(&l, &options, error, sizeof(error));
	say(o, error);
	if (!o->err) {
		record(l, path, o, s->mode & FIELDS);
		live_free(l);
	}
	if (recorder)
		recorder(false);
	kernel = machine;
	if (!o->err)
		replay_file(path, o);
	close(fd);
	unlink(path);
}
