/* SPDX-License-Identifier: MIT */
/* Every table and column of an export. docs/export.md has the same words: a test compares them. */
#include "export.h"

#define COLUMNS(table) \
	.columns = table##_columns, .count = sizeof(table##_columns) / sizeof(table##_columns[0])
#define I(name, unit, meaning)                      \
	{                                           \
		name, EXPORT_INTEGER, unit, meaning \
	}
#define R(name, unit, meaning)                   \
	{                                        \
		name, EXPORT_REAL, unit, meaning \
	}
#define T(name, meaning)                       \
	{                                      \
		name, EXPORT_TEXT, "", meaning \
	}

const struct export_column export_common[EXPORT_COMMON] = {
	T("run_id", "16 hexadecimal digits of the recording's bytes: the same file has always the same"),
	T("host", "--host, else nothing: a recording does not say where it was made"),
	T("build", "--build, else the build-id of the first program where the recording has it"),
	T("kernel", "release of the kernel"),
};

/* What put a lower end where it is, in areas and boundaries alike. */
#define BIRTH                                                                                                \
	T("reasons", "why it is not one with the area below: keys of `vmaple why --json`, joined by +"),     \
		I("needless", "0 or 1", "they differ in nothing that the program asked for"),                \
		T("event", "what put its lower end there: call, fault, fork, map, space; nothing: it was "   \
			   "there before"),                                                                  \
		T("call", "the call, where it was one"),                                                     \
		T("module", "file that the call came from; empty: code without a file; nothing: not known"), \
		I("module_offset", "bytes", "of the place in that file; without a file, the address"),       \
		I("stack", "", "number of the call's stack; 0: it has none")

static const struct export_column runs_columns[] = {
	T("command", "command line, quoted for a shell"),
	T("machine", "of the machine: x86_64"),
	T("program", "path of the first program"),
	I("start_time", "seconds since 1970", "when the recording began"),
	I("duration_ns", "ns", "from its first event to its last"),
	I("page_size", "bytes", ""),
	I("max_map_count", "areas", "vm.max_map_count"),
	I("events", "", "of the recording, of all kinds"),
	I("spaces", "", "address spaces that had an area"),
	I("largest_mm", "", "of the address space with the most areas"),
	T("vmaple", "version that wrote this"),
};
static const struct export_column spaces_columns[] = {
	I("mm", "", "number of the address space, never used again in this run"),
	I("pid", "", "process"),
	T("program", "path, where it began with an exec or was attached to; nothing: by fork"),
	I("parent_mm", "", "whose copy it began as; nothing: nobody's"),
	I("begin_step", "step", "of its first event"),
	I("begin_ns", "ns", "since the recording began"),
	I("end_step", "step", "of its last event"),
	I("end_ns", "ns", "since the recording began"),
	I("calls", "", "mapping calls"),
	I("failed_calls", "", "those of them that returned an error"),
	I("faults", "", "recorded page faults"),
	I("peak_areas", "areas", "the most that it had"),
	I("peak_step", "step", "when it first had them: the moment of its boundaries"),
	I("peak_ns", "ns", "since the recording began"),
	I("final_areas", "areas", "before its end"),
	I("splits", "", "areas cut in two"),
	I("merges", "", "areas joined"),
};
static const struct export_column events_columns[] = {
	I("step", "step", "number of the event, from 1"),
	I("time_ns", "ns", "since the recording began"),
	T("type", "call, fault, fork, task, exit, space, map, limit, lost, change, anon, name or file"),
	I("pid", "", "process"),
	I("tid", "", "task"),
	I("mm", "", "address space; 0: of none"),
	T("call", "name of the call"),
	I("arg0", "", "first argument; fault: the address; fork: the child's process; file: its number"),
	I("arg1", "", "second argument; fork: the child's address space"),
	I("arg2", "", "third argument"),
	I("arg3", "", "fourth argument"),
	I("arg4", "", "fifth argument"),
	I("arg5", "", "sixth argument"),
	I("result", "", "of a call, -errno where it failed"),
	T("error", "name of that error"),
	I("ip", "address", "from where a call was made; 0: not known"),
	I("stack", "", "number of its call stack; 0: it has none"),
	T("text", "the event in words, a call as strace writes it"),
	I("areas", "areas", "of the address space after it"),
	I("mapped", "bytes", "of the address space after it"),
};
static const struct export_column areas_columns[] = {
	I("mm", "", "address space"),
	I("pid", "", "its process"),
	I("start", "address", "first byte"),
	I("end", "address", "behind the last byte"),
	I("bytes", "bytes", "end - start"),
	T("kind", "one of: anonymous; heap; stack; file, code; file, data; no access; guard pages; "
		  "shared; huge pages; kernel's own"),
	T("prot", "rwx, - for what is not allowed"),
	I("shared", "0 or 1", "shared rather than private"),
	T("name", "as /proc/PID/maps shows it"),
	I("born_step", "step", "at which an area came to have these bounds, kind, access and name"),
	I("born_ns", "ns", "since the recording began"),
	I("ended_step", "step", "at which it was so no more; at_end: the last of its address space"),
	I("ended_ns", "ns", "since the recording began"),
	I("lived_ns", "ns", "ended_ns - born_ns"),
	I("at_end", "0 or 1", "it was there when its address space or the recording ended"),
	BIRTH,
};
static const struct export_column boundaries_columns[] = {
	I("mm", "", "address space, at its peak"),
	I("pid", "", "its process"),
	I("step", "step", "of the peak"),
	I("time_ns", "ns", "of the peak, since the recording began"),
	I("start", "address", "the boundary: lower end of the area above it"),
	I("end", "address", "upper end of that area"),
	I("bytes", "bytes", "of that area"),
	I("left_start", "address", "lower end of the area below; nothing: none is"),
	T("kind", "of the area above"),
	T("prot", "of the area above"),
	T("name", "of the area above"),
	I("birth_step", "step", "of the event that put the boundary there; nothing: before the recording"),
	I("birth_ns", "ns", "since the recording began"),
	T("made_by", "call, place and function in words: as `vmaple why --top` prints it"),
	BIRTH,
};
static const struct export_column stacks_columns[] = {
	I("mm", "", "address space whose code it goes through"),
	I("stack", "", "number of the stack"),
	I("frame", "", "0: the innermost"),
	I("address", "address", "just behind the call"),
	T("function", "nothing: not known"),
	I("function_offset", "bytes", "in the function; without one, in the file as an ELF address"),
	T("module", "last part of the file's path; nothing: no file"),
	T("file", "source, where there is debug information"),
	I("line", "", "of the source; nothing: not known"),
};
static const struct export_column counts_columns[] = {
	I("mm", "", "address space"),
	I("pid", "", "its process"),
	I("step", "step", "of the moment"),
	I("time_ns", "ns", "since the recording began"),
	I("areas", "areas", "the most since the row before"),
	I("mapped", "bytes", ""),
	I("calls", "", "mapping calls until then"),
	I("splits", "", "areas cut in two until then"),
	I("merges", "", "areas joined until then"),
	I("free_ranges", "", "free ranges between areas"),
	I("largest_free", "bytes", "the largest range that is free, below the end of user addresses"),
};

const struct export_shape export_shapes[EXPORT_TABLES] = {
	[EXPORT_RUNS] = { "runs", "The recording as a whole: one row.", COLUMNS(runs) },
	[EXPORT_SPACES] = { "spaces", "Address spaces: a row each, when it ends.", COLUMNS(spaces) },
	[EXPORT_EVENTS] = { "events", "What happened: a row for each event but modules and stacks.",
		COLUMNS(events) },
	[EXPORT_AREAS] = { "areas",
		"Areas from birth to end: a row for each area as long as it has the same bounds, kind, "
		"access "
		"and name, when it ends.",
		COLUMNS(areas) },
	[EXPORT_BOUNDARIES] = { "boundaries",
		"Why each address space had as many areas as it had when it had the most: a row for each of "
		"them.",
		COLUMNS(boundaries) },
	[EXPORT_STACKS] = { "stacks", "Frames of call stacks, when one is first met in an address space.",
		COLUMNS(stacks) },
	[EXPORT_COUNTS] = { "counts",
		"Numbers over time: at most a row for each two-thousandth of the recording's time and "
		"address space.",
		COLUMNS(counts) },
};
