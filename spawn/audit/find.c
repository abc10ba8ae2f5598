/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/audit/find.h"

#include <errno.h>
#include <unistd.h>

#include "spawn/audit/proc-text.h"
#include "spawn/base/proc-stat.h"

#define STAND_IN_NAME "nestbox-standin"

/* Any process. */
typedef struct
{
  pid_t pid, parent;
  guint64 start;
  guint levels;
  char *executable;   /* NULL: nobody may know */
  NbProcess *process; /* NULL unless it has a type */
  NbSubjectType type;
  NbRole role;
  int browser;     /* index; -1: it is none */
  gboolean routed; /* a browser that has a GPU router */
} Member;

static void
member_free (gpointer data)
{
  Member *member = data;

  g_free (member->executable);
  nb_process_free (member->process);
  g_free (member);
}

/* --- all processes --- */

/* 0 or a positive errno; ESRCH for one that has ended, a zombie included. */
static int
read_status (const NbProcess *process, Member *member)
{
  g_autofree char *stat_text = nb_process_read (process, "stat", NULL);
  g_autofree char *status_text
      = stat_text != NULL ? nb_process_read (process, "status", NULL) : NULL;
  NbProcStat stat;
  NbProcStatus status;

  if (status_text == NULL)
    return errno == ENOENT ? ESRCH : errno;
  if (!nb_proc_stat_parse (stat_text, &stat)
      || !nb_proc_status_parse (status_text, &status))
    return stat_text[0] == '\0' ? ESRCH : EBADMSG;
  member->parent = stat.parent;
  member->start = stat.start;
  member->levels = status.levels;
  return stat.state == 'Z' || stat.state == 'X' ? ESRCH : 0;
}

/* Of nestbox's own program only: any process may take the name. */
static NbSubjectType
type_of (const NbProcess *process, const Member *member, const NbFamilyPrograms *programs)
{
  g_autofree char *name = nb_process_read (process, "comm", NULL);

  if (g_strcmp0 (member->executable, programs->router) == 0)
    return NB_SUBJECT_ROUTER;
  if (g_strcmp0 (member->executable, programs->helper) != 0)
    return NB_SUBJECT_CHILD;
  return g_strcmp0 (name, STAND_IN_NAME "\n") == 0 ? NB_SUBJECT_STAND_IN
                                                   : NB_SUBJECT_HELPER;
}

static void
look_at (int proc, pid_t pid, const NbFamilyPrograms *programs, GPtrArray *members,
         guint *missed)
{
  int error = 0;
  g_autoptr (NbProcess) process = nb_process_open (proc, pid, &error);
  Member member = { .pid = pid, .browser = -1 };
  g_auto (GStrv) command = NULL;

  if (process != NULL)
    error = read_status (process, &member);
  *missed += error != 0 && error != ESRCH;
  if (error != 0)
    return;
  command = nb_process_command (process);
  member.executable = nb_process_read_link (process, "exe");
  member.type = type_of (process, &member, programs);
  if (nb_role_of_command ((const char *const *)command, &member.role))
    member.process = g_steal_pointer (&process);
  g_ptr_array_add (members, g_memdup2 (&member, sizeof member));
}

static gint
compare_members (gconstpointer first, gconstpointer second)
{
  const Member *const *a = first, *const *b = second;

  return (*a)->pid - (*b)->pid;
}

static GPtrArray *
list_members (int proc, const NbFamilyPrograms *programs, guint *missed)
{
  GPtrArray *members = g_ptr_array_new_with_free_func (member_free);
  g_autoptr (GArray) pids = nb_process_list (proc);

  *missed = pids == NULL;
  for (guint i = 0; pids != NULL && i < pids->len; i++)
    {
      pid_t pid = g_array_index (pids, pid_t, i);

      if (pid != getpid ())
        look_at (proc, pid, programs, members, missed);
    }
  g_ptr_array_sort (members, compare_members);
  return members;
}

static Member *
find_member (const GPtrArray *members, pid_t pid)
{
  for (guint i = 0; i < members->len; i++)
    if (((Member *)members->pdata[i])->pid == pid)
      return members->pdata[i];
  return NULL;
}

/* --- browsers --- */

/* One in a namespace below would be a sandbox's own, made up to compare well with. */
static gboolean
is_browser_of (const Member *member, const Member *child)
{
  if (member == NULL || child->process == NULL || member->process != NULL
      || member->levels > 1)
    return FALSE;
  return child->type == NB_SUBJECT_HELPER || child->type == NB_SUBJECT_ROUTER
         || (member->executable != NULL
             && g_strcmp0 (member->executable, child->executable) == 0);
}

static void
add_browser (NbFamily *family, int proc, Member *member)
{
  int error;
  NbProcess *process = nb_process_open (proc, member->pid, &error);
  NbBrowser *browser = process != NULL ? nb_browser_new (process) : NULL;

  if (browser == NULL)
    {
      family->unreadable = member->pid;
      return;
    }
  member->browser = (int)family->browsers->len;
  g_ptr_array_add (family->browsers, browser);
}

static void
find_browsers (NbFamily *family, int proc, const GPtrArray *members)
{
  for (guint i = 0; i < members->len; i++)
    {
      const Member *child = members->pdata[i];
      Member *parent = find_member (members, child->parent);

      if (!is_browser_of (parent, child))
        continue;
      parent->routed |= child->type == NB_SUBJECT_ROUTER;
      if (parent->browser < 0)
        add_browser (family, proc, parent);
    }
}

/* As many steps as there are processes at most: they were not all read at one time. */
static const Member *
browser_of (const GPtrArray *members, const Member *member)
{
  guint steps = 0;

  while (member->browser < 0)
    {
      member = find_member (members, member->parent);
      if (member == NULL || ++steps >= members->len)
        return NULL;
    }
  return member;
}

/* --- children --- */

static void
subject_free (gpointer data)
{
  NbSubject *subject = data;

  nb_process_free (subject->process);
  g_free (subject);
}

/* Where the zygotes themselves can be seen, nestbox's programs stand for nobody. */
static gboolean
is_subject (const NbFamily *family, const Member *member)
{
  return member->process != NULL
         && (family->hidden
             || (member->type != NB_SUBJECT_HELPER && member->type != NB_SUBJECT_ROUTER));
}

static gboolean
all_hidden (const GPtrArray *members)
{
  for (guint i = 0; i < members->len; i++)
    {
      const Member *member = members->pdata[i];

      if (member->process != NULL && member->levels > 1)
        return FALSE;
    }
  return TRUE;
}

static void
find_subjects (NbFamily *family, const GPtrArray *members)
{
  for (guint i = 0; family->browsers->len > 0 && i < members->len; i++)
    {
      Member *member = members->pdata[i];
      const Member *browser = browser_of (members, member);
      NbSubject subject = { .type = member->type,
                            .start = member->start,
                            .in_app = browser != NULL,
                            .routed = browser != NULL && browser->routed,
                            .browser = browser != NULL ? (guint)browser->browser : 0 };

      if (!is_subject (family, member))
        continue;
      subject.role = nb_role_in_place (member->role,
                                       subject.in_app && member->type != NB_SUBJECT_HELPER,
                                       subject.routed);
      subject.process = g_steal_pointer (&member->process);
      g_ptr_array_add (family->subjects, g_memdup2 (&subject, sizeof subject));
    }
}

NbFamily *
nb_family_find (int proc, const NbFamilyPrograms *programs)
{
  NbFamily *family = g_new0 (NbFamily, 1);
  g_autoptr (GPtrArray) members = list_members (proc, programs, &family->missed);

  family->browsers = g_ptr_array_new_with_free_func ((GDestroyNotify)nb_browser_free);
  family->subjects = g_ptr_array_new_with_free_func (subject_free);
  family->hidden = all_hidden (members);
  find_browsers (family, proc, members);
  find_subjects (family, members);
  return family;
}

void
nb_family_free (NbFamily *family)
{
  if (family == NULL)
    return;
  g_ptr_array_unref (family->browsers);
  g_ptr_array_unref (family->subjects);
  g_free (family);
}

const NbSubject *
nb_family_lookup (const NbFamily *family, pid_t pid)
{
  for (guint i = 0; i < family->subjects->len; i++)
    {
      const NbSubject *subject = family->subjects->pdata[i];

      if (nb_process_get_pid (subject->process) == pid)
        return subject;
    }
  return NULL;
}
