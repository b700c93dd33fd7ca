/* The tables of figures: what a row may hold, and that a wrong or forgotten column, or one too many, is an error. */
#include "plots/figures/figure_data.h"
#include "test.h"
#include <string.h>

static struct figure_data data;
static struct figure_table *table;

static void begin(const char *columns)
{
    figure_data_free(&data);
    data = (struct figure_data){.n_tables = 0};
    ck_assert_msg(figure_data_table(&data, "", columns, &table) == OK, "%s", error_message());
}

static void refused(enum status rc, const char *words)
{
    ck_assert_msg(rc == ERR_PROGRAM && strstr(error_message(), words), "%d %s", rc, error_message());
}

START_TEST(test_row)
{
    begin("T,value,low");
    figure_data_row(table,
                    &(struct figure_row){.series = "s", .values = {{"low", NAN}, {"value", 0.5}, {"T", 1.0 / 3}}});
    figure_data_row(table, &(struct figure_row){.series = "s", .values = {{"T", -2}, {"value", 4}, {"low", INFINITY}}});
    ck_assert(figure_data_status(&data) == OK && table->n_rows == 2);
    ck_assert_str_eq(table->text.data, "series,T,value,low\ns,0.33333333,0.5,\ns,-2,4,\n");
    const struct figure_column *T = figure_data_column(table, "T"), *low = figure_data_column(table, "low");
    test_close(T->low, 1.0 / 3, 0, 0, "smallest positive");
    test_close(T->high, 1.0 / 3, 0, 0, "largest");
    ck_assert(low->low > low->high && !figure_data_column(table, "d"));
    figure_data_set_ranges(&data);
    ck_assert_str_eq(data.assignments.data,
                     "T_low = 0.33333333\nT_high = 0.33333333\nvalue_low = 0.5\nvalue_high = 4\n");
}
END_TEST

/* Columns without a value: first of the curve, then of the run. */
START_TEST(test_sources)
{
    struct store_row run = {.id = 1};
    run.result.keys.value[KEY_T] = 64;
    run.result.keys.value[KEY_d] = 8;
    begin("T,d");
    figure_data_row(table, &(struct figure_row){.series = "s", .run = &run});
    figure_data_row(table, &(struct figure_row){.series = "s", .run = &run, .values = {{"d", 3}}});
    ck_assert(figure_data_status(&data) == OK);
    ck_assert_str_eq(table->text.data, "series,T,d\ns,64,8\ns,64,3\n");
    begin("T,slope");
    figure_data_row(table, &(struct figure_row){.series = "s", .run = &run});
    refused(figure_data_status(&data), "has no value for the column slope");
}
END_TEST

START_TEST(test_wrong_names)
{
    begin("T,value");
    figure_data_row(table, &(struct figure_row){.series = "first", .values = {{"T", 1}}});
    figure_data_row(table, &(struct figure_row){.series = "second", .values = {{"T", 1}, {"volume", 2}}});
    refused(figure_data_status(&data), "the series first has no value for the column value");
    begin("T,value");
    figure_data_row(table, &(struct figure_row){.series = "s", .values = {{"T", 1}, {"value", 2}, {"volume", 2}}});
    refused(figure_data_status(&data), "a value for a column that is not in its table, volume");
    begin("T,value");
    figure_data_row(table, &(struct figure_row){.series = "s", .values = {{"T", 1}, {"value", 2}, {"T", 2}}});
    refused(figure_data_status(&data), "two values for the column T");
}
END_TEST

/* The arrays end where the tables say. */
START_TEST(test_too_many)
{
    begin("a,b,c,d,e,f,g,h,i,j,k,l");
    ck_assert(table->n_columns == FIGURE_COLUMNS);
    refused(figure_data_table(&data, "-more", "a,b,c,d,e,f,g,h,i,j,k,l,m", &table), "more than 12 columns");
    refused(figure_data_table(&data, "-third", "a", &table), "more than 2 tables");
    begin("a");
    refused(figure_data_table(&data, "-twice", "a,b,a", &table), "two columns a");
    begin("a");
    refused(figure_data_table(&data, "-none", "a,,b", &table), "1 to 31 bytes");
    begin("a");
    refused(figure_data_table(&data, "-long", "a,a_name_that_has_thirty_two_bytes_", &table), "1 to 31 bytes");
}
END_TEST

START_TEST(test_script)
{
    begin("a");
    figure_data_set_text(&data, "t", "it's\n");
    figure_data_set_real(&data, "r", NAN);
    figure_data_set_list(&data, "l", (double[]){1, 2.5}, 2);
    ck_assert_str_eq(data.assignments.data, "t = 'it''s?'\nr = NaN\nl = '1 2.5'\n");
}
END_TEST

static const struct test tests[] = {{"row", &test_row},
                                    {"sources", &test_sources},
                                    {"wrong names", &test_wrong_names},
                                    {"too many", &test_too_many},
                                    {"script", &test_script}};
TEST_MAIN("figure_data", tests)
