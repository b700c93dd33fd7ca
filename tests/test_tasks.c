/* The tasks by their definitions: laws of what is drawn (moments, frequencies, distinctness), exact relations inside a
 * sample, and that a sample does not depend on how the batch was asked for. Seeds are fixed: a statistical test passes
 * always or never. */
#include "models/regression.h"
#include "models/start.h"
#include "test.h"
#include "test_keys.h"
#include <stdio.h>
#include <string.h>

static const double LIMIT_SIGMA = 5.0; /* a mean, in standard errors: false alarm 6e-7 */
static const double TOL_SINGLE = 3e-6; /* a sum of up to 64 products in single precision */

struct drawn {
    struct task task;
    struct samples s;
};

static struct drawn draw(const struct keys *keys, size_t n, struct samples_range range)
{
    struct drawn x;
    ck_assert_int_eq(task_init(keys, &x.task), OK);
    ck_assert_int_eq(task_samples(keys, &x.task, n, &x.s), OK);
    ck_assert_int_eq(task_draw(&x.task, &range, &x.s), OK);
    return x;
}

static void release(struct drawn *x)
{
    samples_free(&x->s);
    task_free(&x->task);
}

/* |sum/n - mean| <= LIMIT_SIGMA sqrt(variance/n) */
static void check_mean(double sum, double n, double mean, double variance, const char *name)
{
    test_close((sum / n - mean) / sqrt(variance / n), 0.0, 0.0, LIMIT_SIGMA, "%s: %g, expected %g", name, sum / n,
               mean);
}

static void check_share(double count, double n, double p, const char *name)
{
    check_mean(count, n, p, p * (1 - p), name);
}

static const float *token(const struct samples *s, size_t i, int32_t t)
{
    return s->inputs + (i * s->T + (size_t)t) * s->features;
}

static bool same_tokens(const struct samples *s, size_t i, int32_t a, int32_t b)
{
    return !memcmp(token(s, i, a), token(s, i, b), s->features * sizeof(float));
}

/* p and B of a schedule: samples are those of a problem that has had them all along, in whatever order they change, but
 * for the places of `relevant` that stay empty; the test set has the last B. */
static void check_same_samples(const struct drawn *a, const struct drawn *b)
{
    const size_t n = a->s.n * a->s.T;
    if (a->s.inputs)
        ck_assert_mem_eq(a->s.inputs, b->s.inputs, n * a->s.features * sizeof(float));
    else
        ck_assert_mem_eq(a->s.tokens, b->s.tokens, n * sizeof(int32_t));
    for (size_t i = 0; i < a->s.n; i++) {
        for (size_t k = 0; k < b->s.slots; k++)
            ck_assert_int_eq(b->s.relevant[i * b->s.slots + k],
                             k < a->s.slots ? a->s.relevant[i * a->s.slots + k] : -1);
    }
}

START_TEST(switches)
{
    static const char *const tasks[] = {"T=9 d=3 position=random", "T=9 d=3 position=fixed",
                                        "task=recall pairs=6 vocab=9"};
    static const struct schedule_switch changes[] = {
        {SCHEDULE_B, 5, SCHEDULE_TIME, 1}, {SCHEDULE_P, .8, SCHEDULE_TIME, 2}, {SCHEDULE_B, 2, SCHEDULE_TIME, 3}};
    enum { N = 40, STEP = 6 };
    for (int task = 0; task < 3; task++) {
        const char *keys_of_task = tasks[task];
        struct keys keys = test_keys("%s B=3 p=.1 schedule=B=5@1/p=0.8@2/B=2@3", keys_of_task);
        for (int done = 0; done <= 3; done++) {
            struct drawn x = {.task = {0}};
            ck_assert_int_eq(task_init(&keys, &x.task), OK);
            ck_assert_int_eq(task_samples(&keys, &x.task, N, &x.s), OK);
            for (int k = 0; k < done; k++)
                task_switch(&x.task, &changes[k]);
            struct keys now = test_keys("%s B=%d p=%g", keys_of_task, (int[]){3, 5, 5, 2}[done], done < 2 ? .1 : .8);
            struct drawn want = draw(&now, N, (struct samples_range){.step = STEP});
            ck_assert_int_eq(task_draw(&x.task, &(struct samples_range){.step = STEP}, &x.s), OK);
            ck_assert_uint_eq(x.s.slots, 5);
            check_same_samples(&want, &x);
            /* what knowing nothing costs: the mean of |y*|^2/2 over the training data, in its two parts */
            const struct regression *r = x.task.own;
            if (task < 2)
                test_close(task_train_null(&x.task),
                           now.value[KEY_p] * .5 * r->along + (1 - now.value[KEY_p]) * want.task.null_loss, 1e-12, 0,
                           "null");
            release(&want);
            struct keys last = test_keys("%s B=2", keys_of_task);
            want = draw(&last, N, (struct samples_range){.test = true});
            ck_assert_int_eq(task_draw(&x.task, &(struct samples_range){.test = true}, &x.s), OK);
            if (task < 2)
                check_same_samples(&want, &x);
            ck_assert_uint_eq(x.task.test_B, task < 2 ? 2 : 1);
            release(&want), release(&x);
        }
    }
}
END_TEST

START_TEST(regression_tokens_have_their_moments)
{
    enum { N = 3000, D = 12, T = 20 };
    struct keys keys = test_keys("T=20 d=12 B=3");
    struct drawn x = draw(&keys, N, (struct samples_range){.step = 7});
    double m[5] = {0}, product = 0, n = (double)N * T * D;
    for (size_t i = 0; i < N; i++) {
        for (int32_t t = 0; t < T; t++) {
            bool copy = t == x.s.relevant[i * 3 + 1] || t == x.s.relevant[i * 3 + 2];
            n -= copy * D; /* a repeated token counts once */
            for (int c = 0; c < D && !copy; c++) {
                double z = token(&x.s, i, t)[c] * sqrt(D);
                m[1] += z, m[2] += z * z, m[3] += z * z * z, m[4] += z * z * z * z;
                product += z * token(&x.s, i, t)[(c + 1) % D] * sqrt(D);
            }
        }
    }
    check_mean(m[1], n, 0, 1, "mean");
    check_mean(m[2], n, 1, 2, "variance x d");
    check_mean(m[3], n, 0, 15, "third moment");
    check_mean(m[4], n, 3, 96, "fourth moment");
    check_mean(product, n, 0, 1.0, "neighbouring components");
    release(&x);
}
END_TEST

START_TEST(regression_targets_are_the_relevant_tokens)
{
    static const char *const target[] = {"target=gaussian", "target=unit"}, *const feature[] = {"feature=yes",
                                                                                                "feature=no"};
    for (int i = 0; i < 4; i++) {
        enum { N = 50, D = 9 };
        struct keys keys = test_keys("T=11 d=9 B=4 seed=5 p=0.5 %s %s", target[i % 2], feature[i / 2]);
        struct drawn x = draw(&keys, N, (struct samples_range){.step = 3});
        double W[D * D], sum = 0;
        ck_assert_int_eq(start_target(D, i % 2 == 0, 5, W), OK);
        ck_assert_uint_eq(x.s.features, D + (i / 2 == 0));
        for (size_t k = 0; k < (size_t)D * D; k++) {
            sum += W[k] * W[k];
            ck_assert(x.task.target[k] == (float)W[k]);
        }
        test_close(x.task.null_loss, sum / (2 * D), 1e-12, 0.0, "null loss");
        for (size_t n = 0; n < N; n++) {
            const int32_t *relevant = x.s.relevant + 4 * n;
            for (size_t r = 0; r < D; r++) {
                double y = 0;
                for (size_t c = 0; c < D; c++)
                    y += W[r * D + c] * token(&x.s, n, relevant[0])[c];
                test_close(x.s.targets[n * D + r], y, TOL_SINGLE, TOL_SINGLE, "target");
            }
            for (int32_t t = 0; t < 11; t++) {
                bool marked = t == relevant[0] || t == relevant[1] || t == relevant[2] || t == relevant[3];
                ck_assert(same_tokens(&x.s, n, t, relevant[0]) == marked);
                ck_assert(i / 2 != 0 || token(&x.s, n, t)[D] == (float)marked);
            }
        }
        release(&x);
    }
}
END_TEST

/* Predicting 0 costs the null loss on data without repetition; with p, |W* e_1|^2/2 with that probability. */
START_TEST(regression_null_loss)
{
    enum { N = 20000, D = 6 };
    struct keys keys = test_keys("T=2 d=6 p=0.4 target=gaussian");
    for (int test = 0; test < 2; test++) {
        struct drawn x = draw(&keys, N, (struct samples_range){.test = test});
        double sum = 0, squares = 0, along = 0, repeated = 0;
        for (size_t r = 0; r < D; r++)
            along += 0.5 * x.task.target[r * D] * x.task.target[r * D];
        for (size_t i = 0; i < N; i++) {
            const float *at = token(&x.s, i, x.s.relevant[i]);
            double cost = 0;
            for (size_t r = 0; r < D; r++)
                cost += 0.5 * x.s.targets[i * D + r] * x.s.targets[i * D + r];
            repeated += at[0] == 1.0f && at[1] == 0.0f && at[D - 1] == 0.0f;
            sum += cost;
            squares += cost * cost;
        }
        double expected = test ? x.task.null_loss : 0.4 * along + 0.6 * x.task.null_loss;
        check_mean(sum, N, expected, squares / N - sum / N * sum / N, test ? "null loss" : "loss of 0 with p");
        if (test)
            ck_assert(repeated == 0);
        else
            check_share(repeated, N, 0.4, "share of x~");
        release(&x);
    }
}
END_TEST

START_TEST(regression_positions)
{
    enum { N = 20000, T = 10, B = 3 };
    struct keys keys = test_keys("T=10 d=1 B=3");
    struct drawn x = draw(&keys, N, (struct samples_range){.step = 1});
    double count[T] = {0}, together = 0;
    for (size_t i = 0; i < N; i++) {
        const int32_t *r = x.s.relevant + B * i;
        ck_assert(r[0] != r[1] && r[1] != r[2] && r[0] != r[2]);
        for (int b = 0; b < B; b++) {
            ck_assert(r[b] >= 0 && r[b] < T);
            count[r[b]]++;
        }
        together += (r[0] == 0 || r[1] == 0 || r[2] == 0) && (r[0] == 9 || r[1] == 9 || r[2] == 9);
    }
    for (int t = 0; t < T; t++)
        check_share(count[t], N, (double)B / T, "a position is relevant");
    check_share(together, N, 3.0 / 10 * 2 / 9, "two positions are");
    release(&x);
    const char *const seeds[] = {"seed=1", "seed=2"};
    int32_t first[2][B];
    for (int k = 0; k < 2; k++) {
        keys = test_keys("T=100 d=1 B=3 position=fixed %s", seeds[k]);
        for (int test = 0; test < 2; test++) {
            x = draw(&keys, 20, (struct samples_range){.test = test, .step = 4});
            memcpy(first[k], x.s.relevant, sizeof first[k]);
            ck_assert(first[k][0] != first[k][1] && first[k][1] != first[k][2] && first[k][0] != first[k][2]);
            for (size_t i = 0; i < 20; i++)
                ck_assert_mem_eq(x.s.relevant + B * i, first[k], sizeof first[k]);
            release(&x);
        }
    }
    ck_assert(memcmp(first[0], first[1], sizeof first[0]) != 0);
}
END_TEST

/* In every sample: distinct other keys, one value per key and one key per value, the label, the query's slots. Returns
 * how often the query appears. */
static int check_recall_sample(const struct samples *s, size_t i, size_t vocab)
{
    int32_t value_of[64], key_of[64];
    const int32_t *t = s->tokens + i * s->T, query = t[s->T - 1];
    int held = 0;
    memset(value_of, -1, sizeof value_of);
    memset(key_of, -1, sizeof key_of);
    for (size_t k = 0; k + 1 < s->T; k += 2) {
        const int32_t key = t[k], value = t[k + 1];
        if (key < 0 || value < 0 || (size_t)key >= vocab || (size_t)value >= vocab)
            ck_abort_msg("key %d, value %d", key, value);
        ck_assert(value_of[key] == -1 || (key == query && value_of[key] == value));
        ck_assert(key_of[value] == -1 || key_of[value] == key);
        value_of[key] = value;
        key_of[value] = key;
        if (key != query)
            continue;
        ck_assert_int_eq(value, s->labels[i]);
        ck_assert_int_eq(s->relevant[i * s->slots + (size_t)held], (int)k + 1);
        held++;
    }
    ck_assert(query >= 0 && (size_t)query < vocab && s->labels[i] >= 0 && (size_t)s->labels[i] < vocab);
    ck_assert(value_of[query] >= 0 || key_of[s->labels[i]] == -1); /* an absent query's value is nobody else's */
    for (size_t k = (size_t)held; k < s->slots; k++)
        ck_assert_int_eq(s->relevant[i * s->slots + k], -1);
    return held;
}

START_TEST(recall_exact)
{
    enum { N = 30000, PAIRS = 5, VOCAB = 9 };
    struct keys keys = test_keys("task=recall pairs=5 vocab=9 B=2 p=0.3 repeated_tokens=3");
    for (int test = 0; test < 2; test++) {
        struct drawn x = draw(&keys, N, (struct samples_range){.test = test, .step = 2});
        double query[VOCAB] = {0}, value[VOCAB] = {0}, slot[PAIRS] = {0}, other[VOCAB] = {0}, others = 0;
        for (size_t i = 0; i < N; i++) {
            const int32_t *t = x.s.tokens + i * x.s.T;
            ck_assert_int_eq(check_recall_sample(&x.s, i, VOCAB), test ? 1 : 2);
            query[t[x.s.T - 1]]++;
            value[x.s.labels[i]]++;
            for (size_t k = 0; k < PAIRS; k++) {
                slot[k] += t[2 * k] == t[x.s.T - 1];
                other[t[2 * k]] += t[x.s.T - 1] == 8 && t[2 * k] != 8;
            }
            others += t[x.s.T - 1] == 8;
        }
        for (int k = 0; k < VOCAB; k++) {
            check_share(query[k], N, test ? 1.0 / VOCAB : (k < 3 ? 0.3 / 3 : 0) + 0.7 / VOCAB, "mass of a query");
            check_share(value[k], N, 1.0 / VOCAB, "a value"); /* the permutation is fresh: values know nothing of p */
            if (k < 8)
                check_share(other[k], others, (test ? 4.0 : 3.0) / 8, "another key");
        }
        for (int k = 0; k < PAIRS; k++)
            check_share(slot[k], N, (test ? 1.0 : 2.0) / PAIRS, "a slot holds the query");
        test_close(x.task.null_loss, log(9), 1e-15, 0.0, "null loss");
        release(&x);
    }
}
END_TEST

START_TEST(recall_bernoulli)
{
    enum { N = 30000, PAIRS = 6 };
    struct keys keys = test_keys("task=recall pairs=6 vocab=7 B=1 placement=bernoulli");
    struct drawn x = draw(&keys, N, (struct samples_range){.step = 2});
    double held = 0, absent = 0, twice = 0;
    for (size_t i = 0; i < N; i++) {
        int n = check_recall_sample(&x.s, i, 7);
        held += n, absent += n == 0, twice += n == 2;
    }
    check_mean(held, N, 1, 5.0 / 6, "mean occurrences");
    check_share(absent, N, pow(5.0 / 6, 6), "the query is left out");
    check_share(twice, N, 15 * pow(5.0 / 6, 4) / 36, "twice");
    release(&x);
    x = draw(&keys, 1000, (struct samples_range){.test = true});
    for (size_t i = 0; i < 1000; i++)
        ck_assert_int_eq(check_recall_sample(&x.s, i, 7), 1);
    release(&x);
    keys = test_keys("task=recall pairs=8 vocab=8"); /* every token is a key */
    x = draw(&keys, 1000, (struct samples_range){.step = 1});
    for (size_t i = 0; i < 1000; i++)
        ck_assert_int_eq(check_recall_sample(&x.s, i, 8), 1);
    release(&x);
}
END_TEST

/* The fresh permutation: given that token 2 is a key, its value is any token, whatever the sequence before had. */
START_TEST(recall_permutation_is_fresh)
{
    enum { N = 40000, VOCAB = 6 };
    struct keys keys = test_keys("task=recall pairs=3 vocab=6");
    struct drawn x = draw(&keys, N, (struct samples_range){.step = 9});
    double value[VOCAB] = {0}, n = 0, again = 0, pairs = 0;
    int32_t before = -1;
    for (size_t i = 0; i < N; i++) {
        const int32_t *t = x.s.tokens + i * x.s.T;
        for (size_t k = 0; k < 3; k++) {
            if (t[2 * k] != 2)
                continue;
            value[t[2 * k + 1]]++, n++;
            again += t[2 * k + 1] == before, pairs += before >= 0;
            before = t[2 * k + 1];
        }
    }
    for (int k = 0; k < VOCAB; k++)
        check_share(value[k], n, 1.0 / VOCAB, "value of a key");
    check_share(again, pairs, 1.0 / VOCAB, "the same value as the last time");
    release(&x);
}
END_TEST

static bool same_samples(const struct samples *a, const struct samples *b)
{
    bool same = !memcmp(a->relevant, b->relevant, a->n * a->slots * sizeof(int32_t));
    if (!a->features)
        return same && !memcmp(a->tokens, b->tokens, a->n * a->T * sizeof(int32_t)) &&
               !memcmp(a->labels, b->labels, a->n * sizeof(int32_t));
    return same && !memcmp(a->inputs, b->inputs, a->n * a->T * a->features * sizeof(float)) &&
           !memcmp(a->targets, b->targets, a->n * a->outputs * sizeof(float));
}

/* Whole, in pieces of every size, in another problem: the same bits. Another step, seed or the test set: others. */
static void check_splitting(struct keys keys)
{
    enum { N = 13 };
    const struct samples_range range = {.step = 5, .first = 2};
    struct drawn whole = draw(&keys, N, range), pieces = draw(&keys, N, (struct samples_range){.step = 6});
    ck_assert(!same_samples(&whole.s, &pieces.s));
    for (size_t size = 1; size <= N; size++) {
        for (size_t first = 0; first < N; first += size) {
            struct samples_range r = range;
            struct samples part = samples_part(&pieces.s, first, size < N - first ? size : N - first);
            r.first += (uint32_t)first;
            ck_assert_int_eq(task_draw(&pieces.task, &r, &part), OK);
        }
        ck_assert(same_samples(&whole.s, &pieces.s));
    }
    release(&pieces);
    struct drawn test = draw(&keys, N, (struct samples_range){.test = true, .first = 2});
    ck_assert(!same_samples(&whole.s, &test.s));
    struct drawn again =
        draw(&keys, N, (struct samples_range){.test = true, .step = 77, .first = 2}); /* one test set */
    ck_assert(same_samples(&test.s, &again.s));
    release(&again);
    keys.value[KEY_seed] = 99;
    again = draw(&keys, N, range);
    ck_assert(!same_samples(&whole.s, &again.s));
    release(&again);
    release(&test);
    release(&whole);
}

START_TEST(samples_do_not_depend_on_splitting)
{
    check_splitting(test_keys("T=9 d=5 B=2 p=0.3"));
    check_splitting(test_keys("T=9 d=70 feature=no position=fixed"));
    check_splitting(test_keys("task=recall pairs=7 vocab=40 B=3 p=0.5"));
    check_splitting(test_keys("task=recall pairs=7 vocab=40 B=3 placement=bernoulli"));
}
END_TEST

START_TEST(probes_name_the_right_positions)
{
    struct keys keys = test_keys("task=recall pairs=4 vocab=10 placement=bernoulli B=2");
    struct drawn x = draw(&keys, 50, (struct samples_range){.step = 1});
    struct task_pairs pairs;
    ck_assert_int_eq(task_pairs(&x.s, &task_of_preset(PRESET_RECALL)->probes[0], &pairs), OK);
    ck_assert_uint_eq(pairs.count, 200);
    for (size_t i = 0; i < 200; i++)
        ck_assert(pairs.sample[i] == (int)i / 4 && pairs.query[i] == 2 * ((int)i % 4) + 1 &&
                  pairs.key[i] == pairs.query[i] - 1);
    task_pairs_free(&pairs);
    ck_assert_int_eq(task_pairs(&x.s, &task_of_preset(PRESET_RECALL)->probes[1], &pairs), OK);
    size_t held = 0;
    for (size_t i = 0; i < 50; i++)
        held += (size_t)check_recall_sample(&x.s, i, 10);
    ck_assert_uint_eq(pairs.count, held);
    for (size_t i = 0; i < held; i++) {
        const int32_t *t = x.s.tokens + (size_t)pairs.sample[i] * x.s.T;
        ck_assert(pairs.query[i] == 8 && t[pairs.key[i] - 1] == t[8] && t[pairs.key[i]] == x.s.labels[pairs.sample[i]]);
    }
    task_pairs_free(&pairs);
    release(&x);
    keys = test_keys("T=12 d=2 B=3");
    x = draw(&keys, 5, (struct samples_range){.step = 1});
    ck_assert_int_eq(task_pairs(&x.s, &task_of_preset(PRESET_REGRESSION)->probes[0], &pairs), OK);
    ck_assert_uint_eq(pairs.count, 15);
    for (size_t i = 0; i < 15; i++)
        ck_assert(pairs.sample[i] == (int)i / 3 && pairs.query[i] == 11 && token(&x.s, i / 3, pairs.key[i])[2] == 1.0f);
    task_pairs_free(&pairs);
    release(&x);
}
END_TEST

static const struct test tests[] = {
    {"switches", &switches},
    {"regression_tokens_have_their_moments", &regression_tokens_have_their_moments},
    {"regression_targets_are_the_relevant_tokens", &regression_targets_are_the_relevant_tokens},
    {"regression_null_loss", &regression_null_loss},
    {"regression_positions", &regression_positions},
    {"recall_exact", &recall_exact},
    {"recall_bernoulli", &recall_bernoulli},
    {"recall_permutation_is_fresh", &recall_permutation_is_fresh},
    {"samples_do_not_depend_on_splitting", &samples_do_not_depend_on_splitting},
    {"probes_name_the_right_positions", &probes_name_the_right_positions},
};
TEST_MAIN("tasks", tests)
