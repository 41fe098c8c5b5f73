/* SPDX-License-Identifier: MIT */
/* vmaple why: why neighbours are apart. */
#include <getopt.h>
#include <stdlib.h>

#include "cli.h"
#include "live_map.h"

static const char help[] =
	"usage: vmaple why --pid PID [--top] [--json] [--no-bpf] [ADDRESS]\n"
	"\n"
	"Say for every boundary between areas of a running process that touch why they are not one, in the "
	"kernel's\n"
	"own terms, and how often each reason occurs.  The process was never recorded and is not stopped.\n"
	"\n"
	"  ADDRESS         only where the area at this (hexadecimal) address meets others\n"
	"  --top           only how often each reason occurs\n"
	"  --json          one object, with a list of boundaries\n"
	"  --no-bpf        from /proc, as without the privilege; what it does not know is called uncertain\n"
	"\n"
	"exit status: 0; 1 nothing is mapped at ADDRESS; 125 the map cannot be read\n";

static int parse(struct live_why_options *o, int argc, char **argv)
{
	static const struct option options[] = { { "pid", required_argument, NULL, 'p' },
		{ "top", no_argument, NULL, 't' }, { "json", no_argument, NULL, 'j' },
		{ "no-bpf", no_argument, NULL, 'n' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	uint64_t pid = 0;
	char *end;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (opt) {
		case 'p':
			if (!parse_number(optarg, &pid))
				return usage_error("why", "a number is wanted, not", optarg);
			break;
		case 't':
			o->top = true;
			break;
		case 'j':
			o->json = true;
			break;
		case 'n':
			o->no_bpf = true;
			break;
		case 'h':
			fputs(help, stdout);
			return -1;
		case ':':
			return usage_error("why", "an argument is missing after", argv[optind - 1]);
		default:
			return usage_error("why", "unknown option", argv[optind - 1]);
		}
	}
	if (!pid)
		return usage_error("why", "--pid PID is missing", NULL);
	o->pid = (pid_t)pid;
	if (optind == argc)
		return 0;
	o->has_addr = true;
	o->addr = strtoull(argv[optind], &end, 16);
	return *end || optind + 1 < argc ? usage_error("why", "one hexadecimal address is wanted, not", argv[argc - 1])
					 : 0;
}

int cmd_why(int argc, char **argv)
{
	struct live_why_options o = { .pid = 0 };
	int status = parse(&o, argc, argv);

	return status ? (status < 0 ? 0 : status) : live_why(&o);
}
