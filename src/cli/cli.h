/* The command line: one table of options, one of commands; parser, help and man page come from them. */
#ifndef CLI_H
#define CLI_H
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

/* X(name, field type, argument or NULL, meaning); typed with - for _ */
#define OPTIONS(X)                                                                                                     \
    X(json, FLAG, NULL, "one JSON object per run (keys, help: key, command) and line on stdout")                       \
    X(quiet, FLAG, NULL, "no progress")                                                                                \
    X(trace, TEXT, "FILE.csv", "write the trace of the run (one run only)")                                            \
    X(checkpoint, TEXT, "FILE",                                                                                        \
      "train: save the run there (safetensors), at the end and every checkpoint_every steps; gradient: the weights")   \
    X(resume, TEXT, "FILE",                                                                                            \
      "go on from this checkpoint, as if the run had never stopped (if --checkpoint names it too: begin when it is "   \
      "not there)")                                                                                                    \
    X(batch, TEXT, "FILE", "the samples, as `plateau batch` writes them")                                              \
    X(step, NUMBER, "N", "the batch that step N reads (default 1, the first)")                                         \
    X(test, FLAG, NULL, "the test set, instead of a batch of training")                                                \
    X(measure, FLAG, NULL,                                                                                             \
      "predict: measure a Transformer's rates on 140 training steps, for any layers, heads and norm")                  \
    X(jobs, NUMBER, "N", "worker processes (default: one a core, fewer if a run has threads)")                         \
    X(scale, TEXT, "smoke|quick|desk|paper",                                                                           \
      "how much to run: seconds, half an hour (the default; two minutes of it for the theory), up to two hours a "     \
      "study, the paper's sizes: days")                                                                                \
    X(shard, TEXT, "i/n",                                                                                              \
      "make the i-th of n parts of the study only, by default into STUDY-iofn.db; `plateau merge` joins them")         \
    X(budget, TEXT, "2h", "only runs that fit into this time (s, min, h, d): those that tell most of the exponents")   \
    X(db, TEXT, "FILE.db", "the results database (sweep: STUDY.db in this folder by default)")                         \
    X(study, TEXT, "NAME", "only the runs of this study (import: the study that the runs join)")                       \
    X(format, TEXT, "csv|jsonl", "form of the export")                                                                 \
    X(curves, FLAG, NULL, "export the traces")                                                                         \
    X(map, TEXT, "KEY=COLUMN,..",                                                                                      \
      "import: what columns of other names are, as T=config.seq_len,plateau=summary.t_emerge: on the left a key, "     \
      "plateau, status, wall_s, run or a column of a curve; KEY=- for none")                                           \
    X(decimal, TEXT, "comma|point", "what numbers of the files have before their fraction (default point)")            \
    X(curves_from, TEXT, "FILE",                                                                                       \
      "import: the curves of the runs, a row for each evaluation: run, step, loss, attention, ..")                     \
    X(on, TEXT, "d,T/B,..",                                                                                            \
      "regressors of the fit: keys and their products, such as d^0.5*T (default d,T,B, for recall pairs,vocab,B: "     \
      "those that vary)")                                                                                              \
    X(response, TEXT, "COLUMN",                                                                                        \
      "fit a prediction (eq6, asinh, closed, quadrature, flow) in place of the plateau length")                        \
    X(residuals, TEXT, "FILE.csv", "write keys, y, fit and residual of every run")                                     \
    X(at, TEXT, "FRACTION", "plateau length at another threshold (0.1, 0.2 .. 0.9)")                                   \
    X(out, TEXT, "PATH",                                                                                               \
      "the folder to write to (figure: figures; report, reproduce: report; export: results as text that diffs, which " \
      "commands read as they read a database); batch, gradient: the file")                                             \
    X(data, TEXT, "OTHER.csv", "your own plateau lengths over the figure: columns named as the keys, and plateau")     \
    X(claims, TEXT, "MINE.yaml", "your own claims")                                                                    \
    X(null_loss, TEXT, "X",                                                                                            \
      "the loss of knowing nothing, in the unit of the rows or curves (default: that of the run made here)")           \
    X(end_mark, FLAG, NULL, "record: the last row is followed by a line `end`; else the run was interrupted")          \
    X(damaged, FLAG, NULL, "the runs that are not what was saved, which no command uses")                              \
    X(dry_run, FLAG, NULL, "only say what would go (import: how columns are understood, and what would come)")         \
    X(strict, FLAG, NULL,                                                                                              \
      "exit with 1 if a claim deviates whose corrected statement does not hold either; of two databases, if a "        \
      "verdict changed")

struct arguments {
    const char **assignments; /* key=value; owned array of borrowed strings */
    size_t n_assignments;
    const char **files; /* the other words; owned array of borrowed strings */
    size_t n_files;
    const char *command_line; /* as typed, blanks between the words; for the database. Borrowed */
#define FIELD_FLAG bool
#define FIELD_TEXT const char *
#define FIELD_NUMBER size_t
#define AS_FIELD(name, type, argument, meaning) FIELD_##type name;
    OPTIONS(AS_FIELD)
#undef AS_FIELD
};

/* X(name, what follows it, options it takes (names between blanks), one line) */
#define COMMANDS(X)                                                                                                    \
    X(flow, "key=value..", " json quiet trace jobs ",                                                                  \
      "integrate the reduced flow; plateau length beside every prediction")                                            \
    X(train, "key=value..", " json quiet trace jobs checkpoint resume ",                                               \
      "train the toy model or a Transformer (model=transformer)")                                                      \
    X(predict, "key=value..", " json measure ",                                                                        \
      "what theory expects of runs that are not made: Transformers (the default), model=toy, flow, reduced")           \
    X(forecast, "TRACE.csv.. [key=value..]", " json ",                                                                 \
      "when attention arrives in a run in progress, from its columns step and attention, of any program")              \
    X(schedule, "key=value..", " json ",                                                                               \
      "the repetition schedule that shortens the flow's plateau most: p and when to drop it")                          \
    X(batch, "key=value..", " step test out ", "write the samples that a Transformer reads in one step")               \
    X(gradient, "key=value..", " checkpoint batch out ",                                                               \
      "write loss, outputs and gradient of given weights and samples")                                                 \
    X(sweep, "STUDY.yaml|NAME [key=value..]", " db scale shard jobs budget quiet ",                                    \
      "run a study into a database; never repeats a finished run")                                                     \
    X(plan, "STUDY.yaml|NAME [key=value..]", " db scale shard jobs budget json ",                                      \
      "what a sweep would do: runs, expected steps, time on this machine, memory")                                     \
    X(merge, "OUT.db A.db..", " quiet ",                                                                               \
      "the runs, curves and studies of several databases in one, such as the shards of a sweep")                       \
    X(import, "RUNS.csv|.tsv|.json|.jsonl [key=value..]",                                                              \
      " db study map decimal curves-from null-loss dry-run quiet ", "your own experiments into a database")            \
    X(record, "F.db key=value..", " study null-loss end-mark json quiet ",                                             \
      "a training run of your own program into a database, from the rows (step,loss,attention) that it writes to "     \
      "standard input")                                                                                                \
    X(forget, "F.db [key=value..]", " study damaged dry-run quiet ",                                                   \
      "remove runs, with their curves and checkpoints, from a database")                                               \
    X(export, "F.db [key=value..]", " study format curves out quiet ", "runs as CSV or JSON lines")                    \
    X(fit, "F.db [key=value..]", " study on at response residuals json ",                                              \
      "power law of the plateau length, with intervals")                                                               \
    X(compare, "F.db [NEWER.db]", " claims study strict json ",                                                        \
      "claims against runs: reproduced, deviates, inconclusive; of two databases, what changed")                       \
    X(figure, "FIGURE..|all [F.db] [key=value..]", " out data db study quiet ",                                        \
      "the paper's figures, and of any runs phase, survival, exponents, collapse, as PDF, SVG and PNG with their "     \
      "data")                                                                                                          \
    X(report, "F.db", " out claims strict quiet ",                                                                     \
      "verdicts, figures and what they rest on, from a database as it is, into a report")                              \
    X(reproduce, "[FIGURE..|PART|all]", " scale out jobs claims strict quiet ",                                        \
      "runs, fits, verdicts, figures into a report, in two parts: theory, transformers")                               \
    X(bench, "[ITEM..]", " json ", "throughput of this machine on fixed work")                                         \
    X(keys, "[KEY]", " json ", "every key: type, default, range, unit, meaning")                                       \
    X(help, "[COMMAND]", " json ",                                                                                     \
      "this page, or a command's; --json: the table of commands and options, for programs")                            \
    X(man, "", " ", "the man page, as roff")                                                                           \
    X(completion, "bash|zsh", " ", "completion of commands, options and keys, as a script for that shell")             \
    X(cite, "", " ", "how to cite the paper and the program")

#define AS_PROTOTYPE(name, ...) enum status command_##name(const struct arguments *a);
COMMANDS(AS_PROTOTYPE)
#undef AS_PROTOTYPE

struct grid;
struct study;
struct store;
struct store_filter;
/* The study that the words name, with its keys, scale and shard, every run checked. Release with study_free, also after
 * an error. */
enum status cli_study(const struct arguments *a, struct study *study);
/* Says on stderr how many of its runs have a threshold that guessing reaches (reading_chance). */
enum status cli_warn(const struct study *study);
/* Its database: --db, else a name made of the study's and the shard's, written to buffer (at least 256 bytes). */
const char *cli_database(const struct arguments *a, const struct study *study, char *buffer);
/* The head of a sweep: its plan on stderr (--quiet: not), and with --budget the runs that are left out, noted in the
 * study. */
enum status cli_plan(const struct arguments *a, struct store *store, struct study *study);
/* The filter that key=value words and --study ask for; `grid` (zeroed by the caller, freed by it) owns the values. */
enum status cli_filter(const struct arguments *a, struct grid *grid, struct store_filter *filter);
/* The name of an option's field -> as it is typed: dry_run -> dry-run. */
void cli_spell(char *name);
/* Writes bytes to stdout; ERR_IO when that fails (a full disk, a closed pipe). */
enum status cli_print(const char *bytes, size_t n);

#endif
