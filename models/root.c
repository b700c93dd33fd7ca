#include "models/root.h"
#include <math.h>

enum status root_find(struct root *r)
{
    enum status rc = OK;
    const double sign = r->fb > 0 ? -1 : 1; /* of f at a */
    int stayed = 0;                         /* 1: b at the last step, -1: a */
    for (int i = 0; i < r->most && r->b - r->a > r->rtol * r->b && r->fb != 0; i++) {
        double c = r->b - r->fb * (r->b - r->a) / (r->fb - r->fa), fc = 0;
        if (r->bisect && (!(c > r->a && c < r->b) || i % r->bisect == r->bisect - 1))
            c = 0.5 * (r->a + r->b);
        TRY(r->f(r->context, c, &fc));
        if (fabs(fc) <= r->ftol) {
            r->b = c;
            break;
        }
        if (sign * fc > 0) {
            r->a = c, r->fa = fc;
            r->fb *= stayed == 1 ? 0.5 : 1;
            stayed = 1;
        } else {
            r->b = c, r->fb = fc;
            r->fa *= stayed == -1 ? 0.5 : 1;
            stayed = -1;
        }
    }
done:
    return rc;
}
