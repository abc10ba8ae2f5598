#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The base filters under an unmodified Chromium: everything works, and next to nothing that
it wants is denied."""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, procs  # noqa: E402

# libc makes threads by clone3 first and takes clone where there is none. Flatpak's own
# filter, where it denies that already, decides before ours is asked.
EXPECTED = {'clone3'}

FEATURES = {'webgl': '51,102,153,255', 'audio': 'plays', 'loopback': 'over the loopback',
            'sharedMemoryWorker': 42, 'cache': 1, 'privateFile': 4}

DENIAL = re.compile(r'seccomp: (?P<kind>[a-z-]+) pid=\d+: (?P<call>\S*) (?P<number>\d+) '
                    r'\((?P<arguments>[^)]*)\) = (?P<error>E[A-Z]+), called before 0x')


class Watched(case.SessionCase):
    """NESTBOX_DEBUG=seccomp: denials are logged, and answered all the same."""

    options = ()

    def browse(self, browser):
        """Uses what a page can use; the results of the feature page."""
        tab = browser.tab(self.served.url('index.html'))
        self.assertEqual(tab.evaluate('usePage()')['worker'], 42)
        tab.go(self.served.url('features.html'))
        results = tab.evaluate('useFeatures()', timeout=120)
        pdf = tab.call('Page.printToPDF')['data']
        tab.go('data:application/pdf;base64,' + pdf)
        tab.go('chrome://gpu')
        self.assertIn('Graphics', tab.evaluate('document.body.innerText + document.title'
                                               ' + "Graphics"'))
        tab.close()
        return results

    def run_watched(self, *flags):
        with self.browser(options=self.options, environment={'NESTBOX_DEBUG': 'seccomp'},
                          flags=('--autoplay-policy=no-user-gesture-required', *flags),
                          log=f'{type(self).__name__}.log') as browser:
            results = self.browse(browser)
            kinds = {procs.kind(pid) for pid in browser.pids()}
        return results, kinds, [match.groupdict() for match in
                                DENIAL.finditer(browser.output())]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.served = case.Server()

    @classmethod
    def tearDownClass(cls):
        cls.served.close()
        super().tearDownClass()

    def test_01_everything_works_and_only_clone3_is_denied(self):
        results, kinds, denials = self.run_watched()
        self.assertEqual(results, FEATURES)
        self.assertLessEqual({'renderer', 'gpu-process', 'zygote', 'utility:none'}, kinds)
        self.assertEqual([denial for denial in denials if denial['call'] not in EXPECTED], [])


class WatchedHidden(Watched):
    hidden_pids = True


class Denials(case.SessionCase):
    """Programs in the children's places, which want what they must not have."""

    NETWORK = ('--type=utility', '--utility-sub-type=network.mojom.NetworkService')
    KINDS = {'network': NETWORK, 'gpu': ('--type=gpu-process',),
             'utility': ('--type=utility', '--service-sandbox-type=service')}
    PROGRAMS = '/app/libexec/nestbox-tests'

    def act(self, *words, debug=''):
        """(what browser and child got, the denials that were logged)."""
        status, output = self.run_in_app(
            'nestbox', 'run', '--gpu=app', '--', f'{self.PROGRAMS}/act-as-child', *words,
            options=(f'--env=NESTBOX_DEBUG={debug}',))
        self.assertEqual(status, 0, output)
        rows = dict(line.split(' = ', 1) for line in output.splitlines()
                    if line.startswith(('browser ', 'child ')))
        return rows, [match.groupdict() for match in DENIAL.finditer(output)]

    def check(self, kind, rows):
        for attempt in ('internet socket', 'signal parent', 'signal self', 'signal group',
                        'signal thread'):
            self.assertEqual(rows[f'browser {attempt}'], 'ok', 'works without a filter')
        self.assertEqual(rows['child internet socket'],
                         'ok' if kind == 'network' else 'EAFNOSUPPORT')
        self.assertEqual(rows['child signal parent'], 'EPERM')
        self.assertEqual(rows['child signal group'], 'EPERM')
        self.assertEqual(rows['child signal self'], 'ok')
        self.assertEqual(rows['child signal thread'], 'EPERM')

    def test_01_each_kind_has_its_filter(self):
        for kind, words in self.KINDS.items():
            with self.subTest(kind=kind):
                rows, denials = self.act(*words)
                self.check(kind, rows)
                self.assertEqual(denials, [])

    def test_02_denials_are_logged_and_stay_denials(self):
        for kind, words in self.KINDS.items():
            with self.subTest(kind=kind):
                rows, denials = self.act(*words, debug='seccomp')
                self.check(kind, rows)
                self.assertEqual({denial['kind'] for denial in denials}, {kind})
                calls = {'tkill', 'kill'} | ({'socket'} if kind != 'network' else set())
                self.assertEqual({denial['call'] for denial in denials}, calls)

    def test_03_no_sandbox_means_none_of_ours(self):
        rows, _ = self.act('--type=gpu-process', '--no-sandbox')
        self.assertEqual({value for value in rows.values()}, {'ok'})

    def test_04_a_zygote_in_the_sub_sandbox_is_watched_as_well(self):
        status, output = self.run_in_app(
            'nestbox', 'run', '--', f'{self.PROGRAMS}/launch-like-chromium',
            f'{self.PROGRAMS}/probe-walls', '--type=zygote',
            options=('--env=NESTBOX_DEBUG=seccomp',))
        self.assertEqual(status, 0, output)
        self.assertIn('child signal sibling = EPERM', output)
        denials = [match.groupdict() for match in DENIAL.finditer(output)]
        self.assertLessEqual({('socket', 'EAFNOSUPPORT'), ('kill', 'EPERM')},
                             {(denial['call'], denial['error']) for denial in denials})


class DenialsHidden(Denials):
    hidden_pids = True


class Unwatched(Watched):
    """The same as everyone runs it."""

    def test_01_everything_works_and_only_clone3_is_denied(self):
        with self.browser(flags=('--autoplay-policy=no-user-gesture-required',),
                          log='Unwatched.log') as browser:
            self.assertEqual(self.browse(browser), FEATURES)
            self.assertEqual(DENIAL.findall(browser.output()), [])


class WithoutNestbox(Watched):
    """What the page can do without any of it: the measure."""

    def test_01_everything_works_and_only_clone3_is_denied(self):
        with self.browser(kind='no-sandbox', log='no-sandbox.log',
                          flags=('--autoplay-policy=no-user-gesture-required',)) as browser:
            self.assertEqual(self.browse(browser), FEATURES)


if __name__ == '__main__':
    case.main()
