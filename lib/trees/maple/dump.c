/* SPDX-License-Identifier: MIT */
/*
 * A tree as text, one line a range, and as a drawing for Graphviz.
 *
 * Lines are put together in one buffer, with no help from the host, and handed out one by one; one that does not fit is
 * cut. A dump reads the tree as a validation does: the lock is held, or nobody writes.
 */
#include "node.h"

#define LINE_MAX_BYTES 6000 /* a node of 32 ranges as one Graphviz record: 32 times two bounds and an entry */

struct dump {
	enum mt_dump_format format;
	void (*line)(void *ctx, const char *line);
	void *ctx;
	unsigned int nodes; /* drawn so far: their names */
	bool gaps;
	unsigned int used;
	char text[LINE_MAX_BYTES];
};

static void put(struct dump *d, const char *text)
{
	while (*text && d->used + 1 < LINE_MAX_BYTES)
		d->text[d->used++] = *text++;
}

static void put_in_base(struct dump *d, unsigned long value, unsigned int base)
{
	char digits[24];
	unsigned int at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	if (base == 16)
		put(d, "0x");
	put(d, &digits[at]);
}

static void put_number(struct dump *d, unsigned long value)
{
	put_in_base(d, value, d->format == mt_dump_hex ? 16 : 10);
}

static void put_range(struct dump *d, unsigned long first, unsigned long last)
{
	put_number(d, first);
	if (first == last)
		return;
	put(d, "-");
	put_number(d, last);
}

static void put_entry(struct dump *d, const void *entry)
{
	if (!entry) {
		put(d, "NULL");
	} else if (xa_is_zero(entry)) {
		put(d, "zero");
	} else if (xa_is_value(entry)) {
		put(d, "value ");
		put_number(d, xa_to_value(entry));
	} else {
		put_in_base(d, (unsigned long)entry, 16);
	}
}

static void end_line(struct dump *d)
{
	d->text[d->used] = '\0';
	d->used = 0;
	d->line(d->ctx, d->text);
}

static void indent(struct dump *d, unsigned int depth)
{
	while (depth--)
		put(d, "  ");
}

static void text_head(struct dump *d, const struct maple_tree *mt)
{
	struct mt_stats stats;

	mt_statistics(mt, &stats);
	put(d, "maple tree: height ");
	put_in_base(d, stats.height, 10);
	put(d, ", ");
	put_in_base(d, stats.entries, 10);
	put(d, " entries, ");
	put_in_base(d, stats.leaves, 10);
	put(d, " leaves, ");
	put_in_base(d, stats.inner_nodes, 10);
	put(d, " inner nodes, flags ");
	put_in_base(d, mt->ma_flags, 16);
	end_line(d);
}

static void text_range(
	struct dump *d, unsigned int depth, unsigned long first, unsigned long last, const void *entry)
{
	indent(d, depth);
	put_range(d, first, last);
	put(d, ": ");
	put_entry(d, entry);
	end_line(d);
}

static void text_node(struct dump *d, const struct mt_node *node, unsigned int height, unsigned int depth,
	unsigned long min, unsigned long max)
{
	indent(d, depth);
	put_range(d, min, max);
	put(d, height > 1 ? ": inner node, " : ": leaf, ");
	put_in_base(d, node->nr, 10);
	put(d, height > 1 ? " children" : " ranges");
	if (d->gaps) {
		put(d, ", longest gap ");
		put_number(d, height > 1 ? mt_inner_gap(node) : mt_leaf_gap(node, min, max));
	}
	end_line(d);
	for (unsigned int i = 0; i < node->nr; i++) {
		unsigned long first = mt_begin(node, i, min), last = mt_end(node, i, max);

		if (height > 1)
			text_node(d, mt_slot(node, i), height - 1, depth + 1, first, last);
		else
			text_range(d, depth + 1, first, last, mt_slot(node, i));
	}
}

void mt_dump_text(const struct maple_tree *mt, enum mt_dump_format format,
	void (*line)(void *ctx, const char *line), void *ctx)
{
	struct dump d = { .format = format, .line = line, .ctx = ctx };
	void *root = mt_root(mt);

	d.gaps = mt->ma_flags & MT_FLAGS_ALLOC_RANGE;
	text_head(&d, mt);
	if (mt_root_is_node(root))
		text_node(&d, mt_root_node(root), mt_root_height(root), 1, 0, ULONG_MAX);
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

/* One node as a record: its bounds above, its ranges below, each with a port for the edge to a child. */
static void dot_record(struct dump *d, const struct mt_node *node, unsigned int height, unsigned int name,
	unsigned long min, unsigned long max)
{
	put(d, "\tn");
	put_in_base(d, name, 10);
	put(d, " [label=\"{");
	put_range(d, min, max);
	put(d, "|{");
	for (unsigned int i = 0; i < node->nr; i++) {
		put(d, i ? "|<s" : "<s");
		put_in_base(d, i, 10);
		put(d, "> ");
		put_range(d, mt_begin(node, i, min), mt_end(node, i, max));
		put(d, "\\n");
		if (height == 1) {
			put_entry(d, mt_slot(node, i));
		} else if (d->gaps) {
			put(d, "gap ");
			put_number(d, mt_gap(node, i));
		}
	}
	put(d, "}}\"];");
	end_line(d);
}

static void dot_edge(struct dump *d, unsigned int from, unsigned int slot, unsigned int to)
{
	put(d, "\tn");
	put_in_base(d, from, 10);
	put(d, ":s");
	put_in_base(d, slot, 10);
	put(d, " -> n");
	put_in_base(d, to, 10);
	put(d, ";");
	end_line(d);
}

static void dot_node(
	struct dump *d, const struct mt_node *node, unsigned int height, unsigned long min, unsigned long max)
{
	unsigned int name = d->nodes++;

	dot_record(d, node, height, name, min, max);
	for (unsigned int i = 0; height > 1 && i < node->nr; i++) {
		dot_edge(d, name, i, d->nodes);
		dot_node(d, mt_slot(node, i), height - 1, mt_begin(node, i, min), mt_end(node, i, max));
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
		put(&d, "\tn0 [label=\"0: ");
		put_entry(&d, root);
		put(&d, "\"];");
		end_line(&d);
	}
	line(ctx, "}");
}
