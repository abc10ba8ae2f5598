#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The conversation between a browser and its zygote, from the browser's side."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case  # noqa: E402

TESTS = '/app/libexec/nestbox-tests'
KILLED, CRASHED = '2 0x9 gone', '3 0x5 gone'  # TerminationStatus, wait status
# Chromium's own: with no descriptor of a browser's, its children stop themselves.
CRASHES = {CRASHED, '3 0x4 gone', '3 0x6 gone', '3 0xb gone'}


class VisiblePids(case.SessionCase):
    options = ()

    def talk(self, mode, *command):
        status, output = self.run_in_app('nestbox', 'run', *self.options, '--',
                                         f'{TESTS}/talk-to-zygote', mode, *command, timeout=60)
        self.assertEqual(status, 0, output)
        self.assertEqual(output.splitlines()[-1], 'done')
        return dict(line.split(' = ') for line in output.splitlines() if ' = ' in line)

    def check_table(self, word, mode, *words):
        rows = self.talk(mode, f'{TESTS}/fake-zygote', '--type=zygote', *words)
        self.assertEqual(rows, {
            'status word': word,
            'exit': '1 0x700 gone',
            'crash': '3 0xb gone',
            'known dead': KILLED,
            'SIGKILL': KILLED,
            'SIGTERM': '2 0xf gone',
            'SIGSEGV': '3 0xb gone',
            'SIGTERM then SIGKILL': KILLED,
            'reap': 'gone after no time',
            'reap of a stubborn one': 'gone after 2 s',
            'silent': '-1',
            'after the silent one': KILLED,
        })

    def test_01_every_end_of_a_child_is_told_as_it_was(self):
        self.check_table('0x2f', 'table')

    def test_02_chromiums_own_zygote(self):
        rows = self.talk('types', '/app/chromium/chromium', '--type=zygote', '--headless=new')
        self.assertEqual(rows['status word'], '0x2f')
        for type_ in ('renderer', 'utility'):
            self.assertIn(rows[f'{type_} ends'], CRASHES)
            self.assertIn(rows[f'{type_} known dead'], CRASHES | {KILLED})
            self.assertRegex(rows[f'{type_} reap'], '^gone after')

    def test_03_the_same_of_processes_that_the_browser_does_not_sandbox(self):
        self.check_table('0x0', 'table', '--no-zygote-sandbox')

    def test_04_the_same_of_gpu_processes(self):
        self.check_table('0x0', 'gpu-table', '--no-zygote-sandbox')

    def test_05_gpu_processes_open_what_drivers_need_and_no_more(self):
        """Their zygote, in the same sub-sandbox, is free to open all of it."""
        rows = self.talk('look', f'{TESTS}/fake-zygote', '--type=zygote', '--no-zygote-sandbox')
        allowed = ['reads /usr/bin/sh', 'reads /etc/passwd', 'reads /proc/self/status',
                   'writes /dev/null', 'writes /dev/shm/look', 'writes /tmp/look']
        denied = ['reads /', 'reads /run', 'reads /var/tmp', 'writes /var/tmp/look', 'executes']
        for what in allowed + denied + ['signals its parent']:
            self.assertEqual(rows[f'zygote {what}'], 'ok', what)
        for what in allowed:
            self.assertEqual(rows[f'process {what}'], 'ok', what)
        for what in denied:
            self.assertEqual(rows[f'process {what}'], 'EACCES', what)
        self.assertEqual(rows['process signals its parent'], 'no')
        self.assertEqual(rows['look'], '0 0x0 gone')


class ByLibrary(case.SessionCase):
    """What a browser with the build flag does (third_party/chromium): no `nestbox run`."""
    own_score = '300'

    def talk(self, mode, *command):
        status, output = self.run_in_app(f'{TESTS}/talk-to-zygote', '--library', mode,
                                         *command, timeout=60)
        self.assertEqual(status, 0, output)
        self.assertEqual(output.splitlines()[-1], 'done')
        return dict(line.split(' = ') for line in output.splitlines() if ' = ' in line)

    test_01_every_end_of_a_child_is_told_as_it_was = \
        VisiblePids.test_01_every_end_of_a_child_is_told_as_it_was
    check_table = VisiblePids.check_table
    test_02_chromiums_own_zygote = VisiblePids.test_02_chromiums_own_zygote

    def test_03_oom_scores_of_what_is_in_the_sandbox_and_of_what_is_not(self):
        rows = self.talk('oom', f'{TESTS}/fake-zygote', '--type=zygote')
        self.assertEqual(rows['child'], self.own_score)
        self.assertEqual(rows['own'], '300')
        self.assertEqual(rows['known dead'], KILLED)


class ByLibraryHiddenPids(ByLibrary):
    """The score is the child's; its stand-in, which is what the browser sees, keeps 0."""
    hidden_pids = True
    own_score = '0'


class HiddenPids(VisiblePids):
    hidden_pids = True


class ForcedStandIns(VisiblePids):
    options = ('--pids=stand-in',)


if __name__ == '__main__':
    case.main()
