/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/audit/expectations.h"

#include <errno.h>
#include <string.h>

#include "spawn/base/kind.h"
#include "spawn/base/macros.h"

typedef enum
{
  EXPECTED_AS_FACT,
  EXPECTED_CLOSED,
} Expected;

typedef struct
{
  const char *name;
  Expected properties[NB_N_PROPERTIES];
  int filters;       /* at least */
  guint descriptors; /* classes that may be open */
} Expectation;

/* Words of the table. */
#define R EXPECTED_CLOSED
#define F EXPECTED_AS_FACT
#define FLATPAK 1
#define BASE 1
#define OWN_PID 1
#define CHROMIUM 1
#define HOME NB_FD_BIT (NB_FD_HOME)
#define PAGES NB_FD_BIT (NB_FD_PAGES)
#define DISPLAY (NB_FD_BIT (NB_FD_DISPLAY) | NB_FD_BIT (NB_FD_GPU))
#define SHADERS NB_FD_BIT (NB_FD_SHADERS)
#define ONLINE (NB_FD_BIT (NB_FD_NETWORK) | NB_FD_BIT (NB_FD_OWN_FILE))
#define SOUND NB_FD_BIT (NB_FD_SOUND)
#define OWN_PROC NB_FD_BIT (NB_FD_OWN_PROC)
#define SANDBOXED                                                                          \
  (NB_FD_BIT (NB_FD_PLAIN) | NB_FD_BIT (NB_FD_SOCKET) | NB_FD_BIT (NB_FD_PROGRAM)          \
   | NB_FD_BIT (NB_FD_OUTPUT) | NB_FD_BIT (NB_FD_STATISTICS))

static const Expectation expectations[NB_N_ROLES] = {
#define ROLE(role, name, pid, net, mounts, ipc, user, files, bus, display, devices, fds,   \
             privileges, capabilities, seccomp, filters, descriptors)                      \
  [NB_ROLE_##role] = { name,                                                               \
                       { [NB_PROPERTY_PID] = pid,                                          \
                         [NB_PROPERTY_NETWORK] = net,                                      \
                         [NB_PROPERTY_MOUNTS] = mounts,                                    \
                         [NB_PROPERTY_IPC] = ipc,                                          \
                         [NB_PROPERTY_USER] = user,                                        \
                         [NB_PROPERTY_FILES] = files,                                      \
                         [NB_PROPERTY_BUS] = bus,                                          \
                         [NB_PROPERTY_DISPLAY] = display,                                  \
                         [NB_PROPERTY_DEVICES] = devices,                                  \
                         [NB_PROPERTY_DESCRIPTORS] = fds,                                  \
                         [NB_PROPERTY_NO_NEW_PRIVS] = privileges,                          \
                         [NB_PROPERTY_CAPABILITIES] = capabilities,                        \
                         [NB_PROPERTY_SECCOMP] = seccomp,                                  \
                         [NB_PROPERTY_FILTERS] = EXPECTED_CLOSED },                        \
                       filters,                                                            \
                       descriptors },
#include "spawn/audit/expectations.def"
#undef ROLE
};

/* --- names --- */

static const struct
{
  const char *title, *name;
} properties[NB_N_PROPERTIES] = {
  [NB_PROPERTY_PID] = { "PID namespace", "pid-namespace" },
  [NB_PROPERTY_NETWORK] = { "network", "network-namespace" },
  [NB_PROPERTY_MOUNTS] = { "mounts", "mount-namespace" },
  [NB_PROPERTY_IPC] = { "IPC namespace", "ipc-namespace" },
  [NB_PROPERTY_USER] = { "user namespace", "user-namespace" },
  [NB_PROPERTY_FILES] = { "home", "home" },
  [NB_PROPERTY_BUS] = { "bus", "bus" },
  [NB_PROPERTY_DISPLAY] = { "display, sound", "display" },
  [NB_PROPERTY_DEVICES] = { "devices", "devices" },
  [NB_PROPERTY_DESCRIPTORS] = { "descriptors", "descriptors" },
  [NB_PROPERTY_NO_NEW_PRIVS] = { "no new privileges", "no-new-privileges" },
  [NB_PROPERTY_CAPABILITIES] = { "capabilities", "capabilities" },
  [NB_PROPERTY_SECCOMP] = { "seccomp", "seccomp" },
  [NB_PROPERTY_FILTERS] = { "seccomp filters", "seccomp-filters" },
};

const char *
nb_role_name (NbRole role)
{
  return expectations[role].name;
}

const char *
nb_property_title (NbProperty property)
{
  return properties[property].title;
}

const char *
nb_property_name (NbProperty property)
{
  return properties[property].name;
}

/* --- roles --- */

static const char *
value_of (const char *const *argv, const char *option)
{
  const char *value = NULL;

  for (; *argv != NULL; argv++)
    if (g_str_has_prefix (*argv, option))
      value = *argv + strlen (option);
  return value;
}

/*
 * Services with a sandbox of their own are forked by the unsandboxed zygote (Chromium:
 * content/browser/service_host/utility_sandbox_delegate.cc, GetZygote). So is audio when
 * it is sandboxed; without, as by default, the browser executes it.
 */
static NbRole
role_of_utility (const char *const *argv)
{
  static const char *const apart[] = {
    "none",
    "hardware_video_decoding",
    "hardware_video_encoding",
    "network",
    "on_device_model_execution",
    "on_device_translation",
    "print_backend",
    "screen_ai",
    "shape_detection",
    "speech_recognition",
    "video_effects",
  };
  const char *service = value_of (argv, "--utility-sub-type=");
  const char *sandbox = value_of (argv, "--service-sandbox-type=");

  if (g_strcmp0 (service, "audio.mojom.AudioService") == 0
      && (sandbox == NULL || g_str_equal (sandbox, "none")
          || g_str_equal (sandbox, "audio")))
    return NB_ROLE_AUDIO_IN_APP;
  for (gsize i = 0; sandbox != NULL && i < NB_ARRAY_SIZE (apart); i++)
    if (g_str_equal (sandbox, apart[i]))
      return NB_ROLE_SERVICE;
  return NB_ROLE_UTILITY;
}

static NbRole
role_of_kind (NbKind kind, const char *const *argv)
{
  static const NbRole roles[NB_N_KINDS] = {
    [NB_KIND_NONE] = NB_ROLE_SERVICE,
    [NB_KIND_ZYGOTE] = NB_ROLE_ZYGOTE,
    [NB_KIND_RENDERER] = NB_ROLE_RENDERER,
    [NB_KIND_UTILITY] = NB_ROLE_UTILITY,
    [NB_KIND_GPU] = NB_ROLE_GPU_IN_APP,
    [NB_KIND_NETWORK] = NB_ROLE_NETWORK_IN_APP,
    [NB_KIND_UNSANDBOXED_ZYGOTE] = NB_ROLE_UNSANDBOXED_ZYGOTE,
  };

  return kind == NB_KIND_UTILITY || kind == NB_KIND_AUDIO ? role_of_utility (argv)
                                                          : roles[kind];
}

gboolean
nb_role_of_command (const char *const *argv, NbRole *role_out)
{
  g_autoptr (GPtrArray) own = g_ptr_array_new ();
  const char *const *words;

  /* What follows is another program's, as on bubblewrap's own command line. */
  for (; *argv != NULL && !g_str_equal (*argv, "--"); argv++)
    g_ptr_array_add (own, (gpointer)*argv);
  g_ptr_array_add (own, NULL);
  words = (const char *const *)own->pdata;
  if (value_of (words, "--type=") == NULL)
    return FALSE;
  *role_out = role_of_kind (nb_kind_of_command (words), words);
  return TRUE;
}

NbRole
nb_role_in_place (NbRole role, gboolean in_app, gboolean routed)
{
  if (role == NB_ROLE_GPU_IN_APP || role == NB_ROLE_GPU)
    return in_app && !routed ? NB_ROLE_GPU_IN_APP : NB_ROLE_GPU;
  if (role == NB_ROLE_UNSANDBOXED_ZYGOTE && !in_app)
    return NB_ROLE_GPU_ZYGOTE;
  if (role == NB_ROLE_NETWORK_IN_APP && !in_app)
    return NB_ROLE_NETWORK;
  if (role == NB_ROLE_AUDIO_IN_APP && !in_app)
    return NB_ROLE_AUDIO;
  return role;
}

/* --- verdicts --- */

static NbVerdict
judge (NbState state, Expected expected)
{
  if (expected == EXPECTED_AS_FACT)
    return NB_VERDICT_FACT;
  return state == NB_STATE_CLOSED ? NB_VERDICT_OK
         : state == NB_STATE_OPEN ? NB_VERDICT_BAD
                                  : NB_VERDICT_UNMEASURED;
}

static NbFinding
find_descriptors (const NbDescriptors *descriptors, guint allowed)
{
  guint classes = nb_descriptors_classes (descriptors);
  guint unknown = classes & NB_FD_BIT (NB_FD_UNKNOWN);
  guint bad = classes & ~allowed & ~unknown;
  g_autofree char *text = NULL;

  if (descriptors->error == EACCES || descriptors->error == EPERM)
    return (NbFinding){ NB_STATE_UNKNOWN, g_strdup (NB_CLOSED_TO_US) };
  if (descriptors->error != 0)
    return (NbFinding){ NB_STATE_UNKNOWN, g_strdup (g_strerror (descriptors->error)) };
  if (bad != 0)
    return (NbFinding){ NB_STATE_OPEN, nb_descriptors_describe (descriptors, bad) };
  if ((unknown & ~allowed) != 0)
    return (NbFinding){ NB_STATE_UNKNOWN, nb_descriptors_describe (descriptors, unknown) };
  text = nb_descriptors_describe (descriptors, classes & ~SANDBOXED);
  return (NbFinding){ NB_STATE_CLOSED,
                      *text != '\0' ? g_steal_pointer (&text)
                                    : g_strdup ("nothing but what every child needs") };
}

static NbFinding
find_filters (int filters, int at_least)
{
  if (filters < 0)
    return (NbFinding){ NB_STATE_UNKNOWN, g_strdup ("the kernel does not tell") };
  return (NbFinding){ filters >= at_least ? NB_STATE_CLOSED : NB_STATE_OPEN,
                      g_strdup_printf ("%d, at least %d expected", filters, at_least) };
}

static NbFinding
find (const NbMeasurement *measurement, const Expectation *expectation, NbProperty property)
{
  const NbFinding *finding = &measurement->findings[property];

  if (property == NB_PROPERTY_DESCRIPTORS)
    return find_descriptors (&measurement->descriptors, expectation->descriptors);
  if (property == NB_PROPERTY_FILTERS)
    return find_filters (measurement->filters, expectation->filters);
  return (NbFinding){ finding->state, g_strdup (finding->text) };
}

void
nb_report_make (const NbMeasurement *measurement, NbRole role, NbReport *report_out)
{
  const Expectation *expectation = &expectations[role];

  report_out->verdict = NB_VERDICT_OK;
  for (int i = 0; i < NB_N_PROPERTIES; i++)
    {
      NbFinding finding = find (measurement, expectation, (NbProperty)i);
      NbVerdict verdict = judge (finding.state, expectation->properties[i]);

      report_out->rows[i]
          = (NbRow){ .verdict = verdict, .state = finding.state, .text = finding.text };
      if (verdict != NB_VERDICT_FACT)
        report_out->verdict = MAX (report_out->verdict, verdict);
    }
}

void
nb_report_clear (NbReport *report)
{
  for (int i = 0; i < NB_N_PROPERTIES; i++)
    g_clear_pointer (&report->rows[i].text, g_free);
}

void
nb_measurement_clear (NbMeasurement *measurement)
{
  for (int i = 0; i < NB_N_PROPERTIES; i++)
    g_clear_pointer (&measurement->findings[i].text, g_free);
  nb_descriptors_clear (&measurement->descriptors);
}
