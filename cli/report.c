/* SPDX-License-Identifier: MIT */
/* vmaple report: one page that shows an address space over its whole life. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../report/page.h"
#include "moment.h"
#include "text.h"

#define DEFAULT_SIZE ((uint64_t)10 << 20)

static const char help[] =
	"usage: vmaple report FILE -o OUT.html [--pid PID] [--max-size BYTES]\n"
	"\n"
	"Write one page, which needs nothing else and no network: every area of a process from its birth to "
	"its end,\n"
	"numbers over time, the reasons why areas are apart, who made them, and a list that can be "
	"searched.\n"
	"\n"
	"  -o FILE           the page\n"
	"  --pid PID         of this process; default: the one with the most areas\n"
	"  --max-size BYTES  leave out what lived shortest, until the data fits; 10M by default (K, M and G "
	"are known)\n"
	"\n"
	"exit status: 0; 2 usage; 3 the recording is damaged or ends early; 125 vmaple itself failed\n";

struct arguments {
	const char *path, *out;
	uint64_t pid, max_size;
};

static int parse(struct arguments *a, int argc, char **argv)
{
	static const struct option options[] = { { "output", required_argument, NULL, 'o' },
		{ "pid", required_argument, NULL, 'p' }, { "max-size", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":o:h", options, NULL)) != -1) {
		switch (opt) {
		case 'o':
			a->out = optarg;
			break;
		case 'p':
			if (!parse_number(optarg, &a->pid))
				return usage_error("report", "a number is wanted, not", optarg);
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
	if (optind != argc - 1)
		return usage_error("report",
			optind == argc ? "a recording is missing" : "one recording only, not", argv[optind]);
	if (!a->out)
		return usage_error("report", "where to? -o FILE is missing", NULL);
	a->path = argv[optind];
	return 0;
}

static uint32_t site_of(struct report *life, const struct explain_event *birth)
{
	const char *call = birth && birth->type == TRACE_EVENT_CALL ? trace_call_name(birth->call.nr) : NULL;
	char text[512], site[400];

	snprintf(text, sizeof(text), "%s%s%s",
		call    ? call
		: birth ? "no call"
			: "before the recording",
		birth && birth->site ? " at " : "",
		birth && birth->site ? site_text(birth->site, site, sizeof(site)) : "");
	return report_word(&life->sites, text);
}

static void take_area(struct report_page *p, const struct vm_area_struct *vma)
{
	struct explain_boundary b;
	char name[4096];

	explain_boundary(vma, &b);
	p->areas[p->nr_areas++] = (struct report_area){ .start = vma->vm_start,
		.end = vma->vm_end,
		.reasons = b.main_reasons,
		.step = b.birth ? b.birth->step : 0,
		.name = report_word(&p->life->names, vma_name(vma, name, sizeof(name))),
		.site = site_of(p->life, b.birth),
		.kind = (uint8_t)report_kind_of(vma),
		.prot = (uint8_t)(vma->vm_flags & VM_ACCESS_FLAGS),
		.needless = b.needless };
}

/* The moment with the most areas: all of them, before the ledger goes. 0 or an exit status. */
static int take_peak(struct report_page *p, struct moment *m)
{
	struct vm_area_struct *vma;
	int n = m->mm->map_count;

	p->areas = calloc((size_t)(n < REPORT_AREAS ? n : REPORT_AREAS) + 1, sizeof(*p->areas));
	if (!p->areas)
		return out_of_memory("report", 0);
	for (vma = find_vma(m->mm, 0); vma && p->nr_areas < REPORT_AREAS; vma = find_vma(m->mm, vma->vm_end))
		take_area(p, vma);
	p->peak_step = m->last.step;
	p->peak_ns = m->last.time_ns;
	p->pid = m->mm_pid;
	return 0;
}

static void watch(void *ctx, struct moment *m, const struct trace_event *e)
{
	report_event(ctx, m->x, e);
}

/* Under a name of its own until it is whole. */
static int write_page(const struct arguments *a, struct report_page *p)
{
	char *temporary = NULL;
	FILE *out;
	int err;

	if (asprintf(&temporary, "%s.partial", a->out) < 0)
		return out_of_memory("report", 0);
	out = fopen(temporary, "we");
	err = out ? report_page_write(p, out) : -errno;
	if (out && fclose(out) && !err)
		err = -errno;
	if (!err && rename(temporary, a->out))
		err = -errno;
	if (err)
		unlink(temporary);
	free(temporary);
	if (err == -ENOMEM)
		return out_of_memory("report", 0);
	if (err)
		complain("report", "cannot write %s: %s", a->out,
			err == -EFBIG ? "even without any area it is larger than --max-size"
				      : strerror(-err));
	return err ? STATUS_FAILED : 0;
}

/* The whole life, with the peak's table at hand. */
static int take_life(const struct arguments *a, struct report_page *p, uint32_t pid)
{
	struct moment end = { .command = "report",
		.path = a->path,
		.kind = MOMENT_END,
		.pid = pid,
		.watch = watch,
		.ctx = p->life };
	int status = moment_reach(&end), written;

	if (!end.x) {
		moment_leave(&end);
		return status ? status : STATUS_DAMAGED;
	}
	replay_statistics(explain_replay(end.x), &p->stats);
	p->header = trace_reader_header(end.reader);
	report_end(p->life);
	written = p->life->no_memory ? out_of_memory("report", 0) : write_page(a, p);
	moment_leave(&end);
	return written ? written : status;
}

static int make_report(const struct arguments *a)
{
	struct moment peak = { .command = "report", .path = a->path, .kind = MOMENT_PEAK, .pid = a->pid };
	struct report_page p = { .max_size = a->max_size };
	struct report *life = calloc(1, sizeof(*life));
	struct explain_table table;
	int status = life ? moment_reach(&peak) : out_of_memory("report", 0);

	if (!peak.mm || !life) {
		moment_leave(&peak);
		free(life);
		return status ? status : STATUS_DAMAGED;
	}
	report_begin(life, peak.mm_id);
	p.life = life;
	p.table = &table;
	if (explain_table(peak.x, peak.mm, &table)) {
		status = out_of_memory("report", 0);
	} else {
		status = take_peak(&p, &peak);
		status = status ? status : take_life(a, &p, peak.mm_pid);
		explain_table_free(&table);
	}
	moment_leave(&peak);
	report_free(life);
	free(life);
	free(p.areas);
	return status;
}

int cmd_report(int argc, char **argv)
{
	struct arguments a = { .max_size = DEFAULT_SIZE };
	int status = parse(&a, argc, argv);

	if (status)
		return status < 0 ? 0 : status;
	return make_report(&a);
}
