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
not to a feature is there eight times also for width 1. The banks of a group learn a row
together: those of a softmax, which need each other's predictions, or up to four.
"""

from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport qsort
from libc.string cimport memset

cdef extern from "_lanes.h" nogil:
    ctypedef double real
    ctypedef int64_t count
    ctypedef double lanes
    bint LANES_FIT
    lanes vmin(lanes a, lanes b)
    lanes vmax(lanes a, lanes b)
    lanes positive_part(lanes x)
    lanes vabs(lanes x)
    lanes vsign(lanes x)
    lanes select_gt(lanes a, lanes b, lanes yes, lanes no)
    lanes select_eq(lanes a, lanes b, lanes yes, lanes no)
    lanes splat(real x)
    unsigned flush_denormals()
    void restore_denormals(unsigned before)
    lanes pack(real, real, real, real, real, real, real, real)
    lanes gather(const real* row, const int32_t* columns)
    void load_partial(
        void* eight, const void* source, Py_ssize_t n, size_t size, bint repeat
    )
    real lane(lanes v, int i)
    ctypedef int64_t pair
    ctypedef int64_t pairs
    pairs pack_pairs(pair, pair, pair, pair, pair, pair, pair, pair)
    pair pair_of(pairs both, int i)
    void deinterleave(pairs both, lanes* w, lanes* G)
    pairs interleave(lanes w, lanes G)
    ctypedef struct running_sum:
        pass
    void clear(running_sum* sums)
    void add_times(running_sum* sums, const real* eight, real x)
    void add_product(running_sum* sum, const real* eight, lanes w)
    lanes lanes_of(const running_sum* sum)
    void add_to(lanes* p, const running_sum* even, const running_sum* odd)
    lanes vcopysign(lanes x, lanes y)
    bint all_zero(lanes v)
    bint any_gt(lanes a, lanes b)
    real hsum(lanes v)
    real hmax(lanes v)
    void add_up(double* sums, lanes v)
    uint64_t bits_of(real x, int exact)
    int HAS_AVX2()
    int HAS_AVX512()
    void prefetch(const void* address, Py_ssize_t size)
    ctypedef void noinline_void  # void, of a function that is not inlined

cdef extern from "_lanes_math.h" nogil:
    real LARGEST
    real LINK_LIMIT
    real EXP_LIMIT
    real FLOW_LIMIT
    real SCALE
    real SMALL_STEP
    lanes vrsqrt(lanes v)
    lanes scaled_rsqrt(lanes v)
    lanes vsqrt(lanes v)
    lanes vexp(lanes x)
    lanes vexpm1(lanes x)
    lanes vexp2(lanes x)
    real LOG2_E
    lanes vlog(lanes x)
    lanes vlog1p(lanes u)
    lanes log1p_ratio(lanes u)
    lanes twice_artanh(lanes s)

ctypedef fused index:
    int32_t
    int64_t

# How far ahead of the row at work the rows to come are fetched. Rows are visited in
# random order, so without this each one starts with a wait for memory. More requests at
# once than the nearest cache can have under way (24 on Zen 4) are lost or wait: 6 rows
# ahead or more, a pass over 500,000 rows of 8 takes 1.6 times as long there.
cdef enum:
    ROWS_AHEAD = 4
    POINTERS_AHEAD = 16

# A table beyond this many bytes is not in the near caches: the weights of the next row
# are fetched while the present one is learned. With 2^20 features in float64 that makes
# 3.7 of 6.0 ns per non-zero; below the limit it would cost up to a quarter. Those of a
# row's first entries are asked for at once, so that short rows have them in time, and
# the others by and by during the step: all at once they would be more requests than
# can be under way. On rows of 60 to 370 entries that takes 0.86 to 0.92 of the time.
cdef enum:
    NEAR_CACHE = (1 << 21) // sizeof(real)
    WEIGHTS_AHEAD = 32
    ENTRIES_AHEAD = 8  # see dot_lazy

# A dense row is read as a sparse one if less than one of so many entries is not 0. With
# ten classes rows of 784 of which a fifth is not 0 then take 0.55 (float32) or 0.35
# (float64) of the time, and with an L2 penalty 0.66 or 0.52. A single model without
# options takes as long to find the zeros as to learn from them: it keeps the row.
cdef enum:
    SPARSE = 2

cdef enum:
    LANES = 8
    BANK_SIZE = 2 * LANES  # numbers that a feature has in a bank

include "_kernel_losses.pxi"
include "_kernel_updates.pxi"
include "_kernel_banks.pxi"
include "_kernel_rows.pxi"
include "_kernel_visits.pxi"


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


cdef noinline_void leave_out_zeros(
    const real* values, Py_ssize_t* n, index* own_columns, real* own_values,
) noexcept nogil:
    """Copy what is not 0 of a dense row, if it is few of n; set n to how many it is."""
    cdef Py_ssize_t begin = 0, k, kept = 0
    if SPARSE * n_nonzeros(values, n[0]) >= n[0]:
        return
    while begin < n[0]:
        if begin + LANES <= n[0] and all_zero((<const lanes*> (values + begin))[0]):
            begin += LANES
            continue
        for k in range(begin, min(begin + LANES, n[0])):
            own_columns[kept] = <index> k
            own_values[kept] = values[k]
            kept += values[k] != 0
        begin += LANES
    n[0] = kept


cdef inline Py_ssize_t read_dense_row(
    const index** columns, const real** values, Py_ssize_t nnz, index* own_columns,
    real* own_values,
) noexcept nogil:
    """Point to what is not 0 of a dense row, if it is few; return how many there are.

    It is inlined, so that the loops over rows keep what is pointed to in registers.
    """
    cdef Py_ssize_t kept = nnz
    leave_out_zeros(values[0], &kept, own_columns, own_values)
    if kept < nnz:
        columns[0] = own_columns
        values[0] = own_values
    return kept


# What `train` is given, as the loop over rows reads it; NULL is what is not there.
cdef struct Job:
    const real* entries
    Py_ssize_t n_features
    const uint32_t* order
    Py_ssize_t start
    Py_ssize_t stop
    const real* values
    Py_ssize_t n_values
    const real* labels
    const int64_t* label_starts
    const int32_t* lane_columns
    const real* sample_weight
    real* table
    Py_ssize_t stride
    Py_ssize_t n_banks
    lanes* intercept
    int64_t* touched
    real* scales
    real least_scale
    const int32_t* places
    const double* centres
    Py_ssize_t n_centred
    real* own_values
    const lanes* symbols
    int learning
    int reading
    bint fit_intercept
    real intercept_value
    bint importance_aware
    bint multinomial
    loss_function loss
    loss_flow flow
    real loss_parameter
    double* loss_sum


cdef inline bint is_far(const Job* job) noexcept nogil:
    """Whether the table is not in the near caches."""
    return job.stride * job.n_features > NEAR_CACHE


cdef inline void fetch_ahead(
    const Job* job, const index* starts, const index* columns, Py_ssize_t i
) noexcept nogil:
    """Ask for what the rows to come will need."""
    cdef Py_ssize_t k, row, nnz
    cdef const index* row_columns
    cdef const real* row_values
    if job.order != NULL and i + POINTERS_AHEAD < job.stop:
        if starts != NULL:
            prefetch(&starts[job.order[i + POINTERS_AHEAD]], 2 * sizeof(index))
        row = job.order[i + ROWS_AHEAD]
        if job.values != NULL:
            prefetch(&job.values[row * job.n_values], 1)
        elif job.label_starts == NULL:
            prefetch(&job.labels[row], 1)
        if job.sample_weight != NULL:
            prefetch(&job.sample_weight[row], 1)
        nnz = find_row(
            starts, columns, job.entries, job.n_features, row, &row_columns, &row_values
        )
        prefetch(row_values, nnz * sizeof(real))
        if starts != NULL:
            prefetch(row_columns, nnz * sizeof(index))
    if is_far(job) and i + 1 < job.stop:
        nnz = find_next(job, starts, columns, i, &row_columns)
        for k in range(min(nnz, WEIGHTS_AHEAD)):
            prefetch(
                job.table + job.stride * row_columns[k], job.stride * sizeof(real)
            )


cdef inline Py_ssize_t find_next(
    const Job* job, const index* starts, const index* columns, Py_ssize_t i,
    const index** row_columns,
) noexcept nogil:
    """Point to the columns of the next row to visit and return how many there are."""
    cdef Py_ssize_t row = job.order[i + 1] if job.order != NULL else i + 1
    cdef const real* row_values
    return find_row(
        starts, columns, job.entries, job.n_features, row, row_columns, &row_values
    )


cdef inline Py_ssize_t rest_of_next(
    const Job* job, const index* starts, const index* columns, Py_ssize_t i,
    const index** rest,
) noexcept nogil:
    """Point to what `fetch_ahead` left out of the next row; return how much it is."""
    cdef Py_ssize_t nnz
    if i + 1 >= job.stop:
        return 0
    nnz = find_next(job, starts, columns, i, rest)
    rest[0] += WEIGHTS_AHEAD
    return nnz - WEIGHTS_AHEAD


cdef inline lanes target_of(
    const Job* job, Py_ssize_t row, Py_ssize_t b, const Bank* bank
) noexcept nogil:
    """Return what a bank's lanes are to learn from the row; 0 in unused ones."""
    cdef lanes y, used = bank.used
    cdef Py_ssize_t k
    if job.label_starts != NULL:
        y = -used
        for k in range(job.label_starts[row], job.label_starts[row + 1]):
            y = select_eq(splat(job.labels[k]), bank.code, used, y)
        return y
    if job.labels != NULL:
        return select_eq(splat(job.labels[row]), bank.code, used, -used)
    return used * gather(
        &job.values[row * job.n_values], &job.lane_columns[LANES * b]
    )


cdef noinline_void follow_flow(
    const Job* job, bint narrow, Py_ssize_t b, const index* columns,
    const real* values, Py_ssize_t nnz, lanes y, lanes weight, Bank* bank,
) noexcept nogil:
    """Let the step follow the slope of the loss along itself."""
    cdef lanes zero = splat(0), N
    if narrow:
        N = reach_narrow(job.table, columns, values, nnz, bank)
    else:
        N = reach_wide(
            job.table + BANK_SIZE * b, job.stride, columns, values, nnz, bank
        )
    if job.fit_intercept:
        N = N + rate_times(
            splat(job.intercept_value), job.intercept[2 * b + 1], bank
        )
    bank.drive = select_eq(
        bank.slope * N, zero, bank.slope,
        job.flow(bank.p, y, job.loss_parameter, weight, N),
    )


cdef inline int64_t visit_rows(
    bint plain, bint narrow, bint far, const Job* given, const index* starts,
    const index* columns, index* own_columns, Bank* banks, int64_t t,
) noexcept nogil:
    """Learn from each visited row in turn; return t after them.

    `plain` and `narrow` are constants, so that the rule with no option on has a loop of
    its own, without all that options need to remember: on short rows that is a third of
    the time. With one output `far`, whether steps fetch the next row's weights, is one
    too, as its test alone is 4 % there.
    """
    cdef:
        # What no other function can see need not be read again after each store.
        Job copied = given[0]
        const Job* job = &copied
        int reading = AS_STORED if plain else job.reading
        int learning = MIRROR_DESCENT if plain else job.learning
        int ready
        Py_ssize_t n_banks = 1 if narrow else job.n_banks, i, b, row, nnz, n_next
        const index* row_columns
        const index* next_columns
        const real* row_values
        Bank* bank
        Bank own
        lanes y = splat(0), value, bias, bias_G
        real weight = 1
        bint any_slope
    for i in range(job.start, job.stop):
        row = job.order[i] if job.order != NULL else i
        fetch_ahead(job, starts, columns, i)
        if job.sample_weight != NULL:
            weight = job.sample_weight[row]
            if weight == 0:
                continue
        nnz = find_row(
            starts, columns, job.entries, job.n_features, row, &row_columns, &row_values
        )
        if not plain and job.n_centred:
            nnz = centre_row(
                job.places, job.centres, job.n_centred, &row_columns, &row_values, nnz,
                own_columns, job.own_values,
            )
        elif starts == NULL and not (plain and narrow):
            nnz = read_dense_row(
                &row_columns, &row_values, nnz, own_columns, job.own_values
            )

        # Predict, with weights brought up to date.
        ready = reading
        if reading == FROM_SUM:
            for b in range(n_banks):
                penalise_sum(&banks[b], &job.symbols[N_SYMBOLS * b], t)
        if not plain and job.scales != NULL:
            if job.touched != NULL:  # before the scales change, by which G is measured
                dot(
                    narrow, reading, True, n_banks, job.table, job.stride, job.touched,
                    t, row_columns, row_values, nnz, banks,
                )
                ready = AS_STORED
            scale_row(
                job.table, job.stride, n_banks, 1 if narrow else LANES,
                reading == FROM_SUM, job.scales, job.least_scale, row_columns,
                row_values, nnz, job.own_values,
            )
            row_values = job.own_values
        for b in range(n_banks):
            bias = job.intercept[2 * b]
            if reading == FROM_SUM:
                own_unpenalised(&own, &banks[b])
                bias = weight_from_sum(bias, job.intercept[2 * b + 1], &own)
            banks[b].p = splat(job.intercept_value) * bias
        # Where lanes are several registers there would be none left for these loops.
        if plain and narrow and LANES_FIT:
            dot_as(
                AS_STORED, False, True, 1, job.table, job.stride, job.touched, t,
                row_columns, row_values, nnz, banks,
            )
        else:
            dot(
                narrow, ready, True, n_banks, job.table, job.stride, job.touched, t,
                row_columns, row_values, nnz, banks,
            )

        # Score.
        t += 1
        any_slope = False
        if not plain and job.multinomial:
            job.loss_sum[0] += weight * softmax(banks, n_banks, job.labels[row])
        for b in range(n_banks):
            bank = &banks[b]
            if plain or not job.multinomial:
                y = target_of(job, row, b, bank)
                job.loss(bank.p, y, job.loss_parameter, &value, &bank.slope)
                # Of NaN a maximum is 0: it must not count as a perfect prediction.
                value = value + splat(0) * bank.p
                add_up(&job.loss_sum[LANES * b], splat(weight) * bank.used * value)
            bank.slope = splat(weight) * bank.used * bank.slope
            bank.drive = bank.slope
            if not plain and job.importance_aware:
                follow_flow(
                    job, narrow, b, row_columns, row_values, nnz, y, splat(weight),
                    bank,
                )
            if learning == MIRROR_DESCENT or learning == FORGETTING:
                bank.drive = bank.eta * bank.drive * splat(1 / SCALE)
            any_slope = any_slope or not all_zero(bank.slope)
        if not any_slope:
            continue

        # Learn.
        n_next = rest_of_next(job, starts, columns, i, &next_columns) if far else 0
        if plain and narrow and LANES_FIT:
            step_narrow(
                far, learning, job.table, row_columns, row_values, nnz, banks,
                next_columns, n_next,
            )
        elif plain and n_next > 0:
            step_row_and_fetch(
                narrow, n_banks, job.table, job.stride, row_columns, row_values, nnz,
                banks, next_columns, n_next,
            )
        else:
            step_row(
                narrow, learning, n_banks, job.table, job.stride, row_columns,
                row_values, nnz, banks,
            )
        if job.fit_intercept:
            for b in range(n_banks):
                bias = job.intercept[2 * b]
                bias_G = job.intercept[2 * b + 1]
                bank = &banks[b]
                if not plain:
                    own_unpenalised(&own, bank)
                    bank = &own
                step(learning, &bias, &bias_G, splat(job.intercept_value), bank)
                job.intercept[2 * b] = bias
                job.intercept[2 * b + 1] = bias_G
    return t


# The compiler shares the registers of a function out among all its loops, so these have
# functions of their own. That of one output and a table in the near caches stays in
# `train`: by itself, without AVX2, it takes 1.24 times as long on rows of 9 entries.

cdef noinline_void visit_far(
    const Job* job, const index* starts, const index* columns, index* own_columns,
    Bank* banks, int64_t* t,
) noexcept nogil:
    t[0] = visit_rows(
        True, True, True, job, starts, columns, own_columns, banks, t[0]
    )


cdef noinline_void visit_wide(
    const Job* job, const index* starts, const index* columns, index* own_columns,
    Bank* banks, int64_t* t,
) noexcept nogil:
    t[0] = visit_rows(
        True, False, is_far(job), job, starts, columns, own_columns, banks, t[0]
    )


cdef noinline_void visit_with_options(
    bint narrow, const Job* job, const index* starts, const index* columns,
    index* own_columns, Bank* banks, int64_t* t,
) noexcept nogil:
    t[0] = visit_rows(
        False, narrow, False, job, starts, columns, own_columns, banks, t[0]
    )


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
    const real[::1] codes,           # in: label of each output; empty for values
    const int32_t[:, ::1] lane_columns,  # in: output of each lane, 0 in unused ones
    const uint8_t[:, ::1] used,      # in: 1, or 0 in unused lanes
    const real[::1] sample_weight,   # in: of each row; empty: all 1
    real[:, :, :, :] table,          # in/out: (n_banks, n_features, 2, width)
    real[:, :, ::1] intercept,       # in/out: (n_banks, 2, 8)
    int64_t[::1] touched,            # in/out: t when last regularised; or empty
    real[::1] scales,                # in/out: largest |x| of each feature; or empty
    real least_scale,                # in: what these are at least
    const int32_t[::1] places,       # in: which centre a feature has, or -1; or empty
    const double[::1] centres,       # in: of some columns
    const real[:, :, ::1] symbols,   # in: (n_banks, N_SYMBOLS, 8), of each lane
    double fade,                     # in: share of G that an update takes away
    int64_t t,                       # in: samples learned from before
    Update update,                   # in
    bint fit_intercept,              # in
    real intercept_value,            # in: what the intercept has as a feature
    bint importance_aware,           # in
    bint multinomial,                # in
    Loss loss,                       # in
    real loss_parameter,             # in
    real[:, ::1] workspace,            # scratch: (n_banks, WORKSPACE_SIZE)
    index[::1] own_columns,          # scratch: centred columns, then a dense row
    real[::1] own_values,            # scratch: as many as these, and the longest row
    double[:, ::1] loss_sum,         # in/out: weighted loss, scored before learning
):
    """Learn from each visited row in turn; return how many of them had a weight."""
    cdef:
        Job job
        const index* starts = &indptr[0] if indptr.shape[0] else NULL
        const index* columns = &indices[0] if indices.shape[0] else NULL
        index* own = &own_columns[0] if own_columns.shape[0] else NULL
        Bank* banks = <Bank*> &workspace[0, 0]
        unsigned denormals
        bint narrow = table.shape[3] == 1, plain
        Py_ssize_t b
        int64_t before = t
    job.entries = &data[0] if data.shape[0] else NULL
    job.n_features = n_features
    job.order = &order[0] if order.shape[0] else NULL
    job.start = start
    job.stop = stop
    job.label_starts = &label_indptr[0] if label_indptr.shape[0] else NULL
    job.labels = &labels[0] if labels.shape[0] else NULL
    job.values = &values[0, 0] if values.size else NULL
    job.n_values = values.shape[1]
    job.lane_columns = &lane_columns[0, 0]
    job.sample_weight = &sample_weight[0] if sample_weight.shape[0] else NULL
    job.table = &table[0, 0, 0, 0] if n_features else NULL
    job.stride = table.strides[1] // <Py_ssize_t> sizeof(real)
    job.n_banks = table.shape[0]
    job.intercept = <lanes*> &intercept[0, 0, 0]
    job.touched = &touched[0] if touched.shape[0] else NULL
    job.scales = &scales[0] if scales.shape[0] else NULL
    job.least_scale = least_scale
    job.places = &places[0] if places.shape[0] else NULL
    job.centres = &centres[0] if centres.shape[0] else NULL
    job.n_centred = centres.shape[0]
    job.own_values = &own_values[0] if own_values.shape[0] else NULL
    job.symbols = <const lanes*> &symbols[0, 0, 0]
    job.learning = learning_of(update, fade)
    job.reading = reading_of(update, symbols)
    job.fit_intercept = fit_intercept
    job.intercept_value = intercept_value
    job.importance_aware = importance_aware
    job.multinomial = multinomial
    job.loss = loss.function
    job.flow = loss.flow
    job.loss_parameter = loss_parameter
    job.loss_sum = &loss_sum[0, 0]
    for b in range(job.n_banks):
        begin_bank(&banks[b], &job.symbols[N_SYMBOLS * b], fade, job.reading, t)
        aim_bank(
            &banks[b], &codes[0] if codes.shape[0] else NULL, &lane_columns[b, 0],
            &used[b, 0],
        )
    plain = job.learning == MIRROR_DESCENT and job.reading == AS_STORED and not (
        importance_aware or multinomial or job.scales != NULL or job.n_centred
    )
    with nogil:
        denormals = flush_denormals()
        if not plain:
            visit_with_options(narrow, &job, starts, columns, own, banks, &t)
        elif not narrow:
            visit_wide(&job, starts, columns, own, banks, &t)
        elif is_far(&job):
            visit_far(&job, starts, columns, own, banks, &t)
        else:
            t = visit_rows(True, True, False, &job, starts, columns, own, banks, t)
        restore_denormals(denormals)
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
    const int32_t[::1] places,       # in
    const double[::1] centres,       # in
    const real[:, :, ::1] symbols,   # in
    int64_t t,                       # in
    Update update,                   # in
    Py_ssize_t first,                # in: column of `out` for the group's first lane
    Py_ssize_t n_lanes,              # in: lanes in use
    real[:, ::1] workspace,            # scratch: (n_banks, WORKSPACE_SIZE)
    index[::1] own_columns,          # scratch: centred columns, then a dense row
    real[::1] own_values,            # scratch: as many as these, and the longest row
    real[:, ::1] out,                # out: (n_rows, n_models)
):
    """Write w . x + b of each row and lane."""
    cdef:
        bint narrow = table.shape[3] == 1
        bint normalised = scales.shape[0] > 0
        int width = <int> table.shape[3]
        int reading = reading_of(update, symbols)
        Py_ssize_t n_centred = centres.shape[0]
        bint plain = (
            narrow and reading == AS_STORED and not normalised and not n_centred
        )
        Py_ssize_t n_banks = table.shape[0]
        Py_ssize_t stride = table.strides[1] // <Py_ssize_t> sizeof(real)
        const index* starts = &indptr[0] if indptr.shape[0] else NULL
        const index* columns = &indices[0] if indices.shape[0] else NULL
        const index* row_columns
        const real* row_values
        const real* entries = &data[0] if data.shape[0] else NULL
        const real* weights = &table[0, 0, 0, 0] if n_features else NULL
        index* own = &own_columns[0] if own_columns.shape[0] else NULL
        real* room = &own_values[0] if own_values.shape[0] else NULL
        int64_t* last = <int64_t*> &touched[0] if touched.shape[0] else NULL
        Bank* banks = <Bank*> &workspace[0, 0]
        Py_ssize_t row, nnz, b
        unsigned denormals
        int j
    for b in range(n_banks):
        begin_bank(&banks[b], <const lanes*> &symbols[b, 0, 0], 0, reading, t)
    with nogil:
        denormals = flush_denormals()
        for row in range(out.shape[0]):
            nnz = find_row(
                starts, columns, entries, n_features, row, &row_columns, &row_values
            )
            # A single model: all that follows here takes as long again on short rows.
            if plain:
                out[row, first] = lane((<const lanes*> &bias[0, 0, 0])[0], 0) + lane(
                    dot_narrow(
                        AS_STORED, False, weights, last, t, row_columns, row_values,
                        nnz, banks,
                    ),
                    0,
                )
                continue
            if n_centred:
                nnz = centre_row(
                    &places[0], &centres[0], n_centred, &row_columns, &row_values, nnz,
                    own, room,
                )
            elif starts == NULL:
                nnz = read_dense_row(&row_columns, &row_values, nnz, own, room)
            if normalised:
                known_scale_row(&scales[0], row_columns, row_values, nnz, room)
                row_values = room
            for b in range(n_banks):
                banks[b].p = (<const lanes*> &bias[b, 0, 0])[0]
            dot(
                narrow, reading, False, n_banks, weights, stride, last, t, row_columns,
                row_values, nnz, banks,
            )
            for b in range(n_banks):
                for j in range(min(width, n_lanes - b * width)):
                    out[row, first + b * width + j] = lane(banks[b].p, j)
        restore_denormals(denormals)


def read_weights(
    const real[:, :, :, :] table,    # in: as in train
    const int64_t[::1] touched,      # in
    const real[:, :, ::1] symbols,   # in
    int64_t t,                       # in
    Update update,                   # in
    real[:, :, ::1] out,             # out: w (n_banks, n_features, width)
):
    """Write the weights as they stand after t samples, without changing anything."""
    cdef:
        bint narrow = table.shape[3] == 1
        int width = <int> table.shape[3], j
        int reading = reading_of(update, symbols)
        Bank bank
        Py_ssize_t b, k
        lanes state, G, missed = splat(0)
        unsigned denormals
    with nogil:
        denormals = flush_denormals()
        for b in range(table.shape[0]):
            begin_bank(&bank, <const lanes*> &symbols[b, 0, 0], 0, reading, t)
            for k in range(table.shape[1]):
                if narrow:
                    state = splat(table[b, k, 0, 0])
                    G = splat(table[b, k, 1, 0])
                else:
                    state = (<const lanes*> &table[b, k, 0, 0])[0]
                    G = (<const lanes*> &table[b, k, 1, 0])[0]
                if touched.shape[0]:
                    missed = positive_part(splat(<real> (t - touched[k])))
                if reading != AS_STORED:
                    state = weight_of(reading, state, G, missed, &bank)
                for j in range(width):
                    out[b, k, j] = lane(state, j)
        restore_denormals(denormals)


def copy_models(
    const real[:, :, :, :] source,   # in: as table in train
    real[:, :, :, :] target,         # in/out: the same
    const int64_t[::1] features,     # in: those of target that source's are
    const int32_t[:, ::1] moves,     # in: bank and lane in source, and in target
):
    """Copy some models, feature by feature: both tables are read once, in order."""
    cdef:
        int width = <int> source.shape[3], to_width = <int> target.shape[3]
        Py_ssize_t stride = source.strides[1] // <Py_ssize_t> sizeof(real)
        Py_ssize_t to_stride = target.strides[1] // <Py_ssize_t> sizeof(real)
        const real* line
        real* to_line
        Py_ssize_t k, i, at, to
    with nogil:
        for k in range(features.shape[0]):
            line = &source[0, 0, 0, 0] + stride * k
            to_line = &target[0, 0, 0, 0] + to_stride * features[k]
            for i in range(moves.shape[0]):
                at = 2 * width * moves[i, 0] + moves[i, 1]
                to = 2 * to_width * moves[i, 2] + moves[i, 3]
                to_line[to] = line[at]
                to_line[to + to_width] = line[at + width]


def supports(str instruction_set):
    """Whether the processor, and this build, have "avx2" or "avx512"."""
    return {"avx2": HAS_AVX2(), "avx512": HAS_AVX512()}[instruction_set] != 0
