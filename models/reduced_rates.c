/* The rates of the reduced flow (reduced.h).
 *
 * SGD:
 *
 *     rU = rO = rV = rE = eta,  rP = eta g0 (M+1)/3,  fK = eta (N nu + fixed trC)/sqrt k,  fQ = eta eT2/sqrt k
 *
 * Adam moves each entry by eta times mean over root mean square of its gradient, and the batch's noise is by far the
 * most of the latter: eta sqrt b / sqrt(noise^2 + b signal^2), averaged over the entries of a matrix. Noise per entry,
 * over the test loss: U: h_j^2/d, O: u2 v^2/N, V: W2 ebar_j^2/K, E: (I2 s2 + skip u2)/(N d). The mean over entries of
 * the form p + x with x uniform in +-c is
 *
 *     J(p, c, f) = [asinh((p+c)/f) - asinh((p-c)/f)]/(2c)        mean of 1/sqrt((p+x)^2 + f^2)
 *
 * Constant parts of the noise carry two more terms. The output's constant fluctuates, which adds chi; and vhat
 * remembers the first steps, which adds X:
 *
 *     X = tau (1-beta_2)/(beta_2^-(t+1) - 1),  X_i = X tau_i/tau
 *     al = R' [sqrt d h1 + sqrt(K W2) e1 + sqrt(N u2) v1],  chi > 0: chi^2 (1 + X + chi) = al^2/4
 *     gam_i = sqrt(1 + chi + X_i),  phi = mean_i 1/gam_i,    R = eta sqrt b,  R' = R/sqrt L
 *
 *     rV = R' sqrt(K/W2) (1/N) sum_j mean_i J(gam_i pbar_j, gam_i c, f_j),
 *                                           f_j^2 = s^2 C_j + (s2+s^2) nu + bs E2 d/(N L)
 *     rU = R' sqrt d SU,  SU = (1/N) sum_j mean_i J(gam_i skip P_j, gam_i c_h, f),
 *                                           f^2 = skip nu + bs G2 d/(N L) + 1e-9
 *     rO = R' phi sqrt(N/u2)/sqrt( v2 + [s^2 trC + N nu (s2+s^2)]/(3N) + bs F2 d/(K L) )
 *     rE = R/sqrt( L (I2 s2 + skip u2)/(N d) + bs I2/N )
 *     rP = R' sqrt(N/u2) [M g2 phi + g1 sqrt(3M) SU]/3
 *
 * The key gradient's noise, sum_t s_t (g_t - gbar) e_t per |q_i|, is that of positions, which is coherent over tokens
 * and so without 1/T, that of contents, coherent since the mean of x x^T is I/d, and the rest:
 *
 *     gp = L I2 trC/(H N),  gc = L (w^2/H^2 + I2/(3H))/d,  ga = gh^2 (1+2/d) + gp + gc,  sig_j = nu (fixed: nu + C_j)
 *     coh_j = z^2 L I2 C2_j/(H N)
 *     inc_j = z^2 { nu gc/d + [(gp+gc) nu + gc C_j]/(T-B) } + s^2 z^2 { ga (C_j/B + nu) + (gp+gc) nu }
 *                                                           (fixed: gc C_j in place of ga C_j/B)
 *     SK = sum_j sig_j J(0, sqrt(3 X coh_j), sqrt(coh_j (1+chi) + inc_j + bg sig_j))
 *     SC = sum_j C2_j/sqrt(coh_j (1+chi) + inc_j + bg nu)
 *     n2 = sum_j (coh_j + inc_j),  nc = sum_j coh_j,  xi = n2/N + bg nu
 *     m' = [-ln beta_2/(1 - beta_2^(t+1))] (xi/xi_0 - m),  mu = sqrt(xi/(xi_0 m))
 *
 * Every |q_i| is pulled to 0 by the fluctuating constant: a soft threshold x on Gaussian q_i, with <(|y|-x)_+> and its
 * square p1 = 2 [nd(x) - x Q(x)] and p2 = 2 [(1+x^2) Q(x) - x nd(x)] (nd and Q: normal density and upper tail):
 *
 *     qs = sqrt(q2 + k nu/3),  c1 = min(r, [Q0^2 p1 sqrt p2 + r max(0, q2 - Q0^2 p2)]/q2)    (L1 over L2 norm of q)
 *     fK = R mu c1 SK sqrt k/qs
 *     fQ = R mu eT1 J(0, sqrt(X nc/N), sqrt((n2 + chi nc)/(3N) + bg k2/k))
 *     x' = skip fQ R z^2 I2 SC L sqrt k/(2 b H N Q0),  gam = Q0^2 p1 x'/q2 */
#include "base/clones.h"
#include "models/reduced.h"
#include <math.h>

enum { LANES = 16, FOLD = 16 };

/* exp of 2c J(p, c, f) without a logarithm: with A = p + c, B = p - c and r_x = sqrt(x^2 + f^2) it is (A + r_A)/(B +
 * r_B), where the denominator of B < 0 is f^2/(|B| + r_B). */
static inline double ratio(double p, double c, double f2)
{
    const double A = p + c, B = p - c, u = fabs(B) + sqrt(B * B + f2), v = A + sqrt(A * A + f2);
    return B >= 0 ? v / u : v * u / f2;
}

/* sum_j J(gam p_j, gam c, f_j) for p_j >= 0, from the logarithm of a product. A factor is below 1e10 wherever the flow
 * goes, so FOLD of them stay in range. */
CLONES static double sum_J(size_t n, double gam, const double *restrict p, double c, const double *restrict f2)
{
    double product[LANES], sum = 0;
    const double wide = gam * c;
    size_t folded = 0;
    for (size_t i = 0; i < LANES; i++)
        product[i] = 1;
    for (size_t j = 0; j < n; j += LANES) {
        const size_t lanes = n - j < LANES ? n - j : LANES;
        if (lanes == LANES) {
            for (size_t i = 0; i < LANES; i++)
                product[i] *= ratio(gam * p[j + i], wide, f2[j + i]);
        } else {
            for (size_t i = 0; i < lanes; i++)
                product[i] *= ratio(gam * p[j + i], wide, f2[j + i]);
        }
        if (++folded % FOLD == 0 || j + LANES >= n) {
            for (size_t i = 0; i < LANES; i++) {
                sum += log(product[i]);
                product[i] = 1;
            }
        }
    }
    return sum / (2 * wide);
}

/* J(0, c, f) */
static double J0(double c, double f)
{
    const double x = c / f;
    return x < 1e-4 ? (1 - x * x / 6) / f : asinh(x) / c;
}

/* Coefficients of the key gradient's noise: coh_j = coherent C2_j, inc_j = constant + slope C_j. */
struct key_noise {
    double coherent, constant, slope;
};

static struct key_noise key_noise(const struct reduced *r, const struct reduced_view *v)
{
    const struct reduced_setting *q = &r->setting;
    const double gp = v->L * v->I2 * r->trC / (q->H * q->N),
                 gc = v->L * (v->w * v->w / (q->H * q->H) + v->I2 / (3 * q->H)) / q->d,
                 ga = v->gh * v->gh * (1 + 2 / q->d) + gp + gc, z2 = v->z * v->z, sz2 = v->s * v->s * z2;
    const double rest = q->T - q->B;
    return (struct key_noise){.coherent = z2 * v->L * v->I2 / (q->H * q->N),
                              .constant = z2 * r->nu * (gc / q->d + (gp + gc) / rest) + sz2 * r->nu * (ga + gp + gc),
                              .slope = z2 * gc / rest + sz2 * (q->fixed ? gc : ga / q->B)};
}

double reduced_key_noise(const struct reduced *r, const struct reduced_state *y, const struct reduced_view *v)
{
    (void)y;
    const size_t n = (size_t)r->setting.N;
    const struct key_noise noise = key_noise(r, v);
    double sum = 0;
    for (size_t j = 0; j < n; j++)
        sum += noise.coherent * r->C2[j] + noise.constant + noise.slope * r->C[j];
    return sum / r->setting.N + v->bg * r->nu;
}

/* chi from chi^2 (1 + X + chi) = al^2/4: Newton from above the root, so that every step goes down. */
static double output_noise(double al, double X)
{
    double chi = al / (2 * sqrt(1 + X));
    for (int i = 0; i < 8; i++)
        chi -= (chi * chi * (1 + X + chi) - al * al / 4) / (chi * (2 * (1 + X) + 3 * chi));
    return chi;
}

/* Rates of queries and keys, and how noise wears them away. */
static void attention_rates(const struct reduced *r, double t, double X, const struct reduced_state *y,
                            const struct reduced_view *v, struct reduced_rates *rate)
{
    const struct reduced_setting *q = &r->setting;
    const size_t n = (size_t)q->N;
    const double root = sqrt(M_2_PI), R = q->eta * sqrt(q->b), Q02 = r->Q0 * r->Q0, chi = rate->chi;
    const struct key_noise noise = key_noise(r, v);
    double SK = 0, SC = 0, n2 = 0, nc = 0;
    for (size_t j = 0; j < n; j++) {
        const double coh = noise.coherent * r->C2[j], inc = noise.constant + noise.slope * r->C[j];
        const double sig = r->nu + (q->fixed ? r->C[j] : 0), base = coh * (1 + chi) + inc;
        SK += sig * J0(sqrt(3 * X * coh), sqrt(base + v->bg * sig));
        SC += r->C2[j] / sqrt(base + v->bg * r->nu);
        n2 += coh + inc;
        nc += coh;
    }
    const double xi = n2 / q->N + v->bg * r->nu, mu = sqrt(xi / (r->xi0 * y->m));
    rate->m = log(q->beta2) / expm1((t + 1) * log(q->beta2)) * (xi / r->xi0 - y->m);
    const double density = exp(-y->x * y->x / 2) / sqrt(2 * M_PI), tail = erfc(y->x / M_SQRT2) / 2;
    const double p1 = 2 * (density - y->x * tail), p2 = 2 * ((1 + y->x * y->x) * tail - y->x * density);
    const double c1 = fmin(root, (Q02 * p1 * sqrt(fmax(p2, 0)) + root * fmax(0, y->q2 - Q02 * p2)) / y->q2);
    rate->K = R * mu * c1 * SK * sqrt(q->k) / sqrt(y->q2 + q->k * r->nu / 3);
    rate->Q = R * mu * r->eT1 * J0(sqrt(X * nc / q->N), sqrt((n2 + chi * nc) / (3 * q->N) + v->bg * y->k2 / q->k));
    rate->x = q->skip * rate->Q * R * v->z * v->z * v->I2 * SC * v->L * sqrt(q->k) / (2 * q->b * q->H * q->N * r->Q0);
    rate->gam = Q02 * p1 * rate->x / y->q2;
}

static void adam_rates(const struct reduced *r, double t, const struct reduced_state *y, const struct reduced_view *v,
                       struct reduced_rates *rate)
{
    const struct reduced_setting *q = &r->setting;
    const size_t n = (size_t)q->N;
    const double N = q->N, K = r->K, d = q->d, R = q->eta * sqrt(q->b), fast = R / sqrt(v->L);
    const double X = r->tau * (1 - q->beta2) / expm1(-(t + 1) * log(q->beta2)), s2 = v->s * v->s;
    const double al = fast * (sqrt(d) * r->h1 + sqrt(K * v->W2) * r->e1 + sqrt(N * v->u2) * r->v1);
    const double chi = rate->chi = output_noise(al, X);
    double phi = 0, SU = 0, SV = 0;
    for (size_t j = 0; j < n; j++) {
        r->f_U[j] = q->skip * r->nu + v->bs * v->G2 * d / (N * v->L) + 1e-9;
        r->f_V[j] = s2 * r->C[j] + (v->s2 + s2) * r->nu + v->bs * v->E2 * d / (N * v->L);
    }
    for (int i = 0; i < REDUCED_QUANTILES; i++) {
        const double gam = sqrt(1 + chi + X * r->tau_i[i] / r->tau);
        phi += 1 / gam / REDUCED_QUANTILES;
        SU += sum_J(n, gam, r->P, r->c_h, r->f_U) / (REDUCED_QUANTILES * N);
        SV += sum_J(n, gam, r->pbar, r->c, r->f_V) / (REDUCED_QUANTILES * N);
    }
    rate->V = fast * sqrt(K / v->W2) * SV;
    rate->U = fast * sqrt(d) * SU;
    rate->O = fast * phi * sqrt(N / v->u2) /
              sqrt(r->v2 + (s2 * r->trC + N * r->nu * (v->s2 + s2)) / (3 * N) + v->bs * v->F2 * d / (K * v->L));
    rate->E = R / sqrt(v->L * (v->I2 * v->s2 + q->skip * v->u2) / (N * d) + v->bs * v->I2 / N);
    rate->P = fast * sqrt(N / v->u2) * (q->M * r->g2 * phi + r->g1 * sqrt(3 * q->M) * SU) / 3;
    attention_rates(r, t, X, y, v, rate);
}

void reduced_rates(const struct reduced *r, double t, const struct reduced_state *y, const struct reduced_view *v,
                   struct reduced_rates *rate)
{
    const struct reduced_setting *q = &r->setting;
    *rate = (struct reduced_rates){0};
    if (q->adam) {
        adam_rates(r, t, y, v, rate);
        return;
    }
    rate->U = rate->O = rate->V = rate->E = q->eta;
    rate->P = q->eta * r->g0 * (q->M + 1) / 3;
    rate->K = q->eta * (q->N * r->nu + q->fixed * r->trC) / sqrt(q->k);
    rate->Q = q->eta * r->eT2 / sqrt(q->k);
}
