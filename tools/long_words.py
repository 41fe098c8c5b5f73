#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sources whose words are long long: each long becomes one, with the numbers, builtins, limits and conversions of that type.

A guest's address has 64 bits whatever the host has, and it is a long in these sources. Where that is shorter than a
pointer (64-bit Windows), or than an address of the guest (machines of 32 bits), they are compiled in this form; pointers are
uintptr_t wherever they are numbers. Where a long has 64 bits nothing changes but the names of types.

usage: long_words.py FOLDER FILE...      FILEs, named from the sources' folder, into FOLDER under the same names
"""
import os
import re
import sys

sys.dont_write_bytecode = True
from c_names import tokens

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LONGER = {'ULONG_MAX': 'ULLONG_MAX', 'LONG_MAX': 'LLONG_MAX', 'LONG_MIN': 'LLONG_MIN'}
LONGER.update({'__builtin_%sl' % name: '__builtin_%sll' % name for name in ('clz', 'ctz', 'ffs', 'popcount')})


def long_is_long_long(text):
    """The text with long long for long, but for what includes name. Where it is already so, nothing changes."""
    toks, out = tokens(text), []
    words = [i for i, (kind, _) in enumerate(toks) if kind not in ('comment', 'space')]
    beside = {a: toks[b][1] for a, b in zip(words, words[1:])}
    before = {b: toks[a][1] for a, b in zip(words, words[1:])}
    for i, (kind, tok) in enumerate(toks):
        if kind == 'directive' and '#include' not in tok.replace(' ', ''):
            head, name, rest = re.match(r'(\s*#\s*\w*)(\s*\w*)(.*)', tok, re.S).groups()
            tok = head + name + (long_is_long_long(rest) if 'define' in head else rest)
        elif kind == 'name' and tok == 'long' and 'long' not in (beside.get(i), before.get(i)):
            tok = 'long long'
        elif kind == 'name':
            tok = LONGER.get(tok, tok)
        elif kind == 'string':
            tok = re.sub(r'(%[-0]*\d*)l(?=[uxd])', r'\1ll', tok)
        elif kind == 'other' and re.match(r'\d', tok):
            tok = re.sub(r'^(0x[0-9a-fA-F]+|\d+)(U?)L$', r'\1\2LL', tok)
        out.append(tok)
    return ''.join(out)


def main(args):
    if len(args) < 2:
        sys.exit('usage: long_words.py FOLDER FILE...')
    for name in args[1:]:
        with open(os.path.join(ROOT, name), encoding='utf-8') as file:
            text = long_is_long_long(file.read())
        out = os.path.join(args[0], name)
        os.makedirs(os.path.dirname(out), exist_ok=True)
        with open(out, 'w', encoding='utf-8') as file:
            file.write(text)


if __name__ == '__main__':
    main(sys.argv[1:])
