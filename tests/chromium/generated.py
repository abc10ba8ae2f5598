# SPDX-License-Identifier: BSD-3-Clause
"""Stands in for those generated headers of Chromium that are cheap to make without a build.

Build flags are written by Chromium's own generator, from the BUILD.gn that declares them;
their values are what KNOWN says, else what the text says, else false. Mojom bindings are made
by Chromium's own generator as well, without the typemaps that only gn knows, where few other
mojoms are imported.
"""

import re
import shlex
import subprocess
import sys

KNOWN = {'use_seccomp_bpf': 'true', 'use_zygote': 'true', 'has_64_bit_pointers': 'true',
         'user_space_zero_segment_size_mb': '0'}

TARGET = re.compile(r'^( *)(?:pa_)?buildflag_header\("[^"]*"\) \{\n(.*?)\n\1\}$', re.DOTALL | re.M)
FLAG = re.compile(r'"([A-Z][A-Z0-9_]*)=((?:[^"\\]|\\.)*)"')
MANY_MOJOMS = 40  # imported ones, beyond which bindings are not cheap to make
PARTITION_ALLOC = 'base/allocator/partition_allocator/src'  # has a generator of its own


def declarations(tree, changed):
    """What declares the header that is included by this name: {name: (generator, text)}."""
    found = {}
    for build in tree.rglob('*.gn'):
        now = changed / build.relative_to(tree)
        text = (now if now.exists() else build).read_text(errors='replace')
        folder = build.parent.relative_to(tree).as_posix()
        generator = tree / 'build/write_buildflag_header.py'
        if folder.startswith(PARTITION_ALLOC):
            folder = folder[len(PARTITION_ALLOC) + 1:]
            generator = build.parent / 'write_buildflag_header.py'
        for _, target in TARGET.findall(text):
            header = re.search(r'header = "([^"]*)"', target)
            where = re.search(r'header_dir = "([^"]*)"', target)
            if header:
                place = where.group(1) if where else folder
                found[f'{place}/{header.group(1)}'] = (generator, target)
    return found


class Generator:
    def __init__(self, tree, changed, out, flags):
        """tree: Chromium's source; changed: files of it that a patch changed; out: where to
        write; flags: values by gn's names."""
        self.tree, self.out, self.flags = tree, out, {**KNOWN, **flags}
        self.declared = declarations(tree, changed)
        self.made = {}  # by what: names

    def make(self, header):
        """Whether the header that is included by this name could be made."""
        if '.mojom' in header:
            kind, made = "Chromium's mojom generator", self.make_mojom(header)
        elif header in self.declared:
            generator, target = self.declared[header]
            kind = "Chromium's buildflag generator"
            made = self.write(header, generator, FLAG.findall(target))
        else:
            return False
        if made and header not in self.made.setdefault(kind, []):
            self.made[kind].append(header)
            return True
        return False  # also if it was made and is still not found

    def value(self, text):
        name = re.fullmatch(r'\$\{?(\w+)\}?', text)
        if name:
            return self.flags.get(name.group(1), 'false')
        if text.startswith('\\"'):
            return '""'  # a string that only gn knows
        return 'false' if '$' in text else text

    def write(self, header, generator, flags):
        response = self.out / 'flags.rsp'
        target = self.out / header
        target.parent.mkdir(parents=True, exist_ok=True)
        response.write_text(shlex.join(['--flags', *(f'{name}={self.value(value)}'
                                                     for name, value in flags)]))
        return self.run([generator, '--output', header, '--rulename', f'//{header}',
                         '--gen-dir', self.out, '--definitions', response])

    def make_mojom(self, header):
        source = header[:header.index('.mojom') + len('.mojom')]
        mojoms = self.with_imports(source)
        if not 0 < len(mojoms) <= MANY_MOJOMS:
            return False
        parser = self.tree / 'mojo/public/tools/mojom/mojom_parser.py'
        generator = self.tree / 'mojo/public/tools/bindings/mojom_bindings_generator.py'
        bindings = [generator, '-o', self.out, 'generate', '-d', self.tree, '-I', self.tree,
                    '--bytecode_path', self.out, '-g', 'c++', '-c', '', self.tree / source]
        steps = [
            [parser, '--input-root', self.tree, '--output-root', self.out,
             '--mojoms', *mojoms],
            [generator, '-o', self.out, 'precompile'],
            bindings,
            [*bindings, '--generate_non_variant_code'],
        ]
        return all(self.run(step) for step in steps) and (self.out / header).exists()

    def with_imports(self, source):
        found, left = [], [source]
        while left:
            name = left.pop()
            if name not in found and (self.tree / name).exists():
                found.append(name)
                left += re.findall(r'^import "([^"]*)";', (self.tree / name).read_text(), re.M)
        return [self.tree / name for name in found]

    def run(self, step):
        with open(self.out / 'generators.log', 'a', encoding='utf-8') as log:
            log.write(' '.join(str(word) for word in step) + '\n')
            log.flush()
            return subprocess.run([sys.executable, *step], stdout=log, stderr=log,
                                  cwd=self.out).returncode == 0
