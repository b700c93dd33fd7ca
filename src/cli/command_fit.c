/* plateau fit: the power law of the plateau lengths in a database, with intervals, local exponents, a seed bootstrap
 * and other forms. */
#include "cli/cli.h"
#include "store/archive.h"
#include "validation/fit.h"
#include "study/grid.h"

enum status command_fit(const struct arguments *a)
{
    enum status rc = OK;
    struct store *store = NULL;
    struct grid grid = {0};
    struct store_filter filter;
    struct fit_request request = {.on = a->on, .response = a->response};
    struct fit fit = {0};
    struct text out = {0}, residuals = {0};
    REQUIRE(a->n_files == 1, ERR_INPUT, "fit: needs one database (`plateau help fit`)");
    REQUIRE(!a->at || (text_to_real(a->at, &request.threshold) && request.threshold > 0 && request.threshold < 1),
            ERR_INPUT, "--at %s: a fraction between 0 and 1", a->at);
    REQUIRE(!a->at || !a->response, ERR_INPUT,
            "--at reads off the plateau length, and --response fits something else: give one of them");
    TRY(cli_filter(a, &grid, &filter));
    TRY(archive_open(a->files[0], &store));
    rc = fit_run(store, &filter, &request, &fit);
    if (rc != OK) {
        error_prefix(rc, "%.200s", a->files[0]);
        goto done;
    }
    if (a->residuals) {
        TRY(fit_residuals(&fit, store, &filter, &residuals));
        TRY(text_write_file(a->residuals, residuals.data, residuals.length));
    }
    if (a->json)
        fit_json(&fit, &out);
    else
        fit_text(&fit, &out);
    TRY(text_status(&out));
    TRY(cli_print(out.data, out.length));
done:
    text_free(&out);
    text_free(&residuals);
    fit_free(&fit);
    store_close(store);
    grid_free(&grid);
    return rc;
}
