/* SPDX-License-Identifier: MIT */
/*
 * vmaple maps: the address space at any moment of a recording, or of a running process now.
 *
 * Of a recording events are carried out up to the step and then the mirror is printed, without looking at
 * the maps in the recording (unchecked): a map that was read at that step would be the kernel's, not the
 * engine's. Cost: that of the replay up to there.
 *
 * Without a FILE it is live_map.c's question. stdout has the map, stderr what is wrong with the
 * recording, behind it.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../report/picture.h"
#include "cli.h"
#include "live_map.h"

static const char help[] =
	"usage: vmaple maps [--at STEP] [--pid PID] [--format maps|smaps|json|svg]\n"
	"                   [--raw] FILE\n"
	"       vmaple maps --pid PID [--format maps|smaps|json] [--no-bpf]\n"
	"\n"
	"Print the address space of a recorded process as /proc/PID/maps would have shown\n"
	"it; without a FILE, that of a running process, read by BPF under one hold of its\n"
	"mmap lock where that is permitted.\n"
	"\n"
	"  --at STEP       after this step; default: before the process ended\n"
	"  --pid PID       of this process; default: the first\n"
	"  --format maps   lines of /proc/PID/maps (default)\n"
	"  --format smaps  with the size, the anon_vma and VmFlags of each area\n"
	"  --format json   an array of areas, with vm_flags and what else the mirror\n"
	"                  knows\n"
	"  --format svg    a picture of it, of a recorded process\n"
	"  --raw           control characters in names as they are, unless stdout is a\n"
	"                  terminal\n"
	"  --no-bpf        a running process from /proc, as without the privilege\n"
	"\n"
	"exit status: 0; 1 the process has no address space at that step; 3 the recording\n"
	"is damaged or ends early\n";

/* As the command line says. at 0: before the process ended; path NULL: a running process. */
struct maps {
	const char *path;
	uint64_t at, pid;
	bool json, smaps, svg, no_bpf, raw;
};

/* Exactly one of the four: a later --format replaces an earlier one. */
static int parse_format(struct maps *m, const char *format)
{
	m->json = strcmp(format, "json") == 0;
	m->smaps = strcmp(format, "smaps") == 0;
	m->svg = strcmp(format, "svg") == 0;
	if (m->json || m->smaps || m->svg || strcmp(format, "maps") == 0)
		return 0;
	return usage_error("maps", "--format takes maps, smaps, json or svg, not", format);
}

/*
 * 0; -1: the help was printed; STATUS_USAGE. --pid alone asks a running process; with --at or a picture a
 * recording is missing, for a moment of a process that runs is only now.
 */
static int parse(struct maps *m, int argc, char **argv)
{
	static const struct option options[] = { { "at", required_argument, NULL, 'a' },
		{ "pid", required_argument, NULL, 'p' }, { "format", required_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' }, { "no-bpf", no_argument, NULL, 'n' },
		{ "raw", no_argument, NULL, 'r' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int opt, err;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (opt) {
		case 'a':
			if (!parse_up_to(optarg, UINT64_MAX, &m->at))
				return usage_error("maps", "--at takes a step, not", optarg);
			break;
		case 'p':
			if (!parse_pid(optarg, &m->pid))
				return usage_error("maps", "--pid takes a number, not", optarg);
			break;
		case 'f':
			err = parse_format(m, optarg);
			if (err)
				return err;
			break;
		case 'j':
			m->json = true;
			break;
		case 'n':
			m->no_bpf = true;
			break;
		case 'r':
			/*
			 * A terminal is never sent what a recording says. Where it stands among the
			 * options does not matter: stdout is the same from beginning to end.
			 */
			m->raw = !isatty(STDOUT_FILENO);
			break;
		case 'h':
			fputs(help, stdout);
			return -1;
		case ':':
			return usage_error("maps", "an argument is missing after", argv[optind - 1]);
		default:
			return usage_error("maps", "unknown option", argv[optind - 1]);
		}
	}
	/* A running process has no steps, and no birth that a picture could show. */
	if (optind == argc && m->pid && !m->at && !m->svg)
		return 0;
	if (optind != argc - 1)
		return recordings_error("maps", argc - optind, argv + optind);
	m->path = argv[optind];
	return 0;
}

/*
 * pgoff is in pages. Numbers are JSON's, so an address above 2^53 is one for a reader that has 64 bits.
 */
static json_t *area_json(const struct vm_area_struct *vma)
{
	char name[128];

	return json_pack("{s:I, s:I, s:o, s:b, s:b, s:b, s:b, s:I, s:b, s:I}", "start",
		(json_int_t)vma->vm_start, "end", (json_int_t)vma->vm_end, "name",
		json_text(vma_name(vma, name, sizeof(name))), "read", !!(vma->vm_flags & VM_READ), "write",
		!!(vma->vm_flags & VM_WRITE), "exec", !!(vma->vm_flags & VM_EXEC), "shared",
		!!(vma->vm_flags & VM_MAYSHARE), "pgoff", (json_int_t)vma->vm_pgoff, "anon_vma",
		vma->anon_vma != NULL, "vm_flags", (json_int_t)vma->vm_flags);
}

/* --raw is for what compares byte by byte with a /proc/PID/maps that was saved. */
static void print_name_line(const char *line, bool raw)
{
	if (raw)
		fputs(line, stdout);
	else
		print_quoted_line(stdout, line);
}

static void print_details(const struct vm_area_struct *vma)
{
	char flags[128];

	printf("Size:           %8lu kB\nAnonVma:             %s\nVmFlags: %s\n",
		(vma->vm_end - vma->vm_start) / 1024, vma->anon_vma ? "yes" : " no",
		vm_flags_format(vma->vm_flags, flags, sizeof(flags)));
}

/* 0, or the status of what could not be printed. json is one array; smaps lines follow each area's. */
static int print_map(const struct maps *m, struct mm_struct *mm)
{
	json_t *list = m->json ? json_array() : NULL;
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);
	char line[4400];

	for_each_vma (vmi, vma) {
		if (m->json) {
			json_push(list, area_json(vma));
			continue;
		}
		vma_format(vma, line, sizeof(line));
		print_name_line(line, m->raw);
		if (m->smaps)
			print_details(vma);
	}
	return m->json ? print_json(list) : 0;
}

/*
 * @step stands in the title, so that two pictures can be told apart. What of stdout cannot be written
 * main.c says.
 */
static int print_picture(
	const struct maps *m, struct mm_struct *mm, const struct trace_header *h, uint64_t step)
{
	char title[160];
	int err;

	snprintf(title, sizeof(title), "%.50s%s, step %" PRIu64, h->command,
		strlen(h->command) > 50 ? "..." : "", step);
	err = picture_map(stdout, mm, title);
	return err == -ENOMEM ? out_of_memory("maps", 0) : 0;
}

/* The end of the process that is asked for: its map is shown before it goes. */
static bool ends_it(const struct maps *m, const struct trace_event *e, uint32_t first)
{
	uint32_t pid = m->pid ? (uint32_t)m->pid : first;

	return !m->at && e->type == TRACE_EVENT_EXIT && e->pid == pid && e->exit.last && !e->exit.exec;
}

/*
 * Carry events out up to the moment, then print. A damaged end is said behind what could be read.
 *
 * 1: the process has no address space then, said. Step 0 of m->at is "before it ends": the event that
 * would end it is not carried out. A process with exec keeps its number and begins a new space, which is
 * why exec is not its end.
 */
static int show(const struct maps *m, struct trace_reader *reader, struct replay *replay)
{
	struct trace_sink *sink = replay_sink(replay);
	struct mm_struct *mm = NULL;
	struct trace_event e = { .step = 0 };
	uint32_t first = 0;
	int got = 0, printed = 0;

	/* !got: before the first event e.step is 0, and at least one is read. */
	while ((!m->at || !got || e.step < m->at) && (got = trace_reader_next(reader, &e)) > 0) {
		/* The process that the recording begins with, unless --pid says otherwise. */
		if (!first && e.type == TRACE_EVENT_SPACE)
			first = e.pid;
		if (ends_it(m, &e, first))
			break;
		if (sink->event(sink, &e))
			return out_of_memory("maps", e.step);
	}
	/* pid 0 is the first process of the recording; NULL with ENOMEM is not the same as NULL. */
	mm = replay_find(replay, (uint32_t)m->pid);
	if (!mm && errno == ENOMEM)
		return out_of_memory("maps", e.step);
	if (mm)
		printed =
			m->svg ? print_picture(m, mm, trace_reader_header(reader), e.step) : print_map(m, mm);
	/* Behind what was printed: the map of a damaged recording is shown as far as it goes. */
	if (got < 0)
		return recording_ended("maps", reader, got);
	if (!mm)
		complain("maps", "%s: process %" PRIu64 " has no address space at that step", m->path,
			m->pid ? m->pid : first);
	return mm ? printed : 1;
}

/* The mirror is freed before the reader, whose header it was made with. */
int cmd_maps(int argc, char **argv)
{
	struct maps m = { .path = NULL };
	struct replay_options options = { .unchecked = false };
	struct trace_reader *reader;
	struct replay *replay;
	int status = parse(&m, argc, argv);

	if (status)
		return status < 0 ? 0 : status;
	if (!m.path)
		return live_maps(&(struct live_maps_options){
			.pid = (pid_t)m.pid, .json = m.json, .details = m.smaps, .no_bpf = m.no_bpf });
	status = open_recording("maps", m.path, &reader);
	if (status)
		return status;
	replay = replay_new(trace_reader_header(reader), &options);
	status = replay ? show(&m, reader, replay) : out_of_memory("maps", 0);
	if (replay)
		replay_free(replay);
	trace_reader_close(reader);
	return status;
}
