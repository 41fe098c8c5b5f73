#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The kit's files as a C table: usage: kit_files.py FILE... OUT.c"""
import json
import os
import sys

with open(sys.argv[-1], "w", encoding="utf-8") as out:
    out.write('/* Made by conform/kit_files.py. */\n#include "conform.h"\n\nstatic const struct conform_kit_file files[] = {\n')
    for path in sys.argv[1:-1]:
        with open(path, encoding="utf-8") as f:
            lines = f.read().splitlines(keepends=True)
        out.write('\t{ "%s",\n' % os.path.basename(path))
        out.write("\n".join("\t\t" + json.dumps(line).replace("?", "\\?") for line in lines) + " },\n")
    out.write("\t{ NULL, NULL },\n};\n\nconst struct conform_kit_file *conform_kit_file_at(unsigned int i)\n{\n"
              "\treturn files[i].name ? &files[i] : NULL;\n}\n")
