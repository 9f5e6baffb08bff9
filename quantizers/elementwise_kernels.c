/* What quantizers do with each number beside a search, in one pass over memory, for processors with AVX2 or AVX-512.
   `elementwise_compiled.py` and `fsq_compiled.py` say what is computed, and call it; built for another processor this
   offers no kernels. */

#define Py_LIMITED_API 0x030a0000
#define _GNU_SOURCE
#include <Python.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define LANES 16          /* numbers side by side, the same for all processors, so that sums are the same */
#define BLOCK (16 * 1024) /* numbers that a thread takes at a time; their sums are added in order, whoever made them */
#define MOST_CHANNELS 64
#define CHUNK 32 /* channels that a thread takes at a time where rows are summed: each sum is made by one, row by row */

typedef struct {
    const float *rows, *quantized, *gradient;
    float *out, *sums;
    int64_t *codes, *left; /* codes; rows that are left to PyTorch */
    const float *grid, *radix; /* grid: the constants of `fsq_grid.py`, a line of each */
    float slope, factor, rounding;
    long count, channels, rows_per_block, next, left_count;
    long dim, size; /* of a codebook */
    int outside;    /* a code that it has not was met */
} Job;

#include "kernel_machine.h"

/* The constants of each channel, again and again for LANES rows: loops along few channels would be short. */
typedef struct {
    float shift[LANES * MOST_CHANNELS], scale[LANES * MOST_CHANNELS], centre[LANES * MOST_CHANNELS];
    float half_width[LANES * MOST_CHANNELS], radix[LANES * MOST_CHANNELS];
    float surely[LANES * MOST_CHANNELS]; /* how far from a level no rounding matters */
} Line;

INLINE void repeat(float *line, const float *constants, long channels)
{
    for (long i = 0; i < LANES; i++) memcpy(line + i * channels, constants, channels * sizeof *line);
}

INLINE void fill_line(Line *line, const Job *job)
{
    repeat(line->shift, job->grid, job->channels);
    repeat(line->scale, job->grid + job->channels, job->channels);
    repeat(line->centre, job->grid + 2 * job->channels, job->channels);
    repeat(line->half_width, job->grid + 3 * job->channels, job->channels);
    repeat(line->radix, job->radix, job->channels);
    for (long i = 0; i < LANES * job->channels; i++)
        line->surely[i] = 0.5f - (job->rounding + 2 * 0x1p-24f * fabsf(line->shift[i])) * line->half_width[i];
}

/* The next rows of a job that no thread has taken, or 0. */
INLINE long take_rows(Job *job, long *start)
{
    *start = __atomic_fetch_add(&job->next, job->rows_per_block, __ATOMIC_RELAXED);
    long left = job->count - *start;
    return left < 0 ? 0 : left < job->rows_per_block ? left : job->rows_per_block;
}

/* exp(-2 |x|), to 2^-23 of 1; from 2^-126 on. */
INLINE float exponential(float x)
{
    float power = fabsf(x) * -2.8853900817779268f; /* of 2 */
    power = power < -126 ? -126 : power;
    float whole = rintf(power), part = power - whole, value = 1.5252733804059840e-5f;
    value = value * part + 1.5403530393381608e-4f; /* the series of 2^part */
    value = value * part + 1.3333558146428441e-3f;
    value = value * part + 9.6181291076284770e-3f;
    value = value * part + 5.5504108664821580e-2f;
    value = value * part + 2.4022650695910070e-1f;
    value = value * part + 6.9314718055994530e-1f;
    value = value * part + 1;
    union {
        int32_t bits;
        float value;
    } scale = {((int32_t)whole + 127) << 23};
    return value * scale.value;
}

INLINE float tangent(float x)
{
    float small = exponential(x);
    return copysignf((1 - small) / (1 + small), x);
}

INLINE void fsq(Job *job)
{
    Line line;
    fill_line(&line, job);
    for (long start, count; (count = take_rows(job, &start));)
        for (long done = 0; done < count; done += LANES) {
            long height = count - done < LANES ? count - done : LANES, first = start + done;
            const float *rows = job->rows + first * job->channels;
            float *out = job->out + first * job->channels;
            float parts[LANES * MOST_CHANNELS];
            int32_t doubtful[LANES * MOST_CHANNELS], any = 0;
            for (long i = 0; i < height * job->channels; i++) {
                float half_width = line.half_width[i];
                float bounded = line.centre[i] + line.scale[i] * tangent(line.shift[i] + job->slope * rows[i]);
                float steps = bounded * half_width; /* from the middle: at most half a one past the outermost levels */
                float digit = rintf(steps) + half_width;
                doubtful[i] = !(fabsf(steps - rintf(steps)) < line.surely[i]);
                any |= doubtful[i];
                out[i] = (digit - half_width) / half_width;
                parts[i] = digit * line.radix[i];
            }
            float sums[LANES] = {0};
            for (long k = 0; k < job->channels; k++)
                for (long row = 0; row < LANES; row++) sums[row] += parts[row * job->channels + k];
            for (long row = 0; row < height; row++) job->codes[first + row] = (int64_t)sums[row];
            for (long row = 0; any && row < height; row++) {
                int32_t leave = 0;
                for (long k = 0; k < job->channels; k++) leave |= doubtful[row * job->channels + k];
                if (leave) job->left[__atomic_fetch_add(&job->left_count, 1, __ATOMIC_RELAXED)] = first + row;
            }
        }
}

INLINE void fsq_gradient(Job *job)
{
    float shift[LANES * MOST_CHANNELS], scale[LANES * MOST_CHANNELS];
    repeat(shift, job->grid, job->channels);
    repeat(scale, job->grid + job->channels, job->channels);
    for (long start, count; (count = take_rows(job, &start));)
        for (long done = 0; done < count; done += LANES) {
            long width = (count - done < LANES ? count - done : LANES) * job->channels;
            long place = (start + done) * job->channels;
            for (long i = 0; i < width; i++) {
                float small = exponential(shift[i] + job->slope * job->rows[place + i]);
                float derivative = 4 * small / ((1 + small) * (1 + small)); /* of the tangent */
                job->out[place + i] = job->gradient[place + i] * (derivative * scale[i] * job->slope);
            }
        }
}

/* Bit k of a row's code is whether its number k is above 0; of the numbers the signs alone are left, times the factor. */
INLINE void signs(Job *job)
{
    for (long start, count; (count = take_rows(job, &start));) {
        const float *rows = job->rows + start * job->channels;
        float *out = job->out + start * job->channels;
        for (long i = 0; i < count * job->channels; i++) out[i] = rows[i] > 0 ? job->factor : -job->factor;
        for (long row = 0; row < count; row++) {
            int64_t code = 0;
            for (long k = 0; k < job->channels; k++) code |= (int64_t)(rows[row * job->channels + k] > 0) << k;
            job->codes[start + row] = code;
        }
    }
}

INLINE void squared_error(Job *job)
{
    for (long start, count; (count = take_rows(job, &start));) {
        const float *rows = job->rows + start, *quantized = job->quantized + start;
        float sums[LANES] = {0}, total = 0;
        long i = 0;
        for (; i + LANES <= count; i += LANES)
            for (long lane = 0; lane < LANES; lane++) {
                float apart = rows[i + lane] - quantized[i + lane];
                sums[lane] += apart * apart;
            }
        for (; i < count; i++) sums[i % LANES] += (rows[i] - quantized[i]) * (rows[i] - quantized[i]);
        for (long lane = 0; lane < LANES; lane++) total += sums[lane];
        job->sums[start / BLOCK] = total;
    }
}

INLINE void committed_gradient(Job *job)
{
    for (long start, count; (count = take_rows(job, &start));)
        for (long i = start; i < start + count; i++)
            job->out[i] = (job->rows[i] - job->quantized[i]) * job->factor + job->gradient[i];
}

INLINE void sums_by_code(Job *job)
{
    for (long first; (first = __atomic_fetch_add(&job->next, CHUNK, __ATOMIC_RELAXED)) < job->dim;) {
        long width = job->dim - first < CHUNK ? job->dim - first : CHUNK;
        for (long row = 0; row < job->count; row++) {
            if (job->codes[row] < 0 || job->codes[row] >= job->size) {
                __atomic_store_n(&job->outside, 1, __ATOMIC_RELAXED);
                continue;
            }
            const float *from = job->rows + row * job->dim + first;
            float *to = job->out + job->codes[row] * job->dim + first;
            for (long k = 0; k < width; k++) to[k] += from[k];
        }
    }
}

/* log(x) of a normal number, to 2^-22 of it and of 1. */
INLINE float logarithm(float x)
{
    union {
        float value;
        int32_t bits;
    } part = {x};
    int32_t power = (part.bits - 0x3f3504f3) >> 23; /* the part lies between sqrt(1/2) and sqrt(2) */
    part.bits -= power << 23;
    float s = (part.value - 1) / (part.value + 1), square = s * s, value = 1.0f / 9;
    value = value * square + 1.0f / 7; /* the series of artanh */
    value = value * square + 1.0f / 5;
    value = value * square + 1.0f / 3;
    return 2 * (s + s * square * value) + power * 0.69314718055994531f;
}

/* The sums of the counts, of the counts times their logarithms, and of those that are not 0, block by block. */
INLINE void information(Job *job)
{
    for (long start, count; (count = take_rows(job, &start));) {
        float all[LANES] = {0}, times_log[LANES] = {0}, used[LANES] = {0};
        for (long i = start; i < start + count; i += LANES) {
            float counts[LANES] = {0};
            memcpy(counts, job->rows + i, (start + count - i < LANES ? start + count - i : LANES) * sizeof *counts);
            for (long lane = 0; lane < LANES; lane++) {
                all[lane] += counts[lane];
                times_log[lane] += counts[lane] * logarithm(counts[lane] < 1 ? 1 : counts[lane]);
                used[lane] += counts[lane] > 0;
            }
        }
        float *sums = job->sums + 3 * (start / BLOCK);
        for (long lane = 0; lane < LANES; lane++)
            sums[0] += all[lane], sums[1] += times_log[lane], sums[2] += used[lane];
    }
}

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")))
#define AVX2 __attribute__((target("avx2,fma")))
#define BUILT(work)                                           \
    AVX512 static void work##_avx512(Job *job) { work(job); } \
    AVX2 static void work##_avx2(Job *job) { work(job); }     \
    static const Work work##_by[] = {work##_avx512, work##_avx2};

BUILT(fsq)
BUILT(fsq_gradient)
BUILT(signs)
BUILT(squared_error)
BUILT(committed_gradient)
BUILT(sums_by_code)
BUILT(information)

static const char *const KERNELS[] = {"avx512", "avx2"};
#define KERNEL_COUNT (long)(sizeof KERNELS / sizeof *KERNELS)

static int can_run(long kernel) { return kernel == 0 ? has_avx512() : has_avx2(); }

/* Whether the kernel of this name did the work; else a Python error is set. */
static int run(const Work *work_by, const char *name, unsigned threads, Job *job)
{
    long kernel = 0;
    while (kernel < KERNEL_COUNT && strcmp(KERNELS[kernel], name)) kernel++;
    if (kernel == KERNEL_COUNT || !can_run(kernel) || job->channels < 1 || job->channels > MOST_CHANNELS) {
        PyErr_Format(PyExc_ValueError, "no kernel %s for %ld channels", name, job->channels);
        return 0;
    }
    job->rows_per_block = BLOCK / job->channels / LANES * LANES;
    Py_BEGIN_ALLOW_THREADS
    run_on_threads(work_by[kernel], job, threads);
    Py_END_ALLOW_THREADS
    return 1;
}

static PyObject *kernel_names(PyObject *self, PyObject *none)
{
    PyObject *names = PyList_New(0);
    for (long i = 0; names && i < KERNEL_COUNT; i++) {
        if (!can_run(i)) continue;
        PyObject *name = PyUnicode_FromString(KERNELS[i]);
        if (!name || PyList_Append(names, name)) Py_CLEAR(names);
        Py_XDECREF(name);
    }
    return names;
}

/* What lies at addresses that are Python's integers, "K" among the formats. */
#define NUMBERS(address) ((float *)(uintptr_t)(address))
#define INTEGERS(address) ((int64_t *)(uintptr_t)(address))

static PyObject *quantize_by_fsq(PyObject *self, PyObject *args)
{
    const char *name;
    unsigned threads;
    unsigned long long rows, grid, radix, out, codes, left;
    Job job = {0};
    if (!PyArg_ParseTuple(args, "sIllKKKffKKK", &name, &threads, &job.count, &job.channels, &rows, &grid, &radix,
                          &job.slope, &job.rounding, &out, &codes, &left))
        return NULL;
    job.rows = NUMBERS(rows), job.grid = NUMBERS(grid), job.radix = NUMBERS(radix), job.out = NUMBERS(out);
    job.codes = INTEGERS(codes), job.left = INTEGERS(left);
    return run(fsq_by, name, threads, &job) ? PyLong_FromLong(job.left_count) : NULL;
}

static PyObject *gradient_of_fsq(PyObject *self, PyObject *args)
{
    const char *name;
    unsigned threads;
    unsigned long long rows, grid, gradient, out;
    Job job = {0};
    if (!PyArg_ParseTuple(args, "sIllKKKKf", &name, &threads, &job.count, &job.channels, &rows, &grid, &gradient,
                          &out, &job.slope))
        return NULL;
    job.rows = NUMBERS(rows), job.grid = NUMBERS(grid), job.gradient = NUMBERS(gradient), job.out = NUMBERS(out);
    return run(fsq_gradient_by, name, threads, &job) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *quantize_by_sign(PyObject *self, PyObject *args)
{
    const char *name;
    unsigned threads;
    unsigned long long rows, out, codes;
    Job job = {0};
    if (!PyArg_ParseTuple(args, "sIllKfKK", &name, &threads, &job.count, &job.channels, &rows, &job.factor, &out,
                          &codes))
        return NULL;
    job.rows = NUMBERS(rows), job.out = NUMBERS(out), job.codes = INTEGERS(codes);
    return run(signs_by, name, threads, &job) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *sum_of_squares(PyObject *self, PyObject *args)
{
    const char *name;
    unsigned threads;
    unsigned long long rows, quantized;
    Job job = {.channels = 1};
    if (!PyArg_ParseTuple(args, "sIlKK", &name, &threads, &job.count, &rows, &quantized)) return NULL;
    long blocks = (job.count + BLOCK - 1) / BLOCK;
    job.rows = NUMBERS(rows), job.quantized = NUMBERS(quantized), job.sums = malloc((blocks + 1) * sizeof *job.sums);
    if (!job.sums) return PyErr_NoMemory();
    double total = 0;
    int done = run(squared_error_by, name, threads, &job);
    for (long i = 0; done && i < blocks; i++) total += job.sums[i];
    free(job.sums);
    return done ? PyFloat_FromDouble(total) : NULL;
}

static PyObject *add_commitment(PyObject *self, PyObject *args)
{
    const char *name;
    unsigned threads;
    unsigned long long rows, quantized, gradient, out;
    Job job = {.channels = 1};
    if (!PyArg_ParseTuple(args, "sIlKKfKK", &name, &threads, &job.count, &rows, &quantized, &job.factor, &gradient,
                          &out))
        return NULL;
    job.rows = NUMBERS(rows), job.quantized = NUMBERS(quantized);
    job.gradient = NUMBERS(gradient), job.out = NUMBERS(out);
    return run(committed_gradient_by, name, threads, &job) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *add_rows_by_code(PyObject *self, PyObject *args)
{
    const char *name;
    unsigned threads;
    unsigned long long rows, codes, out;
    Job job = {.channels = 1};
    if (!PyArg_ParseTuple(args, "sIllKKlK", &name, &threads, &job.count, &job.dim, &rows, &codes, &job.size, &out))
        return NULL;
    job.rows = NUMBERS(rows), job.codes = INTEGERS(codes), job.out = NUMBERS(out);
    if (!run(sums_by_code_by, name, threads, &job)) return NULL;
    if (job.outside) return PyErr_Format(PyExc_IndexError, "codes must lie in [0, %ld)", job.size);
    return Py_NewRef(Py_None);
}

static PyObject *information_of_counts(PyObject *self, PyObject *args)
{
    const char *name;
    unsigned threads;
    unsigned long long counts;
    Job job = {.channels = 1};
    if (!PyArg_ParseTuple(args, "sIlK", &name, &threads, &job.count, &counts)) return NULL;
    long blocks = (job.count + BLOCK - 1) / BLOCK;
    job.rows = NUMBERS(counts), job.sums = calloc(3 * blocks + 1, sizeof *job.sums);
    if (!job.sums) return PyErr_NoMemory();
    double totals[3] = {0};
    int done = run(information_by, name, threads, &job);
    for (long i = 0; done && i < 3 * blocks; i++) totals[i % 3] += job.sums[i];
    free(job.sums);
    return done ? Py_BuildValue("ddd", totals[0], totals[1], totals[2]) : NULL;
}

static PyMethodDef methods[] = {
    {"kernel_names", kernel_names, METH_NOARGS, NULL},
    {"quantize_by_fsq", quantize_by_fsq, METH_VARARGS, NULL},
    {"gradient_of_fsq", gradient_of_fsq, METH_VARARGS, NULL},
    {"quantize_by_sign", quantize_by_sign, METH_VARARGS, NULL},
    {"sum_of_squares", sum_of_squares, METH_VARARGS, NULL},
    {"add_commitment", add_commitment, METH_VARARGS, NULL},
    {"add_rows_by_code", add_rows_by_code, METH_VARARGS, NULL},
    {"information_of_counts", information_of_counts, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

#else /* another processor, or a compiler without what is used above */

static PyObject *kernel_names(PyObject *self, PyObject *none) { return PyList_New(0); }

static PyMethodDef methods[] = {
    {"kernel_names", kernel_names, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

#endif

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "elementwise_kernels",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit_elementwise_kernels(void) { return PyModule_Create(&module); }
