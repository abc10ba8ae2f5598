#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every attack of tests/attack, in every place, against what expected.table says."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import attack, case, config  # noqa: E402
from nbrig.session import SERVICES  # noqa: E402

COLUMNS, EXPECTED = attack.expected()
MOST_WITHOUT_EVIDENCE = 6
# What a layer answers. Anything else would be an attack that went wrong by itself.
REFUSALS = {'', 'EPERM', 'EACCES', 'ENOSYS', 'ENOENT', 'EAFNOSUPPORT', 'ECONNREFUSED'}
OTHER_REFUSALS = {
    'KILL in the broker\'s name': {'EBADF', 'ETIMEDOUT'},  # no socket, or nobody obeys
    'knock at the door': {'EBADF', 'ETIMEDOUT'},
    'knock in the sibling\'s name': {'EBADF'},
    'by a folder left open': {'EBADF'},
}
measured = {}  # column: {attack: letter}


def setUpModule():
    attack.private_run()


def tearDownModule():
    table = attack.render([column for column in COLUMNS if column in measured], measured,
                          EXPECTED)
    (config.LOGS / 'attack-table.txt').write_text(table)
    print(''.join(f'# {line}\n' for line in table.splitlines()), end='')


class Table(unittest.TestCase):
    """What can be told by reading it."""

    def test_01_an_attack_that_works_nowhere_is_no_evidence_and_says_so(self):
        without = {row.name for row in EXPECTED.values()
                   if 'O' not in (row.letters['bare'], row.letters['app'])}
        self.assertEqual(without, {row.name for row in EXPECTED.values()
                                   if row.why.startswith('no evidence: ')})
        self.assertLessEqual(len(without), MOST_WITHOUT_EVIDENCE)

    def test_02_what_is_open_in_a_sandbox_says_why(self):
        silent = [row.name for row in EXPECTED.values() if not row.why and any(
            row.letters[column] == 'O' for column in COLUMNS if column not in ('bare', 'app'))]
        self.assertFalse(silent, '\n'.join(silent))


class Places:
    """One run of all attacks; its places are these columns of the table."""

    columns = {}
    places = {}

    def start(self, host, log):
        raise NotImplementedError

    def runs(self):
        host = attack.Host(self.session)
        log = self.session.logs / f'attack-{type(self).__name__}.log'
        log.unlink(missing_ok=True)
        try:
            status, output = attack.follow(self.start(host, log.name), log)
        finally:
            host.close()
        self.assertEqual(status, 0, output[-2000:])
        self.assertIn('done', output.splitlines())
        return attack.parse(output)

    def test_01_every_attack_is_tried(self):
        places = self.runs()
        self.assertEqual(set(places), set(self.columns))
        for place, column in self.columns.items():
            self.assertEqual(set(places[place]), set(EXPECTED))
            measured.setdefault(column, {name: letter for name, (letter, _)
                                         in places[place].items()})
        type(self).places = places

    def test_02_open_is_what_is_expected_and_nothing_else(self):
        wrong = [f'{column}: {name}: {letter} {errno}, expected {expected}'
                 for place, column in self.columns.items()
                 for name, (letter, errno) in self.places[place].items()
                 for expected in [EXPECTED[name].letters[column]]
                 if letter != expected]
        self.assertFalse(wrong, '\n'.join(wrong))

    def test_03_what_is_refused_is_refused_by_a_layer(self):
        odd = [f'{column}: {name}: {errno}'
               for place, column in self.columns.items() if column != 'bare'
               for name, (letter, errno) in self.places[place].items()
               if letter == '-' and errno not in REFUSALS | OTHER_REFUSALS.get(name, set())]
        self.assertFalse(odd, '\n'.join(odd))


class Bare(Places, case.SessionCase):
    columns = {'bare': 'bare'}

    def start(self, host, log):
        return attack.start_bare(self.session, host, log)


class App(Places, case.SessionCase):
    columns = {'app': 'app'}

    def start(self, host, log):
        return attack.start_app(self.session, host, log)


class LandlockWall(Places, case.SessionCase):
    columns = {'zygote': 'L.zygote', 'child': 'L.child'}
    options = ('--file-wall=landlock',)

    def start(self, host, log):
        return attack.start_zygote(self.session, host, log, self.options)


class LandlockWallHidden(LandlockWall):
    hidden_pids = True


class ForcedStandIns(LandlockWall):
    options = ('--pids=stand-in',)


class SeccompWall(LandlockWall):
    columns = {'zygote': 'S.zygote', 'child': 'S.child'}
    options = ('--file-wall=seccomp',)


class SeccompWallHidden(SeccompWall):
    hidden_pids = True


class WithoutLandlock(LandlockWall):
    """The portal, and so all that it starts, is on a kernel that has none."""

    columns = {'zygote': 'N.zygote', 'child': 'N.child'}
    options = ()
    session_options = {'portal': f'{attack.ON_HOST}/without-landlock '
                                 + SERVICES['org.freedesktop.portal.Flatpak']}


class GpuInApp(Places, case.SessionCase):
    """The GPU process in the app's sandbox, confined by filter and domain alone."""

    columns = {'gpu': 'A.gpu'}
    kind = attack.GPU_ZYGOTE
    options = ('--gpu=app',)

    def start(self, host, log):
        return attack.start_gpu(self.session, host, log, self.kind, self.options)


class GpuInAppExecuted(GpuInApp):
    columns = {'gpu-executed': 'A.gpu-x'}
    kind = attack.GPU_PROCESS


class GpuSandbox(GpuInApp):
    """The GPU process in a sub-sandbox of its own."""

    columns = {'gpu': 'L.gpu'}
    options = ()


class GpuSandboxHidden(GpuSandbox):
    hidden_pids = True


class GpuSandboxExecuted(GpuSandbox):
    columns = {'gpu-executed': 'L.gpu-x'}
    kind = attack.GPU_PROCESS


class GpuSandboxWithoutLandlock(GpuSandbox):
    columns = {'gpu': 'N.gpu'}
    session_options = WithoutLandlock.session_options


if __name__ == '__main__':
    case.main()
