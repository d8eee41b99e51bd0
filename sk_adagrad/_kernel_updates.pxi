"""What one weight is and how it learns, for eight weights of one row or one feature.

The table holds two numbers a weight: under mirror descent the weight w and its
accumulator G, under dual averaging and FTRL-proximal a sum of gradients z and G.
"""

# How a weight is read. They are constants of inlined functions, so that each way has
# loops of its own.
cdef enum:
    AS_STORED      # w
    WITH_MISSED    # w after the regularisation steps that it has missed
    FROM_SUM       # w as a function of z, G and the number of samples

# How it learns.
cdef enum:
    MIRROR_DESCENT
    FORGETTING      # the same, with a half_life
    DUAL_AVERAGING
    FTRL_PROXIMAL

cdef class Update:
    """A way to combine steps and regularisation that `train` can use."""

    cdef int learning

    @staticmethod
    cdef Update of(int learning):
        cdef Update update = Update.__new__(Update)
        update.learning = learning
        return update


UPDATES = {
    "mirror_descent": Update.of(MIRROR_DESCENT),
    "dual_averaging": Update.of(DUAL_AVERAGING),
    "ftrl_proximal": Update.of(FTRL_PROXIMAL),
}


cdef inline int learning_of(Update update, double keep) noexcept:
    return update.learning if keep == 1 else FORGETTING


cdef inline int reading_of(Update update, double l1, double l2) noexcept:
    if update.learning != MIRROR_DESCENT:
        return FROM_SUM
    return WITH_MISSED if l1 + l2 > 0 else AS_STORED


# The symbols of the equations, for the row at work.
cdef struct Symbols:
    lanes eta
    lanes eps
    lanes keep      # what half_life leaves of G
    lanes l1        # alpha * l1_ratio; times t where weights are read from sums
    lanes l2        # alpha * (1 - l1_ratio), likewise
    lanes slope     # weight * d loss / dp
    lanes length    # of the step: 1, or what importance_aware makes of it


cdef inline lanes finite(lanes G) noexcept nogil:
    """Return G, or the largest number for infinity: 0 times its root must be 0."""
    return if_above(G, spread(LARGEST), spread(LARGEST), G)


cdef inline lanes soft(lanes w, lanes threshold) noexcept nogil:
    return sign(w) * positive(magnitude(w) - threshold)


cdef inline lanes after_missed(
    lanes w, lanes G, lanes missed, const Symbols* rule
) noexcept nogil:
    """Take `missed` steps w <- soft(w, h l1) / (1 + h l2) at once, h = eta/√(G + eps).

    With a = 1/(1 + h l2), k of them make a^k |w| - h l1 (a + a² + ... + a^k), or 0
    where that is negative; the sum is (1 - a^k) / (h l2).
    """
    cdef lanes h = rule.eta * inverse_root(G + rule.eps), u = h * rule.l2, v, gone
    # Most steps are small enough for a series of log(1 + u) / u, and most features have
    # not missed so much that (1 - e^-v) / v needs more than one. Both take a third of
    # the time of the functions.
    if any_above(u, spread(SMALL_STEP)):
        v = missed * log_one_plus_any(u)
        missed = v / rule.l2
    else:
        missed = missed * h * log_series(u)
        v = missed * rule.l2
    if any_above(v, spread(0.0625)):
        gone = -exponential_minus_one(-v)
        missed = gone / rule.l2
    else:
        missed = missed * decay_series(v)
        gone = missed * rule.l2
    return soft(w - w * gone, rule.l1 * missed)


cdef inline lanes weight_of(
    int reading, lanes state, lanes G, lanes missed, const Symbols* rule
) noexcept nogil:
    """Return w where it is not as stored."""
    if reading == WITH_MISSED:
        return after_missed(state, G, missed, rule)
    return -rule.eta * soft(state, rule.l1) / (
        root(G + rule.eps) + rule.eta * rule.l2
    )


cdef inline void step(
    int learning, lanes* state, lanes* G, lanes x, const Symbols* rule
) noexcept nogil:
    cdef lanes g = rule.slope * x, grown
    if learning == MIRROR_DESCENT or learning == FORGETTING:
        # Duchi, Hazan & Singer (2011)
        if learning == FORGETTING:  # of what this row is about
            G[0] = if_equal(g, spread(0), G[0], rule.keep * G[0])
        G[0] = G[0] + g * g
        state[0] = state[0] - rule.eta * g * inverse_root(G[0] + rule.eps)
    elif learning == DUAL_AVERAGING:  # the same paper, equation 3 and figure 1
        G[0] = G[0] + g * g
        state[0] = state[0] + g
    else:  # McMahan et al. (2013), algorithm 1
        grown = finite(G[0] + g * g)
        state[0] = state[0] + rule.length * g - (
            root(grown + rule.eps) - root(G[0] + rule.eps)
        ) / rule.eta * weight_of(FROM_SUM, state[0], G[0], G[0], rule)
        G[0] = grown


# Weights that are as stored have ways of their own, since a function that returns its
# argument makes GCC move eight doubles one by one. The functions copy the symbols,
# since for the compiler each store into the table might change those behind a pointer.
#
# Width 8: a feature's eight weights and eight accumulators lie side by side, `stride`
# numbers behind those of the feature before.

cdef inline void dot_wide_stored(
    const real* table, Py_ssize_t stride,
    const index* columns, const real* values, Py_ssize_t nnz, lanes* p,
) noexcept nogil:
    cdef running_sum sums
    cdef Py_ssize_t k
    clear(&sums)
    for k in range(nnz):
        add_times(&sums, table + stride * columns[k], values[k])
    add_to(p, &sums)


cdef inline lanes dot_wide(
    int reading, const real* table, Py_ssize_t stride, const int64_t* touched,
    int64_t t, const index* columns, const real* values, Py_ssize_t nnz,
    const Symbols* symbols,
) noexcept nogil:
    cdef Symbols rule = symbols[0]
    cdef lanes p = spread(0), missed = spread(0)
    cdef const lanes* line
    cdef Py_ssize_t k
    for k in range(nnz):
        line = <const lanes*> (table + stride * columns[k])
        if reading == WITH_MISSED:
            missed = spread(<real> (t - touched[columns[k]]))
        p = p + weight_of(reading, line[0], line[1], missed, &rule) * spread(values[k])
    return p


cdef inline void catch_up_wide(
    real* table, Py_ssize_t stride, const int64_t* touched, int64_t t,
    const index* columns, Py_ssize_t nnz, const Symbols* symbols,
) noexcept nogil:
    cdef Symbols rule = symbols[0]
    cdef lanes* line
    cdef Py_ssize_t k
    for k in range(nnz):
        line = <lanes*> (table + stride * columns[k])
        line[0] = after_missed(
            line[0], line[1], spread(<real> (t - touched[columns[k]])), &rule
        )


cdef inline lanes reach_wide(
    const real* table, Py_ssize_t stride,
    const index* columns, const real* values, Py_ssize_t nnz, const Symbols* symbols,
) noexcept nogil:
    cdef Symbols rule = symbols[0]
    cdef lanes N = spread(0), x, g, G
    cdef Py_ssize_t k
    for k in range(nnz):
        x = spread(values[k])
        g = rule.slope * x
        G = (<const lanes*> (table + stride * columns[k]))[1]
        G = if_equal(g, spread(0), G, rule.keep * G) + g * g
        N = N + x * x * rule.eta * inverse_root(G + rule.eps)
    return N


cdef inline void step_wide(
    int learning, real* table, Py_ssize_t stride,
    const index* columns, const real* values, Py_ssize_t nnz, const Symbols* symbols,
) noexcept nogil:
    cdef Symbols rule = symbols[0]
    cdef lanes* line
    cdef Py_ssize_t k
    for k in range(nnz):
        line = <lanes*> (table + stride * columns[k])
        step(learning, line, line + 1, spread(values[k]), &rule)


# Width 1: eight entries of the row at a time, drawn from eight places of the table. A
# prediction reads w alone where it can: drawing pairs as the other functions do takes
# 8.3 instead of 6.1 ns per non-zero in float64 on conll2000, and gains nothing
# elsewhere. The entries that are not a multiple of eight come first, as a tile whose
# other values are 0.

cdef inline lanes pull(const real* table, const index* columns) noexcept nogil:
    return pack(
        table[2 * columns[0]], table[2 * columns[1]], table[2 * columns[2]],
        table[2 * columns[3]], table[2 * columns[4]], table[2 * columns[5]],
        table[2 * columns[6]], table[2 * columns[7]],
    )


cdef inline pairs draw(const real* table, const index* columns) noexcept nogil:
    return pack_pairs(
        (<const pair*> table)[columns[0]], (<const pair*> table)[columns[1]],
        (<const pair*> table)[columns[2]], (<const pair*> table)[columns[3]],
        (<const pair*> table)[columns[4]], (<const pair*> table)[columns[5]],
        (<const pair*> table)[columns[6]], (<const pair*> table)[columns[7]],
    )


cdef inline void put(
    real* table, const index* columns, int n, pairs both
) noexcept nogil:
    cdef int i
    for i in range(n):
        (<pair*> table)[columns[i]] = pair_of(both, i)


cdef inline lanes missed_by(
    const int64_t* touched, int64_t t, const index* columns
) noexcept nogil:
    return pack(
        <real> (t - touched[columns[0]]), <real> (t - touched[columns[1]]),
        <real> (t - touched[columns[2]]), <real> (t - touched[columns[3]]),
        <real> (t - touched[columns[4]]), <real> (t - touched[columns[5]]),
        <real> (t - touched[columns[6]]), <real> (t - touched[columns[7]]),
    )


cdef inline lanes weights_at(
    int reading, const real* table, const int64_t* touched, int64_t t,
    const index* columns, const Symbols* rule,
) noexcept nogil:
    cdef lanes state, G, missed = spread(0)
    split(draw(table, columns), &state, &G)
    if reading == WITH_MISSED:
        missed = missed_by(touched, t, columns)
    return weight_of(reading, state, G, missed, rule)


cdef inline lanes dot_narrow_stored(
    const real* table, const index* columns, const real* values, Py_ssize_t nnz
) noexcept nogil:
    cdef lanes p = spread(0)
    cdef index[8] head_columns
    cdef real[8] head
    cdef Py_ssize_t k = nnz & 7
    if k:
        load_first(head_columns, columns, k, sizeof(index))
        load_first(head, values, k, sizeof(real))
        p = pull(table, head_columns) * (<lanes*> head)[0]
    for k in range(k, nnz, 8):
        p = p + pull(table, columns + k) * (<const lanes*> (values + k))[0]
    return spread(total(p))


cdef inline lanes dot_narrow(
    int reading, const real* table, const int64_t* touched, int64_t t,
    const index* columns, const real* values, Py_ssize_t nnz, const Symbols* symbols,
) noexcept nogil:
    cdef Symbols rule = symbols[0]
    cdef lanes p = spread(0)
    cdef index[8] head_columns
    cdef real[8] head
    cdef Py_ssize_t k = nnz & 7
    if k:
        load_first(head_columns, columns, k, sizeof(index))
        load_first(head, values, k, sizeof(real))
        p = (<lanes*> head)[0] * weights_at(
            reading, table, touched, t, head_columns, &rule
        )
    for k in range(k, nnz, 8):
        p = p + (<const lanes*> (values + k))[0] * weights_at(
            reading, table, touched, t, columns + k, &rule
        )
    return spread(total(p))


cdef inline void catch_up_tile(
    real* table, const int64_t* touched, int64_t t, const index* columns, int n,
    const Symbols* rule,
) noexcept nogil:
    cdef lanes w, G
    split(draw(table, columns), &w, &G)
    w = after_missed(w, G, missed_by(touched, t, columns), rule)
    put(table, columns, n, join(w, G))


cdef inline void catch_up_narrow(
    real* table, const int64_t* touched, int64_t t, const index* columns,
    Py_ssize_t nnz, const Symbols* symbols,
) noexcept nogil:
    cdef Symbols rule = symbols[0]
    cdef index[8] head_columns
    cdef Py_ssize_t k = nnz & 7
    if k:
        load_first(head_columns, columns, k, sizeof(index))
        catch_up_tile(table, touched, t, head_columns, <int> k, &rule)
    for k in range(k, nnz, 8):
        catch_up_tile(table, touched, t, columns + k, 8, &rule)


cdef inline lanes reach_of_tile(
    const real* table, const index* columns, const real* values, const Symbols* rule
) noexcept nogil:
    cdef lanes w, G, x = (<const lanes*> values)[0], g = rule.slope * x
    split(draw(table, columns), &w, &G)
    G = if_equal(g, spread(0), G, rule.keep * G) + g * g
    return x * x * rule.eta * inverse_root(G + rule.eps)


cdef inline lanes reach_narrow(
    const real* table, const index* columns, const real* values, Py_ssize_t nnz,
    const Symbols* symbols,
) noexcept nogil:
    cdef Symbols rule = symbols[0]
    cdef lanes N = spread(0)
    cdef index[8] head_columns
    cdef real[8] head
    cdef Py_ssize_t k = nnz & 7
    if k:
        load_first(head_columns, columns, k, sizeof(index))
        load_first(head, values, k, sizeof(real))
        N = reach_of_tile(table, head_columns, head, &rule)
    for k in range(k, nnz, 8):
        N = N + reach_of_tile(table, columns + k, values + k, &rule)
    return spread(total(N))


cdef inline void step_tile(
    int learning, real* table, const index* columns, const real* values, int n,
    const Symbols* rule,
) noexcept nogil:
    cdef lanes state, G
    split(draw(table, columns), &state, &G)
    step(learning, &state, &G, (<const lanes*> values)[0], rule)
    put(table, columns, n, join(state, G))


cdef inline void step_narrow(
    int learning, real* table,
    const index* columns, const real* values, Py_ssize_t nnz, const Symbols* symbols,
) noexcept nogil:
    cdef Symbols rule = symbols[0]
    cdef index[8] head_columns
    cdef real[8] head
    cdef Py_ssize_t k = nnz & 7
    if k:
        load_first(head_columns, columns, k, sizeof(index))
        load_first(head, values, k, sizeof(real))
        step_tile(learning, table, head_columns, head, <int> k, &rule)
    for k in range(k, nnz, 8):
        step_tile(learning, table, columns + k, values + k, 8, &rule)
