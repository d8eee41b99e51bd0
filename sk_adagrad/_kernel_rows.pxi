"""Finding, reading and prefetching rows."""

# How far ahead rows are prefetched. Rows are visited in random order, so that without
# prefetching each would start with a cache miss. More requests than the nearest cache
# can have in flight (24 on Zen 4) are dropped or wait: from 6 rows ahead on, a pass
# over 500,000 rows of 8 entries takes 1.6 times as long there.
cdef enum:
    ROWS_AHEAD = 4
    POINTERS_AHEAD = 16

# A table beyond this size is not in the near caches: the next row's weights are
# prefetched while the present row is learned. With 2^20 features in float64 that takes
# 3.7 instead of 6.0 ns per non-zero; below the limit it would cost up to a quarter. The
# weights of the first entries are requested at once, so that short rows have them in
# time, the others one by one during the step, since all at once would exceed the
# requests in flight: rows of 60 to 370 entries take 0.86 to 0.92 of the time. With
# several banks an entry has several cache lines, so that fewer entries come first: with
# 32 as well, 22 classes take 1.2 times as long in float64, 58 classes 1.06 to 1.15.
cdef enum:
    NEAR_CACHE = (1 << 21) // sizeof(real)
    WEIGHTS_AHEAD = 32
    NUMBERS_AHEAD = 4096 // sizeof(real)
    ENTRIES_AHEAD = 8  # see dot_lazy

# A dense row is read as a sparse one if fewer than one in SPARSE entries are non-zero.
# Rows of 784 entries, a fifth of them non-zero, then take 0.55 (float32) or 0.35
# (float64) of the time with ten classes, and 0.66 or 0.52 with an L2 penalty. A single
# model without options keeps the dense row: finding its zeros takes as long as learning
# from them.
cdef enum:
    SPARSE = 2


cdef inline Py_ssize_t find_row(
    const index* indptr, const index* indices, const real* data, Py_ssize_t n_features,
    Py_ssize_t row, const index** columns, const real** values,
) noexcept nogil:
    """Point to a row's columns and values; return how many there are."""
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
    """Copy the non-zeros of a dense row if they are few, and set n to their number."""
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
    """Point to the non-zeros of a dense row if they are few; return the row's length.

    Inlined, so that the loops over rows keep the pointers in registers.
    """
    cdef Py_ssize_t kept = nnz
    leave_out_zeros(values[0], &kept, own_columns, own_values)
    if kept < nnz:
        columns[0] = own_columns
        values[0] = own_values
    return kept


cdef inline bint is_far(const Job* job) noexcept nogil:
    """Whether the table is too large for the near caches."""
    return job.stride * job.n_features > NEAR_CACHE


cdef inline void fetch_ahead(
    const Job* job, const index* starts, const index* columns, Py_ssize_t i
) noexcept nogil:
    """Prefetch what the coming rows need."""
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
        for k in range(min(nnz, job.weights_ahead)):
            prefetch(
                job.table + job.stride * row_columns[k], job.stride * sizeof(real)
            )


cdef inline Py_ssize_t find_next(
    const Job* job, const index* starts, const index* columns, Py_ssize_t i,
    const index** row_columns,
) noexcept nogil:
    """Point to the columns of the next row to visit; return how many there are."""
    cdef Py_ssize_t row = job.order[i + 1] if job.order != NULL else i + 1
    cdef const real* row_values
    return find_row(
        starts, columns, job.entries, job.n_features, row, row_columns, &row_values
    )


cdef inline Py_ssize_t rest_of_next(
    const Job* job, const index* starts, const index* columns, Py_ssize_t i,
    const index** rest,
) noexcept nogil:
    """Point to what `fetch_ahead` left of the next row; return how much that is."""
    cdef Py_ssize_t nnz
    if i + 1 >= job.stop:
        return 0
    nnz = find_next(job, starts, columns, i, rest)
    rest[0] += job.weights_ahead
    return nnz - job.weights_ahead
