#include "figure.h"
#include "anatomy.h"
#include "collapse.h"
#include "curves.h"
#include "data.h"
#include "emergence.h"
#include "exponents.h"
#include "folder.h"
#include "gnuplot.h"
#include "import.h"
#include "laws.h"
#include "figure_data.h"
#include "phase.h"
#include "pool.h"
#include "reading.h"
#include "survival.h"
#include "training.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct figure figures[] = {
    {"1a", FIGURE_THEORY, "fig1a", NULL, false, curves_1a, "Plateau, then a sharp drop",
     "Loss of the reduced flow against time for three token dimensions. The loss stands still while attention is "
     "almost uniform, then drops within a small fraction of the plateau. Circles mark the plateau length (loss at "
     "0.2 of its start), crosses its closed-form prediction, which has no fitted constant."},
    {"1b", FIGURE_THEORY, "fig1b", NULL, false, curves_1b, "The weights learn first, attention follows",
     "Value weights w and attention to the relevant token along one flow, each relative to its optimum. Weights "
     "rise during the plateau; attention stays near 1/T until the end of it and then jumps to 1, when both lift "
     "each other."},
    {"1c", FIGURE_THEORY, "fig1c", NULL, true, laws_1c, "Plateau length against sequence length",
     "Plateau lengths of the flow, to 0.2 of the null loss (points), the power law fitted to them (lines) and the "
     "paper's Eq. 6 (dashed) "
     "for each token dimension. The scaling is that of the theory; Eq. 6 is several times too long, since the "
     "linear regime ends well before the drop, while our closed form (dotted) lies on the points."},
    {"2-left", FIGURE_THEORY, "fig2-left", "fig2-left-grid", true, laws_2_left,
     "In-context repetition shortens the plateau",
     "Plateau lengths, to 0.2 of the null loss, at one T against the number B of positions that hold the relevant "
     "token, for the gradient "
     "flow of the stated model (filled) and for the paper's reduced equations (open). Lines are the power laws "
     "fitted to another grid. The paper's law goes as 1/B, that of its model as 1/sqrt B: the reduced equations "
     "are too fast by B in the score difference."},
    {"2-right", FIGURE_THEORY, "fig2-right", NULL, true, laws_2_right, "Cross-sample repetition shortens the plateau",
     "Plateau lengths, to 0.2 of the null loss, with cross-sample repetition p against the variable X that should "
     "collapse them: left the "
     "paper's, which drops a cross term, right the exact one. A better collapse shows as less scatter about the "
     "fitted line, and a higher R^2. The law as published (dotted grey) lies twice too high; at p = 0 it contradicts "
     "the one published for Fig. 2 left."},
    {"3-left", FIGURE_TRANSFORMER, "fig3", NULL, false, emergence_3_left,
     "Transformers: steps against sequence length and dimension",
     "Training steps until the regression Transformer attends (test loss at 0.2 of the null loss), at B = 1. Bars "
     "are the range over seeds, open triangles runs that had not emerged at their last step. Solid lines are the "
     "power law fitted to all runs of the study, the latter as lower bounds; dotted ones the law that the paper "
     "prints for its own grid."},
    {"3-middle", FIGURE_TRANSFORMER, "fig3", NULL, false, emergence_3_middle,
     "Transformers: steps against in-context repetition",
     "The same study at one sequence length, against the number B of positions that hold the relevant token. The "
     "solid lines are the fit of the whole study, in which B has an exponent of its own; the paper ties it to that "
     "of T, which gives the dotted ones."},
    {"3-right", FIGURE_TRANSFORMER, "fig3-right", NULL, false, emergence_3_right,
     "Transformers: steps against cross-sample repetition",
     "Steps until the test loss, without repetition, is 0.8 of the null loss, against the share p of training "
     "samples that repeat one token. Open marks are the means over seeds at each learning rate, with the range; "
     "lines join the best of them, as in the paper. Repetition pays where a line falls."},
    {"4-left", FIGURE_TRANSFORMER, "fig4", NULL, false, training_4_left, "Recall: accuracy against training steps",
     "Test accuracy of recall against training steps, a curve for each run, with the vocabulary that most runs of the "
     "study have. Dotted coloured lines: naming any value in the context (1/pairs); dotted black: 5 %. Circles: half "
     "way from 1/pairs to 1."},
    {"4-right", FIGURE_TRANSFORMER, "fig4", NULL, false, emergence_4_right,
     "Recall: steps against pairs and vocabulary",
     "Training steps until recall reaches 5 % accuracy (left, the paper's threshold) and the level half way between "
     "1/pairs and 1 (right), at the best learning rate for that; others are small circles. Naming any value in the "
     "context is right in a share 1/pairs, above 5 % for fewer than 20 pairs: 5 % can then be reached without matching "
     "the query at all, half way cannot. Lines as in Fig. 3."},
    {"5", FIGURE_TRANSFORMER, "fig5", NULL, false, training_5, "Recall with repetition: test accuracy",
     "Test accuracy, a curve for each run. In training, the query's pair stands B times in the context (left), or "
     "two tokens have the extra query mass p (right); test data have no repetition at all. Fig. 16 has the training "
     "accuracy of the same runs: where it stays above, the model has learned the repetition and not the task."},
    {"6", FIGURE_THEORY, "fig6", NULL, false, anatomy_6, "Loss landscape and the path of the flow",
     "Loss over the value weights w and the score difference (contours), and the flow from (0, 0). It crosses the "
     "plateau at small w, climbs in attention, overshoots the optimum w = sqrt d and returns along the valley, "
     "where w is at equilibrium with the attention (dashed)."},
    {"7", FIGURE_THEORY, "fig7", NULL, false, anatomy_7, "Where the linearised flow ends",
     "Weights and score difference of the flow and of its linearisation at the start. They agree while lambda t < "
     "0.5 (dotted line) and part well before the end of the plateau, which the linearised flow therefore puts too "
     "late."},
    {"8", FIGURE_THEORY, "fig8", NULL, false, anatomy_8, "After the plateau: equilibrium and sharpness",
     "Left: the weights at equilibrium with a given attention, and the path of the flow, which falls onto it. "
     "Middle: the same along the flow against time. Right: eigenvalues of the Hessian along the flow; the loss is "
     "sharpest at the transition, and the largest late eigenvalue is 1/d. The negative eigenvalue of the plateau "
     "is drawn by its size."},
    {"9", FIGURE_THEORY, "fig9", NULL, false, curves_9, "SGD on the whole model follows the reduced flow",
     "The toy model with all its parameters, trained by SGD from random weights (a colour and a mark for each "
     "seed), and the reduced flow from the same start (dashed). The reduction to a few numbers holds seed by seed, "
     "noise of the batches included."},
    {"10", FIGURE_THEORY, "fig10", NULL, false, curves_10, "Cross-sample repetition along the flow",
     "Losses, weights along the repeated direction (solid) and across it (dashed), and attention for several "
     "shares p of repeated samples. The repeated direction is learned first and pulls attention up earlier; "
     "the rare directions learn more slowly. The advantage in test loss shrinks to nothing in the end; only at p = "
     "0.9 does it turn for a while, where both losses are already tiny."},
    {"11", FIGURE_TRANSFORMER, "fig11", NULL, false, training_11, "Transformers: plateau, then a sharp drop",
     "Test loss relative to the null loss, a curve for each seed, at one sequence length. The dotted line is 0.2, "
     "which ends the plateau; runs end at 0.1."},
    {"12", FIGURE_TRANSFORMER, "fig12", NULL, false, training_12,
     "Transformers with cross-sample repetition: both losses",
     "Training loss (left, with the repeated token) and test loss (right, without it) relative to the null loss, a "
     "curve for each run, at one size. Two things may depend on p: when the test loss leaves 1, and how fast it "
     "falls afterwards."},
    {"13", FIGURE_TRANSFORMER, "fig13", NULL, false, emergence_13, "Layers and heads",
     "Steps relative to those of the same problem with one layer (left) and one head (right), everything else, the "
     "learning rate included, unchanged; a point for each d, T and number of heads (left) or layers (right). Above "
     "1, more of them delays emergence. Lines are the factors of the fitted and of the published law, which the key "
     "gives in full."},
    {"14", FIGURE_TRANSFORMER, "fig14", NULL, false, emergence_14,
     "One layer, one head: how the relevant token is marked",
     "Steps of one layer with one head when an input feature marks the relevant token at a position drawn anew for "
     "each sequence (left), when it stands at one position for the whole run and is marked as well (middle), and "
     "when its position alone tells (right). Lines as in Fig. 3: their slope is how much a longer context delays "
     "emergence."},
    {"15", FIGURE_TRANSFORMER, "fig15", NULL, false, emergence_15, "SGD against Adam",
     "Steps of one layer with one head, trained by SGD (left) and by Adam (middle), and their ratio wherever both "
     "were run (right). Solid lines are the power laws fitted here, dotted ones those published. The learning rates "
     "differ, so the ratio says how it changes with the size of the problem, not which optimizer is faster."},
    {"16", FIGURE_TRANSFORMER, "fig5", NULL, false, training_5, "Recall with repetition: training accuracy",
     "As Fig. 5, on training data, which have the repetition: the mean over the batches since the last evaluation."},
    {"17", FIGURE_TRANSFORMER, "fig17", NULL, false, training_17, "Recall: copying and selecting",
     "Mean attention of each value to the key before it (left) and of the query to its value (right) along one run: "
     "thick, the largest head of each layer; thin, every head; dashed, test accuracy. In the paper's reading a value"
     " first takes up its key, and the query then finds the value."},
    {"errors", FIGURE_THEORY, "errors", NULL, true, laws_errors, "How far each prediction is off",
     "Difference between predicted and integrated plateau length (to 0.2 of the null loss) against T at B = 1. Eq. 6 "
     "overestimates it "
     "several times over and grows worse with T; the closed form and the quadrature, which have no fitted "
     "constant, become better with T. Differences are drawn by their size: where one changes sign it dips, as that of "
     "the closed form at d = 16 near T = 2000. Circles: mean and range over seeds of the difference between single "
     "SGD runs of the model and the flow."},
    {"repetition", FIGURE_THEORY, "repetition", NULL, true, laws_repetition,
     "In-context repetition: which theory does SGD follow?",
     "Plateau length, to 0.2 of the null loss, against B for three flows and for SGD on the model with all its "
     "parameters (mean and range "
     "over seeds). SGD follows the gradient flow of the model, which gains sqrt B; the paper's equations would "
     "need scores tied over the copies to hold."},
    {"schedule", FIGURE_THEORY, "schedule", NULL, false, laws_schedule, "Low diversity first, then high",
     "Plateau length of the flow, to 0.2 of the null loss, against token dimension: without cross-sample repetition, "
     "with the best constant "
     "share p (in steps of 0.1), and with p that drops to 0 once attention is there. The earlier switch, while "
     "attention jumps, from a p near 1 gains most; the gain grows with d."},
    /* Of any runs. */
    {"phase", FIGURE_THEORY, NULL, NULL, false, phase_draw, "When attention emerges, over two keys",
     "Time of emergence (colour) over two keys: of the reduced flow, a pixel at a time, or of the runs of a database, "
     "where a cell is the median over its seeds. Triangles: fewer than half of a cell's runs have emerged, and the "
     "colour is a lower bound; crosses: most have diverged. Dashed lines are the theory's, one at each step of the "
     "colours."},
    {"survival", FIGURE_THEORY, NULL, NULL, false, survival_draw, "How many runs have not yet emerged",
     "Kaplan-Meier estimate over seeds of the share of runs that have not emerged by a time, a curve for each setting, "
     "with Greenwood's 95 % band; crosses are runs that were cut off before they emerged, and still count until then. "
     "Diverged runs never emerge."},
    {"exponents", FIGURE_THEORY, NULL, NULL, false, exponents_draw, "Exponents of the power law against the threshold",
     "Exponents of the power law fitted to the times at which runs reach each level, with 95 % intervals, and those of "
     "the theory at the same points. A law that holds along the whole curve is a level line."},
    {"collapse", FIGURE_THEORY, NULL, NULL, false, collapse_draw,
     "Curves against the time relative to the plateau length",
     "Loss and attention of emerged runs against time in units of each run's own plateau length. In the limit of long "
     "plateaus attention follows one curve for all sizes (solid), until all of it is on the relevant tokens, and the "
     "loss becomes a step; dashed, the quadrature's loss for the shortest and the longest plateau."},
};
static const size_t LARGEST_INPUT = 16 << 20, LARGEST_PICTURE = 256 << 20;
static const double GNUPLOT_SECONDS = 300; /* a picture takes a few */
enum { COUNT = sizeof figures / sizeof figures[0] };

size_t figure_count_all(void)
{
    return COUNT;
}

size_t figure_count(void)
{
    size_t n = 0;
    while (n < COUNT && figures[n].study) /* the others stand behind them */
        n++;
    return n;
}

const struct figure *figure_at(size_t i)
{
    return &figures[i];
}

enum status figure_find(const char *name, const struct figure **figure)
{
    const char *names[COUNT];
    struct text list = {0};
    for (size_t i = 0; i < COUNT; i++) {
        names[i] = figures[i].name;
        text_addf(&list, "%s%s", i ? ", " : "", names[i]);
        if (!strcmp(name, names[i]) || (!strncmp(name, "fig", 3) && !strcmp(name + 3, names[i]))) {
            *figure = &figures[i];
            text_free(&list);
            return OK;
        }
    }
    const char *nearest = text_nearest(strncmp(name, "fig", 3) ? name : name + 3, names, COUNT);
    error_set(ERR_INPUT, "%s: no such figure%s%s%s; figures are %s; all stands for those with a study", name,
              nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "", list.data ? list.data : "");
    text_free(&list);
    return ERR_INPUT;
}

bool figure_stands_alone(const struct figure *figure)
{
    return figure->draw == phase_draw;
}

enum status figure_ready(struct store *store, const struct figure *figure, bool *ready)
{
    const char *const studies[] = {figure->study, figure->second};
    *ready = true;
    for (int i = 0; i < 2 && *ready && studies[i]; i++) {
        const struct store_filter filter = {.study = studies[i]};
        enum status rc = store_any(store, &filter, ready);
        if (rc != OK)
            return rc;
        if (!*ready)
            error_set(ERR_INPUT,
                      "figure %s: the database has no run of the study %s; make them with `plateau sweep "
                      "validation/studies/%s.yaml --db %s`",
                      figure->name, studies[i], studies[i], store_path(store));
    }
    return OK;
}

/* ---- reading ---- */

/* The user's points, through the same reader as `plateau import`, by way of a database in the scratch folder. */
static enum status read_data(struct figure_data *data, const char *path, const struct folder *scratch)
{
    enum status rc = OK;
    struct store *store = NULL;
    struct text file = {0};
    double defaults[KEY_COUNT];
    struct import_report report = {0};
    for (int key = 0; key < KEY_COUNT; key++)
        defaults[key] = NAN;
    defaults[KEY_model] = MODEL_TOY;
    text_addf(&file, "%s/data.db", scratch->path.data);
    TRY(text_status(&file));
    TRY(store_open(file.data, STORE_WRITE, NULL, &store));
    TRY(import_csv(store, path, "data", defaults, true, &report));
    TRY(runs_load(store, NULL, READING_USUAL, &data->own));
    REQUIRE(data->own.n, ERR_INPUT, "%s: no point to show", path);
    data->own_name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
done:
    store_close(store);
    unlinkat(scratch->fd, "data.db", 0);
    text_free(&file);
    text_free(&report.by_default);
    return rc;
}

/* A script that comes with the program, appended to `out`. */
static enum status read_script(const char *name, struct text *out)
{
    char file[80], path[DATA_PATH];
    snprintf(file, sizeof file, "plots/figures/%s", name);
    enum status rc = data_path(file, path);
    return rc == OK ? text_read_file(path, 1 << 20, out) : rc;
}

/* ---- writing ---- */

/* FNV-1a of a script. The figures of a folder share one common.gp, so each notes which one drew it; and its own, so
 * that a script that was edited is told from one of another version. */
static unsigned long long sum_of(const char *bytes, size_t n)
{
    unsigned long long sum = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        sum = (sum ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    return sum;
}

static const char own_sum[] = "this: "; /* in the first line, before the sum of the others */

/* A script: its first line, to which the sum is added, and the others. */
static enum status write_script(const struct folder *scratch, const char *name, const char *first,
                                const struct text *body)
{
    struct text whole = {0};
    text_addf(&whole, "%s%s%016llx)\n", first, own_sum, sum_of(body->data, body->length));
    text_add_bytes(&whole, body->data, body->length);
    enum status rc = folder_write(scratch, name, &whole);
    text_free(&whole);
    return rc;
}

static bool is_edited(const struct text *script)
{
    const char *end = script->length ? strchr(script->data, '\n') : NULL,
               *sum = end ? strstr(script->data, own_sum) : NULL;
    if (!sum || sum > end)
        return false;
    return strtoull(sum + sizeof own_sum - 1, NULL, 16) !=
           sum_of(end + 1, script->length - (size_t)(end + 1 - script->data));
}

/* A script that somebody has edited is not lost: it gets another name, which is said. */
static enum status keep_edited(const struct folder *folder, const char *name)
{
    enum status rc = OK;
    struct text old = {0}, kept = {0};
    bool there;
    TRY(folder_read(folder, name, LARGEST_INPUT, &old, &there));
    if (there && is_edited(&old)) {
        TRY(folder_keep(folder, name, &kept));
        fprintf(stderr, "plateau: %s/%s was edited: it is now %s\n", folder->path.data, name, kept.data);
    }
done:
    text_free(&old);
    text_free(&kept);
    return rc;
}

/* Tables and scripts into the scratch folder; `script` is the name of the figure's own. */
static enum status write_inputs(const struct figure_data *data, const struct folder *scratch, const char *script)
{
    enum status rc = OK;
    struct text text = {0}, first = {0};
    char name[80];
    for (size_t i = 0; i < data->n_tables; i++) {
        snprintf(name, sizeof name, "fig%s%s.csv", data->name, data->tables[i].suffix);
        TRY(folder_write(scratch, name, &data->tables[i].text));
    }
    if (data->binary.length) {
        snprintf(name, sizeof name, "fig%s.npy", data->name);
        TRY(folder_write(scratch, name, &data->binary));
    }
    TRY(read_script("common.gp", &text));
    TRY(write_script(scratch, "common.gp", "# Of all figures here (", &text));
    text_addf(&first, "# Figure %s: `gnuplot %s` draws it again from the tables beside it (common.gp: %016llx, ",
              data->name, script, sum_of(text.data, text.length));
    TRY(text_status(&first));
    text_clear(&text);
    text_addf(&text, "name = 'fig%s'\n", data->name);
    text_add_bytes(&text, data->assignments.data, data->assignments.length);
    text_add(&text, "load 'common.gp'\n\n");
    TRY(read_script(script, &text));
    TRY(text_status(&text));
    TRY(write_script(scratch, script, first.data, &text));
done:
    text_free(&text);
    text_free(&first);
    return rc;
}

/* All three are there, to their ends: gnuplot does not tell when the disk is full. */
static enum status check_pictures(const struct folder *folder, const char *name)
{
    static const struct {
        const char *form, *end;
        size_t within; /* so many bytes of the file's own end */
    } pictures[] = {{"pdf", "%%EOF", 32}, {"svg", "</svg>", 32}, {"png", "IEND\xae\x42\x60\x82", 8}};
    enum status rc = OK;
    struct text picture = {0};
    for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
        char file[64];
        bool there;
        const size_t length = strlen(pictures[i].end);
        snprintf(file, sizeof file, "fig%s.%s", name, pictures[i].form);
        text_clear(&picture);
        TRY(folder_read(folder, file, LARGEST_PICTURE, &picture, &there));
        REQUIRE(there && picture.length, ERR_PROGRAM, "gnuplot wrote no %s; is the disk full?", file);
        const size_t from = picture.length > pictures[i].within ? picture.length - pictures[i].within : 0;
        REQUIRE(memmem(picture.data + from, picture.length - from, pictures[i].end, length), ERR_PROGRAM,
                "gnuplot wrote %s without its end; is the disk full?", file);
    }
done:
    text_free(&picture);
    return rc;
}

struct comparison {
    const struct folder *one, *other;
    bool same;
};

static bool compare_file(void *context, const char *name)
{
    struct comparison *c = context;
    struct text a = {0}, b = {0};
    bool one = false, other = false;
    c->same = folder_read(c->one, name, LARGEST_INPUT, &a, &one) == OK &&
              folder_read(c->other, name, LARGEST_INPUT, &b, &other) == OK && one && other && a.length == b.length &&
              (!a.length || !memcmp(a.data, b.data, a.length));
    text_free(&a);
    text_free(&b);
    return c->same;
}

/* True if `folder` has the pictures of these very tables and scripts: then there is nothing to draw. */
static bool is_drawn(const struct folder *scratch, const struct folder *folder, const char *name)
{
    struct comparison c = {scratch, folder, check_pictures(folder, name) == OK};
    if (c.same)
        folder_each(scratch, compare_file, &c);
    return c.same;
}

/* At other thresholds than the usual one. */
static bool reads_itself(const struct figure *figure)
{
    return figure->draw == emergence_3_right || figure->draw == training_4_left || figure->draw == emergence_4_right;
}

/* What the picture leaves out. */
static void add_caveats(const struct figure_data *data)
{
    const struct runs *const all[] = {&data->runs, &data->more, &data->own};
    for (size_t i = 0; data->request->notes && i < sizeof all / sizeof all[0]; i++) {
        struct text one = {0};
        runs_caveats(all[i], &one);
        if (one.length)
            text_addf(data->request->notes, "%s: runs:%s\n", data->name, one.data);
        text_free(&one);
    }
}

static enum status prepare(struct store *store, const struct figure *figure, const struct figure_request *request,
                           const struct folder *scratch, struct figure_data *data)
{
    enum status rc = OK;
    const char *own = request->data;
    const double threshold = reads_itself(figure) ? READING_OWN : READING_USUAL;
    char read_at[READING_TEXT];
    data->name = figure->name;
    data->store = store;
    data->request = request;
    if (figure->study)
        TRY(runs_load(store, figure->study, threshold, &data->runs));
    if (figure->second)
        TRY(runs_load(store, figure->second, threshold, &data->more));
    REQUIRE(!figure->study || (data->runs.n && (data->more.n || !figure->second)), ERR_INPUT,
            "every run of its study diverged, was interrupted or ended before the threshold that is shown; sweep it "
            "again");
    if (own)
        TRY(read_data(data, own, scratch));
    if (figure->study && !reads_itself(figure)) /* for who reads the script, and for labels */
        figure_data_set_text(data, "read_at", reading_text(&data->runs.list[0].result.keys, READING_USUAL, read_at));
    figure_data_set_text(data, "data", data->own_name ? "data" : "");
    figure_data_set_text(data, "data_name", data->own_name ? data->own_name : "");
    if (figure->study) /* which the figure may thin out */
        add_caveats(data);
    TRY(figure->draw(data));
    if (!figure->study)
        add_caveats(data);
    figure_data_set_ranges(data);
    TRY(figure_data_status(data));
done:
    return rc;
}

/* Before anything is made: is it asked for what it can show? */
static enum status check(struct store *store, const struct figure *figure, const struct figure_request *request)
{
    enum status rc = OK;
    bool ready = true, asks = false;
    REQUIRE(!request->data || figure->takes_data, ERR_INPUT,
            "it takes no --data; 1c, 2-left, 2-right, errors and repetition do");
    for (int key = 0; request->filter && key < KEY_COUNT; key++)
        asks = asks || request->filter->n[key];
    REQUIRE(!figure->study || !(asks || (request->filter && request->filter->study)), ERR_INPUT,
            "it shows the runs of its study, and takes no key=value");
    REQUIRE(figure->draw == phase_draw || !(request->x || request->y || request->check), ERR_INPUT,
            "x, y and check are for the figure phase");
    REQUIRE(store || figure_stands_alone(figure), ERR_INPUT, "needs a database");
    if (*pool_stop())
        TRY(pool_stopped("%s is not drawn", figure->name));
    if (figure->study)
        TRY(figure_ready(store, figure, &ready));
    rc = ready ? OK : ERR_INPUT;
done:
    return rc;
}

enum status figure_draw(struct store *store, const struct figure_request *request)
{
    enum status rc = OK;
    const struct figure *figure;
    const char *name = request->name;
    struct figure_data data = {0};
    struct folder folder = {.fd = -1}, scratch = {.fd = -1};
    char script[64];
    TRY(figure_find(name, &figure));
    name = figure->name; /* "fig1a" is 1a */
    TRY(check(store, figure, request));
    TRY(folder_open(request->folder, &folder));
    TRY(folder_make(&folder, &scratch));
    TRY(prepare(store, figure, request, &scratch, &data));
    snprintf(script, sizeof script, "fig%s.gp", name);
    TRY(write_inputs(&data, &scratch, script));
    if (is_drawn(&scratch, &folder, name))
        goto done;
    TRY(gnuplot_run(scratch.path.data, script, GNUPLOT_SECONDS));
    TRY(check_pictures(&scratch, name));
    TRY(keep_edited(&folder, script));
    TRY(keep_edited(&folder, "common.gp"));
    TRY(folder_move(&scratch, &folder));
done:
    folder_remove(&folder, &scratch);
    folder_close(&folder);
    if (rc != OK)
        error_prefix(rc, "figure %s", name);
    figure_data_free(&data);
    return rc;
}
