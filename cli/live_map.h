/* SPDX-License-Identifier: MIT */
/* What the subcommands have in common that look at the map of a running process. */
#ifndef CLI_LIVE_MAP_H
#define CLI_LIVE_MAP_H

#include <vmaple/live_map.h>

/* details: of each area what smaps would have. */
struct live_maps_options {
	pid_t pid;
	bool json, details, no_bpf;
};
/*
 * Both read the map once, by BPF where that is permitted and not forbidden (no_bpf), and return an exit
 * status.
 */
int live_maps(const struct live_maps_options *options);

/* has_addr: addr is asked about, and nothing else. top: the tally alone. */
struct live_why_options {
	pid_t pid;
	bool has_addr, top, json, no_bpf;
	uint64_t addr;
};
/* Why neighbours of a running process are apart: all, those at one address, or the reasons counted. */
int live_why(const struct live_why_options *options);

/* The map, or NULL after one sentence. */
struct live_map *open_live_map(const char *command, pid_t pid, bool no_bpf);
/* On stderr: where the map came from, and what that cost the process. */
void tell_live_source(const char *command, const struct live_map *map);
/* As a line of /proc/PID/maps. */
void print_live_area(const struct live_area *area);

#endif /* CLI_LIVE_MAP_H */
