/* plateau: when does sparse attention emerge, and does theory say so? */
#include "tensor/blas.h"
#include "cli/cli.h"
#include "parallel/stop.h"
#include "plots/figures/figure.h"
#include "base/keys.h"
#include "base/program.h"
#include "base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <gsl/gsl_errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command {
    const char *name, *words, *options, *summary;
    enum status (*run)(const struct arguments *a);
} commands[] = {
#define AS_ENTRY(name, words, options, summary) {#name, words, options, summary, command_##name},
    COMMANDS(AS_ENTRY)
#undef AS_ENTRY
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static struct option {
    char name[16];
    const char *argument, *meaning;
} options[] = {
#define AS_ENTRY(name, type, argument, meaning) {#name, argument, meaning},
    OPTIONS(AS_ENTRY)
#undef AS_ENTRY
};
enum { N_OPTIONS = sizeof options / sizeof options[0] };

void cli_spell(char *name)
{
    while ((name = strchr(name, '_')))
        *name = '-';
}

enum status cli_print(const char *bytes, size_t n)
{
    if (fwrite(bytes, 1, n, stdout) != n ||
        fflush(stdout) != 0) /* who closes the pipe (head) has seen enough: no message */
        return errno == EPIPE ? error_set(ERR_IO, "%s", "") : error_set(ERR_IO, "standard output: %s", strerror(errno));
    return OK;
}

static bool takes(const struct command *c, const char *option)
{
    char word[64];
    snprintf(word, sizeof word, " %.40s ", option);
    return strstr(c->options, word) != NULL;
}

static enum status find_command(const char *name, const struct command **command)
{
    const char *names[N_COMMANDS];
    for (size_t i = 0; i < N_COMMANDS; i++) {
        names[i] = commands[i].name;
        if (!strcmp(name, commands[i].name)) {
            *command = &commands[i];
            return OK;
        }
    }
    const char *nearest = text_nearest(name, names, N_COMMANDS);
    return error_set(ERR_INPUT, "%s: no such command%s%s%s (`plateau help` lists them)", name,
                     nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static bool set_FLAG(bool *field, const char *text)
{
    *field = true;
    return text == NULL;
}

static bool set_TEXT(const char **field, const char *text)
{
    *field = text;
    return text && *text;
}

static bool set_NUMBER(size_t *field, const char *text)
{
    double value;
    if (!text || !text_to_real(text, &value) || !(value >= 1 && value <= 1e6) || value != (double)(size_t)value)
        return false;
    *field = (size_t)value;
    return true;
}

/* One --option; *i is moved over its argument. given[N_OPTIONS]: those that there were. */
static enum status parse_option(const struct command *c, int argc, char **argv, int *i, bool *given,
                                struct arguments *a)
{
    const char *word = argv[*i] + 2, *equals = strchr(word, '=');
    char name[40];
    snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - word) : 39, word);
    const char *names[N_OPTIONS];
    size_t n = 0; /* options that this command takes */
    for (size_t k = 0; k < N_OPTIONS; k++) {
        if (!takes(c, options[k].name))
            continue;
        names[n++] = options[k].name;
        if (strcmp(name, options[k].name))
            continue;
        bool follows = options[k].argument && *i + 1 < argc && strncmp(argv[*i + 1], "--", 2);
        const char *text = equals ? equals + 1 : follows ? argv[++*i] : NULL;
        if (given[k] && options[k].argument)
            return error_set(ERR_INPUT, "--%s %s: --%s was given before: leave one out", name, text ? text : "", name);
        given[k] = true;
        bool good = true;
        size_t at = 0; /* of the option in the table */
#define AS_CASE(field, type, argument, meaning)                                                                        \
    if (at++ == k)                                                                                                     \
        good = set_##type(&a->field, text);
        OPTIONS(AS_CASE)
#undef AS_CASE
        return good ? OK
                    : error_set(ERR_INPUT, "--%s: %s%s", name, options[k].argument ? "needs " : "takes no argument",
                                options[k].argument ? options[k].argument : "");
    }
    const char *nearest = text_nearest(name, names, n);
    return error_set(ERR_INPUT, "--%s: not an option of %s%s%s%s (`plateau help %s`)", name, c->name,
                     nearest ? "; did you mean --" : "", nearest ? nearest : "", nearest ? "?" : "", c->name);
}

/* key=value has a name before its first '='; a path with '=' in it does not look like that if written ./path. */
static bool is_assignment(const char *word)
{
    size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    return n > 0 && word[n] == '=';
}

/* Of two words for one name the last would win without a word. */
static enum status check_repeats(const struct arguments *a)
{
    for (size_t i = 0; i < a->n_assignments; i++) {
        const size_t name = strcspn(a->assignments[i], "=") + 1;
        for (size_t j = i + 1; j < a->n_assignments; j++) {
            if (!strncmp(a->assignments[i], a->assignments[j], name))
                return error_set(ERR_INPUT,
                                 "%.200s %.200s: %.*s is given twice: leave one out, or make one list of both",
                                 a->assignments[i], a->assignments[j], (int)name - 1, a->assignments[i]);
        }
    }
    return OK;
}

static enum status parse(const struct command *c, int argc, char **argv, struct arguments *a)
{
    bool given[N_OPTIONS] = {false};
    a->n_assignments = a->n_files = 0;
    a->assignments = calloc((size_t)argc, sizeof *a->assignments);
    a->files = calloc((size_t)argc, sizeof *a->files);
    if (!a->assignments || !a->files)
        return error_set(ERR_MEMORY, "out of memory for the command line");
    for (int i = 2; i < argc; i++) {
        enum status rc = OK;
        if (!strncmp(argv[i], "--", 2))
            rc = parse_option(c, argc, argv, &i, given, a);
        else if (is_assignment(argv[i]))
            a->assignments[a->n_assignments++] = argv[i];
        else
            a->files[a->n_files++] = argv[i];
        if (rc != OK)
            return rc;
    }
    return check_repeats(a);
}

/* What a command takes as name=value that is not a key of runs. */
static const struct setting {
    const char *command, *name, *argument, *meaning;
} settings[] = {
#define AS_ENTRY(name, argument, meaning) {"figure", #name, argument, meaning},
    FIGURE_SETTINGS(AS_ENTRY)
#undef AS_ENTRY
};
enum { N_SETTINGS = sizeof settings / sizeof settings[0] };

/* Words that a command would not look at are refused. Those between brackets may be left out; ".." stands for any
 * number. */
static enum status check_words(const struct command *c, const struct arguments *a)
{
    size_t most = *c->words == '[' ? 1 : 0;
    if (a->n_assignments && !strstr(c->words, "key=value"))
        return error_set(ERR_INPUT, "%s: %s takes no key=value (`plateau help %s`)", a->assignments[0], c->name,
                         c->name);
    if (a->n_files > most && (!*c->words || (*c->words == '[' && !strstr(c->words, ".."))))
        return error_set(ERR_INPUT, "%s: one word too many (`plateau help %s`)", a->files[most], c->name);
    return OK;
}

static void add_command(const struct command *c, struct text *out)
{
    text_addf(out, "plateau %s %s\n  %s\n", c->name, c->words, c->summary);
    for (size_t k = 0; k < N_OPTIONS; k++) {
        char option[64];
        if (!takes(c, options[k].name))
            continue;
        snprintf(option, sizeof option, "--%.15s %.40s", options[k].name,
                 options[k].argument ? options[k].argument : "");
        text_addf(out, "    %-26s %s\n", option, options[k].meaning);
    }
    for (size_t k = 0; k < N_SETTINGS; k++) {
        char setting[64];
        if (strcmp(settings[k].command, c->name))
            continue;
        snprintf(setting, sizeof setting, "%s=%s", settings[k].name, settings[k].argument);
        text_addf(out, "    %-26s %s\n", setting, settings[k].meaning);
    }
}

static void add_table_entry(const char *separator, const char *name, const char *argument, const char *meaning,
                            struct text *out)
{
    text_addf(out, "%s{\"name\": \"%s\", \"argument\": ", separator, name);
    if (argument)
        text_add_json(out, argument);
    else
        text_add(out, "null");
    text_add(out, ", \"meaning\": ");
    text_add_json(out, meaning);
    text_add(out, "}");
}

/* What add_command says in words. An option without an argument is a flag. */
static void add_command_json(const struct command *c, struct text *out)
{
    const char *separator = "";
    text_addf(out, "{\"command\": \"%s\", \"words\": ", c->name);
    text_add_json(out, c->words);
    text_add(out, ", \"summary\": ");
    text_add_json(out, c->summary);
    text_add(out, ", \"options\": [");
    for (size_t k = 0; k < N_OPTIONS; k++) {
        if (!takes(c, options[k].name))
            continue;
        add_table_entry(separator, options[k].name, options[k].argument, options[k].meaning, out);
        separator = ", ";
    }
    text_add(out, "], \"settings\": [");
    separator = "";
    for (size_t k = 0; k < N_SETTINGS; k++) {
        if (strcmp(settings[k].command, c->name))
            continue;
        add_table_entry(separator, settings[k].name, settings[k].argument, settings[k].meaning, out);
        separator = ", ";
    }
    text_add(out, "]}\n");
}

enum status command_help(const struct arguments *a)
{
    enum status rc = OK;
    struct text out = {0};
    const struct command *c = NULL;
    if (a->n_files) {
        TRY(find_command(a->files[0], &c));
        if (a->json)
            add_command_json(c, &out);
        else
            add_command(c, &out);
    } else if (a->json) {
        for (size_t i = 0; i < N_COMMANDS; i++)
            add_command_json(&commands[i], &out);
    } else {
        text_add(&out, "plateau " PACKAGE_VERSION ": when does sparse attention emerge, and does theory say so?\n\n");
        for (size_t i = 0; i < N_COMMANDS; i++)
            text_addf(&out, "  plateau %-9s %-24s %s\n", commands[i].name, commands[i].words, commands[i].summary);
        text_add(&out, "\nKeys are key=value; a list (T=64,128) or a range (T=64:4096:*2, d=8:64:+8) is a grid axis.\n"
                       "`plateau help COMMAND` lists the options of a command, `plateau keys` every key.\n"
                       "Exit codes: 0 done; 1 a claim deviates or a verdict changed (--strict); 2 bad input; 3 "
                       "run-time failure; 75 checkpointed on request;\n"
                       "130 interrupted.\n");
    }
    TRY(text_status(&out));
    TRY(cli_print(out.data, out.length));
done:
    text_free(&out);
    return rc;
}

/* Each exit code once, with all that it means. */
static void add_exit_codes(struct text *out)
{
    static const struct {
        int code;
        const char *meaning;
    } all[] = {
#define AS_ENTRY(code, exit_code, meaning) {exit_code, meaning},
        ERROR_CODES(AS_ENTRY)
#undef AS_ENTRY
    };
    int last = -1;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].code == last)
            text_addf(out, "; %s", all[i].meaning);
        else
            text_addf(out, "\n.TP\n.B %d\n%s", all[i].code, all[i].meaning);
        last = all[i].code;
    }
    text_add(out, "\n");
}

enum status command_man(const struct arguments *a)
{
    (void)a;
    struct text out = {0};
    text_add(&out, ".TH PLATEAU 1 \"\" \"plateau " PACKAGE_VERSION
                   "\"\n.SH NAME\nplateau \\- emergence of sparse attention, theory against simulation\n"
                   ".SH SYNOPSIS\n.B plateau\n.I COMMAND\n[key=value ...] [--option ...]\n.SH COMMANDS\n");
    for (size_t i = 0; i < N_COMMANDS; i++) {
        text_addf(&out, ".TP\n.B %s %s\n%s.\n", commands[i].name, commands[i].words, commands[i].summary);
        for (size_t k = 0; k < N_OPTIONS; k++) {
            if (takes(&commands[i], options[k].name))
                text_addf(&out, ".RS\n.TP\n.B \\-\\-%s%s%s\n%s.\n.RE\n", options[k].name,
                          options[k].argument ? " " : "", options[k].argument ? options[k].argument : "",
                          options[k].meaning);
        }
        for (size_t k = 0; k < N_SETTINGS; k++) {
            if (!strcmp(settings[k].command, commands[i].name))
                text_addf(&out, ".RS\n.TP\n.B %s=%s\n%s.\n.RE\n", settings[k].name, settings[k].argument,
                          settings[k].meaning);
        }
    }
    text_add(&out, ".SH KEYS\nGiven as key=value. A comma list or a range first:last:*factor or first:last:+step is a "
                   "grid axis.\n");
    keys_man(&out);
    text_add(&out, ".SH EXIT STATUS");
    add_exit_codes(&out);
    text_add(&out, ".SH SEE ALSO\n.BR plateau-tutorial (7),\n.BR plateau-studies (5),\n.BR plateau-claims (5),\n.BR "
                   "plateau-formats (5),\n"
                   ".BR plateau-figures (7),\n.BR plateau-results (7),\n.BR plateau-python (7),\n"
                   ".BR plateau-theory (7),\n.BR plateau-extending (7)\n");
    enum status rc = text_status(&out);
    if (rc == OK)
        rc = cli_print(out.data, out.length);
    text_free(&out);
    return rc;
}

enum status command_keys(const struct arguments *a)
{
    enum status rc = OK;
    struct text out = {0};
    enum key key = KEY_COUNT;
    if (a->n_files) {
        key = keys_find(a->files[0]);
        if (key == KEY_COUNT)
            return ERR_INPUT;
    }
    if (a->json)
        keys_json(key, &out);
    else
        keys_help(key, &out);
    TRY(text_status(&out));
    TRY(cli_print(out.data, out.length));
done:
    text_free(&out);
    return rc;
}

enum status command_cite(const struct arguments *a)
{
    (void)a;
    static const char text[] =
        "The theory: N. Zucchet, F. D'Angelo, A. Lampinen, S. Chan, \"The emergence of sparse attention: "
        "impact of data\n"
        "distribution and benefits of repetition\", NeurIPS 2025, arXiv:2505.17863.\n"
        "The program: plateau " PACKAGE_VERSION ".\n\n"
        "@inproceedings{zucchet2025emergence,\n"
        "  title = {The emergence of sparse attention: impact of data distribution and benefits of repetition},\n"
        "  author = {Zucchet, Nicolas and D'Angelo, Francesco and Lampinen, Andrew and Chan, Stephanie},\n"
        "  booktitle = {Advances in Neural Information Processing Systems}, year = {2025}, eprint = {2505.17863}, "
        "archivePrefix = {arXiv}}\n"
        "@software{plateau, title = {plateau: when does sparse attention emerge, and does theory say so?}, version = "
        "{" PACKAGE_VERSION "}}\n";
    return cli_print(text, sizeof text - 1);
}

/* OpenBLAS starts a thread for each core when it is loaded, before main, also for commands that multiply nothing; where
 * memory is limited that ends the program, or it waits for ever. Products here run on the thread that asks for them
 * (blas.c), so it is to start none. glibc calls this before any library begins; it takes the environment from
 * `variables` later, where there is no room for one more, so a variable that no library looks at then lends its place
 * until main. */
static char *lent;
#ifdef __GLIBC__
static void start_no_blas_threads(int argc, char **argv, char **variables)
{
    static char one[] = "OPENBLAS_NUM_THREADS=1";
    static const char *const lenders[] = {
        "OPENBLAS_NUM_THREADS=", "_=", "OLDPWD=", "PWD=", "SHLVL=", "LOGNAME=", "USER=", "HOME=", "TERM=", "PATH="};
    (void)argc, (void)argv;
    for (size_t i = 0; i < sizeof lenders / sizeof lenders[0]; i++) {
        for (char **v = variables; *v; v++) {
            if (strncmp(*v, lenders[i], strlen(lenders[i])) != 0)
                continue;
            lent = i ? *v : NULL;
            *v = one;
            return;
        }
    }
}
__attribute__((section(".preinit_array"), used)) static void (*const before_libraries)(int, char **,
                                                                                       char **) = start_no_blas_threads;
#endif

/* An OpenBLAS that does not know this processor, being older, must be told which kernels to take, before it is loaded:
 * the program starts once more. What it is told shows itself in `library`, and is tested as every backend is. */
static void start_better_blas(char **argv)
{
    const char *core = blas_better_core();
    char program[4096];
    if (!core || getenv("OPENBLAS_CORETYPE"))
        return;
    /* By its file, whose name `ps` shows. */
    if (program_path(program, sizeof program) && setenv("OPENBLAS_CORETYPE", core, 1) == 0)
        execv(program, argv); /* if that fails: slowly, then */
}

/* Without this, a file opened later could become standard output, and be printed into; reading is all that the
 * stand-ins allow. */
static void fill_standard_files(void)
{
    int fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = open("/dev/null", O_RDONLY);
    if (fd >= 0)
        close(fd);
}

static enum status run(int argc, char **argv, struct arguments *a)
{
    static const char version[] = "plateau " PACKAGE_VERSION "\n";
    const struct command *command = NULL;
    const char *name = argc > 1 ? argv[1] : "help";
    if (!strcmp(name, "--version"))
        return cli_print(version, sizeof version - 1);
    if (!strcmp(name, "--help") || !strcmp(name, "-h"))
        name = "help";
    if (!strcmp(name, "--cite"))
        name = "cite";
    enum status rc = find_command(name, &command);
    for (int i = 2; rc == OK && i < argc; i++) {
        if (!strcmp(argv[i], "--help"))
            return command_help(&(struct arguments){.files = &name, .n_files = 1});
    }
    if (rc == OK)
        rc = parse(command, argc, argv, a);
    if (rc == OK)
        rc = check_words(command, a);
    return rc == OK ? command->run(a) : rc;
}

int main(int argc, char **argv)
{
    struct arguments a = {0};
    if (lent)
        putenv(lent);
    stop_leave_hangup();
    start_better_blas(argv);
    for (size_t k = 0; k < N_OPTIONS; k++)
        cli_spell(options[k].name);
    gsl_set_error_handler_off(); /* GSL would abort; every call's status is checked instead */
    signal(SIGPIPE, SIG_IGN);    /* a closed pipe and a file over the limit are errors of the write */
    signal(SIGXFSZ, SIG_IGN);
    fill_standard_files();
    struct text line = {0};
    for (int i = 0; i < argc; i++)
        text_addf(&line, "%s%s", i ? " " : "", argv[i]);
    a.command_line = line.data;
    enum status rc = run(argc, argv, &a);
    text_free(&line);
    free(a.assignments);
    free(a.files);
    if (rc != OK && *error_message())
        fprintf(stderr, "plateau: %s\n", error_message());
    return error_exit_code(rc);
}
