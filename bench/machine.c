/* SPDX-License-Identifier: MIT */
/* The machine, in a line: see machine.h. What it does not tell is left out. */
#include "machine.h"

#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

struct line {
	char *text;
	size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line->text + line->used, line->size - line->used, format, args);
	va_end(args);
	if (length > 0)
		line->used += (size_t)length;
	if (line->used >= line->size)
		line->used = line->size - 1;
}

/* From /proc/cpuinfo: the first CPU's name and the flags that decide how nodes are searched. */
static void add_cpu(struct line *line)
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
			add(line, "%s", value + 2);
			named = true;
		}
		if (!flags && strncmp(text, "flags", 5) == 0) {
			flags = true;
			add(line, "%s%s",
				strstr(value, " avx512_vbmi2") ? ", AVX-512"
				: strstr(value, " avx2")       ? ", AVX2"
							       : "",
				strstr(value, " hypervisor") ? ", a virtual machine" : "");
		}
	}
	if (!named)
		add(line, "a CPU without a name");
	free(text);
	if (info)
		fclose(info);
}

static void add_cache(struct line *line, const char *name, int key)
{
	long bytes = sysconf(key);

	if (bytes > 0)
		add(line, ", %s %ld KiB", name, bytes / 1024);
}

void machine_describe(char *text, size_t size)
{
	struct line line = { text, size, 0 };
	struct utsname system;
	cpu_set_t cpus;
	double load;

	text[0] = 0;
	add_cpu(&line);
	if (!sched_getaffinity(0, sizeof(cpus), &cpus))
		add(&line, ", %d CPUs for us", CPU_COUNT(&cpus));
	add_cache(&line, "L1", _SC_LEVEL1_DCACHE_SIZE);
	add_cache(&line, "L2", _SC_LEVEL2_CACHE_SIZE);
	add_cache(&line, "L3", _SC_LEVEL3_CACHE_SIZE);
	if (!uname(&system))
		add(&line, "; %s %s %s", system.sysname, system.release, system.machine);
#ifdef __clang__
	add(&line, "; clang %s", __clang_version__);
#else
	add(&line, "; gcc %s", __VERSION__);
#endif
	if (getloadavg(&load, 1) == 1)
		add(&line, "; load %.1f", load);
}
