/* SPDX-License-Identifier: MIT */
/*
 * Who has made a userfaultfd.
 *
 *    MA1  It serves the address space of who has made it, by userfaultfd(2) or by an ioctl of /dev/userfaultfd, whoever
 *        asks by it later: by a descriptor that was inherited, over exec too, or sent.  No file of /proc names that one,
 *        so it is noted when the call has ended.
 *    MA2  What is noted is the inode, which is a userfaultfd's own since Linux 5.12.  Before, all anonymous inodes are
 *        one: as soon as two address spaces have made one of the same inode, nothing is known of it.
 *    MA3  Of others nothing is known either: made before it was attached to, or by a process that is not recorded, come
 *        with a fork (UFFD_FEATURE_EVENT_FORK), or for which there was no memory.
 */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "internal.h"
#include "uapi.h"

#define INODE_UNKNOWN 1 /* it is one, and could not be asked */
#define SEVERAL       0 /* MA2; address spaces are numbered from 1 */

unsigned long userfaultfd_inode(pid_t tgid, int fd)
{
	char path[64], link[64];
	struct stat st;
	ssize_t n;

	path_of_descriptor(path, tgid, fd);
	n = kernel->readlink(path, link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = '\0';
	if (strcmp(link, "anon_inode:[userfaultfd]") != 0)
		return 0;
	return kernel->stat(path, &st) ? INODE_UNKNOWN : (unsigned long)st.st_ino;
}

bool makes_userfaultfd(const struct trace_call *c)
{
	return c->nr == NR_userfaultfd || (c->nr == NR_ioctl && (uint32_t)c->args[1] == USERFAULTFD_IOC_NEW);
}

static void note_maker(struct live *l, struct live_mm *mm, unsigned long inode)
{
	void *known = mtree_load(&l->makers, inode);
	uint32_t id = !known || xa_to_value(known) == mm->id ? mm->id : SEVERAL;

	mm->has_userfaultfd = true;
	/* Without memory it is not known. */
	(void)!mtree_store(&l->makers, inode, xa_mk_value(id), GFP_KERNEL);
}

/* The ioctl may be one of any device, and return anything. */
bool maker_follow_call(struct live *l, const struct task *t, int64_t result)
{
	unsigned long inode = 0;

	if (!makes_userfaultfd(&t->call))
		return false;
	if (result >= 0 && result <= INT_MAX)
		inode = userfaultfd_inode(t->tgid, (int)result);
	if (inode && inode != INODE_UNKNOWN)
		note_maker(l, t->mm, inode);
	return true;
}

uint32_t maker_of(const struct live *l, unsigned long inode)
{
	void *known = mtree_load((struct maple_tree *)&l->makers, inode);

	return known ? (uint32_t)xa_to_value(known) : SEVERAL;
}
