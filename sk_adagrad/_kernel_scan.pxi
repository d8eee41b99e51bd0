"""What is done with a matrix's rows before learning.

Their structure and finiteness are looked at, and they are hashed.
"""

# Entries whose structure and values are looked at in one go, so that memory is read
# once; they take 64 KB at most.
cdef enum:
    ENTRIES_AT_ONCE = 4096

# Rows of more non-zeros than this get keys that take half of the time: on imdb, with
# 140 entries a row, that is 9 % of a fit of one pass.
cdef enum:
    LONG_ROW = 32


def scan(
    const index[::1] indptr,         # in: as in train; not yet to be trusted
    const index[::1] indices,        # in
    const real[::1] data,            # in
    Py_ssize_t n_rows,               # in
    Py_ssize_t n_features,           # in
    uint64_t[::1] keys,              # out: hash of each row's content; or empty
):
    """Read a matrix once, trusting nothing but the arrays' lengths.

    Returns the first row whose end lies before its start or behind `indices` (-1 if
    none), the smallest and largest column, whether all columns rise within rows,
    whether all values are finite, and whether rows with the same key are the same.

    A block's falls are counted in the type of the columns, so that the compiler need
    not widen what it compares, and one sum of products would wait for itself: on imdb
    that is 0.38 ns a non-zero instead of 0.46, most of it now that of memory.
    """
    cdef:
        bint sparse = indptr.shape[0] > 0, keyed = keys.shape[0] > 0
        const index* starts = &indptr[0] if sparse else NULL
        const index* columns = &indices[0] if indices.shape[0] else NULL
        const real* entries = &data[0] if data.shape[0] else NULL
        index low = 0, high = -1, fall = 0
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
                for k in range(begin, end):
                    low = columns[k] if columns[k] < low else low
                    high = columns[k] if columns[k] > high else high
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
    return bad_row, low, high, falls == 0, product == 0, whole and not rounded


cdef Py_ssize_t first_bad_row(
    const index* starts, Py_ssize_t n_rows, Py_ssize_t n_entries
) noexcept nogil:
    """Return the first row that ends before its start or behind all entries, or -1."""
    cdef Py_ssize_t row
    for row in range(n_rows):
        if not 0 <= starts[row] <= starts[row + 1] <= n_entries:
            return row
    return -1


cdef bint hash_rows(
    const index* starts, const index* columns, const real* entries,
    Py_ssize_t n_features, Py_ssize_t first, Py_ssize_t last, uint64_t* keys,
) noexcept nogil:
    """Hash rows up to, not including, last; return whether all their keys are whole."""
    cdef:
        uint64_t[2 * ENTRIES_AT_ONCE] hashes
        const index* row_columns
        const real* row_values
        Py_ssize_t begin = starts[first] if starts != NULL else 0
        Py_ssize_t end = starts[last] if starts != NULL else 0
        Py_ssize_t k, nnz
        bint whole = True
        # One loop over all entries, and one that adds up, take half of the time of a
        # loop for each row, where rows are short.
        bint flat = starts != NULL and end - begin <= min(
            2 * ENTRIES_AT_ONCE, LONG_ROW * (last - first)
        )
    if flat:
        for k in range(begin, end):
            hashes[k - begin] = entry_key(columns[k], entries[k], False)
    for k in range(first, last):
        nnz = find_row(
            starts, columns, entries, n_features, k, &row_columns, &row_values
        )
        if nnz > LONG_ROW and n_nonzeros(row_values, nnz) > LONG_ROW:
            keys[k] = key_of_long(row_columns, row_values, nnz)
            whole = False
        elif flat:
            keys[k] = sum_of(hashes + (starts[k] - begin), nnz)
        else:
            keys[k] = content_key(row_columns, row_values, nnz, False)
    return whole


def repeats(
    const index[::1] indptr,         # in: valid
    const index[::1] indices,        # in: valid
    uint32_t[::1] last_rows,         # scratch: n_features zeros
    uint8_t[::1] marks,              # out: 1 for each row that has a column twice
):
    """Return whether a row has a column twice."""
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
    const uint32_t[::1] order,       # in: rows to look at, each once
    uint8_t[::1] counts,             # scratch: n_features zeros
):
    """Return how many features are not 0 in exactly one row."""
    cdef:
        const index* starts = &indptr[0] if indptr.shape[0] else NULL
        const index* columns = &indices[0] if indices.shape[0] else NULL
        const real* entries = &data[0] if data.shape[0] else NULL
        const index* row_columns
        const real* row_values
        Py_ssize_t i, k, nnz, n_single = 0
    with nogil:
        for i in range(order.shape[0]):
            nnz = find_row(
                starts, columns, entries, n_features, order[i], &row_columns,
                &row_values,
            )
            for k in range(nnz):
                if row_values[k] != 0 and counts[row_columns[k]] < 2:
                    counts[row_columns[k]] += 1
        for k in range(n_features):
            n_single += counts[k] == 1
    return n_single


cdef inline uint64_t splitmix64_mix(uint64_t h) noexcept nogil:
    """Mix all bits as SplitMix64 does (Steele, Lea & Flood 2014)."""
    h = (h ^ (h >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    h = (h ^ (h >> 27)) * <uint64_t> 0x94D049BB133111EB
    return h ^ (h >> 31)


cdef inline uint64_t entry_key(index column, real value, bint exact) noexcept nogil:
    """Hash an entry; 0 for a zero, as for what is not stored.

    Entries' hashes are added up, so they must not be linear in the columns, which of
    one-hot rows are all there is. Products of 32 bits, here with primes of xxHash, take
    a third of the time of those of 64, but leave out a bit, which exact hashes must
    not.
    """
    cdef uint64_t bits = bits_of(value, exact), c = <uint64_t> column
    cdef uint32_t b = <uint32_t> bits, one, other
    if exact:
        return splitmix64_mix(bits ^ splitmix64_mix(c + 1)) if value != 0 else 0
    one = <uint32_t> c * <uint32_t> 0x9E3779B1 + b * <uint32_t> 0x85EBCA77
    one = (one ^ (one >> 15) ^ <uint32_t> (c >> 32)) * <uint32_t> 0x27D4EB2F
    other = <uint32_t> c ^ (b << 5 | b >> 27) ^ <uint32_t> (bits >> 32)
    return <uint64_t> (one | 1) * (other | 1) if value != 0 else 0


cdef inline uint64_t sum_of(const uint64_t* hashes, Py_ssize_t n) noexcept nogil:
    cdef uint64_t sum_of_all = 0
    cdef Py_ssize_t k
    for k in range(n):
        sum_of_all += hashes[k]
    return sum_of_all


cdef inline uint64_t content_key(
    const index* columns, const real* values, Py_ssize_t nnz, bint exact
) noexcept nogil:
    """Hash a row's non-zero values and their columns.

    The entries' hashes are added up, and zeros left out, so that neither their order
    nor the format matters; rounding to float32 lets float32 and float64 data have the
    same keys.
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
    """Hash a row into 32 bits, which other rows may have too.

    The upper bits are folded upon the lower ones before and after the second product:
    values that differ in a few upper bits, as signs or small integers do, would else
    give rows in thousands the same key, and these are visited one after the other.
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
