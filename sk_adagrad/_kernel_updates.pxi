"""What one weight is and how it learns, for eight weights of one row or one feature.

The table holds two numbers a weight: under mirror descent the weight w and its
accumulator G, under dual averaging and FTRL-proximal a sum of gradients z and G.
"""

# How a weight is read. They are constants of inlined functions, so that each way has
# loops of its own.
cdef enum:
    AS_STORED      # w
    FROM_SUM       # w as a function of z, G and the number of samples
    MISSED_L1      # w after the steps of an L1 penalty that it has missed
    MISSED_L2      # the same for L2, each step of at most SMALL_STEP
    MISSED_ANY_L2  # the same for L2
    MISSED_BOTH    # and for both

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


cdef inline int learning_of(Update update, double fade) noexcept:
    return update.learning if fade == 0 else FORGETTING


# What belongs to a model and stays, for the eight of a bank: as many lanes each.
cdef enum:
    ETA
    EPS  # with what every G starts at
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


# The symbols of the equations for one bank and the row at work; the banks of a group
# have an array of them. What each row changes lies side by side: with 20 classes on
# short rows a pass took up to a tenth longer where it did not.
cdef struct Bank:
    lanes p         # raw prediction
    lanes slope     # weight * d loss / dp
    # What moves the weight in place of the slope: times eta / SCALE under mirror
    # descent, times the length that importance_aware gives to the step.
    lanes drive
    lanes eta
    lanes eps       # with what every G starts at
    lanes fade      # the share of G that half_life takes away
    # The penalty as reading a weight needs it: t l1 and t l2 from sums; of missed steps
    # eta * l1 / SCALE, or l1 / l2 where there are both, and eta * l2 / SCALE.
    lanes l1
    lanes l2
    lanes used      # 1, or 0 in unused lanes
    lanes code      # the label that its output tells from the rest, -1 if there is none

WORKSPACE_SIZE = sizeof(Bank) // sizeof(real)  # how many numbers a bank at work takes


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
    if reading == MISSED_BOTH:  # lanes that are not in use have no penalty
        bank.l1 = select_gt(bank.l2, splat(0), bank.l1 / bank.l2, splat(0))
    else:
        bank.l1 = bank.eta * bank.l1 * splat(1 / SCALE)
    bank.l2 = bank.eta * bank.l2 * splat(1 / SCALE)


cdef inline void aim_bank(
    Bank* bank, const real* codes, const int32_t* columns, const uint8_t* used
) noexcept nogil:
    """Say what the lanes are to learn; `codes` is NULL if there are no labels."""
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
    """Return G, or the largest number for infinity: 0 times its root must be 0."""
    return select_gt(G, splat(LARGEST), splat(LARGEST), G)


cdef inline lanes soft_threshold(lanes w, lanes threshold) noexcept nogil:
    # The greater one is the second where either is NaN, which must stay NaN.
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
    # Most steps are small enough for a polynomial of log(1 + u) / u, and where all are
    # known to be, not to look takes a tenth less. The exponential has no such way:
    # rates, and with them v, differ so much from feature to feature that the processor
    # could not foresee it.
    u = bank.l2 * scaled_rsqrt(G + bank.eps)  # h l2
    v = u * log1p_ratio(u)
    if reading != MISSED_L2 and any_gt(u, splat(SMALL_STEP)):
        # Lane by lane, or a weight would depend on those that lie beside it.
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

    As a product with 1 - fade, which float32 rounds to steps of 6e-8, a half-life of
    10^6 updates would be 3 % shorter, and one of 3 10^7 would be none.
    """
    return select_eq(g, splat(0), G, G - bank.fade * G)


cdef inline void step(
    int learning, lanes* state, lanes* G, lanes x, const Bank* bank
) noexcept nogil:
    cdef lanes g = bank.slope * x, grown, moved
    if learning == MIRROR_DESCENT or learning == FORGETTING:
        # Duchi, Hazan & Singer (2011)
        if learning == FORGETTING:  # of what this row is about
            G[0] = faded(G[0], g, bank)
        G[0] = G[0] + g * g
        state[0] = state[0] - bank.drive * x * scaled_rsqrt(G[0] + bank.eps)
    elif learning == DUAL_AVERAGING:  # the same paper, equation 3 and figure 1
        G[0] = G[0] + g * g
        # Where G has overflowed the weight would be 0; so it is NaN, which is seen.
        state[0] = state[0] + g + splat(0) * G[0]
    else:  # McMahan et al. (2013), algorithm 1
        grown = finite(G[0] + g * g)
        moved = state[0] + bank.drive * x - (
            vsqrt(grown + bank.eps) - vsqrt(G[0] + bank.eps)
        ) / bank.eta * weight_from_sum(state[0], G[0], bank)
        # Where g is 0 the roots are the same, but fused with a product their difference
        # is a rounding error, which would depend on whether other lanes learn.
        state[0] = select_eq(g, splat(0), state[0], moved)
        G[0] = grown


cdef inline lanes rate_times(lanes x, lanes G, const Bank* bank) noexcept nogil:
    """Return x² times the rate that the coming step will have."""
    cdef lanes g = bank.slope * x
    G = faded(G, g, bank) + g * g
    return x * x * bank.eta * vrsqrt(G + bank.eps)


# The functions copy the symbols, since for the compiler each store into the table might
# change those behind a pointer: one by one, into registers. GCC copies a whole
# structure through memory, and more at once than was written there at once, which the
# processor has to wait for.

cdef inline void own_bank(Bank* own, const Bank* bank) noexcept nogil:
    """Copy what a step, or reading a weight, needs."""
    own.eta = bank.eta
    own.eps = bank.eps
    own.fade = bank.fade
    own.l1 = bank.l1
    own.l2 = bank.l2
    own.slope = bank.slope
    own.drive = bank.drive


cdef inline void own_unpenalised(Bank* own, const Bank* bank) noexcept nogil:
    """Copy what the intercept needs, which no penalty acts on."""
    own_bank(own, bank)
    own.l1 = own.l2 = splat(0)


# In float64 G is in the cache line behind that of w. A prediction before a step asks
# for it, or the step would wait: with tables beyond the near caches a pass took 1.1 to
# 1.3 times as long. A mere prediction would take 1.5 times as long if it did.
cdef enum:
    G_IS_FAR = sizeof(real) == 8


# Width 8: a feature's eight weights and eight accumulators of a bank lie side by side,
# then those of the next bank of its group, and `stride` numbers behind them those of
# the next feature. n, the number of banks, is a constant of the inlined functions: each
# bank waits for its own prediction, loss and step, and several at once share the
# waiting. Three banks together take 0.6 to 0.7 of the time of one after the other.

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
    # No loop, since GCC would not unroll one, and then keeps the sums in memory.
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
    cdef running_sum[4] even, odd  # one sum would wait for itself
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


# A weight that is not as stored takes so long to find that the processor does not come
# to the next features by itself: they are asked for, and all banks take their turn at
# one. With an L2 penalty news20 (20 classes, 148 non-zeros a row) takes 0.66 of the
# time of a pass over the row for each bank.

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


# Width 1: eight entries of the row at a time, drawn from eight places of the table. A
# prediction reads w alone where it can: drawing pairs as the other functions do takes
# 8.3 instead of 6.1 ns per non-zero in float64 on conll2000, and gains nothing
# elsewhere. The entries that are not a multiple of eight come first, as a tile whose
# other places have the first column again, with values of 0. Eight entries are written
# whatever their number, from the last to the first, so that this column's own comes
# after those that leave it as it was. A loop over their number, which the processor
# cannot foresee, takes 1.05 to 1.1 times as long on rows of 10 to 60 entries.

cdef inline Py_ssize_t load_head(
    const index* columns, const real* values, Py_ssize_t nnz, index* head_columns,
    real* head,
) noexcept nogil:
    """Copy the entries before whole tiles and fill up; return how many there are."""
    cdef Py_ssize_t n = nnz & (LANES - 1)
    if n:
        load_partial(head_columns, columns, n, sizeof(index), True)
        load_partial(head, values, n, sizeof(real), False)
    return n


cdef inline real stored_weight(const real* table, Py_ssize_t column) noexcept nogil:
    return table[2 * column]  # beyond 2^31 with a column of 2^30


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
    """Return the steps that features have missed.

    To a thread that predicts while another one learns, and after Ctrl-C, counters may
    be ahead of t: steps undone would let weights explode.
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
