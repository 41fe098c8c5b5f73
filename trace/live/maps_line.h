/* SPDX-License-Identifier: MIT */
#ifndef LIVE_MAPS_LINE_H
#define LIVE_MAPS_LINE_H

#include <vmaple/trace.h>

/* A line of /proc/PID/maps, without its newline; its name stays where it is. False: not such a line. */
bool maps_line_parse(const char *line, struct trace_area *area);

#endif /* LIVE_MAPS_LINE_H */
