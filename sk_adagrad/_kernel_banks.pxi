"""The work of all banks of a group on one row: choosing the loop for it."""

# These functions are not inlined into the loop over rows, whose own state would leave
# their loops no free registers.

cdef noinline_void dot(
    bint narrow, int reading, bint learns, Py_ssize_t n_banks, const real* table,
    Py_ssize_t stride, int64_t* touched, int64_t t, const index* columns,
    const real* values, Py_ssize_t nnz, Bank* banks,
) noexcept nogil:
    """Add w . x of each bank's lanes to p; with a single model, to every lane of p.

    If a step follows, weights that have missed steps are written back to the table.
    """
    cdef Py_ssize_t k
    if reading == AS_STORED and learns and G_IS_FAR:
        dot_as(
            AS_STORED, True, narrow, n_banks, table, stride, touched, t, columns,
            values, nnz, banks,
        )
    elif reading == AS_STORED:
        dot_as(
            AS_STORED, False, narrow, n_banks, table, stride, touched, t, columns,
            values, nnz, banks,
        )
    elif reading == FROM_SUM:
        dot_as(
            FROM_SUM, False, narrow, n_banks, table, stride, touched, t, columns,
            values, nnz, banks,
        )
    elif not learns:
        dot_as(
            reading, False, narrow, n_banks, table, stride, touched, t, columns,
            values, nnz, banks,
        )
    else:
        if reading == MISSED_L1:
            dot_as(
                MISSED_L1, True, narrow, n_banks, table, stride, touched, t, columns,
                values, nnz, banks,
            )
        elif reading == MISSED_L2:
            dot_as(
                MISSED_L2, True, narrow, n_banks, table, stride, touched, t, columns,
                values, nnz, banks,
            )
        elif reading == MISSED_ANY_L2:
            dot_as(
                MISSED_ANY_L2, True, narrow, n_banks, table, stride, touched, t,
                columns, values, nnz, banks,
            )
        else:
            dot_as(
                MISSED_BOTH, True, narrow, n_banks, table, stride, touched, t, columns,
                values, nnz, banks,
            )
        for k in range(nnz):
            touched[columns[k]] = t


cdef inline void dot_as(
    int reading, bint prepare, bint narrow, Py_ssize_t n_banks, const real* table,
    Py_ssize_t stride, const int64_t* touched, int64_t t, const index* columns,
    const real* values, Py_ssize_t nnz, Bank* banks,
) noexcept nogil:
    """Specialise `dot`; `prepare` means prefetching G, or storing caught-up weights."""
    if narrow:
        banks.p = banks.p + dot_narrow(
            reading, prepare, table, touched, t, columns, values, nnz, banks
        )
        return
    if reading != AS_STORED:
        dot_lazy(
            reading, prepare, n_banks, table, stride, touched, t, columns, values, nnz,
            banks,
        )
        return
    while n_banks > 0:
        if n_banks == 1:
            dot_wide(1, prepare, table, stride, columns, values, nnz, banks)
            return
        elif n_banks == 2:
            dot_wide(2, prepare, table, stride, columns, values, nnz, banks)
            return
        elif n_banks == 3:
            dot_wide(3, prepare, table, stride, columns, values, nnz, banks)
            return
        else:
            dot_wide(4, prepare, table, stride, columns, values, nnz, banks)
            n_banks, banks, table = n_banks - 4, banks + 4, table + 4 * BANK_SIZE


cdef noinline_void step_row(
    bint narrow, int learning, Py_ssize_t n_banks, real* table, Py_ssize_t stride,
    const index* columns, const real* values, Py_ssize_t nnz, const Bank* banks,
) noexcept nogil:
    if learning == MIRROR_DESCENT:
        step_as(
            False, MIRROR_DESCENT, narrow, n_banks, table, stride, columns, values, nnz,
            banks, NULL, 0,
        )
    elif learning == FORGETTING:
        step_as(
            False, FORGETTING, narrow, n_banks, table, stride, columns, values, nnz,
            banks, NULL, 0,
        )
    elif learning == DUAL_AVERAGING:
        step_as(
            False, DUAL_AVERAGING, narrow, n_banks, table, stride, columns, values, nnz,
            banks, NULL, 0,
        )
    else:
        step_as(
            False, FTRL_PROXIMAL, narrow, n_banks, table, stride, columns, values, nnz,
            banks, NULL, 0,
        )


cdef noinline_void step_row_and_fetch(
    bint narrow, Py_ssize_t n_banks, real* table, Py_ssize_t stride,
    const index* columns, const real* values, Py_ssize_t nnz, const Bank* banks,
    const index* next_columns, Py_ssize_t n_next,
) noexcept nogil:
    """Learn, prefetching the next row's weights entry by entry."""
    step_as(
        True, MIRROR_DESCENT, narrow, n_banks, table, stride, columns, values, nnz,
        banks, next_columns, n_next,
    )


cdef inline void step_as(
    bint far, int learning, bint narrow, Py_ssize_t n_banks, real* table,
    Py_ssize_t stride, const index* columns, const real* values, Py_ssize_t nnz,
    const Bank* banks, const index* next_columns, Py_ssize_t n_next,
) noexcept nogil:
    if narrow:
        step_narrow(
            far, learning, table, columns, values, nnz, banks, next_columns, n_next
        )
        return
    while n_banks > 0:
        if learning != MIRROR_DESCENT or n_banks == 1:
            step_wide(
                far, learning, 1, table, stride, columns, values, nnz, banks,
                next_columns, n_next,
            )
            n_banks, banks, table = n_banks - 1, banks + 1, table + BANK_SIZE
        elif n_banks == 2:
            step_wide(
                far, learning, 2, table, stride, columns, values, nnz, banks,
                next_columns, n_next,
            )
            return
        elif n_banks == 3:
            step_wide(
                far, learning, 3, table, stride, columns, values, nnz, banks,
                next_columns, n_next,
            )
            return
        else:
            step_wide(
                far, learning, 4, table, stride, columns, values, nnz, banks,
                next_columns, n_next,
            )
            n_banks, banks, table = n_banks - 4, banks + 4, table + 4 * BANK_SIZE


cdef inline Py_ssize_t centre_row(
    const int32_t* places, const double* centres, Py_ssize_t n_centred,
    const index** columns, const real** values, Py_ssize_t nnz,
    index* own_columns, real* own_values,
) noexcept nogil:
    """Read some columns as distances from their centres; return the row's length.

    The centred columns come first; `own_columns` already begins with them. A column
    that the row does not store is 0, at a distance of minus its centre.
    """
    cdef Py_ssize_t k, n = n_centred
    cdef int32_t place
    for k in range(n_centred):
        own_values[k] = <real> -centres[k]
    for k in range(nnz):
        place = places[columns[0][k]]
        if place >= 0:
            own_values[place] += values[0][k]
        elif values[0][k] != 0:
            own_columns[n] = columns[0][k]
            own_values[n] = values[0][k]
            n += 1
    columns[0] = own_columns
    values[0] = own_values
    return n


cdef inline void scale_row(
    real* table, Py_ssize_t stride, Py_ssize_t n_banks, int width, int learning,
    const Bank* banks, real* scales, real least_scale, const index* columns,
    const real* values, Py_ssize_t nnz, real* scaled,
) noexcept nogil:
    """Divide the row by the largest |x| of each feature so far, this row included.

    When that grows, what was learned moves to the new scale: G, a sum of squares, by
    the squared ratio, and dual averaging's z, a sum of gradients, by the ratio. w, the
    weight of the scaled feature, stays (Ross, Mineiro & Langford 2013, algorithm 2),
    for which FTRL-proximal's z must change as the root of G + eps does.
    """
    cdef Py_ssize_t k, b
    cdef real x, ratio, G, eps
    cdef real* line
    cdef int j
    for k in range(nnz):
        x = -values[k] if values[k] < 0 else values[k]
        if 0 < x < least_scale:
            x = least_scale
        if x > scales[columns[k]]:
            ratio = scales[columns[k]] / x
            scales[columns[k]] = x
            if ratio > 0:
                for b in range(n_banks):
                    line = table + stride * columns[k] + 2 * width * b
                    for j in range(width):
                        G, eps = line[width + j], lane(banks[b].eps, j)
                        line[width + j] = ratio * ratio * G
                        if learning == DUAL_AVERAGING:
                            line[j] *= ratio
                        elif learning == FTRL_PROXIMAL and line[j] != 0:
                            line[j] *= <real> sqrt((line[width + j] + eps) / (G + eps))
        scaled[k] = values[k] / scales[columns[k]] if x > 0 else 0


cdef inline void known_scale_row(
    const real* scales, const index* columns, const real* values, Py_ssize_t nnz,
    real* scaled,
) noexcept nogil:
    """Divide the row by the scales; 0 for features without one, but NaN stays NaN."""
    cdef Py_ssize_t k
    for k in range(nnz):
        # Not plain 0: NaN and infinity in X are found by the predictions they give.
        scaled[k] = values[k] / scales[columns[k]] if scales[columns[k]] > 0 else (
            0 * values[k]
        )


cdef inline real softmax(Bank* banks, Py_ssize_t n_banks, real label) noexcept nogil:
    """Set the slopes of the loss -log(probability of the label); return the loss.

    The label's own slope is minus the sum of the others. Its probability minus 1 would
    be 0 as soon as the probability rounds to 1, and a slope of 0 is no update: under
    `half_life` G would stop fading.
    """
    cdef Py_ssize_t b
    cdef lanes p, others
    cdef real top = lane(banks.p, 0), sum_of_all = 0, sum_of_others = 0, own = 0
    for b in range(n_banks):  # unused lanes may be far above or below
        banks[b].p = select_gt(banks[b].used, splat(0), banks[b].p, splat(top))
        top = max(top, hmax(banks[b].p))
    for b in range(n_banks):
        p = banks[b].p
        own += hsum(
            select_eq(splat(label), banks[b].code, p, splat(0)) + splat(0) * p
        )
        banks[b].slope = banks[b].used * vexp(p - splat(top))
        others = select_eq(splat(label), banks[b].code, splat(0), banks[b].slope)
        sum_of_all += hsum(banks[b].slope)
        sum_of_others += hsum(others)
    for b in range(n_banks):
        banks[b].slope = select_eq(
            splat(label), banks[b].code, splat(-sum_of_others), banks[b].slope
        ) / splat(sum_of_all)
    return lane(vlog(splat(sum_of_all)), 0) + top - own
