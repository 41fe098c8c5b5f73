/* SPDX-License-Identifier: MIT */
/*
 * vmaple lab: the same calls on every index of areas, side by side.
 *
 * Four comparisons behind one command line: indexes or reverse maps (--rmap), on workloads and recordings
 * or as a picture of cost against size. Options that the chosen one does not know are passed over (--swap
 * without --rmap): all are harmless.
 *
 * Tables go to stdout as each item is done, JSON as one array in the end, progress and complaints to
 * stderr.
 */
#include <getopt.h>
#include <string.h>

#include "lab_options.h"

static const char help[] = "usage: vmaple lab [OPTION]... [FILE.vmt]...\n"
			   "\n"
			   "Make the same calls on every index of areas (maple tree, augmented rbtree, list\n"
			   "and rbtree with free_area_cache).  First side by side, comparing results and\n"
			   "areas after every call; then on each index by itself: timed, timed with the\n"
			   "index verified as it changes, and with the cache lines counted that it touches.\n"
			   "\n"
			   "  FILE.vmt         recordings to replay instead of workloads\n"
			   "  --workload NAME  only this workload; `--list` names them\n"
			   "  --areas N        as large as this; default: each workload's own size\n"
			   "  --repeat N       time it N times and take the fastest (default 3)\n"
			   "  --no-check       do not compare, only measure\n"
			   "  --picture FILE   instead of workloads: what a lookup, a search and a change\n"
			   "                   cost among 100 to N areas (default 1,000,000), as tables and\n"
			   "                   drawn into FILE (SVG)\n"
			   "  --rmap NAMES     compare reverse maps instead: all, or names with commas\n"
			   "                   between; with --picture: what a walk from a page costs among\n"
			   "                   100 to N areas (default 100,000)\n"
			   "  --swap SIZE      with --rmap: how much swap there is (default 1G)\n"
			   "  --json           the results in JSON\n"
			   "  --list           the workloads, and what they do; behind --rmap: those, and\n"
			   "                   the reverse maps\n"
			   "\n"
			   "exit status: 0; 1 the indexes disagree; 3 a recording is damaged\n";

/* Its two users, --areas and --repeat, both count from 1. */
static int take_number(uint64_t *number, const char *text)
{
	if (parse_up_to(text, INT32_MAX, number))
		return 0;
	return usage_error("lab", "a number from 1 to 2147483647 is wanted, not", text);
}

/* "500M": in pages of 4 KiB, the lab's machine's whatever this one has. */
static int take_size(uint64_t *pages, const char *text)
{
	uint64_t bytes;

	if (parse_size(text, &bytes) && bytes >= 4096 && bytes >> 12 < 1UL << 31) {
		*pages = bytes >> 12;
		return 0;
	}
	return usage_error("lab", "a size such as 500M is wanted, not", text);
}

/*
 * 0; -1: something was listed, and that is all; or STATUS_USAGE. --list answers at once, so --rmap counts
 * only in front of it.
 */
static int take_option(struct lab_options *l, int opt, char **argv)
{
	switch (opt) {
	case 'w':
		l->workload = optarg;
		return 0;
	case 'a':
		return take_number(&l->areas, optarg);
	case 'r':
		return take_number(&l->repeat, optarg);
	case 'n':
		l->check = false;
		return 0;
	case 'p':
		l->picture = optarg;
		return 0;
	case 'j':
		l->json = true;
		return 0;
	case 'm':
		l->rmap = optarg;
		return 0;
	case 's':
		return take_size(&l->swap_pages, optarg);
	/* Where it stands: what is behind it on the command line is not looked at any more. */
	case 'l':
		if (l->rmap)
			lab_list_rmap_workloads();
		else
			lab_list_indexes_workloads();
		return -1;
	case 'h':
		fputs(help, stdout);
		return -1;
	case ':':
		return usage_error("lab", "an argument is missing after", argv[optind - 1]);
	default:
		return usage_error("lab", "unknown option", argv[optind - 1]);
	}
}

/* 0; -1: something was printed instead; or STATUS_USAGE. */
static int parse(struct lab_options *l, int argc, char **argv)
{
	static const struct option options[] = { { "workload", required_argument, NULL, 'w' },
		{ "areas", required_argument, NULL, 'a' }, { "repeat", required_argument, NULL, 'r' },
		{ "no-check", no_argument, NULL, 'n' }, { "picture", required_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' }, { "list", no_argument, NULL, 'l' },
		{ "rmap", required_argument, NULL, 'm' }, { "swap", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int opt, err;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		err = take_option(l, opt, argv);
		if (err)
			return err;
	}
	/* Whether they can be read is found out one by one. */
	l->files = argv + optind;
	l->nr_files = argc - optind;
	return 0;
}

/* A status: of a disagreement 1, as verify's; of a recording 3. */
static int compare(struct lab_options *l)
{
	if (l->rmap)
		return l->picture ? lab_draw_rmaps(l) : lab_compare_rmaps(l);
	return l->picture ? lab_draw_indexes(l) : lab_compare_indexes(l);
}

/*
 * The defaults are what a table of a few seconds needs: 3 runs of each, 1 GiB of swap in pages of 4 KiB.
 */
int cmd_lab(int argc, char **argv)
{
	struct lab_options l = { .repeat = 3, .check = true, .swap_pages = 1UL << 18 };
	int status = parse(&l, argc, argv), printed;

	if (status)
		return status < 0 ? 0 : status;
	/* NULL of json_array() is memory that has run out: json_push() remembers it. */
	if (l.json)
		l.results = json_array();
	status = compare(&l);
	if (!l.json)
		return status;
	/* Also behind a comparison that failed: what was measured until then. */
	printed = print_json(l.results);
	return status ? status : printed;
}
