/* plateau sweep, export: runs into the results database and out of it. */
#include "cli/cli.h"
#include "base/data.h"
#include "store/archive.h"
#include "store/export.h"
#include "run/reading.h"
#include "parallel/scheduler.h"
#include "parallel/stop.h"
#include "study/sweep.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum status cli_filter(const struct arguments *a, struct grid *grid, struct store_filter *filter)
{
    *filter = (struct store_filter){.study = a->study};
    for (size_t i = 0; i < a->n_assignments; i++) {
        enum status rc = grid_add(grid, a->assignments[i]);
        if (rc != OK)
            return rc;
    }
    for (int key = 0; key < KEY_COUNT; key++) {
        filter->values[key] = grid->values[key];
        filter->n[key] = grid->count[key];
    }
    return OK;
}

/* A file; or the name of a study that comes with the program. */
static enum status study_path(const char *word, char path[DATA_PATH])
{
    char file[128];
    if (strchr(word, '/') || strchr(word, '.') || access(word, F_OK) == 0) {
        snprintf(path, DATA_PATH, "%.4000s", word);
        return OK;
    }
    snprintf(file, sizeof file, "validation/studies/%.80s.yaml", word);
    return data_path(file, path);
}

enum status cli_study(const struct arguments *a, struct study *study)
{
    enum status rc = OK;
    enum scale scale;
    char file[DATA_PATH];
    REQUIRE(a->n_files == 1, ERR_INPUT, "needs one study file, or the name of a study that comes with the program");
    TRY(study_scale(a->scale ? a->scale : "quick", &scale));
    TRY(study_path(a->files[0], file));
    TRY(study_read(file, scale, study));
    TRY(study_override(study, a->assignments, a->n_assignments));
    for (size_t b = 0; b < study->n_blocks; b++)
        TRY(grid_check(&study->blocks[b]));
    if (a->shard)
        TRY(study_shard(a->shard, study));
done:
    return rc;
}

enum status cli_warn(const struct study *study)
{
    enum status rc = OK;
    struct keys keys;
    size_t size, n = 0;
    double most = 0;
    TRY(study_size(study, &size));
    for (size_t i = 0; i < size; i++) {
        TRY(study_at(study, i, &keys));
        const double chance = reading_chance(&keys); /* may be NaN */
        n += chance >= keys_real(&keys, KEY_threshold);
        most = fmax(most, chance);
    }
    if (n)
        fprintf(stderr,
                "plateau: %zu of %zu runs of recall have a threshold that guessing reaches, 1/vocab, up to %.3g: they "
                "emerge at once; give a larger threshold\n",
                n, size, most);
done:
    return rc;
}

const char *cli_database(const struct arguments *a, const struct study *study, char *buffer)
{
    if (study->shards) /* shards share a folder, but no file */
        snprintf(buffer, 256, "%s-%zuof%zu.db", study->name, study->shard, study->shards);
    else
        snprintf(buffer, 256, "%s.db", study->name);
    return a->db ? a->db : buffer;
}

enum status command_sweep(const struct arguments *a)
{
    enum status rc = OK;
    struct study study = {0};
    struct store *store = NULL;
    struct sweep_report report = {0};
    char buffer[256];
    bool first;
    stop_on_signals();
    TRY(scheduler_join(a->shard != NULL, &first));
    TRY(cli_study(a, &study)); /* before a database is made */
    const char *path = cli_database(a, &study, buffer);
    if (!first) {
        rc = sweep_serve(&study, path, a->jobs);
        goto done;
    }
    TRY(store_open(path, STORE_WRITE, a->command_line, &store));
    TRY(cli_plan(a, store, &study));
    if (!a->quiet)
        TRY(cli_warn(&study));
    rc = sweep_run(&study, store, a->jobs, a->quiet, &report);
    if (!a->quiet)
        fprintf(stderr, "%s: %zu runs, %zu already there, %zu made, %zu failed; in %s\n", study.name, report.total,
                report.skipped, report.done, report.failed, path);
    if (report.kept)
        fprintf(stderr,
                "plateau: %zu of these rows keep the threshold that they hold, which another study asks for, or whose "
                "plateau would be lost (none of those recorded); --at reads them at another\n",
                report.kept);
done:
    text_free(&report.missing);
    store_close(store);
    study_free(&study);
    return scheduler_leave(rc);
}

/* Every study into a folder. */
static enum status export_folder(const struct arguments *a, struct store *store)
{
    enum status rc = OK;
    size_t studies, runs, without;
    REQUIRE(!a->n_assignments && !a->study && !a->format && !a->curves, ERR_INPUT,
            "export: --out writes all studies with their curves: leave out keys, --study, --format and --curves");
    TRY(archive_write(store, a->out, &studies, &runs, &without));
    if (!a->quiet)
        fprintf(stderr, "%s: %zu runs of %zu studies\n", a->out, runs, studies);
    if (without)
        fprintf(stderr, "plateau: %zu runs of no study are left out\n", without);
done:
    return rc;
}

enum status command_export(const struct arguments *a)
{
    enum status rc = OK;
    struct store *store = NULL;
    struct grid grid = {0};
    struct store_filter filter;
    const char *format = a->format ? a->format : "csv";
    REQUIRE(a->n_files == 1, ERR_INPUT, "export: needs one database (`plateau help export`)");
    REQUIRE(!strcmp(format, "csv") || !strcmp(format, "jsonl"), ERR_INPUT, "--format %s: csv or jsonl", format);
    TRY(cli_filter(a, &grid, &filter));
    TRY(archive_open(a->files[0], &store));
    if (a->out)
        rc = export_folder(a, store);
    else
        rc = !strcmp(format, "csv") ? export_csv(store, &filter, a->curves, stdout)
                                    : export_jsonl(store, &filter, a->curves, stdout);
done:
    store_close(store);
    grid_free(&grid);
    return rc;
}
