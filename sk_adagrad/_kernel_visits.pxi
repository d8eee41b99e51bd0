"""The order of visits: keys of rows and targets, equal rows, shares of weight.

Finding equal rows and sharing out their weight in NumPy, array by array, made one pass
over short rows 1.08 times as long.
"""

cdef inline uint64_t with_targets(
    uint64_t content, const real* targets, Py_ssize_t n_targets, uint64_t seed,
    bint exact,
) noexcept nogil:
    cdef uint64_t h = splitmix64_mix(content ^ seed)
    cdef Py_ssize_t j
    for j in range(n_targets):
        h = splitmix64_mix(h + bits_of(targets[j] + 0, exact) + j)  # -0 + 0 is 0
    return h


def row_keys(
    const index[::1] indptr,         # in: as in train
    const index[::1] indices,        # in
    const real[::1] data,            # in
    Py_ssize_t n_features,           # in
    const real[:, ::1] targets,      # in
    const uint32_t[::1] order,       # in: rows to hash; empty: all
    bint exact,                      # in: hash values in full, else as float32
    uint64_t seed,                   # in
    uint64_t[::1] keys,              # out
):
    """Hash each row's non-zero values, their columns and the row's targets."""
    cdef:
        bint chosen = order.shape[0] > 0
        const index* starts = &indptr[0] if indptr.shape[0] else NULL
        const index* columns = &indices[0] if indices.shape[0] else NULL
        const real* entries = &data[0] if data.shape[0] else NULL
        const index* row_columns
        const real* row_values
        Py_ssize_t i, row, nnz
    with nogil:
        for i in range(keys.shape[0]):
            row = order[i] if chosen else i
            nnz = find_row(
                starts, columns, entries, n_features, row, &row_columns, &row_values
            )
            keys[i] = with_targets(
                content_key(row_columns, row_values, nnz, exact),
                &targets[row, 0], targets.shape[1], seed, exact,
            )


# What the keys of rows are made from.
cdef struct Keys:
    const uint64_t* content
    const real* targets
    Py_ssize_t n_targets
    uint64_t seed


cdef void keys_from(
    Keys* keys, const uint64_t[::1] content, const real[:, ::1] targets, uint64_t seed
):
    keys.content = &content[0]
    keys.targets = &targets[0, 0]
    keys.n_targets = targets.shape[1]
    keys.seed = seed


cdef inline uint64_t key_of(const Keys* keys, uint64_t number) noexcept nogil:
    """Return the key of the row in the lower half of `number`."""
    cdef Py_ssize_t row = <uint32_t> number
    return with_targets(
        keys.content[row], keys.targets + row * keys.n_targets, keys.n_targets,
        keys.seed, False,
    )


cdef inline void fetch_key(const Keys* keys, uint64_t number) noexcept nogil:
    cdef Py_ssize_t row = <uint32_t> number
    prefetch(keys.content + row, 1)
    if keys.n_targets:
        prefetch(keys.targets + row * keys.n_targets, 1)


def number_rows(
    const uint64_t[::1] content,     # in: keys from scan
    const real[:, ::1] targets,      # in
    uint64_t seed,                   # in
    uint64_t[::1] numbers,           # out: half a key above, the row's number below
):
    """Write numbers that, once sorted, order rows by content and targets."""
    cdef Py_ssize_t row
    cdef Keys keys
    keys_from(&keys, content, targets, seed)
    with nogil:
        for row in range(numbers.shape[0]):
            numbers[row] = key_of(&keys, row) >> 32 << 32 | <uint64_t> row


cdef enum:
    DIGIT_BITS = 11
    DIGITS = 1 << DIGIT_BITS
    N_DIGITS = 2                     # even, so that the last pass writes to `numbers`
    FIRST_BIT = 64 - N_DIGITS * DIGIT_BITS


def sort_numbers(
    uint64_t[::1] numbers,           # in/out: lower halves ascending on entry
    uint64_t[::1] scratch,           # as many
):
    """Sort numbers by their upper halves, which are hashes.

    A radix sort of their upper 22 bits, least significant digit first, leaves next to
    nothing to a final sort by insertion: of 500,000 numbers one in seventeen moves.
    """
    cdef:
        uint32_t[N_DIGITS][DIGITS] ends
        uint64_t* source = &numbers[0]
        uint64_t* target = &scratch[0]
        uint64_t number
        Py_ssize_t n = numbers.shape[0], i, place
        uint32_t digit, n_before, n_equal
        int k
    with nogil:
        memset(ends, 0, sizeof(ends))
        for i in range(n):
            for k in range(N_DIGITS):
                ends[k][digit_of(source[i], k)] += 1
        for k in range(N_DIGITS):
            n_before = 0
            for digit in range(DIGITS):
                n_equal = ends[k][digit]
                ends[k][digit] = n_before
                n_before += n_equal
            for i in range(n):
                digit = digit_of(source[i], k)
                target[ends[k][digit]] = source[i]
                ends[k][digit] += 1
            source, target = target, source
        for i in range(1, n):
            number, place = source[i], i
            while place > 0 and source[place - 1] >> 32 > number >> 32:
                source[place] = source[place - 1]
                place -= 1
            source[place] = number


cdef inline uint32_t digit_of(uint64_t number, int k) noexcept nogil:
    return <uint32_t> (number >> (FIRST_BIT + k * DIGIT_BITS)) & (DIGITS - 1)


cdef inline bint is_tied(const uint64_t* numbers) noexcept nogil:
    return numbers[0] >> 32 == numbers[1] >> 32


def find_ties(
    const uint64_t[::1] numbers,     # in: sorted
    uint8_t[::1] same,               # out: whether the next has the same upper half
):
    """Return whether any neighbours have the same upper half."""
    cdef Py_ssize_t i
    cdef bint tied = False
    with nogil:
        for i in range(same.shape[0]):
            same[i] = is_tied(&numbers[i])
            tied |= same[i]
    return tied


cdef inline Py_ssize_t next_tie(
    const uint8_t* same, Py_ssize_t begin, Py_ssize_t n
) noexcept nogil:
    """Return the first of n rows, from `begin` on, that equals the next; n if none."""
    cdef const void* found = NULL
    if begin < n - 1:
        found = memchr(same + begin, True, n - 1 - begin)
    return n if found == NULL else <const uint8_t*> found - same


cdef int by_size(const void* a, const void* b) noexcept nogil:
    cdef uint64_t x = (<const uint64_t*> a)[0], y = (<const uint64_t*> b)[0]
    return (x > y) - (x < y)


# The keys of tied rows lie anywhere in memory, so they are prefetched this many rows
# ahead.
cdef enum:
    TIES_AHEAD = 16


def tell_apart(
    const uint64_t[::1] content,     # in: keys of the rows
    const real[:, ::1] targets,      # in: hashed into the keys
    uint64_t seed,                   # in
    int shift,                       # in: 0 for the lower half of the keys, or 32
    uint64_t[::1] numbers,           # in/out: rows in their lower halves
    uint8_t[::1] same,               # in/out: whether the next row seems equal
):
    """Sort runs of rows that seem equal by one half of their keys, if these differ.

    Returns whether some rows still seem equal although their keys differ.
    """
    cdef:
        Py_ssize_t n = numbers.shape[0], begin = next_tie(&same[0], 0, n), end, i
        uint64_t key = 0, next_key
        bint differ, left = False
        Keys keys
    keys_from(&keys, content, targets, seed)
    with nogil:
        while begin < n:
            end, differ = begin, False
            key = key_of(&keys, numbers[begin])
            while end < n - 1 and same[end]:
                end += 1
                if end + TIES_AHEAD < n and same[end + TIES_AHEAD - 1]:
                    fetch_key(&keys, numbers[end + TIES_AHEAD])
                differ |= key_of(&keys, numbers[end]) != key
            if differ:
                for i in range(begin, end + 1):
                    key = key_of(&keys, numbers[i])
                    numbers[i] = key >> shift << 32 | <uint32_t> numbers[i]
                qsort(&numbers[begin], end + 1 - begin, sizeof(uint64_t), by_size)
                key = key_of(&keys, numbers[begin])
                for i in range(begin, end):
                    same[i] = is_tied(&numbers[i])
                    next_key = key_of(&keys, numbers[i + 1])
                    if same[i] and next_key != key:
                        left = True
                    key = next_key
            begin = next_tie(&same[0], end + 1, n)
    return left


def mean_weight(
    const uint64_t[::1] numbers,     # in: rows in their lower halves
    const uint8_t[::1] same,         # in: whether the next row is equal
    const real[::1] weight,          # in: of each row; empty: all 1
):
    """Return the mean weight of the distinct rows, and their number."""
    cdef:
        Py_ssize_t n = numbers.shape[0], n_distinct = n, i
        double sum_of_all = n, own
    with nogil:
        for i in range(n - 1):
            n_distinct -= same[i]
        if weight.shape[0]:
            sum_of_all, i = 0, 0
            while i < n:
                i = end_of_run(&numbers[0], n, &same[0], &weight[0], i, &own)
                sum_of_all += own
    return sum_of_all / max(n_distinct, 1), n_distinct


def share_out(
    const uint64_t[::1] numbers,     # in: as in mean_weight
    const uint8_t[::1] same,         # in
    const real[::1] weight,          # in
    double most_at_once,             # in: largest weight of a single visit, roughly
    uint32_t[::1] order,             # out: row of each visit, in room for all
    real[::1] shares,                # in/out: 1 (0 if there are weights); then the
                                     # weight of a visit to each row, 0 without one
):
    """Visit each distinct row as often as its weight requires.

    Returns the number of visits, the most to any row, and whether all visits weigh 1.
    """
    cdef:
        const real* weights = &weight[0] if weight.shape[0] else NULL
        Py_ssize_t n = numbers.shape[0], i = 0, next_i, n_visits = 0, most = 1
        Py_ssize_t n_own, k
        bint all_one = True
        double own
        uint32_t row
    with nogil:
        while i < n:
            if weights == NULL:  # most rows have no equal: one visit, as shares say
                next_i = next_tie(&same[0], i, n)
                for k in range(i, next_i):
                    order[n_visits + k - i] = <uint32_t> numbers[k]
                n_visits += next_i - i
                if next_i == n:
                    break
                i = next_i
            next_i = end_of_run(&numbers[0], n, &same[0], weights, i, &own)
            # Not 0.5, so that halves never round up or down by a rounding error.
            n_own = 1
            if own / most_at_once > 1:  # not for NaN, where weights overflowed
                n_own = <Py_ssize_t> (own / most_at_once + 0.499)
            row = <uint32_t> numbers[i]
            for k in range(n_visits, n_visits + n_own):
                order[k] = row
            shares[row] = <real> (own / n_own)
            for k in range(i + 1, next_i):
                shares[<uint32_t> numbers[k]] = 0
            i = next_i
            n_visits += n_own
            most = max(most, n_own)
            all_one = all_one and own == n_own
    return n_visits, most, all_one


cdef inline Py_ssize_t end_of_run(
    const uint64_t* numbers, Py_ssize_t n, const uint8_t* same, const real* weight,
    Py_ssize_t begin, double* weight_of_all,
) noexcept nogil:
    """Find the run of rows equal to the first one: its end and its total weight.

    The rounding error of each addition is recovered (Knuth's TwoSum) and added at the
    end, so that the sum does not depend on the order of the rows.
    """
    cdef Py_ssize_t end = begin + 1, i
    cdef double own, sum_of_all = 0, rounded = 0, before, added
    while end < n and same[end - 1]:
        end += 1
    weight_of_all[0] = end - begin
    if weight == NULL:
        return end
    for i in range(begin, end):
        own, before = weight[<uint32_t> numbers[i]], sum_of_all
        sum_of_all = before + own
        added = sum_of_all - before
        rounded += (before - (sum_of_all - added)) + (own - added)
    # The rounding error of an infinite sum is NaN.
    weight_of_all[0] = sum_of_all + rounded if rounded == rounded else sum_of_all
    return end


def shuffle(
    uint32_t[::1] order,             # in/out
    uint64_t seed,                   # in
):
    """Shuffle rows (Fisher & Yates).

    Numbers are drawn with SplitMix64 (Steele, Lea & Flood 2014) and mapped to their
    range by a product (Lemire 2019), without his rejection step: some of n places are
    likelier, by at most n/2³². NumPy's shuffle takes 16 times as long, 11 to 13 % of a
    default fit on short rows.
    """
    cdef uint64_t state = seed
    cdef Py_ssize_t i, j
    with nogil:
        for i in range(order.shape[0] - 1, 0, -1):
            state += <uint64_t> 0x9E3779B97F4A7C15
            j = <Py_ssize_t> ((splitmix64_mix(state) >> 32) * <uint64_t> (i + 1) >> 32)
            order[i], order[j] = order[j], order[i]
