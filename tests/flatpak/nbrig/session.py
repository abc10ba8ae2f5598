# SPDX-License-Identifier: BSD-3-Clause
"""A private desktop session: user namespace, bus, Flatpak portal; nothing outlives it."""

import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import time

from . import config, procs
from .steps import StepFailed, as_session_user

PR_SET_CHILD_SUBREAPER = 36
BUS_CONFIG = '''<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <servicedir>{services}</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
'''
SERVICES = {'org.freedesktop.portal.Flatpak': '/usr/libexec/flatpak-portal',
            'org.freedesktop.Flatpak': '/usr/libexec/flatpak-session-helper'}


def interrupted(*_):
    raise KeyboardInterrupt


class Session:
    """Use as a context manager; on leaving, every descendant is ended and the folder removed.

    `portal` replaces the portal's command line (None: no portal at all); `bwrap` is what
    Flatpak uses as bubblewrap, e.g. a set-uid copy.
    """

    # Of the bus, and so of all that runs inside; and the session's own services.
    namespaces = ('--user',)
    services = ('dbus-daemon', 'flatpak-portal', 'flatpak-session', 'fault-portal')

    def __init__(self, portal=SERVICES['org.freedesktop.portal.Flatpak'], bwrap=None,
                 environment=None):
        self.dir = config.session_dir()
        self.logs = config.LOGS
        self.portal = portal
        self.environment = dict(config.flatpak_environment(), **self.private_environment())
        if bwrap:
            self.environment['FLATPAK_BWRAP'] = str(bwrap)
        self.environment.update(environment or {})
        self.bus = None
        self.started = []

    def private_environment(self):
        bus = f'unix:path={self.dir}/run/bus'
        return {'HOME': f'{self.dir}/home', 'XDG_RUNTIME_DIR': f'{self.dir}/run',
                'XDG_CONFIG_HOME': f'{self.dir}/home/.config',
                'XDG_CACHE_HOME': f'{self.dir}/home/.cache',
                'DBUS_SESSION_BUS_ADDRESS': bus, 'DBUS_SYSTEM_BUS_ADDRESS': bus}

    def __enter__(self):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.before = procs.descendants(os.getpid())
        for signum in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, interrupted)
        (self.dir / 'owner').write_text(str(os.getpid()))
        try:
            self.start_bus()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def start_bus(self):
        for name in ('run', 'home', 'services'):
            (self.dir / name).mkdir(mode=0o700)
        self.logs.mkdir(parents=True, exist_ok=True)
        for name, executable in self.activatable().items():
            if executable:
                (self.dir / 'services' / f'{name}.service').write_text(
                    f'[D-BUS Service]\nName={name}\nExec={executable}\n')
        bus_config = self.dir / 'bus.conf'
        bus_config.write_text(BUS_CONFIG.format(socket=self.dir / 'run/bus',
                                                services=self.dir / 'services'))
        self.bus = self.popen([*self.user(), 'dbus-daemon', '--nofork', '--nopidfile',
                               f'--config-file={bus_config}'], 'bus.log')
        procs.wait_for(lambda: (self.dir / 'run/bus').exists() or self.bus.poll() is not None, 10,
                       'the private session bus')
        if self.bus.poll() is not None:
            raise StepFailed(f'the private session bus did not start; log: {self.logs}/bus.log\n'
                             'To do: check that unprivileged user namespaces are allowed')

    def activatable(self):
        """Command lines by the names of the bus that start them."""
        return dict(SERVICES, **{'org.freedesktop.portal.Flatpak': self.portal})

    def user(self):
        """Command prefix of the bus, which makes the namespaces."""
        return as_session_user()

    def popen(self, argv, log, **options):
        with open(self.logs / log, 'ab') as output:
            options.setdefault('stdout', output)
            options.setdefault('stderr', output)
            options.setdefault('stdin', subprocess.DEVNULL)
            process = subprocess.Popen([str(word) for word in argv], env=self.environment,
                                       cwd=self.dir, **options)
        self.started.append(process)
        return process

    def inside(self, argv):
        """argv as run in the session's namespaces, beside the bus and the portal."""
        return ['nsenter', *self.namespaces, '--preserve-credentials', f'--target={self.bus.pid}',
                '--', *argv]

    def run(self, argv, command=None, log='app.out', options=(), app=config.APP_ID,
            **popen_options):
        """Starts the app (or `command` in it) with argv as its arguments."""
        words = ['flatpak', 'run', '--user', *options]
        if command:
            words.append(f'--command={command}')
        return self.popen(self.inside([*words, app, *argv]), log, **popen_options)

    def call(self, argv, log, timeout=60):
        """Runs a command of the host in the session; (exit status, output)."""
        path = self.logs / log
        path.unlink(missing_ok=True)
        process = self.popen(self.inside(argv), log)
        status = process.wait(timeout)
        return status, path.read_text(errors='replace')

    def portal_pid(self):
        for pid in procs.descendants(os.getpid()):
            if procs.name(pid).startswith('flatpak-portal'):
                return pid
        return None

    def leftovers(self):
        """Descendants that belong to neither the rig nor the session's own services."""
        self.reap()  # a PID namespace does not end before what was orphaned in it is collected
        return [pid for pid in procs.descendants(os.getpid())
                if pid not in self.before and procs.state(pid) != 'Z'
                and not procs.name(pid).startswith(self.services)]

    def close(self):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            self.reap()
            pids = [pid for pid in procs.descendants(os.getpid()) if pid not in self.before]
            if not pids:
                break
            for pid in pids:
                procs.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
        shutil.rmtree(self.dir, ignore_errors=True)

    def reap(self):
        """Collects the processes that were re-parented to this one, and our own."""
        for process in self.started:
            process.poll()
        known = {process.pid for process in self.started}
        for pid in procs.children(os.getpid()):
            if pid not in known and pid not in self.before and procs.state(pid) == 'Z':
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass


def set_uid_bwrap():
    """A set-uid copy of bubblewrap owned by the session's user: gains nothing, but Flatpak
    sees the bit and offers no EXPOSE_PIDS, as on hardened systems."""
    copy = pathlib.Path(config.RIG / 'bwrap-setuid')
    if not copy.exists():
        shutil.copy(shutil.which('bwrap'), copy)
    copy.chmod(0o4755)
    return copy
