# SPDX-License-Identifier: MIT
"""What sources in C declare: tokens, statements at file level, the names that these declare, and names replaced by others.

No parser of C: it knows the ways of writing that the sources of this project have. Used by tools/amalgamate,
tools/prefix-headers and tools/check-symbols.
"""
import re

OURS = re.compile(r'_*(vm|vmaple)_|vmaple$', re.I)


TAGGED = ('struct', 'union', 'enum')
WORDS = set('void char short int long unsigned signed bool float double const volatile static inline extern struct union '
            'enum typedef return if else while for do switch case default goto break continue sizeof __attribute__ _Static_assert __thread'.split())


TOKEN = re.compile(r'''(?P<directive>^[ \t]*\#(?:[^\n\\/]|\\.|\\\n|/(?![*])|/\*.*?\*/)*)|(?P<comment>/\*.*?\*/|//[^\n]*)|
    (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(?P<name>[A-Za-z_]\w*)|(?P<space>\s+)|(?P<other>\.?\d[\w.]*|->|.)''',
                   re.S | re.M | re.X)


def tokens(text):
    return [(m.lastgroup, m.group()) for m in TOKEN.finditer(text)]


def statements(toks):
    """The code of each statement at file level, as (index, text) of its tokens."""
    out, depth = [], 0
    for i, (kind, text) in enumerate(toks):
        if kind in ('directive', 'comment', 'space'):
            continue
        if kind == 'string' and [t for _, t in out] == ['extern']:
            out = [(i, 'extern "C"')]
            continue
        if text == '{' and [t for _, t in out] == ['extern "C"'] or text == '}' and depth == 0:
            out = []
            continue
        out.append((i, text))
        depth += (text in '({[') - (text in ')}]') if len(text) == 1 else 0
        if depth == 0 and (text == ';' or text == '}' and is_function(out)):
            yield out
            out = []


def flat(code):
    """The tokens of a statement outside every bracket; what is in brackets is one of '()', '{}', '[]'."""
    depth, result = 0, []
    for i, text in code:
        if text in ('(', '{', '['):
            if depth == 0:
                result.append((i, {'(': '()', '{': '{}', '[': '[]'}[text]))
            depth += 1
        elif text in (')', '}', ']'):
            depth -= 1
        elif depth == 0:
            result.append((i, text))
    return result


def is_function(code):
    texts = [t for _, t in flat(code)]
    if '{}' not in texts or '=' in texts or 'typedef' in texts:
        return False
    before = texts[:texts.index('{}')]
    return bool(before) and before[-1] == '()' and any(re.match(r'[A-Za-z_]\w*$', t) and n == '()' and
                                                       t not in WORDS for t, n in zip(before, before[1:]))


def declared(code):
    """What a statement declares at file level: (kind, name), kind one of function, variable, tag, type, constant."""
    texts = [t for _, t in flat(code)]
    found = []
    every = [t for _, t in code]
    for i, text in enumerate(texts[:-1]):
        if text in ('struct', 'union', 'enum') and '{}' in texts[i + 2:i + 3]:
            found.append(('tag', texts[i + 1]))
        if text == 'enum' and '{}' in texts[i + 1:i + 3] and '()' not in texts[i + 1:i + 3]:
            depth = 0
            start = every.index('{') if '{' in every else len(every)
            for a, b in zip(every[start:], every[start + 1:]):
                depth += (a in ('{', '(')) - (a in ('}', ')'))
                if depth == 1 and a in ('{', ',') and re.match(r'[A-Za-z_]', b):
                    found.append(('constant', b))
    if 'typedef' in texts:
        names = re.findall(r'\(\s*\*\s*(\w+)\s*\)\s*\(', ' '.join(every)) or [t for t in texts if re.match(r'\w', t)][-1:]
        return found + [('type', name) for name in names]
    texts = texts[:texts.index('=') + 1] if '=' in texts else texts
    pointer = re.search(r'\( \* (?:const )?(\w+)(?: \[.*?\])? \) \(', ' '.join(every))
    if pointer and any(a == b == '()' for a, b in zip(texts, texts[1:])) and '{}' not in texts:
        return found + [('variable', pointer.group(1))]
    for i, text in enumerate(texts[:-1]):
        if re.match(r'[A-Za-z_]', text) and texts[i + 1] == '()' and text not in WORDS:
            return found + [('function', text)]
    for i, text in enumerate(texts[:-1]):
        if (re.match(r'[A-Za-z_]', text) and text not in WORDS and texts[i + 1] in ('=', ';', ',', '[]', '__attribute__') and i and
                texts[i - 1] not in ('struct', 'union', 'enum', '__attribute__')):
            found.append(('variable', text))
            if texts[i + 1] == '=':
                break
    return found


def macros(toks):
    return re.findall(r'^[ \t]*#[ \t]*define[ \t]+(\w+)', '\n'.join(t for k, t in toks if k == 'directive'), re.M)


def renamed(toks, names, members, tags=frozenset()):
    """The tokens' text with names replaced; members: those behind . and -> too; tags: only behind struct, union, enum."""
    out, last = [], ''
    for kind, text in toks:
        if kind == 'name' and (members or last not in ('.', '->')) and (text not in tags or last in TAGGED):
            text = names.get(text, text)
        elif kind == 'directive' and '#include' not in text.replace(' ', ''):
            before = '' if members else r'(?<![.>])'
            text = re.sub(before + r'(\b(?:struct|union|enum)\s+)?\b([A-Za-z_]\w*)', lambda m: (m.group(1) or '') + (
                m.group(2) if m.group(2) in tags and not m.group(1) else names.get(m.group(2), m.group(2))), text)
        out.append((kind, text))
        if kind not in ('comment', 'space'):
            last = text
    return out


def is_static(code, words):
    return any(text in words for _, text in flat(code))


def public_names(toks):
    names = set(macros(toks))
    for code in statements(toks):
        names.update(name for kind, name in declared(code) if kind != 'tag')
    return names


def public_tags(toks):
    """What is behind struct, union and enum, defined there or not, and nothing else's name."""
    words = [text for kind, text in toks if kind not in ('comment', 'space')]
    found = {b for a, b in zip(words, words[1:]) if a in TAGGED and re.match(r'[A-Za-z_]', b)}
    return found - public_names(toks)


def new_names(names, prefix):
    """What --prefix makes of public names, by name. Ours by their looks stay; two underscores stay in front."""
    new = {}
    for name in names:
        if OURS.match(name):
            continue
        under, rest = re.match(r'(__)?(\w+)$', name).groups()
        new[name] = (under or '') + (prefix.upper() if rest.isupper() else prefix) + rest
    both = set(new.values()) & set(names)
    if both:
        raise ValueError('with %s in front there would be two of %s' % (prefix, ', '.join(sorted(both))))
    return new


def prefixed(text, names, tags):
    return ''.join(t for _, t in renamed(tokens(text), names, True, tags))
