#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The kill matrix: each process, each signal, at each moment, against kill-matrix.table.

NESTBOX_FAULTS names the cells, as lists of "signal:moment" (default: the column that `make
check` has; `all`: the whole matrix).
"""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, config, faults  # noqa: E402

COLUMN = 'KILL:forking'  # what is worst: nothing can be tidied up, and something is under way
CELLS = faults.expected()


def chosen():
    wanted = os.environ.get('NESTBOX_FAULTS', COLUMN)
    if wanted == 'all':
        return CELLS
    return {cell: expectation for cell, expectation in CELLS.items()
            if f'{cell[1]}:{cell[2]}' in wanted.split(',')}


class Matrix(unittest.TestCase):
    """Tests are made below: one for each victim, signal and way for PIDs."""

    results = {}

    @classmethod
    def setUpClass(cls):
        cls.results = faults.run_all(chosen(), cls.tell)
        table = faults.render(CELLS, cls.results)
        (config.LOGS / 'fault-table.txt').write_text(table)

    @staticmethod
    def tell(result):
        cell, outcome, wrong = result
        with open(config.LOGS / 'faults.log', 'a', encoding='utf-8') as log:
            log.write(f'{", ".join(cell)}: {wrong or outcome}\n')

    def check(self, victim, signum, pids):
        wrong = [f'{cell[2]}: {self.results[cell][1]}' for cell in chosen()
                 if (cell[0], cell[1], cell[3]) == (victim, signum, pids)
                 and self.results[cell][1]]
        self.assertFalse(wrong, '\n'.join(wrong))


def add_tests():
    for number, (victim, signum, pids) in enumerate(dict.fromkeys(
            (cell[0], cell[1], cell[3]) for cell in chosen())):
        name = f'test_{number:02}_{victim}_{signum}_{pids}'.replace(' ', '_').replace('-', '_')
        setattr(Matrix, name, lambda self, row=(victim, signum, pids): self.check(*row))


add_tests()

if __name__ == '__main__':
    case.main()
