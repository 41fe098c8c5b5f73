/* SPDX-License-Identifier: MIT */
/*
 * The vmaple command: which subcommand, and help.
 *
 * One process is one command: nothing here is called twice. What is common to all commands and not an
 * option of theirs is done here, around command->run(): the limit of memory before it, the end of stdout
 * behind it. No command calls exit(): all return their status, but for `run` where it ends by the signal
 * that ended its program.
 */
#include <errno.h>
#include <stdio_ext.h>
#include <string.h>

#include <vmaple/port.h>

#include "cli.h"

/* In the order in which `vmaple help` lists them, from recording to judging. */
static const struct command {
	const char *name, *summary;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "run", "record a program, mirror it, check it against the kernel, summarise", cmd_run },
	{ "record", "record a program into a file", cmd_record },
	{ "verify", "replay a recording and compare it with every map in it", cmd_verify },
	{ "maps", "the address space at any moment of a recording", cmd_maps },
	{ "why", "why an area is an area of its own, or where all boundaries come from", cmd_why },
	{ "diff", "which areas, reasons and places of two recordings are new or gone", cmd_diff },
	{ "whatif", "how many areas there would have been with one thing changed", cmd_whatif },
	{ "report", "one page that shows an address space over its whole life", cmd_report },
	{ "export", "the data of recordings as SQLite, JSON lines, CSV, trace events, ...", cmd_export },
	{ "sql", "recordings as a database: a question in SQL", cmd_sql },
	{ "import", "a log of strace or perf, /proc/PID/maps or a core as a recording", cmd_import },
	{ "attach", "follow a running process without stopping it, mirror and check it", cmd_attach },
	{ "top", "every process by its share of vm.max_map_count, and the time left", cmd_top },
	{ "metrics", "the number of areas of every process, for Prometheus", cmd_metrics },
	{ "lab", "the same calls on every index or reverse map, compared and timed", cmd_lab },
	{ "conform", "how like Linux's the mapping calls of another kernel or emulator are", cmd_conform },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* 0, for who asked for it; who typed nothing at all gets it on stderr, with STATUS_USAGE. */
static int help(FILE *out)
{
	fprintf(out, "vmaple %s: a laboratory for any process's memory map\n\n", vmaple_version());
	fprintf(out, "usage: vmaple COMMAND [OPTION]... [ARGUMENT]...\n\ncommands:\n");
	for (size_t i = 0; i < NR_COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "\n`vmaple COMMAND --help` says more.  To begin:\n\n"
		     "  vmaple run -- python3 -c 'import json'\n"
		     "  vmaple record -o python.vmt -- python3 -c 'import json'\n"
		     "  vmaple maps python.vmt\n\n"
		     "Every command takes --max-memory SIZE, such as 500M: more than that it does not\n"
		     "use for itself (default: half of the machine's).\n");
	return 0;
}

/*
 * --max-memory of a command that reads recordings, wherever it stands before a "--"; it is taken out of
 * argv, so that no command's own getopt_long() has to know it. What runs programs limits itself when they
 * have been started: a child inherits limits. False: it makes no sense, and that was said.
 *
 * The name is compared whole: "--max-memo", which getopt_long() would complete, is no option. Given twice
 * the last one counts. Without it there is a limit all the same, of half of the machine's memory: a
 * hostile recording is read by who has not heard of this option.
 */
static bool take_memory_limit(const char *command, int *argc, char **argv)
{
	static const char option[] = "--max-memory";
	const size_t len = sizeof(option) - 1;
	uint64_t bytes = 0;

	if (strcmp(command, "run") == 0 || strcmp(command, "record") == 0)
		return true;
	for (int i = 1; i < *argc && strcmp(argv[i], "--") != 0; i++) {
		int taken = strncmp(argv[i], option, len) ? 0
			    : argv[i][len] == '='         ? 1
			    : !argv[i][len]               ? 2
							  : 0;
		/* "" has no size in it: a value that is missing is said as one that makes no sense. */
		const char *size = taken == 1                    ? argv[i] + len + 1
				   : taken == 2 && i + 1 < *argc ? argv[i + 1]
								 : "";

		if (!taken)
			continue;
		if (!parse_size(size, &bytes) || !bytes) {
			usage_error(command, "--max-memory takes a size such as 500M, not", size);
			return false;
		}
		*argc -= taken;
		memmove(argv + i, argv + i + taken, (size_t)(*argc - i + 1) * sizeof(*argv));
		/* The next word has come to this place. */
		i--;
	}
	limit_memory(bytes);
	return true;
}

/* NULL: there is none. No abbreviations: a command to come would make them ambiguous. */
static const struct command *find(const char *name)
{
	for (size_t i = 0; i < NR_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/*
 * What was written may not have arrived: on a full disk, say, write(2) fails only when the buffer goes. A
 * stdout that was never open (EBADF) is an error only if something was printed; an error of before, which
 * ferror() remembers, has left no errno.
 */
static int close_stdout(int status)
{
	bool written = __fpending(stdout) > 0, failed = ferror(stdout);

	errno = 0;
	if ((fclose(stdout) == 0 || (!written && errno == EBADF)) && !failed)
		return status;
	/* Why is not known any more where it was what had been written before. */
	fprintf(stderr, "vmaple: stdout cannot be written to its end%s%s\n", errno ? ": " : "",
		errno ? strerror(errno) : "");
	return status ? status : STATUS_FAILED;
}

/*
 * The status before stdout is closed. The name is looked for before any option, so `vmaple --json run` is
 * a command that does not exist.
 */
static int run_command(int argc, char **argv)
{
	/* getopt_long() takes no pointers to constants. */
	static char help_option[] = "--help";
	const struct command *command;

	if (argc < 2) {
		help(stderr);
		return STATUS_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("vmaple %s\n", vmaple_version());
		return 0;
	}
	/*
	 * `help COMMAND` is `COMMAND --help`: each command has its own text, and its own way to print it.
	 */
	if (strcmp(argv[1], "help") == 0 && argc == 3 && (command = find(argv[2])) != NULL) {
		char *ask[] = { argv[2], help_option, NULL };

		return command->run(2, ask);
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help(stdout);
	command = find(argv[1]);
	if (!command) {
		fputs("vmaple: there is no command `", stderr);
		print_quoted(stderr, argv[1], strlen(argv[1]));
		fputs("`; `vmaple help` lists them\n", stderr);
		return STATUS_USAGE;
	}
	argc--;
	argv++;
	return take_memory_limit(command->name, &argc, argv) ? command->run(argc, argv) : STATUS_USAGE;
}

int main(int argc, char **argv)
{
	return close_stdout(run_command(argc, argv));
}
