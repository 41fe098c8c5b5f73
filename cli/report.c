/* SPDX-License-Identifier: MIT */
/*
 * vmaple report: one page, or one picture, that shows an address space over its whole life.
 *
 * Two readings: the first finds the address spaces with the most areas and when they had them; the second follows these on the
 * ledger, and takes each one's boundaries at its peak.
 *
 * Who owns what: struct making has everything, and cmd_report() frees it whatever make() came to. Spaces
 * of the page are chosen between the two readings (choose()), for each needs to know when its peak will
 * be; words and stacks gather in the second; page and picture are written behind it, while the ledger
 * still lives: names and sites are its.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <vmaple/symbols.h>

#include "../report/page.h"
#include "../report/picture.h"
#include "made_by.h"
#include "output.h"
#include "reading.h"
#include "text.h"

#define DEFAULT_SIZE ((uint64_t)10 << 20)

static const char help[] =
	"usage: vmaple report FILE [-o OUT.html] [--svg OUT.svg] [--pid PID]\n"
	"                     [--max-size BYTES]\n"
	"\n"
	"Write one page, which needs nothing else and no network: every area of a process\n"
	"from its birth to its end, numbers over time, the reasons why areas are apart,\n"
	"who made them, free ranges, and a list that can be searched.  The address spaces\n"
	"with the most areas can be chosen.\n"
	"\n"
	"  -o FILE           the page\n"
	"  --svg FILE        a picture of areas over time, for documents\n"
	"  --pid PID         this process first; default: the one with the most areas\n"
	"  --max-size BYTES  merge what lived shortest, until the page fits; 10M by\n"
	"                    default (K, M and G are known)\n"
	"\n"
	"exit status: 0; 2 usage; 3 the recording is damaged or ends early; 125 vmaple\n"
	"itself failed\n";

/* out and svg: one of them at least. */
struct arguments {
	const char *path, *out, *svg;
	uint64_t pid, max_size;
};

/* 0; -1: the help was printed; or STATUS_USAGE. */
static int parse(struct arguments *a, int argc, char **argv)
{
	static const struct option options[] = { { "output", required_argument, NULL, 'o' },
		{ "svg", required_argument, NULL, 'v' }, { "pid", required_argument, NULL, 'p' },
		{ "max-size", required_argument, NULL, 's' }, { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":o:h", options, NULL)) != -1) {
		switch (opt) {
		case 'o':
			a->out = optarg;
			break;
		case 'v':
			a->svg = optarg;
			break;
		case 'p':
			if (!parse_pid(optarg, &a->pid))
				return usage_error("report", "--pid takes a number, not", optarg);
			break;
		case 's':
			if (!parse_size(optarg, &a->max_size) || !a->max_size)
				return usage_error("report", "a size is wanted, as 10M, not", optarg);
			break;
		case 'h':
			fputs(help, stdout);
			return -1;
		case ':':
			return usage_error("report", "an argument is missing after", argv[optind - 1]);
		default:
			return usage_error("report", "unknown option", argv[optind - 1]);
		}
	}
	/* One recording: a page is about one run. */
	if (optind != argc - 1)
		return recordings_error("report", argc - optind, argv + optind);
	if (!a->out && !a->svg)
		return usage_error("report", "where to? -o FILE is missing", NULL);
	a->path = argv[optind];
	return 0;
}

/*
 * All that the two readings lead to. The survey is of the first; page and what it points to are of the
 * second. Words are numbered texts, shared by all address spaces of the page.
 */
struct making {
	const struct arguments *a;
	struct survey survey;
	struct report_page page;
	struct report_words names, sites, frames;
	struct symbols *symbols;
};

/* ---- which address spaces ---- */

/* Equal ones by number, so that a page is the same each time it is made. */
static int by_peak(const void *a, const void *b)
{
	const struct survey_space *x = *(const struct survey_space *const *)a;
	const struct survey_space *y = *(const struct survey_space *const *)b;

	if (x->peak_areas != y->peak_areas)
		return x->peak_areas < y->peak_areas ? 1 : -1;
	return x->mm < y->mm ? -1 : x->mm > y->mm;
}

/*
 * The address spaces of the page, at most REPORT_SPACES, most areas first; one of the process that was
 * asked for comes before all. What its fork or exec has left are several: the largest of them. 0 or an
 * exit status.
 *
 * 1, said: the process asked for is not among the spaces. first NULL: no space has areas, and none is
 * chosen. order[] is of pointers alone: a recording of a machine has many spaces, of which REPORT_SPACES
 * are drawn.
 */
static int choose(struct making *m)
{
	const struct survey *s = &m->survey;
	const struct survey_space **order = malloc((s->spaces + 1) * sizeof(struct survey_space *)),
				  *first = s->largest;
	size_t n = 0;

	if (!order)
		return out_of_memory("report", 0);
	/* The list has all; the array is for sorting. */
	for (const struct survey_space *space = s->last; space; space = space->next)
		order[n++] = space;
	qsort(order, n, sizeof(struct survey_space *), by_peak);
	/* Backwards: the one with most areas is found last, and stays. */
	for (size_t i = n; m->a->pid && i-- > 0;)
		if (order[i]->pid == m->a->pid)
			first = order[i];
	/* @first is tried once more where it stands in the order, and passed over there. */
	for (size_t i = 0; first && i <= n && m->page.nr_spaces < REPORT_SPACES; i++) {
		const struct survey_space *space = i ? order[i - 1] : first;
		struct report *r;

		if (i && space == first)
			continue;
		r = calloc(1, sizeof(*r));
		if (!r) {
			free(order);
			return out_of_memory("report", 0);
		}
		report_begin(r, s, space, &m->names, &m->sites, m->symbols);
		m->page.spaces[m->page.nr_spaces++] = r;
	}
	free(order);
	/* No space is of this process: first is still the largest of all. */
	if (m->a->pid && first && first->pid != m->a->pid)
		first = NULL;
	if (m->page.nr_spaces && first)
		return 0;
	complain("report", "%s: there is no such process, or it has no areas", m->a->path);
	return 1;
}

/* ---- the second reading ---- */

/*
 * The frames of the event's stack as text, from the outermost on, under its number; looked up while the
 * code that they lie in is still mapped. UINT32_MAX: not looked up yet. False: out of memory.
 *
 * A stack that is too long for the buffer loses its innermost frames, which come last. Without a
 * function's name the text has module and offset.
 */
static bool keep_stack(struct making *m, const struct trace_event *e)
{
	const struct trace_stack *stack = symbols_stack(m->symbols, e->call.stack);
	uint32_t id = e->call.stack, *grown;
	char text[8192], frame[256];
	size_t len = 0;

	if (!stack || (id < m->page.nr_stacks && m->page.stacks[id] != UINT32_MAX))
		return true;
	if (id >= m->page.nr_stacks) {
		/* UINT32_MAX in each that is new: not looked up. */
		grown = realloc(m->page.stacks, ((size_t)id + 1) * 2 * sizeof(*grown));
		if (!grown)
			return false;
		m->page.stacks = grown;
		/* Twice as many as needed: numbers come in order, so that growing costs O(1) each. */
		while (m->page.nr_stacks < (id + 1) * 2)
			grown[m->page.nr_stacks++] = UINT32_MAX;
	}
	/* A frame that would not fit whole ends it, so that no half name is drawn. */
	for (uint32_t i = stack->count; i-- > 0 && len < sizeof(text) - sizeof(frame);) {
		struct symbol symbol = { .function = NULL };

		symbols_frame(m->symbols, e->mm, e->pid, stack->frames[i], &symbol);
		/* Without its offset: equal functions are one box. */
		if (symbol.function)
			snprintf(frame, sizeof(frame), "%s", symbol.function);
		else
			symbol_text(&symbol, stack->frames[i], frame, sizeof(frame));
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len ? "\n" : "", frame);
	}
	m->page.stacks[id] = report_word(&m->frames, text);
	return m->page.stacks[id] != UINT32_MAX;
}

/*
 * -ENOMEM only; reading_run() says it. Every event goes to every space of the page: each looks for its
 * own number.
 */
static int on_event(void *ctx, struct explain *x, const struct trace_event *e)
{
	struct making *m = ctx;
	bool over = e->type == TRACE_EVENT_EXIT;

	/* What ends has names until it has been looked at. */
	if (!over && symbols_event(m->symbols, e))
		return -ENOMEM;
	if (e->type == TRACE_EVENT_CALL && e->call.stack && !keep_stack(m, e))
		return -ENOMEM;
	for (int i = 0; i < m->page.nr_spaces; i++) {
		report_event(m->page.spaces[i], x, e);
		if (m->page.spaces[i]->no_memory || m->page.spaces[i]->lives.no_memory)
			return -ENOMEM;
	}
	return over && symbols_event(m->symbols, e) ? -ENOMEM : 0;
}

/* -EFBIG is report_page_write()'s, where the page without any area is too large. */
static int write_page(struct making *m)
{
	struct output o;
	int status = output_open(&o, "report", m->a->out), err;

	if (status)
		return status;
	err = report_page_write(&m->page, o.file);
	/* A page whose names are missing would look as if nobody had made those areas. */
	if (!err && names_lacked_memory(m->symbols))
		err = -ENOMEM;
	if (!err && (fflush(o.file) || ferror(o.file)))
		err = -(errno ? errno : EIO);
	if (err == -EFBIG) {
		complain("report", "cannot write %s: even without any area it is larger than --max-size",
			m->a->out);
		err = -ECANCELED;
	}
	return output_close(&o, err);
}

/* Of the first space: the one with most areas, or of --pid. */
static int write_picture(struct making *m)
{
	struct output o;
	int status = output_open(&o, "report", m->a->svg);

	if (status)
		return status;
	return output_close(&o, picture_life(o.file, m->page.spaces[0], m->page.header->max_map_count,
					m->page.header->command));
}

/*
 * The picture before the page: both are of the same ledger, and the page may fail for its size. A damaged
 * recording is drawn as far as it goes; STATUS_DAMAGED then, as the survey has said.
 */
static int second_reading(struct making *m)
{
	struct reading r = {
		.command = "report", .path = m->a->path, .event = on_event, .ctx = m, .quiet = true
	};
	int status = reading_begin(&r), written = 0;

	if (!status)
		status = reading_run(&r);
	if (!status || status == STATUS_DAMAGED) {
		replay_statistics(explain_replay(r.x), &m->page.stats);
		m->page.header = trace_reader_header(r.reader);
		for (int i = 0; i < m->page.nr_spaces && !written; i++)
			/* What still lives ends with the recording. */
			if (report_end(m->page.spaces[i]))
				written = out_of_memory("report", 0);
		written = m->a->svg && !written ? write_picture(m) : written;
		written = m->a->out && !written ? write_page(m) : written;
	}
	reading_end(&r);
	return written ? written : status;
}

/* The survey's status, unless something worse follows. No areas at all: choose() says so. */
static int make(struct making *m)
{
	int status = reading_survey("report", m->a->path, &m->survey), next;

	if (status && status != STATUS_DAMAGED)
		return status;
	if (!m->survey.largest)
		return status ? status : choose(m);
	m->page.all_spaces = m->survey.spaces;
	m->symbols = symbols_new();
	next = m->symbols && !symbols_recording(m->symbols, m->a->path) ? choose(m)
									: out_of_memory("report", 0);
	next = next ? next : second_reading(m);
	return next ? next : status;
}

int cmd_report(int argc, char **argv)
{
	struct arguments a = { .max_size = DEFAULT_SIZE };
	struct making m = { .a = &a };
	int status = parse(&a, argc, argv);

	if (status)
		return status < 0 ? 0 : status;
	m.page.max_size = a.max_size;
	/* Words are shared by all spaces of the page, so they are not the spaces' own. */
	m.page.names = &m.names;
	m.page.sites = &m.sites;
	m.page.frames = &m.frames;
	status = make(&m);
	for (int i = 0; i < m.page.nr_spaces; i++) {
		report_free(m.page.spaces[i]);
		free(m.page.spaces[i]);
	}
	if (m.symbols)
		symbols_free(m.symbols);
	free(m.page.stacks);
	report_words_free(&m.names);
	report_words_free(&m.sites);
	report_words_free(&m.frames);
	survey_free(&m.survey);
	return status;
}
