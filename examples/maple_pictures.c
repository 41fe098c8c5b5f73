/* SPDX-License-Identifier: MIT */
/*
 * The pictures of docs/maple-tree.md: four stores, the tree before and after each.
 *
 * usage: example_maple_pictures FOLDER
 */
#include <stdio.h>

#include <vmaple/maple_tree.h>

static void put_line(void *file, const char *line)
{
	fprintf(file, "%s\n", line);
}

static int draw(const struct maple_tree *mt, const char *folder, const char *name, const char *when)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/maple-%s-%s.svg", folder, name, when);
	file = fopen(path, "w");
	if (!file) {
		perror(path);
		return -1;
	}
	mt_dump_svg(mt, mt_dump_dec, put_line, file);
	return fclose(file);
}

/* @areas areas of ten indices side by side, then one store over [first, last]. */
struct story {
	const char *name;
	unsigned long areas, first, last, value; /* value 0: NULL */
};

static const struct story stories[] = {
	{ "store", 9, 43, 46, 1000 },       /* the middle of an area: one leaf, two areas more */
	{ "split", 30, 43, 46, 1000 },      /* a full leaf */
	{ "spanning", 75, 205, 655, 1000 }, /* from one leaf into the next but one */
	{ "rebalance", 60, 50, 279, 0 },    /* a leaf is left with 7 areas */
};

static int tell(const struct story *s, const char *folder)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	int ret = 0;

	for (unsigned long i = 0; i < s->areas && !ret; i++)
		ret = mtree_store_range(&mt, i * 10, i * 10 + 9, xa_mk_value(i), GFP_KERNEL);
	if (!ret)
		ret = draw(&mt, folder, s->name, "before");
	if (!ret)
		ret = mtree_store_range(
			&mt, s->first, s->last, s->value ? xa_mk_value(s->value) : NULL, GFP_KERNEL);
	if (!ret)
		ret = draw(&mt, folder, s->name, "after");
	mtree_destroy(&mt);
	return ret;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	for (unsigned long i = 0; i < sizeof(stories) / sizeof(stories[0]); i++)
		if (tell(&stories[i], argv[1]))
			return 1;
	return 0;
}
