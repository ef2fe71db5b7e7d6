#include "score/statistics.h"

#include <math.h>

#define ITERATIONS_MAX 100000 /* Lentz needs about sqrt(max(a, b)) */
#define BISECTIONS 200        /* halves any double range to its last bit */
#define TINY 1e-300
#define PRECISION 1e-15

static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign); /* lgamma would write a global */
}

/* Continued fraction of the incomplete beta function, modified Lentz. */
static double beta_fraction(double a, double b, double x)
{
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < TINY ? TINY : d);
    double h = d;
    for (int m = 1; m <= ITERATIONS_MAX; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        double change = 1;
        const double terms[] = {even, odd};
        for (int i = 0; i < 2; i++) {
            d = 1 + terms[i] * d;
            d = 1 / (fabs(d) < TINY ? TINY : d);
            c = 1 + terms[i] / c;
            c = fabs(c) < TINY ? TINY : c;
            change = d * c;
            h *= change;
        }
        if (fabs(change - 1) < PRECISION)
            return h;
    }
    return NAN;
}

double ld_beta_regularised(double a, double b, double x)
{
    if (!(a > 0) || !(b > 0) || !(x >= 0) || !(x <= 1))
        return NAN;
    if (x == 0 || x == 1)
        return x;
    double front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

static double gamma_series(double a, double x)
{
    double sum = 1 / a, term = sum;
    for (int n = 1; n <= ITERATIONS_MAX; n++) {
        term *= x / (a + n);
        sum += term;
        if (fabs(term) < fabs(sum) * PRECISION)
            return sum * exp(-x + a * log(x) - log_gamma(a));
    }
    return NAN;
}

/* Upper tail by its continued fraction. */
static double gamma_fraction(double a, double x)
{
    double b = x + 1 - a, c = 1 / TINY, d = 1 / b, h = d;
    for (int i = 1; i <= ITERATIONS_MAX; i++) {
        double term = -i * (i - a);
        b += 2;
        d = term * d + b;
        d = 1 / (fabs(d) < TINY ? TINY : d);
        c = b + term / c;
        c = fabs(c) < TINY ? TINY : c;
        h *= d * c;
        if (fabs(d * c - 1) < PRECISION)
            return h * exp(-x + a * log(x) - log_gamma(a));
    }
    return NAN;
}

double ld_gamma_regularised(double a, double x)
{
    if (!(a > 0) || !(x >= 0) || isinf(a) || isinf(x))
        return NAN;
    if (x == 0)
        return 0;
    return x < a + 1 ? gamma_series(a, x) : 1 - gamma_fraction(a, x);
}

/* Where a function that rises in x over [low, high] reaches `target`. */
struct rising {
    double (*at)(double x, double a, double b);
    double a, b;
};

static double solve(const struct rising *rising, double target, double low, double high)
{
    for (int i = 0; i < BISECTIONS; i++) {
        double middle = low + (high - low) / 2;
        double value = rising->at(middle, rising->a, rising->b);
        if (isnan(value))
            return NAN;
        if (value < target)
            low = middle;
        else
            high = middle;
    }
    return low + (high - low) / 2;
}

static double beta_at(double x, double a, double b)
{
    return ld_beta_regularised(a, b, x);
}

static double gamma_at(double x, double a, double b)
{
    (void)b;
    return ld_gamma_regularised(a, x);
}

static double normal_at(double x, double a, double b)
{
    (void)a;
    (void)b;
    return erfc(-x / sqrt(2)) / 2;
}

static int is_share(int64_t hits, int64_t n, double confidence)
{
    return n > 0 && hits >= 0 && hits <= n && confidence > 0 && confidence < 1;
}

double ld_clopper_pearson_lower(int64_t hits, int64_t n, double confidence)
{
    if (!is_share(hits, n, confidence))
        return NAN;
    if (hits == 0)
        return 0;
    const struct rising tail = {beta_at, (double)hits, (double)(n - hits + 1)};
    return solve(&tail, 1 - confidence, 0, 1);
}

double ld_clopper_pearson_upper(int64_t hits, int64_t n, double confidence)
{
    if (!is_share(hits, n, confidence))
        return NAN;
    return 1 - ld_clopper_pearson_lower(n - hits, n, confidence);
}

void ld_wilson(int64_t hits, int64_t n, double confidence, double *ret_lower, double *ret_upper)
{
    *ret_lower = *ret_upper = NAN;
    if (!is_share(hits, n, confidence))
        return;
    const struct rising normal = {normal_at, 0, 0};
    double z = solve(&normal, 1 - (1 - confidence) / 2, 0, 40), count = (double)n;
    double share = (double)hits / count, square = z * z / count;
    double centre = share + square / 2;
    double spread = z * sqrt(share * (1 - share) / count + square / (4 * count));
    *ret_lower = hits == 0 ? 0 : (centre - spread) / (1 + square);
    *ret_upper = hits == n ? 1 : (centre + spread) / (1 + square);
}

/* The mean at which `shape` or more events come with probability `target`. */
static double poisson_mean(double shape, double target)
{
    const struct rising tail = {gamma_at, shape, 0};
    double high = 2 * shape + 10;
    while (ld_gamma_regularised(shape, high) < target)
        high *= 2;
    return solve(&tail, target, 0, high);
}

double ld_poisson_lower(int64_t events, double exposure, double confidence)
{
    if (events < 0 || !(exposure > 0) || !(confidence > 0) || !(confidence < 1))
        return NAN;
    return events == 0 ? 0 : poisson_mean((double)events, 1 - confidence) / exposure;
}

double ld_poisson_upper(int64_t events, double exposure, double confidence)
{
    if (events < 0 || !(exposure > 0) || !(confidence > 0) || !(confidence < 1))
        return NAN;
    return poisson_mean((double)events + 1, confidence) / exposure;
}

double ld_poisson_test(int64_t events, double expected)
{
    if (events < 0 || !(expected >= 0) || isinf(expected))
        return NAN;
    double at_least = events == 0 ? 1 : ld_gamma_regularised((double)events, expected);
    double at_most = 1 - ld_gamma_regularised((double)events + 1, expected);
    return fmin(1, 2 * fmin(at_least, at_most));
}

double ld_mcnemar(int64_t b, int64_t c)
{
    if (b < 0 || c < 0)
        return NAN;
    if (b == c)
        return 1;
    double fewer = (double)(b < c ? b : c), n = (double)b + (double)c;
    return fmin(1, 2 * ld_beta_regularised(n - fewer, fewer + 1, 0.5)); /* twice P(Binomial(n, 1/2) <= fewer) */
}

static double log_choose(int64_t n, int64_t k)
{
    return log_gamma((double)n + 1) - log_gamma((double)k + 1) - log_gamma((double)(n - k) + 1);
}

/* Tables with the same margins, told by their first cell. */
struct margins {
    int64_t row, other, column, least, most;
    double whole;
};

static bool margins_of(struct margins *ret_margins, int64_t a, int64_t b, int64_t c, int64_t d)
{
    if (a < 0 || b < 0 || c < 0 || d < 0 || a > LD_FISHER_MAX || b > LD_FISHER_MAX || c > LD_FISHER_MAX ||
        d > LD_FISHER_MAX || a + b + c + d > LD_FISHER_MAX)
        return false;
    int64_t row = a + b, other = c + d, column = a + c;
    *ret_margins = (struct margins){.row = row,
                                    .other = other,
                                    .column = column,
                                    .least = column > other ? column - other : 0,
                                    .most = column < row ? column : row,
                                    .whole = log_choose(row + other, column)};
    return true;
}

static double log_likely(const struct margins *margins, int64_t x)
{
    return log_choose(margins->row, x) + log_choose(margins->other, margins->column - x) - margins->whole;
}

double ld_fisher(int64_t a, int64_t b, int64_t c, int64_t d)
{
    struct margins margins;
    if (!margins_of(&margins, a, b, c, d))
        return NAN;
    double p = 0, observed = log_likely(&margins, a);
    for (int64_t x = margins.least; x <= margins.most; x++) {
        double likely = log_likely(&margins, x);
        if (likely <= observed + 1e-7) /* tables as likely as this one, but for rounding */
            p += exp(likely);
    }
    return fmin(1, p);
}

double ld_fisher_more(int64_t a, int64_t b, int64_t c, int64_t d)
{
    struct margins margins;
    if (!margins_of(&margins, a, b, c, d))
        return NAN;
    double p = 0;
    for (int64_t x = a; x <= margins.most; x++)
        p += exp(log_likely(&margins, x));
    return fmin(1, p);
}
