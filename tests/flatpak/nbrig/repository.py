# SPDX-License-Identifier: BSD-3-Clause
"""A signed repository to install from: what was built, from the rig's own repository."""

import base64
import os
import pathlib
import shutil
import subprocess

from . import config, packages
from .steps import StepFailed, command

OUT = config.BUILD / 'repo'
TITLES = {packages.BASE_ID: 'nestbox, to build on', packages.VIEWER_ID: 'Viewer of untrusted images'}
FRONT = 'nestbox.flatpakrepo'
LOG = 'repo.log'


class Key:
    """A secret key of the caller's keyring, which GNUPGHOME or else the home has."""

    def __init__(self, name, home=None):
        self.home = home or os.environ.get('GNUPGHOME') or os.path.expanduser('~/.gnupg')
        if not name:
            raise StepFailed('a repository has to be signed, and no key is named\n'
                             'To do: make repo GPG_KEY=ID; `gpg --list-secret-keys` lists yours, '
                             '`gpg --quick-generate-key NAME` makes one')
        listed = self.gpg('--with-colons', '--list-secret-keys', name).stdout.decode()
        prints = [line.split(':')[9] for line in listed.splitlines() if line.startswith('fpr')]
        if not prints:
            raise StepFailed(f'{name}: no such secret key in {self.home}\n'
                             'To do: GPG_KEY=ID of a key of `gpg --list-secret-keys`, '
                             'GNUPGHOME=FOLDER of another keyring')
        self.fingerprint = prints[0]
        self.public = base64.b64encode(self.gpg('--export', self.fingerprint).stdout).decode()

    def gpg(self, *words):
        return subprocess.run(['gpg', '--batch', '--homedir', self.home, *words],
                              stdin=subprocess.DEVNULL, capture_output=True)

    def options(self):
        return [f'--gpg-sign={self.fingerprint}', f'--gpg-homedir={self.home}']


def refs(with_runtime):
    """What is published: each app with its debug symbols, and what they run on."""
    tail = f'{config.ARCH}/{config.BRANCH}'
    apps = [f'app/{name}/{tail}' for name in packages.IDS]
    debug = [f'runtime/{name}.Debug/{tail}' for name in packages.IDS]
    return apps + debug + [f'runtime/{config.RUNTIME_ID}/{tail}'] * with_runtime


def describe_repository(url, key):
    return ('[Flatpak Repo]\nTitle=nestbox\n'
            'Comment=A sandbox for browsers in Flatpak\n'
            f'Url={url}\nGPGKey={key.public}\n')


def describe_app(app_id, url, key):
    return (f'[Flatpak Ref]\nTitle={TITLES[app_id]}\nName={app_id}\nBranch={config.BRANCH}\n'
            f'Url={url}\nRuntimeRepo={url}/{FRONT}\nSuggestRemoteName=nestbox\n'
            f'IsRuntime=false\nGPGKey={key.public}\n')


def run(key, *argv):
    command(argv, LOG, 'read the message above; is the key\'s passphrase at hand?',
            env=dict(config.flatpak_environment(), GNUPGHOME=str(key.home)))


def prepare(front, description, key):
    """An empty repository, or the one that is there and was signed with this key. With
    another it is made anew: nothing may be left that the new key does not vouch for."""
    out = front.parent
    if front.exists() and f'GPGKey={key.public}\n' not in front.read_text():
        shutil.rmtree(out)
    elif out.exists() and not front.exists() and list(out.iterdir()):
        raise StepFailed(f'{out}: there is something else\nTo do: remove it, or name another folder')
    if not front.exists():
        out.mkdir(parents=True, exist_ok=True)
        run(key, 'ostree', f'--repo={out}', 'init', '--mode=archive')
    front.write_text(description)


def publish(key, url=None, out=OUT, with_runtime=True):
    """Makes the repository, or adds to it what was built since. Each commit is signed, and
    the summary that lists them; the files for users lie beside them."""
    url = (url or out.as_uri()).rstrip('/')
    front = out / FRONT
    prepare(front, describe_repository(url, key), key)
    for ref in refs(with_runtime):
        run(key, 'flatpak', 'build-commit-from', '--no-update-summary', *key.options(),
            f'--src-repo={config.REPO}', out, ref)
    run(key, 'flatpak', 'build-update-repo', '--title=nestbox', *key.options(), out)
    for app_id in packages.IDS:
        (out / f'{app_id}.flatpakref').write_text(describe_app(app_id, url, key))
    return front
