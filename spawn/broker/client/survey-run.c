/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/client/survey-run.h"

struct _NbSurveyRun
{
  NbSandboxes *sandboxes; /* borrowed */
  guint asked;            /* how many of them were */
  NbSandbox *current;     /* borrowed; that which is asked now, or NULL */
  void (*answer) (gpointer, NbMessage *);
  gpointer data;
};

static void ask_next (NbSurveyRun *run);

static void
surveyed_cb (gpointer data, int error)
{
  NbSurveyRun *run = data;
  g_autofree NbMessage *message = g_new (NbMessage, 1);

  (void)error;
  nb_sandbox_describe_survey (run->current, message);
  run->answer (run->data, message);
  ask_next (run);
}

static void
ask_next (NbSurveyRun *run)
{
  while (run->asked < nb_sandboxes_count (run->sandboxes))
    {
      guint number = run->asked++;

      run->current = nb_sandboxes_get (run->sandboxes, number);
      if (run->current == NULL
          || (number >= NB_N_PROFILES && nb_sandbox_has_ended (run->current)))
        continue; /* one child's ends with it: that is no news */
      nb_sandbox_survey (run->current, surveyed_cb, run);
      return;
    }
  run->current = NULL;
  run->answer (run->data, NULL);
}

NbSurveyRun *
nb_survey_run_new (NbSandboxes *sandboxes, void (*answer) (gpointer, NbMessage *),
                   gpointer data)
{
  NbSurveyRun *run = g_new0 (NbSurveyRun, 1);

  run->sandboxes = sandboxes;
  run->answer = answer;
  run->data = data;
  ask_next (run);
  return run;
}

void
nb_survey_run_free (NbSurveyRun *run)
{
  if (run == NULL)
    return;
  if (run->current != NULL)
    nb_sandbox_forget (run->current, run);
  g_free (run);
}
