/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/survey-run.h"

struct _NbSurveyRun
{
  NbSandboxes *sandboxes; /* borrowed */
  NbProfile asked;        /* how many of them were */
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
  nb_sandbox_describe_survey (run->sandboxes->items[run->asked - 1], message);
  run->answer (run->data, message);
  ask_next (run);
}

static void
ask_next (NbSurveyRun *run)
{
  while (run->asked < NB_N_PROFILES)
    {
      NbSandbox *sandbox = run->sandboxes->items[run->asked++];

      if (sandbox == NULL)
        continue;
      nb_sandbox_survey (sandbox, surveyed_cb, run);
      return;
    }
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
  for (NbProfile profile = 0; profile < run->asked; profile++)
    if (run->sandboxes->items[profile] != NULL)
      nb_sandbox_forget (run->sandboxes->items[profile], run);
  g_free (run);
}
