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
    real exponential(real x)
    real log_one_plus(real u)
    lanes spread(real x)
    lanes root(lanes v)
    lanes pack(real, real, real, real, real, real, real, real)
    real lane(lanes v, int i)
    real total(lanes v)
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
    ROWS_AHEAD = 8
    POINTERS_AHEAD = 32


# Losses: value and slope d(value)/dp for n lanes of raw predictions p and targets y.
# Margin losses have y = -1 or 1. Written without branches, so that they vectorise.

ctypedef void (*loss_function)(
    int n, const real* p, const real* y, real parameter, real* value, real* slope
) noexcept nogil


cdef void log_loss(
    int n, const real* p, const real* y, real parameter, real* value, real* slope
) noexcept nogil:
    cdef real z, u
    cdef int i
    for i in range(n):
        z = y[i] * p[i]
        u = exponential(-z if z > 0 else z)
        value[i] = log_one_plus(u) + (0 if z > 0 else -z)
        slope[i] = -y[i] * (u if z > 0 else 1) / (1 + u)


cdef void hinge(
    int n, const real* p, const real* y, real parameter, real* value, real* slope
) noexcept nogil:
    cdef real z
    cdef int i
    for i in range(n):
        z = 1 - y[i] * p[i]
        value[i] = z if z > 0 else 0
        slope[i] = -y[i] if z >= 0 else 0


cdef void perceptron(
    int n, const real* p, const real* y, real parameter, real* value, real* slope
) noexcept nogil:
    cdef real z
    cdef int i
    for i in range(n):
        z = -y[i] * p[i]
        value[i] = z if z > 0 else 0
        slope[i] = -y[i] if z >= 0 else 0


cdef void squared_hinge(
    int n, const real* p, const real* y, real parameter, real* value, real* slope
) noexcept nogil:
    cdef real z
    cdef int i
    for i in range(n):
        z = 1 - y[i] * p[i]
        z = z if z > 0 else 0
        value[i] = z * z
        slope[i] = -2 * y[i] * z


cdef void modified_huber(
    int n, const real* p, const real* y, real parameter, real* value, real* slope
) noexcept nogil:
    cdef real z, m
    cdef int i
    for i in range(n):
        z = y[i] * p[i]
        m = 1 - z if z < 1 else 0
        value[i] = m * m if z > -1 else -4 * z
        slope[i] = -2 * y[i] * (m if z > -1 else 2)


cdef void squared_error(
    int n, const real* p, const real* y, real parameter, real* value, real* slope
) noexcept nogil:
    cdef real r
    cdef int i
    for i in range(n):
        r = p[i] - y[i]
        value[i] = r * r / 2
        slope[i] = r


cdef void absolute_error(
    int n, const real* p, const real* y, real parameter, real* value, real* slope
) noexcept nogil:
    cdef real r
    cdef int i
    for i in range(n):
        r = p[i] - y[i]
        value[i] = r if r > 0 else -r
        slope[i] = (1 if r > 0 else 0) - (1 if r < 0 else 0)


cdef void quantile(
    int n, const real* p, const real* y, real parameter, real* value, real* slope
) noexcept nogil:
    cdef real r
    cdef int i
    for i in range(n):
        r = p[i] - y[i]
        value[i] = (1 - parameter) * r if r > 0 else -parameter * r
        slope[i] = 1 - parameter if r > 0 else -parameter


cdef void huber(
    int n, const real* p, const real* y, real parameter, real* value, real* slope
) noexcept nogil:
    cdef real r, a
    cdef int i
    for i in range(n):
        r = p[i] - y[i]
        a = r if r > 0 else -r
        value[i] = a * a / 2 if a <= parameter else parameter * (a - parameter / 2)
        slope[i] = r if a <= parameter else (parameter if r > 0 else -parameter)


cdef void epsilon_insensitive(
    int n, const real* p, const real* y, real parameter, real* value, real* slope
) noexcept nogil:
    cdef real r, a
    cdef int i
    for i in range(n):
        r = p[i] - y[i]
        a = (r if r > 0 else -r) - parameter
        value[i] = a if a > 0 else 0
        slope[i] = (0 if a <= 0 else (1 if r > 0 else -1))


cdef void squared_epsilon_insensitive(
    int n, const real* p, const real* y, real parameter, real* value, real* slope
) noexcept nogil:
    cdef real r, a
    cdef int i
    for i in range(n):
        r = p[i] - y[i]
        a = (r if r > 0 else -r) - parameter
        a = a if a > 0 else 0
        value[i] = a * a
        slope[i] = 2 * a if r > 0 else -2 * a


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
        if p.shape[0]:
            self.function(<int> p.shape[0], &p[0], &y[0], parameter, &value[0], &slope[0])


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


# The rule (Duchi, Hazan & Singer 2011), for eight weights of one row or one feature.

cdef inline void step(lanes* w, lanes* G, lanes g, lanes eta, lanes eps) noexcept nogil:
    G[0] = G[0] + g * g
    w[0] = w[0] - eta * g / root(G[0] + eps)


cdef inline Py_ssize_t column(const index* columns, Py_ssize_t k) noexcept nogil:
    """Column of a row's k-th entry; a dense row has all columns and names none."""
    return k if columns == NULL else columns[k]


# Width 8: a feature's eight weights and eight accumulators lie side by side.

cdef inline lanes dot_wide(
    const real* table, const index* columns, const real* values, Py_ssize_t nnz
) noexcept nogil:
    cdef lanes p = spread(0)
    cdef Py_ssize_t k
    for k in range(nnz):
        p = p + (<const lanes*> (table + 16 * column(columns, k)))[0] * spread(values[k])
    return p


cdef inline void step_wide(
    real* table, const index* columns, const real* values, Py_ssize_t nnz,
    lanes slope, lanes eta, lanes eps,
) noexcept nogil:
    cdef lanes* line
    cdef Py_ssize_t k
    for k in range(nnz):
        line = <lanes*> (table + 16 * column(columns, k))
        step(line, line + 1, slope * spread(values[k]), eta, eps)


# Width 1: eight entries of the row at a time, drawn from eight places of the table.

cdef inline lanes pull(const real* table, const index* columns, int part) noexcept nogil:
    return pack(
        table[2 * columns[0] + part], table[2 * columns[1] + part],
        table[2 * columns[2] + part], table[2 * columns[3] + part],
        table[2 * columns[4] + part], table[2 * columns[5] + part],
        table[2 * columns[6] + part], table[2 * columns[7] + part],
    )


cdef inline void push(
    real* table, const index* columns, lanes w, lanes G, int n
) noexcept nogil:
    cdef int i
    for i in range(n):
        table[2 * columns[i]] = lane(w, i)
        table[2 * columns[i] + 1] = lane(G, i)


cdef inline Py_ssize_t load_tail(
    const index* columns, const real* values, Py_ssize_t nnz, Py_ssize_t k,
    index* tail_columns, real* tail_values,
) noexcept nogil:
    """Copy entries k, k + 1, ... and fill up to eight with zeros; return how many."""
    cdef Py_ssize_t n = nnz - k, i
    for i in range(8):
        tail_columns[i] = <index> column(columns, k + i if i < n else k)
        tail_values[i] = values[k + i] if i < n else 0
    return n


cdef inline lanes dot_narrow(
    const real* table, const index* columns, const real* values, Py_ssize_t nnz
) noexcept nogil:
    cdef lanes p = spread(0)
    cdef index[8] tail_columns
    cdef real[8] tail_values
    cdef Py_ssize_t k = 0
    if columns != NULL:
        while k + 8 <= nnz:
            p = p + pull(table, columns + k, 0) * (<const lanes*> (values + k))[0]
            k += 8
    while k < nnz:
        load_tail(columns, values, nnz, k, tail_columns, tail_values)
        p = p + pull(table, tail_columns, 0) * (<lanes*> tail_values)[0]
        k += 8
    return p


cdef inline void step_narrow(
    real* table, const index* columns, const real* values, Py_ssize_t nnz,
    lanes slope, lanes eta, lanes eps,
) noexcept nogil:
    cdef lanes w, G
    cdef index[8] tail_columns
    cdef real[8] tail_values
    cdef Py_ssize_t k = 0, n
    if columns != NULL:
        while k + 8 <= nnz:
            w = pull(table, columns + k, 0)
            G = pull(table, columns + k, 1)
            step(&w, &G, slope * (<const lanes*> (values + k))[0], eta, eps)
            push(table, columns + k, w, G, 8)
            k += 8
    while k < nnz:
        n = load_tail(columns, values, nnz, k, tail_columns, tail_values)
        w = pull(table, tail_columns, 0)
        G = pull(table, tail_columns, 1)
        step(&w, &G, slope * (<lanes*> tail_values)[0], eta, eps)
        push(table, tail_columns, w, G, <int> (n if n < 8 else 8))
        k += 8


def train(
    const index[::1] indptr,         # in: CSR rows; empty for dense ones
    const index[::1] indices,        # in
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
    double[::1] loss_sum,            # in/out: weighted loss of each lane before learning
):
    """Learn from each visited row in turn."""
    cdef:
        bint sparse = indptr.shape[0] > 0
        bint shuffled = order.shape[0] > 0
        bint one_hot = codes.shape[0] > 0
        bint weighted = sample_weight.shape[0] > 0
        bint narrow = table.shape[2] == 1
        const index* columns = &indices[0] if indices.shape[0] else NULL
        const real* values = &data[0] if data.shape[0] else NULL
        real* weights = &table[0, 0, 0] if table.shape[0] else NULL
        real[8] p, y, value, slope
        double[8] losses
        lanes rates = spread(eta[0]) if narrow else (<const lanes*> &eta[0])[0]
        lanes bias, bias_G, slopes, floor = spread(eps)
        Py_ssize_t i, row, ahead, begin, nnz
        real weight = 1
        bint moves
        int j
    for j in range(8):
        p[j] = intercept[0, j] if j < n_lanes else 0
        value[j] = intercept[1, j] if j < n_lanes else 0
        losses[j] = loss_sum[j] if j < n_lanes else 0
        y[j] = 0
    bias = (<lanes*> p)[0]
    bias_G = (<lanes*> value)[0]
    with nogil:
        for i in range(start, stop):
            row = order[i] if shuffled else i
            if shuffled and i + POINTERS_AHEAD < stop:
                if sparse:
                    prefetch(&indptr[order[i + POINTERS_AHEAD]], 1)
                ahead = order[i + ROWS_AHEAD]
                prefetch(&targets[ahead, 0], 1)
                begin = indptr[ahead] if sparse else ahead * n_features
                nnz = indptr[ahead + 1] - begin if sparse else n_features
                prefetch(values + begin, nnz * sizeof(real))
                if sparse:
                    prefetch(columns + begin, nnz * sizeof(index))
            if weighted:
                weight = sample_weight[row]
                if weight == 0:
                    continue
            begin = indptr[row] if sparse else row * n_features
            nnz = indptr[row + 1] - begin if sparse else n_features

            # Predict.
            (<lanes*> p)[0] = bias
            if narrow:
                p[0] += total(dot_narrow(
                    weights, columns + begin if sparse else NULL, values + begin, nnz
                ))
            else:
                (<lanes*> p)[0] = bias + dot_wide(
                    weights, columns + begin if sparse else NULL, values + begin, nnz
                )
            if one_hot:
                for j in range(n_lanes):
                    y[j] = 1 if targets[row, 0] == codes[first + j] else -1
            else:
                for j in range(n_lanes):
                    y[j] = targets[row, first + j]

            # Score, then learn.
            loss.function(1 if narrow else 8, p, y, loss_parameter, value, slope)
            moves = False
            for j in range(n_lanes):
                losses[j] += weight * value[j]
                slope[j] *= weight
                moves |= slope[j] != 0
            if not moves:
                continue
            if narrow:
                slopes = spread(slope[0])
                step_narrow(
                    weights, columns + begin if sparse else NULL, values + begin, nnz,
                    slopes, rates, floor,
                )
            else:
                slopes = (<lanes*> slope)[0]
                step_wide(
                    weights, columns + begin if sparse else NULL, values + begin, nnz,
                    slopes, rates, floor,
                )
            if fit_intercept:
                step(&bias, &bias_G, slopes, rates, floor)
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
        bint sparse = indptr.shape[0] > 0
        bint narrow = table.shape[2] == 1
        const index* columns = &indices[0] if indices.shape[0] else NULL
        const real* values = &data[0] if data.shape[0] else NULL
        const real* weights = &table[0, 0, 0] if table.shape[0] else NULL
        Py_ssize_t row, begin, nnz
        lanes p
        int j
    with nogil:
        for row in range(out.shape[0]):
            begin = indptr[row] if sparse else row * n_features
            nnz = indptr[row + 1] - begin if sparse else n_features
            if narrow:
                p = spread(total(dot_narrow(
                    weights, columns + begin if sparse else NULL, values + begin, nnz
                )))
            else:
                p = dot_wide(
                    weights, columns + begin if sparse else NULL, values + begin, nnz
                )
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
            if indptr[row] < 0 or indptr[row + 1] < indptr[row] or indptr[row + 1] > nnz:
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
    bint exact,                      # in: hash values as they are, else as float32
    uint64_t seed,                   # in
    uint64_t[::1] keys,              # out
):
    """Hash each row's non-zero values, their columns and the row's targets.

    The entries' hashes are added up, so neither zeros nor the format matter; rounding
    to float32 lets float32 and float64 data have the same keys.
    """
    cdef:
        bint sparse = indptr.shape[0] > 0
        Py_ssize_t row, begin, nnz, k
        uint64_t h
        uint32_t c, v, seed_c = <uint32_t> seed, seed_v = <uint32_t> (seed >> 32)
        int j
    with nogil:
        for row in range(keys.shape[0]):
            begin = indptr[row] if sparse else row * n_features
            nnz = indptr[row + 1] - begin if sparse else n_features
            h = seed
            for k in range(begin, begin + nnz):
                v = bits_of(data[k], exact)
                c = <uint32_t> (indices[k] if sparse else k - begin)
                c = (c ^ seed_c) * <uint32_t> 0x9E3779B1
                c = (c ^ (c >> 15)) * <uint32_t> 0x85EBCA77
                c = c ^ (c >> 13)
                v = (v ^ seed_v) * <uint32_t> 0xC2B2AE3D
                v = v ^ (v >> 16)
                h += (<uint64_t> c * (v | 1) + c) * (data[k] != 0)
            for j in range(targets.shape[1]):
                h = scramble(h + bits_of(targets[row, j], exact) + j)
            keys[row] = scramble(h)


def supports(str instruction_set):
    """Whether the processor, and this build, have "avx2" or "avx512"."""
    return {"avx2": HAS_AVX2(), "avx512": HAS_AVX512()}[instruction_set] != 0
