#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The GPU process in a sub-sandbox of its own: what it draws, and what it cannot reach."""

import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, config, display, procs  # noqa: E402

MARKER, PAGE = (255, 0, 255), (0x10, 0x20, 0x30)
# What pages/window.html draws, by the distance of a patch's middle from the marker.
PATCHES = {'css': ((80, 80), (0xc0, 0x20, 0x40)), 'canvas': ((180, 80), (0x20, 0xc0, 0x40)),
           'webgl': ((280, 80), (0x40, 0x20, 0xc0)), 'video': ((380, 80), (0xe0, 0xa0, 0x00))}
TOLERANCE = 6  # a video's colours are rounded
# Everything by OpenGL, in software where there is no GPU; also after the GPU process has ended
# several times, when Chromium would do without.
GPU_FLAGS = ('--ignore-gpu-blocklist', '--use-angle=swiftshader', '--enable-unsafe-swiftshader',
             '--enable-gpu-rasterization', '--disable-domain-blocking-for-3d-apis',
             '--disable-gpu-process-crash-limit',
             '--window-size=700,500', '--window-position=50,50')
# chrome://gpu as rows of text, once the GPU process has told what it is.
GPU_PAGE = '''(async () => {
  for (;;) {
    const root = document.querySelector ('info-view')?.shadowRoot;
    if (root?.textContent.includes ('GL_RENDERER'))
      return [...root.querySelectorAll ('tr, li')].map (
        row => row.cells ? [...row.cells].map (cell => cell.textContent.trim ()).join ('\\t')
                         : row.textContent.trim ());
    await new Promise (requestAnimationFrame);
  }
}) ()'''
# Differ between any two runs, or say whether Chromium's own sandbox is on.
VARYING = ('Data exported', 'Command Line', 'Initialization time', 'Sandboxed',
           'GPU process crash count')


def gpu_rows(browser):
    tab = browser.tab('chrome://gpu')
    rows = [row for row in tab.evaluate(GPU_PAGE) if not row.startswith(VARYING)
            and not re.match(r'\[\d+:\d+:', row)]  # its log: pids and times
    tab.close()
    return rows


class WindowCase(case.BrowserCase):
    """With a window on a display of the session's, and a page in it."""

    display = display.XServer
    browser_flags = GPU_FLAGS

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tab = cls.chrome.tab(cls.served.url('window.html'))

    @property
    def gpu(self):
        pid, = self.chrome.of_kind('gpu-process')
        return pid

    def reaches(self):
        """What the GPU process has of network, home and buses."""
        root = pathlib.Path(f'/proc/{self.gpu}/root')
        # Seen from inside, absolute names lead where they lead there.
        runtime = root / f'run/user/{config.session_uid()}'
        home = root / self.session.environment['HOME'].lstrip('/')
        devices = procs.read(self.gpu, 'net/dev').splitlines()[2:]
        return {'network': [line.split(':')[0].strip() for line in devices] != ['lo'],
                'home': (home / '.var/app' / config.APP_ID).exists(),
                'session bus': (root / 'run/flatpak/bus').exists() or (runtime / 'bus').exists(),
                'broker': bool(list(runtime.glob('nestbox-*')))}

    def bounds(self, tab, **wanted):
        window = self.chrome.devtools.call('Browser.getWindowForTarget', targetId=tab.target)
        if wanted:
            self.chrome.devtools.call('Browser.setWindowBounds', windowId=window['windowId'],
                                      bounds=wanted)
        return window['bounds']

    def wrong_patches(self, image, patches):
        box = display.find(image, MARKER)
        if box is None:
            return ['marker']
        places = {name: ((box[0] + x, box[1] + y), colour)
                  for name, ((x, y), colour) in PATCHES.items() if name in patches}
        return [f'{name}: {image.getpixel(place)}' for name, (place, colour) in places.items()
                if place[0] >= image.width or place[1] >= image.height
                or not display.close_to(image.getpixel(place), colour, TOLERANCE)]

    def wait_drawn(self, patches=tuple(PATCHES)):
        """The latest screenshot, once it shows all of these."""
        latest = {}

        def drawn():
            latest['image'] = self.screen.screenshot()
            latest['wrong'] = self.wrong_patches(latest['image'], patches)
            return not latest['wrong']

        try:
            procs.wait_for(drawn, 10, 'the window')
        except procs.Timeout:
            path = self.session.logs / f'{type(self).__name__}.png'
            latest['image'].save(path)
            self.fail(f"not on the screen: {latest['wrong']}; see {path}")
        return latest['image']


class X11(WindowCase):
    own_namespaces = ('pid', 'net', 'mnt')  # with X11's shared memory, ipc is the display's

    # --- what is drawn ---

    def test_01_page_is_on_the_screen(self):
        drawn = self.tab.evaluate('drawAll()')
        self.assertIn('SwiftShader', drawn['renderer'])
        self.assertEqual(drawn['width'], 80)
        image = self.wait_drawn()
        left, top, right, bottom = display.find(image, MARKER)
        self.assertEqual((right - left, bottom - top), (16, 16))
        self.assertEqual(image.getpixel((left + 30, top + 30)), PAGE)

    def test_02_gpu_is_used_as_without_any_sandbox(self):
        rows = gpu_rows(self.chrome)
        self.assertTrue([row for row in rows if re.search(r'Rasterization.*Hardware accel', row)],
                        rows[:40])
        self.assertTrue([row for row in rows if re.search(r'WebGL.*Hardware accel', row)])
        with self.start_browser('no-sandbox.log', 'no-sandbox',
                                ['--user-data-dir=/var/data/no-sandbox']) as other:
            self.assertEqual(rows, gpu_rows(other))

    def test_03_window_can_be_resized(self):
        before = self.tab.evaluate('innerWidth')
        bounds = self.bounds(self.tab)
        self.bounds(self.tab, width=bounds['width'] + 120, height=bounds['height'] + 60)
        procs.wait_for(lambda: self.tab.evaluate('innerWidth') == before + 120, 5,
                       'the page to be told of the window\'s size')
        image = self.wait_drawn()
        left, top, _, _ = display.find(image, MARKER)
        right = min(left + self.tab.evaluate('innerWidth') - 8, display.WIDTH - 1)
        procs.wait_for(lambda: self.screen.screenshot().getpixel((right, top + 200)) == PAGE, 5,
                       'the page to fill the window')
        self.bounds(self.tab, width=bounds['width'], height=bounds['height'])
        procs.wait_for(lambda: self.tab.evaluate('innerWidth') == before, 5, 'the old size')

    def test_04_second_window_is_drawn_too(self):
        target = self.chrome.devtools.call(
            'Target.createTarget', url='data:text/html,<body style="background:%23085090">',
            newWindow=True, width=400, height=300)['targetId']
        procs.wait_for(lambda: display.find(self.screen.screenshot(), (0x08, 0x50, 0x90)), 10,
                       'the second window')
        self.chrome.devtools.call('Target.closeTarget', targetId=target)
        procs.wait_for(lambda: not display.find(self.screen.screenshot(), (0x08, 0x50, 0x90)), 10,
                       'the end of the second window')

    def test_05_full_screen(self):
        self.bounds(self.tab, windowState='fullscreen')
        procs.wait_for(lambda: self.tab.evaluate('[innerWidth, innerHeight]')
                       == [display.WIDTH, display.HEIGHT], 10, 'the page to fill the screen')
        corner = (display.WIDTH - 20, display.HEIGHT - 20)
        procs.wait_for(lambda: self.screen.screenshot().getpixel(corner) == PAGE, 5,
                       'the last corner')
        image = self.wait_drawn()
        self.assertEqual(display.find(image, MARKER)[:2], (0, 0))
        self.bounds(self.tab, windowState='normal')
        procs.wait_for(lambda: self.tab.evaluate('innerWidth') < display.WIDTH, 10,
                       'the window to be small again')
        self.wait_drawn()

    # --- what it cannot reach ---

    def test_06_namespaces_are_its_own(self):
        for kind in self.own_namespaces:
            self.assertNotEqual(procs.namespace(self.gpu, kind),
                                procs.namespace(self.chrome.pid, kind), kind)
        for other in self.chrome.of_kind('zygote', 'renderer'):
            self.assertNotEqual(procs.namespace(self.gpu, 'pid'), procs.namespace(other, 'pid'),
                                'not in the sub-sandbox of pages')
        status = procs.status(self.gpu)
        self.assertEqual((status['NoNewPrivs'], status['CapEff']), ('1', '0' * 16))

    def test_07_no_network_no_home_no_bus(self):
        self.assertEqual(self.reaches(), dict.fromkeys(
            ('network', 'home', 'session bus', 'broker'), False))

    def test_08_environment_names_no_bus(self):
        environment = procs.environment(int(procs.stat(self.gpu)[1]))
        buses = {name: value for name, value in environment.items() if 'BUS' in name}
        self.assertIn(buses, ({}, {'DBUS_SESSION_BUS_ADDRESS': 'disabled:'}))

    def test_09_descriptors_are_what_it_was_given(self):
        """Programs, devices, memory, sockets; and what the browser hands to it: the log,
        and of the profile Chromium's own cache for the GPU."""
        good = re.compile(
            r'/app/|/usr/|/sys/|/proc/|/dev/(null|urandom|shm/|dri/)|/memfd:|anon_inode:|socket:|pipe:'
            rf'|{re.escape(str(self.session.logs))}/|.*/(GPUPersistentCache|GPUCache|ShaderCache)/')
        folder = pathlib.Path(f'/proc/{self.gpu}/fd')
        names = [os.readlink(path) for path in folder.iterdir()]
        self.assertGreater(len(names), 10)
        self.assertEqual([name for name in names if not good.match(name)], [])

    def test_10_score_is_set_by_which_memory_is_taken_back(self):
        procs.wait_for(lambda: procs.read(self.gpu, 'oom_score_adj').strip() == '200', 5,
                       'the OOM score')

    # --- its end ---

    def check_new_process(self, end):
        before = self.gpu
        end(before)
        procs.wait_for(lambda: self.chrome.of_kind('gpu-process') not in ([], [before]), 15,
                       'a new GPU process')
        self.wait_drawn(('css', 'video'))
        self.tab.evaluate('drawAgain()')
        self.wait_drawn()
        self.assertNotEqual(procs.namespace(self.gpu, 'net'),
                            procs.namespace(self.chrome.pid, 'net'))

    def test_11_killed_three_times_it_comes_back(self):
        for _ in range(3):
            self.check_new_process(lambda pid: procs.kill(pid, 9))

    def crash(self, _):
        tab = self.chrome.tab()
        self.chrome.devtools.send('Page.navigate', tab.session, url='chrome://gpucrash',
                                  transitionType='address_bar')
        tab.close()

    def test_12_crashed_it_comes_back(self):
        self.check_new_process(self.crash)

    def test_13_nothing_was_complained_of(self):
        self.assertNotIn('nestbox: ', self.chrome.output())


class X11Hidden(X11):
    """The same where PIDs are hidden."""

    hidden_pids = True


class Wayland(X11):
    display = display.Wayland


class LeftInTheApp(WindowCase):
    """With --gpu=app it has all that the app has: what is denied else is there."""

    nestbox_options = ('--gpu=app',)

    def test_01_it_can_reach_all(self):
        self.assertEqual(self.reaches(), dict.fromkeys(
            ('network', 'home', 'session bus', 'broker'), True))

    def test_02_namespaces_are_the_browsers(self):
        for kind in X11.own_namespaces:
            self.assertEqual(procs.namespace(self.gpu, kind),
                             procs.namespace(self.chrome.pid, kind), kind)

    def test_03_nobody_stands_in_for_it(self):
        self.assertEqual(self.chrome.named('nestbox-gpu-router'), [])

    def test_04_its_score_is_set_there_too(self):
        gpu, = self.chrome.of_kind('gpu-process')
        self.assertEqual(procs.read(gpu, 'oom_score_adj').strip(), '200')


class Executed(WindowCase):
    """Started by the browser itself, as where there is no zygote for it."""

    browser_flags = (*GPU_FLAGS, '--no-unsandboxed-zygote')

    def test_01_page_is_on_the_screen(self):
        self.tab.evaluate('drawAll()')
        self.wait_drawn()

    def test_02_it_is_in_the_same_sub_sandbox(self):
        router, = self.chrome.named('nestbox-gpu-router')
        self.assertIn('--type=gpu-process', procs.argv(router))
        self.assertEqual(self.reaches(), dict.fromkeys(
            ('network', 'home', 'session bus', 'broker'), False))
        for kind in X11.own_namespaces:
            self.assertNotEqual(procs.namespace(self.gpu, kind),
                                procs.namespace(self.chrome.pid, kind), kind)

    def check_end(self, end):
        before = self.gpu
        end()
        procs.wait_for(lambda: not procs.exists(before), 5, 'the end of the GPU process')
        procs.wait_for(lambda: self.chrome.of_kind('gpu-process'), 15, 'a new GPU process')
        self.wait_drawn(('css', 'video'))

    def test_03_its_end_is_its_stand_ins(self):
        router, = self.chrome.named('nestbox-gpu-router')
        self.check_end(lambda: procs.kill(self.gpu, 9))
        self.assertFalse(procs.exists(router))

    def test_04_its_stand_ins_end_is_its_own(self):
        router, = self.chrome.named('nestbox-gpu-router')
        self.check_end(lambda: procs.kill(router, 9))


class ExecutedHidden(Executed):
    hidden_pids = True


class WithoutX11(case.SessionCase):
    """The portal knows no display, so that the GPU's sub-sandbox has none."""

    def start(self, *words):
        screen = display.XServer(self.session, announced=False)
        try:
            return self.run_in_app(*words)
        finally:
            screen.close()

    def test_01_is_said_and_no_empty_window_is_shown(self):
        status, output = self.start('nestbox', 'run', '--', '/app/chromium/chromium',
                                    '--ozone-platform=x11', 'data:text/html,hello')
        said = [line for line in output.splitlines() if line.startswith('nestbox: ')]
        self.assertNotEqual(status, 0)
        self.assertEqual(len(said), 1, output)
        self.assertIn('GPU process not started: the X11 display is not in its sub-sandbox', said[0])

    def test_02_doctor_says_it_too(self):
        status, output = self.start('nestbox', 'doctor')
        self.assertEqual(status, 1)
        self.assertRegex(output, 'BAD +GPU sub-sandbox .*no X11.*nothing would be drawn')

    def test_03_without_a_window_it_is_not_needed(self):
        status, output = self.start('nestbox', 'run', '--', '/app/chromium/chromium',
                                    '--headless=new', '--dump-dom', 'data:text/html,<p>hello')
        self.assertEqual(status, 0, output)
        self.assertIn('<p>hello</p>', output)


if __name__ == '__main__':
    case.main()
