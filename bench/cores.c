/* SPDX-License-Identifier: MIT */
/* A core for each thread: see cores.h. */
#include "cores.h"

#include <sched.h>
#include <stdio.h>

static cpu_set_t allowed; /* of the program; none: it cannot be known */
static int order[CPU_SETSIZE], nr_cpus;

/* The first CPU of the core that @cpu belongs to. */
static int core_of(int cpu)
{
	char path[80];
	int first = cpu;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
	file = fopen(path, "re");
	if (file) {
		if (fscanf(file, "%d", &first) != 1)
			first = cpu;
		fclose(file);
	}
	return first;
}

/* One CPU of each core, then the others. */
static void choose_order(void)
{
	cpu_set_t cores, rest;

	CPU_ZERO(&cores);
	CPU_ZERO(&rest);
	nr_cpus = 0;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		int core;

		if (!CPU_ISSET(cpu, &allowed))
			continue;
		core = core_of(cpu);
		if (core < 0 || core >= CPU_SETSIZE || CPU_ISSET(core, &cores)) {
			CPU_SET(cpu, &rest);
			continue;
		}
		CPU_SET(core, &cores);
		order[nr_cpus++] = cpu;
	}
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &rest))
			order[nr_cpus++] = cpu;
}

static cpu_set_t core_number(unsigned int nr)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(order[nr % (unsigned int)nr_cpus], &one);
	return one;
}

void cores_begin(void)
{
	cpu_set_t one;

	nr_cpus = 0;
	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return;
	choose_order();
	one = core_number(0);
	if (sched_setaffinity(0, sizeof(one), &one))
		nr_cpus = 0;
}

void cores_end(void)
{
	if (nr_cpus)
		(void)sched_setaffinity(0, sizeof(allowed), &allowed);
	nr_cpus = 0;
}

int cores_start(pthread_t *thread, unsigned int nr, void *(*main)(void *), void *arg)
{
	pthread_attr_t attr;
	cpu_set_t one;
	int err;

	if (!nr_cpus)
		return pthread_create(thread, NULL, main, arg);
	one = core_number(nr);
	err = pthread_attr_init(&attr);
	if (err)
		return err;
	err = pthread_attr_setaffinity_np(&attr, sizeof(one), &one);
	if (!err)
		err = pthread_create(thread, &attr, main, arg);
	pthread_attr_destroy(&attr);
	return err;
}
