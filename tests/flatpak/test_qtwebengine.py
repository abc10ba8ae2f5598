#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""QtWebEngine, both generations of the distribution, in real Flatpak: without nestbox it
has no sandbox but its seccomp filter, and says nothing of it; through nestbox it has one."""

import pathlib
import re
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, procs, qt  # noqa: E402
from nbrig.case import GONE_WITHIN_S  # noqa: E402
from nbrig.viewer import Viewer  # noqa: E402

ISOLATED = ('pid', 'net', 'mnt', 'ipc')
CRASHED, KILLED = 2, 3  # QWebEnginePage::RenderProcessTerminationStatus
RESULTS = {'frame': 'frame loaded', 'fetch': True, 'storage': 'value', 'database': 'open',
           'worker': 42, 'wasm': True, 'canvas': '18,52,86,255', 'random': 4, 'time': 1970}
# libc makes threads by clone3 first and takes clone where there is none.
EXPECTED_DENIALS = {'clone3'}


def filters(pid):
    return int(procs.status(pid)['Seccomp_filters'])


class Generation(case.SessionCase):
    """A program with QtWebEngine for each test, and pages for it."""

    generation = '6'
    options = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.served = case.Server()

    @classmethod
    def tearDownClass(cls):
        cls.served.close()
        super().tearDownClass()

    def viewer(self, options=None, **more):
        return Viewer(self.session, self.generation, options or self.options,
                         log=f'{type(self).__name__}.log', **more)

    def index(self):
        return self.served.url('index.html')


class WithoutNestbox5(Generation):
    generation = '5'
    options = None

    def test_01_it_runs_silently_beside_the_program_with_one_filter(self):
        with self.viewer() as viewer:
            self.assertEqual(viewer.use_page(viewer.open(self.index())), RESULTS)
            zygote, = viewer.of_kind('zygote')
            renderer, = viewer.of_kind('renderer')
            for pid in (zygote, renderer):
                for kind in ISOLATED:
                    self.assertEqual(procs.namespace(pid, kind),
                                     procs.namespace(viewer.pid, kind))
            self.assertEqual(filters(zygote), filters(viewer.pid))
            self.assertEqual(filters(renderer), filters(viewer.pid) + 1)
            self.assertNotIn('sandbox!', viewer.output(), 'it does not even say so')


class WithoutNestbox6(WithoutNestbox5):
    generation = '6'


class Sandboxed5(Generation):
    generation = '5'
    walls = 0  # filters of the file wall in every process of the sub-sandbox
    stand_ins = False

    def test_01_pages_work(self):
        with self.viewer() as viewer:
            self.assertEqual(viewer.use_page(viewer.open(self.index())), RESULTS)
            self.assertEqual(viewer.use_page(viewer.open(self.index())), RESULTS)
            self.assertEqual(viewer.quit(), 0)

    def test_02_namespaces_are_not_the_programs(self):
        with self.viewer() as viewer:
            viewer.open(self.index())
            zygote, = viewer.of_kind('zygote')
            for pid in [zygote, *viewer.of_kind('renderer')]:
                for kind in ISOLATED:
                    theirs = procs.namespace(pid, kind)
                    self.assertIsNotNone(theirs)
                    self.assertEqual(theirs, procs.namespace(viewer.controller, kind))
                    self.assertNotEqual(theirs, procs.namespace(viewer.pid, kind), kind)
            self.assertTrue(viewer.of_kind('renderer'))
            self.assertEqual(bool(viewer.stand_ins), self.stand_ins)

    def test_03_filters_are_those_of_a_browser(self):
        with self.viewer() as viewer:
            viewer.open(self.index())
            base, own_pid, chromium = 1, 1, 1
            flatpak = filters(viewer.controller)
            self.assertEqual(flatpak, filters(viewer.pid))
            zygote, = viewer.of_kind('zygote')
            self.assertEqual(filters(zygote), flatpak + base + self.walls)
            unsandboxed, = viewer.of_kind('zygote (unsandboxed)')
            self.assertEqual(filters(unsandboxed), flatpak + base)
            for pid in viewer.of_kind('renderer'):
                self.assertEqual(filters(pid),
                                 flatpak + base + self.walls + own_pid + chromium)
            for pid in [zygote, *viewer.of_kind('renderer')]:
                status = procs.status(pid)
                self.assertEqual(status['NoNewPrivs'], '1')
                self.assertEqual(status['CapEff'], '0000000000000000')

    def end_renderers(self, signum):
        """What the program is told when all its renderers get a signal."""
        with self.viewer() as viewer:
            page = viewer.open(self.index())
            for pid in viewer.of_kind('renderer'):
                procs.kill(pid, signum)
            event = viewer.driver.wait_event('terminated', where=lambda p: p['page'] == page)
            self.assertEqual(viewer.use_page(viewer.open(self.index())), RESULTS)
        return event['status']

    def test_04_a_killed_renderer_is_reported_as_killed(self):
        self.assertEqual(self.end_renderers(signal.SIGKILL), KILLED)

    def test_05_a_crashed_renderer_is_reported_as_crashed(self):
        self.assertEqual(self.end_renderers(signal.SIGSEGV), CRASHED)

    def assert_gone(self, viewer, end):
        sandboxed = viewer.sub_sandbox()
        self.assertGreaterEqual(len(sandboxed), 4)
        sandboxed += viewer.named('nestbox-broker') + viewer.named('nestbox-chrome-sandbox')
        end()
        procs.wait_for(lambda: not [pid for pid in sandboxed if procs.exists(pid)],
                       GONE_WITHIN_S, 'the end of the sub-sandbox')

    def test_06_nothing_is_left_when_the_program_ends(self):
        with self.viewer() as viewer:
            viewer.open(self.index())
            self.assert_gone(viewer, lambda: self.assertEqual(viewer.quit(), 0))

    def test_07_nothing_is_left_when_the_program_is_killed(self):
        with self.viewer() as viewer:
            viewer.open(self.index())
            self.assert_gone(viewer, lambda: procs.kill(viewer.pid, signal.SIGKILL))

    def test_08_pages_are_ended_before_the_program_when_memory_is_out(self):
        with self.viewer() as viewer:
            viewer.open(self.index())
            for pid in viewer.of_kind('renderer'):
                self.assertGreaterEqual(int(procs.read(pid, 'oom_score_adj')), 200)
            self.assertLess(int(procs.read(viewer.pid, 'oom_score_adj')), 200)


class Sandboxed6(Sandboxed5):
    generation = '6'


class HiddenPids5(Sandboxed5):
    hidden_pids = True
    stand_ins = True

    def test_09_killing_a_stand_in_kills_its_renderer(self):
        with self.viewer() as viewer:
            page = viewer.open(self.index())
            renderers = viewer.of_kind('renderer')
            for pid in viewer.stand_ins:
                procs.kill(pid, signal.SIGKILL)
            event = viewer.driver.wait_event('terminated', where=lambda p: p['page'] == page)
            self.assertEqual(event['status'], KILLED)
            procs.wait_for(lambda: not [pid for pid in renderers if procs.exists(pid)], 5,
                           'the end of the renderers whose stand-ins were killed')


class HiddenPids6(HiddenPids5):
    generation = '6'


class SeccompWallStandIns6(HiddenPids5):
    """The other wall, and stand-ins where PIDs could be visible."""

    generation = '6'
    hidden_pids = False
    options = ('--pids=stand-in', '--file-wall=seccomp')
    walls = 1


class SeccompWallStandIns5(SeccompWallStandIns6):
    generation = '5'


class InTheZygotesPlace5(Generation):
    """A program that QtWebEngine takes for its zygote tries what a page might."""

    generation = '5'
    FILES = ('/proc/self/exe', '/app', '/app/bin/nestbox', '/usr', '/usr/bin/sh',
             '/etc/passwd', '/', '/.flatpak-info', '/tmp/probe')

    def probe(self, wall):
        probe = {'QTWEBENGINEPROCESS_PATH': '/app/libexec/nestbox-tests/probe-walls'}
        with self.viewer(options=[f'--file-wall={wall}'], environment=probe) as viewer:
            viewer.driver.send('open', url=self.index())  # which never comes
            procs.wait_for(lambda: 'done' in viewer.output().splitlines(), 10,
                           'the end of the attempts')
            procs.kill(viewer.pid, signal.SIGKILL)  # it still waits for its zygote
        output = viewer.output().splitlines()
        names = {line.split()[1].split('=')[0] for line in output
                 if line.startswith('environment ')}
        return dict(line.split(' = ') for line in output if ' = ' in line), names

    def check(self, wall):
        rows, names = self.probe(wall)
        for path in (*self.FILES, self.session.environment['HOME']):
            self.assertEqual(rows[f'before {path}'], 'ok', 'the attack works without the wall')
            self.assertEqual(rows[f'after {path}'], 'EACCES')
            self.assertEqual(rows[f'child {path}'], 'EACCES')
        self.assertEqual(rows['after execute'], 'EACCES')
        self.assertEqual(rows['before interfaces'], '0')
        self.assertEqual(rows['before route'], 'EAFNOSUPPORT')
        self.assertEqual(rows['child signal sibling'], 'EPERM')
        self.assertEqual(rows['child signal parent'], 'EPERM')
        # The helper's environment, and not that of a process in a user namespace.
        self.assertIn('SBX_D', names)
        self.assertNotIn('SBX_USER_NS', names)
        # stdio, control socket, IPC socket, dummy pipe, and the two ends of the helper's.
        fds = {int(name.split()[1]) for name in rows if name.startswith('fd ')}
        self.assertLessEqual(fds, {0, 1, 2, 3, 4, 5, 6, 7, 8})

    def test_01_landlock_denies_files_network_and_siblings(self):
        self.check('landlock')

    def test_02_seccomp_denies_the_same(self):
        self.check('seccomp')


class InTheZygotesPlace6(InTheZygotesPlace5):
    generation = '6'


class Refused5(Generation):
    """Where there can be no sub-sandbox there is no page, and one line says why."""

    generation = '5'

    def open_nothing(self, **more):
        with self.viewer(**more) as viewer:
            try:
                loaded = viewer.driver.call('open', timeout=10, url=self.index())['ok']
            except AssertionError:
                loaded = False  # the program has ended, or waits for its page for ever
            self.assertFalse(loaded)
            self.assertEqual(viewer.of_kind('zygote', 'renderer'), [])
        return viewer.output()

    def test_01_a_zygote_past_the_helper_is_not_executed(self):
        """Told to use neither sandbox it goes on without, as it does without nestbox."""
        output = self.open_nothing(flags=['--disable-namespace-sandbox'])
        self.assertIn('zygote not started: the browser did not ask for its sandbox helper',
                      output)


class Refused6(Refused5):
    generation = '6'


class RefusedWithoutPortal5(Refused5):
    session_options = {'portal': None}

    def test_01_a_zygote_past_the_helper_is_not_executed(self):
        output = self.open_nothing()
        self.assertIn('sandbox not started: the Flatpak portal', output)


class RefusedWithoutPortal6(RefusedWithoutPortal5):
    generation = '6'


class Watched5(Generation):
    """Under the base filters next to nothing that it wants is denied."""

    generation = '5'
    DENIAL = re.compile(r'seccomp: (?P<kind>[a-z-]+) pid=\d+: (?P<call>\S*) \d+ ')

    def test_01_no_denial_but_the_expected(self):
        with self.viewer(environment={'NESTBOX_DEBUG': 'seccomp'}) as viewer:
            self.assertEqual(viewer.use_page(viewer.open(self.index())), RESULTS)
            viewer.quit()
        denied = {match['call'] for match in self.DENIAL.finditer(viewer.output())}
        self.assertLessEqual(denied, EXPECTED_DENIALS)


class Watched6(Watched5):
    generation = '6'


if __name__ == '__main__':
    case.main(qt.up_quietly)
