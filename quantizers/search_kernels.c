/* Exact nearest-code search whose scores never leave the registers, for processors with AVX2, AVX-512 or its bfloat16
   products. `search_compiled.py` says how it proves its answers, and calls it; where it was not built, nothing is
   missing but speed. */

#define Py_LIMITED_API 0x030a0000
#define _GNU_SOURCE
#include <Python.h>
#include <float.h>
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define UNROLLED _Pragma("GCC unroll 8")
#define TILE_ROWS 120              /* rows that take turns at the same codes; a multiple of every ROWS */
#define SEGMENT_BYTES (256 * 1024) /* of codes, which stay in the second cache while the rows of a tile pass */
#define SEGMENT_PANELS 32
#define MOST_LANES 32
#define SHORTEST 1e-10f /* and longest norms of the longest code: their squares keep well within float32 */
#define LONGEST 1e10f

typedef struct {
    float most;    /* that the score of a code in the lane may be */
    int32_t place; /* of the lane's first code in the order of the panels */
} Candidate;

typedef struct {
    float best;  /* score, at least */
    float error; /* of a score for a code of norm 1 */
    int count;   /* one more than is allowed, once there were too many */
    Candidate candidates[MOST_LANES];
} State;

typedef struct {
    const float *codes, *centre;
    int32_t *panels, *order;
    float *bias, *longest_of_panel; /* norm in the panel and in those before it, at most */
    long dim, size, depth, panel_count, most_lanes;
    float longest, rest; /* norm of a code, and of what rounding took from one of norm 1, at most */
} Problem;

typedef struct {
    Problem problem;
    const float *rows;
    int64_t *index;
    long count, next, unproved, patience;
    int out_of_memory;
} Job;

#include "kernel_machine.h"

typedef float Floats __attribute__((vector_size(32), aligned(4), may_alias));
typedef uint32_t Bits __attribute__((vector_size(32), aligned(4), may_alias));
typedef uint16_t Halves __attribute__((vector_size(16), aligned(2), may_alias));
typedef __m256d Doubles;

#define DOUBLES(from) _mm256_cvtps_pd(_mm_loadu_ps(from))
#define TOTAL_OF_4(v) (((v)[0] + (v)[2]) + ((v)[1] + (v)[3]))
#define TOTAL(v) ((((v)[0] + (v)[4]) + ((v)[2] + (v)[6])) + (((v)[1] + (v)[5]) + ((v)[3] + (v)[7])))

/* float32 at the nearest bfloat16, at the even one of two as near */
#define ROUNDED(value) (((Bits)(value) + 0x7fff + ((Bits)(value) >> 16 & 1)) & 0xffff0000)

/* Of a row with this norm, of which rounding took a part with that one. A score is off by no more than |z - z'| |e| +
   |z'| |e - e'|, the D roundings of its sum, and those of the centring, the squares, the bias and the error itself. The
   error is infinite where a score may leave the range of float32. */
static inline State state_of(const Problem *p, double norm, double rest)
{
    double rounding = (p->dim + 10) * (double)FLT_EPSILON * (norm + p->longest);
    double halves = rest + (norm + rest) * p->rest;
    double norms_rounding = 1e-5 + p->dim * (double)FLT_EPSILON; /* of the norms, which are sums as well */
    int finite = (norm + p->longest) * p->longest < 1e38;
    State state;
    state.best = -INFINITY;
    state.error = finite ? (float)((rounding + halves) * (1 + norms_rounding)) : INFINITY;
    state.count = 0;
    return state;
}

/* Counting sort by the norms' exponents and first three digits. */
static void sort_by_norm(Problem *p, const float *norms)
{
    long starts[4097] = {0};
    const uint32_t *bits = (const uint32_t *)norms;
    for (long i = 0; i < p->size; i++) starts[(bits[i] >> 20) % 4096 + 1]++;
    for (long i = 0; i < 4096; i++) starts[i + 1] += starts[i];
    for (long i = 0; i < p->size; i++) p->order[starts[(bits[i] >> 20) % 4096]++] = i;
}

static void drop_candidates(State *state)
{
    int kept = 0;
    for (int i = 0; i < state->count; i++)
        if (state->candidates[i].most >= state->best) state->candidates[kept++] = state->candidates[i];
    state->count = kept;
}

static void add_candidate(const Problem *p, State *state, float most, int32_t place)
{
    if (state->count == p->most_lanes) drop_candidates(state);
    if (state->count < p->most_lanes)
        state->candidates[state->count++] = (Candidate){most, place};
    else
        state->count = p->most_lanes + 1;
}

#define AVX512 "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"

#define TARGET __attribute__((target(AVX512)))
#define HALF 0
#define NUMBER float
#define VECTOR __m512
#define LANES 16
#define VECTORS 4
#define ROWS 6
#define NUMBERS __m512
#define FLOATS(from) _mm512_loadu_ps(from)
#define SAME(value) _mm512_set1_ps(value)
#define LOADED(from) _mm512_loadu_ps((const float *)(from))
#define REPEATED(from) _mm512_set1_ps(*(const float *)(from))
#define PLUS(sum, a, b) _mm512_fmadd_ps(a, b, sum)
#define MINUS(a, b) _mm512_sub_ps(a, b)
#define LARGER(a, b) _mm512_max_ps(a, b)
#define LARGEST(a) _mm512_reduce_max_ps(a)
#define REACHED(a, b) _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ)
#define NAMED(part) part##_avx512
#include "search_kernel.h"

#define TARGET __attribute__((target(AVX512 ",avx512bf16")))
#define HALF 1
#define NUMBER uint16_t
#define VECTOR __m512
#define LANES 16
#define VECTORS 4
#define ROWS 6
#define NUMBERS __m512bh
#define FLOATS(from) _mm512_loadu_ps(from)
#define SAME(value) _mm512_set1_ps(value)
#define LOADED(from) (__m512bh)_mm512_loadu_si512(from)
#define REPEATED(from) (__m512bh)_mm512_set1_epi32(*(from))
#define PLUS(sum, a, b) _mm512_dpbf16_ps(sum, a, b)
#define MINUS(a, b) _mm512_sub_ps(a, b)
#define LARGER(a, b) _mm512_max_ps(a, b)
#define LARGEST(a) _mm512_reduce_max_ps(a)
#define REACHED(a, b) _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ)
#define NAMED(part) part##_bf16
#include "search_kernel.h"

__attribute__((target("avx2,fma"))) static inline float largest_of_8(__m256 values)
{
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(values), _mm256_extractf128_ps(values, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
}

#define TARGET __attribute__((target("avx2,fma")))
#define HALF 0
#define NUMBER float
#define VECTOR __m256
#define LANES 8
#define VECTORS 2
#define ROWS 6
#define NUMBERS __m256
#define FLOATS(from) _mm256_loadu_ps(from)
#define SAME(value) _mm256_set1_ps(value)
#define LOADED(from) _mm256_loadu_ps((const float *)(from))
#define REPEATED(from) _mm256_set1_ps(*(const float *)(from))
#define PLUS(sum, a, b) _mm256_fmadd_ps(a, b, sum)
#define MINUS(a, b) _mm256_sub_ps(a, b)
#define LARGER(a, b) _mm256_max_ps(a, b)
#define LARGEST(a) largest_of_8(a)
#define REACHED(a, b) (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GE_OQ))
#define NAMED(part) part##_avx2
#include "search_kernel.h"

typedef struct {
    const char *name;
    int width, half;
    Work pack, search;
} Kernel;

static const Kernel KERNELS[] = {
    {"bf16", 64, 1, pack_bf16, search_bf16},
    {"avx512", 64, 0, pack_avx512, search_avx512},
    {"avx2", 16, 0, pack_avx2, search_avx2},
};
#define KERNEL_COUNT (sizeof KERNELS / sizeof *KERNELS)

static int can_run(const Kernel *kernel)
{
    if (kernel->half) return has_avx512() && __builtin_cpu_supports("avx512bf16");
    return kernel->width == 16 ? has_avx2() : has_avx512();
}

static PyObject *kernel_names(PyObject *self, PyObject *none)
{
    PyObject *names = PyList_New(0);
    for (size_t i = 0; names && i < KERNEL_COUNT; i++) {
        if (!can_run(KERNELS + i)) continue;
        PyObject *name = PyUnicode_FromString(KERNELS[i].name);
        if (!name || PyList_Append(names, name)) Py_CLEAR(names);
        Py_XDECREF(name);
    }
    return names;
}

static void run_kernel(const Kernel *kernel, Job *job, unsigned threads)
{
    Problem *p = &job->problem;
    p->depth = kernel->half ? (p->dim + 1) / 2 : p->dim;
    p->panel_count = (p->size + kernel->width - 1) / kernel->width;
    long places = p->panel_count * kernel->width;
    p->panels = malloc(places * p->depth * sizeof *p->panels);
    p->order = malloc(p->size * sizeof *p->order);
    p->bias = malloc(places * sizeof *p->bias);
    p->longest_of_panel = malloc(p->panel_count * sizeof *p->longest_of_panel);
    job->out_of_memory = !p->panels || !p->order || !p->bias || !p->longest_of_panel;
    job->unproved = job->count;
    if (!job->out_of_memory) kernel->pack(job);
    if (!job->out_of_memory && p->longest > SHORTEST && p->longest < LONGEST) {
        job->unproved = 0;
        run_on_threads(kernel->search, job, threads);
    }
    free(p->panels);
    free(p->order);
    free(p->bias);
    free(p->longest_of_panel);
}

static PyObject *search(PyObject *self, PyObject *args)
{
    const char *name;
    unsigned long long rows, codes, centre, index;
    unsigned threads;
    Job job = {0};
    Problem *p = &job.problem;
    if (!PyArg_ParseTuple(args, "sIKKKKlllll", &name, &threads, &rows, &codes, &centre, &index, &job.count, &p->dim,
                          &p->size, &p->most_lanes, &job.patience))
        return NULL;
    const Kernel *kernel = KERNELS;
    while (kernel < KERNELS + KERNEL_COUNT && strcmp(kernel->name, name)) kernel++;
    if (kernel == KERNELS + KERNEL_COUNT || !can_run(kernel) || p->most_lanes > MOST_LANES || p->dim < 1 ||
        p->size < 1)
        return PyErr_Format(PyExc_ValueError, "no kernel %s for %ld lanes, %ld channels and %ld codes", name,
                            p->most_lanes, p->dim, p->size);
    job.rows = (const float *)(uintptr_t)rows;
    job.index = (int64_t *)(uintptr_t)index;
    p->codes = (const float *)(uintptr_t)codes;
    p->centre = (const float *)(uintptr_t)centre;
    Py_BEGIN_ALLOW_THREADS
    run_kernel(kernel, &job, threads);
    Py_END_ALLOW_THREADS
    if (job.out_of_memory) return PyErr_NoMemory();
    return PyBool_FromLong(job.unproved == 0);
}

static PyMethodDef methods[] = {
    {"kernel_names", kernel_names, METH_NOARGS, NULL},
    {"search", search, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "search_kernels",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit_search_kernels(void) { return PyModule_Create(&module); }
