"""How a weight is stored, read and updated, for eight weights of one row or feature.

The table holds two numbers per weight: under mirror descent the weight w and its
accumulator G, under dual averaging and FTRL-proximal a sum of gradients z and G.
"""

# How a weight is read. Always a compile-time constant of inlined functions, so that
# each way has loops of its own.
cdef enum:
    AS_STORED      # w
    FROM_SUM       # w as a function of z, G and the number of samples
    MISSED_L1      # w after the L1 steps that it has missed
    MISSED_L2      # the same for L2, each step of at most SMALL_STEP
    MISSED_ANY_L2  # the same for L2 steps of any size
    MISSED_BOTH    # the same for both penalties

# How it is updated.
cdef enum:
    MIRROR_DESCENT
    FORGETTING      # mirror descent with a half_life
    DUAL_AVERAGING
    FTRL_PROXIMAL

cdef class Update:
    """A way to combine steps and regularisation, for `train`."""

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


cdef inline int learning_of(Update update, double fade) noexcept:
    return update.learning if fade == 0 else FORGETTING


# The constants of a bank's models, eight lanes each.
cdef enum:
    ETA
    EPS  # ε + G₀
    L1   # alpha * l1_ratio
    L2   # alpha * (1 - l1_ratio)
    N_SYMBOLS


cdef inline int reading_of(Update update, const real[:, :, ::1] symbols) noexcept:
    cdef bint l1 = False, l2 = False, long_steps = False
    cdef Py_ssize_t b, i
    cdef real longest
    if update.learning != MIRROR_DESCENT:
        return FROM_SUM
    for b in range(symbols.shape[0]):
        for i in range(LANES):
            l1 = l1 or symbols[b, L1, i] > 0
            l2 = l2 or symbols[b, L2, i] > 0
            longest = symbols[b, ETA, i] / sqrt(symbols[b, EPS, i])  # where G is 0
            long_steps = long_steps or longest * symbols[b, L2, i] > SMALL_STEP
    if l1 and l2:
        return MISSED_BOTH
    if l2:
        return MISSED_ANY_L2 if long_steps else MISSED_L2
    return MISSED_L1 if l1 else AS_STORED


# The symbols of the equations for one bank and the present row; a group has an array of
# them. What changes with each row lies side by side: otherwise a pass over short rows
# with 20 classes took up to a tenth longer.
cdef struct Bank:
    lanes p         # raw prediction
    lanes slope     # weight * d loss / dp
    # Multiplies x in the weight's step instead of the slope: times eta / SCALE under
    # mirror descent, and with the step length of importance_aware.
    lanes drive
    lanes eta
    lanes eps       # ε + G₀
    lanes fade      # share of G that half_life removes
    # The penalty in the form that reading a weight needs: t l1 and t l2 for sums; for
    # missed steps eta * l1 / SCALE (l1 / l2 if there are both) and eta * l2 / SCALE.
    lanes l1
    lanes l2
    lanes used      # 1, or 0 in unused lanes
    lanes code      # label that the output tells from the rest, -1 if there is none

WORKSPACE_SIZE = sizeof(Bank) // sizeof(real)  # numbers that a Bank takes


cdef inline void begin_bank(
    Bank* bank, const lanes* symbols, double fade, int reading, int64_t t
) noexcept nogil:
    bank.eta = symbols[ETA]
    bank.eps = symbols[EPS]
    bank.fade = splat(<real> fade)
    bank.l1 = symbols[L1]
    bank.l2 = symbols[L2]
    if reading == FROM_SUM:
        penalise_sum(bank, symbols, t)
        return
    if reading == MISSED_BOTH:  # unused lanes have no penalty
        bank.l1 = select_gt(bank.l2, splat(0), bank.l1 / bank.l2, splat(0))
    else:
        bank.l1 = bank.eta * bank.l1 * splat(1 / SCALE)
    bank.l2 = bank.eta * bank.l2 * splat(1 / SCALE)


cdef inline void aim_bank(
    Bank* bank, const real* codes, const int32_t* columns, const uint8_t* used
) noexcept nogil:
    """Set what the lanes are to learn; `codes` is NULL if there are no labels."""
    bank.used = pack(
        used[0], used[1], used[2], used[3], used[4], used[5], used[6], used[7]
    )
    bank.code = splat(-1)
    if codes != NULL:
        bank.code = select_gt(bank.used, splat(0), gather(codes, columns), bank.code)


cdef inline void penalise_sum(
    Bank* bank, const lanes* symbols, int64_t t
) noexcept nogil:
    bank.l1 = splat(<real> t) * symbols[L1]
    bank.l2 = splat(<real> t) * symbols[L2]


cdef inline lanes finite(lanes G) noexcept nogil:
    """Return G, infinity as the largest number, since 0 times its root must be 0."""
    return select_gt(G, splat(LARGEST), splat(LARGEST), G)


cdef inline lanes soft_threshold(lanes w, lanes threshold) noexcept nogil:
    # vmax returns its second argument for NaN, so that NaN stays NaN.
    return vcopysign(vmax(splat(0), vabs(w) - threshold), w)


cdef inline lanes after_missed(
    int reading, lanes w, lanes G, lanes missed, const Bank* bank
) noexcept nogil:
    """Take `missed` steps w <- soft(w, h l1) / (1 + h l2) at once, h = eta/√(G + eps).

    With a = 1/(1 + h l2), k of them make a^k |w| - h l1 (a + a² + ... + a^k), or 0
    where that is negative; the sum is (1 - a^k) / (h l2).
    """
    cdef lanes u, v, gone
    if reading == MISSED_L1:
        return soft_threshold(w, missed * (bank.l1 * scaled_rsqrt(G + bank.eps)))
    # Most steps are small enough for a polynomial of log(1 + u) / u; where all are
    # known to be, skipping the test saves a tenth of the time. The exponential has no
    # such shortcut: rates, and v with them, differ so much between features that the
    # branch would be unpredictable.
    u = bank.l2 * scaled_rsqrt(G + bank.eps)  # h l2
    v = u * log1p_ratio(u)
    if reading != MISSED_L2 and any_gt(u, splat(SMALL_STEP)):
        # Chosen per lane, or a weight would depend on those beside it.
        v = select_gt(u, splat(SMALL_STEP), vlog1p(u), v)
    if reading != MISSED_BOTH:
        return w * vexp2(missed * splat(-LOG2_E) * v)
    v = missed * v
    gone = -vexpm1(-v)
    return soft_threshold(w - w * gone, bank.l1 * gone)


cdef inline lanes weight_from_sum(lanes z, lanes G, const Bank* bank) noexcept nogil:
    """Return w = -eta soft_threshold(z, t l1) / (√(G + eps) + eta t l2)."""
    cdef lanes root = vsqrt(G + bank.eps)
    return -bank.eta * soft_threshold(z, bank.l1) / (root + bank.eta * bank.l2)


cdef inline lanes weight_of(
    int reading, lanes state, lanes G, lanes missed, const Bank* bank
) noexcept nogil:
    """Return w where it is not as stored."""
    if reading == FROM_SUM:
        return weight_from_sum(state, G, bank)
    return after_missed(reading, state, G, missed, bank)


cdef inline lanes faded(lanes G, lanes g, const Bank* bank) noexcept nogil:
    """Return what half_life leaves of G if the feature is updated.

    Not G * (1 - fade): float32 rounds 1 - fade to steps of 6e-8, which would make a
    half-life of 10^6 updates 3 % shorter and turn one of 3 10^7 into none.
    """
    return select_eq(g, splat(0), G, G - bank.fade * G)


cdef inline void step(
    int learning, lanes* state, lanes* G, lanes x, const Bank* bank
) noexcept nogil:
    cdef lanes g = bank.slope * x, grown, moved
    if learning == MIRROR_DESCENT or learning == FORGETTING:
        # Duchi, Hazan & Singer (2011)
        if learning == FORGETTING:
            G[0] = faded(G[0], g, bank)
        G[0] = G[0] + g * g
        state[0] = state[0] - bank.drive * x * scaled_rsqrt(G[0] + bank.eps)
    elif learning == DUAL_AVERAGING:  # the same paper, equation 3 and figure 1
        G[0] = G[0] + g * g
        # Where G has overflowed w would silently be 0; NaN is noticed.
        state[0] = state[0] + g + splat(0) * G[0]
    else:  # McMahan et al. (2013), algorithm 1
        grown = finite(G[0] + g * g)
        moved = state[0] + bank.drive * x - (
            vsqrt(grown + bank.eps) - vsqrt(G[0] + bank.eps)
        ) / bank.eta * weight_from_sum(state[0], G[0], bank)
        # Where g is 0 the roots are equal, but contracted with a product their
        # difference is a rounding error that would depend on whether other lanes learn.
        state[0] = select_eq(g, splat(0), state[0], moved)
        G[0] = grown


cdef inline lanes rate_times(lanes x, lanes G, const Bank* bank) noexcept nogil:
    """Return x² times the rate of the coming step."""
    cdef lanes g = bank.slope * x
    G = faded(G, g, bank) + g * g
    return x * x * bank.eta * vrsqrt(G + bank.eps)


# Functions copy the symbols, since to the compiler each store into the table may change
# what is behind a pointer. They are copied one by one, into registers: GCC copies a
# whole structure through memory, with loads wider than the stores that wrote it, which
# defeats store forwarding.

cdef inline void own_bank(Bank* own, const Bank* bank) noexcept nogil:
    """Copy what a step or reading a weight needs."""
    own.eta = bank.eta
    own.eps = bank.eps
    own.fade = bank.fade
    own.l1 = bank.l1
    own.l2 = bank.l2
    own.slope = bank.slope
    own.drive = bank.drive


cdef inline void own_unpenalised(Bank* own, const Bank* bank) noexcept nogil:
    """Copy what the intercept needs, which has no penalty."""
    own_bank(own, bank)
    own.l1 = own.l2 = splat(0)


# In float64 G is in the cache line after that of w. A prediction before a step
# prefetches it, or the step would wait: with tables beyond the near caches a pass took
# 1.1 to 1.3 times as long. It would make a mere prediction 1.5 times as long.
cdef enum:
    G_IS_FAR = sizeof(real) == 8


# Width 8: eight weights and eight accumulators of a feature lie side by side, then
# those of the next bank of the group; features are `stride` numbers apart. The number
# of banks n is a compile-time constant: a bank waits for its own prediction, loss and
# step, and several at once overlap their latencies. Three banks together take 0.6 to
# 0.7 of the time of one after the other.

cdef inline void add_bank(
    bint fetch_G, const real* line, real x, running_sum* sum
) noexcept nogil:
    add_times(sum, line, x)
    if fetch_G:
        prefetch(line + BANK_SIZE // 2, 1)


cdef inline void add_weights(
    int n, bint fetch_G, const real* table, Py_ssize_t stride, Py_ssize_t column,
    real x, running_sum* sums,
) noexcept nogil:
    """Add x times the weights of one feature to the sums of its banks."""
    cdef const real* line = table + stride * column
    # Unrolled by hand: GCC does not unroll a loop here and keeps the sums in memory.
    add_bank(fetch_G, line, x, sums)
    if n > 1:
        add_bank(fetch_G, line + BANK_SIZE, x, sums + 1)
    if n > 2:
        add_bank(fetch_G, line + 2 * BANK_SIZE, x, sums + 2)
    if n > 3:
        add_bank(fetch_G, line + 3 * BANK_SIZE, x, sums + 3)


cdef inline void dot_wide(
    int n, bint fetch_G, const real* table, Py_ssize_t stride, const index* columns,
    const real* values, Py_ssize_t nnz, Bank* banks,
) noexcept nogil:
    cdef running_sum[4] even, odd  # a single sum would be bound by its latency
    cdef Py_ssize_t k
    cdef int b
    for b in range(n):
        clear(&even[b])
        clear(&odd[b])
    for k in range(0, nnz - 1, 2):
        add_weights(n, fetch_G, table, stride, columns[k], values[k], even)
        add_weights(n, fetch_G, table, stride, columns[k + 1], values[k + 1], odd)
    if nnz & 1:
        add_weights(n, fetch_G, table, stride, columns[nnz - 1], values[nnz - 1], even)
    for b in range(n):
        add_to(&banks[b].p, &even[b], &odd[b])


# A weight that is not as stored takes so long to compute that out-of-order execution
# does not reach the next features: they are prefetched, and each feature is read for
# all banks at once. With an L2 penalty news20 (20 classes, 148 non-zeros per row) takes
# 0.66 of the time of a pass over the row for each bank.

cdef inline void dot_lazy(
    int reading, bint catch_up, Py_ssize_t n_banks, const real* table,
    Py_ssize_t stride, const int64_t* touched, int64_t t, const index* columns,
    const real* values, Py_ssize_t nnz, Bank* banks,
) noexcept nogil:
    cdef lanes* line
    cdef lanes w, missed = splat(0)
    cdef Py_ssize_t k, b
    for k in range(nnz):
        if k + ENTRIES_AHEAD < nnz:
            prefetch(
                table + stride * columns[k + ENTRIES_AHEAD],
                n_banks * BANK_SIZE * sizeof(real),
            )
            if reading != FROM_SUM:
                prefetch(&touched[columns[k + ENTRIES_AHEAD]], 1)
        line = <lanes*> (table + stride * columns[k])
        if reading != FROM_SUM:
            missed = positive_part(splat(<real> (t - touched[columns[k]])))
        for b in range(n_banks):
            w = weight_of(reading, line[2 * b], line[2 * b + 1], missed, &banks[b])
            if catch_up:
                line[2 * b] = w
            banks[b].p = banks[b].p + splat(values[k]) * w


cdef inline lanes reach_wide(
    const real* table, Py_ssize_t stride,
    const index* columns, const real* values, Py_ssize_t nnz, const Bank* bank,
) noexcept nogil:
    cdef lanes N = splat(0)
    cdef Py_ssize_t k
    for k in range(nnz):
        N = N + rate_times(
            splat(values[k]), (<const lanes*> (table + stride * columns[k]))[1],
            bank,
        )
    return N


cdef inline void step_wide(
    bint far, int learning, int n, real* table, Py_ssize_t stride,
    const index* columns, const real* values, Py_ssize_t nnz, const Bank* banks,
    const index* next_columns, Py_ssize_t n_next,
) noexcept nogil:
    cdef Bank[4] bank
    cdef lanes* line
    cdef lanes x
    cdef Py_ssize_t k
    cdef int b
    for b in range(n):
        own_bank(&bank[b], &banks[b])
    for k in range(nnz):
        line = <lanes*> (table + stride * columns[k])
        x = splat(values[k])
        step(learning, line, line + 1, x, &bank[0])
        if n > 1:
            step(learning, line + 2, line + 3, x, &bank[1])
        if n > 2:
            step(learning, line + 4, line + 5, x, &bank[2])
        if n > 3:
            step(learning, line + 6, line + 7, x, &bank[3])
        if far and k < n_next:
            prefetch(
                table + stride * next_columns[k], n * BANK_SIZE * sizeof(real)
            )


# Width 1: eight entries of the row at a time, gathered from eight places of the table.
# A prediction gathers w alone where it can: gathering pairs, as the other functions do,
# takes 8.3 instead of 6.1 ns per non-zero in float64 on conll2000 and gains nothing
# elsewhere. The entries left over from whole tiles come first, in a tile padded with
# the first column and values of 0. All eight are written, last to first, so that the
# first column's own update comes after the padding's unchanged copies. A loop over the
# number left, which is unpredictable, takes 1.05 to 1.1 times as long on rows of 10 to
# 60 entries.

cdef inline Py_ssize_t load_head(
    const index* columns, const real* values, Py_ssize_t nnz, index* head_columns,
    real* head,
) noexcept nogil:
    """Copy and pad the entries left over from whole tiles; return their number."""
    cdef Py_ssize_t n = nnz & (LANES - 1)
    if n:
        load_partial(head_columns, columns, n, sizeof(index), True)
        load_partial(head, values, n, sizeof(real), False)
    return n


cdef inline real stored_weight(const real* table, Py_ssize_t column) noexcept nogil:
    return table[2 * column]  # Py_ssize_t, as 2 * 2^30 overflows an int32


cdef inline lanes gather_weights(
    const real* table, const index* columns
) noexcept nogil:
    return pack(
        stored_weight(table, columns[0]), stored_weight(table, columns[1]),
        stored_weight(table, columns[2]), stored_weight(table, columns[3]),
        stored_weight(table, columns[4]), stored_weight(table, columns[5]),
        stored_weight(table, columns[6]), stored_weight(table, columns[7]),
    )


cdef inline pairs gather_pairs(const real* table, const index* columns) noexcept nogil:
    return pack_pairs(
        (<const pair*> table)[columns[0]], (<const pair*> table)[columns[1]],
        (<const pair*> table)[columns[2]], (<const pair*> table)[columns[3]],
        (<const pair*> table)[columns[4]], (<const pair*> table)[columns[5]],
        (<const pair*> table)[columns[6]], (<const pair*> table)[columns[7]],
    )


cdef inline void scatter_pairs(
    real* table, const index* columns, pairs both
) noexcept nogil:
    cdef int i
    for i in range(LANES - 1, -1, -1):
        (<pair*> table)[columns[i]] = pair_of(both, i)


cdef inline lanes missed_by(
    const int64_t* touched, int64_t t, const index* columns
) noexcept nogil:
    """Return the number of steps that features have missed.

    Counters may be ahead of t after Ctrl-C, or while another thread learns: a negative
    number would undo steps and let weights explode.
    """
    return positive_part(pack(
        <real> (t - touched[columns[0]]), <real> (t - touched[columns[1]]),
        <real> (t - touched[columns[2]]), <real> (t - touched[columns[3]]),
        <real> (t - touched[columns[4]]), <real> (t - touched[columns[5]]),
        <real> (t - touched[columns[6]]), <real> (t - touched[columns[7]]),
    ))


cdef inline lanes weights_at(
    int reading, bint catch_up, const real* table, const int64_t* touched, int64_t t,
    const index* columns, const Bank* bank,
) noexcept nogil:
    cdef lanes w, G, missed = splat(0)
    deinterleave(gather_pairs(table, columns), &w, &G)
    if reading != FROM_SUM:
        missed = missed_by(touched, t, columns)
    w = weight_of(reading, w, G, missed, bank)
    if catch_up:
        scatter_pairs(<real*> table, columns, interleave(w, G))
    return w


cdef inline lanes dot_narrow(
    int reading, bint catch_up, const real* table, const int64_t* touched, int64_t t,
    const index* columns, const real* values, Py_ssize_t nnz, const Bank* banks,
) noexcept nogil:
    cdef Bank bank
    cdef lanes w
    cdef running_sum p
    cdef index[LANES] head_columns
    cdef real[LANES] head
    cdef Py_ssize_t k = load_head(columns, values, nnz, head_columns, head)
    own_bank(&bank, banks)
    clear(&p)
    if k:
        if reading == AS_STORED:
            w = gather_weights(table, head_columns)
        else:
            w = weights_at(
                reading, catch_up, table, touched, t, head_columns, &bank
            )
        add_product(&p, head, w)
    for k in range(k, nnz, 8):
        if reading == AS_STORED:
            w = gather_weights(table, columns + k)
        else:
            w = weights_at(
                reading, catch_up, table, touched, t, columns + k, &bank
            )
        add_product(&p, values + k, w)
    return splat(hsum(lanes_of(&p)))


cdef inline lanes reach_of_tile(
    const real* table, const index* columns, const real* values, const Bank* bank,
) noexcept nogil:
    cdef lanes w, G
    deinterleave(gather_pairs(table, columns), &w, &G)
    return rate_times((<const lanes*> values)[0], G, bank)


cdef inline lanes reach_narrow(
    const real* table, const index* columns, const real* values, Py_ssize_t nnz,
    const Bank* bank,
) noexcept nogil:
    cdef lanes N = splat(0)
    cdef index[LANES] head_columns
    cdef real[LANES] head
    cdef Py_ssize_t k = load_head(columns, values, nnz, head_columns, head)
    if k:
        N = reach_of_tile(table, head_columns, head, bank)
    for k in range(k, nnz, 8):
        N = N + reach_of_tile(table, columns + k, values + k, bank)
    return splat(hsum(N))


cdef inline void step_tile(
    int learning, real* table, const index* columns, const real* values,
    const Bank* bank,
) noexcept nogil:
    cdef lanes state, G
    deinterleave(gather_pairs(table, columns), &state, &G)
    step(learning, &state, &G, (<const lanes*> values)[0], bank)
    scatter_pairs(table, columns, interleave(state, G))


cdef inline void step_narrow(
    bint far, int learning, real* table, const index* columns, const real* values,
    Py_ssize_t nnz, const Bank* banks, const index* next_columns, Py_ssize_t n_next,
) noexcept nogil:
    cdef Bank bank
    cdef index[LANES] head_columns
    cdef real[LANES] head
    cdef Py_ssize_t k = load_head(columns, values, nnz, head_columns, head), j
    own_bank(&bank, banks)
    if k:
        step_tile(learning, table, head_columns, head, &bank)
    for k in range(k, nnz, 8):
        step_tile(learning, table, columns + k, values + k, &bank)
        if far:
            for j in range(k, min(k + LANES, n_next)):
                prefetch(&table[2 * <Py_ssize_t> next_columns[j]], 1)
