"""The losses, for eight raw predictions p and targets y at a time.

Each is a function for value and slope d(value)/dp, and one for its flow. Margin losses
have y = -1 or 1, or 0 in lanes that are not in use.

The flow is what one sample of a given weight does to its own prediction when the step
is integrated along itself (Karampatziakis & Langford 2011): dp/dτ = -N slope(p) from
τ = 0 to the weight, N the sum of the rates times x². It returns the s by which p has
changed, p - N s, so that s replaces weight * slope(p); it never crosses the minimum.
"""

cdef enum:
    NEWTON_STEPS = 8
    TWEEDIE_STEPS = 6


cdef double LEAST = 1e-30


ctypedef void (*loss_function)(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil


cdef void log_loss(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    # log(1 + e^-z) is the positive part of -z and, with u = e^-|z|, log(1 + u), which
    # is twice the inverse hyperbolic tangent of u / (2 + u); here with e^z for u.
    cdef lanes z = y * p, e = exponential(z), one = spread(1), above = one + e
    slope[0] = -y / above
    value[0] = twice_artanh(lesser(e, one) / (above + greater(e, one))) + positive(-z)


cdef void hinge(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes z
    z = spread(1) - y * p
    value[0] = positive(z)
    slope[0] = if_above(spread(0), z, spread(0), -y)


cdef void perceptron(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes z
    z = -y * p
    value[0] = positive(z)
    slope[0] = if_above(spread(0), z, spread(0), -y)


cdef void squared_hinge(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes z
    z = positive(spread(1) - y * p)
    value[0] = z * z
    slope[0] = -y * (z + z)


cdef void modified_huber(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes z, m
    z = y * p
    m = positive(spread(1) - z)
    value[0] = if_above(z, spread(-1), m * m, spread(-4) * z)
    slope[0] = spread(-2) * y * if_above(z, spread(-1), m, spread(2))


cdef void squared_error(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes r
    r = p - y
    value[0] = r * r * spread(0.5)
    slope[0] = r


cdef void absolute_error(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes r
    r = p - y
    value[0] = magnitude(r)
    slope[0] = sign(r)


cdef void quantile(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes r
    r = p - y
    value[0] = spread(1 - parameter) * positive(r) + spread(parameter) * positive(-r)
    # 0 at the target, as that of the absolute error: there is nothing to learn.
    slope[0] = if_above(r, spread(0), spread(1 - parameter),
                        if_equal(r, spread(0), spread(0), spread(-parameter)))


cdef void huber(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes r, a, epsilon
    r = p - y
    a = magnitude(r)
    epsilon = spread(parameter)
    value[0] = if_above(a, epsilon, epsilon * (a - spread(parameter / 2)),
                        r * r * spread(0.5))
    slope[0] = if_above(a, epsilon, epsilon * sign(r), r)


cdef void epsilon_insensitive(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes r, a
    r = p - y
    a = positive(magnitude(r) - spread(parameter))
    value[0] = a
    slope[0] = if_above(a, spread(0), sign(r), spread(0))


cdef void squared_epsilon_insensitive(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes r, a
    r = p - y
    a = positive(magnitude(r) - spread(parameter))
    value[0] = a * a
    slope[0] = (a + a) * sign(r)


# Losses with a log link: half the deviance of y from the mean e^p. It is 0 for the best
# prediction, so that `tol` is a share of what a pass can better. Beyond +-LINK_LIMIT
# (30 in float32, where e^p is 1e13, and 100 in float64) e^p goes on as a straight line,
# so that a raw prediction that is far off, as early ones are, gives a steep slope but a
# finite one.

cdef inline lanes linked(lanes p, lanes* derivative) noexcept nogil:
    cdef lanes limit = spread(LINK_LIMIT)
    derivative[0] = exponential(if_above(p, limit, limit, p))
    return derivative[0] * (spread(1) + positive(p - limit))


cdef void poisson(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes mean, derivative
    mean = linked(p, &derivative)
    value[0] = y * (logarithm(y) - p) + (mean - y)
    slope[0] = derivative - y


cdef void gamma(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes inverse_mean, derivative
    inverse_mean = linked(-p, &derivative)
    value[0] = (p - logarithm(y)) + (y * inverse_mean - spread(1))
    slope[0] = spread(1) - y * derivative


cdef inline lanes linked_less_one(lanes p, lanes* derivative) noexcept nogil:
    """Return the same less 1, which is exact for small p."""
    cdef lanes limit = spread(LINK_LIMIT), least
    linked(p, derivative)
    least = exponential_minus_one(if_above(p, limit, limit, p))
    return least + derivative[0] * positive(p - limit)


cdef void tweedie(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    # With a power between 1 and 2 the first exponent rises and the second falls in p.
    # Near 1 or 2, where it is Poisson's or gamma's deviance, differences stay exact.
    cdef lanes a = spread(2 - parameter), b = spread(parameter - 1)
    cdef lanes log_y = logarithm(y), rising, rising_slope, falling, falling_slope
    rising = linked_less_one(a * p, &rising_slope) - if_above(
        y, spread(0), exponential_minus_one(a * log_y), spread(-1)
    )
    falling = linked_less_one(-b * p, &falling_slope) - exponential_minus_one(
        -b * log_y
    )
    value[0] = rising / a + y * falling / b
    slope[0] = rising_slope - y * falling_slope


# Flows.

cdef inline lanes decayed(lanes time) noexcept nogil:
    """Return 1 - e^-time: the share of a distance that is gone."""
    return -exponential_minus_one(-time)


ctypedef lanes (*loss_flow)(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil


cdef lanes log_loss_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    # The change d of the margin z solves d + e^z (e^d - 1) = weight N. The left side is
    # convex and the start is above the solution, so Newton's steps fall towards it.
    # Where e^z would be no normal number, d grows as fast as time.
    cdef lanes z = y * p, D = lesser(weight * N, spread(FLOW_LIMIT)), straight
    cdef lanes e, d, rest
    cdef int i
    straight = lesser(D, positive(-z - spread(<real> 0.5 * EXP_LIMIT)))
    D = D - straight
    e = exponential(z + straight)
    d = lesser(D, log_one_plus_any(D / e))
    for i in range(NEWTON_STEPS):
        rest = d + e * exponential_minus_one(d) - D
        d = d - rest / (spread(1) + e * exponential(d))
    return -y * (straight + d) / N


cdef lanes hinge_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    return -y * lesser(weight, positive(spread(1) - y * p) / N)


cdef lanes perceptron_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    # The flow would end at p = 0, where learning begins; the label is its limit here.
    cdef lanes z = y * p
    return -y * if_above(
        z, spread(0), spread(0), lesser(weight, (spread(1) - z) / N)
    )


cdef lanes squared_hinge_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    return -y * positive(spread(1) - y * p) * decayed(spread(2) * weight * N) / N


cdef lanes modified_huber_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    # At the constant speed 4 N up to the margin -1, from there as the squared hinge.
    cdef lanes z = y * p, D = weight * N, straight
    straight = lesser(spread(4) * D, positive(spread(-1) - z))
    z = positive(spread(1) - if_above(spread(-1), z, spread(-1), z))
    D = if_above(straight, spread(0), D - straight * spread(0.25), D)
    return -y * (straight + z * decayed(spread(2) * D)) / N


cdef lanes squared_error_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    return (p - y) * decayed(weight * N) / N


cdef lanes absolute_error_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    return sign(p - y) * lesser(weight, magnitude(p - y) / N)


cdef lanes quantile_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    cdef lanes r = p - y, speed
    speed = if_above(r, spread(0), spread(1 - parameter), spread(parameter))
    return if_above(r, spread(0), spread(1), spread(-1)) * lesser(
        speed * weight, magnitude(r) / N
    )


cdef lanes huber_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    # At the constant speed epsilon N down to |r| = epsilon, then as the squared error.
    cdef lanes r = p - y, a, D = weight * N, epsilon = spread(parameter), straight
    a = magnitude(r)
    straight = lesser(epsilon * D, positive(a - epsilon))
    D = if_above(straight, spread(0), D - straight / epsilon, D)
    return sign(r) * (straight + lesser(a, epsilon) * decayed(positive(D))) / N


cdef lanes epsilon_insensitive_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    cdef lanes r = p - y
    return sign(r) * lesser(weight, positive(magnitude(r) - spread(parameter)) / N)


cdef lanes squared_epsilon_insensitive_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    cdef lanes r = p - y, a
    a = positive(magnitude(r) - spread(parameter))
    return sign(r) * a * decayed(spread(2) * weight * N) / N


cdef inline lanes log_of_mixture(lanes q, lanes t) noexcept nogil:
    """Return log(e^-t 1 + (1 - e^-t) q) for q > 0, exact where it is near 0."""
    cdef lanes change = (q - spread(1)) * decayed(t), mixture
    mixture = exponential(-t) + decayed(t) * q
    return if_above(
        change, spread(0), log_one_plus_any(change),
        if_above(change, spread(-0.5), -log_one_plus_any(-change / mixture),
                 logarithm(mixture)),
    )


cdef inline lanes link_exponential(lanes p) noexcept nogil:
    cdef lanes derivative
    linked(p, &derivative)
    return derivative


cdef lanes poisson_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    # u = e^-p follows du/dτ = N (1 - y u), which is linear.
    cdef lanes D = weight * N, e = link_exponential(p), safe_y
    safe_y = if_above(y, spread(0), y, spread(1))
    return if_above(
        y, spread(0), log_of_mixture(e / safe_y, safe_y * D),
        log_one_plus_any(e * D),
    ) / N


cdef lanes gamma_flow(
    lanes p, lanes y, real parameter, lanes weight, lanes N
) noexcept nogil:
    # v = e^p follows dv/dτ = N (y - v).
    return -log_of_mixture(y * link_exponential(-p), weight * N) / N


# Gauss and Legendre's nodes and weights for an integral from 0 to 1.
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
    # With m = |p - log y| and b = 2 - power above the label, power - 1 below it, the
    # slope is y^(2 - power) (1 - e^-m) e^(b m). A way that leaves e^-q of m thus takes
    # the time q + the integral of 1 / ((1 - e^-m) e^(b m)) - 1 / m, which is smooth,
    # and q is found by Newton's steps. From far away the first term of the integrand
    # is e^(-b m), with which q is first estimated.
    cdef lanes zero = spread(0), one = spread(1), most = spread(40), a, safe_y, r, m, b
    cdef lanes time, q, low = zero, high = most, far, end, way, rest, at, newton, middle
    cdef int i, k
    a = spread(2 - parameter)
    safe_y = if_above(y, zero, y, one)
    r = p - logarithm(safe_y)
    m = if_above(magnitude(r), spread(LEAST), magnitude(r), spread(LEAST))
    b = if_above(r, zero, a, one - a)
    time = weight * N * exponential(a * logarithm(safe_y))

    far = exponential(-b * m)
    end = -logarithm(far + b * time) / b
    q = if_above(
        end, one, logarithm(m / if_above(end, one, end, one)),
        logarithm(m) + time - (exponential(-b) - far) / b,
    )
    q = if_above(m, spread(2), q, time * decayed(m) / (m * far))
    q = if_above(q, most, most, if_above(q, zero, q, zero))
    for i in range(TWEEDIE_STEPS):
        end = m * exponential(-q)
        way = m * decayed(q)
        rest = zero
        for k in range(16):
            at = end + way * spread(<real> NODES[k])
            rest = rest + spread(<real> NODE_WEIGHTS[k]) * (
                exponential(-b * at) / decayed(at) - one / at
            )
        rest = q + way * rest - time
        high = if_above(rest, zero, q, high)
        low = if_above(rest, zero, low, q)
        newton = q - rest * decayed(end) / (end * exponential(-b * end))
        middle = (low + high) * spread(0.5)
        q = if_above(low, newton, middle, if_above(newton, high, middle, newton))
    return if_above(
        y, zero, r * decayed(q),
        log_one_plus_any(a * weight * N * exponential(a * p)) / a,
    ) / N


cdef class Loss:
    """A loss that `train` can use; `evaluate` shows its value and slope."""

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
        cdef real[8] p8, y8
        cdef lanes value8, slope8
        cdef Py_ssize_t begin, i, n
        for begin in range(0, p.shape[0], 8):
            n = min(8, p.shape[0] - begin)
            for i in range(8):
                p8[i] = p[begin + i] if i < n else 0
                y8[i] = y[begin + i] if i < n else 0
            self.function(
                (<lanes*> p8)[0], (<lanes*> y8)[0], parameter, &value8, &slope8
            )
            for i in range(n):
                value[begin + i] = lane(value8, i) + 0 * p[begin + i]  # as in learning
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
