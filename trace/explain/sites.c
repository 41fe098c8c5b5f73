/* SPDX-License-Identifier: MIT */
/*
 * Where calls came from: the file that is mapped at the instruction, and the offset in it.
 *
 * Found when the event is noted, for later the module may be unmapped.  A table of chains, by the hash of file and
 * offset; it doubles when it has as many sites as chains.  Programs call from few places, so that before it a small table by
 * address is asked, of what was found since a file was last mapped or unmapped.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct site {
	struct explain_site site;
	/* Both 0: no file is there, and the site's offset is the address itself. */
	uint64_t dev, ino;
	struct site *next;
	char module[];
};

#define LATELY 64
struct lately {
	const struct mm_struct *mm;
	uint64_t ip;
	/*
	 * Lives as long as the sites do: no site is ever removed, so that kept events and tables may point
	 * to it, and two events are of one site exactly when the pointers are equal.
	 */
	const struct explain_site *site; /* NULL: nothing was found */
};

struct sites {
	struct site **chain;
	size_t size, count; /* size: a power of two */
	struct lately lately[LATELY];
	bool any_lately;
};

struct sites *sites_new(void)
{
	struct sites *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->size = 256;
	s->chain = calloc(s->size, sizeof(struct site *));
	if (s->chain)
		return s;
	free(s);
	return NULL;
}

void sites_free(struct sites *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->size; i++)
		while (s->chain[i]) {
			struct site *site = s->chain[i];

			s->chain[i] = site->next;
			free(site);
		}
	free(s->chain);
	free(s);
}

static size_t hash_of(uint64_t dev, uint64_t ino, uint64_t offset)
{
	uint64_t h = (dev * 31 + ino) * 0x9e3779b97f4a7c15ULL + offset;

	h ^= h >> 29;
	return (size_t)(h * 0xbf58476d1ce4e5b9ULL >> 32);
}

/* Without memory it stays as it is, and chains are longer. */
static void grow(struct sites *s)
{
	size_t size = s->size * 2;
	struct site **chain = calloc(size, sizeof(struct site *));

	if (!chain)
		return;
	for (size_t i = 0; i < s->size; i++)
		while (s->chain[i]) {
			struct site *site = s->chain[i];
			size_t to = hash_of(site->dev, site->ino, site->site.offset) & (size - 1);

			s->chain[i] = site->next;
			site->next = chain[to];
			chain[to] = site;
		}
	free(s->chain);
	s->chain = chain;
	s->size = size;
}

static struct site *find(
	const struct sites *s, uint64_t dev, uint64_t ino, uint64_t offset, const char *module)
{
	struct site *site = s->chain[hash_of(dev, ino, offset) & (s->size - 1)];

	for (; site; site = site->next)
		if (site->site.offset == offset && site->dev == dev && site->ino == ino &&
			strcmp(site->module, module) == 0)
			return site;
	return NULL;
}

static struct site *add(struct sites *s, uint64_t dev, uint64_t ino, uint64_t offset, const char *module)
{
	size_t len = strlen(module) + 1, i;
	struct site *site = malloc(sizeof(*site) + len);

	if (!site)
		return NULL;
	if (s->count >= s->size)
		grow(s);
	i = hash_of(dev, ino, offset) & (s->size - 1);
	*site = (struct site){ .dev = dev, .ino = ino, .next = s->chain[i] };
	memcpy(site->module, module, len);
	site->site = (struct explain_site){ site->module, offset };
	s->chain[i] = site;
	s->count++;
	return site;
}

/* @mm NULL: a space that the replay does not know; the site is then the bare address. */
static const struct explain_site *look_up(struct sites *s, struct mm_struct *mm, uint64_t ip)
{
	struct vm_area_struct *vma = mm ? vma_lookup(mm, ip) : NULL;
	struct vm_file *file = vma ? vma->vm_file : NULL;
	uint64_t dev = file ? file->dev : 0, ino = file ? file->ino : 0;
	const char *module = file ? file->name : "";
	struct site *site;

	if (file)
		ip += ((uint64_t)vma->vm_pgoff << mm->sys->page_shift) - vma->vm_start;
	site = find(s, dev, ino, ip, module);
	if (!site)
		site = add(s, dev, ino, ip, module);
	return site ? &site->site : NULL;
}

const struct explain_site *site_of(struct sites *s, struct mm_struct *mm, uint64_t ip)
{
	struct lately *l = &s->lately[(ip ^ ip >> 6) % LATELY];

	if (!ip)
		return NULL;
	if (l->site && l->mm == mm && l->ip == ip)
		return l->site;
	*l = (struct lately){ mm, ip, look_up(s, mm, ip) };
	s->any_lately = true;
	return l->site;
}

void sites_forget_lately(struct sites *s)
{
	if (s->any_lately)
		memset(s->lately, 0, sizeof(s->lately));
	s->any_lately = false;
}
