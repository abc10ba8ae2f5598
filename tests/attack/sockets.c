/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets: of the host, of the buses, of the network, of a sibling; address families. */
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/attack/attack.h"
#include "tests/attack/bus-call.h"

static int
connect_unix (const char *name, bool abstract)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  nb_autofd fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  size_t length = strlen (name);

  if (fd < 0)
    return -errno;
  if (length + 1 >= sizeof address.sun_path)
    return -ENAMETOOLONG;
  memcpy (address.sun_path + abstract, name, length);
  length += offsetof (struct sockaddr_un, sun_path) + 1;
  return nb_attack_result (connect (fd, (struct sockaddr *)&address, (socklen_t)length));
}

static int
system_bus (const NbScene *scene)
{
  (void)scene;
  return connect_unix ("/run/dbus/system_bus_socket", false);
}

static int
user_bus (const NbScene *scene)
{
  char path[64];

  (void)scene;
  (void)snprintf (path, sizeof path, "/run/user/%d/bus", (int)getuid ());
  return connect_unix (path, false);
}

static int
journal (const NbScene *scene)
{
  (void)scene;
  return connect_unix ("/run/systemd/journal/stdout", false);
}

static int
journal_datagram (const NbScene *scene)
{
  struct sockaddr_un address
      = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket" };
  nb_autofd fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  (void)scene;
  if (fd < 0)
    return -errno;
  return nb_attack_result (
      sendto (fd, "MESSAGE=x\n", 10, 0, (struct sockaddr *)&address, sizeof address));
}

/* Without socket(): a datagram socket of a pair sends wherever a message is addressed. */
static int
journal_by_pair (const NbScene *scene)
{
  struct sockaddr_un address
      = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket" };
  struct iovec text = { (char *)"MESSAGE=x\n", 10 };
  struct msghdr message = {
    .msg_name = &address, .msg_namelen = sizeof address, .msg_iov = &text, .msg_iovlen = 1
  };
  nb_autofd ours = -1, theirs = -1;
  int ends[2];

  (void)scene;
  if (socketpair (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) < 0)
    return -errno;
  ours = ends[0];
  theirs = ends[1];
  return nb_attack_result (sendmsg (ours, &message, MSG_NOSIGNAL));
}

static int
session_bus (const NbScene *scene)
{
  return nb_bus_call (scene->host->bus, NB_BUS_CALL_HELLO);
}

static int
ask_portal (const NbScene *scene)
{
  return nb_bus_call (scene->host->bus, NB_BUS_CALL_SPAWN);
}

static int
host_abstract (const NbScene *scene)
{
  return connect_unix (scene->host->abstract, true);
}

static int
sibling_abstract (const NbScene *scene)
{
  return connect_unix (scene->state->socket, true);
}

/* --- network --- */

static struct sockaddr_in
host_address (const NbScene *scene)
{
  return (struct sockaddr_in){ .sin_family = AF_INET,
                               .sin_port = htons ((uint16_t)scene->host->port),
                               .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
}

static int
tcp (const NbScene *scene)
{
  struct sockaddr_in address = host_address (scene);
  nb_autofd fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd < 0)
    return -errno;
  return nb_attack_result (connect (fd, (struct sockaddr *)&address, sizeof address));
}

/* The host sends back what it gets. */
static int
udp (const NbScene *scene)
{
  struct sockaddr_in address = host_address (scene);
  struct timeval patience = { .tv_sec = 1 };
  nb_autofd fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  char byte;

  if (fd < 0)
    return -errno;
  (void)setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect (fd, (struct sockaddr *)&address, sizeof address) < 0
      || send (fd, "?", 1, MSG_NOSIGNAL) != 1 || recv (fd, &byte, 1, 0) != 1)
    return -errno;
  return 0;
}

/* --- families --- */

static int
make_socket (uint64_t family, int type, int protocol)
{
  nb_autofd fd = (int)syscall (SYS_socket, family, type, protocol);

  return fd < 0 ? -errno : 0;
}

static int
netlink (const NbScene *scene)
{
  (void)scene;
  return make_socket (AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
}

static int
netlink_garbage (const NbScene *scene)
{
  (void)scene;
  return make_socket (nb_attack_garbage (AF_NETLINK), SOCK_RAW, NETLINK_ROUTE);
}

static int
internet (const NbScene *scene)
{
  (void)scene;
  return make_socket (AF_INET, SOCK_DGRAM, 0);
}

static int
internet_6 (const NbScene *scene)
{
  (void)scene;
  return make_socket (AF_INET6, SOCK_STREAM, 0);
}

static int
algorithm (const NbScene *scene)
{
  (void)scene;
  return make_socket (AF_ALG, SOCK_SEQPACKET, 0);
}

static int
vsock (const NbScene *scene)
{
  (void)scene;
  return make_socket (AF_VSOCK, SOCK_STREAM, 0);
}

static int
unix_socket (const NbScene *scene)
{
  (void)scene;
  return make_socket (AF_UNIX, SOCK_STREAM, 0);
}

static const NbAttack attacks[] = {
  { "the session bus", NB_TARGET_SIBLING, session_bus, NULL },
  { "ask the portal for a sandbox", NB_TARGET_SIBLING, ask_portal, NULL },
  { "/run/user/UID/bus", NB_TARGET_SIBLING, user_bus, NULL },
  { "the system bus", NB_TARGET_SIBLING, system_bus, NULL },
  { "the journal, as a stream", NB_TARGET_SIBLING, journal, NULL },
  { "the journal, by datagram", NB_TARGET_SIBLING, journal_datagram, NULL },
  { "the journal, by a socket pair", NB_TARGET_SIBLING, journal_by_pair, NULL },
  { "abstract socket of the host", NB_TARGET_SIBLING, host_abstract, NULL },
  { "abstract socket of the sibling", NB_TARGET_SIBLING, sibling_abstract, NULL },
  { "TCP to the host", NB_TARGET_SIBLING, tcp, NULL },
  { "UDP to the host", NB_TARGET_SIBLING, udp, NULL },
  { "socket UNIX", NB_TARGET_SIBLING, unix_socket, NULL },
  { "socket NETLINK", NB_TARGET_SIBLING, netlink, NULL },
  { "socket NETLINK, garbage", NB_TARGET_SIBLING, netlink_garbage, NULL },
  { "socket INET", NB_TARGET_SIBLING, internet, NULL },
  { "socket INET6", NB_TARGET_SIBLING, internet_6, NULL },
  { "socket ALG", NB_TARGET_SIBLING, algorithm, NULL },
  { "socket VSOCK", NB_TARGET_SIBLING, vsock, NULL },
};

const NbAttackTable nb_attacks_on_sockets = NB_ATTACK_TABLE (attacks);
