#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The build fails when the public headers, the linker's map and the symbols of the library do not agree: one of the three is
changed at a time, and the check that the build runs names what was changed.

usage: symbols.py SOURCE_FOLDER BUILD_FOLDER LIBRARY CHECKS CC...       CHECKS: yes or no
"""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'common'))
from tap import run_cases

source, build, library, checks, *compiler = sys.argv[1:]
the_map = os.path.join(source, 'lib', 'libvmaple.map')
include = os.path.join(source, 'include')


def expect(told, map_file=the_map, headers=include, lib=library):
    """The check ends with 0 and says nothing, or with 1 and says this."""
    done = subprocess.run([os.path.join(source, 'tools', 'check-symbols'), *(['--checks'] if checks == 'yes' else []),
                           map_file, headers, lib, *compiler], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert (done.returncode, done.stdout.strip()) == (1 if told else 0, told), done.stdout


def changed(path, folder, old, new):
    """A copy of a file or a folder of headers, in which one text is another: its path."""
    copy = os.path.join(folder, 'copy')
    (shutil.copytree if os.path.isdir(path) else shutil.copy)(path, copy)
    for file in (os.path.join(copy, 'vmaple', n) for n in os.listdir(include + '/vmaple')) if os.path.isdir(copy) else [copy]:
        with open(file, encoding='utf-8') as text:
            text = text.read()
        if old in text:
            with open(file, 'w', encoding='utf-8') as out:
                out.write(text.replace(old, new, 1))
            return copy
    raise AssertionError('%s has no %r' % (path, old))


def stub(folder, names):
    """A library with these symbols."""
    path = os.path.join(folder, 'stub.c')
    with open(path, 'w', encoding='utf-8') as file:
        file.writelines('void %s(void) {}\n' % name for name in names)
    subprocess.run([*compiler, '-w', '-fno-builtin', '-shared', '-fPIC', '-o', path + '.so', path], check=True)
    return path + '.so'


def headers_map_and_library_agree(_):
    expect('')


def a_declaration_more_in_a_header(folder):
    expect('mm_forgotten is in the headers, not in the map and the library', headers=changed(
        include, folder, 'VMAPLE_API void mm_exit(', 'int mm_forgotten(struct mm_struct *mm);\nVMAPLE_API void mm_exit('))


def a_declaration_less_in_a_header(folder):
    expect('vmaple_version is in the map and the library, not in the headers',
           headers=changed(include, folder, 'VMAPLE_API const char *vmaple_version(void);', ''))


def an_object_less_in_the_map(folder):
    expect('anon_vma_rmap is in the headers and the library, not in the map',
           changed(the_map, folder, '\tanon_vma_rmap;\n', ''))


def a_name_more_in_the_map(folder):
    expect('internal_thing is in the map, not in the headers and the library',
           changed(the_map, folder, 'local:', '\tinternal_thing;\nlocal:'))


def a_symbol_more_in_the_library(folder):
    listed = subprocess.run(['nm', '-D', '--defined-only', library], stdout=subprocess.PIPE, text=True, check=True).stdout
    names = sorted({line.split()[2].split('@')[0] for line in listed.splitlines() if line.split()[1] != 'A'})
    expect('', lib=stub(folder, names))
    expect('slab_grow is in the library, not in the map and the headers', lib=stub(folder, names + ['slab_grow']))


def the_build_makes_the_check(_):
    with open(os.path.join(build, 'build.ninja'), encoding='utf-8') as file:
        rules = [line for line in file if line.startswith(('build all:', 'build product:'))]
    assert len(rules) == 2 and all(' symbols.stamp' in rule for rule in rules), rules


run_cases(headers_map_and_library_agree, a_declaration_more_in_a_header, a_declaration_less_in_a_header,
          an_object_less_in_the_map, a_name_more_in_the_map, a_symbol_more_in_the_library, the_build_makes_the_check)
