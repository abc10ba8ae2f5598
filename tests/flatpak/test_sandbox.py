#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""An unmodified Chromium in real Flatpak through nestbox: is it sandboxed, does it work?"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, procs  # noqa: E402
from nbrig.browser import Browser  # noqa: E402

ISOLATED = ('pid', 'net', 'mnt', 'ipc')
TABS, FRAMES_OF_A_TAB = 200, 10
# Each frame is of a site of its own, and so has a renderer of its own.
FRAMES = '''Promise.all ([...Array (%d).keys ()].map (i => new Promise (done => {
  const frame = document.body.appendChild (document.createElement ('iframe'));
  frame.onload = () => done ();
  frame.src = `http://tab%d-frame${i}.localhost:${location.port}/frame.html`; })))'''


class LandlockWall(case.BrowserCase):
    """The normal case: files are denied by Landlock."""

    nestbox_options = ('--file-wall=landlock',)
    walls = 0  # filters of the file wall in every process of the sub-sandbox

    def filters(self, pid):
        return int(procs.status(pid)['Seccomp_filters'])

    def test_01_chrome_sandbox_page_says_adequately_sandboxed(self):
        tab = self.chrome.tab('chrome://sandbox')
        rows = dict(line.split('\t') for line in
                    tab.evaluate('document.body.innerText').splitlines() if '\t' in line)
        text = tab.evaluate('document.body.innerText')
        tab.close()
        self.assertEqual(rows['Layer 1 Sandbox'], 'SUID')
        for row in ('PID namespaces', 'Network namespaces', 'Seccomp-BPF sandbox',
                    'Seccomp-BPF sandbox supports TSYNC'):
            self.assertEqual(rows[row], 'Yes', row)
        self.assertIn('You are adequately sandboxed.', text)

    def test_02_namespaces_are_not_the_browsers(self):
        tab = self.chrome.tab(self.served.url('index.html'))
        children = self.chrome.of_kind('zygote', 'renderer', 'utility:utility',
                                       'utility:service')
        kinds = {procs.kind(pid) for pid in children}
        self.assertLessEqual({'zygote', 'renderer', 'utility:utility'}, kinds)
        for pid in children:
            for kind in ISOLATED:
                theirs = procs.namespace(pid, kind)
                self.assertIsNotNone(theirs)
                self.assertNotEqual(theirs, procs.namespace(self.chrome.pid, kind),
                                    f'{kind} namespace of {procs.kind(pid)}')
        tab.close()

    def test_03_no_privileges_and_seccomp_of_its_own(self):
        tab = self.chrome.tab(self.served.url('index.html'))
        zygote, = self.chrome.of_kind('zygote')
        flatpak = self.filters(self.chrome.controller)
        base, own_pid, chromium = 1, 1, 1
        self.assertEqual(self.filters(zygote), flatpak + base + self.walls)
        for pid in self.chrome.of_kind('zygote', 'renderer', 'utility:utility',
                                       'utility:service'):
            status = procs.status(pid)
            self.assertEqual(status['NoNewPrivs'], '1')
            self.assertEqual(status['CapEff'], '0000000000000000')
        for pid in self.chrome.of_kind('renderer', 'utility:utility', 'utility:service'):
            self.assertEqual(procs.status(pid)['Seccomp'], '2')
            self.assertEqual(self.filters(pid),
                             flatpak + base + self.walls + own_pid + chromium,
                             procs.kind(pid))
        for kind, ours in {'zygote (unsandboxed)': base, 'gpu-process': base + own_pid,
                           'utility:none': base + own_pid}.items():
            found = self.chrome.of_kind(kind)
            self.assertTrue(found, kind)
            for pid in found:
                self.assertEqual(self.filters(pid), self.filters(self.chrome.pid) + ours, kind)
        tab.close()

    def test_04_pages_work(self):
        tab = self.chrome.tab(self.served.url('index.html'))
        results = tab.evaluate('usePage()')
        tab.close()
        self.assertEqual(results, {
            'frame': 'frame loaded', 'fetch': True, 'storage': 'value', 'database': 'open',
            'worker': 42, 'wasm': True, 'canvas': '18,52,86,255', 'random': 4, 'time': 1970})

    def crash(self, method, **parameters):
        """What DevTools says of a page that ends by this command."""
        tab = self.chrome.tab(self.served.url('index.html'))
        self.chrome.devtools.events.clear()
        self.chrome.devtools.call('Target.setDiscoverTargets', discover=True)
        self.chrome.devtools.send(method, tab.session, **parameters)
        event = self.chrome.devtools.wait_event('Target.targetCrashed',
                                                where=lambda p: p['targetId'] == tab.target)
        self.chrome.devtools.call('Target.setDiscoverTargets', discover=False)
        tab.close()
        return event['status']

    def test_05_a_crash_is_reported_as_a_crash(self):
        self.assertEqual(self.crash('Page.navigate', url='chrome://crash'), 'crashed')
        self.assertEqual(self.crash('Page.crash'), 'crashed')

    def test_06_a_kill_is_reported_as_a_kill(self):
        self.assertEqual(self.crash('Page.navigate', url='chrome://kill'), 'killed')

    def test_07_renderers_killed_from_outside_are_reported_as_killed(self):
        tab = self.chrome.tab(self.served.url('index.html'))
        self.chrome.devtools.call('Target.setDiscoverTargets', discover=True)
        self.chrome.devtools.events.clear()
        for pid in self.chrome.of_kind('renderer'):
            procs.kill(pid, 9)
        event = self.chrome.devtools.wait_event('Target.targetCrashed',
                                                where=lambda p: p['targetId'] == tab.target)
        self.assertEqual(event['status'], 'killed')
        self.chrome.devtools.call('Target.setDiscoverTargets', discover=False)
        tab.close()
        self.use_up_dead_renderers()

    def use_up_dead_renderers(self):
        """The spare one was killed as well; the next tab may get it before that is noticed."""
        for _ in range(3):
            try:
                return self.chrome.tab(timeout=5).close()
            except procs.Timeout:
                continue
        self.fail('no page opens after renderers were killed')

    def test_08_what_the_browser_starts_sees_nothing_of_nestbox(self):
        started = [pid for pid in self.chrome.pids()
                   if procs.stat(pid)[1:2] == [str(self.chrome.pid)]
                   or procs.name(pid).startswith('chrome_crashpad')]
        checked = 0
        for pid in set(started) - set(self.chrome.sub_sandbox()):
            if procs.name(pid).startswith('nestbox-') or procs.kind(pid) in (
                    'zygote (unsandboxed)', 'gpu-process'):  # has the zygote preload
                continue
            if procs.argv(pid) == procs.argv(self.chrome.pid):  # about to execute something
                continue
            environment = procs.environment(pid)
            names = [name for name in environment
                     if name == 'LD_PRELOAD' or name.startswith('NESTBOX_')]
            self.assertEqual(names, [], procs.argv(pid)[:2])
            checked += bool(environment)
        self.assertGreaterEqual(checked, 2)

    def test_09_pages_are_ended_before_the_browser_when_memory_is_out(self):
        """Chromium's scores: 300 for renderers, 200 for other children of a zygote."""
        background = self.chrome.tab(self.served.url('index.html'))
        foreground = self.chrome.tab(self.served.url('index.html'))
        foreground.call('Page.bringToFront')

        def scores(*kinds):
            return {int(procs.read(pid, 'oom_score_adj') or -1)
                    for pid in self.chrome.of_kind(*kinds)}

        procs.wait_for(lambda: scores('renderer') == {300}, 5, 'the scores of renderers')
        self.assertEqual(scores('utility:utility'), {200})
        self.assertEqual(scores('gpu-process'), {200})
        self.assertLess(int(procs.read(self.chrome.pid, 'oom_score_adj')), 200)
        background.close()
        foreground.close()

    def test_09_pages_weigh_as_much_as_the_browser_once_it_has_started(self):
        """Less at first: see zygote/controller/background.h."""
        zygote, = self.chrome.of_kind('zygote')
        weight = pathlib.Path(f'/proc/{zygote}/autogroup')
        if not weight.exists():
            self.skipTest('this kernel has no autogroups (CONFIG_SCHED_AUTOGROUP)')
        procs.wait_for(lambda: weight.read_text().endswith(' nice 0\n'), 5,
                       'the end of its time in the background')
        for child in self.chrome.of_kind('renderer'):
            self.assertEqual(pathlib.Path(f'/proc/{child}/autogroup').read_text(),
                             weight.read_text())


class SeccompWall(LandlockWall):
    """Kernels without Landlock: files are denied by a seccomp filter."""

    nestbox_options = ('--file-wall=seccomp', '--handshake=immediate')
    walls = 1


class HiddenPids(LandlockWall):
    """Everything that holds with visible PIDs holds where they are hidden."""

    hidden_pids = True

    def test_10_every_child_has_a_stand_in_that_the_browser_sees(self):
        tab = self.chrome.tab(self.served.url('index.html'))
        children = self.chrome.of_kind('renderer', 'utility:utility', 'utility:service')
        stand_ins = self.chrome.stand_in_processes
        self.assertGreaterEqual(len(stand_ins), len(children))
        levels = len(procs.status(self.chrome.pid)['NSpid'].split())
        for pid in stand_ins:
            self.assertEqual(procs.namespace(pid, 'pid'),
                             procs.namespace(self.chrome.pid, 'pid'))
        for pid in children:
            self.assertEqual(len(procs.status(pid)['NSpid'].split()), levels,
                             'not below the browser\'s namespace, but beside it')
        tab.close()

    def crash_by(self, signum):
        """Signals every stand-in; what DevTools says of a page, and that its child ended."""
        tab = self.chrome.tab(self.served.url('index.html'))
        self.chrome.devtools.call('Target.setDiscoverTargets', discover=True)
        self.chrome.devtools.events.clear()
        renderers = self.chrome.of_kind('renderer')
        for pid in self.chrome.stand_in_processes:
            procs.kill(pid, signum)
        event = self.chrome.devtools.wait_event('Target.targetCrashed',
                                                where=lambda p: p['targetId'] == tab.target)
        procs.wait_for(lambda: not [pid for pid in renderers if procs.exists(pid)], 5,
                       'the end of the renderers whose stand-ins were signalled')
        self.chrome.devtools.call('Target.setDiscoverTargets', discover=False)
        tab.close()
        self.use_up_dead_renderers()
        return event['status']

    def test_11_killing_a_stand_in_kills_its_child(self):
        self.assertEqual(self.crash_by(9), 'killed')

    def test_12_terminating_a_stand_in_terminates_its_child(self):
        self.assertEqual(self.crash_by(15), 'killed')

    def test_13_pages_still_open_and_no_stand_in_is_left_over(self):
        tab = self.chrome.tab(self.served.url('index.html'))
        self.assertEqual(tab.evaluate('6 * 7'), 42)
        tab.close()
        procs.wait_for(lambda: len(self.chrome.stand_in_processes) == len(
            self.chrome.of_kind('renderer', 'utility:utility', 'utility:service')), 10,
                       'one stand-in for each child')


class ForcedStandIns(HiddenPids):
    """The same where PIDs could be visible: --pids=stand-in."""

    hidden_pids = False
    nestbox_options = ('--pids=stand-in', '--file-wall=seccomp')
    walls = 1

    def test_10_every_child_has_a_stand_in_that_the_browser_sees(self):
        procs.wait_for(lambda: len(self.chrome.stand_in_processes) == len(
            self.chrome.of_kind('renderer', 'utility:utility', 'utility:service')), 10,
                       'one stand-in for each child')


class Handshake(case.SessionCase):
    """When a browser reads its zygote's greeting is said by words on its command line."""

    FEATURE = 'DeferZygoteHandshake'

    def features(self, *options, flags=()):
        """What the browser itself says that it was started with."""
        with Browser(self.session, options=options, flags=flags) as chrome:
            tab = chrome.tab('chrome://version')
            line = tab.evaluate("document.getElementById ('command_line').innerText")
            return [word for word in line.split() if '-features=' in word]

    def test_01_is_deferred_unless_somebody_says_otherwise(self):
        self.assertEqual(self.features(), [f'--enable-features={self.FEATURE}'])
        self.assertEqual(self.features('--handshake=deferred'),
                         [f'--enable-features={self.FEATURE}'])
        self.assertEqual(self.features('--handshake=immediate'), [])

    def test_02_other_features_are_kept(self):
        self.assertEqual(self.features(flags=['--enable-features=A,B']),
                         [f'--enable-features=A,B,{self.FEATURE}'])


class WithoutWindow(case.SessionCase):
    """One page and out."""

    def chromium(self, *flags):
        return self.run_in_app('nestbox', 'run', '--', '/app/chromium/chromium',
                               '--headless=new', *flags)

    def test_01_dump_dom(self):
        status, output = self.chromium('--dump-dom', 'data:text/html,<p id=x>hello')
        self.assertEqual(status, 0)
        self.assertIn('<p id="x">hello</p>', output)

    def test_02_print_to_pdf(self):
        name = 'page.pdf'
        status, output = self.chromium(f'--print-to-pdf=/var/cache/{name}',
                                       'data:text/html,<p>hello')
        self.assertEqual(status, 0, output)
        path = self.session.dir / f'home/.var/app/{case.config.APP_ID}/cache/{name}'
        self.assertEqual(path.read_bytes()[:5], b'%PDF-')


class WithoutWindowHidden(WithoutWindow):
    hidden_pids = True


class ManyTabs(case.SessionCase):
    IDLE_RENDERERS = 4  # the first page, the browser's own, one to spare

    def settle(self, browser):
        """Closed tabs end their renderers some time later, and these their stand-ins."""
        procs.wait_for(lambda: len(browser.of_kind('renderer')) <= self.IDLE_RENDERERS, 15,
                       f'no more than {self.IDLE_RENDERERS} renderers')
        procs.wait_for(lambda: len(browser.stand_in_processes) <= len(
            browser.of_kind('renderer', 'utility:utility', 'utility:service')), 10,
                       'no more stand-ins than children')

    def open_and_close(self, browser, count):
        for _ in range(count):
            browser.tab('data:text/html,hello').close()

    def test_01_two_hundred_leave_nothing_behind(self):
        with self.browser() as browser:
            self.open_and_close(browser, 10)  # fills the pools that a browser keeps
            self.settle(browser)
            own = [browser.pid, browser.broker, browser.controller, browser.stand_in]
            fds = [procs.fd_count(pid) for pid in own]
            others = len(browser.pids()) - len(browser.of_kind('renderer'))
            self.open_and_close(browser, TABS)
            self.settle(browser)
            self.assertLessEqual(len(browser.pids()) - len(browser.of_kind('renderer')),
                                 others + self.IDLE_RENDERERS)
            after = [procs.fd_count(pid) for pid in own]
            for name, now, before in zip(('browser', 'broker', 'controller', 'stand-in'),
                                         after, fds):
                self.assertLess(now - before, TABS // 10, f'descriptors of the {name}')
            zombies = [pid for parent in own for pid in procs.children(parent)
                       if procs.state(pid) == 'Z']
            self.assertEqual(zombies, [])


class ManyFramesHidden(ManyTabs):
    """As many renderers as frames of tabs: each costs a third of one in a tab of its own."""

    hidden_pids = True

    def setUp(self):
        self.served = case.Server()

    def tearDown(self):
        self.served.close()
        super().tearDown()

    def open_and_close(self, browser, count):
        for number in range(count // FRAMES_OF_A_TAB):
            tab = browser.tab(self.served.url('frame.html'))
            tab.evaluate(FRAMES % (FRAMES_OF_A_TAB, number))
            self.assertGreaterEqual(len(browser.of_kind('renderer')), FRAMES_OF_A_TAB)
            tab.close()


class InTheZygotesPlace(case.SessionCase):
    """A program with the zygote's set-up tries what a page might, after taking over."""

    PROBE = '/app/libexec/nestbox-tests/probe-walls'
    FILES = ('/proc/self/exe', '/app', '/app/bin/nestbox', '/usr', '/usr/bin/sh',
             '/etc/passwd', '/', '/.flatpak-info', '/tmp/probe')

    def probe(self, wall):
        status, output = self.run_in_app(
            'nestbox', 'run', f'--file-wall={wall}', '--',
            '/app/libexec/nestbox-tests/launch-like-chromium', self.PROBE, '--type=zygote')
        self.assertEqual(status, 0, output)
        rows = dict(line.split(' = ') for line in output.splitlines() if ' = ' in line)
        self.assertIn('done', output.splitlines())
        return rows, output

    def check(self, wall):
        rows, output = self.probe(wall)
        home = self.session.environment['HOME']
        for path in (*self.FILES, home):
            self.assertEqual(rows[f'before {path}'], 'ok', 'the attack works without the wall')
            self.assertEqual(rows[f'after {path}'], 'EACCES')
            self.assertEqual(rows[f'child {path}'], 'EACCES')
        self.assertEqual(rows['before execute'], 'ok')
        self.assertEqual(rows['after execute'], 'EACCES')
        self.assertEqual(rows['before interfaces'], '0')
        for stage in ('before', 'after'):
            self.assertEqual(rows[f'{stage} route'], 'EAFNOSUPPORT')
        for path in ('/run/flatpak/bus', '/run/dbus/system_bus_socket',
                     f'/run/user/{case.config.session_uid()}/bus'):
            self.assertEqual(rows[f'before {path}'], 'ENOENT')
        self.assertEqual(rows['before socket of a bus'], 'EAFNOSUPPORT')
        self.assertEqual(rows['chroot answer'], 'O')
        self.assertEqual(rows['pid checks'], '1 0')
        self.assertEqual(rows['child signal sibling'], 'EPERM')
        self.assertEqual(rows['child signal parent'], 'EPERM')
        return output

    def test_01_landlock_denies_files_network_buses_and_siblings(self):
        self.check('landlock')

    def test_02_seccomp_denies_the_same(self):
        self.check('seccomp')

    def test_03_environment_is_small_and_clean(self):
        _, output = self.probe('landlock')
        names = {line.split(' ', 1)[1].split('=')[0] for line in output.splitlines()
                 if line.startswith('environment ')}
        self.assertLessEqual(names, {
            'HOME', 'PATH', 'LANG', 'LC_ALL', 'LD_LIBRARY_PATH', 'XDG_DATA_DIRS', 'USER',
            'SBX_D', 'SBX_HELPER_PID', 'SBX_CHROME_API_PRV', 'SBX_PID_NS', 'SBX_NET_NS',
            'DBUS_SESSION_BUS_ADDRESS'})
        self.assertIn('environment DBUS_SESSION_BUS_ADDRESS=disabled:', output)

    def test_04_only_what_was_handed_over_is_open(self):
        _, output = self.probe('landlock')
        fds = {int(line.split()[1]): line.split(' = ')[1] for line in output.splitlines()
               if line.startswith('fd ')}
        # stdio, control socket, IPC socket, dummy pipe, and the two ends of the helper's.
        self.assertLessEqual(set(fds), {0, 1, 2, 3, 4, 5, 6, 7, 8})
        for number, target in fds.items():
            self.assertRegex(target, r'^(socket|pipe):|^/dev/null$|app\.out$', f'fd {number}')

    def test_05_without_nestbox_the_browser_has_no_usable_sandbox(self):
        status, output = self.run_in_app('/app/libexec/nestbox-tests/launch-like-chromium',
                                         self.PROBE, '--type=zygote')
        self.assertEqual(status, 3)
        self.assertIn('No usable sandbox', output)

    def test_06_without_nestbox_chromium_itself_dies(self):
        status, output = self.run_in_app('/app/chromium/chromium', '--headless=new',
                                         '--dump-dom', 'about:blank')
        self.assertNotEqual(status, 0)
        self.assertIn('No usable sandbox!', output)

    def test_07_only_a_zygote_is_started_this_way(self):
        status, output = self.run_in_app(
            'nestbox', 'run', '--', '/app/libexec/nestbox-tests/launch-like-chromium',
            self.PROBE, '--type=renderer')
        self.assertEqual(status, 1)
        self.assertIn('only a zygote', output)


class InTheZygotesPlaceHidden(InTheZygotesPlace):
    hidden_pids = True


if __name__ == '__main__':
    case.main()
