"""The losses, for eight raw predictions p and targets y at a time.

Each has a function for its value and slope d(value)/dp, and one for its flow. Margin
losses have y = -1 or 1, and 0 in unused lanes.

The flow is the effect of one sample of a given weight on its own prediction when the
step is integrated along itself (Karampatziakis & Langford 2011): dp/dτ = -N slope(p)
from τ = 0 to the weight, N being the sum of the rates times x². A flow returns the s
for which p becomes p - N s, so that s replaces weight * slope(p); p never crosses the
minimum.
"""

cdef enum:
    NEWTON_STEPS = 8
    TWEEDIE_STEPS = 6


ctypedef void (*loss_function)(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil


cdef void log_loss(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    # log(1 + e^-z) = max(-z, 0) + log(1 + u) with u = e^-|z|, and log(1 + u) is
    # 2 artanh(u / (2 + u)); here in terms of e^z.
    cdef lanes z = y * p, e = vexp(z), one = splat(1), above = one + e
    slope[0] = -y / above
    value[0] = twice_artanh(vmin(e, one) / (above + vmax(e, one))) + positive_part(-z)


cdef void hinge(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes z
    z = splat(1) - y * p
    value[0] = positive_part(z)
    slope[0] = select_gt(splat(0), z, splat(0), -y)


cdef void perceptron(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes z
    z = -y * p
    value[0] = positive_part(z)
    slope[0] = select_gt(splat(0), z, splat(0), -y)


cdef void squared_hinge(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes z
    z = positive_part(splat(1) - y * p)
    value[0] = z * z
    slope[0] = -y * (z + z)


cdef void modified_huber(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes z, m
    z = y * p
    m = positive_part(splat(1) - z)
    value[0] = select_gt(z, splat(-1), m * m, splat(-4) * z)
    slope[0] = splat(-2) * y * select_gt(z, splat(-1), m, splat(2))


cdef void squared_error(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes r
    r = p - y
    value[0] = r * r * splat(0.5)
    slope[0] = r


cdef void absolute_error(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes r
    r = p - y
    value[0] = vabs(r)
    slope[0] = vsign(r)


cdef void quantile(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes r
    r = p - y
    value[0] = (
        splat(1 - parameter) * positive_part(r) + splat(parameter) * positive_part(-r)
    )
    # 0 at the target, like the absolute error's slope: there is nothing to learn.
    slope[0] = select_gt(
        r, splat(0), splat(1 - parameter),
        select_eq(r, splat(0), splat(0), splat(-parameter)),
    )


cdef void huber(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes r, a, epsilon
    r = p - y
    a = vabs(r)
    epsilon = splat(parameter)
    value[0] = select_gt(
        a, epsilon, epsilon * (a - splat(parameter / 2)), r * r * splat(0.5)
    )
    slope[0] = select_gt(a, epsilon, epsilon * vsign(r), r)


cdef void epsilon_insensitive(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes r, a
    r = p - y
    a = positive_part(vabs(r) - splat(parameter))
    value[0] = a
    slope[0] = select_gt(a, splat(0), vsign(r), splat(0))


cdef void squared_epsilon_insensitive(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes r, a
    r = p - y
    a = positive_part(vabs(r) - splat(parameter))
    value[0] = a * a
    slope[0] = (a + a) * vsign(r)


# Losses with a log link: half the deviance of y from the mean e^p. It is 0 for a
# perfect prediction, so that `tol` is relative to what a pass can improve. Beyond
# +-LINK_LIMIT (30 in float32, where e^p is 1e13, and 100 in float64) e^p goes on as a
# straight line, so that raw predictions that are far off, as early ones are, have a
# steep but finite slope.

cdef inline lanes inverse_link(lanes p, lanes* derivative) noexcept nogil:
    """Return the mean and its derivative with respect to p."""
    cdef lanes limit = splat(LINK_LIMIT)
    derivative[0] = vexp(select_gt(p, limit, limit, p))
    return derivative[0] * (splat(1) + positive_part(p - limit))


# Near the label the deviance is a small difference of large terms: with y = 10^6 those
# of Poisson's are 10^7, and their difference is 0.5. There it is computed from
# r = p - log y, of which it is a function times a power of y.

cdef inline lanes near_label(lanes p, lanes r, lanes near, lanes value) noexcept nogil:
    """Return `near` if |r| < 1 and the link is exponential at p, else `value`."""
    cdef lanes is_near = positive_part(splat(1) - vabs(r)) * positive_part(
        splat(LINK_LIMIT) - vabs(p)
    )
    return select_gt(is_near, splat(0), near, value)


cdef void poisson(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes mean, derivative, r = p - vlog(y)
    mean = inverse_link(p, &derivative)
    value[0] = near_label(p, r, y * (vexpm1(r) - r), (mean - y) - y * r)
    slope[0] = derivative - y


cdef void gamma(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes inverse_mean, derivative, r = p - vlog(y)
    inverse_mean = inverse_link(-p, &derivative)
    value[0] = near_label(p, r, r + vexpm1(-r), r + (y * inverse_mean - splat(1)))
    slope[0] = splat(1) - y * derivative


cdef inline lanes inverse_link_less_one(lanes p, lanes* derivative) noexcept nogil:
    """Return the mean minus 1, accurate for small p, and its derivative."""
    cdef lanes limit = splat(LINK_LIMIT), least
    inverse_link(p, derivative)
    least = vexpm1(select_gt(p, limit, limit, p))
    return least + derivative[0] * positive_part(p - limit)


cdef void tweedie(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    # For powers between 1 and 2 the first term rises with p and the second falls. As
    # means minus 1 they stay accurate near 1 and 2, the Poisson and gamma deviances.
    cdef lanes a = splat(2 - parameter), b = splat(parameter - 1)
    cdef lanes log_y = vlog(y), rising, rising_slope, falling, falling_slope
    cdef lanes r = p - log_y, near
    rising = inverse_link_less_one(a * p, &rising_slope) - select_gt(
        y, splat(0), vexpm1(a * log_y), splat(-1)
    )
    falling = inverse_link_less_one(-b * p, &falling_slope) - vexpm1(
        -b * log_y
    )
    near = vexp(a * log_y) * (vexpm1(a * r) / a + vexpm1(-b * r) / b)
    value[0] = near_label(p, r, near, rising / a + y * falling / b)
    slope[0] = rising_slope - y * falling_slope


# Flows.

cdef inline lanes one_minus_exp(lanes t) noexcept nogil:
    """Return 1 - e^-t, the share of a distance that is covered after t."""
    return -vexpm1(-t)


ctypedef lanes (*loss_flow)(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil


cdef lanes log_loss_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    # The change d of the margin z solves d + e^z (e^d - 1) = weight N. The left side is
    # convex and the start lies above the solution, so Newton iteration descends to it.
    # Where e^z would underflow, d grows linearly, by `straight`.
    cdef lanes z = y * p, D = vmin(weight * N, splat(FLOW_LIMIT)), straight
    cdef lanes e, d, rest
    cdef int i
    straight = vmin(D, positive_part(-z - splat(<real> 0.5 * EXP_LIMIT)))
    D = D - straight
    e = vexp(z + straight)
    d = vmin(D, vlog1p(D / e))
    for i in range(NEWTON_STEPS):
        rest = d + e * vexpm1(d) - D
        d = d - rest / (splat(1) + e * vexp(d))
    return -y * (straight + d) / N


cdef lanes hinge_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    return -y * vmin(weight, positive_part(splat(1) - y * p) / N)


cdef lanes perceptron_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    # The flow ends at p = 0, where learning begins; here it goes on up to the label.
    cdef lanes z = y * p
    return -y * select_gt(
        z, splat(0), splat(0), vmin(weight, (splat(1) - z) / N)
    )


cdef lanes squared_hinge_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    cdef lanes D = weight * N
    return -y * positive_part(splat(1) - y * p) * one_minus_exp(splat(2) * D) / N


cdef lanes modified_huber_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    # Constant speed 4 N up to a margin of -1, from there like the squared hinge.
    cdef lanes z = y * p, D = weight * N, straight
    straight = vmin(splat(4) * D, positive_part(splat(-1) - z))
    z = positive_part(splat(1) - select_gt(splat(-1), z, splat(-1), z))
    D = select_gt(straight, splat(0), D - straight * splat(0.25), D)
    return -y * (straight + z * one_minus_exp(splat(2) * D)) / N


cdef lanes squared_error_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    return (p - y) * one_minus_exp(weight * N) / N


cdef lanes absolute_error_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    return vsign(p - y) * vmin(weight, vabs(p - y) / N)


cdef lanes quantile_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    cdef lanes r = p - y, speed
    speed = select_gt(r, splat(0), splat(1 - parameter), splat(parameter))
    return select_gt(r, splat(0), splat(1), splat(-1)) * vmin(
        speed * weight, vabs(r) / N
    )


cdef lanes huber_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    # Constant speed epsilon N down to |r| = epsilon, then like the squared error.
    cdef lanes r = p - y, a, D = weight * N, epsilon = splat(parameter), straight
    a = vabs(r)
    straight = vmin(epsilon * D, positive_part(a - epsilon))
    D = select_gt(straight, splat(0), D - straight / epsilon, D)
    straight = straight + vmin(a, epsilon) * one_minus_exp(positive_part(D))
    return vsign(r) * straight / N


cdef lanes epsilon_insensitive_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    cdef lanes r = p - y
    return vsign(r) * vmin(weight, positive_part(vabs(r) - splat(parameter)) / N)


cdef lanes squared_epsilon_insensitive_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    cdef lanes r = p - y, a
    a = positive_part(vabs(r) - splat(parameter))
    return vsign(r) * a * one_minus_exp(splat(2) * weight * N) / N


cdef inline lanes log_of_mixture(lanes q, lanes t) noexcept nogil:
    """Return log(e^-t 1 + (1 - e^-t) q) for q > 0, accurate near 0."""
    cdef lanes change = (q - splat(1)) * one_minus_exp(t), mixture
    mixture = vexp(-t) + one_minus_exp(t) * q
    return select_gt(
        change, splat(0), vlog1p(change),
        select_gt(change, splat(-0.5), -vlog1p(-change / mixture), vlog(mixture)),
    )


cdef inline lanes inverse_link_derivative(lanes p) noexcept nogil:
    cdef lanes derivative
    inverse_link(p, &derivative)
    return derivative


cdef lanes poisson_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    # u = e^-p follows du/dτ = N (1 - y u), which is linear.
    cdef lanes D = weight * N, e = inverse_link_derivative(p), safe_y
    safe_y = select_gt(y, splat(0), y, splat(1))
    return select_gt(
        y, splat(0), log_of_mixture(e / safe_y, safe_y * D),
        vlog1p(e * D),
    ) / N


cdef lanes gamma_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    # v = e^p follows dv/dτ = N (y - v).
    return -log_of_mixture(y * inverse_link_derivative(-p), weight * N) / N


# Gauss-Legendre nodes and weights on [0, 1].
cdef double[16] NODES = [
    0.0052995325041750307, 0.0277124884633837, 0.067184398806084122,
    0.1222977958224985, 0.19106187779867811, 0.27099161117138632,
    0.35919822461037054, 0.45249374508118129, 0.54750625491881877,
    0.64080177538962946, 0.72900838882861363, 0.80893812220132189,
    0.87770220417750155, 0.93281560119391593, 0.9722875115366163,
    0.99470046749582497,
]
cdef double[16] NODE_WEIGHTS = [
    0.013576229705877088, 0.031126761969323728, 0.047579255841246303,
    0.062314485627767036, 0.074797994408288354, 0.084578259697501323,
    0.09130170752246182, 0.09472530522753432, 0.09472530522753432,
    0.09130170752246182, 0.084578259697501323, 0.074797994408288354,
    0.062314485627767036, 0.047579255841246303, 0.031126761969323728,
    0.013576229705877088,
]


cdef lanes tweedie_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    # With m = |p - log y|, and b = 2 - power above the label or power - 1 below it, the
    # slope is y^(2 - power) (1 - e^-m) e^(b m). Reducing m to e^-q m thus takes the
    # time q + the integral of 1 / ((1 - e^-m) e^(b m)) - 1 / m, which is smooth; q is
    # found by Newton iteration. Far from the label the first term of the integrand is
    # e^(-b m), which gives the first estimate of q.
    cdef lanes zero = splat(0), one = splat(1), most = splat(40), a, safe_y, r, m, b
    cdef lanes least = splat(<real> 1e-30)  # avoids 0 / 0 at m = 0
    cdef lanes time, q, low = zero, high = most, far, end, way, rest, at, newton, middle
    cdef int i, k
    a = splat(2 - parameter)
    safe_y = select_gt(y, zero, y, one)
    r = p - vlog(safe_y)
    m = select_gt(vabs(r), least, vabs(r), least)
    b = select_gt(r, zero, a, one - a)
    time = weight * N * vexp(a * vlog(safe_y))

    far = vexp(-b * m)
    end = -vlog(far + b * time) / b
    q = select_gt(
        end, one, vlog(m / select_gt(end, one, end, one)),
        vlog(m) + time - (vexp(-b) - far) / b,
    )
    q = select_gt(m, splat(2), q, time * one_minus_exp(m) / (m * far))
    q = select_gt(q, most, most, select_gt(q, zero, q, zero))
    for i in range(TWEEDIE_STEPS):
        end = m * vexp(-q)
        way = m * one_minus_exp(q)
        rest = zero
        for k in range(16):
            at = end + way * splat(<real> NODES[k])
            rest = rest + splat(<real> NODE_WEIGHTS[k]) * (
                vexp(-b * at) / one_minus_exp(at) - one / at
            )
        rest = q + way * rest - time
        high = select_gt(rest, zero, q, high)
        low = select_gt(rest, zero, low, q)
        newton = q - rest * one_minus_exp(end) / (end * vexp(-b * end))
        middle = (low + high) * splat(0.5)
        q = select_gt(low, newton, middle, select_gt(newton, high, middle, newton))
    return select_gt(
        y, zero, r * one_minus_exp(q),
        vlog1p(a * weight * N * vexp(a * p)) / a,
    ) / N


cdef class Loss:
    """A loss for `train`; `evaluate` exposes its value and slope."""

    cdef loss_function function
    cdef loss_flow flow

    @staticmethod
    cdef Loss of(loss_function function, loss_flow flow):
        cdef Loss loss = Loss.__new__(Loss)
        loss.function = function
        loss.flow = flow
        return loss

    def evaluate(
        self,
        const real[::1] p,       # in: raw predictions
        const real[::1] y,       # in: targets
        real parameter,          # in
        real[::1] value,         # out
        real[::1] slope,         # out
    ):
        cdef real[LANES] p8, y8
        cdef lanes value8, slope8
        cdef Py_ssize_t begin, i, n
        for begin in range(0, p.shape[0], 8):
            n = min(LANES, p.shape[0] - begin)
            for i in range(LANES):
                p8[i] = p[begin + i] if i < n else 0
                y8[i] = y[begin + i] if i < n else 0
            self.function(
                (<lanes*> p8)[0], (<lanes*> y8)[0], parameter, &value8, &slope8
            )
            for i in range(n):
                value[begin + i] = lane(value8, i) + 0 * p[begin + i]  # as score_row
                slope[begin + i] = lane(slope8, i)


LOSSES = {
    "log_loss": Loss.of(log_loss, log_loss_flow),
    "hinge": Loss.of(hinge, hinge_flow),
    "squared_hinge": Loss.of(squared_hinge, squared_hinge_flow),
    "modified_huber": Loss.of(modified_huber, modified_huber_flow),
    "perceptron": Loss.of(perceptron, perceptron_flow),
    "squared_error": Loss.of(squared_error, squared_error_flow),
    "absolute_error": Loss.of(absolute_error, absolute_error_flow),
    "huber": Loss.of(huber, huber_flow),
    "epsilon_insensitive": Loss.of(epsilon_insensitive, epsilon_insensitive_flow),
    "squared_epsilon_insensitive": Loss.of(
        squared_epsilon_insensitive, squared_epsilon_insensitive_flow
    ),
    "quantile": Loss.of(quantile, quantile_flow),
    "poisson": Loss.of(poisson, poisson_flow),
    "gamma": Loss.of(gamma, gamma_flow),
    "tweedie": Loss.of(tweedie, tweedie_flow),
}
