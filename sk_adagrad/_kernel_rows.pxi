"""What is read of a matrix before learning: its structure, finiteness, rows' hashes."""


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
