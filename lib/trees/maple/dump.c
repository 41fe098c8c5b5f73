/* SPDX-License-Identifier: MIT */
/*
 * A tree as text, one line a range, and as a drawing for Graphviz. As a picture: svg.c.
 *
 * Lines are put together in one buffer, with no help from the host, and handed out one by one; one that does not fit is
 * cut. A dump reads the tree as a validation does: the lock is held, or nobody writes.
 */
#include "dump.h"

void dump_put(struct dump *d, const char *text)
{
	while (*text && d->used + 1 < LINE_MAX_BYTES)
		d->text[d->used++] = *text++;
}

void dump_put_in_base(struct dump *d, unsigned long value, unsigned int base)
{
	char digits[24];
	unsigned int at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	if (base == 16)
		dump_put(d, "0x");
	dump_put(d, &digits[at]);
}

static void put_number(struct dump *d, unsigned long value)
{
	dump_put_in_base(d, value, d->format == mt_dump_hex ? 16 : 10);
}

void dump_put_range(struct dump *d, unsigned long first, unsigned long last)
{
	put_number(d, first);
	if (first == last)
		return;
	dump_put(d, "-");
	put_number(d, last);
}

void dump_put_entry(struct dump *d, const void *entry)
{
	if (!entry) {
		dump_put(d, "NULL");
	} else if (xa_is_zero(entry)) {
		dump_put(d, "zero");
	} else if (xa_is_value(entry)) {
		dump_put(d, "value ");
		put_number(d, xa_to_value(entry));
	} else {
		dump_put_in_base(d, (uintptr_t)entry, 16);
	}
}

void dump_end_line(struct dump *d)
{
	d->text[d->used] = '\0';
	d->used = 0;
	d->line(d->ctx, d->text);
}

static void indent(struct dump *d, unsigned int depth)
{
	while (depth--)
		dump_put(d, "  ");
}

static void text_head(struct dump *d, const struct maple_tree *mt)
{
	struct mt_stats stats;

	mt_statistics(mt, &stats);
	dump_put(d, "maple tree: height ");
	dump_put_in_base(d, stats.height, 10);
	dump_put(d, ", ");
	dump_put_in_base(d, stats.entries, 10);
	dump_put(d, " entries, ");
	dump_put_in_base(d, stats.leaves, 10);
	dump_put(d, " leaves, ");
	dump_put_in_base(d, stats.inner_nodes, 10);
	dump_put(d, " inner nodes, flags ");
	dump_put_in_base(d, mt->ma_flags, 16);
	dump_end_line(d);
}

static void text_range(
	struct dump *d, unsigned int depth, unsigned long first, unsigned long last, const void *entry)
{
	indent(d, depth);
	dump_put_range(d, first, last);
	dump_put(d, ": ");
	dump_put_entry(d, entry);
	dump_end_line(d);
}

unsigned int dump_leaf_ranges(
	struct dump *d, const struct mt_leaf *leaf, unsigned long min, unsigned long max, dump_range_fn *each)
{
	unsigned long first = min;
	unsigned int nr = 0;

	for (unsigned int i = leaf_live_from(leaf, 0); i < leaf->nr; i = leaf_live_from(leaf, i + 1)) {
		if (leaf_start(leaf, i) != first)
			each(d, nr++, first, leaf_start(leaf, i) - 1, NULL);
		each(d, nr++, leaf_start(leaf, i), leaf_end(leaf, i), leaf_entry(leaf, i));
		if (leaf_end(leaf, i) == max)
			return nr;
		first = leaf_end(leaf, i) + 1;
	}
	each(d, nr++, first, max, NULL);
	return nr;
}

static void text_leaf_range(
	struct dump *d, unsigned int i, unsigned long first, unsigned long last, const void *entry)
{
	(void)i;
	text_range(d, d->depth + 1, first, last, entry);
}

/* The longest run of NULL below a node; on the right edge nobody has written it down (MT7). */
static unsigned long longest_gap(const void *node, unsigned int height, unsigned long min, unsigned long max)
{
	const struct mt_inner *inner = node;
	unsigned long longest = 0, last;

	if (height == 1)
		return mt_leaf_gap(node, min, max);
	for (unsigned int i = 0; i + 1 < inner->nr; i++)
		longest = mt_gap(inner, i) > longest ? mt_gap(inner, i) : longest;
	last = longest_gap(mt_child(inner, (unsigned int)inner->nr - 1), height - 1,
		mt_begin(inner, (unsigned int)inner->nr - 1, min), max);
	return last > longest ? last : longest;
}

static void text_node_head(
	struct dump *d, const void *node, unsigned int height, unsigned long min, unsigned long max)
{
	const struct mt_leaf *leaf = node;

	indent(d, d->depth);
	dump_put_range(d, min, max);
	if (height > 1) {
		dump_put(d, ": inner node, ");
		dump_put_in_base(d, ((const struct mt_inner *)node)->nr, 10);
		dump_put(d, " children");
	} else {
		dump_put(d, leaf_is_wide(leaf) ? ": wide leaf, " : ": leaf, ");
		dump_put_in_base(d, leaf_live(leaf), 10);
		dump_put(d, leaf_is_wide(leaf) ? " areas"
			    : leaf_shift(leaf) ? " areas of pages"
					       : " areas of indices");
	}
	if (d->gaps) {
		dump_put(d, ", longest gap ");
		put_number(d, longest_gap(node, height, min, max));
	}
	dump_end_line(d);
}

static void text_node(
	struct dump *d, const void *node, unsigned int height, unsigned long min, unsigned long max)
{
	const struct mt_inner *inner = node;

	text_node_head(d, node, height, min, max);
	if (height == 1) {
		(void)dump_leaf_ranges(d, node, min, max, text_leaf_range);
		return;
	}
	d->depth++;
	for (unsigned int i = 0; i < inner->nr; i++)
		text_node(d, mt_child(inner, i), height - 1, mt_begin(inner, i, min), mt_end(inner, i, max));
	d->depth--;
}

void mt_dump_text(const struct maple_tree *mt, enum mt_dump_format format,
	void (*line)(void *ctx, const char *line), void *ctx)
{
	struct dump d = { .format = format, .line = line, .ctx = ctx, .depth = 1 };
	void *root = mt_root(mt);

	d.gaps = mt->ma_flags & MT_FLAGS_ALLOC_RANGE;
	text_head(&d, mt);
	if (mt_root_is_node(root))
		text_node(&d, mt_root_node(root), mt_root_height(root), 0, ULONG_MAX);
	else if (root)
		text_range(&d, 1, 0, 0, root);
}

static void line_to_port(void *ctx, const char *line)
{
	(void)ctx;
	port_log(line);
}

void mt_dump(const struct maple_tree *mt, enum mt_dump_format format)
{
	mt_dump_text(mt, format, line_to_port, NULL);
}

static void dot_slot(struct dump *d, unsigned int i, unsigned long first, unsigned long last)
{
	dump_put(d, i ? "|<s" : "<s");
	dump_put_in_base(d, i, 10);
	dump_put(d, "> ");
	dump_put_range(d, first, last);
	dump_put(d, "\\n");
}

static void dot_leaf_range(
	struct dump *d, unsigned int i, unsigned long first, unsigned long last, const void *entry)
{
	dot_slot(d, i, first, last);
	dump_put_entry(d, entry);
}

static void dot_children(struct dump *d, const struct mt_inner *node, unsigned long min, unsigned long max)
{
	for (unsigned int i = 0; i < node->nr; i++) {
		dot_slot(d, i, mt_begin(node, i, min), mt_end(node, i, max));
		if (d->gaps && mt_gap(node, i) == ULONG_MAX) {
			dump_put(d, "gap not kept");
		} else if (d->gaps) {
			dump_put(d, "gap ");
			put_number(d, mt_gap(node, i));
		}
	}
}

/* One node as a record: its bounds above, its ranges below, each with a port for the edge to a child. */
static void dot_record(struct dump *d, const void *node, unsigned int height, unsigned int name,
	unsigned long min, unsigned long max)
{
	dump_put(d, "\tn");
	dump_put_in_base(d, name, 10);
	dump_put(d, " [label=\"{");
	dump_put_range(d, min, max);
	dump_put(d, "|{");
	if (height > 1)
		dot_children(d, node, min, max);
	else
		(void)dump_leaf_ranges(d, node, min, max, dot_leaf_range);
	dump_put(d, "}}\"];");
	dump_end_line(d);
}

static void dot_edge(struct dump *d, unsigned int from, unsigned int slot, unsigned int to)
{
	dump_put(d, "\tn");
	dump_put_in_base(d, from, 10);
	dump_put(d, ":s");
	dump_put_in_base(d, slot, 10);
	dump_put(d, " -> n");
	dump_put_in_base(d, to, 10);
	dump_put(d, ";");
	dump_end_line(d);
}

static void dot_node(
	struct dump *d, const void *node, unsigned int height, unsigned long min, unsigned long max)
{
	const struct mt_inner *inner = node;
	unsigned int name = d->nodes++;

	dot_record(d, node, height, name, min, max);
	for (unsigned int i = 0; height > 1 && i < inner->nr; i++) {
		dot_edge(d, name, i, d->nodes);
		dot_node(d, mt_child(inner, i), height - 1, mt_begin(inner, i, min), mt_end(inner, i, max));
	}
}

void mt_dump_dot(const struct maple_tree *mt, enum mt_dump_format format,
	void (*line)(void *ctx, const char *line), void *ctx)
{
	struct dump d = { .format = format, .line = line, .ctx = ctx };
	void *root = mt_root(mt);

	d.gaps = mt->ma_flags & MT_FLAGS_ALLOC_RANGE;
	line(ctx, "digraph maple {");
	line(ctx, "\tnode [shape=record, fontname=\"monospace\", fontsize=10];");
	if (mt_root_is_node(root)) {
		dot_node(&d, mt_root_node(root), mt_root_height(root), 0, ULONG_MAX);
	} else if (root) {
		dump_put(&d, "\tn0 [label=\"0: ");
		dump_put_entry(&d, root);
		dump_put(&d, "\"];");
		dump_end_line(&d);
	}
	line(ctx, "}");
}
