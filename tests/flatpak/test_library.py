#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A host of libnestbox in real Flatpak: pictures that nobody trusts, one child for each."""

import os
import pathlib
import signal
import socket
import sys

from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, config, procs  # noqa: E402
from nbrig.case import GONE_WITHIN_S  # noqa: E402

ALL_LAYERS = 0x1f  # nestbox.h, NestboxLayers
SECRET = 'the words that nobody else may read'


class ViewerCase(case.SessionCase):
    """Images and a secret lie in the app's own folder, which the app can read."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = cls.session.dir / f'home/.var/app/{config.APP_ID}/data'
        cls.data.mkdir(parents=True)
        cls.secret = cls.data / 'secret.txt'
        cls.secret.write_text(SECRET + '\n')
        picture = Image.effect_noise((211, 97), 90)
        for name, mode in (('grey.png', 'L'), ('colours.png', 'RGB'), ('palette.png', 'P')):
            picture.convert(mode).save(cls.data / name)
            picture = picture.transpose(Image.ROTATE_90)

    def image(self, name, *lines):
        """One that takes its decoder over."""
        (self.data / name).write_text('\n'.join(('EVIL', *lines, '')))
        return name

    def words(self, images, options):
        return [*options, f'--out={self.data}', *(str(self.data / name) for name in images)]

    def view(self, *images, options=()):
        status, output = self.run_in_app('example-viewer', *self.words(images, options))
        self.assertEqual(status, 0, output)
        return output.splitlines()

    def start(self, *images):
        """The viewer's process and log, once every image has its child."""
        log = self.session.logs / 'viewer.log'
        log.unlink(missing_ok=True)
        process = self.session.run(self.words(images, ()), command='example-viewer',
                                   log=log.name)
        procs.wait_for(lambda: log.read_text().count(': started') == len(images)
                       or process.poll() is not None, 20, 'the start of every child')
        self.assertIsNone(process.poll(), log.read_text())
        # A program runs, for who started it, a moment before its command line can be read.
        procs.wait_for(lambda: all(procs.argv(pid)[0] for pid in procs.descendants(os.getpid())
                                   if procs.exists(pid)), 5, 'the names of all')
        return process, log

    def tearDown(self):
        for pid in self.named('example-viewer'):
            procs.kill(pid, signal.SIGKILL)
        super().tearDown()

    def named(self, name):
        return [pid for pid in procs.descendants(os.getpid())
                if os.path.basename(procs.argv(pid)[0]) == name and procs.exists(pid)]

    def assert_gone(self, pids, what):
        procs.wait_for(lambda: not [pid for pid in pids if procs.exists(pid)], GONE_WITHIN_S,
                       f'the end of all that ran, after {what}')

    def assert_shown(self, name):
        with Image.open(self.data / name) as meant, Image.open(self.data / f'{name}.ppm') as shown:
            self.assertEqual(meant.size, shown.size)
            self.assertEqual(meant.convert('RGB').tobytes(), shown.tobytes(), name)

    def says(self, output, name):
        """What the decoder of an image said, by what it tried."""
        prefix = f'{name} says: '
        lines = [line.removeprefix(prefix) for line in output if line.startswith(prefix)]
        return dict(line.rsplit(': ', 1) for line in lines if ': ' in line), lines


class Viewer(ViewerCase):
    def test_01_pictures_come_out_right(self):
        names = ['grey.png', 'colours.png', 'palette.png']
        output = self.view(*names)
        self.assertIn(f'layers 0x{ALL_LAYERS:x}', output)
        for name in names:
            self.assert_shown(name)

    def attempts(self, port):
        return [f'read {self.secret}', f'write {self.data}/stolen', f'connect {port}',
                f'cat {self.secret}']

    def attack(self, *options):
        with socket.create_server(('127.0.0.1', 0)) as server:
            attempts = self.attempts(server.getsockname()[1])
            name = self.image('attack.png', *attempts)
            output = self.view(name, options=options)
        said, lines = self.says(output, name)
        self.assertEqual(list(said), attempts, output)
        return said, lines

    def test_02_without_a_sandbox_an_image_gets_everything(self):
        """Or the next test would show nothing."""
        said, lines = self.attack('--unconfined')
        self.assertEqual(set(said.values()), {'done'}, said)
        self.assertIn(f'stolen {SECRET}', lines)
        self.assertTrue((self.data / 'stolen').exists())
        (self.data / 'stolen').unlink()

    def test_03_an_image_gets_nothing(self):
        said, lines = self.attack()
        self.assertNotIn('done', said.values(), said)
        self.assertEqual([line for line in lines if line.startswith('stolen')], [])
        self.assertFalse((self.data / 'stolen').exists())

    def test_04_a_crash_is_told_and_the_others_go_on(self):
        crash = self.image('crash.png', 'crash')
        output = self.view('grey.png', crash, 'colours.png')
        self.assertIn(f'{crash}: no picture: killed by signal {int(signal.SIGSEGV)}', output)
        self.assert_shown('grey.png')
        self.assert_shown('colours.png')

    def test_05_what_hangs_is_killed_by_its_handle(self):
        hang = self.image('hang.png', 'hang')
        output = self.view(hang, 'grey.png', options=['--patience=300'])
        self.assertIn(f'{hang}: no picture: killed by signal {int(signal.SIGKILL)}', output)
        self.assert_shown('grey.png')

    def test_06_each_is_in_the_sub_sandbox(self):
        names = [self.image(f'hang-{number}.png', 'hang') for number in range(2)]
        self.start(*names)
        viewer, = self.named('example-viewer')
        children = self.named('decode-image')
        controller, = self.named('nestbox-controller')
        self.assertEqual(len(children), 2)
        seen = pathlib.Path(f'/proc/{viewer}/root{self.secret}')
        self.assertEqual(seen.read_text().strip(), SECRET, 'the app has the file')
        for child in children:
            for kind in ('pid', 'net', 'mnt', 'ipc'):
                self.assertNotEqual(procs.namespace(child, kind), procs.namespace(viewer, kind))
            self.assertFalse(pathlib.Path(f'/proc/{child}/root{self.secret}').exists())
            self.assertEqual(self.interfaces(child), ['lo'])
            status = procs.status(child)
            self.assertEqual((status['NoNewPrivs'], status['Seccomp']), ('1', '2'))
            # On top of Flatpak's, which the controller has: the base filter, the own-PID one.
            self.assertEqual(int(status['Seccomp_filters']),
                             int(procs.status(controller)['Seccomp_filters']) + 2)
            self.assertEqual(int(status['CapEff'], 16), 0)
            fds = {int(fd) for fd in os.listdir(f'/proc/{child}/fd')}
            self.assertEqual(fds, {0, 1, 2})

    @staticmethod
    def interfaces(pid):
        rows = procs.read(pid, 'net/dev').splitlines()[2:]
        return [row.split(':')[0].strip() for row in rows]

    def test_07_siblings_are_out_of_reach(self):
        hang = self.image('hang.png', 'hang')
        _, log = self.start(hang, self.image('killer.png', 'kill-all', 'crash'))
        procs.wait_for(lambda: 'killer.png: no picture' in log.read_text(), 5, 'its end')
        self.assertIn('killer.png says: kill-all : Operation not permitted', log.read_text())
        self.assertNotIn('hang.png: no picture', log.read_text())
        self.assertEqual(len(self.named('decode-image')), 1)

    def test_08_one_that_is_killed_is_told_and_the_other_goes_on(self):
        names = [self.image(f'hang-{number}.png', 'hang') for number in range(2)]
        _, log = self.start(*names)
        first, second = self.named('decode-image')
        procs.kill(first, signal.SIGTERM)
        procs.wait_for(lambda: f'killed by signal {int(signal.SIGTERM)}' in log.read_text(), 5,
                       'the line about it')
        self.assertTrue(procs.exists(second))
        self.assertEqual(log.read_text().count('no picture'), 1)

    def all_of_it(self):
        pids = [pid for name in ('example-viewer', 'decode-image', 'nestbox-controller',
                                 'nestbox-broker')
                for pid in self.named(name)]
        self.assertEqual(len(pids), 5, 'viewer, broker, controller, two decoders')
        return pids

    def test_09_with_the_host_all_ends(self):
        names = [self.image(f'hang-{number}.png', 'hang') for number in range(2)]
        self.start(*names)
        pids = self.all_of_it()
        for pid in self.named('example-viewer'):
            procs.kill(pid, signal.SIGKILL)
        self.assert_gone(pids, 'the host was killed')

    def test_10_with_the_broker_all_ends_and_is_told(self):
        names = [self.image(f'hang-{number}.png', 'hang') for number in range(2)]
        process, log = self.start(*names)
        pids = self.all_of_it()
        broker, = self.named('nestbox-broker')
        procs.kill(broker, signal.SIGKILL)
        self.assertEqual(process.wait(10), 0)
        self.assert_gone(pids, 'the broker was killed')
        for name in names:
            self.assertIn(f'{name}: no picture: killed by signal 9', log.read_text())

    def test_11_with_the_controller_all_ends_and_is_told(self):
        names = [self.image(f'hang-{number}.png', 'hang') for number in range(2)]
        process, log = self.start(*names)
        pids = self.all_of_it()
        controller, = self.named('nestbox-controller')
        procs.kill(controller, signal.SIGKILL)
        self.assertEqual(process.wait(10), 0)
        self.assert_gone(pids, 'the controller was killed')
        self.assertEqual(log.read_text().count('killed by signal 9'), 2)


class ViewerHidden(Viewer):
    """The same where PIDs are hidden."""

    hidden_pids = True


class NoPortal(ViewerCase):
    session_options = {'portal': None}

    def test_01_nothing_is_started(self):
        output = self.view('grey.png')
        self.assertFalse((self.data / 'grey.png.ppm').exists())
        self.assertTrue([line for line in output if line.startswith('no sub-sandbox: ')], output)
        self.assertTrue([line for line in output
                         if line.startswith('grey.png: ') and 'nestbox doctor' in line], output)


class InASubSandbox(ViewerCase):
    def test_01_there_is_no_other(self):
        status, output = self.run_in_app('example-viewer', 'x', options=['--sandbox'])
        self.assertEqual(status, 1, output)
        self.assertIn('in a sub-sandbox already', output)


if __name__ == '__main__':
    case.main()
