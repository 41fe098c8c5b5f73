# SPDX-License-Identifier: MIT
"""Recipe for Conan 2, of the sources that it lies in: conan create contrib/conan

The engine alone, as a static library that needs no other package.
"""
import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.files import copy
from conan.tools.meson import Meson, MesonToolchain


class Vmaple(ConanFile):
    name = 'vmaple'
    license = 'MIT'
    description = 'The Linux VMA layer as a library: trees, range maps, the engine, reverse maps and paging'
    package_type = 'static-library'
    settings = 'os', 'arch', 'compiler', 'build_type'
    sources_of_engine = 'meson.build', 'meson_options.txt', 'LICENSE', 'include/*', 'lib/*'

    def set_version(self):
        with open(os.path.join(self.recipe_folder, '..', '..', 'meson.build'), encoding='utf-8') as file:
            self.version = re.search(r"version: '([^']+)'", file.read()).group(1)

    def export_sources(self):
        for pattern in self.sources_of_engine:
            copy(self, pattern, os.path.join(self.recipe_folder, '..', '..'), self.export_sources_folder)

    def validate(self):
        if self.settings.os != 'Linux' or self.settings.arch in ('x86', 'armv7'):
            raise ConanInvalidConfiguration('vmaple is for Linux on machines of 64 bits')

    def configure(self):
        self.settings.rm_safe('compiler.libcxx')
        self.settings.rm_safe('compiler.cppstd')

    def generate(self):
        toolchain = MesonToolchain(self)
        toolchain.project_options['engine_only'] = True
        toolchain.project_options['tests'] = False
        toolchain.generate()

    def build(self):
        meson = Meson(self)
        meson.configure()
        meson.build()

    def package(self):
        Meson(self).install()
        copy(self, 'LICENSE', self.source_folder, os.path.join(self.package_folder, 'licenses'))

    def package_info(self):
        self.cpp_info.libs = ['vmaple']
        self.cpp_info.set_property('pkg_config_name', 'vmaple-static')
        self.cpp_info.system_libs = ['pthread']
