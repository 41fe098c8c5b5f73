/* SPDX-License-Identifier: MIT */
/* The machine, in a line: see machine.h. What it does not tell is left out. */
#include "machine.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* From /proc/cpuinfo: the first CPU's name and the flags that decide how nodes are searched. */
static void add_cpu(FILE *line)
{
	FILE *info = fopen("/proc/cpuinfo", "re");
	char *text = NULL, *value;
	bool named = false, flags = false;
	size_t size = 0;

	while (info && getline(&text, &size, info) > 0 && !(named && flags)) {
		value = strchr(text, ':');
		if (!value)
			continue;
		text[strcspn(text, "\n")] = 0;
		if (!named && strncmp(text, "model name", 10) == 0) {
			fprintf(line, "%s", value + 2);
			named = true;
		}
		if (!flags && strncmp(text, "flags", 5) == 0) {
			flags = true;
			fprintf(line, "%s%s",
				strstr(value, " avx512_vbmi2") ? ", AVX-512"
				: strstr(value, " avx2")       ? ", AVX2"
							       : "",
				strstr(value, " hypervisor") ? ", a virtual machine" : "");
		}
	}
	if (!named)
		fprintf(line, "a CPU without a name");
	free(text);
	if (info)
		fclose(info);
}

static void add_cache(FILE *line, const char *name, int key)
{
	long bytes = sysconf(key);

	if (bytes > 0)
		fprintf(line, ", %s %ld KiB", name, bytes / 1024);
}

void machine_describe(char *text, size_t size)
{
	FILE *line = fmemopen(text, size - 1, "w"); /* what is full gets no end */
	struct utsname system;
	cpu_set_t cpus;
	double load;

	text[0] = text[size - 1] = 0;
	if (!line)
		return;
	add_cpu(line);
	if (!sched_getaffinity(0, sizeof(cpus), &cpus))
		fprintf(line, ", %d CPUs for us", CPU_COUNT(&cpus));
	add_cache(line, "L1", _SC_LEVEL1_DCACHE_SIZE);
	add_cache(line, "L2", _SC_LEVEL2_CACHE_SIZE);
	add_cache(line, "L3", _SC_LEVEL3_CACHE_SIZE);
	if (!uname(&system))
		fprintf(line, "; %s %s %s", system.sysname, system.release, system.machine);
#ifdef __clang__
	fprintf(line, "; clang %s", __clang_version__);
#else
	fprintf(line, "; gcc %s", __VERSION__);
#endif
	if (getloadavg(&load, 1) == 1)
		fprintf(line, "; load %.1f", load);
	fclose(line);
}
