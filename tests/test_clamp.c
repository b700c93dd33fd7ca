/* Clamps as texts: what they mean, their one text, what is refused; the numbers that texts have as values of keys; and
 * what clamps are to the hash of a run. Held attention itself: test_transformer, test_chain, tests/test_train.sh. */
#include "base/clamp.h"
#include "base/word.h"
#include "test.h"
#include "test_keys.h"
#include <sys/wait.h>
#include <unistd.h>

/* ---- text ---- */

START_TEST(texts)
{
    static const char *const same[] = {"none",
                                       "copy@2",
                                       "select@4.h1",
                                       "relevant@1..1",
                                       "uniform@64.h256..1000000000",
                                       "hop@1",
                                       "copy@2..3000/select@4.h2..500/uniform@1",
                                       "hop@1/hop@3"};
    static const struct {
        const char *text, *canonical;
    } other[] = {{"copy@02", "copy@2"},
                 {"copy@2.0", "copy@2"},
                 {"select@4.h01..1e3", "select@4.h1..1000"},
                 {"copy@+2..5.0/uniform@1e0", "copy@2..5/uniform@1"}};
    char text[CLAMP_TEXT];
    struct clamps c;
    double value, again;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        ck_assert_msg(clamp_parse(same[i], &c) == OK, "%s", error_message());
        ck_assert_str_eq(clamp_text(&c, text), same[i]);
        ck_assert_int_eq(clamp_value(same[i], &value), OK);
        ck_assert_str_eq(clamp_name(value), same[i]);
        ck_assert_int_eq(value == 0, i == 0);
        ck_assert(value == rint(value) && value < 9007199254740992.0);
    }
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        ck_assert_msg(clamp_value(other[i].text, &value) == OK, "%s", error_message());
        ck_assert_str_eq(clamp_name(value), other[i].canonical);
        ck_assert_int_eq(clamp_value(other[i].canonical, &again), OK);
        ck_assert(value == again);
    }
}
END_TEST

static void check_one(const struct clamp *c, enum clamp_kind kind, int layer, int head, int64_t until)
{
    ck_assert(c->kind == kind && c->layer == layer && c->head == head && c->until == until);
}

START_TEST(meaning)
{
    double value;
    ck_assert_int_eq(clamp_value("copy@2..3000/select@4.h1/relevant@1.h12..7/uniform@3/hop@2", &value), OK);
    const struct clamps c = clamp_of(value);
    ck_assert_uint_eq(c.n, 5);
    check_one(&c.list[0], CLAMP_COPY, 2, 0, 3000);
    check_one(&c.list[1], CLAMP_SELECT, 4, 1, 0);
    check_one(&c.list[2], CLAMP_RELEVANT, 1, 12, 7);
    check_one(&c.list[3], CLAMP_UNIFORM, 3, 0, 0);
    check_one(&c.list[4], CLAMP_HOP, 2, 0, 0);
    static const char *const names[] = {"copy", "select", "relevant", "uniform", "hop"};
    for (int kind = 0; kind < CLAMP_KIND_COUNT; kind++)
        ck_assert_str_eq(clamp_kind_name((enum clamp_kind)kind), names[kind]);
    ck_assert(clamp_holds(&c.list[0], 0) && clamp_holds(&c.list[0], 2999));
    ck_assert(!clamp_holds(&c.list[0], 3000) && !clamp_holds(&c.list[0], 3001));
    ck_assert(clamp_holds(&c.list[1], 0) && clamp_holds(&c.list[1], 1000000000));
    ck_assert(clamp_of(0).n == 0 && clamp_of(12345).n == 0);
    ck_assert_str_eq(clamp_name(0), "none");
}
END_TEST

START_TEST(longest)
{
    char words[1000] = "", text[CLAMP_TEXT];
    struct clamps c;
    for (int i = 0; i < CLAMPS; i++)
        strcat(words, i ? "/relevant@64.h256..1000000000" : "relevant@64.h256..1000000000");
    ck_assert_int_eq(clamp_parse(words, &c), OK);
    ck_assert_uint_eq(c.n, CLAMPS);
    ck_assert_str_eq(clamp_text(&c, text), words);
    ck_assert_uint_lt(strlen(words), CLAMP_TEXT);
    ck_assert_uint_lt(strlen(words), SCHEDULE_TEXT); /* what the hash of a run and a checkpoint have room for */
}
END_TEST

START_TEST(refuses)
{
    static const struct {
        const char *text, *why;
    } bad[] = {{"", "an empty clamp: a clamp is none, or copy@LAYER"},
               {"copy", "copy: a clamp is none, or copy@LAYER"},
               {"sel@1", "sel: a clamp is"},
               {"Copy@1", "Copy: a clamp is"},
               {"@1", "a clamp is"},
               {"none@1", "none: a clamp is"},
               {"none/copy@1", "none: a clamp is"},
               {"copy.h1@2", "copy.h1: a clamp is"},
               {"copy..5@2", "copy..5: a clamp is"},
               {"copy@", "@: must be a whole number in [1,64]"},
               {"copy@0", "@0: must be a whole number in [1,64]"},
               {"copy@65", "@65: must be a whole number in [1,64]"},
               {"copy@1.5", "@1.5: must be a whole number in [1,64]"},
               {"copy@x", "@x: must be a whole number in [1,64]"},
               {"copy@1@2", "@1@2: must be a whole number in [1,64]"},
               {"select@1.h", ".h: must be a whole number in [1,256]"},
               {"select@1.h0", ".h0: must be a whole number in [1,256]"},
               {"select@1.h257", ".h257: must be a whole number in [1,256]"},
               {"select@1.h2.h3", ".h2.h3: must be a whole number in [1,256]"},
               {"copy@1..", "..: a step must be a whole number in [1,1000000000]"},
               {"copy@1..0", "..0: a step must be a whole number in [1,1000000000]"},
               {"copy@1..-5", "..-5: a step must be"},
               {"copy@1..1.5", "..1.5: a step must be"},
               {"copy@1..1e10", "..1e10: a step must be"},
               {"copy@1..50.h1", "..50.h1: a step must be"},
               {"copy@1..5..6", "..5..6: a step must be"},
               {"hop@1.h1", "a hop has no heads, and is held to the end"},
               {"hop@1..5", "a hop has no heads, and is held to the end"},
               {"copy@1/", "an empty clamp"},
               {"/copy@1", "an empty clamp"},
               {"copy@1//copy@2", "an empty clamp"},
               {"hop@1/hop@1/hop@1/hop@1/hop@1/hop@1/hop@1/hop@1/hop@1/hop@1/hop@1/hop@1/hop@1/hop@1/hop@1/hop@1/hop@1",
                "more than 16 clamps: leave some out"}};
    double value;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(clamp_value(bad[i].text, &value) == ERR_INPUT, "%s", bad[i].text);
        ck_assert_msg(strstr(error_message(), bad[i].why) && !strncmp(error_message(), "clamp=", 6), "%s: %s",
                      bad[i].text, error_message());
    }
}
END_TEST

/* ---- texts as numbers ---- */

/* The upper 52 bits of the text's FNV-1a hash with 64 bits, the last of them 1. */
static double number_of(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return (double)(hash / 4096 | 1);
}

/* A text has the same number in another process and behind other words, and still the number that it had when this test
 * was written. */
START_TEST(numbers_of_words)
{
    static const struct {
        const char *text;
        double number;
    } known[] = {{"copy@2", 2307787102958297},
                 {"select@4.h1..500", 2735714330756529},
                 {"copy@2/select@4.h1..500", 668055307851311},
                 {"hop@1", 586424763241653}};
    enum { N = sizeof known / sizeof known[0], OTHERS = 300 };
    double value, theirs[N];
    int ends[2], ended;
    ck_assert_int_eq(clamp_value(known[0].text, &value), OK);
    const char *text = clamp_name(value);
    ck_assert_int_eq(pipe(ends), 0);
    const pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        char other[32];
        bool good = true;
        for (int i = 0; i < OTHERS; i++) {
            snprintf(other, sizeof other, "uniform@1..%d", i + 1);
            good = good && clamp_value(other, &value) == OK && value == number_of(other);
        }
        for (int i = N; i-- > 0;)
            good = good && clamp_value(known[i].text, &theirs[i]) == OK;
        _exit(!(good && write(ends[1], theirs, sizeof theirs) == sizeof theirs));
    }
    ck_assert_int_eq(read(ends[0], theirs, sizeof theirs), sizeof theirs);
    ck_assert_int_eq(waitpid(pid, &ended, 0), pid);
    ck_assert(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
    close(ends[0]);
    close(ends[1]);
    for (int i = 0; i < N; i++) {
        ck_assert_int_eq(clamp_value(known[i].text, &value), OK);
        ck_assert(value == known[i].number && value == theirs[i] && value == number_of(known[i].text));
        ck_assert_str_eq(clamp_name(value), known[i].text);
    }
    ck_assert_ptr_eq(clamp_name(known[0].number), text); /* borrowed for good */
}
END_TEST

START_TEST(words)
{
    double value;
    ck_assert_ptr_null(word_text(number_of("copy@9"))); /* nobody has asked for it */
    ck_assert_int_eq(word_value("clamp", "copy@9", &value), OK);
    ck_assert_str_eq(word_text(value), "copy@9");
    ck_assert_ptr_null(word_text(0));
    /* two texts of one number */
    ck_assert_int_eq(word_value("clamp", "f18cdf4bf8c2d", &value), OK);
    ck_assert_int_eq(word_value("clamp", "eec054f881dc1", &value), ERR_INPUT);
    ck_assert_str_eq(error_message(),
                     "clamp=eec054f881dc1: has the number of f18cdf4bf8c2d: change the last digit of one "
                     "of them");
    ck_assert_int_eq(word_value("clamp", "f18cdf4bf8c2d", &value), OK);
}
END_TEST

/* ---- the key ---- */

static void check_hash(const char *a, const char *b, bool same)
{
    char hash_a[33], hash_b[33];
    struct keys keys = test_keys("%s", a);
    keys_hash(&keys, hash_a);
    keys = test_keys("%s", b);
    keys_hash(&keys, hash_b);
    ck_assert_msg(!strcmp(hash_a, hash_b) == same, "%s, %s: %s %s", a, b, hash_a, hash_b);
}

/* No clamps hash as before there were any (test_schedule has two such hashes). */
START_TEST(hashes)
{
    check_hash("T=64 d=16", "T=64 d=16 clamp=none", true);
    check_hash("T=64 d=16", "T=64 d=16 clamp=relevant@1", false);
    check_hash("T=64 d=16 clamp=relevant@1", "T=64 d=16 clamp=relevant@01.0", true);
    check_hash("T=64 d=16 clamp=relevant@1", "T=64 d=16 clamp=relevant@2", false);
    check_hash("T=64 d=16 clamp=relevant@1", "T=64 d=16 clamp=relevant@1.h1", false);
    check_hash("T=64 d=16 clamp=relevant@1", "T=64 d=16 clamp=relevant@1..5", false);
    check_hash("T=64 d=16 clamp=relevant@1", "T=64 d=16 clamp=uniform@1", false);
    check_hash("model=toy hops=2 clamp=hop@1", "model=toy hops=2 clamp=hop@2", false);
    check_hash("model=flow hops=3", "model=flow hops=3 clamp=hop@1/hop@2", false);
}
END_TEST

static const struct test tests[] = {{"texts", &texts},     {"meaning", &meaning},
                                    {"longest", &longest}, {"refuses", &refuses},
                                    {"words", &words},     {"numbers_of_words", &numbers_of_words},
                                    {"hashes", &hashes}};
TEST_MAIN("clamp", tests)
