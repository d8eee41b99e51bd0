"""Reading the tables: predictions, weights and copies of models."""


def raw_prediction(
    const index[::1] indptr,         # in: as in train
    const index[::1] indices,        # in
    const real[::1] data,            # in
    Py_ssize_t n_features,           # in
    const real[:, :, :, :] table,    # in
    const real[:, :, ::1] bias,      # in: weights of the intercepts (n_banks, 1, 8)
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
    """Write w . x + b for each row and lane."""
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
            # A single model: what follows would double the time on short rows.
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
    """Write the weights as of t samples, without changing the table."""
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
    const int64_t[::1] features,     # in: feature in target of each one in source
    const int32_t[:, ::1] moves,     # in: bank and lane in source, then in target
):
    """Copy some models, feature by feature, so that both tables are read in order."""
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
