#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make docs`: the front page leads to every header, every public function is in the search of the HTML pages and has a man page
that leads to its declaration, and every link leads somewhere.

usage: reference.py SOURCE_FOLDER
"""
import html.parser
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'common'))
from tap import run_cases

source = sys.argv[1]


class Page(html.parser.HTMLParser):
    """The places of a page that a link can name, and the links that it has."""

    def __init__(self, path):
        super().__init__()
        self.places, self.links = set(), set()
        with open(path, encoding='utf-8') as file:
            self.feed(file.read())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.places.update(attrs[key] for key in ('id', 'name') if attrs.get(key))
        self.links.update(attrs[key] for key in ('href', 'src') if attrs.get(key))


def pages():
    return {name: Page(os.path.join(made, 'html', name)) for name in os.listdir(made + '/html') if name.endswith('.html')}


def unresolved(found, page, link):
    url = urllib.parse.urlsplit(link)
    if url.scheme or url.netloc or link.startswith('#') and not url.fragment:
        return False
    target = urllib.parse.unquote(url.path) or page
    if not os.path.exists(os.path.join(made, 'html', target)):
        return True
    return bool(url.fragment) and target in found and urllib.parse.unquote(url.fragment) not in found[target].places


def every_link_leads_somewhere(_):
    found = pages()
    links = [(page, link) for page in found for link in found[page].links]
    dead = [pair for pair in links if unresolved(found, *pair)]
    assert len(found) > 50 and len(links) > 2000, (len(found), len(links))
    assert not dead, '%d of %d links: %s' % (len(dead), len(links), dead[:5])
    assert unresolved(found, 'index.html', 'mm_8h.html#nowhere') and unresolved(found, 'index.html', 'nowhere.html')


def the_front_page_leads_to_every_header(_):
    links = Page(os.path.join(made, 'html', 'index.html')).links
    headers = os.listdir(os.path.join(source, 'include', 'vmaple'))
    missing = [name for name in headers if name.replace('_', '__').replace('.', '_8') + '.html' not in links]
    assert len(headers) > 30 and not missing, missing


def exported():
    with open(os.path.join(source, 'lib', 'libvmaple.map'), encoding='utf-8') as file:
        text = file.read()
    return set(re.findall(r'^\t(\w+);', text[:text.index('local:')], re.M))


def every_function_can_be_searched_for(_):
    names = set()
    for name in os.listdir(made + '/html/search'):
        if re.match(r'all_.*\.js', name):
            with open(os.path.join(made, 'html', 'search', name), encoding='utf-8') as file:
                names.update(re.findall(r"\['(\w+)',\['\.\./", file.read()))
                file.seek(0)
                names.update(re.findall(r",\['(\w+)'", file.read()))
    missing = exported() - names
    assert len(exported()) > 300 and not missing, sorted(missing)[:9]


def every_function_has_a_man_page_with_its_declaration(_):
    shown = {}
    for name in sorted(exported()):
        with open(os.path.join(made, 'man', 'man3', name + '.3'), encoding='utf-8') as file:
            leads = re.match(r'\.so man3/(vmaple_[\w.]+)\n$', file.read())
        assert leads, name
        page = leads.group(1)
        if page not in shown:
            done = subprocess.run(['man', '--warnings', '-l', os.path.join(made, 'man', 'man3', page)], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ, MANWIDTH='300', LC_ALL='C.UTF-8'))
            assert done.returncode == 0 and not done.stderr, done.stderr
            shown[page] = done.stdout
        assert re.search(r'\b%s\b' % re.escape(name), shown[page]), '%s is not in %s' % (name, page)


def every_page_says_what_it_is_about(_):
    for name in os.listdir(made + '/man/man3'):
        with open(os.path.join(made, 'man', 'man3', name), encoding='utf-8') as file:
            text = file.read()
        assert text.startswith('.so ') or re.search(r'^\.SH NAME\n[^ ]+ \\- .', text, re.M), name


def no_page_has_a_name_that_others_could_want(_):
    names = [name[:-2] for name in os.listdir(made + '/man/man3')]
    assert not [name for name in names if '_' not in name], names
    assert not [name for name in names if '/' in name or '@' in name]


with tempfile.TemporaryDirectory() as folder:
    made = os.path.join(folder, 'docs')
    done = subprocess.run([os.path.join(source, 'tools', 'docs'), made], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode == 77:
        print('1..0 # SKIP ' + done.stdout.strip())
        sys.exit(0)
    if done.returncode:
        print('Bail out! tools/docs: ' + done.stdout[:2000])
        sys.exit(1)
    run_cases(every_link_leads_somewhere, the_front_page_leads_to_every_header, every_function_can_be_searched_for,
              every_function_has_a_man_page_with_its_declaration, every_page_says_what_it_is_about, no_page_has_a_name_that_others_could_want)
