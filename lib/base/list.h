/* SPDX-License-Identifier: MIT */
/* Doubly linked circular lists through struct list_link; an empty head points to itself. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stddef.h>

#include <vmaple/types.h>

#define list_entry(link, type, member) ((type *)((char *)(link)-offsetof(type, member)))

static inline void list_init(struct list_link *head)
{
	head->next = head->prev = head;
}

static inline bool list_empty(const struct list_link *head)
{
	return head->next == head;
}

/* Behind the head: the newest comes first. */
static inline void list_add(struct list_link *link, struct list_link *head)
{
	link->next = head->next;
	link->prev = head;
	head->next->prev = link;
	head->next = link;
}

/* Before the head: the oldest comes first. */
static inline void list_add_tail(struct list_link *link, struct list_link *head)
{
	list_add(link, head->prev);
}

static inline void list_del(struct list_link *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
}

#endif /* BASE_LIST_H */
