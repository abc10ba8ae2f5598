# SPDX-License-Identifier: BSD-3-Clause
"""Looking at processes from outside, through /proc."""

import os
import pathlib
import time


class Timeout(AssertionError):
    """Something did not happen within its deadline."""


def wait_for(condition, seconds, what, poll=0.005):
    """Polls until condition() is true and returns its value; fails with what was awaited."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Timeout(f'waited {seconds} s for {what}')
        time.sleep(poll)


def read(pid, name):
    try:
        return pathlib.Path(f'/proc/{pid}/{name}').read_text(errors='replace')
    except OSError:
        return ''


def pids():
    return [int(entry) for entry in os.listdir('/proc') if entry.isdigit()]


def stat(pid):
    """Fields of /proc/PID/stat after the name: state, parent, …; [] when it is gone."""
    return read(pid, 'stat').rpartition(')')[2].split()


def state(pid):
    fields = stat(pid)
    return fields[0] if fields else ''


def exists(pid):
    return state(pid) not in ('', 'Z', 'X')


def name(pid):
    return read(pid, 'comm').strip()


def argv(pid):
    text = read(pid, 'cmdline').rstrip('\0')
    return text.split('\0') if '\0' in text else text.split(' ')


def parents():
    table = {}
    for pid in pids():
        fields = stat(pid)
        if len(fields) > 1:
            table[pid] = int(fields[1])
    return table


def children(pid):
    return [child for child, parent in parents().items() if parent == pid]


def descendants(pid):
    table = parents()
    found, frontier = [], [pid]
    while frontier:
        frontier = [child for child, parent in table.items() if parent in frontier]
        found += frontier
    return found


def kill(pid, signum):
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        pass


def status(pid):
    rows = (line.split(':', 1) for line in read(pid, 'status').splitlines() if ':' in line)
    return {key: value.strip() for key, value in rows}


def namespace(pid, kind):
    try:
        return os.readlink(f'/proc/{pid}/ns/{kind}')
    except OSError:
        return None


def namespace_pid(pid):
    """The pid that the process has in its own namespace."""
    return int(status(pid).get('NSpid', '0').split()[-1])


def environment(pid):
    try:
        data = pathlib.Path(f'/proc/{pid}/environ').read_bytes()
    except OSError:
        return {}
    pairs = (item.partition(b'=') for item in data.split(b'\0') if item)
    return {key.decode(errors='replace'): value.decode(errors='replace')
            for key, _, value in pairs}


def fd_count(pid):
    try:
        return len(os.listdir(f'/proc/{pid}/fd'))
    except OSError:
        return -1


def pss_kib(pid):
    for line in read(pid, 'smaps_rollup').splitlines():
        if line.startswith('Pss:'):
            return int(line.split()[1])
    return 0


def option(words, key):
    """Value of --key=value on a command line, or None."""
    prefix = f'--{key}='
    return next((word[len(prefix):] for word in words if word.startswith(prefix)), None)


def kind(pid):
    """What the process is to the browser: browser, zygote, renderer, …, or None."""
    words = argv(pid)
    if not words or not os.path.basename(words[0]).startswith(('chromium', 'exe')):
        return None
    type_ = option(words, 'type')
    if type_ is None:
        return 'browser' if words[0].endswith('/chromium') else None
    if type_ == 'zygote':
        return 'zygote (unsandboxed)' if '--no-zygote-sandbox' in words else 'zygote'
    if type_ == 'utility':
        return f"utility:{option(words, 'service-sandbox-type')}"
    return type_
