/* plateau completion: the tables of commands, options and keys, then what a shell does with them (completion.bash,
 * completion.zsh).
 *
 * What may follow a word is read off the tables' own notation: in "STUDY.yaml|NAME [key=value..]" or "csv|jsonl" a
 * small word stands for itself, NAME.ext for a file with that ending, a capital word for a list (below), key=value for
 * the keys. */
#include "cli/cli.h"
#include "base/data.h"
#include "plots/figures/figure.h"
#include "base/keys.h"
#include "base/text.h"
#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *words, *options, *summary;
} commands[] = {
#define AS_ENTRY(name, words, options, summary) {#name, words, options, summary},
    COMMANDS(AS_ENTRY)
#undef AS_ENTRY
};
static struct {
    char name[16];
    const char *argument;
} options[] = {
#define AS_ENTRY(name, type, argument, meaning) {#name, argument},
    OPTIONS(AS_ENTRY)
#undef AS_ENTRY
};
static const struct {
    const char *name, *argument;
} settings[] = {
#define AS_ENTRY(name, argument, meaning) {#name, argument},
    FIGURE_SETTINGS(AS_ENTRY)
#undef AS_ENTRY
};
#define AS_ASSIGNMENT(name, argument, meaning) " " #name "="
enum { N_COMMANDS = sizeof commands / sizeof commands[0], N_OPTIONS = sizeof options / sizeof options[0] };

/* The studies that come with the program, as far as they are found. */
static void add_studies(struct text *out)
{
    char folder[DATA_PATH];
    glob_t found;
    if (data_path("validation/studies", folder) != OK || strlen(folder) > DATA_PATH - 16)
        return;
    strcat(folder, "/*.yaml");
    if (glob(folder, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            const char *name = strrchr(found.gl_pathv[i], '/') + 1;
            text_addf(out, " %.*s", (int)(strlen(name) - strlen(".yaml")), name);
        }
    }
    globfree(&found);
}

static void add_figures(struct text *out)
{
    for (size_t i = 0; i < figure_count_all(); i++)
        text_addf(out, " %s", figure_at(i)->name);
}

static void add_parts(struct text *out)
{
    text_add(out, " theory transformers");
}

static void add_commands(struct text *out)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        text_addf(out, " %s", commands[i].name);
}

static void add_keys(struct text *out)
{
    for (int key = 0; key < KEY_COUNT; key++)
        text_addf(out, " %s", keys_name((enum key)key));
}

static const struct {
    const char *word;
    void (*add)(struct text *out);
} lists[] = {
    {"NAME", add_studies}, {"FIGURE", add_figures}, {"PART", add_parts}, {"COMMAND", add_commands}, {"KEY", add_keys}};

/* One word of the tables' notation, without brackets and dots behind it. */
static void add_word(const char *word, struct text *words, struct text *files, bool *keys)
{
    const char *ending = strrchr(word, '.');
    if (strchr(word, '='))
        *keys = true;
    else if (ending && !(files->data && strstr(files->data, ending + 1)))
        text_addf(files, " %s", ending + 1);
    else if (!strcmp(word, "FILE") || !strcmp(word, "PATH"))
        text_add(files, " any");
    else if (islower((unsigned char)*word) && !strpbrk(word, ",/"))
        text_addf(words, " %s", word);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (!strcmp(word, lists[i].word))
            lists[i].add(words);
    }
}

/* `choices='..' files='..' keys=..` for what a notation says. study: whether NAME is a study's. */
static void add_notation(const char *notation, bool study, struct text *out)
{
    struct text words = {0}, files = {0};
    bool keys = false;
    for (const char *at = notation; *(at += strspn(at, " |[]")) != '\0';) {
        char word[64];
        size_t n = strcspn(at, " |[]");
        snprintf(word, sizeof word, "%.*s", (int)n, at);
        at += n;
        char *dots = strstr(word, "..");
        if (dots)
            *dots = '\0';
        if (study || strcmp(word, "NAME"))
            add_word(word, &words, &files, &keys);
    }
    text_addf(out, " choices='%s' files='%s' keys=%s", words.data ? words.data + 1 : "",
              files.data ? files.data + 1 : "", keys ? "yes" : "");
    out->failed = out->failed || words.failed || files.failed;
    text_free(&words);
    text_free(&files);
}

/* What follows a command, and what follows `key=` or an option: two functions that both shells read. */
static void add_tables(struct text *out)
{
    for (size_t k = 0; k < N_OPTIONS; k++)
        cli_spell(options[k].name);
    text_add(out, "_plateau_keys='");
    for (int key = 0; key < KEY_COUNT; key++)
        text_addf(out, " %s=", keys_name((enum key)key));
    text_add(out, "'\n_plateau_commands='");
    add_commands(out);
    text_add(out, "'\n_plateau_after_command()\n{\n    case $1 in\n");
    for (size_t i = 0; i < N_COMMANDS; i++) {
        text_addf(out, "    %s)", commands[i].name);
        add_notation(commands[i].words, true, out);
        if (!strcmp(commands[i].name, "figure"))
            text_add(out, " settings='" FIGURE_SETTINGS(AS_ASSIGNMENT) "'");
        text_add(out, " options='--help");
        for (size_t k = 0; k < N_OPTIONS; k++) {
            char padded[64];
            snprintf(padded, sizeof padded, " %.15s ", options[k].name);
            if (strstr(commands[i].options, padded))
                text_addf(out, " --%s", options[k].name);
        }
        text_add(out, "' ;;\n");
    }
    text_add(out, "    esac\n}\n_plateau_values()\n{\n    case $1 in\n");
    for (int key = 0; key < KEY_COUNT; key++) {
        const char *const *names;
        size_t n = keys_choices((enum key)key, &names);
        text_addf(out, "    %s) choices='", keys_name((enum key)key));
        for (size_t i = 0; i < n; i++)
            text_addf(out, "%s%s", i ? " " : "", names[i]);
        text_add(out, "' ;;\n");
    }
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        text_addf(out, "    %s)", settings[i].name);
        add_notation(settings[i].argument, false, out);
        text_add(out, " ;;\n");
    }
    for (size_t k = 0; k < N_OPTIONS; k++) {
        if (!options[k].argument)
            continue;
        text_addf(out, "    --%s)", options[k].name);
        add_notation(options[k].argument, false, out);
        text_add(out, " ;;\n");
    }
    text_add(out, "    *) return 1 ;;\n    esac\n}\n");
}

enum status command_completion(const struct arguments *a)
{
    enum status rc = OK;
    struct text out = {0};
    char name[64], path[DATA_PATH];
    const char *shell = a->n_files == 1 ? a->files[0] : "";
    REQUIRE(!strcmp(shell, "bash") || !strcmp(shell, "zsh"), ERR_INPUT,
            "completion: needs a shell, bash or zsh (`plateau help completion`)");
    snprintf(name, sizeof name, "src/cli/completion.%s", shell);
    TRY(data_path(name, path));
    text_add(&out, !strcmp(shell, "zsh") ? "#compdef plateau\n" : ""); /* the line that compinit looks for */
    text_addf(&out, "# Made by `plateau completion %s`.\n", shell);
    add_tables(&out);
    TRY(text_read_file(path, 1 << 20, &out));
    TRY(text_status(&out));
    TRY(cli_print(out.data, out.length));
done:
    text_free(&out);
    return rc;
}
