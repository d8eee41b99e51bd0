"""One pass over a block of rows for one group of banks: the arithmetic, and no more.

There is no clock, generator, printing or callback here, and nothing is checked:
Python has checked before. The file is compiled once for each floating type and
instruction set (see setup.py), so `real` is float or double and `lanes` eight of
them.

A bank is `table[n_features, 2, width]`: for each feature two numbers of each of its
models, the weight w and the accumulator G (or what the update keeps instead, see
_kernel_updates.pxi). Width 8 trains eight models, one a lane. Width 1 trains one, and
takes eight non-zeros of the row at a time instead: a row has each column once, so they
cannot conflict. Both use the same equations, written once; what belongs to a lane and
not to a feature is there eight times also for width 1. The banks of a group are
those whose models need each other's predictions, in a softmax; else there is one.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cdef extern from "_lanes.h" nogil:
    ctypedef double real
    ctypedef double lanes
    real LARGEST
    real LINK_LIMIT
    lanes exponential(lanes x)
    lanes exponential_minus_one(lanes x)
    lanes logarithm(lanes x)
    lanes log_one_plus(lanes u)
    lanes log_one_plus_any(lanes u)
    lanes positive(lanes x)
    lanes magnitude(lanes x)
    lanes sign(lanes x)
    lanes if_above(lanes a, lanes b, lanes yes, lanes no)
    lanes if_equal(lanes a, lanes b, lanes yes, lanes no)
    lanes spread(real x)
    lanes inverse_root(lanes v)
    lanes root(lanes v)
    lanes pack(real, real, real, real, real, real, real, real)
    lanes gather(const real* row, const int32_t* columns)
    void load_first(void* eight, const void* source, Py_ssize_t n, size_t size)
    real lane(lanes v, int i)
    ctypedef int64_t pair
    ctypedef int64_t pairs
    pairs pack_pairs(pair, pair, pair, pair, pair, pair, pair, pair)
    pair pair_of(pairs both, int i)
    void split(pairs both, lanes* w, lanes* G)
    pairs join(lanes w, lanes G)
    ctypedef struct running_sum:
        pass
    void clear(running_sum* sums)
    void add_times(running_sum* sums, const real* eight, real x)
    void add_to(lanes* p, const running_sum* sums)
    bint all_zero(lanes v)
    bint any_above(lanes a, lanes b)
    lanes log_series(lanes u)
    lanes decay_series(lanes x)
    real SMALL_STEP
    real total(lanes v)
    real largest(lanes v)
    void add_up(double* sums, lanes v)
    uint32_t bits_of(real x, int exact)
    int HAS_AVX2()
    int HAS_AVX512()
    void prefetch(const void* address, Py_ssize_t size)
    ctypedef void separate  # void, of a function that is not inlined

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

include "_kernel_losses.pxi"
include "_kernel_updates.pxi"
include "_kernel_rows.pxi"


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


# The functions of a row are kept apart from the loop over rows, which has so much to
# remember that their loops would find no free registers.

cdef separate dot(
    bint narrow, int reading, const real* table, Py_ssize_t stride,
    const int64_t* touched, int64_t t, const index* columns, const real* values,
    Py_ssize_t nnz, const Symbols* rule, lanes* p,
) noexcept nogil:
    """Add w . x of the bank's lanes to p; if there is one lane, to all of p."""
    if narrow:
        if reading == AS_STORED:
            p[0] += dot_narrow_stored(table, columns, values, nnz)
        elif reading == FROM_SUM:
            p[0] += dot_narrow(FROM_SUM, table, touched, t, columns, values, nnz, rule)
        else:
            p[0] += dot_narrow(
                WITH_MISSED, table, touched, t, columns, values, nnz, rule
            )
    elif reading == AS_STORED:
        dot_wide_stored(table, stride, columns, values, nnz, p)
    elif reading == FROM_SUM:
        p[0] += dot_wide(
            FROM_SUM, table, stride, touched, t, columns, values, nnz, rule
        )
    else:
        p[0] += dot_wide(
            WITH_MISSED, table, stride, touched, t, columns, values, nnz, rule
        )


cdef separate catch_up(
    bint narrow, real* table, Py_ssize_t stride, const int64_t* touched, int64_t t,
    const index* columns, Py_ssize_t nnz, const Symbols* rule,
) noexcept nogil:
    """Apply the regularisation that the row's weights have missed."""
    if narrow:
        catch_up_narrow(table, touched, t, columns, nnz, rule)
    else:
        catch_up_wide(table, stride, touched, t, columns, nnz, rule)


cdef separate reach(
    bint narrow, const real* table, Py_ssize_t stride,
    const index* columns, const real* values, Py_ssize_t nnz, const Symbols* rule,
    lanes* N,
) noexcept nogil:
    """Add the sum of x² times the rates that the coming step will have."""
    if narrow:
        N[0] += reach_narrow(table, columns, values, nnz, rule)
    else:
        N[0] += reach_wide(table, stride, columns, values, nnz, rule)


cdef separate step_row(
    bint narrow, int learning, real* table, Py_ssize_t stride,
    const index* columns, const real* values, Py_ssize_t nnz, const Symbols* rule,
) noexcept nogil:
    if narrow:
        if learning == MIRROR_DESCENT:
            step_narrow(MIRROR_DESCENT, table, columns, values, nnz, rule)
        elif learning == FORGETTING:
            step_narrow(FORGETTING, table, columns, values, nnz, rule)
        elif learning == DUAL_AVERAGING:
            step_narrow(DUAL_AVERAGING, table, columns, values, nnz, rule)
        else:
            step_narrow(FTRL_PROXIMAL, table, columns, values, nnz, rule)
    elif learning == MIRROR_DESCENT:
        step_wide(MIRROR_DESCENT, table, stride, columns, values, nnz, rule)
    elif learning == FORGETTING:
        step_wide(FORGETTING, table, stride, columns, values, nnz, rule)
    elif learning == DUAL_AVERAGING:
        step_wide(DUAL_AVERAGING, table, stride, columns, values, nnz, rule)
    else:
        step_wide(FTRL_PROXIMAL, table, stride, columns, values, nnz, rule)


cdef inline void scale_row(
    real* table, Py_ssize_t stride, Py_ssize_t bank_stride, Py_ssize_t n_banks,
    int width, bint sums, real* scales, const index* columns, const real* values,
    Py_ssize_t nnz, real* scaled,
) noexcept nogil:
    """Divide the row by the largest |x| of each feature so far, this row included.

    Where that has grown, what was learned is brought to the new scale: G, a sum of
    squares, by the square of the ratio, z by the ratio; w stays, as the feature then
    says as much as before (Ross, Mineiro & Langford 2013, algorithm 2).
    """
    cdef Py_ssize_t k, b
    cdef real x, ratio
    cdef real* line
    cdef int j
    for k in range(nnz):
        x = -values[k] if values[k] < 0 else values[k]
        if x > scales[columns[k]]:
            ratio = scales[columns[k]] / x
            scales[columns[k]] = x
            if ratio > 0:
                for b in range(n_banks):
                    line = table + b * bank_stride + stride * columns[k]
                    for j in range(width):
                        line[width + j] *= ratio * ratio
                        if sums:
                            line[j] *= ratio
        scaled[k] = values[k] / scales[columns[k]] if x > 0 else 0


cdef inline void known_scale_row(
    const real* scales, const index* columns, const real* values, Py_ssize_t nnz,
    real* scaled,
) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(nnz):
        scaled[k] = values[k] / scales[columns[k]] if scales[columns[k]] > 0 else 0


cdef inline real softmax(
    lanes* p, const lanes* used, const lanes* code, Py_ssize_t n_banks, real label
) noexcept nogil:
    """Turn raw predictions into slopes of -log(probability of label); return that."""
    cdef Py_ssize_t b
    cdef real top = lane(p[0], 0), sum_of_all = 0, own = 0
    for b in range(n_banks):  # lanes that are not in use may be far above or below
        p[b] = if_above(used[b], spread(0), p[b], spread(top))
        top = max(top, largest(p[b]))
    for b in range(n_banks):
        own += total(if_equal(spread(label), code[b], p[b], spread(0)))
        p[b] = used[b] * exponential(p[b] - spread(top))
        sum_of_all += total(p[b])
    for b in range(n_banks):
        p[b] = p[b] / spread(sum_of_all) - if_equal(
            spread(label), code[b], used[b], spread(0)
        )
    return lane(logarithm(spread(sum_of_all)), 0) + top - own


def train(
    const index[::1] indptr,         # in: CSR rows; empty for dense ones
    const index[::1] indices,        # in: columns; of dense rows 0, 1, 2, ...
    const real[::1] data,            # in: values, row after row
    Py_ssize_t n_features,           # in
    const uint32_t[::1] order,       # in: rows to visit; empty: all as they come
    Py_ssize_t start,                # in: first visit of the block
    Py_ssize_t stop,                 # in: behind its last
    const real[:, ::1] values,       # in: targets (n, n_outputs); empty for labels
    const real[::1] labels,          # in: class codes, row after row
    const int64_t[::1] label_indptr,  # in: where each row's begin; empty: one a row
    const real[:, ::1] lane_labels,  # in: label of each lane, -1 in unused ones
    const int32_t[:, ::1] lane_columns,  # in: column of `values` of each lane
    const real[:, ::1] used,         # in: 1, or 0 in unused lanes
    const real[::1] sample_weight,   # in: of each row; empty: all 1
    real[:, :, :, :] table,          # in/out: (n_banks, n_features, 2, width)
    real[:, :, ::1] intercept,       # in/out: (n_banks, 2, 8)
    int64_t[::1] touched,            # in/out: t when last regularised; or empty
    real[::1] scales,                # in/out: largest |x| of each feature; or empty
    const real[:, ::1] eta,          # in: base learning rate of each lane
    double eps,                      # in
    double keep,                     # in: share of G that an update leaves
    double l1,                       # in: alpha * l1_ratio
    double l2,                       # in: alpha * (1 - l1_ratio)
    int64_t t,                       # in: samples learned from before
    Update update,                   # in
    bint fit_intercept,              # in
    bint importance_aware,           # in
    bint multinomial,                # in
    Loss loss,                       # in
    real loss_parameter,             # in
    real[:, ::1] raw,                # scratch: (n_banks, 8)
    real[::1] scaled,                # scratch: the longest row, if there are scales
    double[:, ::1] loss_sum,         # in/out: weighted loss, scored before learning
):
    """Learn from each visited row in turn; return how many of them had a weight."""
    cdef:
        bint sparse = indptr.shape[0] > 0
        bint shuffled = order.shape[0] > 0
        bint several = label_indptr.shape[0] > 0
        bint labelled = several or labels.shape[0] > 0
        bint weighted = sample_weight.shape[0] > 0
        bint normalised = scales.shape[0] > 0
        bint narrow = table.shape[3] == 1
        int width = <int> table.shape[3]
        int learning = learning_of(update, keep), reading = reading_of(update, l1, l2)
        Py_ssize_t n_banks = table.shape[0]
        Py_ssize_t bank_stride = table.strides[0] // <Py_ssize_t> sizeof(real)
        Py_ssize_t stride = table.strides[1] // <Py_ssize_t> sizeof(real)
        bint large = n_features * stride * <Py_ssize_t> sizeof(real) > NEAR_CACHE
        const index* starts = &indptr[0] if indptr.shape[0] else NULL
        const index* columns = &indices[0] if indices.shape[0] else NULL
        const index* row_columns
        const real* row_values
        const real* entries = &data[0] if data.shape[0] else NULL
        real* weights = &table[0, 0, 0, 0] if n_features else NULL
        int64_t* last = &touched[0] if touched.shape[0] else NULL
        lanes* p = <lanes*> &raw[0, 0]
        lanes y, value, slope, N, bias, bias_G, base
        lanes in_use, code, one = spread(1), zero = spread(0)
        Symbols rule, unpenalised
        Py_ssize_t i, b, row, nnz, next_nnz, k
        int64_t before = t
        real weight = 1
    rule.eps = unpenalised.eps = spread(<real> eps)
    rule.length = one
    rule.keep = spread(<real> keep)
    y = zero
    rule.l1 = spread(<real> l1)
    rule.l2 = spread(<real> l2)
    unpenalised.l1 = unpenalised.l2 = zero
    with nogil:
        for i in range(start, stop):
            row = order[i] if shuffled else i
            if shuffled and i + POINTERS_AHEAD < stop:
                if sparse:
                    prefetch(&indptr[order[i + POINTERS_AHEAD]], 2 * sizeof(index))
                k = order[i + ROWS_AHEAD]
                if not labelled:
                    prefetch(&values[k, 0], 1)
                elif not several:
                    prefetch(&labels[k], 1)
                if weighted:
                    prefetch(&sample_weight[k], 1)
                nnz = find_row(
                    starts, columns, entries, n_features, k, &row_columns, &row_values
                )
                prefetch(row_values, nnz * sizeof(real))
                if sparse:
                    prefetch(row_columns, nnz * sizeof(index))
            if large and i + 1 < stop:
                next_nnz = find_row(
                    starts, columns, entries, n_features,
                    order[i + 1] if shuffled else i + 1, &row_columns, &row_values,
                )
                for k in range(next_nnz):
                    prefetch(weights + stride * row_columns[k], stride * sizeof(real))
            if weighted:
                weight = sample_weight[row]
                if weight == 0:
                    continue
            nnz = find_row(
                starts, columns, entries, n_features, row, &row_columns, &row_values
            )
            if reading == FROM_SUM:
                rule.l1 = spread(<real> (t * l1))
                rule.l2 = spread(<real> (t * l2))

            # Bring the row's weights up to date.
            for b in range(n_banks):
                if reading != WITH_MISSED:
                    break
                rule.eta = (<const lanes*> &eta[b, 0])[0]
                catch_up(
                    narrow, weights + b * bank_stride, stride, last, t,
                    row_columns, nnz, &rule,
                )
            if reading == WITH_MISSED:
                for k in range(nnz):
                    last[row_columns[k]] = t
            if normalised:
                scale_row(
                    weights, stride, bank_stride, n_banks, width, reading == FROM_SUM,
                    &scales[0], row_columns, row_values, nnz, &scaled[0],
                )
                row_values = &scaled[0]

            # Predict.
            for b in range(n_banks):
                rule.eta = (<const lanes*> &eta[b, 0])[0]
                bias = (<const lanes*> &intercept[b, 0, 0])[0]
                if reading == FROM_SUM:
                    unpenalised.eta = rule.eta
                    bias_G = (<const lanes*> &intercept[b, 1, 0])[0]
                    bias = weight_of(FROM_SUM, bias, bias_G, zero, &unpenalised)
                p[b] = bias
                dot(
                    narrow, FROM_SUM if reading == FROM_SUM else AS_STORED,
                    weights + b * bank_stride, stride, last, t,
                    row_columns, row_values, nnz, &rule, &p[b],
                )

            # Score, then learn.
            t += 1
            if multinomial:
                loss_sum[0, 0] += weight * softmax(
                    p, <const lanes*> &used[0, 0], <const lanes*> &lane_labels[0, 0],
                    n_banks, labels[row],
                )
            for b in range(n_banks):
                base = (<const lanes*> &eta[b, 0])[0]
                in_use = (<const lanes*> &used[b, 0])[0]
                if multinomial:
                    slope = p[b]
                else:
                    if not labelled:
                        if narrow:
                            y = spread(values[row, lane_columns[0, 0]])
                        else:
                            y = in_use * gather(&values[row, 0], &lane_columns[b, 0])
                    else:
                        code = (<const lanes*> &lane_labels[b, 0])[0]
                        if several:
                            y = -in_use
                            for k in range(label_indptr[row], label_indptr[row + 1]):
                                y = if_equal(spread(labels[k]), code, in_use, y)
                        else:
                            y = if_equal(spread(labels[row]), code, in_use, -in_use)
                    loss.function(p[b], y, loss_parameter, &value, &slope)
                    add_up(&loss_sum[b, 0], spread(weight) * in_use * value)
                rule.slope = spread(weight) * in_use * slope
                if all_zero(rule.slope):
                    continue
                rule.eta = base
                if importance_aware:
                    N = zero
                    reach(
                        narrow, weights + b * bank_stride, stride,
                        row_columns, row_values, nnz, &rule, &N,
                    )
                    if fit_intercept:
                        bias_G = (<const lanes*> &intercept[b, 1, 0])[0]
                        N = N + base * inverse_root(
                            if_equal(rule.slope, zero, bias_G, rule.keep * bias_G)
                            + rule.slope * rule.slope + rule.eps
                        )
                    rule.length = if_equal(
                        rule.slope * N, zero, one,
                        loss.flow(p[b], y, loss_parameter, spread(weight), N)
                        / rule.slope,
                    )
                    if reading != FROM_SUM:
                        rule.eta = base * rule.length
                step_row(
                    narrow, learning, weights + b * bank_stride, stride,
                    row_columns, row_values, nnz, &rule,
                )
                if fit_intercept:
                    bias = (<const lanes*> &intercept[b, 0, 0])[0]
                    bias_G = (<const lanes*> &intercept[b, 1, 0])[0]
                    unpenalised.eta = rule.eta
                    unpenalised.keep = rule.keep
                    unpenalised.slope = rule.slope
                    unpenalised.length = rule.length
                    step(learning, &bias, &bias_G, one, &unpenalised)
                    (<lanes*> &intercept[b, 0, 0])[0] = bias
                    (<lanes*> &intercept[b, 1, 0])[0] = bias_G
    return t - before


def raw_prediction(
    const index[::1] indptr,         # in: as in train
    const index[::1] indices,        # in
    const real[::1] data,            # in
    Py_ssize_t n_features,           # in
    const real[:, :, :, :] table,    # in
    const real[:, :, ::1] bias,      # in: the intercepts' weights (n_banks, 1, 8)
    const int64_t[::1] touched,      # in
    const real[::1] scales,          # in
    const real[:, ::1] eta,          # in
    double eps,                      # in
    double l1,                       # in
    double l2,                       # in
    int64_t t,                       # in
    Update update,                   # in
    Py_ssize_t first,                # in: column of `out` for the group's first lane
    Py_ssize_t n_lanes,              # in: lanes in use
    real[::1] scaled,                # scratch: the longest row, if there are scales
    real[:, ::1] out,                # out: (n_rows, n_outputs)
):
    """Write w . x + b of each row and lane."""
    cdef:
        bint narrow = table.shape[3] == 1
        bint normalised = scales.shape[0] > 0
        int width = <int> table.shape[3], reading = reading_of(update, l1, l2)
        Py_ssize_t n_banks = table.shape[0]
        Py_ssize_t bank_stride = table.strides[0] // <Py_ssize_t> sizeof(real)
        Py_ssize_t stride = table.strides[1] // <Py_ssize_t> sizeof(real)
        const index* starts = &indptr[0] if indptr.shape[0] else NULL
        const index* columns = &indices[0] if indices.shape[0] else NULL
        const index* row_columns
        const real* row_values
        const real* entries = &data[0] if data.shape[0] else NULL
        const real* weights = &table[0, 0, 0, 0] if n_features else NULL
        const int64_t* last = &touched[0] if touched.shape[0] else NULL
        Symbols rule
        Py_ssize_t row, nnz, b
        lanes p
        int j
    set_read_only(&rule, eps, l1, l2, t, reading)
    with nogil:
        for row in range(out.shape[0]):
            nnz = find_row(
                starts, columns, entries, n_features, row, &row_columns, &row_values
            )
            if normalised:
                known_scale_row(&scales[0], row_columns, row_values, nnz, &scaled[0])
                row_values = &scaled[0]
            for b in range(n_banks):
                rule.eta = (<const lanes*> &eta[b, 0])[0]
                p = (<const lanes*> &bias[b, 0, 0])[0]
                dot(
                    narrow, reading, weights + b * bank_stride, stride, last, t,
                    row_columns, row_values, nnz, &rule, &p,
                )
                for j in range(min(width, n_lanes - b * width)):
                    out[row, first + b * width + j] = lane(p, j)


cdef inline void set_read_only(
    Symbols* rule, double eps, double l1, double l2, int64_t t, int reading
) noexcept nogil:
    cdef double times = t if reading == FROM_SUM else 1
    rule.eps = spread(<real> eps)
    rule.l1 = spread(<real> (times * l1))
    rule.l2 = spread(<real> (times * l2))


def read_weights(
    const real[:, :, :, :] table,    # in: as in train
    const int64_t[::1] touched,      # in
    const real[:, ::1] eta,          # in
    double eps,                      # in
    double l1,                       # in
    double l2,                       # in
    int64_t t,                       # in
    Update update,                   # in
    real[:, :, ::1] out,             # out: w (n_banks, n_features, width)
):
    """Write the weights as they stand after t samples, without changing anything."""
    cdef:
        bint narrow = table.shape[3] == 1
        int width = <int> table.shape[3], reading = reading_of(update, l1, l2), j
        Symbols rule
        Py_ssize_t b, k
        lanes state, G, missed = spread(0)
    set_read_only(&rule, eps, l1, l2, t, reading)
    with nogil:
        for b in range(table.shape[0]):
            rule.eta = (<const lanes*> &eta[b, 0])[0]
            for k in range(table.shape[1]):
                if narrow:
                    state = spread(table[b, k, 0, 0])
                    G = spread(table[b, k, 1, 0])
                else:
                    state = (<const lanes*> &table[b, k, 0, 0])[0]
                    G = (<const lanes*> &table[b, k, 1, 0])[0]
                if reading == WITH_MISSED:
                    missed = spread(<real> (t - touched[k]))
                if reading != AS_STORED:
                    state = weight_of(reading, state, G, missed, &rule)
                for j in range(width):
                    out[b, k, j] = lane(state, j)


def supports(str instruction_set):
    """Whether the processor, and this build, have "avx2" or "avx512"."""
    return {"avx2": HAS_AVX2(), "avx512": HAS_AVX512()}[instruction_set] != 0
