# SPDX-License-Identifier: BSD-3-Clause
"""Set-up steps: progress on a terminal or in a log, stamps, commands that must work."""

import hashlib
import os
import subprocess
import sys
import time

from . import config


class StepFailed(Exception):
    """What could not be done, and the one thing to do about it."""


def say(text):
    print(f'rig: {text}', flush=True)


def as_rig_user():
    """An ordinary user goes on as root of a user namespace: the rig may then look into
    the processes of its sessions, which are in namespaces below."""
    if os.geteuid() != 0:
        os.environ['NESTBOX_RIG_UID'] = str(os.geteuid())
        os.execvp('unshare', ['unshare', '--user', '--map-root-user', '--', sys.executable,
                              *sys.argv])


def as_session_user():
    """Command prefix for an ordinary user's processes.

    Chromium refuses to run as root. A user namespace that maps the caller to an
    ordinary uid needs no account and no privilege.
    """
    uid = str(config.session_uid())
    return ['unshare', '--user', f'--map-user={uid}', f'--map-group={uid}', '--']


def digest(*parts):
    """A key that changes when any of the parts (str, or pathlib.Path: contents) does."""
    total = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if hasattr(part, 'read_bytes') else str(part).encode()
        total.update(len(data).to_bytes(8, 'little') + data)
    return total.hexdigest()


def stamped(name):
    """The key that the step was last done for, or None."""
    try:
        return (config.STAMPS / name).read_text()
    except FileNotFoundError:
        return None


def stamp(name, key):
    config.STAMPS.mkdir(parents=True, exist_ok=True)
    (config.STAMPS / name).write_text(key)


def step(name, title, key, action):
    """Does action() unless it was done for the same key; says so, and how long it took."""
    if stamped(name) == key:
        return False
    (config.STAMPS / name).unlink(missing_ok=True)
    say(f'{title} …')
    start = time.monotonic()
    action()
    stamp(name, key)
    say(f'{title}: done in {time.monotonic() - start:.0f} s')
    return True


def command(argv, log, remedy, env=None, cwd=None, user=False):
    """Runs argv with its output in LOGS/log; says that it still runs every 20 s."""
    config.LOGS.mkdir(parents=True, exist_ok=True)
    path = config.LOGS / log
    argv = [str(word) for word in (as_session_user() if user else []) + list(argv)]
    with open(path, 'ab') as output:
        output.write(('$ ' + ' '.join(argv) + '\n').encode())
        output.flush()
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=output, env=env, cwd=cwd)
        try:
            wait_telling(process, argv)
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode != 0:
        tail = path.read_text(errors='replace').splitlines()[-8:]
        raise StepFailed('\n'.join(tail) + f'\n{argv[0]} failed ({process.returncode}); '
                         f'log: {path}\nTo do: {remedy}')


def wait_telling(process, argv):
    start = time.monotonic()
    while True:
        try:
            process.wait(timeout=20)
            return
        except subprocess.TimeoutExpired:
            name = next((os.path.basename(word) for word in argv
                         if '/' not in word or word.startswith('/')), argv[0])
            say(f'  … {name} still running, {time.monotonic() - start:.0f} s')
            sys.stdout.flush()
