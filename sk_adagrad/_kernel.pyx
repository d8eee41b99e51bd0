"""One pass over a block of rows for a group of banks: the arithmetic, nothing else.

No clock, generator, printing or callback, and no checks: Python has validated the
arguments. The file is compiled once per floating type and instruction set (see
setup.py), so `real` is float or double, and `lanes` is eight of them.

A bank is `table[n_features, 2, width]`: per feature two numbers for each of its
models, the weight w and the accumulator G (or what the update stores instead, see
_kernel_updates.pxi). Width 8 trains eight models, one per lane. Width 1 trains one
model and processes eight non-zeros of a row at a time; a row has each column at most
once, so they cannot conflict. Both share the same equations; per-lane constants are
stored eight times for width 1 too. The banks of a group learn each row together: all
those of a softmax, which need each other's predictions, or otherwise up to four.
"""

from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport qsort
from libc.string cimport memchr, memset

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
    ctypedef void noinline_void  # void with the noinline attribute

cdef extern from "_lanes_math.h" nogil:
    real LARGEST
    real LINK_LIMIT
    real EXP_LIMIT
    real FLOW_LIMIT
    real KINK_WIDTH
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

cdef enum:
    LANES = 8
    BANK_SIZE = 2 * LANES  # numbers per feature in a bank

include "_kernel_losses.pxi"
include "_kernel_updates.pxi"
include "_kernel_banks.pxi"
include "_kernel_scan.pxi"
include "_kernel_visits.pxi"

# The arguments of `train` as the loop over rows reads them; NULL where there are none.
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
    Py_ssize_t weights_ahead
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

include "_kernel_rows.pxi"


cdef inline lanes target_of(
    const Job* job, Py_ssize_t row, Py_ssize_t b, const Bank* bank
) noexcept nogil:
    """Return the targets of a bank's lanes in this row; 0 in unused lanes."""
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
    """Replace the step by one integrated along itself, the flow of the loss."""
    cdef lanes zero = splat(0), N, at_end
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
    # At a kink, where flows end, rounding decides on which side p is. If the same row
    # comes again there is nothing left to learn, so its slope must not add to G. Short
    # ways of small rates are another matter: there the flow is as long as the step.
    at_end = select_gt(
        splat(KINK_WIDTH) * vabs(bank.p), vabs(bank.drive * N),
        select_gt(vabs(bank.slope), splat(2) * vabs(bank.drive), splat(1), zero), zero,
    )
    bank.slope = select_gt(at_end, zero, zero, bank.slope)
    bank.drive = select_gt(at_end, zero, zero, bank.drive)


cdef inline void predict_row(
    bint plain, bint narrow, int reading, int ready, const Job* job,
    const index* columns, const real* values, Py_ssize_t nnz, Bank* banks, int64_t t,
) noexcept nogil:
    """Set p of each bank, bringing weights up to date first unless they are `ready`."""
    cdef Py_ssize_t n_banks = 1 if narrow else job.n_banks, b
    cdef Bank own
    cdef lanes bias
    for b in range(n_banks):
        bias = job.intercept[2 * b]
        if reading == FROM_SUM:
            own_unpenalised(&own, &banks[b])
            bias = weight_from_sum(bias, job.intercept[2 * b + 1], &own)
        banks[b].p = splat(job.intercept_value) * bias
    # Lanes that span several registers would leave none free for these loops.
    if plain and narrow and LANES_FIT:
        dot_as(
            AS_STORED, False, True, 1, job.table, job.stride, job.touched, t, columns,
            values, nnz, banks,
        )
    else:
        dot(
            narrow, ready, True, n_banks, job.table, job.stride, job.touched, t,
            columns, values, nnz, banks,
        )


cdef inline bint score_row(
    bint plain, bint narrow, int learning, const Job* job, Py_ssize_t row, real weight,
    const index* columns, const real* values, Py_ssize_t nnz, Bank* banks,
) noexcept nogil:
    """Add up losses and set slopes; return whether there is anything to learn."""
    cdef Py_ssize_t n_banks = 1 if narrow else job.n_banks, b
    cdef Bank* bank
    cdef lanes y = splat(0), value
    cdef bint any_slope = False
    if not plain and job.multinomial:
        job.loss_sum[0] += weight * softmax(banks, n_banks, job.labels[row])
    for b in range(n_banks):
        bank = &banks[b]
        if plain or not job.multinomial:
            y = target_of(job, row, b, bank)
            job.loss(bank.p, y, job.loss_parameter, &value, &bank.slope)
            # positive_part makes NaN 0, which must not count as a perfect prediction.
            value = value + splat(0) * bank.p
            add_up(&job.loss_sum[LANES * b], splat(weight) * bank.used * value)
        bank.slope = splat(weight) * bank.used * bank.slope
        bank.drive = bank.slope
        if not plain and job.importance_aware:
            follow_flow(
                job, narrow, b, columns, values, nnz, y, splat(weight), bank
            )
        if learning == MIRROR_DESCENT or learning == FORGETTING:
            bank.drive = bank.eta * bank.drive * splat(1 / SCALE)
        any_slope = any_slope or not all_zero(bank.slope)
    return any_slope


cdef inline void learn_row(
    bint plain, bint narrow, bint far, int learning, const Job* job,
    const index* columns, const real* values, Py_ssize_t nnz, Bank* banks,
    const index* next_columns, Py_ssize_t n_next,
) noexcept nogil:
    """Update all weights of the row and the intercept."""
    cdef Py_ssize_t n_banks = 1 if narrow else job.n_banks, b
    cdef Bank* bank
    cdef Bank own
    cdef lanes bias, bias_G
    if plain and narrow and LANES_FIT:
        step_narrow(
            far, learning, job.table, columns, values, nnz, banks, next_columns, n_next
        )
    elif plain and n_next > 0:
        step_row_and_fetch(
            narrow, n_banks, job.table, job.stride, columns, values, nnz, banks,
            next_columns, n_next,
        )
    else:
        step_row(
            narrow, learning, n_banks, job.table, job.stride, columns, values, nnz,
            banks,
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


cdef inline int64_t visit_rows(
    bint plain, bint narrow, bint far, const Job* given, const index* starts,
    const index* columns, index* own_columns, Bank* banks, int64_t t,
) noexcept nogil:
    """Learn from each visited row in turn; return t after them.

    `plain` and `narrow` are compile-time constants, so that the rule without options
    has a loop of its own that need not keep the options' state in registers: a third of
    the time on short rows. With one output so is `far`, whether steps prefetch the next
    row's weights, since testing it there costs 4 %.
    """
    cdef:
        # A local copy need not be reloaded after every store into the table.
        Job copied = given[0]
        const Job* job = &copied
        int reading = AS_STORED if plain else job.reading
        int learning = MIRROR_DESCENT if plain else job.learning
        int ready
        Py_ssize_t n_banks = 1 if narrow else job.n_banks, i, b, row, nnz, n_next
        const index* row_columns
        const index* next_columns
        const real* row_values
        real weight = 1
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
        ready = reading
        if reading == FROM_SUM:
            for b in range(n_banks):
                penalise_sum(&banks[b], &job.symbols[N_SYMBOLS * b], t)
        if not plain and job.scales != NULL:
            if job.touched != NULL:  # catch up before the scales, G's units, change
                dot(
                    narrow, reading, True, n_banks, job.table, job.stride, job.touched,
                    t, row_columns, row_values, nnz, banks,
                )
                ready = AS_STORED
            scale_row(
                job.table, job.stride, n_banks, 1 if narrow else LANES, learning,
                banks, job.scales, job.least_scale, row_columns, row_values, nnz,
                job.own_values,
            )
            row_values = job.own_values
        predict_row(
            plain, narrow, reading, ready, job, row_columns, row_values, nnz, banks, t
        )
        t += 1
        if not score_row(
            plain, narrow, learning, job, row, weight, row_columns, row_values, nnz,
            banks,
        ):
            continue
        n_next = rest_of_next(job, starts, columns, i, &next_columns) if far else 0
        learn_row(
            plain, narrow, far, learning, job, row_columns, row_values, nnz, banks,
            next_columns, n_next,
        )
    return t


# A function's loops share its registers, so each of these has a function of its own.
# The loop for one output and a table in the near caches stays in `train`: moved out, it
# takes 1.24 times as long without AVX2 on rows of 9 entries.

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
    const index[::1] indptr,         # in: CSR row pointers; empty for dense rows
    const index[::1] indices,        # in: columns; 0, 1, 2, ... for dense rows
    const real[::1] data,            # in: values, row after row
    Py_ssize_t n_features,           # in
    const uint32_t[::1] order,       # in: rows to visit; empty: all as they come
    Py_ssize_t start,                # in: first visit of the block
    Py_ssize_t stop,                 # in: one past its last visit
    const real[:, ::1] values,       # in: targets (n, n_outputs); empty for labels
    const real[::1] labels,          # in: class codes, row after row
    const int64_t[::1] label_indptr,  # in: start of each row's; empty: one per row
    const real[::1] codes,           # in: label of each output; empty for values
    const int32_t[:, ::1] lane_columns,  # in: output of each lane, 0 in unused ones
    const uint8_t[:, ::1] used,      # in: 1, or 0 in unused lanes
    const real[::1] sample_weight,   # in: of each row; empty: all 1
    real[:, :, :, :] table,          # in/out: (n_banks, n_features, 2, width)
    real[:, :, ::1] intercept,       # in/out: (n_banks, 2, 8)
    int64_t[::1] touched,            # in/out: t when last regularised; or empty
    real[::1] scales,                # in/out: largest |x| of each feature; or empty
    real least_scale,                # in: lower bound of scales
    const int32_t[::1] places,       # in: index of a feature's centre, or -1; or empty
    const double[::1] centres,       # in: of the centred columns
    const real[:, :, ::1] symbols,   # in: (n_banks, N_SYMBOLS, 8), of each lane
    double fade,                     # in: share of G that an update removes
    int64_t t,                       # in: samples learned from before
    Update update,                   # in
    bint fit_intercept,              # in
    real intercept_value,            # in: value of the intercept's feature
    bint importance_aware,           # in
    bint multinomial,                # in
    Loss loss,                       # in
    real loss_parameter,             # in
    real[:, ::1] workspace,            # scratch: (n_banks, WORKSPACE_SIZE)
    index[::1] own_columns,          # scratch: centred columns, then a dense row
    real[::1] own_values,            # scratch: as many as these, and the longest row
    double[:, ::1] loss_sum,         # in/out: weighted loss, scored before learning
):
    """Learn from each visited row in turn; return how many had a non-zero weight."""
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
    # With options no other entry's weights are requested.
    job.weights_ahead = WEIGHTS_AHEAD
    if plain:
        job.weights_ahead = min(WEIGHTS_AHEAD, NUMBERS_AHEAD // job.stride)
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


include "_kernel_reading.pxi"


def supports(str instruction_set):
    """Whether this build and the processor support "avx2" or "avx512"."""
    return {"avx2": HAS_AVX2(), "avx512": HAS_AVX512()}[instruction_set] != 0
