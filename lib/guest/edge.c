/* SPDX-License-Identifier: MIT */
/*
 * Host pages that a change meets partly, and how what was done to them is undone; and the plain calls of the host.
 */
#include "internal.h"

static struct span page_span(const struct guest_mm *guest, unsigned long page)
{
	return (struct span){ page, page + host_page_size(guest) };
}

static struct edge *edge_of(const struct work *work, unsigned long page)
{
	for (unsigned int i = 0; i < work->nr_edges; i++)
		if (work->edges[i].page == page)
			return (struct edge *)&work->edges[i];
	return NULL;
}

bool edge_is_open(const struct work *work, unsigned long page)
{
	const struct edge *edge = edge_of(work, page);

	return edge && edge->open;
}

static struct edge *edge_begin(struct work *work, unsigned long page)
{
	struct edge *edge = &work->edges[work->nr_edges];

	*edge = (struct edge){ .page = page };
	edge->before = page_rights(work->guest, page, NULL, &edge->mapped);
	return edge;
}

int edge_set_rights(struct work *work, unsigned long page)
{
	struct guest_mm *guest = work->guest;
	vm_flags_t rights = page_rights(guest, page, &work->future, NULL);
	struct edge *edge;
	int err;

	if (edge_of(work, page))
		return 0; /* an open one gets them when it is closed */
	edge = edge_begin(work, page);
	if (rights == edge->before)
		return 0;
	err = host_protect(guest, page_span(guest, page), rights);
	if (!err)
		work->nr_edges++;
	return err;
}

void edge_restore(struct guest_mm *guest, unsigned long page, vm_flags_t rights)
{
	if (host_protect(guest, page_span(guest, page), rights))
		host_lost(guest, page_span(guest, page));
}

/* What is there, with room to write; its bytes are in edge->saved, too. */
static int open_mapped(struct guest_mm *guest, struct edge *edge)
{
	struct span span = page_span(guest, edge->page);
	size_t size = host_page_size(guest);
	int err = edge->before & VM_READ ? 0 : host_protect(guest, span, edge->before | VM_READ);

	if (err)
		return err;
	err = host_load(guest, edge->saved, edge->page, size);
	if (!err && !edge->direct)
		err = host_protect(guest, span, VM_READ | VM_WRITE);
	else if (!err)
		err = host_map_memory(guest, span, VM_READ | VM_WRITE);
	if (err) {
		edge_restore(guest, edge->page, edge->before);
		return err;
	}
	if (edge->direct) {
		memcpy(guest_bytes(guest, edge->page), edge->saved, size);
		guest->counters.conversions++;
		guest->counters.bytes_copied += size;
	}
	return 0;
}

/* It will have a part of a file in it, and has not yet. */
static bool wants_mark(const struct work *work, const struct edge *edge)
{
	return (edge->direct || work->change->file) && !page_is_copy(work->guest, edge->page);
}

int edge_open(struct work *work, unsigned long page)
{
	struct guest_mm *guest = work->guest;
	struct span span = page_span(guest, page);
	struct edge *edge;
	int err = 0;

	if (edge_of(work, page))
		return 0;
	edge = edge_begin(work, page);
	edge->direct = page_is_direct(guest, page);
	edge->saved = guest->saved + work->nr_saved * host_page_size(guest);
	if (edge->direct && page_is_shared(guest, page, NULL))
		err = ask_incoherent(guest, page);
	if (!err && wants_mark(work, edge)) {
		err = mark_copies(guest, span);
		edge->marked = !err;
	}
	if (err)
		return err;
	err = edge->mapped ? open_mapped(guest, edge) : host_map_memory(guest, span, VM_READ | VM_WRITE);
	if (err) {
		if (edge->marked)
			forget_copies(guest, span);
		return err;
	}
	edge->open = true;
	work->nr_edges++;
	work->nr_saved++;
	return 0;
}

int edges_close(struct work *work)
{
	for (unsigned int i = 0; i < work->nr_edges; i++) {
		struct edge *edge = &work->edges[i];
		vm_flags_t rights = page_rights(work->guest, edge->page, &work->future, NULL);
		int err = edge->open && rights != (VM_READ | VM_WRITE)
				  ? host_protect(work->guest, page_span(work->guest, edge->page), rights)
				  : 0;

		if (err)
			return err;
	}
	return 0;
}

/* What was direct stays a copy, with the same bytes. */
static void undo_open(struct guest_mm *guest, const struct edge *edge)
{
	struct span span = page_span(guest, edge->page);

	if (edge->marked && !edge->direct)
		forget_copies(guest, span);
	if (!edge->mapped) {
		if (host_unmap(guest, span))
			host_lost(guest, span);
	} else if (host_protect(guest, span, VM_READ | VM_WRITE)) {
		host_lost(guest, span);
	} else {
		memcpy(guest_bytes(guest, edge->page), edge->saved, host_page_size(guest));
		edge_restore(guest, edge->page, edge->before);
	}
}

void edges_undo(struct work *work)
{
	while (work->nr_edges) {
		const struct edge *edge = &work->edges[--work->nr_edges];

		if (edge->open)
			undo_open(work->guest, edge);
		else
			edge_restore(work->guest, edge->page, edge->before);
	}
	work->nr_saved = 0;
}

/* --- the host's calls ------------------------------------------------------------------------------------------ */

int host_unmap(struct guest_mm *guest, struct span span)
{
	return guest->setup.host->unmap(
		guest->setup.ctx, host_address(guest, span.start), span.end - span.start);
}

int host_protect(struct guest_mm *guest, struct span span, vm_flags_t rights)
{
	return guest->setup.host->protect(
		guest->setup.ctx, host_address(guest, span.start), span.end - span.start, rights);
}

int host_map_memory(struct guest_mm *guest, struct span span, vm_flags_t rights)
{
	struct guest_host_map map = {
		.addr = host_address(guest, span.start), .len = span.end - span.start, .rights = rights
	};

	return guest->setup.host->map(guest->setup.ctx, &map);
}

int host_fill(struct guest_mm *guest, const struct mm_change *c, unsigned long addr, unsigned long len)
{
	unsigned char *to = guest_bytes(guest, addr);

	guest->counters.bytes_copied += len;
	if (c->file && !(c->file->anonymous && c->file->kind == VM_FILE_SHMEM))
		return guest->setup.host->read(
			guest->setup.ctx, c->file, bytes_of(guest, c->pgoff) + (addr - c->start), to, len);
	memset(to, 0, len);
	return 0;
}

int host_load(struct guest_mm *guest, void *to, unsigned long from, size_t len)
{
	if (guest->setup.host->load)
		return guest->setup.host->load(guest->setup.ctx, to, host_address(guest, from), len);
	memcpy(to, guest_bytes(guest, from), len);
	return 0;
}

void host_lost(struct guest_mm *guest, struct span span)
{
	guest->counters.lost++; /* if only parts of pages, which keep what they had */
	if (span_is_empty(span))
		return;
	(void)!host_unmap(guest, span);
	guest->counters.lost += ((span.end - span.start) >> guest->setup.host_page_shift) - 1;
}
