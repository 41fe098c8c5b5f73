# SPDX-License-Identifier: MIT
"""For tools/mutate: the rooms, and the tests that are to notice a bug in them."""


def run_of(test, operations=None, *arguments):
    """A test by its name in Meson: VMAPLE_OPERATIONS, arguments in place of its own."""
    return test, operations, arguments


def runs_of(*tests):
    return [run_of(test) for test in tests]


MM_UNITS = runs_of("corners of an address space, maple", "merge scenarios", "limits of an address space, maple",
                   "where mappings go, maple", "brk", "kernel profiles", "kernel profiles, mremap", "kernel profiles, pages",
                   "protection keys", "zero page", "space ends", "damage is found, maple",
                   "one free area of each thread", "failed joins", "arguments out of range", "rules one by one, maple")
PAGE_UNITS = runs_of("contents of pages", "corners of pages", "damage is found, pages", "the stack of exec")
REPLAY_UNITS = runs_of("controls of the mirror", "replay", "replay_partial", "replay_causes", "replay_bounds",
                       "replay_settings", "ledger_rare", "page_sizes", "nonsense")
RECORDED_ALONE = ["recorded_ as alone", "recorded_ own filters", "recorded_ other tracers"]
RECORDED_OUTSIDE = ["recorded_ outside", "recorded_ userfaultfd", "recorded_ unseen writes"]
LEDGER = runs_of("answers of the command", "ledger", "ledger_rare", "ledger_table", "explanations without memory", "what explanations tell",
                 "budgets", "cases", "differences between recordings", "exports", "pages of a report")
ROOMS = {  # what is changed; what is left out, with the reason; what is run until one fails
    # A picture whose boxes lie elsewhere is as good: svg.c.
    "maple": (["lib/trees/maple/*.c", "lib/trees/maple/search.h", "lib/trees/maple/forms.h", "lib/trees/maple/leaf.h",
               "include/vmaple/maple_step.h"], ["svg.c"],
              [run_of("maple tree against a model", 20000)] +
              runs_of(*["maple tree, " + name for name in ("stores", "cursor", "loops", "interface", "leaves", "validation",
                                                           "dump", "retired nodes")]) +
              [run_of("allocation failures in the maple tree", 200), run_of("maple tree against a model", 650000),
               run_of("allocation failures in the maple tree", 600)]),
    "range_map": (["lib/range_map/*.[ch]"], [],
                  [run_of("range map against a model", 20000), run_of("allocation failures in a range map", 3000)] +
                  runs_of("range maps as streams", "changes of small range maps", "range map of many pieces") +
                  [run_of("range map against a model", 200000)]),
    "mm": (["lib/mm/*.[ch]"], [],
           MM_UNITS + runs_of("areas locked and viewed", "memory set aside", "the stack of exec", "oracle_ cases") +
           [run_of("an embedder against a model", 3000), run_of("remembered holes against a model", 3000),
            run_of("plans against the calls that they foretell", 3000),
            run_of("oracle_ random calls", None, "--calls", "30000", "--seed", "7"),
            run_of("allocation failures in lib/mm", 24000)]),
    "rmap": (["lib/rmap/*.[ch]"], [],
             PAGE_UNITS + MM_UNITS[:2] + [run_of("reverse maps against a model", 3000)] +
             runs_of("allocation failures in lib/paging", "memory set aside", "oracle_ cases", "controls of the mirror") +
             [run_of("reverse maps against a model", 8000)]),
    "paging": (["lib/paging/*.[ch]"], [],
               PAGE_UNITS + [run_of("reverse maps against a model", 3000)] +
               runs_of("allocation failures in lib/paging", "memory set aside") +
               [run_of("reverse maps against a model", 8000)]),
    "replay": (["trace/replay/*.[ch]"], [],
               REPLAY_UNITS + runs_of("controls of verify", "recordings of each kernel", "histories", *RECORDED_ALONE,
                                      "recorded_ kernel areas", "recorded_ layouts", "recorded_ foreign", *RECORDED_OUTSIDE,
                                      "logs of others", "program_ random-1", "program_ forks", "control of run")),
    "live": (["trace/live/*.[ch]"], [],
             runs_of("recorder on a scripted kernel", "what the filter stops", "histories", "deferred ends of calls", *RECORDED_ALONE,
                     "recorded_ open files", "recorded_ kernel areas", "recorded_ layouts", "recorded_ sealed files",
                     "recorded_ limits", "recorded_ foreign", *RECORDED_OUTSIDE, "a call that waits for another thread",
                     "signals and job control", "program_ forks", "program_ random-threads", "behaviour", "attach by ptrace", "either source")),
    "bpf": (["trace/live/bpf/*.c"], [], runs_of("records of BPF, scripted", "attach by BPF", "maps of running processes", "top")),
    "format": (["trace/format/*.[ch]"], [],
               runs_of("format", "call_ranges", "page_sizes", "table of calls", "replay", "versions of recordings", "nonsense",
                       "controls of verify", "fuzz_ recordings, the corpus", "histories", "what the command writes")),
    "explain": (["trace/explain/*.[ch]"], [], LEDGER),
    "whatif": (["trace/whatif/*.[ch]"], [], runs_of("answers of the command", "cases", "what explanations tell",
                                                    "differences between recordings")),
    "forecast": (["trace/forecast/*.[ch]"], [], runs_of("forecast")),
    "import": (["trace/import/*.[ch]"], [],
               runs_of("answers of the command", "logs of others", "cores", "minidumps", "images of CRIU", "damaged logs",
                       "logs of strace, perf and ltrace", "between snapshots", "files that are not read", "mmaps of bytehound",
                       "recordings as logs of strace, and back", "fuzz_ logs of others, the corpus")),
    # A picture whose boxes lie elsewhere is as good: picture*.c.
    "report": (["report/*.[ch]", "report/export/*.[ch]"], ["picture.c", "picture_map.c", "picture_life.c"],
               runs_of("answers of the command", "areas that a page has no room for", "pages of a report", "exports")),
    # Headers of the command declare, and no more.
    "cli": (["cli/*.c"], [],
            runs_of("the command in one process", "what a person reads, quoted and marked", "controls of verify", "what the command writes", "behaviour",
                    "logs of others", "lab of reverse maps", "maps of running processes", "top", "metrics", "cores",
                    "attach by BPF", "attach by ptrace", "control of run", "signals and job control", "conformance",
                    "texts in JSON", "without memory", "recordings of a fleet", "between snapshots") +
            LEDGER[:1] + LEDGER[5:]),
}
