"""One pass over a block of rows for one bank of models: the arithmetic, and no more.

There is no clock, generator, printing or callback here, and nothing is checked:
Python has checked before. The file is compiled once for each floating type and
instruction set (see setup.py), so `real` is float or double and `lanes` eight of
them.

A bank is `table[n_features, 2, width]`: for each feature the weights w of its models
and then their accumulators G. Width 8 trains eight models, one a lane. Width 1 trains
one, and takes eight non-zeros of the row at a time instead: a row has each column
once, so they cannot conflict. Both use the same equations, written once.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cdef extern from "_lanes.h" nogil:
    ctypedef double real
    ctypedef double lanes
    lanes exponential(lanes x)
    lanes log_one_plus(lanes u)
    lanes positive(lanes x)
    lanes magnitude(lanes x)
    lanes sign(lanes x)
    lanes if_above(lanes a, lanes b, lanes yes, lanes no)
    lanes if_equal(lanes a, lanes b, lanes yes, lanes no)
    lanes spread(real x)
    lanes inverse_root(lanes v)
    lanes pack(real, real, real, real, real, real, real, real)
    void load_first(void* eight, const void* source, Py_ssize_t n, size_t size)
    real lane(lanes v, int i)
    ctypedef int64_t pair
    ctypedef int64_t pairs
    pairs pack_pairs(pair, pair, pair, pair, pair, pair, pair, pair)
    pair pair_of(pairs both, int i)
    void split(pairs both, lanes* w, lanes* G)
    pairs join(lanes w, lanes G)
    real total(lanes v)
    lanes load_lanes(const real* numbers, int n)
    void add_up(double* sums, lanes v)
    uint32_t bits_of(real x, int exact)
    int HAS_AVX2()
    int HAS_AVX512()
    void prefetch(const void* address, Py_ssize_t size)

ctypedef fused index:
    int32_t
    int64_t

# How far ahead of the row at work the rows to come are fetched. Rows are visited in
# random order, so without this each one starts with a wait for memory.
cdef enum:
    ROWS_AHEAD = 16
    POINTERS_AHEAD = 32

# A table beyond this many bytes is not in the near caches: the weights of the next row
# are fetched while the present one is learned. With 2^20 features in float64 that makes
# 3.7 of 6.0 ns per non-zero; below the limit it would cost up to a quarter.
cdef enum:
    NEAR_CACHE = 1 << 21


# Losses: value and slope d(value)/dp for eight raw predictions p and targets y. Margin
# losses have y = -1 or 1, or 0 in lanes that are not in use.

ctypedef void (*loss_function)(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil


cdef void log_loss(
    lanes p, lanes y, real parameter, lanes* value, lanes* slope
) noexcept nogil:
    cdef lanes z, u
    z = y * p
    u = exponential(-magnitude(z))
    value[0] = log_one_plus(u) + positive(-z)
    slope[0] = -y * if_above(z, spread(0), u, spread(1)) / (spread(1) + u)


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
    slope[0] = if_above(r, spread(0), spread(1 - parameter), spread(-parameter))


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


cdef class Loss:
    """A loss that `train` can use; `evaluate` shows its value and slope."""

    cdef loss_function function

    @staticmethod
    cdef Loss of(loss_function function):
        cdef Loss loss = Loss.__new__(Loss)
        loss.function = function
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
                value[begin + i] = lane(value8, i)
                slope[begin + i] = lane(slope8, i)


LOSSES = {
    "log_loss": Loss.of(log_loss),
    "hinge": Loss.of(hinge),
    "squared_hinge": Loss.of(squared_hinge),
    "modified_huber": Loss.of(modified_huber),
    "perceptron": Loss.of(perceptron),
    "squared_error": Loss.of(squared_error),
    "absolute_error": Loss.of(absolute_error),
    "huber": Loss.of(huber),
    "epsilon_insensitive": Loss.of(epsilon_insensitive),
    "squared_epsilon_insensitive": Loss.of(squared_epsilon_insensitive),
    "quantile": Loss.of(quantile),
}


cdef inline Py_ssize_t find_row(
    const index* indptr, const index* indices, const real* data, Py_ssize_t n_features,
    Py_ssize_t row, const index** columns, const real** values,
) noexcept nogil:
    """Point to a row's columns and values and return how many there are."""
    cdef Py_ssize_t begin
    if indptr == NULL:
        columns[0] = indices
        values[0] = data + row * n_features
        return n_features
    begin = indptr[row]
    columns[0] = indices + begin
    values[0] = data + begin
    return indptr[row + 1] - begin


# The rule (Duchi, Hazan & Singer 2011), for eight weights of one row or one feature.

cdef inline void step(lanes* w, lanes* G, lanes g, lanes eta, lanes eps) noexcept nogil:
    G[0] = G[0] + g * g
    w[0] = w[0] - eta * g * inverse_root(G[0] + eps)


# Width 8: a feature's eight weights and eight accumulators lie side by side.

cdef inline lanes dot_wide(
    const real* table, const index* columns, const real* values, Py_ssize_t nnz
) noexcept nogil:
    cdef lanes p = spread(0)
    cdef Py_ssize_t k
    for k in range(nnz):
        p = p + (<const lanes*> (table + 16 * columns[k]))[0] * spread(values[k])
    return p


cdef inline void step_wide(
    real* table, const index* columns, const real* values, Py_ssize_t nnz,
    lanes slope, lanes eta, lanes eps,
) noexcept nogil:
    cdef lanes* line
    cdef Py_ssize_t k
    for k in range(nnz):
        line = <lanes*> (table + 16 * columns[k])
        step(line, line + 1, slope * spread(values[k]), eta, eps)


# Width 1: eight entries of the row at a time, drawn from eight places of the table. A
# prediction reads w alone: drawing pairs as `step_tile` does takes 8.3 instead of 6.1
# ns per non-zero in float64 on conll2000, and gains nothing elsewhere.

cdef inline lanes pull(const real* table, const index* columns) noexcept nogil:
    return pack(
        table[2 * columns[0]], table[2 * columns[1]], table[2 * columns[2]],
        table[2 * columns[3]], table[2 * columns[4]], table[2 * columns[5]],
        table[2 * columns[6]], table[2 * columns[7]],
    )


cdef inline lanes dot_narrow(
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
    return p


cdef inline void step_tile(
    real* table, const index* columns, const real* values, int n,
    lanes slope, lanes eta, lanes eps,
) noexcept nogil:
    cdef lanes w, G
    cdef pairs both = pack_pairs(
        (<const pair*> table)[columns[0]], (<const pair*> table)[columns[1]],
        (<const pair*> table)[columns[2]], (<const pair*> table)[columns[3]],
        (<const pair*> table)[columns[4]], (<const pair*> table)[columns[5]],
        (<const pair*> table)[columns[6]], (<const pair*> table)[columns[7]],
    )
    cdef int i
    split(both, &w, &G)
    step(&w, &G, slope * (<const lanes*> values)[0], eta, eps)
    both = join(w, G)
    for i in range(n):
        (<pair*> table)[columns[i]] = pair_of(both, i)


cdef inline void step_narrow(
    real* table, const index* columns, const real* values, Py_ssize_t nnz,
    lanes slope, lanes eta, lanes eps,
) noexcept nogil:
    cdef index[8] head_columns
    cdef real[8] head
    cdef Py_ssize_t k = nnz & 7
    if k:
        load_first(head_columns, columns, k, sizeof(index))
        load_first(head, values, k, sizeof(real))
        step_tile(table, head_columns, head, <int> k, slope, eta, eps)
    for k in range(k, nnz, 8):
        step_tile(table, columns + k, values + k, 8, slope, eta, eps)


def train(
    const index[::1] indptr,         # in: CSR rows; empty for dense ones
    const index[::1] indices,        # in: columns; of dense rows 0, 1, 2, ...
    const real[::1] data,            # in: values, row after row
    Py_ssize_t n_features,           # in
    const uint32_t[::1] order,       # in: rows to visit; empty: all as they come
    Py_ssize_t start,                # in: first visit of the block
    Py_ssize_t stop,                 # in: behind its last
    const real[:, ::1] targets,      # in: class codes (n, 1) or values (n, n_outputs)
    const real[::1] codes,           # in: class code of each output; empty for values
    const real[::1] sample_weight,   # in: of each row; empty: all 1
    Py_ssize_t first,                # in: output that the bank's first lane learns
    int n_lanes,                     # in: lanes in use
    real[:, :, ::1] table,           # in/out: w and G
    real[:, ::1] intercept,          # in/out: w and G
    const real[::1] eta,             # in: base learning rate of each lane
    real eps,                        # in
    bint fit_intercept,              # in
    Loss loss,                       # in
    real loss_parameter,             # in
    double[::1] loss_sum,            # in/out: weighted loss, scored before learning
):
    """Learn from each visited row in turn."""
    cdef:
        bint sparse = indptr.shape[0] > 0
        bint shuffled = order.shape[0] > 0
        bint one_hot = codes.shape[0] > 0
        bint weighted = sample_weight.shape[0] > 0
        bint narrow = table.shape[2] == 1
        Py_ssize_t line = 2 * table.shape[2]
        bint large = n_features * line * sizeof(real) > NEAR_CACHE
        const index* starts = &indptr[0] if indptr.shape[0] else NULL
        const index* columns = &indices[0] if indices.shape[0] else NULL
        const index* row_columns
        const real* row_values
        const real* values = &data[0] if data.shape[0] else NULL
        real* weights = &table[0, 0, 0] if table.shape[0] else NULL
        double[8] losses
        lanes rates = spread(eta[0]) if narrow else (<const lanes*> &eta[0])[0]
        lanes bias, bias_G, code, used, p, y, value, slope, floor = spread(eps)
        real[8] ones
        Py_ssize_t i, row, nnz, next_nnz, k
        real weight = 1
        int j
    bias = load_lanes(&intercept[0, 0], n_lanes)
    bias_G = load_lanes(&intercept[1, 0], n_lanes)
    code = load_lanes(&codes[first], n_lanes) if one_hot else spread(0)
    for j in range(8):
        losses[j] = loss_sum[j] if j < n_lanes else 0
        ones[j] = 1
    used = load_lanes(ones, n_lanes)
    with nogil:
        for i in range(start, stop):
            row = order[i] if shuffled else i
            if shuffled and i + POINTERS_AHEAD < stop:
                if sparse:
                    prefetch(&indptr[order[i + POINTERS_AHEAD]], 2 * sizeof(index))
                k = order[i + ROWS_AHEAD]
                prefetch(&targets[k, 0], 1)
                if weighted:
                    prefetch(&sample_weight[k], 1)
                nnz = find_row(
                    starts, columns, values, n_features, k, &row_columns, &row_values
                )
                prefetch(row_values, nnz * sizeof(real))
                if sparse:
                    prefetch(row_columns, nnz * sizeof(index))
            if large and i + 1 < stop:
                next_nnz = find_row(
                    starts, columns, values, n_features,
                    order[i + 1] if shuffled else i + 1, &row_columns, &row_values,
                )
                for k in range(next_nnz):
                    prefetch(weights + line * row_columns[k], line * sizeof(real))
            if weighted:
                weight = sample_weight[row]
                if weight == 0:
                    continue
            nnz = find_row(
                starts, columns, values, n_features, row, &row_columns, &row_values
            )

            # Predict.
            if narrow:
                p = spread(total(dot_narrow(weights, row_columns, row_values, nnz)))
            else:
                p = dot_wide(weights, row_columns, row_values, nnz)
            if one_hot:
                y = if_equal(spread(targets[row, 0]), code, used, -used)
            elif narrow:
                y = spread(targets[row, first])
            else:
                y = load_lanes(&targets[row, first], n_lanes)

            # Score, then learn.
            loss.function(p + bias, y, loss_parameter, &value, &slope)
            slope = spread(weight) * slope
            if narrow:
                losses[0] += weight * lane(value, 0)
                if lane(slope, 0) == 0:
                    continue
                slope = spread(lane(slope, 0))
                step_narrow(weights, row_columns, row_values, nnz, slope, rates, floor)
            else:
                add_up(losses, spread(weight) * value)
                if total(magnitude(slope)) == 0:
                    continue
                step_wide(weights, row_columns, row_values, nnz, slope, rates, floor)
            if fit_intercept:
                step(&bias, &bias_G, slope, rates, floor)
    for j in range(n_lanes):
        intercept[0, j] = lane(bias, j)
        intercept[1, j] = lane(bias_G, j)
        loss_sum[j] = losses[j]


def raw_prediction(
    const index[::1] indptr,         # in: as in train
    const index[::1] indices,        # in
    const real[::1] data,            # in
    Py_ssize_t n_features,           # in
    const real[:, :, ::1] table,     # in
    const real[:, ::1] intercept,    # in
    Py_ssize_t first,                # in: column of `out` for the bank's first lane
    int n_lanes,                     # in
    real[:, ::1] out,                # out: (n_rows, n_outputs)
):
    """Write w . x + b of each row and lane."""
    cdef:
        bint narrow = table.shape[2] == 1
        const index* starts = &indptr[0] if indptr.shape[0] else NULL
        const index* columns = &indices[0] if indices.shape[0] else NULL
        const index* row_columns
        const real* row_values
        const real* values = &data[0] if data.shape[0] else NULL
        const real* weights = &table[0, 0, 0] if table.shape[0] else NULL
        Py_ssize_t row, nnz
        lanes p
        int j
    with nogil:
        for row in range(out.shape[0]):
            nnz = find_row(
                starts, columns, values, n_features, row, &row_columns, &row_values
            )
            if narrow:
                p = spread(total(dot_narrow(weights, row_columns, row_values, nnz)))
            else:
                p = dot_wide(weights, row_columns, row_values, nnz)
            for j in range(n_lanes):
                out[row, first + j] = lane(p, j) + intercept[0, j]


def inspect(const index[::1] indptr, const index[::1] indices):
    """Read a CSR matrix's structure once, trusting nothing but the arrays' lengths.

    Returns the first row whose end lies before its start or behind `indices` (-1 if
    none), the smallest and largest column, and whether all columns rise within rows.
    """
    cdef:
        index low = 0, high = -1
        Py_ssize_t row, k, falls = 0, falls_between_rows = 0
        Py_ssize_t n_rows = indptr.shape[0] - 1, nnz = indices.shape[0]
    with nogil:
        for row in range(n_rows):
            if not 0 <= indptr[row] <= indptr[row + 1] <= nnz:
                with gil:
                    return row, 0, 0, False
        nnz = indptr[n_rows]
        for k in range(nnz):
            low = indices[k] if indices[k] < low else low
            high = indices[k] if indices[k] > high else high
        for k in range(1, nnz):
            falls += indices[k] <= indices[k - 1]
        for row in range(1, n_rows):
            k = indptr[row]
            if indptr[row - 1] < k < nnz:
                falls_between_rows += indices[k] <= indices[k - 1]
    return -1, low, high, falls == falls_between_rows


def all_finite(const real[::1] data):
    """Whether there is no NaN and no infinity: 0 times either is not 0."""
    cdef:
        const real* values = &data[0] if data.shape[0] else NULL
        Py_ssize_t n = data.shape[0], k
        lanes products = spread(0)
        real product = 0
    with nogil:
        for k in range(0, n - 7, 8):
            products = products + spread(0) * (<const lanes*> (values + k))[0]
        for k in range(n - n % 8, n):
            product += 0 * values[k]
        product += total(products)
    return product == 0


cdef inline uint64_t scramble(uint64_t h) noexcept nogil:
    h = (h ^ (h >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    h = (h ^ (h >> 27)) * <uint64_t> 0x94D049BB133111EB
    return h ^ (h >> 31)


def row_keys(
    const index[::1] indptr,         # in: as in train
    const index[::1] indices,        # in
    const real[::1] data,            # in
    Py_ssize_t n_features,           # in
    const real[:, ::1] targets,      # in
    const uint32_t[::1] order,       # in: rows to hash; empty: all
    bint exact,                      # in: hash values as they are, else as float32
    uint64_t seed,                   # in
    uint64_t[::1] keys,              # out
):
    """Hash each row's non-zero values, their columns and the row's targets.

    The entries' hashes are added up, so neither zeros nor the format matter; rounding
    to float32 lets float32 and float64 data have the same keys.
    """
    cdef:
        bint chosen = order.shape[0] > 0
        const index* starts = &indptr[0] if indptr.shape[0] else NULL
        const index* indices_ = &indices[0] if indices.shape[0] else NULL
        const real* data_ = &data[0] if data.shape[0] else NULL
        const index* columns
        const real* values
        Py_ssize_t i, row, nnz, k
        uint64_t h, h2, factor
        uint32_t c, v, seed_c = <uint32_t> seed, seed_v = <uint32_t> (seed >> 32)
        int j
    with nogil:
        for i in range(keys.shape[0]):
            row = order[i] if chosen else i
            nnz = find_row(starts, indices_, data_, n_features, row, &columns, &values)
            h = h2 = seed
            for k in range(nnz):
                v = bits_of(values[k], exact)
                c = (<uint32_t> columns[k] ^ seed_c) * <uint32_t> 0x9E3779B1
                c = (c ^ (c >> 15)) * <uint32_t> 0x85EBCA77
                v = ((v ^ seed_v) * <uint32_t> 0xC2B2AE3D) | 1
                factor = <uint64_t> (v ^ (v >> 16)) * <uint64_t> (values[k] != 0)
                # Two sums, since entries of one value only add up what 32 bits of the
                # column give: one of them would make two rows in 2**35 agree.
                h += (c ^ (c >> 13)) * factor
                c = (c ^ (c >> 16)) * <uint32_t> 0x27D4EB2F
                h2 += (c ^ (c >> 15)) * factor
            h = scramble(h) ^ h2
            for j in range(targets.shape[1]):
                h = scramble(h + bits_of(targets[row, j], exact) + j)
            keys[i] = scramble(h)


def supports(str instruction_set):
    """Whether the processor, and this build, have "avx2" or "avx512"."""
    return {"avx2": HAS_AVX2(), "avx512": HAS_AVX512()}[instruction_set] != 0
