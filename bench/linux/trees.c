/* SPDX-License-Identifier: MIT */
/* Contenders: Linux 7.3's lib/rbtree.c and lib/interval_tree.c. */
#include <linux/interval_tree.h>
#include <linux/rbtree_augmented.h>

#define RB_OPS linux_rb_ops
#include "peers/rb_ops.h"

#define INTERVAL_OPS linux_interval_ops
#include "peers/interval_ops.h"
