# SPDX-License-Identifier: BSD-3-Clause
"""Makes a Flatpak runtime out of the distribution's packages, without privilege.

The packages are resolved by apt against an empty system, fetched, and unpacked; no
maintainer script runs. The few caches that such scripts would have made are made here,
inside the new tree. The same tree serves as the SDK that flatpak-builder wants.
"""

import os
import pathlib
import shutil
import subprocess

from . import config
from .steps import StepFailed, command, digest, say, step

# What a browser app may expect of a runtime, and what building nestbox in it takes.
PACKAGES = '''
dash bash coreutils libc-bin grep sed mawk findutils procps tar xz-utils dpkg
fontconfig fonts-dejavu-core fonts-liberation ca-certificates tzdata xdg-utils
libgl1-mesa-dri libegl1 libgles2 libgtk-3-bin libgdk-pixbuf2.0-bin libglib2.0-bin
gcc libc6-dev make pkg-config libglib2.0-dev libseccomp-dev libseccomp2 libpng-dev strace
'''.split()

# Taken along for their dependencies only: the app brings the browser itself.
BROWSER_PACKAGES = ['chromium', 'chromium-common']
WANTED = PACKAGES + BROWSER_PACKAGES

TREE = config.RIG / 'runtime'
PRUNED = ['usr/share/doc', 'usr/share/man', 'usr/share/info', 'usr/share/locale',
          'usr/share/lintian', 'usr/share/icons/Adwaita/cursors', 'usr/lib/udev']

# What the packages bring for a whole system, its boot, log-ins and administration. No
# runtime has it, and flatpak mounts every entry of files/etc anew in each sandbox.
PRUNED += [f'etc/{pattern}' for pattern in (
    'adduser.conf', 'apt', 'bindresvport.blacklist', 'binfmt.d', 'cron.daily', 'debconf.conf',
    'default', 'deluser.conf', 'dpkg', 'gprofng.rc', 'gss', 'init.d', 'issue', 'issue.net',
    'kernel', 'libaudit.conf', 'logrotate.d', 'modules-load.d', 'netconfig', 'pam.conf', 'pam.d',
    'perl', 'rc[0-6S].d', 'security', 'selinux', 'sensors.d', 'sensors3.conf', 'skel',
    'sysctl.conf', 'sysctl.d', 'systemd', 'tmpfiles.d', 'update-motd.d')]

METADATA = '''[Runtime]
name={name}
runtime={name}/{arch}/{branch}
sdk={name}/{arch}/{branch}

[Environment]
XDG_DATA_DIRS=/app/share:/usr/share
GI_TYPELIB_PATH=/app/lib/girepository-1.0
'''


def metadata(name):
    return METADATA.format(name=name, arch=config.ARCH, branch=config.BRANCH)


def apt(archives, *arguments):
    """An apt-get that sees an empty system and writes only below the rig's folder."""
    archives.joinpath('partial').mkdir(parents=True, exist_ok=True)
    return ['apt-get', '-qq', '-y', '-o', 'Dir::State::status=/dev/null',
            '-o', 'Debug::NoLocking=1', '-o', 'APT::Install-Recommends=0',
            '-o', f'Dir::Cache={config.RIG}/apt',
            '-o', f'Dir::Cache::archives={archives}', '-o', 'APT::Sandbox::User=root',
            *arguments]


def resolve(wanted):
    """[(file name, size)] of these packages and all that they depend on."""
    # apt does not list what lies in its archive folder already, so this one stays empty.
    nothing = config.RIG / 'apt/archives'
    done = subprocess.run(apt(nothing, '--print-uris', 'install', *wanted),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise StepFailed(f'{done.stderr.strip()}\nTo do: run `apt-get update` as root')
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("'")]
    return sorted((row[1], int(row[2])) for row in rows)


def packages(wanted=WANTED, file='packages.txt'):
    """The resolved package list, kept in a file so that later runs work offline."""
    known = config.RIG / file
    key = digest(*wanted)
    if not known.exists() or not known.read_text().startswith(key):
        known.parent.mkdir(parents=True, exist_ok=True)
        rows = '\n'.join(f'{name} {size}' for name, size in resolve(wanted))
        known.write_text(f'{key}\n{rows}\n')
    rows = [line.split() for line in known.read_text().splitlines()[1:]]
    return [(name, int(size)) for name, size in rows]


def fetch(wanted=WANTED, file='packages.txt'):
    absent = [size for name, size in packages(wanted, file) if not (config.DEBS / name).exists()]
    say(f'  {len(absent)} packages, {sum(absent) // 1000000} MB')
    command(apt(config.DEBS, '--download-only', 'install', *wanted), 'fetch.log',
            'check the network, then run the command again; what was fetched is kept')


def deb(package):
    """The fetched file of a package."""
    for name, _ in packages():
        if name.startswith(package + '_'):
            return config.DEBS / name
    raise StepFailed(f'{package} is not among the fetched packages\n'
                     'To do: tests/flatpak/rig clean')


def is_browser(name):
    return name.split('_')[0] in BROWSER_PACKAGES


def unpack_tree():
    shutil.rmtree(TREE, ignore_errors=True)
    for folder in ('bin', 'sbin', 'lib', 'lib64'):
        (TREE / 'usr' / folder).mkdir(parents=True)
        (TREE / folder).symlink_to(f'usr/{folder}')
    for name, _ in packages():
        if not is_browser(name):
            unpack(config.DEBS / name, TREE)
    for path in [path for pattern in PRUNED for path in TREE.glob(pattern)]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def unpack(package, target):
    """dpkg's own archive reader; symlinked folders (/lib) are kept, set-uid bits are not."""
    with subprocess.Popen(['dpkg-deb', '--fsys-tarfile', str(package)],
                          stdout=subprocess.PIPE) as reader:
        done = subprocess.run(['tar', '-x', '--keep-directory-symlink', '--no-same-owner',
                               '--no-same-permissions', '-C', str(target)],
                              stdin=reader.stdout)
    if done.returncode != 0 or reader.returncode != 0:
        raise StepFailed(f'{package.name} could not be unpacked\n'
                         f'To do: remove {package} and run the command again')


def inside(*argv):
    """Runs a program of the new tree in the new tree."""
    command(['bwrap', '--bind', TREE / 'usr', '/usr', '--bind', TREE / 'etc', '/etc',
             '--symlink', 'usr/lib', '/lib', '--symlink', 'usr/lib64', '/lib64',
             '--symlink', 'usr/bin', '/bin', '--proc', '/proc', '--dev', '/dev',
             '--tmpfs', '/tmp', '--tmpfs', '/var', '--unshare-all', '--chdir', '/', '--', *argv],
            'runtime.log', 'check that unprivileged user namespaces are allowed',
            env={'PATH': '/usr/bin:/usr/sbin', 'LC_ALL': 'C.UTF-8'}, user=True)


def make_caches():
    """What maintainer scripts would have made, as far as a browser or a build needs it."""
    (TREE / 'usr/bin/cc').symlink_to('gcc')
    multiarch = next(path for path in (TREE / 'usr/lib').glob('*-linux-gnu'))
    conf = TREE / 'etc/fonts/conf.d'
    conf.mkdir(parents=True, exist_ok=True)
    for snippet in (TREE / 'usr/share/fontconfig/conf.avail').glob('[0-9]*.conf'):
        if not any(word in snippet.name for word in ('no-', 'bgr', 'vbgr', 'vrgb')):
            target = conf / snippet.name
            if not os.path.lexists(target):  # a link into the tree, dangling out here
                target.symlink_to(f'/usr/share/fontconfig/conf.avail/{snippet.name}')
    (TREE / 'etc/ssl/certs').mkdir(parents=True, exist_ok=True)
    bundle = b''.join(path.read_bytes() for path in
                      sorted((TREE / 'usr/share/ca-certificates').rglob('*.crt')))
    (TREE / 'etc/ssl/certs/ca-certificates.crt').write_bytes(bundle)
    loaders = multiarch / 'gdk-pixbuf-2.0/gdk-pixbuf-query-loaders'
    inside('/usr/bin/sh', '-c', 'ldconfig -X || true; '
           'glib-compile-schemas /usr/share/glib-2.0/schemas; '
           f'/{loaders.relative_to(TREE)} --update-cache; '
           '{ test ! -x /usr/bin/update-mime-database || '
           'update-mime-database /usr/share/mime; }; fc-cache -s /usr/share/fonts || true')


def lay_out():
    """TREE/usr becomes the runtime's files/; flatpak mounts files/etc at /etc."""
    unpack_tree()
    make_caches()
    (TREE / 'metadata').write_text(metadata(config.RUNTIME_ID))
    (TREE / 'files').symlink_to('usr')
    shutil.rmtree(TREE / 'usr/etc', ignore_errors=True)
    shutil.move(TREE / 'etc', TREE / 'usr/etc')
    for name in ('bin', 'sbin', 'lib', 'lib64'):
        (TREE / name).unlink()
    for left in [path for path in TREE.iterdir() if path.name not in ('usr', 'metadata', 'files')]:
        shutil.rmtree(left)
    (TREE / 'files').unlink()
    (TREE / 'usr').rename(TREE / 'files')


def export(tree=TREE, name=config.RUNTIME_ID):
    """Commits the runtime to the local repository and installs it from there."""
    environment = config.flatpak_environment()
    if not config.REPO.exists():
        init_repository(config.REPO)
    for folder in ('user', 'system', 'config', 'run', 'cache', 'data', 'home'):
        (config.FLATPAK / folder).mkdir(parents=True, exist_ok=True)
    if not (config.FLATPAK / 'system/repo').exists():
        init_repository(config.FLATPAK / 'system/repo')
    log = 'runtime.log'
    command(['flatpak', 'build-export', '--runtime', '--disable-sandbox', '--files=files',
             config.REPO, tree, config.BRANCH], log, 'look at the log', env=environment, user=True)
    command(['flatpak', '--user', 'remote-add', '--if-not-exists', '--no-gpg-verify', 'rig',
             f'file://{config.REPO}'], log, 'look at the log', env=environment, user=True)
    command(['flatpak', '--user', 'install', '-y', '--noninteractive', '--or-update', 'rig',
             f'runtime/{name}/{config.ARCH}/{config.BRANCH}'], log,
            'tests/flatpak/rig clean, then again', env=environment, user=True)


def init_repository(path):
    """bare-user-only: nothing is compressed, and an install on the same disk hard-links."""
    path.mkdir(parents=True, exist_ok=True)
    command(['ostree', f'--repo={path}', 'init', '--mode=bare-user-only'], 'runtime.log',
            f'remove {path}', user=True)


def up():
    """Packages, tree, runtime: each step only when it is not done yet."""
    here = pathlib.Path(__file__)
    names = digest(*(name for name, _ in packages()))
    step('fetch', 'fetching packages', names, fetch)
    tree = digest(names, here)
    step('runtime', 'unpacking the runtime', tree, lay_out)
    step('export', 'exporting and installing the runtime (OSTree)', tree, export)
