/* SPDX-License-Identifier: MIT */
/*
 * A tree as a picture, in SVG: a row for each level, the root above, lines from nodes to their children.
 *
 * A tree of few leaves is drawn in full: each leaf is a list of its ranges, entries in colour and holes in grey, under
 * a line that says what layout it has.  One of more leaves is a row of small boxes, as dark as they are full; what they
 * hold is in their titles, which a browser shows under the mouse.  Leaves stand side by side in order, and a node over
 * the middle of its first and last child.
 */
#include "dump.h"

#define FULL_LEAVES 12 /* a tree of more is drawn small */
#define ROW         16 /* height of a range in a leaf, pixels */
#define EDGE        20

/* Sizes of one picture, pixels. */
struct picture {
	struct dump d;
	bool full;
	unsigned int leaf_width, step, level_height, inner_width;
	unsigned int leaves; /* drawn so far */
	unsigned int top;    /* of the leaf that is drawn */
	unsigned int left;
};

static void attribute(struct picture *p, const char *name, unsigned long value)
{
	dump_put(&p->d, " ");
	dump_put(&p->d, name);
	dump_put(&p->d, "=\"");
	dump_put_in_base(&p->d, value, 10);
	dump_put(&p->d, "\"");
}

static void box(struct picture *p, const char *kind, unsigned int x, unsigned int y, unsigned int width,
	unsigned int height)
{
	dump_put(&p->d, "<rect class=\"");
	dump_put(&p->d, kind);
	dump_put(&p->d, "\"");
	attribute(p, "x", x);
	attribute(p, "y", y);
	attribute(p, "width", width);
	attribute(p, "height", height);
}

static void text_at(struct picture *p, unsigned int x, unsigned int y)
{
	dump_put(&p->d, "<text");
	attribute(p, "x", x);
	attribute(p, "y", y);
	dump_put(&p->d, ">");
}

static void end_text(struct picture *p)
{
	dump_put(&p->d, "</text>");
	dump_end_line(&p->d);
}

/* How full: 0 to 100. */
static void end_box(struct picture *p, unsigned int percent)
{
	dump_put(&p->d, " fill-opacity=\"0.");
	dump_put_in_base(&p->d, 10 + percent * 8 / 10, 10);
	dump_put(&p->d, "\"><title>");
}

/* What a node is: its bounds, its kind, how much it holds. */
static void describe(
	struct picture *p, const void *node, unsigned int height, unsigned long min, unsigned long max)
{
	const struct mt_leaf *leaf = node;

	dump_put_range(&p->d, min, max);
	dump_put(&p->d, ": ");
	if (height > 1) {
		dump_put_in_base(&p->d, ((const struct mt_inner *)node)->nr, 10);
		dump_put(&p->d, " children");
	} else {
		dump_put_in_base(&p->d, leaf_live(leaf), 10);
		dump_put(&p->d, leaf_is_wide(leaf) ? " areas, wide"
				: leaf_shift(leaf) ? " areas of pages"
						   : " areas of indices");
	}
}

static void draw_range(
	struct dump *d, unsigned int i, unsigned long first, unsigned long last, const void *entry)
{
	struct picture *p = (struct picture *)d;
	unsigned int y = p->top + (i + 1) * ROW;

	box(p, entry ? "entry" : "hole", p->left, y, p->leaf_width, ROW);
	dump_put(d, "/>");
	dump_end_line(d);
	text_at(p, p->left + 4, y + 12);
	dump_put_range(d, first, last);
	if (entry) {
		dump_put(d, ": ");
		dump_put_entry(d, entry);
	}
	end_text(p);
}

/* @return the middle of the leaf. */
static unsigned int draw_leaf(
	struct picture *p, const struct mt_leaf *leaf, unsigned int y, unsigned long min, unsigned long max)
{
	p->left = EDGE + p->leaves++ * p->step;
	p->top = y;
	box(p, "leaf", p->left, y, p->leaf_width, ROW);
	end_box(p, leaf_live(leaf) * 100 / LEAF_AREAS);
	describe(p, leaf, 1, min, max);
	dump_put(&p->d, "</title></rect>");
	dump_end_line(&p->d);
	if (p->full) {
		text_at(p, p->left + 4, y + 12);
		describe(p, leaf, 1, min, max);
		end_text(p);
		(void)dump_leaf_ranges(&p->d, leaf, min, max, draw_range);
	}
	return p->left + p->leaf_width / 2;
}

static void draw_line(
	struct picture *p, unsigned int from_x, unsigned int from_y, unsigned int to_x, unsigned int to_y)
{
	dump_put(&p->d, "<line");
	attribute(p, "x1", from_x);
	attribute(p, "y1", from_y);
	attribute(p, "x2", to_x);
	attribute(p, "y2", to_y);
	dump_put(&p->d, "/>");
	dump_end_line(&p->d);
}

static void draw_inner(struct picture *p, const struct mt_inner *inner, unsigned int height,
	unsigned int middle, unsigned int y, unsigned long min, unsigned long max)
{
	box(p, "inner", middle - p->inner_width / 2, y, p->inner_width, ROW);
	end_box(p, (unsigned int)inner->nr * 100 / MT_SLOTS);
	describe(p, inner, height, min, max);
	dump_put(&p->d, "</title></rect>");
	dump_end_line(&p->d);
	if (!p->full)
		return;
	text_at(p, middle - p->inner_width / 2 + 4, y + 12);
	describe(p, inner, height, min, max);
	end_text(p);
}

/* The gap that the node above knows of a child (MT7). */
static void draw_gap(
	struct picture *p, const struct mt_inner *inner, unsigned int i, unsigned int x, unsigned int y)
{
	if (!p->full || !p->d.gaps)
		return;
	text_at(p, x - p->inner_width / 2, y - 4); /* away from the line, which ends in the middle */
	if (mt_gap(inner, i) == ULONG_MAX) {
		dump_put(&p->d, "gap not kept");
	} else {
		dump_put(&p->d, "gap ");
		dump_put_range(&p->d, mt_gap(inner, i), mt_gap(inner, i));
	}
	end_text(p);
}

static unsigned int draw_node(struct picture *p, const void *node, unsigned int height, unsigned int y,
	unsigned long min, unsigned long max)
{
	const struct mt_inner *inner = node;
	unsigned int child[MT_SLOTS] = { 0 }, middle, below = y + p->level_height;

	if (height == 1)
		return draw_leaf(p, node, y, min, max);
	for (unsigned int i = 0; i < inner->nr; i++) {
		child[i] = draw_node(p, mt_child(inner, i), height - 1, below, mt_begin(inner, i, min),
			mt_end(inner, i, max));
		draw_gap(p, inner, i, child[i], below);
	}
	middle = (child[0] + child[inner->nr - 1]) / 2;
	for (unsigned int i = 0; i < inner->nr; i++)
		draw_line(p, middle, y + ROW, child[i], below);
	draw_inner(p, inner, height, middle, y, min, max);
	return middle;
}

static void no_range(
	struct dump *d, unsigned int i, unsigned long first, unsigned long last, const void *entry)
{
	(void)d, (void)i, (void)first, (void)last, (void)entry;
}

/* The most ranges that a leaf below @node has. */
static unsigned int most_ranges(
	struct picture *p, const void *node, unsigned int height, unsigned long min, unsigned long max)
{
	const struct mt_inner *inner = node;
	unsigned int most = 0;

	if (height == 1)
		return dump_leaf_ranges(&p->d, node, min, max, no_range);
	for (unsigned int i = 0; i < inner->nr; i++) {
		unsigned int nr = most_ranges(
			p, mt_child(inner, i), height - 1, mt_begin(inner, i, min), mt_end(inner, i, max));

		most = nr > most ? nr : most;
	}
	return most;
}

static void begin_picture(struct picture *p, const struct mt_stats *stats, void *root)
{
	unsigned long leaves = stats->leaves ? stats->leaves : 1,
		      levels = stats->height ? stats->height - 1 : 0;
	unsigned long rows = 2;

	if (stats->height)
		rows = p->full ? 1 + most_ranges(p, mt_root_node(root), stats->height, 0, ULONG_MAX) : 1;
	dump_put(&p->d, "<svg xmlns=\"http://www.w3.org/2000/svg\"");
	attribute(p, "width", 2UL * EDGE + leaves * p->step);
	attribute(p, "height", 2UL * EDGE + levels * p->level_height + rows * ROW);
	dump_put(&p->d, " font-family=\"monospace\" font-size=\"11\">");
	dump_end_line(&p->d);
	dump_put(&p->d, "<style>rect{stroke:#555} .leaf{fill:#2a6} .inner{fill:#36c} .entry{fill:#dfe} "
			".hole{fill:#eee} line{stroke:#999} text{fill:#000}</style>");
	dump_end_line(&p->d);
	dump_put(&p->d, "<rect width=\"100%\" height=\"100%\" style=\"fill:#fff;stroke:none\"/>");
	dump_end_line(&p->d);
}

void mt_dump_svg(const struct maple_tree *mt, enum mt_dump_format format,
	void (*line)(void *ctx, const char *line), void *ctx)
{
	struct picture p = { .d = { .format = format, .line = line, .ctx = ctx } };
	void *root = mt_root(mt);
	struct mt_stats stats;

	mt_statistics(mt, &stats);
	p.full = stats.leaves <= FULL_LEAVES;
	p.d.gaps = mt->ma_flags & MT_FLAGS_ALLOC_RANGE;
	p.leaf_width = p.full ? 460 : 14;
	p.step = p.leaf_width + (p.full ? 30 : 4);
	p.inner_width = p.full ? 460 : 28;
	p.level_height = 80;
	begin_picture(&p, &stats, root);
	if (mt_root_is_node(root))
		(void)draw_node(&p, mt_root_node(root), mt_root_height(root), EDGE, 0, ULONG_MAX);
	else if (root)
		p.left = p.top = EDGE, draw_range(&p.d, 0, 0, 0, root);
	line(ctx, "</svg>");
}
