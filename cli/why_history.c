/* SPDX-License-Identifier: MIT */
/*
 * The life of an area: what events did to whatever area an address was in.
 *
 * Each address space has a history for each address asked about, which a fork's child takes over.  It begins anew when
 * something else is mapped there.  Of a long one the first and the last entries are kept.
 */
#include <stdlib.h>
#include <string.h>

#include "why.h"

/*
 * An area, as it was after the last event. Pointers are compared and never followed: what they point to may
 * be gone. Compared as bytes by memcmp(), so no member may leave padding.
 */
struct state {
	unsigned long there; /* a bool without padding: states are compared as bytes */
	unsigned long start, end;
	vm_flags_t flags;
	const void *file, *anon_vma, *name, *policy, *uffd;
};

/*
 * One address in one address space. total 0: nothing is mapped there, or nothing has happened since.
 * state: as the last event left it, whether that was noted or not.
 */
struct place {
	struct state state;
	struct history history;
};

/* mm: the recording's number of the address space. A list: a recording has few that live at once. */
struct space_histories {
	uint32_t mm;
	struct space_histories *next;
	struct place place[WHY_ADDRESSES];
};

/* nr 0 (--top, --room): nothing is kept, and histories_event() is not called. */
struct histories {
	unsigned int nr;
	uint64_t addr[WHY_ADDRESSES];
	struct space_histories *spaces;
	bool incomplete;
};

/* @nr is at most WHY_ADDRESSES; the addresses are copied. */
struct histories *histories_new(unsigned int nr, const uint64_t *addr)
{
	struct histories *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->nr = nr;
	memcpy(h->addr, addr, nr * sizeof(*addr));
	return h;
}

void histories_free(struct histories *h)
{
	if (!h)
		return;
	while (h->spaces) {
		struct space_histories *s = h->spaces;

		h->spaces = s->next;
		free(s);
	}
	free(h);
}

/* NULL: nothing has been noted of it. */
static struct space_histories *find(const struct histories *h, uint32_t mm)
{
	struct space_histories *s = h->spaces;

	while (s && s->mm != mm)
		s = s->next;
	return s;
}

/*
 * In front, as what happens next is most likely of the newest. NULL: incomplete is set, and its events
 * are lost.
 */
static struct space_histories *add(struct histories *h, uint32_t mm)
{
	struct space_histories *s = calloc(1, sizeof(*s));

	if (!s) {
		h->incomplete = true;
		return NULL;
	}
	s->mm = mm;
	s->next = h->spaces;
	h->spaces = s;
	return s;
}

/* Its histories go with it: at a moment behind its end it cannot be asked about. */
static void end(struct histories *h, uint32_t mm)
{
	for (struct space_histories **s = &h->spaces; *s; s = &(*s)->next)
		if ((*s)->mm == mm) {
			struct space_histories *gone = *s;

			*s = gone->next;
			free(gone);
			return;
		}
}

/* Soft-dirty is cleared and set by whoever looks at pages, and tells nothing of the program. */
static struct state state_of(const struct vm_area_struct *vma)
{
	if (!vma)
		return (struct state){ .there = 0 };
	return (struct state){ 1, vma->vm_start, vma->vm_end, vma->vm_flags & ~VM_SOFTDIRTY, vma->vm_file,
		vma->anon_vma, vma->anon_name, vma->policy, vma->uffd_ctx };
}

/* Joined by commas; cut where @buf ends. */
static void say(char *buf, size_t size, const char *what)
{
	size_t n = strlen(buf);

	snprintf(buf + n, size - n, "%s%s", n ? ", " : "", what);
}

static void say_access(char *buf, size_t size, vm_flags_t f)
{
	char text[16];

	snprintf(text, sizeof(text), "now %c%c%c", f & VM_READ ? 'r' : '-', f & VM_WRITE ? 'w' : '-',
		f & VM_EXEC ? 'x' : '-');
	say(buf, size, text);
}

/*
 * What an event has done, in a few words; "" nothing.
 *
 * Both are there. Another file is another area (is_new()); offsets are not compared.
 */
static void compare(const struct state *was, const struct state *is, char *buf, size_t size)
{
	bool cut = is->start > was->start || is->end < was->end;
	bool grown = is->start < was->start || is->end > was->end;

	*buf = '\0';
	if (cut || grown)
		say(buf, size, cut && grown ? "cut and joined" : cut ? "cut" : "grown");
	if ((was->flags ^ is->flags) & VM_ACCESS_FLAGS)
		say_access(buf, size, is->flags);
	if ((was->flags ^ is->flags) & ~VM_ACCESS_FLAGS)
		say(buf, size, "flags changed");
	if (!was->anon_vma && is->anon_vma)
		say(buf, size, "first written");
	if (was->name != is->name)
		say(buf, size, is->name ? "named" : "name taken away");
	if (was->policy != is->policy)
		say(buf, size, "memory policy changed");
	if (was->uffd != is->uffd)
		say(buf, size, is->uffd ? "served by a userfaultfd" : "served no more");
}

/* Entry @i, which is the one to be written if it is h->total. */
static struct history_entry *entry_at(struct history *h, uint64_t i)
{
	return i < HISTORY_FIRST ? &h->first[i] : &h->last[(i - HISTORY_FIRST) % HISTORY_LAST];
}

/*
 * One more of the same: then it is counted, not kept. Arguments may differ: a loop unmaps or protects
 * other pages each time.
 */
static bool is_another(const struct history_entry *entry, const struct explain_event *event, const char *what)
{
	return entry->event.type == event->type && entry->event.call.nr == event->call.nr &&
	       /* Sites are the ledger's, each once: equal pointers are equal places. */
	       entry->event.site == event->site && strcmp(entry->what, what) == 0;
}

/* What is alike and next to each other is one entry; what alternates is not. */
static void append(struct history *h, const struct explain_event *event, const char *what)
{
	struct history_entry *entry = h->total ? entry_at(h, h->total - 1) : NULL;

	if (entry && is_another(entry, event, what)) {
		entry->times++;
		entry->last_step = event->step;
		return;
	}
	entry = entry_at(h, h->total++);
	*entry = (struct history_entry){ .event = *event, .times = 1, .last_step = event->step };
	snprintf(entry->what, sizeof(entry->what), "%s", what);
}

/* Is this another area than the one before, made or moved here by event @step? */
static bool is_new(const struct place *p, const struct vm_area_struct *vma, uint64_t step, bool moved)
{
	const struct explain_life *life = explain_life(vma);

	return !p->state.there || p->state.file != vma->vm_file || moved ||
	       (life->made && life->made->step == step);
}

/*
 * What came before is forgotten: it was another area's. A map that was read has areas that were made
 * before it: they are part of an older one.
 */
static void begin(
	struct history *h, const struct explain_life *life, const struct explain_event *event, bool moved)
{
	h->total = 0;
	if (moved && life->made)
		append(h, life->made, "made, elsewhere");
	if (moved)
		append(h, event, "moved here");
	else if (life->made && life->made->step < event->step)
		append(h, event, "made, as part of an older area");
	else
		append(h, event, "made");
}

/*
 * What @e did to the area at the place, which is @vma now; NULL: none is there. Moved counts only where
 * both ends came by the same mremap: what has been joined to something that was moved is still the same
 * area.
 *
 * An area whose lower end this event has put there is looked at even if every member is as before: memory
 * that was mapped over memory looks the same, and is another area.
 */
static void look(struct place *p, struct moment *m, struct vm_area_struct *vma, const struct trace_event *e)
{
	struct state is = state_of(vma);
	const struct explain_life *life = vma ? explain_life(vma) : NULL;
	bool touched = life &&
		       ((life->low && life->low->step == e->step) || memcmp(&is, &p->state, sizeof(is)) != 0);
	bool moved = life && life->moved && life->moved->step == e->step && life->low == life->moved &&
		     life->high == life->moved;
	struct explain_event event;
	char what[96] = "";

	if (!vma)
		p->history.total = 0;
	if (touched) {
		explain_event_of(m->x, e, &event);
		if (is_new(p, vma, e->step, moved)) {
			begin(&p->history, life, &event, moved);
		} else {
			compare(&p->state, &is, what, sizeof(what));
			if (*what)
				append(&p->history, &event, what);
		}
	}
	p->state = is;
}

/*
 * The child's areas are copies with a life of their own; what was before is the parent's, and told of
 * both. VM_DONTCOPY left no area: its history ends here. Called behind the ledger, which has made the
 * child's areas by then.
 */
static void forked(struct histories *h, const struct trace_event *e, struct moment *m)
{
	const struct space_histories *parent = find(h, e->mm);
	struct space_histories *child = parent ? add(h, e->fork.child_mm) : NULL;
	struct mm_struct *mm = replay_space(explain_replay(m->x), e->fork.child_mm);
	struct explain_event event;

	if (!child || !mm)
		return;
	memcpy(child->place, parent->place, sizeof(child->place));
	explain_event_of(m->x, e, &event);
	for (unsigned int i = 0; i < h->nr; i++) {
		struct vm_area_struct *vma = vma_lookup(mm, h->addr[i]);

		child->place[i].state = state_of(vma);
		if (vma)
			append(&child->place[i].history, &event, "inherited");
	}
}

/*
 * A space ends before its last event is looked at, and a child begins with its fork; SPACE and FILE
 * change no area.
 */
void histories_event(struct histories *h, struct moment *m, const struct trace_event *e)
{
	struct mm_struct *mm = e->mm ? replay_space(explain_replay(m->x), e->mm) : NULL;
	struct space_histories *s;

	if (e->type == TRACE_EVENT_EXIT && e->exit.last)
		end(h, e->mm);
	if (e->type == TRACE_EVENT_FORK)
		forked(h, e, m);
	if (!mm ||
		(e->type != TRACE_EVENT_CALL && e->type != TRACE_EVENT_FAULT && e->type != TRACE_EVENT_MAP))
		return;
	s = find(h, e->mm);
	if (!s)
		s = add(h, e->mm);
	for (unsigned int i = 0; s && i < h->nr; i++)
		/*
		 * The ledger knows which ranges an event has touched: a long recording has few events that
		 * are about one address.
		 */
		if (explain_changed(m->x, mm, h->addr[i]))
			look(&s->place[i], m, vma_lookup(mm, h->addr[i]), e);
}

/* NULL: nothing is known of that space. Valid until the next event. */
const struct history *history_of(const struct histories *h, uint32_t mm, unsigned int i)
{
	const struct space_histories *s = find(h, mm);

	return s ? &s->place[i].history : NULL;
}

bool histories_incomplete(const struct histories *h)
{
	return h->incomplete;
}
