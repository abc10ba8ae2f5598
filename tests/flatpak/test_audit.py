#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""nestbox audit: does it see what is there, and does it see when something is not?"""

import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, config, display, procs  # noqa: E402

NESTBOX = '/app/bin/nestbox'
POSE = '/app/libexec/nestbox-tests/pose-as-child'
GOOD, BAD, UNMEASURED, NO_CHILD, USAGE = 0, 1, 3, 4, 2

SANDBOXED = {'zygote', 'renderer', 'utility'}
FOR_GPU = {'gpu-zygote', 'gpu'}
IN_THE_APP = {'network', 'audio'}
# Flatpak's filter, nestbox's of the kind, nestbox's own-PID filter, Chromium's.
FILTERS = {'zygote': 2, 'gpu-zygote': 2, 'unsandboxed-zygote': 2, 'renderer': 4, 'utility': 4, 'gpu': 3, 'network': 3,
           'audio': 3}
NAMESPACES = {'pid-namespace': 'pid', 'network-namespace': 'net', 'mount-namespace': 'mnt',
              'ipc-namespace': 'ipc', 'user-namespace': 'user'}
# Rows of what a process may do; the others are about what it can reach.
MAY_DO = {'no-new-privileges', 'capabilities', 'seccomp', 'seccomp-filters'}
PLACE = {*NAMESPACES, 'home', 'bus', 'display', 'devices', 'descriptors'}
# Of a process that lets nobody of the same user look into it.
OUT_OF_SIGHT = {'ipc-namespace', 'descriptors'}
# Of the GPU process's sub-sandbox, told and not judged.
OF_THE_DISPLAY = {'ipc-namespace', 'display', 'devices'}

# A worker's file in the private file system of the page's origin.
PRIVATE_FILE = '''new Promise(resolve => {
    const code = `onmessage = async () => {
        const folder = await navigator.storage.getDirectory();
        const file = await folder.getFileHandle('x', {create: true});
        self.open = await file.createSyncAccessHandle(); postMessage('open'); }`;
    window.worker = new Worker(URL.createObjectURL(new Blob([code])));
    worker.onmessage = message => resolve(message.data); worker.postMessage(''); })'''


def rows_of(child, key='verdict'):
    return {name: row[key] for name, row in child['properties'].items()}


class Auditing:
    """What the classes below share."""

    @classmethod
    def start_everything(cls):
        """A page, and sound, so that there is a process of every kind."""
        tab = cls.chrome.tab(cls.served.url('index.html'))
        tab.evaluate('''(() => { const context = new AudioContext();
            const tone = context.createOscillator(); tone.connect(context.destination);
            tone.start(); context.resume(); })()''')
        service = '--utility-sub-type=audio.mojom.AudioService'
        procs.wait_for(lambda: [pid for pid in cls.chrome.pids()
                                if service in procs.argv(pid)], 10, 'the audio service')

    def audit(self, *words):
        """(exit status, what the JSON says) of an audit beside the browser."""
        status, output = self.chrome.run_beside(NESTBOX, 'audit', '--json', *words)
        return status, json.loads(output)

    def audit_as_root(self):
        """The same with the right to look into every process, as root has on the host."""
        process = subprocess.run(
            ['nsenter', f'--target={self.chrome.pid}', '--mount', '--pid', '--', NESTBOX,
             'audit', '--json', '--all'], capture_output=True, text=True, timeout=60,
            check=False)
        return process.returncode, json.loads(process.stdout)

    def outer_pids(self):
        """PIDs as the app has them -> as the rig has them; not those hidden from it."""
        level = len(procs.status(self.chrome.pid)['NSpid'].split()) - 1
        namespace = procs.namespace(self.chrome.pid, 'pid')
        table = {}
        for pid in self.chrome.pids():
            numbers = procs.status(pid).get('NSpid', '').split()
            if len(numbers) > level + 1 or procs.namespace(pid, 'pid') == namespace:
                table[int(numbers[level])] = pid
        return table


class VisiblePids(Auditing, case.BrowserCase):
    browser_flags = ('--autoplay-policy=no-user-gesture-required',)
    walls = 0
    for_gpu, in_the_app = FOR_GPU, IN_THE_APP

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_everything()

    def test_01_every_kind_has_the_rows_that_it_should_have(self):
        status, result = self.audit('--all')
        self.assertEqual((status, result['status'], result['bad']), (UNMEASURED, UNMEASURED, 0))
        self.assertEqual({child['role'] for child in result['children']},
                         SANDBOXED | self.for_gpu | self.in_the_app)
        for child in result['children']:
            rows = rows_of(child)
            self.assertEqual(set(rows), PLACE | MAY_DO)
            if child['role'] in SANDBOXED:
                wanted = dict.fromkeys(PLACE | MAY_DO, 'ok')
                wanted.update(dict.fromkeys(OUT_OF_SIGHT, 'not-measurable'))
                wanted['user-namespace'] = 'fact'
                self.assertEqual(child['verdict'], 'not-measurable')
            elif child['role'] in self.for_gpu:
                wanted = dict.fromkeys(PLACE | MAY_DO, 'ok')
                wanted.update(dict.fromkeys(OF_THE_DISPLAY | {'user-namespace'}, 'fact'))
                wanted['descriptors'] = rows['descriptors']
                self.assertIn(rows['descriptors'], ('ok', 'not-measurable'))
            else:
                wanted = dict(dict.fromkeys(PLACE, 'fact'), **dict.fromkeys(MAY_DO, 'ok'))
                self.assertEqual(child['verdict'], 'ok')
            self.assertEqual(rows, wanted, child['role'])

    def test_02_what_is_in_the_apps_own_sandbox_is_said_to_be(self):
        _, result = self.audit('--all')
        for child in result['children']:
            if child['role'] not in self.in_the_app:
                continue
            self.assertIn("in the app's own sandbox", child['summary'])
            texts, states = rows_of(child, 'text'), rows_of(child, 'state')
            for row in NAMESPACES:
                self.assertEqual(states[row], 'open', row)
                self.assertIn('shared with the browser', texts[row])
            self.assertEqual(texts['bus'], 'reachable: /run/flatpak/bus')
            self.assertIn('reachable: ', texts['home'])

    def test_03_it_agrees_with_what_the_host_sees(self):
        _, result = self.audit_as_root()
        pids = self.outer_pids()
        self.assertEqual(pids[result['browsers'][0]], self.chrome.pid)
        audited = {pids[child['pid']] for child in result['children']}
        self.assertLessEqual(set(self.chrome.of_kind(
            'zygote', 'renderer', 'utility:utility', 'gpu-process', 'utility:none')), audited)
        for child in result['children']:
            pid, texts = pids[child['pid']], rows_of(child, 'text')
            for row, name in NAMESPACES.items():
                same = procs.namespace(pid, name) == procs.namespace(self.chrome.pid, name)
                self.assertEqual(rows_of(child, 'state')[row], 'open' if same else 'closed')
            if child['role'] in SANDBOXED:
                self.assertIn(f'PID {procs.namespace_pid(pid)} there;', texts['pid-namespace'])
            filters = procs.status(pid)['Seccomp_filters']
            self.assertEqual(texts['seccomp-filters'].split(',')[0], filters)
            walls = self.walls if child['role'] in SANDBOXED else 0
            self.assertEqual(int(filters), FILTERS[child['role']] + walls, child['role'])

    def test_04_who_may_look_into_the_children_finds_all_good(self):
        """Also where a page has a file of its own open."""
        tab = self.chrome.tab(self.served.url('index.html'))
        self.assertEqual(tab.evaluate(PRIVATE_FILE), 'open')
        status, result = self.audit_as_root()
        tab.close()
        self.assertEqual((status, result['bad'], result['not-measurable']), (GOOD, 0, 0),
                         [child['summary'] for child in result['children']])
        for child in result['children']:
            if child['role'] in SANDBOXED:
                self.assertEqual(set(rows_of(child).values()), {'ok', 'fact'})
                self.assertEqual(child['summary'], 'all good')
            elif child['role'] in self.for_gpu:
                self.assertEqual(child['verdict'], 'ok')
        self.assertTrue([child for child in result['children'] if child['role'] == 'renderer'
                         and 'hands to pages: 1' in rows_of(child, 'text')['descriptors']])

    def test_05_one_child_by_its_pid(self):
        _, result = self.audit('--all')
        for role, status in (('renderer', UNMEASURED), ('network', GOOD)):
            pid = next(child['pid'] for child in result['children'] if child['role'] == role)
            found, output = self.chrome.run_beside(NESTBOX, 'audit', str(pid))
            self.assertEqual(found, status, output)
            self.assertIn(f'{role}, PID {pid}: ', output)
            self.assertEqual(len([line for line in output.splitlines()
                                  if line.startswith('  ')]), len(PLACE | MAY_DO))
            self.assertNotIn('\033', output, 'colours are for terminals')

    def test_06_what_is_no_child_is_refused(self):
        browser = procs.namespace_pid(self.chrome.pid)
        broker = procs.namespace_pid(self.chrome.broker)
        for word, reason in ((999999, 'No such process'), (browser, 'is the browser itself'),
                             (broker, 'is no child of a browser')):
            status, output = self.chrome.run_beside(NESTBOX, 'audit', str(word))
            self.assertEqual(status, NO_CHILD, output)
            self.assertRegex(output, f'^nestbox: .*{reason}')
            self.assertEqual(len(output.splitlines()), 1)

    def test_07_wrong_command_lines(self):
        for words in ([], ['0'], ['-1'], ['12x'], ['1', '2'], ['--all', '1'], ['--unknown']):
            status, output = self.chrome.run_beside(NESTBOX, 'audit', *words)
            self.assertEqual(status, USAGE, words)
            self.assertEqual(len(output.splitlines()), 1, output)
        status, output = self.chrome.run_beside(NESTBOX, 'audit', '--help')
        self.assertEqual(status, GOOD)
        self.assertIn('Exit status: 0 all good, 1 something is bad', output)

    def test_08_a_sub_sandbox_is_not_the_place(self):
        zygote, = self.chrome.of_kind('zygote')
        process = subprocess.run(
            ['nsenter', f'--target={zygote}', '--mount', '--pid', '--', NESTBOX, 'audit',
             '--all'], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(process.returncode, NO_CHILD)
        self.assertIn('this is a sub-sandbox', process.stderr)

    def test_09_the_browser_does_not_notice(self):
        tab = self.chrome.tab(self.served.url('index.html'))
        before = set(self.chrome.of_kind('renderer', 'zygote', 'gpu-process', 'utility:none'))
        self.audit('--all')
        self.assertEqual(tab.evaluate('6 * 7'), 42)
        self.assertLessEqual(before, set(self.chrome.pids()))
        tab.close()


class SeccompWall(VisiblePids):
    """One filter more in all of the sub-sandbox."""

    nestbox_options = ('--file-wall=seccomp',)
    walls = 1


class HiddenPids(Auditing, case.BrowserCase):
    """What cannot be seen is not rated, and nothing that stands for it is."""

    hidden_pids = True
    reason = 'PIDs are hidden'

    def audit_stand_ins(self):
        tab = self.chrome.tab(self.served.url('index.html'))
        status, result = self.audit('--all')
        pids = self.outer_pids()
        tab.close()
        self.assertEqual(status, UNMEASURED)
        self.assertEqual(result['bad'], 0)
        stand_ins = [child for child in result['children'] if 'properties' not in child]
        self.assertGreaterEqual(len(stand_ins), 2)
        for child in stand_ins:
            self.assertEqual(child['verdict'], 'not-measurable')
            self.assertIn(f'not measurable: {self.reason}', child['summary'])
            self.assertIn('this is the stand-in of', child['summary'])
            self.assertTrue(child['role'] in ('zygote', 'gpu-zygote')
                            or procs.name(pids[child['pid']]) in ('nestbox-standin', ''))
        return result, [(pids[child['pid']], child['role']) for child in stand_ins]

    def test_01_stand_ins_are_told_and_not_rated(self):
        result, stand_ins = self.audit_stand_ins()
        self.assertIn((self.chrome.stand_in, 'zygote'), stand_ins)
        measured = {child['role'] for child in result['children'] if 'properties' in child}
        self.assertIn('network', measured)
        self.assertEqual(measured & (SANDBOXED | FOR_GPU), set())
        self.assertIn('gpu-zygote', {role for _, role in stand_ins})

    def test_02_one_stand_in_by_its_pid(self):
        self.chrome.tab('data:text/html,hello')
        pid = procs.namespace_pid(self.chrome.stand_in_processes[0])
        status, output = self.chrome.run_beside(NESTBOX, 'audit', str(pid))
        self.assertEqual(status, UNMEASURED)
        self.assertIn(f'stand-in, PID {pid}: not measurable: {self.reason}', output)


class ForcedStandIns(HiddenPids):
    """The children can be seen, but the browser knows them by others."""

    hidden_pids = False
    nestbox_options = ('--pids=stand-in',)
    reason = 'the child itself has another PID'

    def test_01_stand_ins_are_told_and_not_rated(self):
        result, stand_ins = self.audit_stand_ins()
        self.assertEqual({role for _, role in stand_ins}, {'stand-in'})
        measured = {child['role'] for child in result['children'] if 'properties' in child}
        self.assertLessEqual(SANDBOXED | FOR_GPU, measured)


class GpuInTheApp(VisiblePids):
    """As asked for, and so told of the GPU process, not judged."""

    nestbox_options = ('--gpu=app',)
    for_gpu, in_the_app = set(), IN_THE_APP | {'gpu', 'unsandboxed-zygote'}


class NoSandbox(Auditing, case.BrowserCase):
    """The same browser without any sandbox: the counter-proof."""

    browser_kind = 'no-sandbox'
    expected_bad = {'pid-namespace', 'network-namespace', 'mount-namespace', 'ipc-namespace',
                    'home', 'bus'}

    def test_01_is_bad(self):
        self.chrome.tab(self.served.url('index.html'))
        status, result = self.audit('--all')
        self.assertEqual(status, BAD)
        bad = {child['role'] for child in result['children'] if child['verdict'] == 'bad'}
        # Not even what Chromium never sandboxes has nestbox's filters.
        self.assertLessEqual(SANDBOXED, bad)
        for child in result['children']:
            rows = {name for name, verdict in rows_of(child).items() if verdict == 'bad'}
            if child['role'] in ('renderer', 'utility'):
                self.assertLessEqual(self.expected_bad | {'seccomp-filters'}, rows)
            elif child['role'] == 'zygote':
                self.assertLessEqual(self.expected_bad, rows)


class BadChildren(Auditing, case.BrowserCase):
    """Programs that pose as children beside a good browser, each with something wrong."""

    def pose(self, *words):
        """In the app's own sandbox; its row of the audit."""
        return self.judge(self.chrome.enter(POSE, *words), 'pose.log')

    def pose_in_sandbox(self, *words, options=()):
        """In a sub-sandbox as the portal makes them, but with these options of flatpak's."""
        parent = procs.stat(self.chrome.pid)[1]
        command = ['flatpak', 'run', '--user', '--sandbox', '--die-with-parent',
                   f'--parent-pid={parent}', '--parent-expose-pids', *options,
                   f'--command={POSE}', config.APP_ID, *words]
        return self.judge(self.session.inside(command), 'pose-in-sandbox.log')

    def judge(self, command, log):
        path = self.session.logs / log
        path.unlink(missing_ok=True)
        process = self.session.popen(command, log)
        try:
            procs.wait_for(lambda: 'posing' in path.read_text() or process.poll() is not None,
                           20, 'the program that poses')
            self.assertIsNone(process.poll(), path.read_text())
            status, result = self.audit('--all')
            poser, = self.posers()
            child, = [child for child in result['children']
                      if child['pid'] == self.app_pid(poser)]
        finally:
            for pid in self.posers():
                procs.kill(pid, 9)
            process.wait(10)
        return status, child

    def posers(self):
        return [pid for pid in self.chrome.pids() if procs.argv(pid)[0] == POSE]

    def app_pid(self, pid):
        level = len(procs.status(self.chrome.pid)['NSpid'].split()) - 1
        return int(procs.status(pid)['NSpid'].split()[level])

    @staticmethod
    def bad_rows(child):
        return {name for name, verdict in rows_of(child).items() if verdict == 'bad'}

    def test_01_a_renderer_in_the_apps_own_sandbox(self):
        status, child = self.pose('--type=renderer')
        self.assertEqual((status, child['role'], child['verdict']), (BAD, 'renderer', 'bad'))
        self.assertEqual(self.bad_rows(child), {
            *NAMESPACES, 'home', 'bus', 'no-new-privileges', 'seccomp',
            'seccomp-filters'} - {'user-namespace'})

    def test_02_one_that_lets_nobody_look_is_found_out_too(self):
        status, child = self.pose('--type=renderer', 'undumpable')
        self.assertEqual(status, BAD)
        self.assertEqual(rows_of(child)['ipc-namespace'], 'not-measurable')
        self.assertEqual(rows_of(child)['descriptors'], 'not-measurable')
        self.assertLessEqual({'pid-namespace', 'network-namespace', 'mount-namespace', 'home',
                              'bus'}, self.bad_rows(child))

    def test_03_descriptors(self):
        file = f"{self.session.environment['HOME']}/.var/app/{config.APP_ID}/pose"
        for word, text in (('bus', 'connections to a bus: 1'), (file, 'files of the home: 1'),
                           ('folder', 'folders: 1'), ('device', 'devices: 1'),
                           ('internet', 'network sockets: 1')):
            _, child = self.pose('--type=renderer', word)
            self.assertEqual(rows_of(child)['descriptors'], 'bad', word)
            self.assertIn(text, rows_of(child, 'text')['descriptors'])

    def test_04_kinds_that_belong_there_are_judged_by_what_they_may_do(self):
        _, child = self.pose('--type=utility', '--utility-sub-type=printing.mojom.Backend',
                             '--service-sandbox-type=print_backend', 'bus')
        self.assertEqual(child['role'], 'service')
        self.assertEqual(self.bad_rows(child),
                         {'no-new-privileges', 'seccomp', 'seccomp-filters'})
        self.assertIn('connections to a bus: 1', rows_of(child, 'text')['descriptors'])

    def test_05_in_a_good_sub_sandbox_nothing_is_bad(self):
        _, child = self.pose_in_sandbox('--type=zygote', 'filter')
        self.assertEqual(self.bad_rows(child), set(), child)
        self.assertEqual(child['verdict'], 'ok', 'it lets others look into it')

    def test_06_one_wall_less_is_one_bad_row(self):
        for options, rows in ((['--share=network'], {'network-namespace'}),
                              (['--share=ipc'], {'ipc-namespace'}),
                              (['--socket=session-bus'], {'bus'}),
                              (['--filesystem=home'], {'home'}),
                              (['--device=all'], {'devices'})):
            for words in (['filter'], ['filter', 'undumpable']):
                status, child = self.pose_in_sandbox('--type=zygote', *words, options=options)
                if 'undumpable' in words and rows == {'ipc-namespace'}:
                    self.assertEqual(rows_of(child)['ipc-namespace'], 'not-measurable')
                    continue
                self.assertEqual(self.bad_rows(child), rows, (options, words, child))
                self.assertEqual(status, BAD)

    def test_07_a_descriptor_too_many_in_a_good_sub_sandbox(self):
        status, child = self.pose_in_sandbox('--type=zygote', 'filter', 'folder')
        self.assertEqual((status, self.bad_rows(child)), (BAD, {'descriptors'}))

    def test_08_a_filter_too_few(self):
        for kind, number in (('renderer', 4), ('zygote', 2), ('gpu-process', 3)):
            status, child = self.pose_in_sandbox(f'--type={kind}', *['filter'] * (number - 2))
            self.assertEqual((status, self.bad_rows(child)), (BAD, {'seccomp-filters'}), kind)
            _, child = self.pose_in_sandbox(f'--type={kind}', *['filter'] * (number - 1))
            self.assertEqual(self.bad_rows(child), set(), kind)

    def test_09_what_no_browser_has_started_belongs_in_a_sub_sandbox(self):
        """The GPU process, beside one that is there, and a network service."""
        _, child = self.pose('--type=gpu-process')
        self.assertEqual(child['role'], 'gpu')
        in_the_app = {'pid-namespace', 'mount-namespace', 'home', 'bus'}
        self.assertLessEqual(in_the_app | {'network-namespace'}, self.bad_rows(child))
        _, child = self.pose('--type=utility', '--utility-sub-type=network.mojom.NetworkService',
                             '--service-sandbox-type=none')
        self.assertEqual(child['role'], 'network')
        self.assertLessEqual(in_the_app, self.bad_rows(child))


class OnADisplay(Auditing, case.BrowserCase):
    """The GPU process has the display, and nothing else of the app's."""

    display = display.XServer
    connects = True  # itself

    def test_01_by_root(self):
        status, result = self.audit_as_root()
        self.assertEqual((status, result['bad']), (GOOD, 0), result)
        child = next(child for child in result['children'] if child['role'] == 'gpu')
        rows, states = rows_of(child), rows_of(child, 'state')
        self.assertEqual({name for name, verdict in rows.items() if verdict == 'ok'},
                         (PLACE | MAY_DO) - OF_THE_DISPLAY - {'user-namespace'})
        self.assertEqual(states['display'], 'open')
        self.assertEqual('connections to a display' in rows_of(child, 'text')['descriptors'],
                         self.connects)

    def test_02_beside_it(self):
        _, result = self.audit('--all')
        child = next(child for child in result['children'] if child['role'] == 'gpu')
        self.assertNotEqual(child['verdict'], 'bad', child)
        self.assertEqual({rows_of(child)[name] for name in (
            'pid-namespace', 'network-namespace', 'mount-namespace', 'home', 'bus')}, {'ok'})


class OnWayland(OnADisplay):
    display = display.Wayland
    connects = False  # the browser does


class NoBrowser(case.SessionCase):
    def test_01_is_said(self):
        status, output = self.run_in_app('nestbox', 'audit', '--all')
        self.assertEqual(status, NO_CHILD)
        self.assertIn('no browser with children here', output)


class FromTheAppsCommand(case.SessionCase):
    """As a part of the app itself, with Flatpak's filter: all is measured as from beside."""

    SCRIPT = '''
        nestbox run -- /app/chromium/chromium --headless=new about:blank &
        until nestbox audit --all > /tmp/audit.out; grep -q ^renderer /tmp/audit.out
        do :; done
        nestbox audit --json --all > /tmp/audit.json; echo "status $?"
        kill $!; wait; cat /tmp/audit.json'''

    def test_01_every_row_is_there(self):
        status, output = self.run_in_app('sh', '-c', self.SCRIPT, timeout=60)
        self.assertEqual(status, 0, output)
        self.assertIn(f'status {UNMEASURED}\n', output)
        result = json.loads(output[output.rindex('{\n  "browsers"'):])
        child = next(child for child in result['children'] if child['role'] == 'renderer')
        self.assertEqual({name for name, verdict in rows_of(child).items() if verdict == 'ok'},
                         (PLACE | MAY_DO) - OUT_OF_SIGHT - {'user-namespace'})
        child = next(child for child in result['children'] if child['role'] == 'network')
        self.assertNotIn('cannot be told', rows_of(child, 'text')['descriptors'])


if __name__ == '__main__':
    case.main()
