/* SPDX-License-Identifier: BSD-3-Clause */
/* Kinds: names there and back, and command lines as Chromium 156 writes them. */
#include <glib.h>

#include "spawn/base/kind.h"
#include "tests/lib/nb-test.h"

static void
test_names (void)
{
  NbKind found;

  for (NbKind kind = NB_KIND_NONE; kind < NB_N_KINDS; kind++)
    {
      g_assert_true (nb_kind_parse (nb_kind_name (kind), &found));
      g_assert_cmpint (found, ==, kind);
    }
  g_assert_false (nb_kind_parse ("unknown", &found));
  g_assert_false (nb_kind_parse ("", &found));
  g_assert_cmpstr (nb_kind_name (NB_N_KINDS), ==, "unknown");
}

typedef struct
{
  const char *command;
  NbKind kind;
} Row;

static const Row rows[] = {
  { "", NB_KIND_NONE },
  { "--headless about:blank", NB_KIND_NONE },
  { "--type=zygote --crashpad-handler-pid=7", NB_KIND_ZYGOTE },
  { "--type=zygote --no-zygote-sandbox", NB_KIND_UNSANDBOXED_ZYGOTE },
  { "--type=renderer --lang=en", NB_KIND_RENDERER },
  { "--type=gpu-process --use-gl=angle", NB_KIND_GPU },
  { "--type=utility --utility-sub-type=network.mojom.NetworkService "
    "--service-sandbox-type=none",
    NB_KIND_NETWORK },
  { "--type=utility --utility-sub-type=network.mojom.NetworkService "
    "--service-sandbox-type=network",
    NB_KIND_NETWORK },
  { "--type=utility --utility-sub-type=audio.mojom.AudioService "
    "--service-sandbox-type=none",
    NB_KIND_AUDIO },
  { "--type=utility --utility-sub-type=storage.mojom.StorageService "
    "--service-sandbox-type=utility",
    NB_KIND_UTILITY },
  { "--type=utility --utility-sub-type=video_capture.mojom.VideoCaptureService "
    "--service-sandbox-type=none",
    NB_KIND_NONE },
  { "--type=utility --utility-sub-type=node.mojom.NodeService", NB_KIND_NONE },
  { "--type=crashpad-handler", NB_KIND_NONE },
  { "--type=renderer --type=zygote", NB_KIND_ZYGOTE },
  { "type=renderer", NB_KIND_NONE },
};

static void
test_command (gconstpointer data)
{
  const Row *row = data;
  g_autofree char *line = g_strconcat ("/app/chromium ", row->command, NULL);
  g_auto (GStrv) argv = g_strsplit (line, " ", -1);

  g_assert_cmpint (nb_kind_of_command ((const char *const *)argv), ==, row->kind);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  g_test_add_func ("/kind/names", test_names);
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *name = g_strdup_printf ("/kind/command/%zu", i);

      g_test_add_data_func (name, &rows[i], test_command);
    }
  return g_test_run ();
}
