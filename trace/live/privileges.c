/* SPDX-License-Identifier: MIT */
/*
 * Programs that would have gained privileges.
 *
 * Without privilege of our own, the filter takes the promise that no program gains any (filter.c): a set-user-ID program then
 * runs as who started it, where alone it would not have.  That cannot be had otherwise, so it is counted, with the first
 * program's name.  A promise that the program itself has made, or that this process was under, is not our doing.
 */
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "internal.h"

/*
 * Would the file have given it something that its user and group do not have? Set-group-ID counts with
 * the group's right to execute alone: without it exec ignores the bit (bprm_fill_uid()). File
 * capabilities are an extended attribute of which it is enough that it is there.
 */
static bool gives_privileges(const char *exe, pid_t tid)
{
	struct stat file;
	struct statvfs fs;

	if (kernel->stat(exe, &file) || kernel->statvfs(exe, &fs) || (fs.f_flag & ST_NOSUID))
		return false;
	if ((file.st_mode & S_ISUID) && file.st_uid != status_number(tid, "\nUid:", 10, file.st_uid))
		return true;
	if ((file.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
		file.st_gid != status_number(tid, "\nGid:", 10, file.st_gid))
		return true;
	return kernel->getxattr(exe, "security.capability", NULL, 0) > 0;
}

/* Asked behind the exec, of /proc/PID/exe: the file that has been begun, whatever its name is now. */
void note_privileges(struct live *l, const struct task *t)
{
	char exe[64];
	ssize_t n;

	/* Until its first exec the child has done nothing but what this process's code does. */
	if (t->tid == l->root && !l->no_new_privs && !l->steps)
		l->no_new_privs = status_number(t->tid, "\nNoNewPrivs:", 10, 0) == 1 &&
				  !prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)t->tid);
	if (!l->no_new_privs || t->no_privileges || l->no_proc || !gives_privileges(exe, t->tid))
		return;
	notice(l, NOTICE_SET_USER_ID, t->tgid);
	if (l->privileges_lost++)
		return;
	n = kernel->readlink(exe, l->privileged, sizeof(l->privileged) - 1);
	l->privileged[n > 0 ? n : 0] = '\0';
}
