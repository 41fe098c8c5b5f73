# SPDX-License-Identifier: MIT
"""The Trace Event Format as its documentation has it, field by field, for the events that vmaple writes.

"Trace Event Format" (Duca, Sinclair; linked from catapult's docs/trace-event-format.md), which chrome://tracing and Perfetto's
importer of JSON read: the JSON Object Format, instant, counter, nestable asynchronous and metadata events.
"""
import numbers


def is_text(v):
    return isinstance(v, str)


def is_name(v):
    return isinstance(v, str) and v != ""


def is_id(v):
    """A string, or an integer; ours are strings."""
    return is_name(v) or is_integer(v)


def is_integer(v):
    return isinstance(v, int) and not isinstance(v, bool)


def is_time(v):
    """Microseconds; fractions are permitted."""
    return isinstance(v, numbers.Real) and not isinstance(v, bool) and 0 <= v < 2 ** 63


def is_dictionary(v):
    return isinstance(v, dict) and all(isinstance(k, str) for k in v)


def is_series(v):
    """Of a counter: one number or more, each a row of its graph."""
    return is_dictionary(v) and bool(v) and all(isinstance(n, numbers.Real) and not isinstance(n, bool) for n in v.values())


def is_categories(v):
    """A list with commas."""
    return is_name(v) and all(v.split(","))


# Required of an event of any phase, and permitted.
REQUIRED = {"name": is_text, "ph": is_name, "ts": is_time, "pid": is_integer, "tid": is_integer}
PERMITTED = {"cat": is_categories, "tts": is_time, "args": is_dictionary, "cname": is_name}
# By phase: what is required as well, and what is permitted as well.
PHASES = {
    "i": ({"s": lambda v: v in ("g", "p", "t")}, {}),
    "C": ({"args": is_series}, {"id": is_id}),
    "b": ({"id": is_id, "cat": is_categories}, {"scope": is_name}),
    "e": ({"id": is_id, "cat": is_categories}, {"scope": is_name}),
    "M": ({"args": is_dictionary}, {}),
}
METADATA = {
    "process_name": {"name": is_text}, "process_labels": {"labels": is_text}, "process_sort_index": {"sort_index": is_integer},
    "thread_name": {"name": is_text}, "thread_sort_index": {"sort_index": is_integer},
}
# Of the object: traceEvents is required; what the format does not know is kept as metadata, so that nothing is forbidden.
OBJECT = {
    "displayTimeUnit": lambda v: v in ("ms", "ns"), "systemTraceEvents": is_text, "otherData": is_dictionary,
    "powerTraceAsString": is_text, "stackFrames": is_dictionary, "samples": lambda v: isinstance(v, list),
    "controllerTraceDataKey": is_text,
}


def fields(event, required, permitted):
    """What is wrong with the fields of an object."""
    wrong = ["%s is missing" % name for name in required if name not in event]
    for name, value in event.items():
        test = required.get(name) or permitted.get(name)
        if not test:
            wrong.append("%s is not a field of this" % name)
        elif not test(value):
            wrong.append("%s may not be %r" % (name, value))
    return wrong


def event_problems(event):
    if not is_dictionary(event) or event.get("ph") not in PHASES:
        return ["no phase that we write"]
    required, permitted = PHASES[event["ph"]]
    wrong = fields(event, {**REQUIRED, **required}, {**PERMITTED, **permitted})
    if event["ph"] == "M" and not wrong:
        known = METADATA.get(event["name"])
        wrong = fields(event["args"], known, {}) if known else ["no such metadata: %s" % event["name"]]
    return wrong


def problems(trace):
    """Sentences about all that the format does not permit."""
    if not is_dictionary(trace) or not isinstance(trace.get("traceEvents"), list):
        return ["traceEvents is missing"]
    wrong = ["%s may not be %r" % (name, trace[name]) for name, test in OBJECT.items() if name in trace and not test(trace[name])]
    nested = {}
    for number, event in enumerate(trace["traceEvents"]):
        wrong += ["event %d: %s: %s" % (number, sentence, event) for sentence in event_problems(event)]
        if wrong or event["ph"] not in "be":
            continue
        # Asynchronous ones nest by category, id and scope; a process's own id is its own (id2.local), ours are the trace's.
        stack = nested.setdefault((event["cat"], event["id"], event.get("scope")), [])
        if event["ph"] == "b":
            stack.append(event)
            continue
        begun = stack.pop() if stack else None
        if not begun or begun["name"] != event["name"] or begun["pid"] != event["pid"] or begun["ts"] > event["ts"]:
            wrong.append("event %d ends what has not begun: %s" % (number, event))
    return wrong + ["%s is not ended" % (key,) for key, stack in nested.items() if stack]
