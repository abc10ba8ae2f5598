/* SPDX-License-Identifier: BSD-3-Clause */
/* A tree as `nestbox ps` prints it. */
#include "spawn/tool/ps-print.h"

#include <string.h>
#include <unistd.h>

#include "tests/lib/nb-test.h"

static void
place_free (gpointer data)
{
  NbPlace *place = data;

  g_free (place->reason);
  g_ptr_array_unref (place->children);
  g_free (place);
}

static void
browser_free (gpointer data)
{
  NbPsBrowser *browser = data;

  g_ptr_array_unref (browser->places);
  g_free (browser);
}

static NbPlace *
add_place (NbPsBrowser *browser, const NbPlace *place, const char *reason)
{
  NbPlace *copy = g_memdup2 (place, sizeof *place);

  copy->reason = g_strdup (reason);
  copy->children = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (browser->places, copy);
  return copy;
}

static guint64
started_before (guint64 seconds, guint64 now_ms)
{
  return (now_ms / 1000 - seconds) * (guint64)sysconf (_SC_CLK_TCK);
}

static const NbPsStyle plain = { .now_ms = 1000000000 };

static void
add_child (NbPlace *place, const NbPsChild *child)
{
  g_ptr_array_add (place->children, g_memdup2 (child, sizeof *child));
}

/* Two sub-sandboxes, one of which has ended, and the app. */
static GPtrArray *
make_tree (void)
{
  GPtrArray *tree = g_ptr_array_new_with_free_func (browser_free);
  NbPsBrowser *browser = g_new0 (NbPsBrowser, 1);
  NbPlace *pages, *app;

  browser->self = (NbPsChild){ .pid = 2,
                               .kind = "browser",
                               .has_memory = TRUE,
                               .shared_out = TRUE,
                               .memory_kib = 1536,
                               .start = started_before (3723, plain.now_ms),
                               .filters = 1 };
  browser->answered = TRUE;
  browser->places = g_ptr_array_new_with_free_func (place_free);
  pages = add_place (browser,
                     &(NbPlace){ .name = "pages",
                                 .state = NB_SANDBOX_READY,
                                 .relayed = TRUE,
                                 .wall = NB_WALL_LANDLOCK,
                                 .landlock_abi = 7,
                                 .left_out = 2 },
                     "");
  add_child (pages, &(NbPsChild){ .pid = 40,
                                  .inner_pid = 3,
                                  .stand_in = TRUE,
                                  .kind = "renderer",
                                  .has_memory = TRUE,
                                  .memory_kib = 1024,
                                  .start = started_before (90061, plain.now_ms),
                                  .filters = 4 });
  (void)add_place (
      browser, &(NbPlace){ .name = "gpu", .state = NB_SANDBOX_ENDED, .wall = NB_WALL_AUTO },
      "bad\033[31m\n");
  app = add_place (browser, &(NbPlace){ .type = NB_PLACE_APP }, NULL);
  add_child (app, &(NbPsChild){ .kind = "network", .filters = -1 });
  g_ptr_array_add (tree, browser);
  return tree;
}

static void
test_for_people (void)
{
  g_autoptr (GPtrArray) tree = make_tree ();
  g_autoptr (GString) out = g_string_new (NULL);

  nb_ps_print_text (out, tree, &plain);
  g_assert_cmpstr (
      out->str, ==,
      "    PID  INSIDE  KIND                               MEMORY      AGE FILTERS\n"
      "      2       -  browser                       1.5 MiB pss  1:02:03       1\n"
      "                 |- sub-sandbox pages: ready, PIDs hidden, file wall Landlock ABI "
      "7; 2 more\n"
      "     40*      3  |  `- renderer                1.0 MiB rss   1d 01h       4\n"
      "                 |- sub-sandbox gpu: ended: bad?[31m?\n"
      "                 `- the app's own sandbox\n"
      "      -       -     `- network                           -        -       -\n"
      "* PID of the stand-in by which the browser knows it\n");
}

static void
test_lines_and_colours (void)
{
  g_autoptr (GPtrArray) tree = make_tree ();
  g_autoptr (GString) out = g_string_new (NULL);
  NbPsStyle style = plain;

  style.colours = style.utf8 = TRUE;
  ((NbPsBrowser *)tree->pdata[0])->answered = FALSE;
  nb_ps_print_text (out, tree, &style);
  g_assert_nonnull (strstr (out->str, "├─ \033[32msub-sandbox pages: ready"));
  g_assert_nonnull (strstr (out->str, "│  └─ renderer                1.0 MiB rss"));
  g_assert_nonnull (
      strstr (out->str, "\033[1;31msub-sandbox gpu: ended: bad?[31m?\033[0m"));
  g_assert_nonnull (strstr (out->str, "└─ \033[33mthe app's own sandbox\033[0m\n"));
  g_assert_nonnull (strstr (out->str, "No broker of this browser answers."));
}

static void
test_for_programs (void)
{
  g_autoptr (GPtrArray) tree = make_tree ();
  g_autoptr (GString) out = g_string_new (NULL);

  nb_ps_print_json (out, tree, &plain);
  g_assert_cmpstr (
      out->str, ==,
      "{\n  \"browsers\": [\n"
      "    {\"pid\": 2, \"inner-pid\": null, \"stand-in\": false, \"kind\": \"browser\", "
      "\"memory-kib\": 1536, \"memory\": \"pss\", \"age-s\": 3723, \"filters\": 1, "
      "\"broker-answers\": true, \"places\": [\n"
      "      {\"place\": \"sub-sandbox\", \"profile\": \"pages\", \"state\": \"ready\", "
      "\"reason\": null, \"pids\": \"hidden\", \"file-wall\": \"landlock\", "
      "\"landlock-abi\": 7, \"left-out\": 2, \"children\": [\n"
      "        {\"pid\": 40, \"inner-pid\": 3, \"stand-in\": true, \"kind\": \"renderer\", "
      "\"memory-kib\": 1024, \"memory\": \"rss\", \"age-s\": 90061, \"filters\": 4}]},\n"
      "      {\"place\": \"sub-sandbox\", \"profile\": \"gpu\", \"state\": \"ended\", "
      "\"reason\": \"bad\\u001b[31m\\u000a\", \"pids\": null, \"file-wall\": \"auto\", "
      "\"landlock-abi\": null, \"left-out\": 0, \"children\": []},\n"
      "      {\"place\": \"app\", \"children\": [\n"
      "        {\"pid\": null, \"inner-pid\": null, \"stand-in\": false, \"kind\": "
      "\"network\", \"memory-kib\": null, \"memory\": null, \"age-s\": null, \"filters\": "
      "null}]}]}\n"
      "  ]\n}\n");
}

static void
test_nothing (void)
{
  g_autoptr (GPtrArray) tree = g_ptr_array_new ();
  g_autoptr (GString) out = g_string_new (NULL);

  nb_ps_print_json (out, tree, &plain);
  g_assert_cmpstr (out->str, ==, "{\n  \"browsers\": [\n  ]\n}\n");
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/ps-print/for-people", test_for_people);
  nb_test_add ("/ps-print/lines-and-colours", test_lines_and_colours);
  nb_test_add ("/ps-print/for-programs", test_for_programs);
  nb_test_add ("/ps-print/nothing", test_nothing);
  return g_test_run ();
}
