/* SPDX-License-Identifier: MIT */
/*
 * Trace points: places that a tracer (bpftrace, perf, SystemTap, gdb) can be told to stop at while the program runs.
 *
 * A probe is one no-op instruction, and a note in the ELF file that says where it stands, what it is called and in
 * which registers its arguments are; the tracer puts a breakpoint over the instruction.  So one that is off costs what
 * a no-op costs, and arguments must be values that the function has at hand: nothing may be computed for a probe.  All
 * have the provider "vmaple".  They are listed in docs/maple-tree.md.
 *
 * The notes are those of SystemTap's <sys/sdt.h> (public domain, Debian: systemtap-sdt-dev). Where it is missing,
 * probes are nothing at all.
 */
#ifndef BASE_PROBE_H
#define BASE_PROBE_H

#if defined(__linux__) && __has_include(<sys/sdt.h>) /* macOS has another of that name */
#include <sys/sdt.h>
#define PROBE3(name, a, b, c)    STAP_PROBE3(vmaple, name, a, b, c)
#define PROBE4(name, a, b, c, d) STAP_PROBE4(vmaple, name, a, b, c, d)
#else
#define PROBE3(name, a, b, c)    ((void)(a), (void)(b), (void)(c))
#define PROBE4(name, a, b, c, d) ((void)(a), (void)(b), (void)(c), (void)(d))
#endif

#endif /* BASE_PROBE_H */
