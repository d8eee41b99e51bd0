"""Reading a matrix before learning: structure, finiteness, hashes of rows."""

# Entries whose structure and values are checked together, so that memory is read once;
# they take at most 64 KB.
cdef enum:
    ENTRIES_AT_ONCE = 4096

# Rows with more non-zeros than this get cheaper keys, which take half the time: on
# imdb, with 140 entries per row, that saves 9 % of a fit of one pass.
cdef enum:
    LONG_ROW = 32


# The smallest and the largest column.
cdef struct Span:
    int64_t low
    int64_t high


cdef inline void widen(Span* span, const index* columns, Py_ssize_t n) noexcept nogil:
    cdef index low = <index> span.low, high = <index> span.high
    cdef Py_ssize_t k
    for k in range(n):
        low = columns[k] if columns[k] < low else low
        high = columns[k] if columns[k] > high else high
    span.low, span.high = low, high


def bounds(
    const index[::1] indptr,         # in: as in train, but not yet validated
    const index[::1] indices,        # in
    Py_ssize_t n_rows,               # in
):
    """Read a CSR matrix's structure, trusting nothing but the lengths of the arrays.

    Returns the first row that ends before its start or beyond `indices` (-1 if none),
    the smallest and the largest column.
    """
    cdef:
        Span span = [0, -1]
        Py_ssize_t bad_row
    with nogil:
        bad_row = first_bad_row(&indptr[0], n_rows, indices.shape[0])
        if bad_row < 0 and indptr[n_rows] > indptr[0]:
            widen(&span, &indices[indptr[0]], indptr[n_rows] - indptr[0])
    return bad_row, span.low, span.high


def scan(
    const index[::1] indptr,         # in: as in train, but not yet validated
    const index[::1] indices,        # in
    const real[::1] data,            # in
    Py_ssize_t n_rows,               # in
    Py_ssize_t n_features,           # in
    uint64_t[::1] keys,              # out: hash of each row's content; or empty
):
    """Read a matrix once, trusting nothing but the lengths of the arrays.

    Returns the first row that ends before its start or beyond `indices` (-1 if none),
    the smallest and the largest column, whether columns ascend strictly in each row,
    whether all values are finite, and whether equal keys imply equal rows.

    A block's descents are counted in the type of the columns, so that the compiler need
    not widen the comparisons, and the products go to two sums, as a single one would be
    bound by its latency: on imdb 0.38 instead of 0.46 ns per non-zero, by now mostly
    memory time.
    """
    cdef:
        bint sparse = indptr.shape[0] > 0, keyed = keys.shape[0] > 0
        const index* starts = &indptr[0] if sparse else NULL
        const index* columns = &indices[0] if indices.shape[0] else NULL
        const real* entries = &data[0] if data.shape[0] else NULL
        index fall = 0
        Span span = [0, -1]
        Py_ssize_t falls = 0, rounded = 0, begin, end, first, row = 0, k
        Py_ssize_t bad_row = -1
        running_sum products, others
        real product = 0
        bint whole = True
    clear(&products)
    clear(&others)
    with nogil:
        if sparse:
            bad_row = first_bad_row(starts, n_rows, indices.shape[0])
        while bad_row < 0 and row < n_rows:
            first, begin = row, starts[row] if sparse else row * n_features
            end = begin
            while row < n_rows and end - begin < ENTRIES_AT_ONCE:
                row += 1
                end = starts[row] if sparse else row * n_features
            if sparse:
                widen(&span, columns + begin, end - begin)
                fall = 0
                for k in range(begin + 1, end):
                    fall += columns[k] <= columns[k - 1]
                falls += fall
                for k in range(first + 1, row):  # a row may begin with any column
                    if starts[k - 1] < starts[k] < end and starts[k] > begin:
                        falls -= columns[starts[k]] <= columns[starts[k] - 1]
            for k in range(begin, end - 15, 16):  # 0 times NaN or infinity is not 0
                add_times(&products, entries + k, 0)
                add_times(&others, entries + k + 8, 0)
            for k in range(end - (end - begin) % 16, end):
                product += 0 * entries[k]
            if not keyed:
                continue
            if sizeof(real) == 8 and whole:
                for k in range(begin, end):
                    rounded += <float> entries[k] != entries[k]
            if not hash_rows(
                starts, columns, entries, n_features, first, row, &keys[0]
            ):
                whole = False
        product += hsum(lanes_of(&products)) + hsum(lanes_of(&others))
    return (
        bad_row, span.low, span.high, falls == 0, product == 0, whole and not rounded
    )


cdef Py_ssize_t first_bad_row(
    const index* starts, Py_ssize_t n_rows, Py_ssize_t n_entries
) noexcept nogil:
    """Return the first row that ends before its start or beyond the entries, or -1."""
    cdef Py_ssize_t row
    for row in range(n_rows):
        if not 0 <= starts[row] <= starts[row + 1] <= n_entries:
            return row
    return -1


cdef bint hash_rows(
    const index* starts, const index* columns, const real* entries,
    Py_ssize_t n_features, Py_ssize_t first, Py_ssize_t last, uint64_t* keys,
) noexcept nogil:
    """Hash rows first to last - 1; return whether all keys are of 64 bits."""
    cdef:
        uint64_t[2 * ENTRIES_AT_ONCE + 1] sums  # of the hashes before each entry
        const index* row_columns
        const real* row_values
        Py_ssize_t begin = starts[first] if starts != NULL else 0
        Py_ssize_t end = starts[last] if starts != NULL else 0
        Py_ssize_t k, nnz
        bint whole = True
        # Where rows are short, one loop that hashes all entries and one that adds up
        # take half the time of a loop per row, whose end the processor cannot foresee.
        bint flat = starts != NULL and end - begin <= min(
            2 * ENTRIES_AT_ONCE, LONG_ROW * (last - first)
        )
    if flat:
        sums[0] = 0
        for k in range(begin, end):
            sums[k - begin + 1] = entry_key(columns[k], entries[k], False)
        for k in range(end - begin):
            sums[k + 1] += sums[k]
    for k in range(first, last):
        nnz = find_row(
            starts, columns, entries, n_features, k, &row_columns, &row_values
        )
        if nnz > LONG_ROW and n_nonzeros(row_values, nnz) > LONG_ROW:
            keys[k] = key_of_long(row_columns, row_values, nnz)
            whole = False
        elif flat:
            keys[k] = sums[starts[k + 1] - begin] - sums[starts[k] - begin]
        else:
            keys[k] = content_key(row_columns, row_values, nnz, False)
    return whole


def repeats(
    const index[::1] indptr,         # in: valid
    const index[::1] indices,        # in: valid
    uint32_t[::1] last_rows,         # scratch: n_features zeros
    uint8_t[::1] marks,              # out: 1 for each row that has a column twice
):
    """Return whether any row has a column twice."""
    cdef:
        const index* starts = &indptr[0]
        const index* columns = &indices[0] if indices.shape[0] else NULL
        uint32_t* last = &last_rows[0] if last_rows.shape[0] else NULL
        Py_ssize_t row, k
        bint any_twice = False
    with nogil:
        for row in range(indptr.shape[0] - 1):
            marks[row] = False
            for k in range(starts[row], starts[row + 1]):
                marks[row] |= last[columns[k]] == row + 1
                last[columns[k]] = <uint32_t> (row + 1)
            any_twice |= marks[row]
    return any_twice


def single_features(
    const index[::1] indptr,         # in: as in train
    const index[::1] indices,        # in
    const real[::1] data,            # in
    Py_ssize_t n_features,           # in
    const uint32_t[::1] order,       # in: rows to look at
    uint8_t[::1] counts,             # scratch: n_features zeros, also afterwards
):
    """Return how many features are non-zero in exactly one of these rows."""
    cdef:
        const index* starts = &indptr[0] if indptr.shape[0] else NULL
        const index* columns = &indices[0] if indices.shape[0] else NULL
        const real* entries = &data[0] if data.shape[0] else NULL
        const index* row_columns
        const real* row_values
        Py_ssize_t i, k, nnz, n_single = 0
        bint counted
    with nogil:
        for counted in range(2):
            for i in range(order.shape[0]):
                nnz = find_row(
                    starts, columns, entries, n_features, order[i], &row_columns,
                    &row_values,
                )
                for k in range(nnz):
                    if counted:
                        n_single += counts[row_columns[k]] == 1
                        counts[row_columns[k]] = 0
                    elif row_values[k] != 0 and counts[row_columns[k]] < 2:
                        counts[row_columns[k]] += 1
    return n_single


cdef inline uint64_t splitmix64_mix(uint64_t h) noexcept nogil:
    """Mix all bits with SplitMix64's finaliser (Steele, Lea & Flood 2014)."""
    h = (h ^ (h >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    h = (h ^ (h >> 27)) * <uint64_t> 0x94D049BB133111EB
    return h ^ (h >> 31)


cdef inline uint64_t entry_key(index column, real value, bint exact) noexcept nogil:
    """Hash an entry; 0 for a stored zero, as if it were not stored.

    Hashes are summed over a row, so they must not be linear in the column, which is all
    that one-hot rows consist of. 32-bit products, here with primes of xxHash, take a
    third of the time of 64-bit ones, but lose a bit, which exact hashes must not.
    """
    cdef uint64_t bits = bits_of(value, exact), c = <uint64_t> column
    cdef uint32_t b = <uint32_t> bits, one, other
    if exact:
        return splitmix64_mix(bits ^ splitmix64_mix(c + 1)) if value != 0 else 0
    one = <uint32_t> c * <uint32_t> 0x9E3779B1 + b * <uint32_t> 0x85EBCA77
    one = (one ^ (one >> 15) ^ <uint32_t> (c >> 32)) * <uint32_t> 0x27D4EB2F
    other = <uint32_t> c ^ (b << 5 | b >> 27) ^ <uint32_t> (bits >> 32)
    return <uint64_t> (one | 1) * (other | 1) if value != 0 else 0


cdef inline uint64_t content_key(
    const index* columns, const real* values, Py_ssize_t nnz, bint exact
) noexcept nogil:
    """Hash a row's non-zero values and their columns.

    Summing the entries' hashes and leaving out zeros makes the key independent of their
    order and of the format; rounding to float32 gives float32 and float64 data the same
    keys.
    """
    cdef uint64_t sum_of_all = 0
    cdef Py_ssize_t k
    for k in range(nnz):
        sum_of_all += entry_key(columns[k], values[k], exact)
    return sum_of_all


cdef inline Py_ssize_t n_nonzeros(const real* values, Py_ssize_t nnz) noexcept nogil:
    cdef count n = 0
    cdef Py_ssize_t k
    for k in range(nnz):
        n += values[k] != 0
    return n


cdef inline uint64_t key_of_long(
    const index* columns, const real* values, Py_ssize_t nnz
) noexcept nogil:
    """Hash a row into 32 bits, so that different rows may collide.

    The upper bits are folded onto the lower ones before and after the second product.
    Otherwise values that differ in a few upper bits only, such as signs or small
    integers, would give thousands of rows the same key, and such rows would be visited
    one after the other.
    """
    cdef uint32_t sum_of_all = 0, bits, h
    cdef Py_ssize_t k
    for k in range(nnz):
        if values[k] != 0:
            bits = <uint32_t> bits_of(values[k], False)
            h = <uint32_t> columns[k] * <uint32_t> 0x9E3779B1 ^ bits ^ (bits >> 15)
            h = (h ^ (h >> 16)) * <uint32_t> 0x27D4EB2F
            sum_of_all += h ^ (h >> 13)
    return sum_of_all
