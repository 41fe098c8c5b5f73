/* SPDX-License-Identifier: MIT */
/*
 * Events of a live source: to the writer, then to the mirror; and what is told of them when they have ended.
 *
 *    FO1  A recording is not lost because the mirror is, nor the mirror of a program that goes on because its recording is.
 *    FO2  What was followed has been summed up before it is said what was in the way.
 *    FO3  A tick of the source reaches the writer: what is quiet is on disk within a second.
 *
 * Order of the end, which is the order of what can be lost: the source returns; the writer is closed (so
 * a crash of what follows costs no event); signals are as before; the summary; the budget; what was in
 * the way. The source itself is freed by who started it, behind all of it: its header and its sentence
 * are read until then.
 *
 * Between start and end one thread does everything: a slow mirror holds the source up, and by ptrace the
 * program with it.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "follow.h"

/* Both are set in any case; false leaves both false. */
bool parse_source(const char *name, bool *by_bpf, bool *by_ptrace)
{
	bool any = strcmp(name, "auto") == 0;

	*by_bpf = any || strcmp(name, "bpf") == 0;
	*by_ptrace = any || strcmp(name, "ptrace") == 0;
	return *by_bpf || *by_ptrace;
}

/* As a shell has it: 127 and 126 are for the program's name, all else is vmaple's failure. */
int status_of_start(int err)
{
	return err == -ENOENT ? STATUS_NOT_FOUND : err == -EACCES ? STATUS_NOT_STARTED : STATUS_FAILED;
}

static const struct trace_header *source_header(const struct live_source *s)
{
	return s->by_bpf ? live_bpf_header(s->by_bpf) : live_header(s->by_ptrace);
}

/* 0 or -errno; *@wait_status is set where a program was started. */
static int source_run(const struct live_source *s, struct trace_sink *sink, int *wait_status)
{
	return s->by_bpf ? live_bpf_run(s->by_bpf, sink, wait_status)
			 : live_run(s->by_ptrace, sink, wait_status);
}

/* BPF takes no privileges from anybody. @program lives as long as the source. */
static uint64_t privileges_lost(const struct live_source *s, const char **program)
{
	*program = "";
	return s->by_bpf ? 0 : live_privileges_lost(s->by_ptrace, program);
}

/* Also of one that never started, and again. */
void source_free(struct live_source *s)
{
	if (s->by_bpf)
		live_bpf_free(s->by_bpf);
	if (s->by_ptrace)
		live_free(s->by_ptrace);
	*s = (struct live_source){ NULL, NULL };
}

/* --- where events go ------------------------------------------------------------------------------------------ */

/*
 * The sink that the source has: in front, so that a pointer to it is one to the tee. Each of the two others
 * may be NULL.
 */
struct tee {
	struct trace_sink sink;
	struct trace_sink *writer, *mirror;
	bool program;     /* what one of them cannot take, the other still does */
	int unwritten;    /* -errno: the writer did not take an event */
	uint64_t stopped; /* the step at which the mirror ran out of memory; 0: it did not */
};

/*
 * FO1: a program that vmaple has started is followed as long as one of both is left; what is only watched
 * is let go at the first failure.
 */
static bool is_of_use(const struct tee *t)
{
	bool written = t->writer && !t->unwritten, mirrored = t->mirror && !t->stopped;

	return t->program ? written || mirrored : !t->unwritten && !t->stopped;
}

/*
 * The writer first: what is on disk does not depend on the mirror's memory. A failure is remembered, and
 * only told to the source when nobody is left.
 *
 * The mirror's error is memory (census.h: nothing else fails), so only the step is kept; the writer's has
 * many reasons, and is kept as it is.
 */
static int tee_event(struct trace_sink *sink, const struct trace_event *e)
{
	struct tee *t = (struct tee *)sink;

	if (t->writer && !t->unwritten)
		t->unwritten = t->writer->event(t->writer, e);
	if (t->mirror && !t->stopped && t->mirror->event(t->mirror, e))
		t->stopped = e->step;
	return is_of_use(t) ? 0 : t->unwritten ? t->unwritten : -ENOMEM;
}

/*
 * A mirror has no use for time without events. What is of no use any more ends the source here, too: it
 * may be quiet for hours.
 */
static int tee_tick(struct trace_sink *sink, uint64_t time_ns)
{
	struct tee *t = (struct tee *)sink;

	if (t->writer && !t->unwritten && t->writer->tick)
		t->unwritten = t->writer->tick(t->writer, time_ns);
	return is_of_use(t) ? 0 : t->unwritten;
}

/*
 * What would end the recorder beside the program, which would end with it. Interrupts are the program's;
 * what cannot be written, of a recording that is too large or into a pipe that nobody reads, is an error.
 * The order counts: how_many_withheld() takes the first ones, or all.
 */
static const int withheld[] = { SIGPIPE, SIGXFSZ, SIGINT, SIGQUIT };
#define NR_WITHHELD (sizeof(withheld) / sizeof(withheld[0]))

/*
 * The last two are the terminal's: they go to the whole foreground process group, program and vmaple, and
 * the program decides. Without a program they end what is watched (attach.c).
 */
static size_t how_many_withheld(const struct following *f)
{
	return f->program ? NR_WITHHELD : NR_WITHHELD - 2;
}

/*
 * After the program was started: SIG_IGN is inherited through exec, and a program without SIGPIPE is
 * another one.
 */
static void withhold_signals(const struct following *f, struct sigaction before[NR_WITHHELD])
{
	const struct sigaction ignored = { .sa_handler = SIG_IGN };

	for (size_t i = 0; i < how_many_withheld(f); i++)
		sigaction(withheld[i], &ignored, &before[i]);
}

/* In every case, also where the sinks could not be opened. */
static void give_signals_back(const struct following *f, const struct sigaction before[NR_WITHHELD])
{
	for (size_t i = 0; i < how_many_withheld(f); i++)
		sigaction(withheld[i], &before[i], NULL);
}

/* --- what is told --------------------------------------------------------------------------------------------- */

/* Of all threads of vmaple, not of the program: RUSAGE_SELF leaves children out. */
static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/*
 * The most memory that this program had.  Not ru_maxrss: that begins with what the process had before its exec.
 * 0: there is no /proc.
 */
static unsigned long peak_kib(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmHWM: %lu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

/*
 * The summary's own part that only who has followed knows. exit_status is there only for a program that
 * vmaple started: who attaches may leave before it ends.
 */
static void add_live_keys(
	json_t *o, const struct following *f, const struct live_source *source, int wait_status)
{
	const char *program;
	uint64_t lost = privileges_lost(source, &program);

	if (f->program) {
		json_put(o, "exit_status", json_integer(shell_status(wait_status)));
		json_put(o, "privileges_lost", json_integer((json_int_t)lost));
	}
	json_put(o, "recorder_cpu_seconds", json_real(cpu_seconds()));
	json_put(o, "recorder_peak_kib", json_integer((json_int_t)peak_kib()));
}

/* What was not as alone, and cannot be. */
static void print_privileges(const struct live_source *source)
{
	const char *program;
	uint64_t n = privileges_lost(source, &program);

	if (!n)
		return;
	fprintf(stderr, "  privileges  %" PRIu64 " %s without its set-user-ID bit or capabilities: ", n,
		n == 1 ? "program ran" : "programs ran, each");
	print_quoted(stderr, program, strlen(program));
	fputs(" (no_new_privs; as root it keeps them)\n", stderr);
}

/*
 * 0, or the status of a summary that could not be printed. The statistics are taken before census_end(),
 * which looks at the mirror but has no events for it.
 *
 * Text goes to stderr in any case, for stdout is the program's; JSON to json_out, and then nothing is
 * printed on stderr but what was in the way.
 */
static int summarise(const struct following *f, struct census *census, const struct live_source *source,
	int wait_status, double wall)
{
	struct replay_stats stats;

	replay_statistics(census_replay(census), &stats);
	if (census_end(census))
		return out_of_memory(f->command, 0);
	if (f->json) {
		json_t *o = summary_json(&stats, source_header(source), wall);

		if (o) {
			add_live_keys(o, f, source, wait_status);
			census_json(census, &f->budget, o);
		}
		return write_json(f->json_out, o);
	}
	print_summary(stderr, &stats, source_header(source), wall);
	print_privileges(source);
	fprintf(stderr, "  overhead    %.3f s of CPU to record and check, %lu MiB of memory at most\n",
		cpu_seconds(), peak_kib() / 1024);
	if (f->output)
		print_recording(f->output);
	census_print(census, stderr);
	return 0;
}

/*
 * A recording of nothing is removed. What is not a file of its own (a device, a pipe, a link) is not
 * touched.
 */
static void remove_recording(const struct following *f)
{
	struct stat st;

	if (f->output && lstat(f->output, &st) == 0 && S_ISREG(st.st_mode))
		(void)unlink(f->output);
}

/* How it ended: -errno of the source and of the recording's end, and the program's wait status. */
struct outcome {
	int err, closed, wait_status;
	uint64_t written; /* events that are in the recording */
};

/*
 * What was in the way of the source: the status for it, or 0. live_error() has a status of its own where
 * the program could not be started (126, 127), which is the shell's and must not become 125.
 */
static int complain_of_source(
	const struct following *f, const struct live_source *source, const struct outcome *o)
{
	const char *own = source->by_ptrace ? live_error(source->by_ptrace) : "";
	int status = shell_status(o->wait_status);

	if (*own) {
		complain(f->command, "%s", own);
		return status == STATUS_NOT_STARTED || status == STATUS_NOT_FOUND ? status : STATUS_FAILED;
	}
	if (!o->err)
		return 0;
	complain(f->command, "%s",
		o->err == -ESRCH ? "the process has ended"
		: o->err == -EINTR
			? "it was told to end before its first look was done: there is no recording"
			: strerror(-o->err));
	return STATUS_FAILED;
}

/*
 * Likewise of all, in order of cause: what the recording or the mirror could not take has stopped the
 * source, whose error is then only its echo.
 */
static int complain_of(const struct following *f, const struct live_source *source, const struct tee *t,
	const struct outcome *o)
{
	int status;

	if (t->unwritten) {
		complain(f->command,
			"%s: the recording stopped after %" PRIu64
			" events: %s; what was written is whole, the program ran on",
			f->output, o->written, strerror(-t->unwritten));
		return STATUS_FAILED;
	}
	if (t->stopped)
		return out_of_memory(f->command, t->stopped);
	status = complain_of_source(f, source, o);
	if (!status && o->closed) {
		complain(f->command, "%s: cannot be written to its end: %s", f->output, strerror(-o->closed));
		return STATUS_FAILED;
	}
	return status;
}

/* --- from the first event to the last word ---------------------------------------------------------------------- */

/*
 * 0, or the status of what was said. *writer is NULL without an output, and then also in the end. The
 * file is made, or emptied, here, when the source has been started: one that cannot be leaves an old
 * recording alone.
 */
static int open_sinks(const struct following *f, struct tee *t, struct trace_writer **writer,
	struct census *census, const struct trace_header *header)
{
	int err = f->output ? trace_writer_open(writer, f->output, header) : 0;

	if (err) {
		complain(f->command, "%s: cannot be written: %s", f->output, strerror(-err));
		return STATUS_FAILED;
	}
	if (*writer && f->sync)
		trace_writer_sync(*writer);
	t->writer = *writer ? trace_writer_sink(*writer) : NULL;
	t->mirror = census ? census_sink(census) : NULL;
	return 0;
}

/*
 * Nothing was seen, or a part of a first map, which would be taken for a whole one. Of BPF a first look
 * that was broken off answers -EINTR; by ptrace also a program that never began (126, 127).
 */
static bool saw_nothing(const struct live_source *source, const struct outcome *o)
{
	return o->err == -EINTR || (source->by_ptrace && !live_began(source->by_ptrace));
}

/*
 * *@found is set where the source ran. Without a mirror differences are 0 and the budget is held: record
 * compares nothing. The wall clock begins before the sinks are opened.
 */
static int follow_with(const struct following *f, const struct live_source *source, struct census *census,
	struct followed *found)
{
	struct tee tee = { .sink = { .event = tee_event, .tick = tee_tick }, .program = f->program };
	struct sigaction before[NR_WITHHELD];
	struct trace_writer *writer = NULL;
	struct replay_stats stats = { .events = 0 };
	struct outcome o = { .err = 0 };
	uint64_t begin = clock_ns();
	int status, printed = 0;

	/* Until the recording has its end. */
	withhold_signals(f, before);
	status = open_sinks(f, &tee, &writer, census, source_header(source));
	if (!status)
		o.err = source_run(source, &tee.sink, &o.wait_status);
	/* Before the writer is gone. */
	o.written = writer ? trace_writer_events(writer) : 0;
	o.closed = writer ? trace_writer_close(writer) : 0;
	give_signals_back(f, before);
	if (status)
		return status;
	if (saw_nothing(source, &o))
		remove_recording(f);
	if (census)
		replay_statistics(census_replay(census), &stats);
	if (stats.events && o.err != -EINTR && !tee.stopped)
		printed = summarise(f, census, source, o.wait_status, (double)(clock_ns() - begin) / 1e9);
	*found = (struct followed){ o.wait_status, stats.differences,
		!stats.events || printed || census_within(census, &f->budget, f->command) };
	/* FO2: behind the summary. */
	status = complain_of(f, source, &tee, &o);
	return status ? status : printed;
}

/*
 * The census takes names of culprits at once only if JSON or a budget will want them, for finding them
 * reads program files. Differences and losses are logged as they come, on stderr, while the program runs.
 */
int follow(const struct following *f, const struct live_source *source, struct followed *found)
{
	struct difference_log log = { .out = stderr, .recording = f->output };
	struct replay_options options = { .difference = log_difference, .lost = log_lost, .ctx = &log };
	struct census *census = NULL;
	int status;

	if (f->mirror) {
		census = census_new(source_header(source), &options, f->json || has_budget(&f->budget));
		if (!census)
			return out_of_memory(f->command, 0);
	}
	status = follow_with(f, source, census, found);
	if (census)
		census_free(census);
	return status;
}
