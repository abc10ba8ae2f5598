/* SPDX-License-Identifier: BSD-3-Clause */
/* Which command line is expected to be what, and what a finding means for each role. */
#include "spawn/audit/expectations.h"

#include <errno.h>

#include "tests/lib/nb-test.h"

/* --- roles --- */

typedef struct
{
  const char *name, *command, *role; /* NULL: of no child */
} RoleCase;

#define UTILITY "--type=utility --utility-sub-type="

static const RoleCase role_cases[] = {
  { "browser", "--headless about:blank", NULL },
  { "nothing", "", NULL },
  { "zygote", "--type=zygote --headless", "zygote" },
  { "zygote-without-sandbox", "--type=zygote --no-zygote-sandbox", "unsandboxed-zygote" },
  { "renderer", "--type=renderer --lang=en", "renderer" },
  { "gpu", "--type=gpu-process", "gpu" },
  { "network", UTILITY "network.mojom.NetworkService --service-sandbox-type=none",
    "network" },
  { "audio", UTILITY "audio.mojom.AudioService --service-sandbox-type=none", "audio" },
  { "audio-with-sandbox", UTILITY "audio.mojom.AudioService --service-sandbox-type=audio",
    "audio" },
  { "audio-in-a-zygote", UTILITY "audio.mojom.AudioService --service-sandbox-type=utility",
    "utility" },
  { "storage", UTILITY "storage.mojom.StorageService --service-sandbox-type=utility",
    "utility" },
  { "service",
    UTILITY "data_decoder.mojom.DataDecoderService "
            "--service-sandbox-type=service",
    "utility" },
  { "decoder-for-video", UTILITY "x --service-sandbox-type=hardware_video_decoding",
    "service" },
  { "speech", UTILITY "x --service-sandbox-type=speech_recognition", "service" },
  { "capture",
    UTILITY "video_capture.mojom.VideoCaptureService "
            "--service-sandbox-type=none",
    "service" },
  { "unknown-sandbox", UTILITY "x --service-sandbox-type=paper", "utility" },
  { "unknown-type", "--type=something", "service" },
  { "of-another-program", "--args 97 -- /app/pose --type=renderer", NULL },
  { "before-another-programs", "--type=renderer -- --type=zygote", "renderer" },
  { "last-one-counts", "--type=renderer --type=zygote", "zygote" },
};

static void
test_role (gconstpointer data)
{
  const RoleCase *test = data;
  g_autofree char *line = g_strconcat ("/app/chromium ", test->command, NULL);
  g_auto (GStrv) argv = g_strsplit (line, " ", -1);
  NbRole role;
  gboolean is_child = nb_role_of_command ((const char *const *)argv, &role);

  g_assert_cmpstr (is_child ? nb_role_name (role) : NULL, ==, test->role);
}

/* Only of what may have a sub-sandbox of its own the place says more. */
static void
test_places (void)
{
  for (int role = 0; role < NB_N_ROLES; role++)
    for (int i = 0; i < 4; i++)
      {
        const gboolean in_app = (i & 1) != 0, routed = (i & 2) != 0;
        NbRole found = nb_role_in_place ((NbRole)role, in_app, routed);

        if (role == NB_ROLE_GPU || role == NB_ROLE_GPU_IN_APP)
          g_assert_cmpint (found, ==, in_app && !routed ? NB_ROLE_GPU_IN_APP : NB_ROLE_GPU);
        else if (role == NB_ROLE_UNSANDBOXED_ZYGOTE && !in_app)
          g_assert_cmpint (found, ==, NB_ROLE_GPU_ZYGOTE);
        else if (role == NB_ROLE_NETWORK_IN_APP && !in_app)
          g_assert_cmpint (found, ==, NB_ROLE_NETWORK);
        else if (role == NB_ROLE_AUDIO_IN_APP && !in_app)
          g_assert_cmpint (found, ==, NB_ROLE_AUDIO);
        else
          g_assert_cmpint (found, ==, role);
      }
}

/* --- verdicts --- */

static gboolean
is_sandboxed (NbRole role)
{
  return role == NB_ROLE_ZYGOTE || role == NB_ROLE_RENDERER || role == NB_ROLE_UTILITY;
}

/* Has a sub-sandbox for itself. */
static gboolean
is_apart (NbRole role)
{
  return role == NB_ROLE_GPU || role == NB_ROLE_GPU_ZYGOTE || role == NB_ROLE_NETWORK
         || role == NB_ROLE_AUDIO;
}

/* What the GPU process shares with the display, and what a service is for. */
static gboolean
is_required (NbRole role, NbProperty property)
{
  const gboolean gpu = role == NB_ROLE_GPU || role == NB_ROLE_GPU_ZYGOTE;

  if (property >= NB_PROPERTY_NO_NEW_PRIVS)
    return TRUE;
  if (gpu
      && (property == NB_PROPERTY_IPC || property == NB_PROPERTY_DISPLAY
          || property == NB_PROPERTY_DEVICES))
    return FALSE;
  if (role == NB_ROLE_NETWORK && property == NB_PROPERTY_NETWORK)
    return FALSE;
  if (is_apart (role) && property == NB_PROPERTY_DISPLAY)
    return FALSE;
  return (is_apart (role) || is_sandboxed (role)) && property != NB_PROPERTY_USER;
}

/* Of a child that is all that can be wished for. */
static NbMeasurement
good_measurement (void)
{
  NbMeasurement measurement = { .filters = 9 };

  for (int i = 0; i < NB_N_PROPERTIES; i++)
    measurement.findings[i] = (NbFinding){ NB_STATE_CLOSED, g_strdup ("closed") };
  measurement.descriptors.counts[NB_FD_PLAIN] = 3;
  measurement.descriptors.examples[NB_FD_PLAIN] = g_strdup ("0 /dev/null");
  return measurement;
}

/* The verdict of the row, and of the whole, with one finding changed. */
static NbVerdict
judge (NbMeasurement *measurement, NbRole role, NbProperty property, NbVerdict *whole_out)
{
  NbReport report;
  NbVerdict verdict;

  nb_report_make (measurement, role, &report);
  verdict = report.rows[property].verdict;
  *whole_out = report.verdict;
  g_assert_nonnull (report.rows[property].text);
  nb_report_clear (&report);
  nb_measurement_clear (measurement);
  return verdict;
}

static void
check_property (NbRole role, NbProperty property, gboolean required)
{
  static const NbVerdict verdicts[] = { [NB_STATE_CLOSED] = NB_VERDICT_OK,
                                        [NB_STATE_OPEN] = NB_VERDICT_BAD,
                                        [NB_STATE_UNKNOWN] = NB_VERDICT_UNMEASURED };

  for (NbState state = NB_STATE_UNKNOWN; state <= NB_STATE_OPEN; state++)
    {
      NbMeasurement measurement = good_measurement ();
      NbVerdict whole, verdict;

      measurement.findings[property].state = state;
      verdict = judge (&measurement, role, property, &whole);
      g_assert_cmpint (verdict, ==, required ? verdicts[state] : NB_VERDICT_FACT);
      g_assert_cmpint (whole, ==, required ? verdicts[state] : NB_VERDICT_OK);
    }
}

/* What separates a child is required of the sandboxed; what it may do, of all. */
static void
test_required (void)
{
  for (int role = 0; role < NB_N_ROLES; role++)
    for (int property = 0; property < NB_N_PROPERTIES; property++)
      if (property != NB_PROPERTY_DESCRIPTORS && property != NB_PROPERTY_FILTERS)
        check_property ((NbRole)role, (NbProperty)property,
                        is_required ((NbRole)role, (NbProperty)property));
}

static void
test_filters (void)
{
  for (int role = 0; role < NB_N_ROLES; role++)
    for (int filters = -1; filters < 6; filters++)
      {
        static const int at_least[NB_N_ROLES] = {
          [NB_ROLE_ZYGOTE] = 2,       [NB_ROLE_RENDERER] = 4,
          [NB_ROLE_UTILITY] = 4,      [NB_ROLE_GPU] = 3,
          [NB_ROLE_GPU_ZYGOTE] = 2,   [NB_ROLE_GPU_IN_APP] = 3,
          [NB_ROLE_AUDIO] = 3,        [NB_ROLE_NETWORK] = 3,
          [NB_ROLE_AUDIO_IN_APP] = 3, [NB_ROLE_NETWORK_IN_APP] = 3,
          [NB_ROLE_SERVICE] = 2,      [NB_ROLE_UNSANDBOXED_ZYGOTE] = 2,
        };
        NbMeasurement measurement = good_measurement ();
        NbVerdict whole, verdict;

        measurement.filters = filters;
        verdict = judge (&measurement, (NbRole)role, NB_PROPERTY_FILTERS, &whole);
        g_assert_cmpint (verdict, ==,
                         filters < 0                 ? NB_VERDICT_UNMEASURED
                         : filters >= at_least[role] ? NB_VERDICT_OK
                                                     : NB_VERDICT_BAD);
        g_assert_cmpint (whole, ==, verdict);
      }
}

/* --- descriptors --- */

/* What a role may have open, among all classes. */
static NbVerdict
expected_of (NbRole role, NbFdClass fd_class)
{
  const gboolean gpu = role == NB_ROLE_GPU || role == NB_ROLE_GPU_ZYGOTE;

  if (!is_sandboxed (role) && !is_apart (role))
    return NB_VERDICT_FACT;
  switch (fd_class)
    {
    case NB_FD_PLAIN:
    case NB_FD_SOCKET:
    case NB_FD_PROGRAM:
    case NB_FD_OUTPUT:
    case NB_FD_STATISTICS:
      return NB_VERDICT_OK;
    case NB_FD_OWN_PROC:
      return role == NB_ROLE_ZYGOTE || role == NB_ROLE_NETWORK ? NB_VERDICT_OK
                                                               : NB_VERDICT_BAD;
    case NB_FD_PAGES:
      return role == NB_ROLE_ZYGOTE || is_apart (role) ? NB_VERDICT_BAD : NB_VERDICT_OK;
    case NB_FD_NETWORK:
    case NB_FD_OWN_FILE:
      return role == NB_ROLE_NETWORK ? NB_VERDICT_OK : NB_VERDICT_BAD;
    case NB_FD_SOUND:
      return role == NB_ROLE_AUDIO ? NB_VERDICT_OK : NB_VERDICT_BAD;
    case NB_FD_DISPLAY:
    case NB_FD_GPU:
      return gpu ? NB_VERDICT_OK : NB_VERDICT_BAD;
    case NB_FD_SHADERS:
      return role == NB_ROLE_GPU ? NB_VERDICT_OK : NB_VERDICT_BAD;
    case NB_FD_HOME:
      return role == NB_ROLE_UTILITY ? NB_VERDICT_OK : NB_VERDICT_BAD;
    case NB_FD_UNKNOWN:
      return NB_VERDICT_UNMEASURED;
    case NB_FD_FILE:
    case NB_FD_DIRECTORY:
    case NB_FD_DEVICE:
    case NB_FD_NAMED:
    case NB_FD_BUS:
    case NB_FD_OTHER:
    case NB_N_FD_CLASSES:
    default:
      return NB_VERDICT_BAD;
    }
}

static void
test_descriptors (void)
{
  for (int role = 0; role < NB_N_ROLES; role++)
    for (int fd_class = 0; fd_class < NB_N_FD_CLASSES; fd_class++)
      {
        NbMeasurement measurement = good_measurement ();
        NbVerdict whole, verdict;

        measurement.descriptors.counts[fd_class] = 1;
        g_free (measurement.descriptors.examples[fd_class]);
        measurement.descriptors.examples[fd_class] = g_strdup ("7 x");
        verdict = judge (&measurement, (NbRole)role, NB_PROPERTY_DESCRIPTORS, &whole);
        g_assert_cmpint (verdict, ==, expected_of ((NbRole)role, (NbFdClass)fd_class));
        g_assert_cmpint (whole, ==, verdict == NB_VERDICT_FACT ? NB_VERDICT_OK : verdict);
      }
}

/* Never taken for an empty list. */
static void
test_descriptors_out_of_sight (void)
{
  static const int errors[] = { EACCES, EPERM, EMFILE };

  for (gsize i = 0; i < G_N_ELEMENTS (errors); i++)
    {
      NbMeasurement measurement = good_measurement ();
      NbVerdict whole;

      measurement.descriptors.error = errors[i];
      g_assert_cmpint (
          judge (&measurement, NB_ROLE_RENDERER, NB_PROPERTY_DESCRIPTORS, &whole), ==,
          NB_VERDICT_UNMEASURED);
    }
}

/* One that is bad is not hidden by one that cannot be told. */
static void
test_bad_before_unknown (void)
{
  NbMeasurement measurement = good_measurement ();
  NbReport report;

  measurement.descriptors.counts[NB_FD_UNKNOWN] = 2;
  measurement.descriptors.examples[NB_FD_UNKNOWN] = g_strdup ("8 socket:[1]");
  measurement.descriptors.counts[NB_FD_BUS] = 1;
  measurement.descriptors.examples[NB_FD_BUS] = g_strdup ("9 /run/bus");
  measurement.findings[NB_PROPERTY_IPC].state = NB_STATE_UNKNOWN;
  nb_report_make (&measurement, NB_ROLE_RENDERER, &report);
  g_assert_cmpint (report.verdict, ==, NB_VERDICT_BAD);
  g_assert_cmpstr (report.rows[NB_PROPERTY_DESCRIPTORS].text, ==,
                   "connections to a bus: 1 (9 /run/bus)");
  nb_report_clear (&report);
  nb_measurement_clear (&measurement);
}

static void
test_names (void)
{
  for (int i = 0; i < NB_N_PROPERTIES; i++)
    for (int j = 0; j < i; j++)
      g_assert_cmpstr (nb_property_name ((NbProperty)i), !=,
                       nb_property_name ((NbProperty)j));
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/expectations/role", role_cases, test_role);
  nb_test_add ("/expectations/places", test_places);
  nb_test_add ("/expectations/required", test_required);
  nb_test_add ("/expectations/filters", test_filters);
  nb_test_add ("/expectations/descriptors", test_descriptors);
  nb_test_add ("/expectations/descriptors-out-of-sight", test_descriptors_out_of_sight);
  nb_test_add ("/expectations/bad-before-unknown", test_bad_before_unknown);
  nb_test_add ("/expectations/names", test_names);
  return g_test_run ();
}
