/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/ps/tree.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spawn/audit/proc-text.h"
#include "spawn/base/proc-stat.h"
#include "spawn/broker/sandbox/profile.h"

enum
{
  MAX_ANCESTORS = 32, /* a page's are its zygote, the controller and the first process */
};

/* --- one process --- */

/* A line "Pss:   123 kB". The proportional size needs the right to look into the process.
 */
static gboolean
read_proportional (const NbProcess *process, guint64 *kib_out)
{
  g_autofree char *text = nb_process_read (process, "smaps_rollup", NULL);
  const char *line = text != NULL ? strstr (text, "\nPss:") : NULL;

  if (line == NULL)
    return FALSE;
  *kib_out = g_ascii_strtoull (line + strlen ("\nPss:"), NULL, 10);
  return TRUE;
}

/* "SIZE RESIDENT …", in pages; everybody may read that. */
static gboolean
read_resident (const NbProcess *process, guint64 *kib_out)
{
  g_autofree char *text = nb_process_read (process, "statm", NULL);
  const char *second = text != NULL ? strchr (text, ' ') : NULL;

  if (second == NULL)
    return FALSE;
  *kib_out = g_ascii_strtoull (second, NULL, 10) * (guint64)sysconf (_SC_PAGESIZE) / 1024;
  return TRUE;
}

static gboolean
read_stat (const NbProcess *process, NbProcStat *stat_out)
{
  g_autofree char *text = nb_process_read (process, "stat", NULL);

  return text != NULL && nb_proc_stat_parse (text, stat_out);
}

static NbPsChild
look_at (const NbProcess *process, const char *kind)
{
  NbPsChild child = { .pid = nb_process_get_pid (process), .kind = kind, .filters = -1 };
  g_autofree char *text = nb_process_read (process, "status", NULL);
  NbProcStatus status;
  NbProcStat stat;

  child.shared_out = read_proportional (process, &child.memory_kib);
  child.has_memory = child.shared_out || read_resident (process, &child.memory_kib);
  child.own = child.pid;
  if (read_stat (process, &stat))
    {
      child.start = stat.start;
      child.parent = stat.parent;
    }
  if (text != NULL && nb_proc_status_parse (text, &status))
    {
      child.filters = status.filters;
      child.inner_pid = status.levels > 1 ? status.inner_pid : 0;
    }
  return child;
}

static gboolean
is_below (int proc, pid_t pid, pid_t ancestor)
{
  for (int i = 0; i < MAX_ANCESTORS && pid > 0 && ancestor > 0; i++)
    {
      int error;
      g_autoptr (NbProcess) process = nb_process_open (proc, pid, &error);
      NbProcStat stat;

      if (pid == ancestor)
        return TRUE;
      if (process == NULL || !read_stat (process, &stat))
        return FALSE;
      pid = stat.parent;
    }
  return FALSE;
}

/* --- places --- */

static void
place_free (gpointer data)
{
  NbPlace *place = data;

  g_free (place->reason);
  g_ptr_array_unref (place->children);
  g_free (place);
}

static NbPlace *
add_place (NbPsBrowser *browser, NbPlaceType type)
{
  NbPlace *place = g_new0 (NbPlace, 1);

  place->type = type;
  place->children = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (browser->places, place);
  return place;
}

static void
add_child (NbPlace *place, const NbPsChild *child)
{
  g_ptr_array_add (place->children, g_memdup2 (child, sizeof *child));
}

static gint
compare_children (gconstpointer first, gconstpointer second)
{
  const NbPsChild *a = *(const NbPsChild *const *)first,
                  *b = *(const NbPsChild *const *)second;

  return a->inner_pid != b->inner_pid ? a->inner_pid - b->inner_pid : a->pid - b->pid;
}

/* --- where PIDs are visible: the kernel's word, and the broker's for stand-ins --- */

static const NbSurveyProcess *
find_process (const NbSurvey *survey, pid_t pid)
{
  for (gsize i = 0; i < survey->n; i++)
    if (survey->processes[i].pid == pid)
      return &survey->processes[i];
  return NULL;
}

/* Takes the subjects that live there out of those that are in no place yet. */
static void
fill_visible (NbPlace *place, const NbSurvey *survey, int proc, GPtrArray *subjects)
{
  for (guint i = subjects->len; i-- > 0;)
    {
      const NbSubject *subject = subjects->pdata[i];
      NbPsChild child;
      const NbSurveyProcess *known;

      if (!is_below (proc, nb_process_get_pid (subject->process), survey->first_pid))
        continue;
      child = look_at (subject->process, nb_role_name (subject->role));
      known = find_process (survey, child.inner_pid);
      if (known != NULL && known->browser_pid > 0)
        {
          child.pid = known->browser_pid;
          child.stand_in = TRUE;
        }
      add_child (place, &child);
      g_ptr_array_remove_index (subjects, i);
    }
}

/* --- the same, for programs that no command line makes known --- */

static const char *
kind_in_place (NbKind kind, guint profile)
{
  if (kind == NB_KIND_NONE)
    return "other";
  if (kind == NB_KIND_UNSANDBOXED_ZYGOTE && profile == NB_PROFILE_GPU)
    kind = NB_KIND_GPU_ZYGOTE;
  return nb_kind_name (kind);
}

static gboolean
is_listed (const NbPlace *place, pid_t inner_pid)
{
  for (guint i = 0; i < place->children->len; i++)
    if (((const NbPsChild *)place->children->pdata[i])->inner_pid == inner_pid)
      return TRUE;
  return FALSE;
}

static gboolean
lists_all (const NbPlace *place, const NbSurvey *survey)
{
  for (gsize i = 0; i < survey->n; i++)
    if (!is_listed (place, survey->processes[i].pid))
      return FALSE;
  return TRUE;
}

/* NULL: it is in no namespace below, or the survey did not see it. */
static const NbSurveyProcess *
find_surveyed (const NbProcess *process, const NbSurvey *survey)
{
  g_autofree char *text = nb_process_read (process, "status", NULL);
  NbProcStatus status;

  return text != NULL && nb_proc_status_parse (text, &status) && status.levels > 1
             ? find_process (survey, status.inner_pid)
             : NULL;
}

static void
fill_others (NbPlace *place, const NbSurvey *survey, int proc)
{
  g_autoptr (GArray) pids = lists_all (place, survey) ? NULL : nb_process_list (proc);

  for (guint i = 0; pids != NULL && i < pids->len; i++)
    {
      pid_t pid = g_array_index (pids, pid_t, i);
      int error;
      g_autoptr (NbProcess) process = nb_process_open (proc, pid, &error);
      const NbSurveyProcess *known
          = process != NULL ? find_surveyed (process, survey) : NULL;
      NbPsChild child;

      if (known == NULL || is_listed (place, known->pid)
          || !is_below (proc, pid, survey->first_pid))
        continue;
      child = look_at (process, kind_in_place (known->kind, survey->profile));
      add_child (place, &child);
    }
}

/* --- where they are hidden: the controller's word, and whoever stands for it here --- */

/* The browser knows what it executed by the program that was executed in its place. */
static pid_t
find_helper (const NbFamily *family, guint browser, const char *kind)
{
  for (guint i = 0; i < family->subjects->len; i++)
    {
      const NbSubject *subject = family->subjects->pdata[i];
      gboolean helps
          = (subject->type == NB_SUBJECT_HELPER
             && strcmp (nb_role_name (subject->role), kind) == 0)
            || (subject->type == NB_SUBJECT_ROUTER && strcmp (kind, "gpu-zygote") == 0);

      if (helps && subject->browser == browser)
        return nb_process_get_pid (subject->process);
    }
  return 0;
}

static void
fill_hidden (NbPlace *place, const NbSurvey *survey, const NbFamily *family, guint browser)
{
  for (gsize i = 0; i < survey->n; i++)
    {
      const NbSurveyProcess *process = &survey->processes[i];
      NbPsChild child = { .pid = process->browser_pid,
                          .inner_pid = process->pid,
                          .own = process->pid,
                          .parent = process->parent,
                          .kind = kind_in_place (process->kind, survey->profile),
                          .has_memory = process->resident_kib > 0,
                          .memory_kib = process->resident_kib,
                          .start = process->start,
                          .filters = process->filters };

      if (child.pid <= 0)
        child.pid = find_helper (family, browser, child.kind);
      child.stand_in = child.pid > 0;
      add_child (place, &child);
    }
}

/* --- just forked --- */

/*
 * It has its zygote's command line until it writes a title over that (Chromium:
 * content/zygote/zygote_main_linux.cc, base/process/set_process_title.cc).
 */
static gboolean
is_just_forked (const NbPlace *place, const NbPsChild *child)
{
  for (guint i = 0; g_str_has_suffix (child->kind, "zygote") && i < place->children->len;
       i++)
    {
      const NbPsChild *parent = place->children->pdata[i];

      if (parent->own == child->parent && g_str_has_suffix (parent->kind, "zygote"))
        return TRUE;
    }
  return FALSE;
}

static void
mark_just_forked (NbPlace *place)
{
  for (guint i = 0; i < place->children->len; i++)
    {
      NbPsChild *child = place->children->pdata[i];

      if (is_just_forked (place, child))
        child->kind = "starting";
    }
}

/* --- one browser --- */

static NbWall
wall_in_effect (const NbSurvey *survey)
{
  if (survey->state != NB_SANDBOX_READY || survey->wall != NB_WALL_AUTO)
    return survey->wall;
  return survey->landlock_abi > 0 ? NB_WALL_LANDLOCK : NB_WALL_SECCOMP;
}

static NbPlace *
add_sandbox (NbPsBrowser *browser, const NbSurvey *survey)
{
  NbPlace *place = add_place (browser, NB_PLACE_SANDBOX);

  place->name = survey->profile < NB_N_PROFILES ? nb_profile_traits (survey->profile)->name
                                                : "other";
  place->state = survey->state;
  place->relayed = survey->relayed;
  place->wall = wall_in_effect (survey);
  place->landlock_abi = survey->landlock_abi;
  place->reason = g_strdup (survey->reason.data);
  place->left_out = survey->left_out;
  return place;
}

static void
add_sandboxes (NbPsBrowser *browser, guint index, int proc, const NbFamily *family,
               const GPtrArray *words, GPtrArray *subjects)
{
  for (guint i = 0; i < words->len; i++)
    {
      const NbBrokerWord *word = words->pdata[i];

      if (word->browser != browser->self.pid)
        continue;
      browser->answered |= word->error == 0;
      for (guint j = 0; j < word->surveys->len; j++)
        {
          const NbSurvey *survey = word->surveys->pdata[j];
          NbPlace *place = add_sandbox (browser, survey);

          if (survey->first_pid > 0)
            {
              fill_visible (place, survey, proc, subjects);
              fill_others (place, survey, proc);
            }
          else
            fill_hidden (place, survey, family, index);
          mark_just_forked (place);
          g_ptr_array_sort (place->children, compare_children);
        }
    }
}

static void
browser_free (gpointer data)
{
  NbPsBrowser *browser = data;

  g_ptr_array_unref (browser->places);
  g_free (browser);
}

static void
add_browser (GPtrArray *tree, const NbProcess *process, const char *kind, int proc,
             const NbFamily *family, const GPtrArray *words, GPtrArray *subjects)
{
  NbPsBrowser *browser = g_new0 (NbPsBrowser, 1);

  browser->self = look_at (process, kind);
  browser->places = g_ptr_array_new_with_free_func (place_free);
  add_sandboxes (browser, tree->len, proc, family, words, subjects);
  (void)add_place (browser, NB_PLACE_UNKNOWN);
  (void)add_place (browser, NB_PLACE_APP);
  g_ptr_array_add (tree, browser);
}

static gboolean
is_in_tree (const GPtrArray *tree, pid_t pid)
{
  for (guint i = 0; i < tree->len; i++)
    if (((const NbPsBrowser *)tree->pdata[i])->self.pid == pid)
      return TRUE;
  return FALSE;
}

/* A host of the library whose children are other programs: its broker alone knows. */
static void
add_hosts (GPtrArray *tree, int proc, const NbFamily *family, const GPtrArray *words,
           GPtrArray *subjects)
{
  for (guint i = 0; i < words->len; i++)
    {
      const NbBrokerWord *word = words->pdata[i];
      int error;
      g_autoptr (NbProcess) process
          = word->browser > 0 ? nb_process_open (proc, word->browser, &error) : NULL;

      if (process != NULL && !is_in_tree (tree, word->browser))
        add_browser (tree, process, "host", proc, family, words, subjects);
    }
}

/* --- the rest --- */

static NbPlace *
place_of_type (const NbPsBrowser *browser, NbPlaceType type)
{
  guint from_end = type == NB_PLACE_APP ? 1 : 2;

  return browser->places->pdata[browser->places->len - from_end];
}

/*
 * Programs that stand for others are of interest only where nobody told of these. What
 * ended while it was looked at was below nothing any more, and is in no place.
 */
static void
add_rest (const NbPsBrowser *browser, const NbSubject *subject)
{
  gboolean stands = subject->type != NB_SUBJECT_CHILD;
  gboolean in_app = subject->in_app && !stands;
  NbPsChild child;

  if ((stands && browser->answered) || !nb_process_is_alive (subject->process))
    return;
  child = look_at (subject->process, stands ? "stand-in" : nb_role_name (subject->role));
  child.stand_in = stands;
  add_child (place_of_type (browser, in_app ? NB_PLACE_APP : NB_PLACE_UNKNOWN), &child);
}

static void
finish (NbPsBrowser *browser)
{
  NbPlace *unknown = place_of_type (browser, NB_PLACE_UNKNOWN);

  g_ptr_array_sort (place_of_type (browser, NB_PLACE_APP)->children, compare_children);
  g_ptr_array_sort (unknown->children, compare_children);
  if (unknown->children->len == 0)
    g_ptr_array_remove (browser->places, unknown);
}

static GPtrArray *
list_subjects (const NbFamily *family)
{
  GPtrArray *subjects = g_ptr_array_new ();

  for (guint i = 0; i < family->subjects->len; i++)
    g_ptr_array_add (subjects, family->subjects->pdata[i]);
  return subjects;
}

GPtrArray *
nb_ps_tree (int proc, const NbFamily *family, const GPtrArray *words)
{
  GPtrArray *tree = g_ptr_array_new_with_free_func (browser_free);
  g_autoptr (GPtrArray) subjects = list_subjects (family);

  for (guint i = 0; i < family->browsers->len; i++)
    add_browser (tree, ((const NbBrowser *)family->browsers->pdata[i])->process, "browser",
                 proc, family, words, subjects);
  add_hosts (tree, proc, family, words, subjects);
  for (guint i = 0; i < subjects->len; i++)
    {
      const NbSubject *subject = subjects->pdata[i];

      add_rest (tree->pdata[subject->browser], subject);
    }
  for (guint i = 0; i < tree->len; i++)
    finish (tree->pdata[i]);
  return tree;
}
