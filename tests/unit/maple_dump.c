/* SPDX-License-Identifier: MIT */
/* How dumps of a maple tree look. */
#include "maple_tree.h"

#include <stdio.h>

#include <vmaple/port.h>

struct text {
	size_t used;
	unsigned int lines;
	char bytes[1000000];
};

static void collect(void *ctx, const char *line)
{
	struct text *t = ctx;

	assert_null(strchr(line, '\n'));
	t->used += (size_t)snprintf(t->bytes + t->used, sizeof(t->bytes) - t->used, "%s\n", line);
	t->lines++;
}

static void test_a_dump_shows_every_range(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	static struct text t;

	(void)state;
	memset(&t, 0, sizeof(t));
	mt_dump_text(&mt, mt_dump_dec, collect, &t);
	assert_string_equal(t.bytes, "maple tree: height 0, 0 entries, 0 leaves, 0 inner nodes, flags 0x1\n");
	store(&mt, 0, 0, A);
	memset(&t, 0, sizeof(t));
	mt_dump_text(&mt, mt_dump_dec, collect, &t);
	assert_string_equal(t.bytes, "maple tree: height 0, 1 entries, 0 leaves, 0 inner nodes, flags 0x1\n"
				     "  0: value 1\n");
	store(&mt, 16, 31, XA_ZERO_ENTRY);
	store(&mt, 255, 255, (void *)0x1000UL);
	memset(&t, 0, sizeof(t));
	mt_dump_text(&mt, mt_dump_hex, collect, &t);
	assert_string_equal(t.bytes,
		"maple tree: height 1, 3 entries, 1 leaves, 0 inner nodes, flags 0x1\n"
		"  0x0-0xffffffffffffffff: leaf, 3 areas of indices, longest gap 0xffffffffffffff00\n"
		"    0x0: value 0x1\n"
		"    0x1-0xf: NULL\n"
		"    0x10-0x1f: zero\n"
		"    0x20-0xfe: NULL\n"
		"    0xff: 0x1000\n"
		"    0x100-0xffffffffffffffff: NULL\n");
	mtree_destroy(&mt);
	fill(&mt, 100);
	memset(&t, 0, sizeof(t));
	mt_dump_text(&mt, mt_dump_dec, collect, &t);
	assert_non_null(strstr(t.bytes, "  0-18446744073709551615: inner node, 4 children, longest gap "
					"18446744073709550621\n"));
	assert_non_null(strstr(t.bytes, ": leaf, 30 areas of indices, longest gap 5\n"));
	assert_non_null(strstr(t.bytes, "      990-994: value 99\n"));
	mtree_destroy(&mt);
}

static void test_a_drawing_has_a_record_for_each_node(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	static struct text t;
	unsigned long below_root = 0;
	struct mt_stats s;
	char head[120];

	(void)state;
	memset(&t, 0, sizeof(t));
	store(&mt, 0, 0, A);
	mt_dump_dot(&mt, mt_dump_dec, collect, &t);
	assert_non_null(strstr(t.bytes, "n0 [label=\"0: value 1\"];"));
	mtree_destroy(&mt);
	store(&mt, 5, 9, A);
	memset(&t, 0, sizeof(t));
	mt_dump_dot(&mt, mt_dump_dec, collect, &t);
	assert_non_null(
		strstr(t.bytes, "n0 [label=\"{0-18446744073709551615|{<s0> 0-4\\nNULL|<s1> 5-9\\nvalue 1|"));
	mtree_destroy(&mt);
	fill(&mt, 6000);
	mt_statistics(&mt, &s);
	memset(&t, 0, sizeof(t));
	mt_dump_text(&mt, mt_dump_dec, collect, &t);
	snprintf(head, sizeof(head),
		"maple tree: height 3, 6000 entries, %lu leaves, %lu inner nodes, flags 0x1\n", s.leaves,
		s.inner_nodes);
	assert_true(s.inner_nodes > 7);
	assert_int_equal(strncmp(t.bytes, head, strlen(head)), 0);
	for (const char *at = t.bytes; (at = strstr(at, "\n    ")) != NULL; at++)
		if (at[5] != ' ')
			below_root++;
	assert_int_equal(below_root, s.inner_nodes - 1); /* as deep as each other */
	memset(&t, 0, sizeof(t));
	mt_dump_dot(&mt, mt_dump_dec, collect, &t);
	/* a record for each node, an edge to each but the root; two lines before and one after */
	assert_int_equal(t.lines, 3 + 2 * (s.leaves + s.inner_nodes) - 1);
	assert_non_null(strstr(t.bytes, "\tn0:s0 -> n1;\n"));
	for (unsigned long i = 1; i < s.leaves + s.inner_nodes; i++) {
		char edge[64];

		snprintf(edge, sizeof(edge), " -> n%lu;\n\tn%lu [label", i, i);
		assert_non_null(strstr(t.bytes, edge));
	}
	assert_non_null(strstr(t.bytes, "gap 5"));
	assert_non_null(strstr(t.bytes, "|<s31> "));
	assert_non_null(strstr(t.bytes, ":s31 -> "));
	mtree_destroy(&mt);
}

static struct text logged;

static void log_line(void *ctx, const char *line)
{
	(void)ctx;
	collect(&logged, line);
}

static void test_a_dump_goes_to_the_log(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	struct vmaple_port port = *vmaple_get_port(), before = port;

	(void)state;
	port.log = log_line;
	vmaple_set_port(&port);
	store(&mt, 3, 4, A);
	mt_dump(&mt, mt_dump_dec);
	vmaple_set_port(&before);
	assert_non_null(strstr(logged.bytes, "    3-4: value 1\n"));
	mt_validate(&mt);
	mtree_destroy(&mt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_dump_shows_every_range),
		cmocka_unit_test(test_a_drawing_has_a_record_for_each_node),
		cmocka_unit_test(test_a_dump_goes_to_the_log),
	};

	return RUN_MAPLE_TESTS("dumps of a maple tree", tests);
}
