# SPDX-License-Identifier: BSD-3-Clause
"""The attack suite's side on the host: what there is to attack, running it, the table."""

import ctypes
import os
import pathlib
import re
import socket
import subprocess
import threading
import time

from . import config, procs
from .steps import as_session_user

TABLE = config.SOURCE / 'tests/attack/expected.table'
PROGRAM = 'nb-attack'
IN_APP = f'/app/libexec/nestbox-tests/{PROGRAM}'
ON_HOST = pathlib.Path(os.environ.get('NESTBOX_TEST_BUILD', config.BUILD / 'out'),
                       'tests/programs').resolve()
DEADLINE_S = 120

CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
LETTERS = {'open': 'O', 'refused': '-', 'killed': 'K', 'broken': '!'}


# --- the host ---

def private_run():
    """A /run of this process's own, so that a journal and a system bus can lie there."""
    libc = ctypes.CDLL(None, use_errno=True)

    def check(result):
        if result != 0:
            raise OSError(ctypes.get_errno(), 'private /run')

    check(libc.unshare(CLONE_NEWNS))
    check(libc.mount(None, b'/', None, MS_REC | MS_PRIVATE, None))
    check(libc.mount(b'tmpfs', b'/run', b'tmpfs', 0, None))


class Host:
    """Sockets and files on the host that no page may reach. Needs private_run()."""

    def __init__(self, session):
        self.session = session
        self.abstract = f'nb-attack-{os.getpid()}-{id(self):x}'
        self.sockets = []
        self.tcp = self.listen(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = self.listen(socket.AF_INET, socket.SOCK_DGRAM, ('127.0.0.1', self.port))
        self.listen(socket.AF_UNIX, socket.SOCK_STREAM, f'\0{self.abstract}')
        for path, kind in (('/run/dbus/system_bus_socket', socket.SOCK_STREAM),
                           (f'/run/user/{config.session_uid()}/bus', socket.SOCK_STREAM),
                           ('/run/systemd/journal/stdout', socket.SOCK_STREAM),
                           ('/run/systemd/journal/socket', socket.SOCK_DGRAM)):
            pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
            pathlib.Path(path).unlink(missing_ok=True)
            self.listen(socket.AF_UNIX, kind, path)
        threading.Thread(target=self.echo, daemon=True).start()
        self.home = session.dir / 'home/secret'
        self.data = session.dir / f'home/.var/app/{config.APP_ID}/data/secret'
        for path in (self.home, self.data):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text('secret')

    def listen(self, family, kind, address):
        made = socket.socket(family, kind)
        made.bind(address)
        if kind == socket.SOCK_STREAM:
            made.listen(64)
        self.sockets.append(made)
        return made

    def echo(self):
        while True:
            try:
                data, sender = self.udp.recvfrom(64)
                self.udp.sendto(data, sender)
            except OSError:
                return

    def options(self):
        return [f'--bus={self.session.dir}/run/bus', f'--abstract={self.abstract}',
                f'--home={self.home}', f'--data={self.data}', f'--port={self.port}']

    def close(self):
        for made in self.sockets:
            made.close()


# --- running it ---

def grant_pid(log, wanted):
    """Has the PID namespace of the running nb-attack go on at that PID."""
    found = sorted(pid for pid in procs.descendants(os.getpid())
                   if procs.name(pid) == PROGRAM
                   and len(procs.status(pid).get('NSpid', '').split()) > 1)
    # Where the first is the browser, the attacker is in a namespace below or beside its.
    inside = next((pid for pid in found if procs.namespace(pid, 'pid') not in (
        None, procs.namespace(found[0], 'pid'))), found[0])
    with open(log, 'ab') as output:
        subprocess.run(['nsenter', '--pid', f'--target={inside}', '--', 'sh', '-c',
                        f'echo {wanted - 1} > /proc/sys/kernel/ns_last_pid'],
                       check=True, stdout=output, stderr=output, timeout=10)


def follow(process, log):
    """Waits for the end, and grants the PIDs that are asked for."""
    granted = 0
    deadline = time.monotonic() + DEADLINE_S
    while True:
        ended = process.poll() is not None
        text = log.read_text(errors='replace') if log.exists() else ''
        wishes = re.findall(r'^[\w-]+ wants pid (\d+)$', text, re.MULTILINE)
        for wish in wishes[granted:]:
            if not ended:
                grant_pid(log.with_suffix('.grant'), int(wish))
            granted += 1
        if ended:
            return process.returncode, text
        if time.monotonic() > deadline:
            raise procs.Timeout(f'waited {DEADLINE_S} s for the attacks; log: {log}')
        time.sleep(0.005)


def parse(output):
    """{place: {attack: (letter, errno's name)}}"""
    places = {}
    for line in output.splitlines():
        fields = [field.strip() for field in line.split(' | ')]
        if len(fields) == 4 and fields[2] in LETTERS:
            places.setdefault(fields[0], {})[fields[1]] = (LETTERS[fields[2]], fields[3])
    return places


def start_bare(session, host, log):
    """Outside Flatpak, where some attacks address every process of the user: in user, PID
    and IPC namespaces of its own."""
    return session.popen([*as_session_user()[:-1], '--pid', '--ipc', '--fork', '--mount-proc',
                          '--kill-child', '--', str(ON_HOST / PROGRAM), '--place=bare',
                          *host.options()], log)


def start_app(session, host, log):
    return session.run(['--place=app', *host.options()], command=IN_APP, log=log)


def start_zygote(session, host, log, options=()):
    return session.run(['run', *options, '--', '/app/libexec/nestbox-tests/launch-like-chromium',
                        IN_APP, '--type=zygote', *host.options()], command='nestbox', log=log)


GPU_ZYGOTE = ('--type=zygote', '--no-zygote-sandbox')  # forks the GPU process
GPU_PROCESS = ('--type=gpu-process',)  # without a zygote


def start_gpu(session, host, log, kind, options=()):
    return session.run(['run', *options, '--', IN_APP, '--browser', *kind, *host.options()],
                       command='nestbox', log=log)


# --- the table ---

class Row:
    """One attack: what is expected of it in each column, and why where it is open."""

    def __init__(self, name, letters, why):
        self.name, self.letters, self.why = name, letters, why


def expected():
    """(columns, {attack: Row}) of expected.table, where the format is described."""
    columns, rows = None, {}
    for line in TABLE.read_text().splitlines():
        if not line.strip() or line.startswith('#'):
            continue
        name, *groups, why = [field.strip() for field in line.split('|')]
        letters = ' '.join(groups).split()
        if columns is None:
            columns = letters
            continue
        assert len(letters) == len(columns), line
        assert name not in rows, line
        rows[name] = Row(name, dict(zip(columns, letters)), why)
    return columns, rows


def render(columns, measured, rows):
    """What was measured, as a table for people."""
    width = max(len(name) for name in rows)
    lines = [' '.join([f'{"attack":{width}}', *(f'{column:>9}' for column in columns), 'why'])]
    for name, row in rows.items():
        letters = [measured[column].get(name, '?') for column in columns]
        lines.append(' '.join([f'{name:{width}}', *(f'{letter:>9}' for letter in letters),
                               row.why]).rstrip())
    totals = [sum(letter == 'O' for letter in measured[column].values()) for column in columns]
    lines.append(' '.join([f'{f"open, of {len(rows)}":{width}}',
                           *(f'{total:>9}' for total in totals)]))
    return '\n'.join(lines) + '\n'
