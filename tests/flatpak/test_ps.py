#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""nestbox ps: is what it lists what the host sees, and who can ask for it?"""

import contextlib
import fcntl
import json
import os
import pathlib
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, procs  # noqa: E402

NESTBOX = '/app/bin/nestbox'
ENTER, LEAVE, HOME = '\033[?1049h', '\033[?1049l', '\033[H'
NO_BROWSER, USAGE = 4, 2
DEADLINE_S = 20
# As the host names them, and as nestbox does.
PAGES = {'zygote': 'zygote', 'renderer': 'renderer', 'utility:utility': 'utility'}
GPU = {'zygote (unsandboxed)': 'gpu-zygote', 'gpu-process': 'gpu'}


class Listing:
    """What the classes below share."""

    def ps(self, *words):
        status, output = self.chrome.run_beside(NESTBOX, 'ps', '--json', *words)
        self.assertEqual(status, 0, output)
        return json.loads(output)['browsers']

    def the_browser(self):
        browser, = self.ps()
        return browser

    @staticmethod
    def place(browser, name):
        place, = [place for place in browser['places']
                  if name in (place['place'], place.get('profile'))]
        return place

    def app_pid(self, pid):
        """The PID that the app has for a process of the host; None: it has none."""
        level = len(procs.status(self.chrome.pid)['NSpid'].split()) - 1
        numbers = procs.status(pid).get('NSpid', '').split()
        return int(numbers[level]) if len(numbers) > level else None

    def check_child(self, child, pid):
        """A child of the list is that process of the host."""
        self.assertEqual(child['inner-pid'], procs.namespace_pid(pid))
        self.assertEqual(child['filters'], int(procs.status(pid)['Seccomp_filters']))
        start = int(procs.stat(pid)[19]) / os.sysconf('SC_CLK_TCK')
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - start
        self.assertLess(abs(child['age-s'] - age), 10)
        resident = int(procs.read(pid, 'statm').split()[1]) * os.sysconf('SC_PAGESIZE') / 1024
        self.assertLess(child['memory-kib'], resident * 1.5)
        self.assertGreater(child['memory-kib'], 256)

    def check_place(self, place, kinds):
        """It lists what the host sees of these kinds, each once."""
        wanted = {pid: kinds[procs.kind(pid)] for pid in self.chrome.of_kind(*kinds)}
        found = {child['inner-pid']: child for child in place['children']}
        self.assertEqual(sorted(child['kind'] for child in found.values()),
                         sorted(wanted.values()))
        for pid, kind in wanted.items():
            child = found[procs.namespace_pid(pid)]
            self.assertEqual(child['kind'], kind)
            self.check_child(child, pid)
        return found, wanted


class VisiblePids(Listing, case.BrowserCase):
    pids, wall = 'visible', 'landlock'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tab = cls.chrome.tab(cls.served.url('index.html'))

    def check_pids(self, found, wanted):
        for pid in wanted:
            child = found[procs.namespace_pid(pid)]
            self.assertEqual((child['pid'], child['stand-in']), (self.app_pid(pid), False))

    def test_01_the_browser(self):
        browser = self.the_browser()
        self.assertEqual(browser['pid'], self.app_pid(self.chrome.pid))
        self.assertEqual((browser['kind'], browser['memory']), ('browser', 'pss'))
        self.assertTrue(browser['broker-answers'])
        self.assertLess(abs(browser['memory-kib'] / procs.pss_kib(self.chrome.pid) - 1), 0.5)

    def test_02_the_sub_sandbox_of_the_pages(self):
        place = self.place(self.the_browser(), 'pages')
        self.assertEqual((place['state'], place['reason'], place['pids'], place['file-wall'],
                          place['left-out']), ('ready', None, self.pids, self.wall, 0))
        self.assertGreater(place['landlock-abi'], 0)
        self.check_pids(*self.check_place(place, PAGES))

    def test_03_the_sub_sandbox_of_the_gpu(self):
        place = self.place(self.the_browser(), 'gpu')
        self.assertEqual((place['state'], place['pids']), ('ready', self.pids))
        self.check_pids(*self.check_place(place, GPU))

    def test_04_the_apps_own_sandbox(self):
        app = self.place(self.the_browser(), 'app')
        kinds = {child['kind'] for child in app['children']}
        self.assertIn('network', kinds)
        self.assertFalse(kinds & {'zygote', 'renderer', 'gpu', 'gpu-zygote'})
        network = next(child for child in app['children'] if child['kind'] == 'network')
        self.assertIsNone(network['inner-pid'])
        pid, = self.chrome.of_kind('utility:none')
        self.assertEqual(network['pid'], self.app_pid(pid))

    def test_05_for_people(self):
        status, output = self.chrome.run_beside(NESTBOX, 'ps')
        self.assertEqual(status, 0)
        self.assertNotIn('\033', output, 'colours are for terminals')
        lines = output.splitlines()
        self.assertEqual(lines[0].split(), ['PID', 'INSIDE', 'KIND', 'MEMORY', 'AGE', 'FILTERS'])
        self.assertRegex(lines[1], r'^ +\d+ +- +browser +[\d.]+ MiB pss +\d+:\d\d +\d+$')
        self.assertIn(f'sub-sandbox pages: ready, PIDs {self.pids}, file wall', output)
        self.assertIn('sub-sandbox gpu: ready', output)
        self.assertRegex(output, r'\d+[ *] +\d+ .*- renderer +[\d.]+ MiB rss +\d+:\d\d +\d+\n')
        self.assertEqual('PID of the stand-in' in output, self.pids == 'hidden')

    def test_06_a_page_more_is_a_child_more(self):
        before = len(self.place(self.the_browser(), 'pages')['children'])
        tab = self.chrome.tab(self.served.url('index.html').replace('127.0.0.1', 'localhost'))
        self.assertGreater(len(self.place(self.the_browser(), 'pages')['children']), before)
        tab.close()

    def test_07_sub_sandboxes_cannot_reach_the_broker(self):
        """The socket is found in the app, where it answers, and in no sub-sandbox."""
        search = ['/bin/sh', '-c', 'find / -path /proc -prune -o -type s -name broker -print '
                  '2>/dev/null; true']
        _, output = self.chrome.run_beside(*search)
        self.assertEqual(len(re.findall('^/.*/nestbox-.*/broker$', output, re.M)), 1, output)
        for pid in self.chrome.of_kind('zygote', 'zygote (unsandboxed)'):
            if procs.namespace(pid, 'mnt') == procs.namespace(self.chrome.pid, 'mnt'):
                continue
            inside = ['nsenter', f'--target={pid}', '--mount', '--pid', '--net', '--']
            found = subprocess.run([*inside, *search], capture_output=True, text=True,
                                   timeout=60, check=False)
            self.assertEqual(found.stdout, '', found.stderr)
            asked = subprocess.run([*inside, NESTBOX, 'ps'], capture_output=True, text=True,
                                   timeout=60, check=False)
            self.assertEqual((asked.returncode, asked.stdout), (NO_BROWSER, ''))
            self.assertIn('this is a sub-sandbox', asked.stderr)

    def test_08_a_broker_that_hangs_is_told_and_not_waited_for(self):
        broker = self.chrome.broker
        procs.kill(broker, signal.SIGSTOP)
        try:
            browser = self.the_browser()
            status, output = self.chrome.run_beside(NESTBOX, 'ps')
        finally:
            procs.kill(broker, signal.SIGCONT)
        self.assertFalse(browser['broker-answers'])
        self.assertEqual({place['place'] for place in browser['places']}, {'unknown', 'app'})
        self.assertEqual(status, 0)
        self.assertIn('No broker of this browser answers.', output)
        self.assertIn('no broker told of these', output)
        procs.wait_for(lambda: self.the_browser()['broker-answers'], DEADLINE_S, 'the broker')

    def test_11_each_child_is_identified(self):
        """By the PID that the list has; and nobody else is taken for a child."""
        browser = self.the_browser()
        for name in ('pages', 'gpu'):
            for child in self.place(browser, name)['children']:
                if child['kind'] in ('zygote', 'gpu-zygote') and child['stand-in']:
                    continue  # its helper: a program of the app
                found = self.identified(child['pid'])
                self.assertEqual((found['sandbox'], found['browser'], found['pid']),
                                 (name, browser['pid'], child['inner-pid']))
                zygote = 'zygote' if name == 'pages' else 'gpu-zygote'
                self.assertEqual((found['kind'], found['descends']),
                                 (zygote, child['kind'] != zygote))
                self.assertRegex(found['instance'], r'^\d+$')
        network = next(child for child in self.place(browser, 'app')['children']
                       if child['kind'] == 'network')
        for pid in (browser['pid'], network['pid']):
            status, output = self.chrome.run_beside(NESTBOX, 'identify', f'--pid={pid}')
            self.assertEqual(status, NO_BROWSER, output)
            self.assertIn('lives in no sub-sandbox', output)

    def identified(self, pid):
        status, output = self.chrome.run_beside(NESTBOX, 'identify', '--json', f'--pid={pid}')
        self.assertEqual(status, 0, output)
        return json.loads(output)

    def test_09_wrong_command_lines(self):
        for words in (['x'], ['--json', '--watch'], ['--watch'], ['--unknown']):
            status, output = self.chrome.run_beside(NESTBOX, 'ps', *words)
            self.assertEqual(status, USAGE, words)
            self.assertEqual(len(output.splitlines()), 1, output)

    def test_10_the_browser_does_not_notice(self):
        self.assertEqual(self.tab.evaluate('6 * 7'), 42)


class HiddenPids(VisiblePids):
    """The controllers say what the app cannot see."""

    hidden_pids = True
    pids = 'hidden'

    def check_pids(self, found, wanted):
        helpers = {'zygote': self.chrome.stand_in, 'gpu-zygote': self.chrome.gpu_router}
        stand_ins = {self.app_pid(pid) for pid in self.chrome.named('nestbox-standin')}
        for pid, kind in wanted.items():
            child = found[procs.namespace_pid(pid)]
            self.assertTrue(child['stand-in'])
            if kind in helpers:
                self.assertEqual(child['pid'], self.app_pid(helpers[kind]))
            else:
                self.assertIn(child['pid'], stand_ins)
                stand_ins.remove(child['pid'])

    def test_08_a_broker_that_hangs_is_told_and_not_waited_for(self):
        super().test_08_a_broker_that_hangs_is_told_and_not_waited_for()
        kinds = {child['kind'] for child in self.place(self.the_browser(), 'pages')['children']}
        self.assertIn('renderer', kinds)


class ForcedStandIns(VisiblePids):
    """The kernel shows the children, and the browser knows them by others."""

    nestbox_options = ('--pids=stand-in',)
    pids = 'hidden'

    def check_pids(self, found, wanted):
        stand_ins = {self.app_pid(pid) for pid in self.chrome.named('nestbox-standin')}
        for pid, kind in wanted.items():
            child = found[procs.namespace_pid(pid)]
            if kind not in ('zygote', 'gpu-zygote'):
                self.assertTrue(child['stand-in'])
                self.assertIn(child['pid'], stand_ins)


class SeccompWall(VisiblePids):
    nestbox_options = ('--file-wall=seccomp',)
    wall = 'seccomp'


class GpuInTheApp(Listing, case.BrowserCase):
    nestbox_options = ('--gpu=app',)

    def test_01_it_is_listed_there(self):
        browser = self.the_browser()
        self.assertEqual([place.get('profile') for place in browser['places']],
                         ['pages', None])
        kinds = {child['kind'] for child in self.place(browser, 'app')['children']}
        self.assertLessEqual({'gpu', 'unsandboxed-zygote', 'network'}, kinds)


class TwoBrowsers(case.SessionCase):
    """In one instance of the app; each has its own sub-sandboxes."""

    SCRIPT = '''
        nestbox run -- /app/chromium/chromium --headless=new --user-data-dir=/tmp/a & a=$!
        nestbox run -- /app/chromium/chromium --headless=new --user-data-dir=/tmp/b & b=$!
        until nestbox ps --json > /tmp/ps.json 2> /dev/null &&
              test "$(grep -o -e broker-answers -e '"kind": "renderer"' /tmp/ps.json |
                      uniq | grep -c renderer)" -eq 2  # each has one, or more
        do :; done
        kill $a $b; wait; echo "pids $a $b"; cat /tmp/ps.json'''

    def test_01_each_child_is_its_own_browsers(self):
        status, output = self.run_in_app('sh', '-c', self.SCRIPT, timeout=90)
        self.assertEqual(status, 0, output)
        pids = {int(pid) for pid in re.search(r'^pids (\d+) (\d+)$', output, re.M).groups()}
        browsers = json.loads(output[output.index('{\n  "browsers"'):])['browsers']
        self.assertEqual({browser['pid'] for browser in browsers}, pids)
        seen = set()
        for browser in browsers:
            self.assertTrue(browser['broker-answers'])
            pages = Listing.place(browser, 'pages')
            kinds = [child['kind'] for child in pages['children']]
            self.assertEqual(kinds.count('zygote'), 1)
            self.assertGreaterEqual(kinds.count('renderer'), 1)
            children = {child['pid'] for place in browser['places']
                        for child in place['children']}
            self.assertFalse(children & seen)
            seen |= children


class Watch(case.BrowserCase):
    """On a terminal of its own."""

    @contextlib.contextmanager
    def terminal(self, *words):
        """Controls the terminal of `nestbox ps --watch`: (process, our end, its end)."""
        ours, theirs = os.openpty()
        self.resize(theirs, 40, 120)

        def become_leader():
            os.setsid()
            fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

        process = self.session.popen(self.chrome.enter(*words, NESTBOX, 'ps', '--watch'),
                                     'watch.log', stdin=theirs, stdout=theirs, stderr=theirs,
                                     preexec_fn=become_leader, pass_fds=(theirs,))
        try:
            yield process, ours, theirs
        finally:
            os.close(ours)
            os.close(theirs)
            process.wait(DEADLINE_S)

    @staticmethod
    def resize(terminal, rows, columns):
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def read_until(self, terminal, pattern, text=''):
        """Reads until the text matches."""
        deadline = time.monotonic() + DEADLINE_S
        while not re.search(pattern, text, re.S):
            left = deadline - time.monotonic()
            self.assertGreater(left, 0, (pattern, text[-3000:]))
            if select.select([terminal], [], [], left)[0]:
                text += os.read(terminal, 65536).decode(errors='replace')
        return text

    def check_restored(self, ours, theirs, before):
        text = self.read_until(ours, re.escape(LEAVE))
        self.assertTrue(text.endswith(LEAVE) or '\033[?25h' in text, text[-200:])
        self.assertIn('\033[?25h', text)
        self.assertIn('\033[?7h', text)
        procs.wait_for(lambda: termios.tcgetattr(theirs) == before, DEADLINE_S,
                       'the terminal as it was')

    def test_01_it_repaints_and_ctrl_c_restores_the_terminal(self):
        with self.terminal() as (_, ours, theirs):
            before = termios.tcgetattr(theirs)
            text = self.read_until(ours, r'app.s own sandbox.*' + re.escape(HOME)
                                   + r'.*app.s own sandbox')
            self.assertTrue(text.startswith(ENTER), text[:100])
            self.assertIn('\033[32msub-sandbox pages: ready', text)
            self.assertFalse(termios.tcgetattr(theirs)[3] & termios.ECHO)
            os.write(ours, b'\x03')
            self.check_restored(ours, theirs, before)

    def test_02_q_ends_it(self):
        with self.terminal() as (process, ours, theirs):
            before = termios.tcgetattr(theirs)
            self.read_until(ours, 'KIND.*own sandbox')
            os.write(ours, b'q')
            self.check_restored(ours, theirs, before)
            process.wait(DEADLINE_S)

    def test_03_a_new_size_is_drawn_at_once_and_cuts(self):
        with self.terminal() as (_, ours, theirs):
            self.read_until(ours, 'KIND.*own sandbox')
            self.resize(theirs, 3, 120)
            three_lines = r'KIND[^\n]*\n[^\n]*\n[^\n]*\033\[J'
            text = self.read_until(ours, re.escape(HOME) + '[^\n]*' + three_lines)
            self.assertEqual(text[text.rindex(HOME):].count('\n'), 2)
            os.write(ours, b'q')
            self.read_until(ours, re.escape(LEAVE))

    def test_04_no_colours_where_they_are_not_wanted(self):
        with self.terminal('env', 'NO_COLOR=1') as (_, ours, _):
            text = self.read_until(ours, 'KIND.*own sandbox')
            self.assertIsNone(re.search(r'\033\[[\d;]*m', text))
            os.write(ours, b'q')
            self.read_until(ours, re.escape(LEAVE))

    def test_05_the_terminal_goes(self):
        """Nobody is left who draws on nothing."""
        with self.terminal() as (_, ours, _):
            self.read_until(ours, 'KIND.*own sandbox')
        procs.wait_for(lambda: not [pid for pid in self.chrome.pids()
                                    if procs.argv(pid)[-2:] == ['ps', '--watch']],
                       DEADLINE_S, 'the end of nestbox ps')


class NoBrowser(case.SessionCase):
    def test_01_is_said(self):
        status, output = self.run_in_app('nestbox', 'ps')
        self.assertEqual(status, NO_BROWSER)
        self.assertIn('no browser with children here', output)


if __name__ == '__main__':
    case.main()
