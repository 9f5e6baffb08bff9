/* One kernel of `search_kernels.c`, which says by macros before each inclusion what its processor can do. */

#define WIDTH (VECTORS * LANES)

/* Rows or codes less the centre, as the products take them; their norms, and those of what rounding took away. */
TARGET static void NAMED(prepare)(const Problem *p, const float *vectors, long count, int32_t *out, float *norms,
                                  float *rests)
{
    for (long i = 0; i < count; i++, vectors += p->dim, out += p->depth) {
        NUMBER *numbers = (NUMBER *)out;
        Floats squares = {0}, rest_squares = {0};
        float square = 0, rest_square = 0;
        long k = 0;
        for (; k + 8 <= p->dim; k += 8) {
            Floats value = *(const Floats *)(vectors + k) - *(const Floats *)(p->centre + k);
            squares += value * value;
#if HALF
            Floats rounded = (Floats)ROUNDED(value);
            rest_squares += (value - rounded) * (value - rounded);
            *(Halves *)(numbers + k) = __builtin_convertvector((Bits)rounded >> 16, Halves);
#else
            *(Floats *)(numbers + k) = value;
#endif
        }
        for (; k < p->dim; k++) {
            float value = vectors[k] - p->centre[k];
            square += value * value;
#if HALF
            Floats rounded = (Floats)ROUNDED((Floats){value});
            rest_square += (value - rounded[0]) * (value - rounded[0]);
            numbers[k] = ((Bits)rounded)[0] >> 16;
#else
            numbers[k] = value;
#endif
        }
        if (HALF && p->dim % 2) numbers[p->dim] = 0;
        norms[i] = sqrtf(square + TOTAL(squares));
        rests[i] = sqrtf(rest_square + TOTAL(rest_squares));
    }
}

/* Fills panel after panel with a job's codes, the shorter ones first, channel by channel, and with their biases: -inf
   for those that fill the last panel. Within a panel norms are then about the same, and so is how far off a score may
   be. */
TARGET static void NAMED(pack)(Job *job)
{
    Problem *p = &job->problem;
    int32_t *numbers = malloc(WIDTH * p->depth * sizeof *numbers);
    float *norms = malloc(p->size * sizeof *norms), longest = 0, rest;
    job->out_of_memory = !numbers || !norms;
    for (long i = 0; !job->out_of_memory && i < p->size; i++) {
        NAMED(prepare)(p, p->codes + i * p->dim, 1, numbers, norms + i, &rest);
        p->longest = norms[i] <= p->longest ? p->longest : norms[i]; /* a NaN stays */
        if (rest > p->rest * norms[i]) p->rest = rest / norms[i];
    }
    if (!job->out_of_memory) sort_by_norm(p, norms);
    for (long panel = 0; !job->out_of_memory && panel < p->panel_count; panel++) {
        const int32_t *order = p->order + panel * WIDTH;
        long count = p->size - panel * WIDTH < WIDTH ? p->size - panel * WIDTH : WIDTH;
        int32_t *out = p->panels + panel * WIDTH * p->depth;
        float *bias = p->bias + panel * WIDTH, norm;
        memset(numbers + count * p->depth, 0, (WIDTH - count) * p->depth * sizeof *numbers);
        for (long i = 0; i < WIDTH; i++) bias[i] = -INFINITY;
        for (long i = 0; i < count; i++) {
            NAMED(prepare)(p, p->codes + order[i] * p->dim, 1, numbers + i * p->depth, &norm, &rest);
            bias[i] = -0.5f * norm * norm;
            longest = norm > longest ? norm : longest; /* so far: the order is not by the last digits of norms */
        }
        p->longest_of_panel[panel] = longest + SHORTEST * 1e-10f; /* the second part for what underflows */
        for (long start = 0; start < p->depth; start += 16) { /* a cache line of each code at a time */
            long end = start + 16 < p->depth ? start + 16 : p->depth;
            for (long i = 0; i < WIDTH; i++)
                for (long k = start; k < end; k++) out[k * WIDTH + i] = numbers[i * p->depth + k];
        }
    }
    free(numbers);
    free(norms);
}

/* Scores the rows of a tile with all codes; leaves in `states` the lanes that hold a row's best or come close to it.

   A lane stands for VECTORS codes of a panel. Only their largest score is kept, for SEGMENT_PANELS panels at a time:
   these say what the best score is at least, and a second look, a comparison for WIDTH codes, finds the lanes that may
   reach it. */
TARGET static void NAMED(score)(const Problem *p, const int32_t *rows, long count, State *states)
{
    VECTOR lanes[SEGMENT_PANELS][ROWS];
    long depth = p->depth, segment = SEGMENT_BYTES / (depth * WIDTH * 4);
    segment = segment < 1 ? 1 : segment > SEGMENT_PANELS ? SEGMENT_PANELS : segment;
    for (long first = 0; first < p->panel_count; first += segment) {
        long last = first + segment < p->panel_count ? first + segment : p->panel_count;
        for (long block = 0; block < count; block += ROWS) {
            const int32_t *row = rows + block * depth;
            VECTOR best[ROWS];
            for (int r = 0; r < ROWS; r++) best[r] = SAME(-INFINITY);
            for (long panel = first; panel < last; panel++) {
                const int32_t *code = p->panels + panel * depth * WIDTH;
                VECTOR sums[ROWS][VECTORS];
                UNROLLED for (int v = 0; v < VECTORS; v++) {
                    VECTOR bias = FLOATS(p->bias + panel * WIDTH + v * LANES);
                    UNROLLED for (int r = 0; r < ROWS; r++) sums[r][v] = bias;
                }
                for (long k = 0; k < depth; k++, code += WIDTH) {
                    NUMBERS numbers[VECTORS];
                    UNROLLED for (int v = 0; v < VECTORS; v++) numbers[v] = LOADED(code + v * LANES);
                    UNROLLED for (int r = 0; r < ROWS; r++) {
                        NUMBERS number = REPEATED(row + r * depth + k);
                        UNROLLED for (int v = 0; v < VECTORS; v++) sums[r][v] = PLUS(sums[r][v], number, numbers[v]);
                    }
                }
                UNROLLED for (int r = 0; r < ROWS; r++) {
                    VECTOR largest = sums[r][0];
                    UNROLLED for (int v = 1; v < VECTORS; v++) largest = LARGER(largest, sums[r][v]);
                    lanes[panel - first][r] = largest;
                    VECTOR error = SAME(states[block + r].error * p->longest_of_panel[panel]);
                    best[r] = LARGER(best[r], MINUS(largest, error));
                }
            }
            for (int r = 0; r < ROWS; r++) {
                State *state = states + block + r;
                float least = LARGEST(best[r]);
                if (least + 2 * state->error * p->longest_of_panel[last - 1] < state->best) continue;
                state->best = least > state->best ? least : state->best;
                for (long panel = first; panel < last; panel++) {
                    float error = state->error * p->longest_of_panel[panel];
                    const float *largest = (const float *)&lanes[panel - first][r];
                    unsigned mask = REACHED(lanes[panel - first][r], SAME(state->best - error));
                    for (; mask; mask &= mask - 1) {
                        int lane = __builtin_ctz(mask);
                        add_candidate(p, state, largest[lane] + error, panel * WIDTH + lane);
                    }
                }
            }
        }
    }
}

/* Of the codes of a row's lanes the nearest in float64, the lowest number among equal ones; -1 where nothing is
   proved. */
TARGET static int64_t NAMED(decide)(const Problem *p, const float *row, State *state)
{
    if (!state->count || state->count > p->most_lanes || !isfinite(state->error)) return -1;
    int64_t found = -1;
    double least = INFINITY;
    drop_candidates(state);
    for (int i = 0; i < state->count; i++)
        for (int v = 0; v < VECTORS; v++) {
            long place = state->candidates[i].place + v * LANES;
            if (place >= p->size) break;
            int64_t number = p->order[place];
            const float *code = p->codes + number * p->dim;
            Doubles sums = {0}, more = {0};
            double sum = 0;
            long k = 0;
            for (; k + 8 <= p->dim; k += 8) {
                Doubles apart = DOUBLES(row + k) - DOUBLES(code + k);
                sums += apart * apart;
                apart = DOUBLES(row + k + 4) - DOUBLES(code + k + 4);
                more += apart * apart;
            }
            for (; k < p->dim; k++) {
                double apart = (double)row[k] - (double)code[k];
                sum += apart * apart;
            }
            sum += TOTAL_OF_4(sums + more);
            int closer = (sum < least) | ((sum == least) & (number < found)); /* no branch: none could be foretold */
            found = closer ? number : found;
            least = closer ? sum : least;
        }
    return found;
}

/* Takes tile after tile of a job's rows until none is left or too many were not proved; several threads share them. */
TARGET static void NAMED(search)(Job *job)
{
    const Problem *p = &job->problem;
    int32_t *numbers = malloc(TILE_ROWS * p->depth * sizeof *numbers);
    State *states = malloc(TILE_ROWS * sizeof *states);
    if (!numbers || !states) job->out_of_memory = 1;
    while (!job->out_of_memory && __atomic_load_n(&job->unproved, __ATOMIC_RELAXED) <= job->patience) {
        long start = __atomic_fetch_add(&job->next, TILE_ROWS, __ATOMIC_RELAXED), unproved = 0;
        if (start >= job->count) break;
        long count = job->count - start < TILE_ROWS ? job->count - start : TILE_ROWS;
        long whole = (count + ROWS - 1) / ROWS * ROWS;
        const float *rows = job->rows + start * p->dim;
        float norms[TILE_ROWS] = {0}, rests[TILE_ROWS] = {0};
        NAMED(prepare)(p, rows, count, numbers, norms, rests);
        memset(numbers + count * p->depth, 0, (whole - count) * p->depth * sizeof *numbers);
        for (long i = 0; i < whole; i++) states[i] = state_of(p, norms[i], rests[i]);
        NAMED(score)(p, numbers, whole, states);
        for (long i = 0; i < count; i++) {
            job->index[start + i] = NAMED(decide)(p, rows + i * p->dim, states + i);
            unproved += job->index[start + i] < 0;
        }
        __atomic_fetch_add(&job->unproved, unproved, __ATOMIC_RELAXED);
    }
    free(numbers);
    free(states);
}

#undef WIDTH
#undef TARGET
#undef HALF
#undef NUMBER
#undef VECTOR
#undef LANES
#undef VECTORS
#undef ROWS
#undef NUMBERS
#undef FLOATS
#undef SAME
#undef LOADED
#undef REPEATED
#undef PLUS
#undef MINUS
#undef LARGER
#undef LARGEST
#undef REACHED
#undef NAMED
