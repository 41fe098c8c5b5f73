/* SPDX-License-Identifier: MIT */
/*
 * Files and the areas that map them: a list, a radix priority search tree, or an interval tree.
 *
 * 1. Meaning.  A page of a file has an index in it.  An area that maps the file linearly maps indexes
 *    [vm_pgoff, vm_pgoff + pages), an interval; who maps the page are the areas whose interval has its index.  A
 *    list has to look at all areas of the file, the trees only at those that do (and O(log n) others).
 * 2. Nonlinear areas (VM_NONLINEAR) map any index anywhere and have a list of their own.
 * 3. Invariants (i_mmap_validate() names the one that fails)
 *    IM1  an area's node is among its file's, once, and names the area.
 *    IM2  the interval in the node is that of the area.
 *    IM3  the tree is valid, and nr_areas is the number of nodes.
 * 4. Locks.  i_mmap_rwsem: for reading to walk, for writing to change the set or the bounds of an area in it.
 * 5. Failure.  A node is allocated when an area is attached, and not after.
 */
#include "internal.h"

struct i_mmap_node {
	struct vm_area_struct *vma;
	bool nonlinear;
	union {
		struct list_link link;
		struct prio_tree_node prio;
		struct {
			struct rb_node rb;
			pgoff_t start, last, subtree_last;
		};
	};
};

#define NODE_START(node) ((node)->start)
#define NODE_LAST(node)  ((node)->last)
INTERVAL_TREE_DEFINE(
	struct i_mmap_node, rb, pgoff_t, subtree_last, NODE_START, NODE_LAST, static, vma_interval_tree)

#define node_of_link(l) list_entry(l, struct i_mmap_node, link)

static size_t node_size(const struct vm_area_struct *vma)
{
	switch (vma->vm_mm->sys->rmap->i_mmap) {
	case I_MMAP_LIST:
		return offsetof(struct i_mmap_node, link) + sizeof(struct list_link);
	case I_MMAP_PRIO:
		return offsetof(struct i_mmap_node, prio) + sizeof(struct prio_tree_node);
	default:
		return sizeof(struct i_mmap_node);
	}
}

static struct address_space *mapping_of(const struct vm_area_struct *vma)
{
	return vma->vm_file->mapping;
}

void address_space_init(struct address_space *mapping, const struct rmap_ops *ops)
{
	*mapping = (struct address_space){ .i_mmap_rwsem = RW_LOCK_INIT(LOCK_I_MMAP), .refs = 1 };
	list_init(&mapping->i_mmap_nonlinear);
	if (ops->i_mmap == I_MMAP_LIST)
		list_init(&mapping->i_mmap.list);
	else if (ops->i_mmap == I_MMAP_PRIO)
		prio_tree_root_init(&mapping->i_mmap.prio);
}

/* The newest comes last: a child behind its parent, a moved area behind what it was. */
static void insert(struct vm_area_struct *vma)
{
	struct i_mmap_node *node = vma->i_mmap;
	struct address_space *mapping = mapping_of(vma);

	mapping->nr_areas++;
	node->nonlinear = vma->vm_flags & VM_NONLINEAR;
	if (node->nonlinear) {
		list_add_tail(&node->link, &mapping->i_mmap_nonlinear);
		return;
	}
	switch (vma->vm_mm->sys->rmap->i_mmap) {
	case I_MMAP_LIST:
		list_add_tail(&node->link, &mapping->i_mmap.list);
		return;
	case I_MMAP_PRIO:
		node->prio.start = vma_first_index(vma);
		node->prio.last = vma_last_index(vma);
		prio_tree_insert(&mapping->i_mmap.prio, &node->prio);
		return;
	default:
		node->start = vma_first_index(vma);
		node->last = vma_last_index(vma);
		vma_interval_tree_insert(node, &mapping->i_mmap.interval);
	}
}

static void take_out(struct vm_area_struct *vma)
{
	struct i_mmap_node *node = vma->i_mmap;
	struct address_space *mapping = mapping_of(vma);
	enum i_mmap_kind kind = vma->vm_mm->sys->rmap->i_mmap;

	mapping->nr_areas--;
	if (node->nonlinear || kind == I_MMAP_LIST)
		list_del(&node->link);
	else if (kind == I_MMAP_PRIO)
		prio_tree_remove(&mapping->i_mmap.prio, &node->prio);
	else
		vma_interval_tree_remove(node, &mapping->i_mmap.interval);
}

int i_mmap_attach(struct vm_area_struct *vma)
{
	struct i_mmap_node *node = rmap_alloc(node_size(vma));

	if (!node)
		return -ENOMEM;
	node->vma = vma;
	rw_write_lock(&mapping_of(vma)->i_mmap_rwsem);
	vma->i_mmap = node;
	insert(vma);
	rw_write_unlock(&mapping_of(vma)->i_mmap_rwsem);
	return 0;
}

void i_mmap_needs(const struct vm_area_struct *vma, struct mm_needs *needs)
{
	if (vma->vm_file && vma->vm_mm->pgd)
		rmap_needs(needs, node_size(vma), 1);
}

void i_mmap_detach(struct vm_area_struct *vma)
{
	rw_write_lock(&mapping_of(vma)->i_mmap_rwsem);
	take_out(vma);
	rw_write_unlock(&mapping_of(vma)->i_mmap_rwsem);
	rmap_free(vma->i_mmap, node_size(vma));
	vma->i_mmap = NULL;
}

void i_mmap_adjust_begin(struct vm_area_struct *a, struct vm_area_struct *b)
{
	if (!a->i_mmap)
		return;
	rw_write_lock(&mapping_of(a)->i_mmap_rwsem);
	take_out(a);
	if (b)
		take_out(b);
}

/* Not inlined: most areas that change have no file's tree to be in, and are asked for nothing else. */
static __attribute__((noinline)) void insert_both(struct vm_area_struct *a, struct vm_area_struct *b)
{
	insert(a);
	if (b)
		insert(b);
	rw_write_unlock(&mapping_of(a)->i_mmap_rwsem);
}

void i_mmap_adjust_end(struct vm_area_struct *a, struct vm_area_struct *b)
{
	if (a->i_mmap)
		insert_both(a, b);
}

void i_mmap_lock(struct vm_area_struct *vma)
{
	if (vma->i_mmap)
		rw_write_lock(&mapping_of(vma)->i_mmap_rwsem);
}

void i_mmap_unlock(struct vm_area_struct *vma)
{
	if (vma->i_mmap)
		rw_write_unlock(&mapping_of(vma)->i_mmap_rwsem);
}

bool i_mmap_in_order(const struct vm_area_struct *first, const struct vm_area_struct *then, bool fresh)
{
	if (!first->i_mmap)
		return true;
	switch (first->vm_mm->sys->rmap->i_mmap) {
	case I_MMAP_LIST:
		return fresh;
	case I_MMAP_INTERVAL:
		return first->vm_pgoff < then->vm_pgoff || (fresh && first->vm_pgoff == then->vm_pgoff);
	default:
		return false;
	}
}

/* --- walks ------------------------------------------------------------------------------------------------- */

struct file_walk {
	struct page *page;
	struct rmap_walk *walk;
};

/* True: enough. */
static bool visit_area(struct i_mmap_node *node, void *arg)
{
	struct file_walk *fw = arg;
	struct vm_area_struct *vma = node->vma;

	fw->walk->areas++;
	return fw->walk->visit(fw->page, vma->vm_mm, vma, vma_address(vma, fw->page->index), false,
		       fw->walk->arg) == RMAP_STOP;
}

static void walk_list(struct address_space *mapping, struct file_walk *fw)
{
	for (struct list_link *l = mapping->i_mmap.list.next; l != &mapping->i_mmap.list; l = l->next) {
		struct i_mmap_node *node = node_of_link(l);
		pgoff_t index = fw->page->index;

		if (index < vma_first_index(node->vma) || index > vma_last_index(node->vma))
			fw->walk->areas++;
		else if (visit_area(node, fw))
			return;
	}
}

static void walk_prio(struct address_space *mapping, struct file_walk *fw)
{
	struct prio_tree_iter iter;
	struct prio_tree_node *hit;

	prio_tree_iter_init(&iter, &mapping->i_mmap.prio, fw->page->index, fw->page->index);
	while ((hit = prio_tree_next(&iter)) != NULL)
		if (visit_area(list_entry(hit, struct i_mmap_node, prio), fw))
			return;
}

static void walk_file(enum i_mmap_kind kind, struct page *page, struct rmap_walk *walk)
{
	struct address_space *mapping = page_owner(page);
	struct file_walk fw = { page, walk };

	rw_read_lock(&mapping->i_mmap_rwsem);
	if (kind == I_MMAP_LIST)
		walk_list(mapping, &fw);
	else if (kind == I_MMAP_PRIO)
		walk_prio(mapping, &fw);
	else
		(void)vma_interval_tree_walk(
			&mapping->i_mmap.interval, page->index, page->index, visit_area, &fw);
	rw_read_unlock(&mapping->i_mmap_rwsem);
}

void rmap_walk(const struct rmap_ops *ops, struct page *page, struct rmap_walk *walk)
{
	walk->areas = 0;
	if (page_is_anon(page) || ops->file_chains)
		ops->walk(page, walk);
	else if (page->mapping)
		walk_file(ops->i_mmap, page, walk);
}

struct linear_visit {
	bool (*visit)(struct vm_area_struct *vma, void *arg);
	void *arg;
};

static bool visit_linear(struct i_mmap_node *node, void *arg)
{
	const struct linear_visit *lv = arg;

	return lv->visit(node->vma, lv->arg);
}

static void each_on_list(struct address_space *mapping, pgoff_t first, struct linear_visit *lv)
{
	for (struct list_link *l = mapping->i_mmap.list.next; l != &mapping->i_mmap.list; l = l->next)
		if (vma_last_index(node_of_link(l)->vma) >= first && visit_linear(node_of_link(l), lv))
			return;
}

static void each_in_prio(struct address_space *mapping, pgoff_t first, struct linear_visit *lv)
{
	struct prio_tree_iter iter;
	struct prio_tree_node *hit;

	prio_tree_iter_init(&iter, &mapping->i_mmap.prio, first, ~0UL);
	while ((hit = prio_tree_next(&iter)) != NULL)
		if (visit_linear(list_entry(hit, struct i_mmap_node, prio), lv))
			return;
}

void rmap_for_each_linear(const struct rmap_ops *ops, struct address_space *mapping, pgoff_t first,
	bool (*visit)(struct vm_area_struct *vma, void *arg), void *arg)
{
	struct linear_visit lv = { visit, arg };

	rw_read_lock(&mapping->i_mmap_rwsem);
	if (ops->i_mmap == I_MMAP_LIST)
		each_on_list(mapping, first, &lv);
	else if (ops->i_mmap == I_MMAP_PRIO)
		each_in_prio(mapping, first, &lv);
	else
		(void)vma_interval_tree_walk(&mapping->i_mmap.interval, first, ~0UL, visit_linear, &lv);
	rw_read_unlock(&mapping->i_mmap_rwsem);
}

unsigned long rmap_for_each_nonlinear(
	struct address_space *mapping, bool (*visit)(struct vm_area_struct *vma, void *arg), void *arg)
{
	unsigned long nr = 0;

	rw_read_lock(&mapping->i_mmap_rwsem);
	for (struct list_link *l = mapping->i_mmap_nonlinear.next; l != &mapping->i_mmap_nonlinear;
		l = l->next) {
		nr++;
		if (visit(node_of_link(l)->vma, arg))
			break;
	}
	rw_read_unlock(&mapping->i_mmap_rwsem);
	return nr;
}

/* --- validation ---------------------------------------------------------------------------------------------- */

static bool find_in_tree(struct i_mmap_node *node, void *arg)
{
	return node == arg;
}

/* The whole tree, when its first area is looked at: O(1) an area on the average. */
static bool tree_is_valid(struct address_space *mapping, const struct i_mmap_node *node, const char **reason)
{
	const struct rb_root_cached *root = &mapping->i_mmap.interval;
	unsigned long nr = 0;

	if (root->rb_leftmost != &node->rb)
		return true;
	if (!vma_interval_tree_validate(root, reason))
		return false;
	for (const struct rb_node *rb = rb_first_cached(root); rb; rb = rb_next(rb))
		nr++;
	for (const struct list_link *l = mapping->i_mmap_nonlinear.next; l != &mapping->i_mmap_nonlinear;
		l = l->next)
		nr++;
	*reason = "IM3: a file counts other areas than it has";
	return nr == mapping->nr_areas;
}

static bool node_is_valid(
	struct address_space *mapping, const struct vm_area_struct *vma, const char **reason)
{
	struct i_mmap_node *node = vma->i_mmap;
	pgoff_t first = vma_first_index(vma), last = vma_last_index(vma);
	enum i_mmap_kind kind = vma->vm_mm->sys->rmap->i_mmap;

	*reason = "IM1: a file's node names another area";
	if (node->vma != vma)
		return false;
	if (node->nonlinear || kind == I_MMAP_LIST)
		return true;
	*reason = "IM2: an area is not where its file's tree has it";
	if (kind == I_MMAP_PRIO)
		return node->prio.start == first && node->prio.last == last;
	if (node->start != first || node->last != last)
		return false;
	*reason = "IM1: a file's tree does not have an area that maps it";
	return vma_interval_tree_walk(&mapping->i_mmap.interval, first, last, find_in_tree, node) &&
	       tree_is_valid(mapping, node, reason);
}

bool i_mmap_validate(const struct vm_area_struct *vma, const char **reason)
{
	struct address_space *mapping;
	bool valid;

	if (!vma->i_mmap)
		return true;
	mapping = mapping_of(vma);
	rw_read_lock(&mapping->i_mmap_rwsem);
	valid = node_is_valid(mapping, vma, reason);
	rw_read_unlock(&mapping->i_mmap_rwsem);
	return valid;
}
