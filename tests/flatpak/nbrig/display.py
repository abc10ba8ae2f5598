# SPDX-License-Identifier: BSD-3-Clause
"""A display for a session, without a screen: an X server, or a Wayland compositor.

What it shows is read back by the display's own means, never by the browser's.
"""

import os
import pathlib
import secrets
import subprocess

from PIL import Image, ImageGrab

from . import procs

WIDTH, HEIGHT = 1600, 1200


class Display:
    """Started inside a session; told to what the session starts, the portal included."""

    def __init__(self, session):
        self.session = session
        self.variables = {}

    def announce(self):
        """Flatpak before 1.15.6 takes the display of a sub-sandbox from the portal's own
        environment, which is the bus's."""
        self.session.environment.update(self.variables)
        status, output = self.session.call(
            ['dbus-update-activation-environment',
             *(f'{name}={value}' for name, value in self.variables.items())], 'display.log')
        assert status == 0, output

    def start(self, argv, log, **options):
        return self.session.popen(self.session.inside(argv), log, **options)

    def close(self):
        self.process.terminate()
        self.process.wait(10)


class XServer(Display):
    """Xvfb, which lets in only who knows the cookie, and a window manager."""

    flags = ('--ozone-platform=x11',)

    def __init__(self, session, announced=True):
        super().__init__(session)
        self.authority = session.dir / 'home/.Xauthority'
        cookie = secrets.token_hex(16)
        self.allow(':0', cookie)
        ready, told = os.pipe()
        self.process = self.start(
            ['Xvfb', '-displayfd', str(told), '-auth', self.authority, '-nolisten', 'tcp',
             '-screen', '0', f'{WIDTH}x{HEIGHT}x24'], 'xvfb.log', pass_fds=(told,))
        os.close(told)
        with os.fdopen(ready) as line:
            number = line.readline().strip()
        assert number, 'Xvfb did not start: see xvfb.log'
        self.name = f':{number}'
        self.allow(self.name, cookie)
        self.variables = {'DISPLAY': self.name, 'XAUTHORITY': str(self.authority)}
        if announced:
            self.announce()
        else:  # to programs that are started from here, but not to the portal
            session.environment.update(self.variables)
        self.start_manager()

    def start_manager(self):
        """Without one a window cannot fill the screen."""
        started = self.session.dir / 'openbox-started'
        self.manager = self.start(['openbox', '--sm-disable', '--startup', f'touch {started}'],
                                  'openbox.log')
        procs.wait_for(started.exists, 10, 'the window manager')

    def close(self):
        self.manager.terminate()
        self.manager.wait(10)
        super().close()

    def allow(self, name, cookie):
        subprocess.run(['xauth', '-q', '-f', self.authority, 'add', name, '.', cookie],
                       check=True, stderr=subprocess.DEVNULL)

    def screenshot(self):
        before = os.environ.get('XAUTHORITY')
        os.environ['XAUTHORITY'] = str(self.authority)
        try:
            return ImageGrab.grab(xdisplay=self.name).convert('RGB')
        finally:
            if before is None:
                del os.environ['XAUTHORITY']
            else:
                os.environ['XAUTHORITY'] = before


class Wayland(Display):
    """Weston without a screen. --debug lets its own screenshooter in."""

    flags = ('--ozone-platform=wayland',)

    def __init__(self, session):
        super().__init__(session)
        self.socket = 'wayland-rig'
        self.pictures = session.dir / 'pictures'
        self.pictures.mkdir()
        self.process = self.start(
            ['weston', '--backend=headless-backend.so', '--use-pixman', '--debug',
             f'--socket={self.socket}', '--idle-time=0', '--no-config',
             f'--width={WIDTH}', f'--height={HEIGHT}'], 'weston.log')
        path = pathlib.Path(session.environment['XDG_RUNTIME_DIR'], self.socket)
        procs.wait_for(lambda: path.exists() or self.process.poll() is not None, 10, 'Weston')
        assert self.process.poll() is None, 'Weston did not start: see weston.log'
        self.variables = {'WAYLAND_DISPLAY': self.socket}
        self.announce()

    def screenshot(self):
        for old in self.pictures.iterdir():
            old.unlink()
        status, output = self.session.call(
            ['env', f'XDG_PICTURES_DIR={self.pictures}', 'weston-screenshooter'],
            'screenshooter.log')
        assert status == 0, output
        path, = self.pictures.iterdir()
        with Image.open(path) as image:
            return image.convert('RGB')


def close_to(colour, expected, tolerance):
    return all(abs(a - b) <= tolerance for a, b in zip(colour, expected))


def find(image, colour, tolerance=2):
    """Box (left, top, right, bottom) of all pixels of about this colour; None: there are none."""
    bands = [band.point(lambda value, want=want: 255 * (abs(value - want) <= tolerance))
             for band, want in zip(image.split(), colour)]
    mask = bands[0]
    for band in bands[1:]:
        mask = Image.composite(band, mask, mask)
    return mask.getbbox()
