#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The port for vcpkg, the recipe for Conan and Debian's changelog name the version of meson.build, and files, options and
libraries that there are. Neither vcpkg nor Conan is run: the recipe is, with a Conan that keeps what it is told.

usage: recipes.py SOURCE_FOLDER
"""
import fnmatch
import json
import os
import re
import sys
import types

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'common'))
from tap import run_cases

source = os.path.abspath(sys.argv[1])


def read(*path):
    with open(os.path.join(source, *path), encoding='utf-8') as file:
        return file.read()


VERSION = re.search(r"version: '([^']+)'", read('meson.build')).group(1)
OPTIONS = {name: kind for name, kind in re.findall(r"option\('(\w+)', type: '(\w+)'", read('meson_options.txt'))}


class Settings(dict):
    """A host, as settings of Conan."""
    __getattr__ = dict.get

    def rm_safe(self, name):
        self.pop(name, None)


class Properties:
    def set_property(self, name, value):
        setattr(self, name, value)


def conan(copied, made):
    """The recipe's class, with what it imports."""
    class Toolchain:
        def __init__(self, recipe):
            self.project_options = made

        def generate(self):
            made['generated'] = True
    names = {'conan': {'ConanFile': type('ConanFile', (), {})},
             'conan.errors': {'ConanInvalidConfiguration': type('ConanInvalidConfiguration', (Exception,), {})},
             'conan.tools': {}, 'conan.tools.files': {'copy': lambda recipe, pattern, src, dst: copied.append((pattern, src))},
             'conan.tools.meson': {'Meson': object, 'MesonToolchain': Toolchain}}
    for name, members in names.items():
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(members)
    scope = {}
    exec(compile(read('contrib', 'conan', 'conanfile.py'), 'conanfile.py', 'exec'), scope)
    recipe = scope['Vmaple']()
    recipe.recipe_folder, recipe.export_sources_folder = os.path.join(source, 'contrib', 'conan'), ''
    recipe.cpp_info = Properties()
    return recipe


def conan_takes_the_version_and_the_files_that_there_are(_):
    copied, made = [], {}
    recipe = conan(copied, made)
    recipe.set_version()
    recipe.export_sources()
    assert (recipe.name, recipe.version) == ('vmaple', VERSION), (recipe.name, recipe.version)
    there = [os.path.relpath(os.path.join(folder, name), source) for folder, _, names in os.walk(source) for name in names]
    assert copied and all(os.path.realpath(src) == os.path.realpath(source) for _, src in copied), copied
    for pattern, _ in copied:
        assert fnmatch.filter(there, pattern), pattern
    # What is built of the engine alone, before meson.build leaves off, is all of it there.
    engine = read('meson.build').split('subdir_done()')[0]
    for folder in re.findall(r"subdir\('(\w+)'\)", engine):
        assert any(pattern == folder + '/*' for pattern, _ in copied), folder


def conan_sets_options_of_the_project_and_names_what_is_built(_):
    made = {}
    recipe = conan([], made)
    recipe.generate()
    assert made.pop('generated')
    assert made['engine_only'] is True and all(OPTIONS.get(name) == 'boolean' for name in made), made
    recipe.package_info()
    assert "static_library('%s'" % recipe.cpp_info.libs[0] in read('lib', 'meson.build'), recipe.cpp_info.libs
    assert "name: '%s'" % recipe.cpp_info.pkg_config_name in read('meson.build').split('subdir_done()')[0]


def conan_refuses_what_the_maple_tree_is_not_for(_):
    recipe = conan([], {})
    refused = sys.modules['conan.errors'].ConanInvalidConfiguration
    recipe.settings = Settings(os='Linux', arch='armv8')
    recipe.validate()
    for system, arch in (('Linux', 'x86'), ('Windows', 'x86_64')):
        recipe.settings = Settings(os=system, arch=arch)
        try:
            recipe.validate()
        except refused:
            continue
        raise AssertionError('%s on %s is taken' % (system, arch))


def vcpkg_names_the_version_and_options_of_the_project(_):
    port = json.loads(read('contrib', 'vcpkg', 'vmaple', 'vcpkg.json'))
    assert (port['name'], port['version'], port['license']) == ('vmaple', VERSION, 'MIT'), port
    assert set(port) <= {'name', 'version', 'description', 'license', 'supports', 'dependencies'}, port
    assert all(dependency['host'] for dependency in port['dependencies'])
    text = read('contrib', 'vcpkg', 'vmaple', 'portfile.cmake')
    options = dict(re.findall(r'-D(\w+)=(\w+)', text))
    assert options['engine_only'] == 'true' and set(options) <= set(OPTIONS), options
    path = re.search(r'"\$\{CMAKE_CURRENT_LIST_DIR\}/([^"]*)"', text).group(1)
    top = os.path.normpath(os.path.join(source, 'contrib/vcpkg/vmaple', path))
    assert os.path.samefile(top, source), top
    for file in re.findall(r'"\$\{SOURCE_PATH\}/([^"]+)"', text):
        assert os.path.exists(os.path.join(source, file)), file


def debian_s_changelog_has_the_version(_):
    assert re.match(r'vmaple \(([^)]*)\)', read('debian', 'changelog')).group(1) == VERSION
    assert "VMAPLE_0.1 " in read('lib', 'libvmaple.map') and '(symver)VMAPLE_0.1 0.1.0' in read('debian', 'libvmaple0.symbols')
    assert read('debian', 'copyright').count('Expat') and read('LICENSE').startswith('MIT')


run_cases(conan_takes_the_version_and_the_files_that_there_are, conan_sets_options_of_the_project_and_names_what_is_built,
          conan_refuses_what_the_maple_tree_is_not_for, vcpkg_names_the_version_and_options_of_the_project,
          debian_s_changelog_has_the_version)
