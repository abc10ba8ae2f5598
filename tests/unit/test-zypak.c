/* SPDX-License-Identifier: BSD-3-Clause */
/* Variables of manifests that were written for zypak. */
#include "spawn/run/zypak.h"

#include <string.h>

#include "tests/lib/nb-test.h"

typedef struct
{
  const char *name;
  const char *environment[6];
  const char *options; /* joined by blanks */
  const char *after;   /* of the environment, joined by blanks */
  const char *note;    /* begins the one note; NULL: there is none */
} Case;

static const Case cases[] = {
  { "nothing", { "A=1", "LANG=C" }, "", "A=1 LANG=C", NULL },
  { "edge",
    { "A=1", "ZYPAK_SANDBOX_FILENAME=msedge-sandbox" },
    "--helper-name=msedge-sandbox",
    "A=1",
    NULL },
  { "debug", { "ZYPAK_DEBUG=1" }, "", "NESTBOX_DEBUG=all", NULL },
  { "debug-and-our-own",
    { "ZYPAK_DEBUG=1", "NESTBOX_DEBUG=portal" },
    "",
    "NESTBOX_DEBUG=portal",
    NULL },
  { "preload",
    { "ZYPAK_LD_PRELOAD=/app/lib/x.so" },
    "",
    "LD_PRELOAD=/app/lib/x.so",
    "ZYPAK_LD_PRELOAD is loaded into the browser" },
  { "two-preloads",
    { "LD_PRELOAD=/app/lib/y.so", "ZYPAK_LD_PRELOAD=/app/lib/x.so" },
    "",
    "LD_PRELOAD=/app/lib/x.so:/app/lib/y.so",
    "ZYPAK_LD_PRELOAD is loaded into the browser" },
  { "no-sandbox",
    { "ZYPAK_DISABLE_SANDBOX=1" },
    "",
    "",
    "ZYPAK_DISABLE_SANDBOX is not followed: pages stay in their sub-sandbox" },
  { "gpu", { "ZYPAK_ALLOW_GPU=1" }, "", "", "ZYPAK_ALLOW_GPU is not followed: " },
  { "widevine",
    { "ZYPAK_EXPOSE_WIDEVINE_PATH=/home/u/x/WidevineCdm" },
    "--widevine=/home/u/x/WidevineCdm",
    "",
    NULL },
  { "latest", { "ZYPAK_SPAWN_LATEST_ON_REEXEC=1" }, "--restart=latest", "", NULL },
  { "strategy",
    { "ZYPAK_ZYGOTE_STRATEGY_SPAWN=0" },
    "",
    "",
    "ZYPAK_ZYGOTE_STRATEGY_SPAWN has no meaning here: " },
  { "cef",
    { "ZYPAK_CEF_LIBRARY_PATH=/x" },
    "",
    "",
    "ZYPAK_CEF_LIBRARY_PATH has no meaning" },
  { "strace", { "ZYPAK_STRACE=all" }, "", "", "ZYPAK_STRACE has no meaning here: " },
  { "unknown", { "ZYPAK_QUIRKS=x", "B=2" }, "", "B=2", "ZYPAK_QUIRKS is not known" },
  { "longer-than-a-known-one", { "ZYPAK_BINARY=x" }, "", "", "ZYPAK_BINARY is not known" },
  { "not-ours", { "MY_ZYPAK_DEBUG=1" }, "", "MY_ZYPAK_DEBUG=1", NULL },
  { "switched-off", { "ZYPAK_DEBUG=0", "ZYPAK_DISABLE_SANDBOX=0" }, "", "", NULL },
  { "empty", { "ZYPAK_DISABLE_SANDBOX=", "ZYPAK_SANDBOX_FILENAME=" }, "", "", NULL },
};

static char *
join (GPtrArray *words)
{
  g_ptr_array_add (words, NULL);
  return g_strjoinv (" ", (char **)words->pdata);
}

static void
test_variables (gconstpointer data)
{
  const Case *test = data;
  g_auto (GStrv) environment = g_strdupv ((char **)test->environment);
  g_autoptr (GPtrArray) options = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) notes = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *words = NULL, *after = NULL;

  nb_zypak_translate (&environment, options, notes);
  g_assert_cmpuint (notes->len, ==, test->note != NULL);
  if (test->note != NULL)
    g_assert_true (g_str_has_prefix (notes->pdata[0], test->note));
  words = join (options);
  g_assert_cmpstr (words, ==, test->options);
  after = g_strjoinv (" ", environment);
  g_assert_cmpstr (after, ==, test->after);
}

static void
test_names (void)
{
  g_assert_true (nb_zypak_is_name ("zypak-wrapper"));
  g_assert_true (nb_zypak_is_name ("/app/bin/zypak-wrapper.sh"));
  g_assert_false (nb_zypak_is_name ("/app/bin/nestbox"));
  g_assert_false (nb_zypak_is_name ("zypak-wrapper/nestbox"));
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/zypak/variables", cases, test_variables);
  nb_test_add ("/zypak/names", test_names);
  return g_test_run ();
}
